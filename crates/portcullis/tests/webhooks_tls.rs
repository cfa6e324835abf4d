//! Webhooks over TLS, from a server process: to an endpoint whose certificate the system trusts,
//! and to one whose certificate it doesn't.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]

mod common;

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::Shell;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::Value;
use standardwebhooks::Webhook;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_rustls::TlsAcceptor;

/// A received request: its headers in lower case, and its body.
type Message = (HashMap<String, String>, Vec<u8>);

struct Served(Child);

impl Served {
    /// A server whose system trusts only the authority in `trusted`.
    fn start(shell: &Shell, trusted: &Path) -> Self {
        let args = ["serve", "--listen", "127.0.0.1:0", "--webhooks-allow-private"];
        let mut command = shell.command(&args);
        let command = command.env("SSL_CERT_FILE", trusted).env_remove("SSL_CERT_DIR");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("listening on "), "{line}");
        Self(child)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An authority; writes its certificate to `file`.
fn authority(file: &Path) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(file, authority.pem()).unwrap();
    authority
}

/// An endpoint for `localhost` under this authority; returns its port and the requests that arrive.
async fn endpoint(
    authority: &CertifiedIssuer<'static, KeyPair>,
) -> (u16, UnboundedReceiver<Message>) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let secret = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate.der().clone()], secret).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, sender) = (acceptor.clone(), sender.clone());
            tokio::spawn(async move { answer(acceptor, stream, &sender).await });
        }
    });
    (port, receiver)
}

/// Reads one request and answers it; `None` if the client disconnects first.
async fn answer(
    acceptor: TlsAcceptor,
    stream: tokio::net::TcpStream,
    sender: &UnboundedSender<Message>,
) -> Option<()> {
    let mut stream = acceptor.accept(stream).await.ok()?;
    let mut read = Vec::new();
    loop {
        if let Some(message) = parse(&read) {
            let _ = sender.send(message);
            break;
        }
        let mut buffer = [0; 4096];
        let more = stream.read(&mut buffer).await.ok().filter(|more| *more > 0)?;
        read.extend_from_slice(&buffer[..more]);
    }
    let end = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
    stream.write_all(end).await.ok()?;
    stream.shutdown().await.ok()
}

fn parse(read: &[u8]) -> Option<Message> {
    let end = read.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&read[..end]).unwrap();
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let headers: HashMap<_, _> = head.lines().skip(1).filter_map(header).collect();
    let length: usize = headers["content-length"].parse().unwrap();
    let body = read.get(end + 4..end + 4 + length)?.to_vec();
    Some((headers, body))
}

/// An issuer with one endpoint, and an event to deliver.
fn told(port: u16) -> (Shell, Value) {
    let shell = Shell::initialised();
    let url = format!("https://localhost:{port}/hook");
    let made = shell.json(&["webhooks", "create", &url, "--webhooks-allow-private"]);
    shell.json(&["keys", "create", "--title", "x"]);
    (shell, made)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_goes_over_tls_to_a_certificate_that_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let trusted = folder.path().join("authority.pem");
    let (port, mut messages) = endpoint(&authority(&trusted)).await;
    let (shell, made) = told(port);
    let _served = Served::start(&shell, &trusted);
    let message = tokio::time::timeout(Duration::from_secs(60), messages.recv()).await;
    let (headers, body) = message.expect("the message came").unwrap();
    let headers =
        headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    let headers: axum::http::HeaderMap = headers.collect();
    let secret = Webhook::new(made["secret"].as_str().unwrap()).unwrap();
    secret.verify(&body, &headers).unwrap();
    let event: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(event["type"], "webhook.changed", "that it was made is the first that it is told");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_to_a_certificate_that_is_not_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let (trusted, other) = (folder.path().join("trusted.pem"), folder.path().join("other.pem"));
    authority(&trusted);
    let (port, mut messages) = endpoint(&authority(&other)).await;
    let (shell, made) = told(port);
    let _served = Served::start(&shell, &trusted);
    let id = made["webhook"]["id"].as_str().unwrap();
    let start = Instant::now();
    let failed = loop {
        let listed = shell.json(&["webhooks", "deliveries", id]);
        let mut deliveries = listed["deliveries"].as_array().unwrap().iter();
        if let Some(tried) = deliveries.find(|one| one["attempts"].as_u64() > Some(0)) {
            break tried.clone();
        }
        assert!(start.elapsed() < Duration::from_secs(60), "it is tried: {listed}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(
        (&failed["state"], &failed["status"]),
        (&"pending".into(), &Value::Null),
        "{failed}"
    );
    assert!(failed["error"].as_str().is_some_and(|error| !error.is_empty()), "{failed}");
    assert!(messages.try_recv().is_err(), "nothing of it was sent");
}
