//! Servers as processes: what they publish to each kind of target, and four of them on one
//! database.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]

mod common;

use std::collections::{HashMap, HashSet};
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::Shell;
use portcullis_core::crypto::{Digest, PublicKey};
use portcullis_core::keyring::{Keyring, Purpose};
use portcullis_core::list::Stamp;
use portcullis_core::time::Time;
use portcullis_core::verifier::Verifier;
use portcullis_core::verify::{Refusal, Requirements};
use portcullis_issuer::Home;
use portcullis_issuer::clock::{Clock as _, SystemClock};
use portcullis_issuer::keystore::Keystore;
use portcullis_issuer::status::token::{self, jwks};
use portcullis_issuer::store::{Database, Store};
use serde_json::{Value, json};
use sqlx::Row as _;

const DEMAND: Requirements =
    Requirements { purpose: Purpose::Token, kind: None, environment: None };

struct Served {
    child: Child,
    address: String,
}

impl Served {
    fn start(shell: &Shell, args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = shell.command(&[&["serve", "--listen", "127.0.0.1:0"], args].concat());
        command.envs(env.iter().copied()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { child, address }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn verifier(shell: &Shell, root: &str, keyring: &[u8]) -> Verifier {
    let mut verifier = Verifier::new(PublicKey::from_text(root).unwrap(), keyring).unwrap();
    let keystore = Keystore::read(&Home::new(shell.home()).keystore_vault()).unwrap();
    for key in &keystore.keys()[..2] {
        verifier.hold_secret(key.kid, &key.secret).unwrap();
    }
    verifier
}

/// The list of a gate that fetches its files with `read`.
fn adopt(shell: &Shell, root: &str, read: impl Fn(&str) -> Vec<u8>) -> (Verifier, Time) {
    let mut verifier = verifier(shell, root, &read("keyring"));
    let now = SystemClock.now();
    let mut update = verifier.offer_stamp(&read("stamp"), now).unwrap().unwrap();
    let name = update.wants_head().unwrap();
    update.offer_head(&read(&format!("heads/{}", name.digest)), verifier.keyring(), now).unwrap();
    for name in update.wants_bodies() {
        update.offer_body(&read(&format!("bodies/{}", name.digest))).unwrap();
    }
    verifier.commit(update).unwrap();
    (verifier, now)
}

/// A real S3 server on a folder.
async fn s3(folder: &std::path::Path) -> String {
    use hyper_util::rt::{TokioExecutor, TokioIo};
    std::fs::create_dir_all(folder.join("lists")).unwrap();
    let mut builder = s3s::service::S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder).unwrap());
    builder.set_auth(s3s::auth::SimpleAuth::from_single("ACCESS", "SECRET"));
    let service = builder.build();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = service.clone();
            tokio::spawn(async move {
                let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}

type Values = Arc<Mutex<HashMap<String, Vec<u8>>>>;

/// The parts of the Workers KV REST API that are used.
async fn kv() -> (String, Values) {
    type Value = (String, String, String);
    fn allowed(headers: &HeaderMap, account: &str, namespace: &str) -> bool {
        let token = headers.get("authorization").and_then(|value| value.to_str().ok());
        token == Some("Bearer token") && (account, namespace) == ("acc", "ns")
    }
    async fn get(
        State(values): State<Values>,
        Path((account, namespace, key)): Path<Value>,
        headers: HeaderMap,
    ) -> Result<Vec<u8>, StatusCode> {
        if !allowed(&headers, &account, &namespace) {
            return Err(StatusCode::FORBIDDEN);
        }
        values.lock().unwrap().get(&key).cloned().ok_or(StatusCode::NOT_FOUND)
    }
    async fn put(
        State(values): State<Values>,
        Path((account, namespace, key)): Path<Value>,
        headers: HeaderMap,
        body: axum::body::Bytes,
    ) -> StatusCode {
        if !allowed(&headers, &account, &namespace) {
            return StatusCode::FORBIDDEN;
        }
        values.lock().unwrap().insert(key, body.to_vec());
        StatusCode::OK
    }
    let values = Values::default();
    let path = "/v4/accounts/{account}/storage/kv/namespaces/{namespace}/values/{key}";
    let router = axum::Router::new().route(path, axum::routing::get(get).put(put));
    let router = router.with_state(values.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/v4", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (address, values)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_reaches_every_kind_of_target() {
    let shell = Shell::new();
    let made = shell.json(&["init"]);
    let root = made["root"].as_str().unwrap().to_owned();
    let owner = shell.json(&["owners", "create", "--name", "Acme"])["number"].to_string();
    shell.json(&["policies", "create", "--name", "Reader", "--scope", "orders:read"]);
    shell.json(&["policies", "create", "--name", "Shop", "--visibility", "public"]);
    shell.json(&["keyring", "rotate", "--purpose", "status-list", "--now"]);
    let status = ["--status-lists", "https://cdn.example/status-lists"];
    let create = ["keys", "create", "--title", "x", "--owner", &owner];
    let created = shell.json(&[create.as_slice(), &status].concat());
    let token = created["token"].as_str().unwrap().to_owned();
    let idx = created["key"]["status"]["status_list"]["idx"].as_u64().unwrap();

    let (buckets, folder) = (shell.folder.path().join("s3"), shell.folder.path().join("out"));
    let endpoint = s3(&buckets).await;
    let (api, values) = kv().await;
    let targets = [
        format!("dir:{},every=200ms", folder.display()),
        format!("s3://lists/edge,endpoint={endpoint},region=auto,every=200ms"),
        format!("kv:acc/ns,api={api},every=1s"),
    ];
    let args: Vec<&str> =
        targets.iter().flat_map(|target| ["--target", target]).chain(status).collect();
    let env = [
        ("AWS_ACCESS_KEY_ID", "ACCESS"),
        ("AWS_SECRET_ACCESS_KEY", "SECRET"),
        ("CLOUDFLARE_API_TOKEN", "token"),
    ];
    let _served = Served::start(&shell, &args, &env);
    // The known targets are those that the publisher has read, which it does at once.
    let shell = Arc::new(shell);
    let looking = shell.clone();
    let known = tokio::task::spawn_blocking(move || {
        let start = std::time::Instant::now();
        loop {
            let list = looking.json(&["list", "show"]);
            let targets = list["targets"].as_array().unwrap();
            if targets.len() == 4 && targets.iter().all(|t| t["carries"] == json!(true)) {
                return;
            }
            assert!(start.elapsed().as_secs() < 60, "{list}");
        }
    });
    known.await.unwrap();
    let (revoking, of) = (shell.clone(), owner.clone());
    let revoked = tokio::task::spawn_blocking(move || {
        revoking.json(&["revoke", "--owner", &of, "--wait=60", "--yes"])
    });
    let revoked = revoked.await.unwrap();
    assert_eq!(revoked["everywhere"], true, "{revoked}");
    let visible = |kind: &str| {
        let targets = revoked["targets"].as_array().unwrap();
        targets.iter().find(|target| target["kind"] == kind).unwrap()["visible"].clone()
    };
    assert_eq!(
        (visible("http"), visible("dir"), visible("s3")),
        (json!("now"), json!("now"), json!("now"))
    );
    assert_eq!(visible("kv"), "accepted, not yet visible everywhere");

    let bucket = buckets.join("lists/edge");
    let held = values.lock().unwrap().clone();
    let gates = [
        adopt(&shell, &root, |name| std::fs::read(folder.join(name)).unwrap()),
        adopt(&shell, &root, |name| std::fs::read(bucket.join(name)).unwrap()),
        adopt(&shell, &root, |name| held[name].clone()),
    ];
    for (gate, now) in &gates {
        let verdict = gate.verify(&token, &DEMAND, *now);
        assert_eq!(verdict.map(|_| ()), Err(Refusal::Revoked));
    }
    let head = gates[0].0.list().unwrap().head();
    let (public, private) = (head.public_policies().digest, head.private_policies().digest);
    for place in [&folder, &bucket] {
        assert!(place.join(format!("policies/{public}")).exists());
        assert!(!place.join("private").exists(), "the public reads there");
    }
    assert!(held.contains_key(&format!("policies/{public}")));
    assert!(held.contains_key(&format!("private/{private}")));

    // The status lists follow the list.
    let keyring = Keyring::open(&held["keyring"], &PublicKey::from_text(&root).unwrap()).unwrap();
    let from_kv = |name: &str| values.lock().unwrap().get(name).cloned();
    let places: [Read<'_>; 3] = [
        &|name| std::fs::read(folder.join(name)).ok(),
        &|name| std::fs::read(bucket.join(name)).ok(),
        &from_kv,
    ];
    for read in places {
        let start = std::time::Instant::now();
        while read("status-lists/0.jwt").and_then(|list| status_of(&list, &keyring, idx)) != Some(1)
        {
            assert!(start.elapsed().as_secs() < 60, "the key's status is not told");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let json = |name| serde_json::from_slice::<Value>(&read(name).unwrap()).unwrap();
        assert_eq!(json("status-lists/jwks.json"), jwks(&keyring));
        let all = json("status-lists/aggregation.json");
        assert_eq!(all["status_lists"][0], "https://cdn.example/status-lists/0.jwt");
    }
}

/// A store that kept only half of each file and now works again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_store_kept_half_of_is_written_whole_again() {
    let shell = Shell::new();
    let root = shell.json(&["init"])["root"].as_str().unwrap().to_owned();
    let buckets = shell.folder.path().join("s3");
    let endpoint = s3(&buckets).await;
    let (api, values) = kv().await;
    let targets = [
        format!("s3://lists/edge,endpoint={endpoint},region=auto,every=200ms"),
        format!("kv:acc/ns,api={api},every=200ms"),
    ];
    let args: Vec<&str> = targets.iter().flat_map(|target| ["--target", target]).collect();
    let env = [
        ("AWS_ACCESS_KEY_ID", "ACCESS"),
        ("AWS_SECRET_ACCESS_KEY", "SECRET"),
        ("CLOUDFLARE_API_TOKEN", "token"),
    ];
    let bucket = buckets.join("lists/edge");
    let from_kv = |name: &str| values.lock().unwrap().get(name).cloned();
    let places: [Read<'_>; 2] = [&|name| std::fs::read(bucket.join(name)).ok(), &from_kv];
    let are_whole = async || {
        for read in places {
            let start = std::time::Instant::now();
            while read("stamp").is_none_or(|stamp| stamp.len() != Stamp::LEN) {
                assert!(start.elapsed().as_secs() < 60, "the stamp stays half");
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        }
    };
    let half = |file: &mut Vec<u8>| file.truncate(file.len() / 2);
    let halve = |name: &str| {
        let path = bucket.join(name);
        let mut file = std::fs::read(&path).unwrap();
        half(&mut file);
        std::fs::write(&path, file).unwrap();
        half(values.lock().unwrap().get_mut(name).unwrap());
    };
    let served = Served::start(&shell, &args, &env);
    are_whole().await;
    drop(served);
    // The damage is found by a publisher without any memory of the targets, not by a remaining
    // witness.
    let names = values.lock().unwrap().keys().cloned().collect::<Vec<_>>();
    for name in names.iter().filter(|name| name.starts_with("bodies/") || *name == "stamp") {
        halve(name);
    }
    let _served = Served::start(&shell, &[&args[..], &["--no-witness"]].concat(), &env);
    are_whole().await;
    for read in places {
        adopt(&shell, &root, |name| read(name).unwrap());
    }
}

/// Reads the file of a name in a target.
type Read<'a> = &'a dyn Fn(&str) -> Option<Vec<u8>>;

/// The status of an index in a status list of one bit.
fn status_of(list: &[u8], keyring: &Keyring, idx: u64) -> Option<u8> {
    let claims = token::open(list, keyring)?;
    assert_eq!(
        (claims.sub.as_str(), claims.status_list.bits),
        ("https://cdn.example/status-lists/0.jwt", 1)
    );
    let lst = URL_SAFE_NO_PAD.decode(&claims.status_list.lst).unwrap();
    let mut bytes = Vec::new();
    flate2::read::ZlibDecoder::new(lst.as_slice()).read_to_end(&mut bytes).unwrap();
    Some(bytes[usize::try_from(idx / 8).unwrap()] >> (idx % 8) & 1)
}

struct Call<'a> {
    client: &'a reqwest::Client,
    address: &'a str,
    admin: &'a str,
}

impl Call<'_> {
    async fn post(&self, path: &str, body: Value) -> Value {
        let request = self.client.post(format!("{}{path}", self.address)).bearer_auth(self.admin);
        let request = request.header("content-type", "application/json").body(body.to_string());
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let bytes = answer.bytes().await.unwrap();
        assert!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&bytes));
        serde_json::from_slice(&bytes).unwrap()
    }
}

async fn four_servers(database: Option<String>) {
    const EACH: usize = 8;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let shell = Shell::new();
    let env: Vec<(&str, &str)> =
        database.iter().map(|url| ("DATABASE_URL", url.as_str())).collect();
    let mut init = shell.command(&["init", "--json"]);
    let made = init.envs(env.iter().copied()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    let admin = made["admin_key"].as_str().unwrap().to_owned();
    let beat = ["--stamp-every", "100ms"];
    let servers: Vec<Served> = (0..4).map(|_| Served::start(&shell, &beat, &env)).collect();

    let mut tasks = Vec::new();
    for (worker, server) in servers.iter().enumerate() {
        let (address, admin) = (server.address.clone(), admin.clone());
        tasks.push(tokio::spawn(async move {
            let client = reqwest::Client::new();
            let call = Call { client: &client, address: &address, admin: &admin };
            let mut made = Vec::new();
            let mut numbers = Vec::new();
            for number in 0..EACH {
                let body = json!({ "title": format!("{worker}/{number}") });
                let created = call.post("/v1/keys", body).await;
                let id = created["key"]["id"].as_str().unwrap();
                let revoked = number % 2 == 0;
                if revoked {
                    let answer = call.post(&format!("/v1/keys/{id}/revoke"), json!({})).await;
                    assert_eq!(answer["published"], true, "{answer}");
                    numbers.push(answer["list"]["number"].as_u64().unwrap());
                }
                let serial = created["key"]["serial"].as_u64().unwrap();
                made.push((serial, created["token"].as_str().unwrap().to_owned(), revoked));
            }
            (made, numbers)
        }));
    }
    let (mut made_keys, mut newest) = (Vec::new(), 0);
    for task in tasks {
        let (made, numbers) = task.await.unwrap();
        assert!(numbers.is_sorted_by(|a, b| a < b), "each revocation is in a later list");
        newest = newest.max(*numbers.last().unwrap());
        made_keys.extend(made);
    }
    let serials: HashSet<u64> = made_keys.iter().map(|(serial, ..)| *serial).collect();
    assert_eq!(serials.len(), 4 * EACH);
    let client = reqwest::Client::new();
    for server in &servers {
        let get = async |name: &str| {
            let url = format!("{}/.well-known/portcullis/{name}", server.address);
            client.get(url).send().await.unwrap().bytes().await.unwrap().to_vec()
        };
        let root = made["root"].as_str().unwrap();
        let mut gate = verifier(&shell, root, &get("keyring").await);
        let now = SystemClock.now();
        gate.adopt_bundle(&get("bundle").await, SystemClock.now()).unwrap();
        assert!(gate.list().unwrap().list_version().number >= newest);
        for (_, token, revoked) in &made_keys {
            let verdict = gate.verify(token, &DEMAND, now).map(|_| ());
            assert_eq!(verdict, if *revoked { Err(Refusal::Revoked) } else { Ok(()) });
        }
    }
    drop(servers);

    // Every committed list follows the previous one.
    let database = match database {
        Some(url) => Database::from_url(&url).unwrap(),
        None => Database::File(shell.home().join("issuer.db")),
    };
    let keystore = Keystore::read(&Home::new(shell.home()).keystore_vault()).unwrap();
    let store = Store::open(&database, keystore.issuer(), Arc::new(SystemClock)).await.unwrap();
    let query = sqlx::query("SELECT number, this_update, head FROM lists ORDER BY epoch, number");
    let rows = query.fetch_all(&mut *store.read().await.unwrap()).await.unwrap();
    let mut before = (0_i64, 0_i64, Digest([0; 32]));
    for row in &rows {
        let (number, at, head): (i64, i64, &[u8]) = (row.get(0), row.get(1), row.get(2));
        assert!(number == before.0 + 1 && at > before.1);
        assert_eq!(head[42..74], before.2.0, "each head names the one before");
        before = (number, at, Digest::of(head));
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_servers_on_one_file_lose_nothing() {
    four_servers(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_servers_on_one_postgres_lose_nothing() {
    let Ok(server) = std::env::var("PORTCULLIS_TEST_POSTGRES") else {
        assert!(std::env::var_os("CI").is_none(), "PORTCULLIS_TEST_POSTGRES names no server");
        eprintln!("LEFT OUT: PORTCULLIS_TEST_POSTGRES names no PostgreSQL server");
        return;
    };
    let Database::Server(url) = portcullis_test_support::new_database(&server).await else {
        return;
    };
    four_servers(Some(url)).await;
}
