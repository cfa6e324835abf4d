//! A canary from its making at the command line to the alarm at a webhook, over real HTTP.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]

mod common;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use common::Shell;
use portcullis_test_support::{code, stdout};
use serde_json::{Value, json};

const REACH: [&str; 2] = ["--webhooks-allow-private", "--webhooks-allow-http"];

struct Served {
    child: Child,
    address: String,
}

impl Served {
    fn start(shell: &Shell) -> Self {
        let args = [&["serve", "--listen", "127.0.0.1:0"][..], &REACH].concat();
        let mut child = shell.command(&args).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap().to_owned();
        Self { child, address }
    }

    /// The status and the body of the answer to a POST with this admin key.
    fn post(&self, path: &str, admin: &str, body: &Value) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let body = body.to_string();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {admin}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_default())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A receiver of webhooks; returns its address and the messages that arrive.
fn receiver() -> (String, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (sender, messages) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let mut length = 0;
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap() == 0 || line == "\r\n" {
                    break;
                }
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let end = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
            reader.get_mut().write_all(end).unwrap();
            if sender.send(serde_json::from_slice(&body).unwrap()).is_err() {
                return;
            }
        }
    });
    (url, messages)
}

#[test]
fn the_use_of_a_canary_rings_at_a_webhook() {
    let shell = Shell::initialised();
    let (url, messages) = receiver();
    let hook = [&["webhooks", "create", &url, "--type", "canary.used"][..], &REACH].concat();
    shell.json(&hook);
    let gate = ["keys", "create", "--title", "Gate", "--admin", "--scope", "gates:report"];
    let gate = shell.json(&gate);
    let gate = gate["token"].as_str().unwrap();
    let made = shell.json(&["keys", "create", "--title", "In the backup", "--canary"]);
    let (token, id) = (made["token"].as_str().unwrap(), made["key"]["id"].as_str().unwrap());
    assert_eq!(made["key"]["purpose"], "canary");

    // Its owner is told what it is; to everybody else it is a forgery.
    let verdict = shell.run(&["verify", token]);
    assert_eq!(code(&verdict), 1);
    assert!(stdout(&verdict).contains("bad_signature") && stdout(&verdict).contains(id));

    // A gate reports its use, with a key that may do nothing else.
    let served = Served::start(&shell);
    let report = json!({ "uses": [], "canaries": [
        { "key": id, "uses": 3, "last_used_at": 1_800_000_000, "address": "192.0.2.7" },
    ]});
    let (status, answer) = served.post("/v1/usage", gate, &report);
    assert_eq!((status, &answer["known"]), (200, &json!(1)), "{answer}");
    // The canary itself and its name open nothing there.
    for stranger in [token, id] {
        assert_eq!(served.post("/v1/usage", stranger, &report).0, 401);
    }
    let odd = json!({ "uses": [], "canaries": [
        { "key": id, "uses": 1, "last_used_at": 1, "address": "somewhere" },
    ]});
    assert_eq!(served.post("/v1/usage", gate, &odd).0, 400);

    let message = messages.recv_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!(message["type"], "canary.used", "{message}");
    let data = message["data"].to_string();
    assert!(data.contains(id) && data.contains("In the backup"), "{message}");
    assert!(data.contains("192.0.2.7"), "{message}");
    assert!(!message.to_string().contains(token), "no message holds a key");

    // Over HTTP a canary is made in the same way.
    let admin = ["keys", "create", "--title", "All", "--admin", "--scope", "*"];
    let admin = shell.json(&admin);
    let body = json!({ "title": "In the wiki", "canary": true });
    let (status, made) = served.post("/v1/keys", admin["token"].as_str().unwrap(), &body);
    assert_eq!((status, &made["key"]["purpose"]), (201, &json!("canary")), "{made}");
}
