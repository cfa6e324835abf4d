//! A server under clients that take its connections and make it wait. It publishes, serves gates
//! and admins, and closes each connection after the documented time.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]
#![cfg(target_os = "linux")]

mod common;

use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use common::Shell;
use portcullis_api::raise_descriptor_limit;
use portcullis_core::crypto::PublicKey;
use portcullis_core::keyring::Keyring;
use portcullis_core::list::Stamp;
use portcullis_issuer::clock::{Clock as _, SystemClock};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// The number of connections that hostile clients hold: more than the server has descriptors.
const HOSTILE: usize = 1100;
/// How long each attack is observed.
const WATCHED: Duration = Duration::from_secs(5);
/// The validity of a stamp, short enough that it expires during an attack.
const VALID_FOR: Duration = Duration::from_secs(4);
/// How long a gate or an admin may have to wait: much longer than on an idle machine.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

struct Served {
    child: Child,
    address: SocketAddr,
}

impl Served {
    /// Starts a server with this limit of open files, which it can't raise.
    fn start(shell: &Shell, descriptors: u32, args: &[&str]) -> Self {
        let own = shell.command(&[]);
        let mut command = Command::new("prlimit");
        command.arg(format!("--nofile={descriptors}:{descriptors}")).arg(own.get_program());
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(args);
        command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(shell.folder.path()).env("RUST_LOG", "error");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap().parse().unwrap();
        Self { child, address }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn connect(from: IpAddr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4096)?;
    socket.bind(SocketAddr::new(from, 0))?;
    socket.connect(to).await
}

/// One request over a connection of its own; returns the answer's status and body.
async fn once(to: SocketAddr, request: &str) -> std::io::Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(to).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let end = end.ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let status = std::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap();
    Ok((status, answer.split_off(end + 4)))
}

/// Retries until there is an answer, as gates do. Returns the answer and how long it took.
async fn ask(to: SocketAddr, request: &str) -> (u16, Vec<u8>, Duration) {
    let start = Instant::now();
    loop {
        let left = ANSWERED_WITHIN.checked_sub(start.elapsed());
        let left = left.unwrap_or_else(|| panic!("no answer in time"));
        if let Ok(Ok((status, body))) = tokio::time::timeout(left, once(to, request)).await {
            return (status, body, start.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The behaviour of hostile clients on their connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attack {
    Idle,
    HalfHead,
    TrickledHead,
    TrickledBody,
    Reads,
    Churns,
}

impl Attack {
    /// Keeps one connection, or opens a new one each time, until the server closes it; then starts
    /// again.
    async fn go_on(self, from: IpAddr, to: SocketAddr, stolen: Arc<str>, lived: Arc<AtomicU64>) {
        loop {
            let Ok(mut stream) = connect(from, to).await else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let start = Instant::now();
            let _ = self.hold(&mut stream, &stolen).await;
            let millis = u64::try_from(start.elapsed().as_millis()).unwrap();
            lived.fetch_max(millis, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    async fn hold(self, stream: &mut TcpStream, stolen: &str) -> std::io::Result<()> {
        let mut sink = [0; 1024];
        match self {
            Self::Idle => {}
            Self::HalfHead => stream.write_all(b"GET /.well-known/portcullis/sta").await?,
            Self::TrickledHead => {
                stream.write_all(b"GET /health/live HTTP/1.1\r\nx: ").await?;
                return trickle(stream).await;
            }
            Self::TrickledBody => {
                let head = format!(
                    "POST /v1/verify HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {stolen}\r\n\
                     content-type: application/json\r\ncontent-length: 60000\r\n\r\n"
                );
                stream.write_all(head.as_bytes()).await?;
                return trickle(stream).await;
            }
            Self::Reads => {
                // Request more than the system's buffers hold, and read none of it.
                let request = b"GET /v1/openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(10);
                stream.write_all(&request).await?;
                // Wait until the server closes the connection, without reading.
                stream.ready(tokio::io::Interest::ERROR).await?;
                return Ok(());
            }
            Self::Churns => return Ok(()),
        }
        while stream.read(&mut sink).await? > 0 {}
        Ok(())
    }
}

/// Sends a byte at a time until the server closes the connection.
async fn trickle(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut sink = [0; 1024];
    loop {
        stream.write_all(b" ").await?;
        let pause = Duration::from_millis(300);
        if let Ok(read) = tokio::time::timeout(pause, stream.read(&mut sink)).await
            && read? == 0
        {
            return Ok(());
        }
    }
}

/// How long a stamp is still valid, in milliseconds, from the offset of *next update* in its file.
fn valid_for(stamp: &[u8], keyring: &Keyring) -> i64 {
    let now = SystemClock.now();
    Stamp::open(stamp, keyring, now).unwrap();
    let next = u64::from_be_bytes(stamp[42..50].try_into().unwrap());
    i64::try_from(next).unwrap() - i64::try_from(now.millis()).unwrap()
}

fn serve(shell: &Shell, patience: Patience) -> Served {
    let target = format!("dir:{}/list", shell.folder.path().display());
    let valid_for = format!("{}s", VALID_FOR.as_secs());
    let list = ["--target", &target, "--valid-for", &valid_for, "--stamp-every", "500ms"];
    let patience = match patience {
        Patience::Short => ["2s", "2s", "3s", "2s"],
        Patience::Long => ["5m"; 4],
    };
    let names = ["--head-timeout", "--body-timeout", "--idle-timeout", "--write-timeout"];
    let patience = names.iter().zip(patience).flat_map(|(name, time)| [*name, time]);
    let args: Vec<&str> = list.into_iter().chain(patience).collect();
    Served::start(shell, 1024, &args)
}

/// How much time a server allows its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    Short,
    /// Longer than any test lasts.
    Long,
}

struct Issuer {
    patience: Patience,
    shell: Shell,
    admin: String,
    /// The hostile clients' key, which may only verify keys.
    stolen: Arc<str>,
    keyring: Keyring,
}

impl Issuer {
    /// An issuer and its server, which publishes to a folder.
    async fn new(patience: Patience) -> (Self, Served) {
        let shell = Shell::new();
        let made = shell.json(&["init"]);
        let root = PublicKey::from_text(text(&made, "/root")).unwrap();
        let served = serve(&shell, patience);
        let request =
            "GET /.well-known/portcullis/keyring HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let (_, keyring, _) = ask(served.address, request).await;
        let keyring = Keyring::open(&keyring, &root).unwrap();
        while !shell.folder.path().join("list/stamp").exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let admin = text(&made, "/admin_key").into();
        let create = ["keys", "create", "--admin", "--title", "x", "--scope", "keys:verify"];
        let stolen = text(&shell.json(&create), "/token").into();
        (Self { patience, shell, admin, stolen, keyring }, served)
    }

    /// How long the stamp in the folder target is still valid, in milliseconds.
    fn valid_for(&self) -> i64 {
        let bytes = std::fs::read(self.shell.folder.path().join("list/stamp")).unwrap();
        valid_for(&bytes, &self.keyring)
    }

    /// Checks at each moment of an attack that the server's guarantees hold.
    async fn endure(&self, served: &Served, attack: Attack, addresses: u8) {
        let key = self.shell.json(&["keys", "create", "--title", "stolen"]);
        let (id, token) = (text(&key, "/key/id"), text(&key, "/token"));
        let lived = Arc::new(AtomicU64::new(0));
        let mut hostile = JoinSet::new();
        for number in 0..HOSTILE {
            let host = u8::try_from(number % usize::from(addresses)).unwrap() + 2;
            let from = IpAddr::V4(Ipv4Addr::new(127, 0, 0, host));
            let (stolen, lived) = (self.stolen.clone(), lived.clone());
            hostile.spawn(attack.go_on(from, served.address, stolen, lived));
        }
        let of = format!("{attack:?} from {addresses} addresses");
        let stamp =
            "GET /.well-known/portcullis/stamp HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let start = Instant::now();
        let (mut slowest, mut asked, mut revoked) = (Duration::ZERO, 0, None);
        while start.elapsed() < WATCHED {
            assert!(self.valid_for() > 0, "{of}: the stamp in the folder has run out");
            let (status, bytes, took) = ask(served.address, stamp).await;
            assert_eq!((status, valid_for(&bytes, &self.keyring) > 0), (200, true), "{of}");
            (slowest, asked) = (slowest.max(took), asked + 1);
            if revoked.is_none() && start.elapsed() > WATCHED / 2 {
                let authorized = format!("host: x\r\nauthorization: Bearer {}\r\n", self.admin);
                let revoke = format!(
                    "POST /v1/keys/{id}/revoke HTTP/1.1\r\n{authorized}connection: close\r\n\
                     content-length: 0\r\n\r\n"
                );
                let (status, body, took) = ask(served.address, &revoke).await;
                assert!([200, 409].contains(&status), "{of}: {}", String::from_utf8_lossy(&body));
                revoked = Some(took);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        hostile.shutdown().await;
        let verdict = self.shell.run(&["verify", token]);
        assert_eq!(portcullis_test_support::code(&verdict), 1, "{of}: the revoked key is refused");
        let lived = Duration::from_millis(lived.load(Ordering::Relaxed));
        eprintln!(
            "{of}: {asked} asked, the slowest answer {slowest:?}, revoked in {revoked:?}, \
                   no connection lived longer than {lived:?}"
        );
        // The longest allowed time, plus what a busy machine needs to notice.
        let is_bounded = self.patience == Patience::Short;
        assert!(
            !is_bounded || lived < Duration::from_secs(3 + 4),
            "{of}: a connection lived for {lived:?}"
        );
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_all_connections_stops_neither_the_list_nor_gates_nor_admins() {
    let _ = raise_descriptor_limit();
    let (issuer, served) = Issuer::new(Patience::Short).await;
    for (attack, addresses) in [
        (Attack::Idle, 1),
        (Attack::HalfHead, 200),
        (Attack::TrickledHead, 200),
        (Attack::TrickledBody, 200),
        (Attack::Reads, 200),
        (Attack::Churns, 200),
    ] {
        issuer.endure(&served, attack, addresses).await;
    }
}

/// No client has to wait until the hostile clients' time is over.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_gets_the_place_of_who_lets_the_server_wait() {
    let _ = raise_descriptor_limit();
    let (issuer, served) = Issuer::new(Patience::Long).await;
    for attack in [Attack::HalfHead, Attack::Idle, Attack::TrickledBody] {
        issuer.endure(&served, attack, 200).await;
    }
}

/// Reads until the server closes the connection.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    let closed = tokio::time::timeout(ANSWERED_WITHIN, stream.read_to_end(&mut said)).await;
    assert!(closed.is_ok(), "the server does not close the connection");
    closed.unwrap().unwrap();
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn whoever_is_late_with_a_body_is_told_and_nothing_is_done() {
    let (issuer, served) = Issuer::new(Patience::Short).await;
    let body = r#"{"title":"never"}"#;
    let head = format!(
        "POST /v1/keys HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        issuer.admin,
        body.len()
    );
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body.as_bytes()[..body.len() - 1]).await.unwrap();
    let said = until_closed(&mut stream).await;
    assert!(said.starts_with("HTTP/1.1 408 ") && said.contains("\"body_timeout\""), "{said}");
    let keys = issuer.shell.json(&["keys", "list"]).to_string();
    assert!(!keys.contains("never"), "{keys}");
}

#[tokio::test]
async fn a_connection_on_which_nothing_is_asked_any_more_is_closed() {
    let (_issuer, served) = Issuer::new(Patience::Short).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let said = until_closed(&mut stream).await;
    assert!(said.starts_with("HTTP/1.1 200 ") && said.contains("live"), "{said}");
}

#[test]
fn a_limit_of_open_files_that_is_too_low_is_said_at_the_start() {
    let shell = Shell::initialised();
    for (limit, args, needed) in
        [(100, vec![], "256"), (1024, vec!["--max-connections", "1000"], "1256")]
    {
        let own = shell.command(&[]);
        let mut command = Command::new("prlimit");
        command.arg(format!("--nofile={limit}:{limit}")).arg(own.get_program());
        command.args(["serve", "--listen", "127.0.0.1:0", "--json"]).args(args);
        command.env("PORTCULLIS_HOME", shell.home());
        let output = command.output().unwrap();
        let said = portcullis_test_support::stderr(&output);
        assert_eq!(portcullis_test_support::code(&output), 2, "{said}");
        assert!(said.contains("\"descriptors\"") && said.contains(needed), "{said}");
    }
}
