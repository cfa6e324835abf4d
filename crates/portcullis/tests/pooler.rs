//! A real pgbouncer in front of PostgreSQL: it works if a session belongs to one client, and is
//! refused otherwise.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]
#![cfg(unix)]

mod common;

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::Shell;
use portcullis_issuer::store::Database;
use portcullis_test_support::{code, new_database, stderr};

/// pgbouncer, as Debian installs it.
fn program() -> Option<PathBuf> {
    let places = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"];
    let found = places.iter().map(PathBuf::from).find(|path| path.exists());
    if found.is_none() {
        eprintln!("LEFT OUT: there is no pgbouncer here; install Debian's package `pgbouncer`");
    }
    found
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| portcullis_test_support::stdout(&output).trim() == "0")
}

struct Pooler {
    child: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Pooler {
    /// Starts it in front of the server at `server`, which is `postgres://user@host:port/`.
    fn start(program: &Path, server: &str, mode: &str) -> Self {
        let (user, place) = server.strip_prefix("postgres://").unwrap().split_once('@').unwrap();
        let (host, port) = place.trim_end_matches('/').split_once(':').unwrap();
        let folder = tempfile::tempdir().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = listener.local_addr().unwrap().port();
        drop(listener);
        let users = folder.path().join("users");
        std::fs::write(&users, format!("\"{user}\" \"\"\n")).unwrap();
        let config = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host={host} port={port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {ours}\nunix_socket_dir =\nauth_type = trust\nauth_file = {}\n\
             pool_mode = {mode}\nignore_startup_parameters = extra_float_digits\n",
            users.display()
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(program);
        command.arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        if is_root() {
            // pgbouncer does not run as root.
            let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(folder.path(), open).unwrap();
            command.uid(65534).gid(65534);
        }
        let child = command.spawn().unwrap();
        let start = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", ours)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(30), "pgbouncer does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, url: format!("postgres://{user}@127.0.0.1:{ours}/"), _folder: folder }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_session_of_ones_own_is_needed() {
    let Ok(server) = std::env::var("PORTCULLIS_TEST_POSTGRES") else {
        assert!(std::env::var_os("CI").is_none(), "PORTCULLIS_TEST_POSTGRES names no server");
        eprintln!("LEFT OUT: PORTCULLIS_TEST_POSTGRES names no PostgreSQL server");
        return;
    };
    let Some(program) = program() else { return };
    let Database::Server(direct) = new_database(&server).await else { return };
    let name = direct.rsplit('/').next().unwrap();
    let shell = Shell::new();
    let run = |url: &str, args: &[&str]| -> Output {
        shell.command(args).env("DATABASE_URL", url).output().unwrap()
    };
    let session = Pooler::start(&program, &server, "session");
    let url = format!("{}{name}", session.url);
    for args in [&["init"][..], &["keys", "create", "--title", "x"], &["list", "publish"]] {
        let done = run(&url, args);
        assert_eq!(code(&done), 0, "{args:?}: {}", stderr(&done));
    }
    drop(session);
    for mode in ["transaction", "statement"] {
        let pooler = Pooler::start(&program, &server, mode);
        let url = format!("{}{name}", pooler.url);
        let done = run(&url, &["keys", "create", "--title", "x", "--json"]);
        assert_eq!(code(&done), 2, "{mode}");
        let told = format!("{}{}", stderr(&done), portcullis_test_support::stdout(&done));
        if mode == "transaction" {
            assert!(told.contains("database_pooled"), "{told}");
        }
        // The state that it left in the server's sessions harms no later client.
        assert_eq!(code(&run(&direct, &["keys", "create", "--title", "y"])), 0);
    }
}
