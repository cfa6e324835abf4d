//! A server whose clock is set with libfaketime while it runs. The monotonic clock, which can't be
//! set, is left alone.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]
#![cfg(target_os = "linux")]

mod common;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::Shell;
use portcullis_issuer::clock::{Clock as _, SystemClock};
use portcullis_test_support::{code, stderr};
use serde_json::Value;

/// The library from Debian's package `faketime`.
fn library() -> Option<PathBuf> {
    let name = "faketime/libfaketime.so.1";
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"];
    let found = folders.iter().map(|folder| Path::new(folder).join(name)).find(|p| p.exists());
    if found.is_none() {
        eprintln!("LEFT OUT: there is no libfaketime here; install Debian's package `faketime`");
    }
    found
}

struct Site {
    shell: Shell,
    library: PathBuf,
}

impl Site {
    fn clock(&self) -> PathBuf {
        self.shell.folder.path().join("clock")
    }

    fn set(&self, offset: &str) {
        std::fs::write(self.clock(), offset).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.shell.command(args);
        command.env("LD_PRELOAD", &self.library).env("FAKETIME_TIMESTAMP_FILE", self.clock());
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("FAKETIME_NO_CACHE", "1");
        command
    }
}

struct Served {
    child: Child,
    address: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn until(what: &str, mut look: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !look().await {
        assert!(start.elapsed() < Duration::from_secs(60), "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_clock_that_is_set_ahead_is_held_until_it_is_set_right() {
    let Some(library) = library() else { return };
    let site = Site { shell: Shell::new(), library };
    site.set("+0");
    assert_eq!(code(&site.command(&["init"]).output().unwrap()), 0);
    let mut child = site.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut child = child.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on ").unwrap().to_owned();
    let served = Served { child, address };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::new();
    let ready = async || {
        let get = client.get(format!("{}/health/ready", served.address)).send().await.unwrap();
        let status = get.status().as_u16();
        let body: Value = serde_json::from_slice(&get.bytes().await.unwrap()).unwrap();
        (status, body["code"].as_str().unwrap_or_default().to_owned())
    };
    let stamp = async || {
        let get = client.get(format!("{}/.well-known/portcullis/stamp", served.address));
        let bytes = get.send().await.unwrap().bytes().await.unwrap();
        u64::from_be_bytes(bytes[34..42].try_into().unwrap())
    };
    until("a server that is ready", async || ready().await.0 == 200).await;
    for offset in ["+2m", "+1d", "+9y"] {
        site.set(offset);
        until(offset, async || ready().await == (503, "clock_implausible".into())).await;
        let refused = site.command(&["keys", "create", "--title", "x"]).output().unwrap();
        assert_eq!(code(&refused), 2);
        assert!(stderr(&refused).contains("ahead of the time that has passed"));
        let doctor = site.command(&["doctor"]).output().unwrap();
        assert_eq!(code(&doctor), 1);
        assert!(stamp().await <= SystemClock.now().millis() + 1_000, "signed for the future");
        site.set("+0");
        let before = stamp().await;
        until("the next stamp", async || stamp().await > before).await;
        until("a server that is ready", async || ready().await.0 == 200).await;
    }
    let created = site.command(&["keys", "create", "--title", "x"]).output().unwrap();
    assert_eq!(code(&created), 0, "{}", stderr(&created));
    // The machine was paused and its clock was set right: one `--trust-clock` is enough.
    site.set("+1h");
    until("the jump", async || ready().await.0 == 503).await;
    let publish = site.command(&["list", "publish", "--trust-clock"]).output().unwrap();
    assert_eq!(code(&publish), 0, "{}", stderr(&publish));
    until("a server that is ready", async || ready().await.0 == 200).await;
    // That was a mistake: the time that was written is ahead of the right one.
    site.set("+0");
    let refused = site.command(&["keys", "create", "--title", "x"]).output().unwrap();
    assert!(stderr(&refused).contains("portcullis recover --clock"), "{}", stderr(&refused));
    let recovered = site.command(&["recover", "--clock", "--json"]).output().unwrap();
    assert_eq!(code(&recovered), 0, "{}", stderr(&recovered));
    until("a server that is ready", async || ready().await.0 == 200).await;
    let created = site.command(&["keys", "create", "--title", "x"]).output().unwrap();
    assert_eq!(code(&created), 0, "{}", stderr(&created));
}
