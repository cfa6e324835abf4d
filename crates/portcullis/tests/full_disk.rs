//! A full disk; the test needs root to make one. The list is renewed in the space reserved for it,
//! no key is made, and everything works again once there is space.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]
#![cfg(target_os = "linux")]

mod common;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::Shell;
use portcullis_test_support::{code, stderr};
use serde_json::{Value, json};

/// A small file system for the test.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mut mount = Command::new("mount");
        let mount = mount.args(["-t", "tmpfs", "-o", size, "tmpfs"]).arg(at).stderr(Stdio::null());
        if mount.status().is_ok_and(|status| status.success()) {
            return Some(Self(at.to_owned()));
        }
        eprintln!("LEFT OUT: no file system can be mounted here; it takes root");
        None
    }

    /// Writes until no space is left at all.
    fn fill(&self) {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.create(true).append(true).open(self.0.join("filler")).unwrap();
        for size in [1 << 20, 1 << 16, 1 << 12] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

struct Served {
    child: Child,
    address: String,
    client: reqwest::Client,
    admin: String,
}

impl Served {
    fn start(shell: &Shell, admin: &str, args: &[&str]) -> Self {
        let args = [&["serve", "--listen", "127.0.0.1:0", "--valid-for", "20s"], args].concat();
        let mut child = shell.command(&args).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { child, address, client: reqwest::Client::new(), admin: admin.into() }
    }

    async fn ready(&self) -> (u16, Value) {
        let get = self.client.get(format!("{}/health/ready", self.address)).send().await.unwrap();
        (get.status().as_u16(), serde_json::from_slice(&get.bytes().await.unwrap()).unwrap())
    }

    async fn stamp(&self) -> u64 {
        let get = self.client.get(format!("{}/.well-known/portcullis/stamp", self.address));
        this_update(&get.send().await.unwrap().bytes().await.unwrap())
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let post = self.client.post(format!("{}{path}", self.address)).bearer_auth(&self.admin);
        let post = post.header("content-type", "application/json").body(body.to_string());
        let answer = post.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn this_update(stamp: &[u8]) -> u64 {
    u64::from_be_bytes(stamp[34..42].try_into().unwrap())
}

async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn init(shell: &Shell) -> String {
    let made = shell.json(&["init"]);
    made["admin_key"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_list_goes_on_while_the_records_disk_is_full() {
    let shell = Shell::new();
    let Some(disk) = Disk::mount(shell.folder.path(), "size=32m") else { return };
    let admin = init(&shell);
    let served = Served::start(&shell, &admin, &[]);
    let reserve = shell.home().join(".reserve");
    until("the reserve", async || reserve.exists().then_some(())).await;
    let create = json!({ "title": "x" });
    let (status, made) = served.post("/v1/keys", &create).await;
    assert_eq!(status, 201, "{made}");
    let id = made["key"]["id"].as_str().unwrap().to_owned();
    disk.fill();
    // Keys need space that is missing: the API and the command both report it.
    let refused = until("a refusal", async || {
        let (status, body) = served.post("/v1/keys", &create).await;
        (status != 201).then_some((status, body))
    })
    .await;
    assert_eq!((refused.0, &refused.1["code"]), (503, &json!("storage_full")), "{}", refused.1);
    assert!(refused.1["detail"].as_str().unwrap().contains("make room"), "{}", refused.1);
    // Stamps are renewed for three times as long as a list is valid.
    let start = Instant::now();
    let mut last = served.stamp().await;
    while start.elapsed() < Duration::from_secs(60) {
        // Space that is freed is taken up by another writer at once.
        if start.elapsed() > Duration::from_secs(20) {
            disk.fill();
        }
        last = until("a stamp", async || Some(served.stamp().await).filter(|at| *at > last)).await;
        assert_eq!(served.ready().await.0, 200);
        let (status, body) = served.post("/v1/keys", &create).await;
        assert_eq!((status, &body["code"]), (503, &json!("storage_full")), "{body}");
    }
    let doctor = shell.run(&["doctor", "--json"]);
    assert_eq!(code(&doctor), 1, "{}", stderr(&doctor));
    disk.free();
    until("a key", async || (served.post("/v1/keys", &create).await.0 == 201).then_some(())).await;
    until("the reserve", async || reserve.exists().then_some(())).await;
    let revoke = format!("/v1/keys/{id}/revoke");
    let (status, body) = served.post(&revoke, &json!({})).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(served.ready().await.0, 200);
}

#[tokio::test]
async fn a_target_whose_disk_is_full_says_so_and_comes_back() {
    let shell = Shell::new();
    let out = shell.folder.path().join("out");
    let Some(disk) = Disk::mount(&out, "size=1m") else { return };
    let admin = init(&shell);
    let served = Served::start(&shell, &admin, &["--target", "dir:out"]);
    let there = || std::fs::read(out.join("stamp")).map_or(0, |stamp| this_update(&stamp));
    until("the target", async || (there() > 0).then_some(())).await;
    disk.fill();
    let told = async || {
        let list = shell.json(&["list", "show"]);
        let problem = list["targets"].as_array()?.iter().find_map(|one| one["error"].as_str())?;
        problem.contains("has no room left").then_some(())
    };
    until("the problem", told).await;
    assert_eq!(served.ready().await.0, 200, "it is one target, and not the list");
    disk.free();
    let before = there();
    until("a stamp", async || (there() > before).then_some(())).await;
}
