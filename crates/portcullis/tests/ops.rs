//! Operating the issuer: events and metrics over HTTP, limits, logs, configuration, the doctor.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]

mod common;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use common::Shell;
use futures_util::StreamExt as _;
use portcullis_api::{Rate, Settings, StreamLimits, router, router_with};
use portcullis_core::list::BulkState;
use portcullis_issuer::actions::{BulkRevocation, BulkSelection, NewKey, When};
use portcullis_issuer::record::KeyPurpose;
use portcullis_issuer::webhooks::Reach;
use portcullis_test_support::{Bench, code, stderr, stdout};
use serde_json::{Value, json};
use tower::ServiceExt as _;

async fn ask(router: &Router, request: Request<Body>) -> (StatusCode, HeaderMap, Vec<u8>) {
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
    (parts.status, parts.headers, bytes)
}

fn get(bench: &Bench, path: &str) -> Request<Body> {
    let admin = format!("Bearer {}", bench.made.admin_token.as_str());
    Request::get(path).header("authorization", admin).body(Body::empty()).unwrap()
}

fn post(bench: &Bench, path: &str, body: &Value) -> Request<Body> {
    let admin = format!("Bearer {}", bench.made.admin_token.as_str());
    let request = Request::post(path).header("authorization", admin);
    let request = request.header("content-type", "application/json");
    request.body(Body::from(body.to_string())).unwrap()
}

async fn json(router: &Router, request: Request<Body>) -> Value {
    serde_json::from_slice(&ask(router, request).await.2).unwrap()
}

#[tokio::test]
async fn events_are_listed_and_streamed() {
    let bench = Bench::new().await;
    let router = router(&bench.issuer);
    bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    let listed = json(&router, get(&bench, "/v1/events?type=api-key.created&order=asc")).await;
    assert_eq!(listed["events"].as_array().unwrap().len(), 2);
    assert_eq!(listed["events"][1]["data"]["title"], "x");
    for bad in ["type=x", "order=x", "since=x", "limit=0", "cursor=x", "colour=red"] {
        let (status, ..) = ask(&router, get(&bench, &format!("/v1/events?{bad}"))).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{bad}");
    }
    let mut request = get(&bench, "/v1/events/stream?type=api-key.created");
    request.headers_mut().insert("last-event-id", "2".parse().unwrap());
    let response = router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut stream = response.into_body().into_data_stream();
    let first = String::from_utf8(stream.next().await.unwrap().unwrap().to_vec()).unwrap();
    assert!(first.contains("id: 3\n") && first.contains("event: api-key.created\n"), "{first}");
    bench.issuer.keys().create(&NewKey::titled("y")).await.unwrap();
    let second = String::from_utf8(stream.next().await.unwrap().unwrap().to_vec()).unwrap();
    assert!(second.contains("id: 4\n") && second.contains("\"title\":\"y\""), "{second}");
    bench.issuer.end();
    assert!(stream.next().await.is_none(), "it ends with the server");
}

/// The text of a stream until it ends, for at most a minute of its own time.
async fn until_the_end(response: axum::response::Response) -> String {
    let mut stream = response.into_body().into_data_stream();
    let mut said = String::new();
    let whole = async {
        while let Some(part) = stream.next().await {
            said.push_str(std::str::from_utf8(&part.unwrap()).unwrap());
        }
    };
    tokio::time::timeout(Duration::from_secs(60), whole).await.unwrap();
    said
}

fn follow(token: &str) -> Request<Body> {
    let request = Request::get("/v1/events/stream?after=0");
    request.header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap()
}

fn auditor() -> NewKey {
    let admin_scopes = vec!["audit:read".into()];
    NewKey { purpose: KeyPurpose::Admin, admin_scopes, ..NewKey::titled("auditor") }
}

/// The ways in which a key can lose the right to follow the stream.
#[tokio::test]
async fn a_stream_ends_with_its_key() {
    for (end, code) in [
        ("revoked", "invalid_admin_key"),
        ("suspended", "invalid_admin_key"),
        ("expired", "invalid_admin_key"),
        ("lost its scope", "insufficient_scope"),
        ("revoked with all of its owner", "invalid_admin_key"),
    ] {
        // Open a stream, end its key in one of the ways, and create another event.
        let bench = Bench::new().await;
        let issuer = &bench.issuer;
        let router = router(issuer);
        let owner = bench.owner("o").await;
        let expires = Some(When::In(Duration::from_secs(100)));
        let new = NewKey { owner, expires: expires.into(), ..auditor() };
        let made = issuer.keys().create(&new).await.unwrap();
        let id = &made.record.id;
        let open = router.clone().oneshot(follow(&made.token)).await.unwrap();
        assert_eq!(open.status(), StatusCode::OK);
        let listening = tokio::spawn(until_the_end(open));
        match end {
            "revoked" => drop(bench.revoke(id, When::Now).await.unwrap()),
            "suspended" => drop(issuer.keys().suspend(id, None).await.unwrap()),
            "expired" => bench.clock.advance(101_000),
            "lost its scope" => {
                let mut writing = issuer.store().bookkeeping().await.unwrap();
                let update = "UPDATE api_keys SET admin_scopes = 'keys:read' WHERE id = $1";
                sqlx::query(update).bind(id).execute(&mut *writing).await.unwrap();
                writing.save().await.unwrap();
            }
            _ => drop(
                issuer
                    .bulk()
                    .revoke(&BulkRevocation {
                        whose: BulkSelection::Owner(owner),
                        state: BulkState::Revoked,
                        issued_from: None,
                        issued_before: None,
                        by: None,
                    })
                    .await
                    .unwrap()
                    .published()
                    .unwrap(),
            ),
        }
        // The stream ends with the reason and without that event.
        let secret = "told to nobody whose key is no more";
        issuer.keys().create(&NewKey::titled(secret)).await.unwrap();
        let said = listening.await.unwrap();
        let last = said.split("\n\n").filter(|event| event.contains("event: ")).last().unwrap();
        assert!(last.starts_with("event: stream.ended\ndata: {"), "{end}: {said}");
        assert!(last.contains(&format!("\"code\":\"{code}\"")), "{end}: {last}");
        assert!(!said.contains(secret), "{end}");
    }
}

#[tokio::test]
async fn streams_are_bounded_for_each_key_and_in_all() {
    let bench = Bench::new().await;
    let streams = StreamLimits { max: 3, max_per_key: 2 };
    let router = router_with(&bench.issuer, Settings { streams, ..Settings::default() });
    let other = bench.issuer.keys().create(&auditor()).await.unwrap();
    let first = bench.made.admin_token.as_str();
    let mut open = Vec::new();
    for (token, status) in
        [(first, 200), (first, 200), (first, 429), (&*other.token, 200), (&*other.token, 429)]
    {
        let response = router.clone().oneshot(follow(token)).await.unwrap();
        assert_eq!(response.status(), status);
        if status == 429 {
            let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
            let problem: Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(problem["code"], "too_many_streams");
        } else {
            open.push(response);
        }
    }
    open.clear();
    assert_eq!(router.clone().oneshot(follow(first)).await.unwrap().status(), 200, "free again");
}

/// The minimum of running tasks over a second, which excludes short-lived ones.
async fn tasks_at_work() -> usize {
    let mut least = usize::MAX;
    for _ in 0..50 {
        least = least.min(tokio::runtime::Handle::current().metrics().num_alive_tasks());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    least
}

/// Polling costs a statement twice a second, so more streams must not mean more polling.
#[tokio::test]
async fn however_many_follow_one_task_looks_for_all() {
    let bench = Bench::new().await;
    let router = router(&bench.issuer);
    let token = bench.made.admin_token.as_str();
    let nobody = tasks_at_work().await;
    let mut open = vec![router.clone().oneshot(follow(token)).await.unwrap()];
    let one = tasks_at_work().await;
    assert_eq!(one, nobody + 1);
    for _ in 0..5 {
        open.push(router.clone().oneshot(follow(token)).await.unwrap());
        assert_eq!(open.last().unwrap().status(), StatusCode::OK);
    }
    assert_eq!(tasks_at_work().await, one, "six follow");
    drop(open);
    assert_eq!(tasks_at_work().await, nobody, "nobody follows any more");
}

/// A follower that falls behind the shared poller misses no event and gets none twice.
#[tokio::test]
async fn every_follower_hears_each_event_once_in_its_order() {
    let bench = Bench::new().await;
    let router = router(&bench.issuer);
    let token = bench.made.admin_token.as_str();
    let mut open = Vec::new();
    for number in 0..5 {
        open.push(router.clone().oneshot(follow(token)).await.unwrap());
        for _ in 0..number * 30 {
            bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let last = bench.issuer.trail().last().await.unwrap();
    let wanted: Vec<i64> = (1..=last).collect();
    for response in open {
        let mut stream = response.into_body().into_data_stream();
        let mut said = String::new();
        let ids = |said: &str| -> Vec<i64> {
            let ids = said.lines().filter_map(|line| line.strip_prefix("id: "));
            ids.map(|id| id.parse().unwrap()).collect()
        };
        while ids(&said).last() != Some(&last) {
            let part = tokio::time::timeout(Duration::from_secs(20), stream.next()).await;
            said.push_str(std::str::from_utf8(&part.unwrap().unwrap().unwrap()).unwrap());
        }
        assert_eq!(ids(&said), wanted);
    }
}

/// A clock that was briefly ahead doesn't make a key wait until that time.
#[tokio::test]
async fn a_clock_that_was_ahead_limits_nobody_afterwards() {
    let bench = Bench::new().await;
    let rate = Rate { requests: 1, window: Duration::from_secs(60) };
    let router = router_with(&bench.issuer, Settings { rate, ..Settings::default() });
    let right = bench.issuer.now();
    // As far ahead as the published list stays in force.
    bench.clock.jump(right.plus_millis(240_000));
    assert_eq!(ask(&router, get(&bench, "/v1/keys")).await.0, StatusCode::OK);
    bench.clock.jump(right);
    assert_eq!(ask(&router, get(&bench, "/v1/keys")).await.0, StatusCode::TOO_MANY_REQUESTS);
    bench.clock.advance(61_000);
    assert_eq!(ask(&router, get(&bench, "/v1/keys")).await.0, StatusCode::OK);
}

#[tokio::test]
async fn webhooks_are_kept_over_http() {
    let bench = Bench::new().await;
    let reach = Reach { http: false, private: true };
    let router = router_with(&bench.issuer, Settings { reach, ..Settings::default() });
    let body = json!({ "url": "https://example.com/", "types": ["api-key.revoked"] });
    let (status, _, bytes) = ask(&router, post(&bench, "/v1/webhooks", &body)).await;
    let made: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(status, StatusCode::CREATED);
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    let path = format!("/v1/webhooks/{}", made["webhook"]["id"].as_str().unwrap());
    let shown = json(&router, get(&bench, &path)).await;
    assert_eq!((shown["types"][0].as_str(), shown.get("secret")), (Some("api-key.revoked"), None));
    let changed = json(&router, post(&bench, &path, &json!({ "enabled": false }))).await;
    assert_eq!(changed["enabled"], false);
    let rotated = json(&router, post(&bench, &format!("{path}/rotate-secret"), &json!({}))).await;
    assert_ne!(rotated["secret"], made["secret"]);
    let found = json(&router, get(&bench, &format!("{path}/deliveries?state=dead"))).await;
    assert_eq!(found["deliveries"], json!([]));
    let replayed = json(&router, post(&bench, &format!("{path}/replay"), &json!({ "dead": true })));
    assert_eq!(replayed.await["replayed"], 0);
    for (path, body) in [
        ("/v1/webhooks", json!({ "url": "ftp://x/" })),
        ("/v1/webhooks", json!({ "url": "https://x/", "types": ["x"] })),
        (&*format!("{path}/replay"), json!({})),
    ] {
        let (status, ..) = ask(&router, post(&bench, path, &body)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
    }
    let admin = format!("Bearer {}", bench.made.admin_token.as_str());
    let delete = Request::delete(&path).header("authorization", admin).body(Body::empty());
    assert_eq!(json(&router, delete.unwrap()).await["deleted"], true);
    assert_eq!(ask(&router, get(&bench, &path)).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_idempotency_key_is_remembered_for_the_window_that_is_set() {
    let bench = Bench::new().await;
    let idempotency_window = Some(Duration::from_secs(60));
    let settings = Settings { idempotency_window, ..Settings::default() };
    let router = router_with(&bench.issuer, settings);
    let admin = format!("Bearer {}", bench.made.admin_token.as_str());
    let make = async || {
        let request = Request::post("/v1/keys")
            .header("authorization", &admin)
            .header("content-type", "application/json")
            .header("idempotency-key", "a7f3")
            .body(Body::from(r#"{"title":"x"}"#));
        let response = router.clone().oneshot(request.unwrap()).await.unwrap();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        serde_json::from_slice::<Value>(&bytes).unwrap()["token"].clone()
    };
    let first = make().await;
    bench.clock.advance(59_000);
    assert_eq!(make().await, first);
    bench.clock.advance(2_000);
    bench.issuer.list().publish().await.unwrap();
    assert_ne!(make().await, first);
}

#[tokio::test]
async fn an_admin_key_has_its_rate_and_every_answer_an_id() {
    let bench = Bench::new().await;
    let rate = Rate { requests: 2, window: Duration::from_secs(20) };
    let router = router_with(&bench.issuer, Settings { rate, ..Settings::default() });
    for remaining in [1, 0] {
        let (status, headers, _) = ask(&router, get(&bench, "/v1/list")).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers["ratelimit-policy"], r#""admin-key";q=2;w=20"#);
        assert!(headers["ratelimit"].to_str().unwrap().contains(&format!("r={remaining};")));
        assert_eq!(headers["x-request-id"].len(), 32);
    }
    let (status, headers, bytes) = ask(&router, get(&bench, "/v1/list")).await;
    assert_eq!(
        (status, headers["retry-after"].to_str().unwrap()),
        (StatusCode::TOO_MANY_REQUESTS, "10")
    );
    let problem: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(problem["code"], "rate_limited");
    bench.clock.advance(10_000);
    let mut request = get(&bench, "/v1/list");
    request.headers_mut().insert("x-request-id", "abc-1".parse().unwrap());
    let (status, headers, _) = ask(&router, request).await;
    assert_eq!((status, headers["x-request-id"].to_str().unwrap()), (StatusCode::OK, "abc-1"));
    let (_, headers, _) = ask(&router, get(&bench, "/nothing")).await;
    assert!(headers.contains_key("x-request-id") && !headers.contains_key("ratelimit"));
}

#[tokio::test]
async fn no_other_origin_may_use_the_api() {
    let bench = Bench::new().await;
    let router = router(&bench.issuer);
    let mut request = get(&bench, "/v1/list");
    request.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
    let (_, headers, _) = ask(&router, request).await;
    assert!(!headers.contains_key("access-control-allow-origin"));
    let preflight = Request::options("/v1/keys")
        .header("origin", "https://evil.example")
        .header("access-control-request-method", "POST");
    let (status, headers, _) = ask(&router, preflight.body(Body::empty()).unwrap()).await;
    assert!(!status.is_success() && !headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn metrics_are_for_admins_and_tell_what_is() {
    let bench = Bench::new().await;
    let router = router(&bench.issuer);
    // Without a key, metrics are refused unless the settings open them.
    let open = Request::get("/metrics").body(Body::empty()).unwrap();
    assert_eq!(ask(&router, open).await.0, StatusCode::UNAUTHORIZED);
    bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    bench.issuer.list().publish().await.unwrap();
    let _ = ask(&router, get(&bench, "/v1/keys/apk_secret_text")).await;
    let (status, _, bytes) = ask(&router, get(&bench, "/metrics")).await;
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(status, StatusCode::OK);
    for line in [
        "portcullis_keys{state=\"active\"} 2",
        "portcullis_list_number 1",
        "portcullis_list_age_seconds 0.0",
        "portcullis_webhook_backlog 0",
        "portcullis_publications_total{result=\"ok\"} 1",
        "portcullis_list_left_seconds ",
        "portcullis_restored_backup 0",
        "portcullis_clock_implausible 0",
        "portcullis_unknown_keys_total 0",
        "portcullis_disk_free_bytes ",
        concat!("portcullis_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        "portcullis_http_requests_total{method=\"GET\",route=\"/v1/keys/{id}\",status=\"404\"} 1",
        "# EOF",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("secret_text"));
    let settings = Settings { open_metrics: true, ..Settings::default() };
    let opened = router_with(&bench.issuer, settings);
    let open = Request::get("/metrics").body(Body::empty()).unwrap();
    assert_eq!(ask(&opened, open).await.0, StatusCode::OK);
}

#[tokio::test]
async fn metrics_tell_ends_and_ages_of_keyring_and_signers() {
    let bench = Bench::new().await;
    let day = 24 * 60 * 60 * 1000;
    let value = async |name: &str| {
        let text = bench.issuer.metrics_text().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} is not in\n{text}")).parse::<f64>().unwrap()
    };
    let (end, age) = (
        "portcullis_keyring_left_seconds",
        "portcullis_signer_age_seconds{kid=\"1\",purpose=\"token\"}",
    );
    let (before, young) = (value(end).await, value(age).await);
    assert!((364.0..366.0).contains(&(before / 86_400.0)), "{before}");
    bench.clock.advance(10 * day);
    let passed = 10.0 * 86_400.0;
    assert!((before - value(end).await - passed).abs() < 5.0);
    assert!((value(age).await - young - passed).abs() < 5.0);
    // The list has expired, and a year later the keyring too.
    assert!(value("portcullis_list_left_seconds").await < -9.0 * 86_400.0);
    bench.clock.advance(400 * day);
    assert!(value(end).await < 0.0);
}

#[tokio::test]
async fn a_server_whose_database_was_deleted_under_it_is_not_ready() {
    let bench = Bench::new().await;
    let router = router(&bench.issuer);
    let ready = async || {
        let (status, _, body) = ask(&router, get(&bench, "/health/ready")).await;
        (status.as_u16(), String::from_utf8(body).unwrap())
    };
    assert_eq!(ready().await.0, 200);
    if let portcullis_issuer::store::Database::File(path) = bench.issuer.store().database() {
        std::fs::remove_file(path).unwrap();
        let (status, body) = ready().await;
        assert!(status == 503 && body.contains("\"code\":\"database_missing\""), "{body}");
    }
}

#[test]
fn no_token_gets_into_the_log() {
    let shell = Shell::new();
    let made = shell.json(&["init"]);
    let admin = made["admin_key"].as_str().unwrap();
    let args = ["serve", "--listen", "127.0.0.1:0", "--log-format", "json"];
    let mut child = shell
        .command(&args)
        .env("RUST_LOG", "trace")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on http://").unwrap().to_owned();
    let log = child.stderr.take().unwrap();
    let log = std::thread::spawn(move || {
        let mut text = String::new();
        BufReader::new(log).read_to_string(&mut text).unwrap();
        text
    });
    let body = format!(r#"{{"token":"{admin}"}}"#);
    for request in [
        format!("GET /v1/keys/{admin} HTTP/1.1\r\nauthorization: Bearer {admin}"),
        format!("GET /v1/keys?cursor={admin} HTTP/1.1\r\nauthorization: Bearer {admin}"),
        format!("GET /{admin} HTTP/1.1\r\nx-request-id: {admin}"),
        format!("GET /v1/list HTTP/1.1\r\nx-request-id: given-1\r\nauthorization: Bearer {admin}x"),
        format!(
            "POST /v1/verify HTTP/1.1\r\nauthorization: Bearer {admin}\r\n\
             content-type: application/json\r\ncontent-length: {}",
            body.len()
        ),
    ] {
        let mut stream = TcpStream::connect(&address).unwrap();
        let text = format!("{request}\r\nhost: x\r\nconnection: close\r\n\r\n{body}");
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.starts_with(b"HTTP/1.1 "), "{request}");
    }
    let status = std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(status.success());
    assert_eq!(child.wait().unwrap().code(), Some(0), "ended in peace");
    let log = log.join().unwrap();
    let secret = admin.rsplit('_').next().unwrap();
    assert!(!log.contains(secret), "a token is in the log");
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let answered: Vec<Value> = lines.filter(|line| line["message"] == "answered").collect();
    assert!(answered.iter().any(|line| line["span"]["route"] == "/v1/keys/{id}"));
    assert!(answered.iter().any(|line| line["span"]["request_id"] == "given-1"));
    // The caller of each request that was admitted.
    let me = &made["admin_id"];
    for line in answered.iter().filter(|line| line["span"]["route"] != "none") {
        let refused = line["status"] == 401;
        let actor = &line["span"]["actor"];
        assert_eq!((actor == me, actor.is_null()), (!refused, refused), "{line}");
    }
}

/// A server whose log is read to its end.
fn logged(shell: &Shell, work: impl FnOnce(&str)) -> String {
    let mut child = shell
        .command(&["serve", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let log = child.stderr.take().unwrap();
    let log = std::thread::spawn(move || {
        let mut text = String::new();
        BufReader::new(log).read_to_string(&mut text).unwrap();
        text
    });
    work(line.trim().strip_prefix("listening on http://").unwrap());
    let status = std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(status.success());
    child.wait().unwrap();
    log.join().unwrap()
}

/// A client that is refused can't make the log grow, however it is refused.
#[test]
fn strangers_do_not_fill_the_log() {
    let shell = Shell::initialised();
    let log = logged(&shell, |address| {
        for number in 0..300 {
            let credentials = match number % 3 {
                0 => String::new(),
                1 => "authorization: Bearer sk_live_x\r\n".into(),
                _ => format!("authorization: Basic {number}\r\n"),
            };
            let (method, path) = match number % 4 {
                0 => ("GET", "/v1/keys"),
                1 => ("POST", "/v1/self/revoke"),
                2 => ("GET", "/v1/nothing"),
                _ => ("GET", "/nothing"),
            };
            let mut stream = TcpStream::connect(address).unwrap();
            let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\n{credentials}");
            let text = format!("{head}connection: close\r\n\r\n");
            stream.write_all(text.as_bytes()).unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).unwrap();
            assert!(answer.starts_with(b"HTTP/1.1 40"), "{path}");
        }
    });
    let lines = log.lines().count();
    assert!((10..60).contains(&lines), "{lines} lines:\n{log}");
}

#[test]
fn flags_go_before_the_environment_and_that_before_the_file() {
    let shell = Shell::new();
    let file = shell.folder.path().join("portcullis.toml");
    let list = |shell: &Shell, args: &[&str], env: Option<&str>| {
        let mut command = shell.command(args);
        command.env_remove("PORTCULLIS_HOME").env("PORTCULLIS_CONFIG", &file);
        if let Some(home) = env {
            command.env("PORTCULLIS_HOME", home);
        }
        stderr(&command.output().unwrap())
    };
    std::fs::write(&file, "home = 'by-file'\n[serve]\nrate_limit = 5\n").unwrap();
    assert!(list(&shell, &["keys", "list"], None).contains("no issuer in by-file"));
    assert!(list(&shell, &["keys", "list"], Some("by-env")).contains("no issuer in by-env"));
    let args = ["keys", "list", "--home", "by-flag"];
    assert!(list(&shell, &args, Some("by-env")).contains("no issuer in by-flag"));
    std::fs::write(&file, "colour = 'red'\n[serve]\nport = 1\n").unwrap();
    let refused = list(&shell, &["keys", "list"], None);
    assert!(refused.contains("unknown settings: colour, serve.port"), "{refused}");
    assert!(refused.contains("serve.rate_limit"), "{refused}");
}

#[test]
fn the_trail_the_jobs_and_the_doctor_have_their_commands() {
    let shell = Shell::initialised();
    shell.json(&["keys", "create", "--title", "x"]);
    let verified = shell.json(&["audit", "verify"]);
    assert_eq!((verified["ok"].as_bool(), verified["events"].as_u64()), (Some(true), Some(3)));
    let anchor = verified["anchor"].as_str().unwrap();
    shell.json(&["audit", "verify", "--anchor", anchor]);
    let wrong = shell.run(&["audit", "verify", "--anchor", &format!("9{anchor}")]);
    assert_eq!((code(&wrong), stdout(&wrong).contains("truncated")), (1, true));
    let output = shell.run(&["audit", "export", "--output", "trail.jsonl"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(shell.json(&["audit", "verify", "--file", "trail.jsonl"])["events"], 3);
    let listed = shell.json(&["audit", "list", "--type", "api-key.created", "--limit", "1"]);
    assert_eq!(listed["next_cursor"], "3");

    for job in ["expiry-notices", "prune", "key-age", "idle-keys"] {
        assert_eq!(shell.json(&["jobs", "run", job])["job"], job);
    }
    assert_eq!(shell.json(&["jobs", "list"])["jobs"][0]["state"], "ended");
    let made = shell.json(&["webhooks", "create", "https://example.com/hook"]);
    let id = made["webhook"]["id"].as_str().unwrap();
    assert_eq!(shell.json(&["webhooks", "list"])["webhooks"][0]["id"], id);
    assert_eq!(code(&shell.run(&["webhooks", "deliveries", id, "--state", "dead"])), 0);
    assert_eq!(code(&shell.run(&["webhooks", "delete", id])), 0);
    assert_eq!(code(&shell.run(&["webhooks", "delete", id])), 1);
    let private = shell.run(&["webhooks", "create", "https://127.0.0.1/"]);
    assert_eq!((code(&private), stderr(&private).contains("private address")), (2, true));

    assert_eq!(shell.json(&["doctor"])["healthy"], true);
    let chmod = |mode: &str| {
        let path = shell.home();
        std::process::Command::new("chmod").args([mode]).arg(path).status().unwrap()
    };
    assert!(chmod("755").success());
    let sick = shell.run(&["doctor"]);
    assert_eq!((code(&sick), stdout(&sick).contains("run: chmod 700")), (1, true));
    assert!(chmod("700").success());
    std::fs::write(shell.home().join("issuer.db"), "nonsense").unwrap();
    let sick = shell.run(&["doctor"]);
    assert_eq!((code(&sick), stdout(&sick).contains("restore it from a backup")), (1, true));
    std::fs::remove_dir_all(shell.home()).unwrap();
    assert_eq!(code(&shell.run(&["doctor"])), 2);
}

#[tokio::test]
async fn a_server_says_that_it_is_not_ready_well_before_the_list_has_run_out() {
    let bench = Bench::new().await;
    let router = router(&bench.issuer);
    let ready = async || {
        let (status, _, body) = ask(&router, get(&bench, "/health/ready")).await;
        let body: Value = serde_json::from_slice(&body).unwrap();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        (status.as_u16(), text("code"), text("detail"))
    };
    bench.clock.advance(30_000);
    assert_eq!(ready().await.0, 200);
    bench.clock.advance(1_000);
    let (status, code, detail) = ready().await;
    assert_eq!((status, code.as_str()), (503, "list_late"));
    assert!(detail.contains("for 31 s; gates refuse every key in 269 s"), "{detail}");
    bench.issuer.list().publish().await.unwrap();
    assert_eq!(ready().await.0, 200);
    let now = portcullis_issuer::clock::Clock::now(&*bench.clock);
    bench.clock.jump(now.plus_millis(90_000));
    assert_eq!(ready().await.1, "clock_implausible");
    bench.clock.jump(now);
    assert_eq!(ready().await.0, 200);
}
