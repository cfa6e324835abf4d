//! The connection to PostgreSQL over TLS: to a real server whose certificate comes from a trusted
//! or an untrusted authority, for the named host or another one, and to a server without TLS.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]
#![cfg(unix)]

mod common;

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::Shell;
use portcullis_test_support::{code, stderr, stdout};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::Value;
use sqlx::{AnyConnection, Connection as _, Row as _};

/// PostgreSQL's programs, as Debian installs them, newest first.
fn programs() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut found: Vec<PathBuf> = folders
        .filter_map(|folder| Some(folder.ok()?.path().join("bin")))
        .filter(|folder| folder.join("initdb").exists())
        .collect();
    found.sort();
    if found.is_empty() {
        eprintln!("LEFT OUT: there is no initdb here; install Debian's package `postgresql`");
    }
    found.pop()
}

/// The account that runs the server, because PostgreSQL does not run as root.
fn user() -> Option<(u32, u32)> {
    let id = |args: &[&str]| -> u32 {
        let output = Command::new("id").args(args).output().unwrap();
        stdout(&output).trim().parse().unwrap_or(65534)
    };
    (id(&["-u"]) == 0).then(|| (id(&["-u", "postgres"]), id(&["-g", "postgres"])))
}

struct Cluster {
    bin: PathBuf,
    folder: tempfile::TempDir,
    user: Option<(u32, u32)>,
    port: u16,
    server: Option<Child>,
}

impl Cluster {
    fn new(bin: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let user = user();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let within = folder.path().join("own");
        std::fs::create_dir(&within).unwrap();
        if let Some((uid, gid)) = user {
            chown(&within, Some(uid), Some(gid)).unwrap();
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = port.local_addr().unwrap().port();
        let it = Self { bin, folder, user, port, server: None };
        let made =
            it.program("initdb", &["-A", "trust", "-U", "postgres", "--no-sync", "-D", "data"]);
        let made = it.as_user(made).output().unwrap();
        assert!(made.status.success(), "{}", stderr(&made));
        it
    }

    fn within(&self) -> PathBuf {
        self.folder.path().join("own")
    }

    fn program(&self, name: &str, args: &[&str]) -> Command {
        let mut command = Command::new(self.bin.join(name));
        command.args(args).current_dir(self.within());
        command
    }

    fn as_user(&self, mut command: Command) -> Command {
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Writes a file that the server owns.
    fn write(&self, name: &str, text: &str) {
        let path = self.within().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        if let Some((uid, gid)) = self.user {
            chown(&path, Some(uid), Some(gid)).unwrap();
        }
    }

    /// Starts the server, replacing a running one.
    fn start(&mut self, settings: &[&str]) {
        self.stop();
        let port = self.port.to_string();
        let mut args = vec!["-D", "data", "-p", &port, "-k", "", "-h", "127.0.0.1"];
        for setting in ["fsync=off"].iter().chain(settings) {
            args.extend(["-c", setting]);
        }
        let mut command = self.as_user(self.program("postgres", &args));
        let server = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        self.server = Some(server);
        let start = Instant::now();
        let ready = || {
            let mut ask = self.program("pg_isready", &["-h", "127.0.0.1", "-p", &port]);
            ask.output().unwrap().status.success()
        };
        while !ready() {
            assert!(start.elapsed() < Duration::from_secs(60), "PostgreSQL does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            // SIGINT is the fast shutdown, which ends open sessions.
            let id = server.id().to_string();
            let _ = Command::new("kill").args(["-INT", &id]).status();
            let _ = server.wait();
        }
    }

    fn url(&self, host: &str, more: &str) -> String {
        format!("postgres://postgres:hunter2@{host}:{}/postgres{more}", self.port)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}

fn authority(file: &Path) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, file.display().to_string());
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(file, authority.pem()).unwrap();
    authority
}

/// Whether the connection of this URL is encrypted.
async fn is_encrypted(url: &str) -> bool {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(url).await.unwrap();
    let ask = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let row = sqlx::query(ask).fetch_one(&mut connection).await.unwrap();
    let is_encrypted = row.try_get(0).unwrap();
    connection.close().await.unwrap();
    is_encrypted
}

#[tokio::test]
async fn the_connection_is_what_sslmode_says_or_there_is_none() {
    let Some(bin) = programs() else { return };
    let mut cluster = Cluster::new(bin);
    let shell = Shell::new();
    let here = shell.folder.path();
    let (right, wrong) = (here.join("right.pem"), here.join("wrong.pem"));
    let ours = authority(&right);
    authority(&wrong);
    // The certificate is for a host name, not for the address.
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    cluster.write("server.crt", &params.signed_by(&key, &ours).unwrap().pem());
    cluster.write("server.key", &key.serialize_pem());
    let with_tls = ["ssl=on", "ssl_cert_file=../server.crt", "ssl_key_file=../server.key"];
    cluster.start(&with_tls);

    let run = |url: &str, args: &[&str]| {
        // Trust only the certificates that are named.
        let mut command = shell.command(args);
        command.env("DATABASE_URL", url).env("SSL_CERT_FILE", &wrong).env_remove("SSL_CERT_DIR");
        command.output().unwrap()
    };
    let works = |url: &str| {
        let output = run(url, &["keys", "list", "--json"]);
        assert_eq!(code(&output), 0, "{url}: {}", stderr(&output));
    };
    let refused = |url: &str, why: &str| {
        let output = run(url, &["keys", "list", "--json"]);
        let told = format!("{}{}", stderr(&output), stdout(&output));
        assert_eq!(code(&output), 2, "{told}");
        let error: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
        assert_eq!(error["error"]["code"], "database_tls", "{url}: {told}");
        assert!(told.contains(why) && !told.contains("hunter2"), "{url}: {told}");
    };
    let root = |mode: &str, file: &Path| format!("?sslmode={mode}&sslrootcert={}", file.display());
    let full = cluster.url("localhost", &root("verify-full", &right));
    let made = run(&full, &["init"]);
    assert_eq!(code(&made), 0, "{}", stderr(&made));
    works(&full);
    works(&cluster.url("localhost", &root("verify-ca", &right)));
    // Another authority's certificate, whether that authority is named or the system's.
    refused(&cluster.url("localhost", &root("verify-full", &wrong)), "UnknownIssuer");
    refused(&cluster.url("localhost", &root("verify-ca", &wrong)), "UnknownIssuer");
    refused(&cluster.url("localhost", "?sslmode=verify-full"), "UnknownIssuer");
    // The right authority, but another host.
    refused(&cluster.url("127.0.0.1", &root("verify-full", &right)), "not valid for name");
    works(&cluster.url("127.0.0.1", &root("verify-ca", &right)));
    // A mode without verification still encrypts.
    for (mode, encrypted) in [("disable", false), ("prefer", true), ("require", true)] {
        let url = cluster.url("127.0.0.1", &format!("?sslmode={mode}"));
        works(&url);
        assert_eq!(is_encrypted(&url).await, encrypted, "{mode}");
    }
    assert!(is_encrypted(&cluster.url("127.0.0.1", "")).await, "by default, where it can be");
    assert!(is_encrypted(&full).await);

    // A server that admits only TLS connections.
    let only = "hostssl all all 127.0.0.1/32 trust\n";
    std::fs::write(cluster.within().join("data/pg_hba.conf"), only).unwrap();
    cluster.start(&with_tls);
    works(&full);
    works(&cluster.url("127.0.0.1", ""));
    let open = run(&cluster.url("127.0.0.1", "?sslmode=disable"), &["keys", "list", "--json"]);
    assert!(stderr(&open).contains("database_unreachable"), "{}", stderr(&open));

    // A server without TLS.
    let any = "host all all 127.0.0.1/32 trust\n";
    std::fs::write(cluster.within().join("data/pg_hba.conf"), any).unwrap();
    cluster.start(&["ssl=off"]);
    works(&cluster.url("127.0.0.1", ""));
    for mode in ["require", "verify-ca", "verify-full"] {
        let url = cluster.url("localhost", &format!("?sslmode={mode}"));
        refused(&url, "does not support TLS");
    }
}
