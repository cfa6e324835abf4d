//! The server as a service manager sees it: when it is ready, that it keeps running, and how it
//! ends.

#![cfg(unix)]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]

mod common;

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use common::Shell;
use portcullis_issuer::store::Database;
use portcullis_test_support::new_database;

/// A running server, killed at the end of the test.
struct Running {
    child: Child,
    address: String,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap().to_owned();
        Self { child, address }
    }

    fn terminate(&self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    }

    fn ended(&mut self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The socket of a service manager.
struct Manager {
    socket: UnixDatagram,
    path: std::path::PathBuf,
}

impl Manager {
    fn new(shell: &Shell) -> Self {
        let path = shell.folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self { socket, path }
    }

    fn hears(&self, wanted: &str) {
        let mut told = Vec::new();
        loop {
            let mut buffer = [0; 256];
            let len = self.socket.recv(&mut buffer);
            let len = len.unwrap_or_else(|error| panic!("no {wanted}, but {told:?}: {error}"));
            told.push(String::from_utf8_lossy(&buffer[..len]).into_owned());
            if told.last().unwrap().lines().any(|line| line == wanted) {
                return;
            }
        }
    }
}

#[test]
fn a_manager_is_told_that_the_server_is_ready_goes_on_and_ends() {
    let shell = Shell::initialised();
    let manager = Manager::new(&shell);
    let mut command = shell.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("NOTIFY_SOCKET", &manager.path).env("WATCHDOG_USEC", "200000");
    let mut server = Running::start(command);
    manager.hears("READY=1");
    for _ in 0..3 {
        manager.hears("WATCHDOG=1");
    }
    server.terminate();
    manager.hears("STOPPING=1");
    assert!(server.ended(Duration::from_secs(60)).unwrap().success());
}

/// A Workers KV namespace that takes nine seconds for each answer; the target's timeout is ten.
fn slow_namespace(listener: TcpListener) -> mpsc::Receiver<()> {
    let (began, begun) = mpsc::channel();
    std::thread::spawn(move || {
        let mut values = HashMap::new();
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut first, mut len) = (String::new(), 0);
            stream.read_line(&mut first).unwrap();
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).unwrap();
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    len = value.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; len];
            stream.read_exact(&mut body).unwrap();
            let _ = began.send(());
            std::thread::sleep(Duration::from_secs(9));
            let name = first.split(' ').nth(1).unwrap().to_owned();
            let (status, answer) = if first.starts_with("PUT") {
                values.insert(name, body);
                ("200 OK", br#"{"success":true}"#.to_vec())
            } else {
                values.get(&name).map_or(("404 Not Found", Vec::new()), |of| ("200 OK", of.clone()))
            };
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", answer.len());
            // The client may have disconnected.
            let stream = stream.get_mut();
            let _ = write!(stream, "{head}connection: close\r\n\r\n");
            let _ = stream.write_all(&answer);
        }
    });
    begun
}

/// Neither a client in the middle of a request nor a slow target delays the end.
#[test]
fn nobody_keeps_the_server_from_ending() {
    let shell = Shell::initialised();
    let place = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = place.local_addr().unwrap();
    let target = format!("kv:account/namespace,api=http://{address}");
    let mut command =
        shell.command(&["serve", "--listen", "127.0.0.1:0", "--no-witness", "--target", &target]);
    command.env("CLOUDFLARE_API_TOKEN", "test");
    // The server reads the target before it starts. Nothing listens there then, so it starts at
    // once.
    drop(place);
    let mut server = Running::start(command);
    let begun = slow_namespace(TcpListener::bind(address).unwrap());
    for _ in 0..2 {
        begun.recv_timeout(Duration::from_secs(60)).unwrap();
    }
    let mut client = TcpStream::connect(&server.address).unwrap();
    client.write_all(b"POST /v1/keys HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{").unwrap();
    let mut other = TcpStream::connect(&server.address).unwrap();
    other.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    other.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    server.terminate();
    // The documented limit is 25 seconds. Writing the files that the target lacks would take a
    // minute.
    let status = server.ended(Duration::from_secs(40));
    assert!(status.expect("it goes on").success());
    let listed = shell.json(&["keys", "list"]);
    assert_eq!(listed["keys"].as_array().unwrap().len(), 1, "{listed}");
}

/// The number behind `name` in the page on deploying.
fn documented(name: &str) -> u64 {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/deploy-issuer.md");
    let text = std::fs::read_to_string(page).unwrap();
    let (_, rest) = text.split_once(name).unwrap_or_else(|| panic!("no {name}"));
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

#[test]
fn what_is_documented_for_managers_leaves_the_server_its_time() {
    let promised = documented("It has ended after ");
    assert_eq!(promised, portcullis_api::STOPS_WITHIN.as_secs());
    assert!(documented("TimeoutStopSec=") >= promised + 5);
    let pause = documented("preStop: { sleep: { seconds: ");
    assert!(documented("terminationGracePeriodSeconds: ") >= pause + promised + 5);
    // The program accepts every argument in the manifest's command line.
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/deploy-issuer.md");
    let text = std::fs::read_to_string(page).unwrap();
    let help = Shell::new().run(&["serve", "--help"]);
    let help = portcullis_test_support::stdout(&help);
    let lines =
        text.lines().filter(|line| line.contains("args: [serve") || line.contains("ExecStart="));
    let flags: Vec<&str> = lines.flat_map(|line| line.split([' ', ',', '[', ']'])).collect();
    let flags: Vec<&str> = flags.into_iter().filter(|word| word.starts_with("--")).collect();
    assert!(flags.len() >= 4, "{flags:?}");
    for flag in flags {
        assert!(help.contains(flag), "{flag}");
    }
}

#[tokio::test]
async fn a_database_that_says_nothing_keeps_no_server() {
    let Ok(server) = std::env::var("PORTCULLIS_TEST_POSTGRES") else {
        assert!(std::env::var_os("CI").is_none(), "PORTCULLIS_TEST_POSTGRES names no server");
        eprintln!("LEFT OUT: PORTCULLIS_TEST_POSTGRES names no PostgreSQL server");
        return;
    };
    let Database::Server(direct) = new_database(&server).await else { panic!("a server") };
    let (_, place) = direct.split_once('@').unwrap();
    let (place, name) = place.split_once('/').unwrap();
    let wire = Wire::start(place);
    let user = direct.split_once('@').unwrap().0;
    let url = format!("{user}@127.0.0.1:{}/{name}", wire.port);
    let shell = Shell::new();
    let made = shell.command(&["init"]).env("DATABASE_URL", &url).output().unwrap();
    assert!(made.status.success());
    let mut command = shell.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("DATABASE_URL", &url);
    let mut served = Running::start(command);
    wire.cut();
    // A beat is running and waits for an answer that never arrives.
    std::thread::sleep(Duration::from_secs(2));
    served.terminate();
    assert!(served.ended(Duration::from_secs(60)).is_some(), "it goes on");
}

/// A connection between a server and its database that can drop everything.
struct Wire {
    port: u16,
    cut: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

impl Wire {
    fn start(to: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let (to, is_cut) = (to.to_owned(), cut.clone());
        std::thread::spawn(move || {
            for inside in listener.incoming() {
                let (inside, is_cut) = (inside.unwrap(), is_cut.clone());
                let Ok(outside) = TcpStream::connect(&to) else { return };
                let ways = [
                    (inside.try_clone().unwrap(), outside.try_clone().unwrap()),
                    (outside, inside),
                ];
                for (from, into) in ways {
                    let is_cut = is_cut.clone();
                    std::thread::spawn(move || carry(from, into, &is_cut));
                }
            }
        });
        Self { port, cut }
    }

    fn cut(&self) {
        self.cut.store(true, std::sync::atomic::Ordering::SeqCst);
    }
}

/// Forwards data until the wire is cut; after that, data is read and discarded, and neither side is
/// notified.
fn carry(mut from: TcpStream, mut into: TcpStream, cut: &std::sync::atomic::AtomicBool) {
    let mut bytes = [0; 4096];
    while let Ok(many @ 1..) = from.read(&mut bytes) {
        if !cut.load(std::sync::atomic::Ordering::SeqCst) && into.write_all(&bytes[..many]).is_err()
        {
            return;
        }
    }
    if !cut.load(std::sync::atomic::Ordering::SeqCst) {
        let _ = into.shutdown(std::net::Shutdown::Both);
    }
}
