//! A PostgreSQL server for the tests of the issuer's store: a cluster in a folder of its own, on
//! loopback, which stops when the tests end.

use super::debian;
use crate::{cmd, ui};
use anyhow::{Context, Result, bail};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

const MISSING: &str = "no PostgreSQL on this machine: the store's tests run on SQLite alone.
Install PostgreSQL's server, or set PORTCULLIS_TEST_POSTGRES to the URL of one, ending with a slash.";
const VARIABLE: &str = "PORTCULLIS_TEST_POSTGRES";

/// A server that runs until this is dropped, or one that the user configured.
pub(crate) struct Postgres {
    url: String,
    _ours: Option<Cluster>,
}

struct Cluster {
    bin: PathBuf,
    folder: PathBuf,
    account: Option<Account>,
}

/// The account that runs the server if we are root, because PostgreSQL refuses to run as root.
#[derive(Clone, Copy)]
struct Account {
    user: u32,
    group: u32,
}

/// Starts a server; `None`, with a loud notice, if there is none and none can be installed.
pub(crate) fn postgres() -> Result<Option<Postgres>> {
    if let Ok(url) = std::env::var(VARIABLE) {
        return Ok(Some(Postgres { url, _ours: None }));
    }
    postgres_programs()?.map(start).transpose()
}

/// The folder of the server's programs; `None`, with a loud notice, if there is none and none can
/// be installed.
pub(crate) fn postgres_programs() -> Result<Option<PathBuf>> {
    let mut bin = find();
    if bin.is_none() && debian::can_install() {
        match debian::install(&["postgresql"]) {
            Ok(()) => bin = find(),
            Err(error) => ui::note(&format!("Debian's postgresql: {error:#}")),
        }
    }
    if bin.is_none() {
        if ui::ci() {
            bail!(MISSING);
        }
        ui::loud(MISSING);
    }
    Ok(bin)
}

impl Postgres {
    /// The environment variable that passes the server's URL to the tests.
    pub(crate) fn variable(&self) -> (&'static str, &str) {
        (VARIABLE, &self.url)
    }
}

/// The folder of the server's programs, which Debian keeps off PATH.
fn find() -> Option<PathBuf> {
    let complete = |folder: &PathBuf| {
        ["initdb", "pg_ctl", "postgres"].iter().all(|name| cmd::executable(&folder.join(name)))
    };
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin")).collect();
    folders.sort();
    folders.extend(cmd::which("initdb").and_then(|file| file.parent().map(Path::to_path_buf)));
    folders.into_iter().rev().find(complete)
}

fn start(bin: PathBuf) -> Result<Postgres> {
    // In the system's temporary folder, because the server's account cannot read ours.
    let folder = std::env::temp_dir().join(format!("portcullis-postgres-{}", std::process::id()));
    let cluster = Cluster { bin, folder, account: account()? };
    std::fs::create_dir_all(&cluster.folder)?;
    if let Some(Account { user, group }) = cluster.account {
        std::os::unix::fs::chown(&cluster.folder, Some(user), Some(group))?;
    }
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let data = cluster.folder.join("data");
    cmd::run(cluster.program("initdb").arg("-D").arg(&data).args([
        "--auth=trust",
        "--username=postgres",
        "--no-sync",
        "--encoding=UTF8",
        "--locale=C",
    ]))?;
    let folder = cluster.folder.display();
    // The data is discarded after the tests, so `fsync` is off.
    let options = format!(
        "-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=300"
    );
    let log = cluster.folder.join("log");
    // Its output goes to a file: a server that inherits our pipes would block a caller that reads
    // them to the end.
    let mut start = cluster.program("pg_ctl");
    start.args(["start", "-w", "-o", &options, "-D"]).arg(&data).arg("-l").arg(&log);
    start.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    cmd::stream(&mut start).with_context(|| {
        format!("PostgreSQL does not start: {}", std::fs::read_to_string(&log).unwrap_or_default())
    })?;
    Ok(Postgres { url: format!("postgres://postgres@127.0.0.1:{port}/"), _ours: Some(cluster) })
}

/// The account to switch to if we are root: the one that the package created, or `nobody`.
fn account() -> Result<Option<Account>> {
    if cmd::read(cmd::new("id").arg("-u"))? != "0" {
        return Ok(None);
    }
    let number = |option: &str, name: &str| {
        cmd::read(cmd::new("id").args([option, name])).ok().and_then(|text| text.parse().ok())
    };
    let of = |name| Some(Account { user: number("-u", name)?, group: number("-g", name)? });
    let account = of("postgres").or_else(|| of("nobody"));
    Ok(Some(account.context("PostgreSQL does not run as root, and there is no user `nobody`")?))
}

impl Cluster {
    fn program(&self, name: &str) -> Command {
        use std::os::unix::process::CommandExt as _;
        let mut command = cmd::new(self.bin.join(name));
        command.current_dir(&self.folder);
        if let Some(Account { user, group }) = self.account {
            command.uid(user).gid(group);
        }
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut stop = self.program("pg_ctl");
        stop.args(["stop", "-m", "immediate", "-D"]).arg(self.folder.join("data"));
        // The test run is over, so a failed cleanup must not fail it.
        let _ = cmd::run(&mut stop);
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
