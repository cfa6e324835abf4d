//! SIGTERM ends a server within the time that the documentation says, whatever its clients and its
//! database do meanwhile.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]
#![cfg(unix)]

mod common;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use common::{Shell, new_database};
use portcullis_issuer::store::Database;

/// The time of docs/operations.md, behind which systemd and Kubernetes kill.
const DOCUMENTED: Duration = Duration::from_secs(30);

struct Served {
    child: Child,
    address: String,
}

impl Served {
    fn start(shell: &Shell, url: Option<&str>) -> Self {
        let mut command = shell.command(&["serve", "--listen", "127.0.0.1:0"]);
        if let Some(url) = url {
            command.env("DATABASE_URL", url);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap().to_owned();
        Self { child, address }
    }

    fn terminate(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// How it ended; `meanwhile` is done again and again until then.
    fn ended(&mut self, mut meanwhile: impl FnMut()) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < DOCUMENTED, "it runs on");
            meanwhile();
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn clients_that_trickle_keep_no_server() {
    let shell = Shell::initialised();
    let mut served = Served::start(&shell, None);
    let connect = |text: &str| {
        let mut stream = TcpStream::connect(&served.address).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream
    };
    let mut head = connect("GET /health/live HTTP/1.1\r\nx: ");
    let body = "POST /v1/verify HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    let mut body = connect(&format!("{body}content-length: 5000\r\n\r\n"));
    let mut idle = connect("GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n");
    let mut answer = [0; 12];
    idle.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    served.terminate();
    let status = served.ended(|| {
        for stream in [&mut head, &mut body] {
            // It may be closed by now.
            let _ = stream.write_all(b" ");
        }
    });
    assert!(status.success(), "{status}");
    // It has given its lease back: whoever comes next leads at once, and a move sees nobody.
    shell.json(&["list", "publish"]);
    assert!(TcpStream::connect(&served.address).is_err());
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
    let mut served = Served::start(&shell, Some(&url));
    wire.cut();
    // A beat is under way, and waits for an answer that does not come.
    std::thread::sleep(Duration::from_secs(2));
    served.terminate();
    served.ended(|| ());
}

/// What stands between a server and its database, and can let everything vanish.
struct Wire {
    port: u16,
    cut: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

impl Wire {
    fn start(to: &str) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
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

/// Carries what comes, until the wire is cut: then it is taken and goes nowhere, and nobody is told.
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
