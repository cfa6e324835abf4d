//! Every operation of the API's description is sent to a real issuer, and each answer, errors
//! included, is checked against the schema that the description names for its status. Schemas are
//! closed for that: a field that the description doesn't know is a fault.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use common::Shell;
use futures_util::StreamExt as _;
use portcullis_api::{Settings, StreamLimits, openapi, router, router_with};
use portcullis_issuer::Issuer;
use portcullis_issuer::actions::NewKey;
use portcullis_issuer::events::{Age, Retention};
use portcullis_issuer::record::KeyPurpose;
use portcullis_issuer::schedule::{Job, Options};
use portcullis_issuer::webhooks::Reach;
use portcullis_test_support::{Bench, code, stderr, stdout};
use serde_json::{Map, Value, json};
use tower::ServiceExt as _;

const DAY: u64 = 24 * 60 * 60 * 1000;
const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";
const PROBLEM: &str = "application/problem+json";

/// What one request is.
struct Call<'a> {
    method: &'a str,
    /// The path as the description has it.
    route: &'a str,
    /// The path itself, with its query.
    path: String,
    kind: &'a str,
    body: String,
}

impl<'a> Call<'a> {
    /// A request with a JSON body. `operation` is `METHOD /path`.
    fn new(operation: &'a str, path: &str, body: &Value) -> Self {
        let (method, route) = operation.split_once(' ').unwrap();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        Self { method, route, path: path.to_owned(), kind: JSON, body }
    }

    /// A request whose path has no parameters.
    fn at(operation: &'a str, body: &Value) -> Self {
        let (_, route) = operation.split_once(' ').unwrap();
        Self::new(operation, route, body)
    }
}

/// What came back.
struct Reply {
    status: u16,
    kind: String,
    text: String,
}

/// Sends requests, checks the answers, and keeps what was seen.
struct Checked {
    document: Value,
    components: Value,
    admin: String,
    /// Operation and status of each answer.
    seen: BTreeSet<(String, String)>,
    faults: Vec<String>,
}

impl Checked {
    fn new(admin: &str) -> Self {
        let document = openapi();
        let mut components = document["components"].clone();
        for schema in components["schemas"].as_object_mut().unwrap().values_mut() {
            close_parts(&document, schema);
        }
        let (seen, faults) = (BTreeSet::new(), Vec::new());
        Self { document, components, admin: admin.to_owned(), seen, faults }
    }

    async fn send(&self, router: &Router, key: Option<&str>, call: &Call<'_>) -> Reply {
        let mut request = Request::builder().method(call.method).uri(&call.path);
        request = request.header("content-type", call.kind);
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let request = request.body(Body::from(call.body.clone())).unwrap();
        let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
        let kind = parts.headers.get("content-type");
        let kind = kind.map_or("", |kind| kind.to_str().unwrap()).to_owned();
        // A stream does not end: its first event is enough.
        let bytes = if kind == "text/event-stream" {
            body.into_data_stream().next().await.unwrap().unwrap()
        } else {
            axum::body::to_bytes(body, 1 << 22).await.unwrap()
        };
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Reply { status: parts.status.as_u16(), kind, text }
    }

    /// Sends a request as the admin key. Its answer must have this status and match the
    /// description.
    async fn ok(&mut self, router: &Router, call: &Call<'_>, status: u16) -> Value {
        let reply = self.send(router, Some(&self.admin), call).await;
        let Call { method, path, .. } = call;
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.text);
        self.check(call, &reply)
    }

    /// Checks an answer. Answers other than JSON are checked line by line.
    fn check(&mut self, call: &Call<'_>, reply: &Reply) -> Value {
        let Call { method, route, path, .. } = call;
        let operation = self.document["paths"][route][method.to_lowercase()].clone();
        assert!(operation.is_object(), "{method} {route} is described");
        let exact = reply.status.to_string();
        let found = [exact.as_str(), "default"].into_iter().find(|status| {
            // What is described for all other statuses is a problem.
            (*status != "default" || reply.status >= 400)
                && operation["responses"][*status].is_object()
        });
        let Some(status) = found else {
            self.faults.push(format!("{method} {path}: {exact} is not described: {}", reply.text));
            return Value::Null;
        };
        self.seen.insert((format!("{method} {route}"), status.to_owned()));
        let content = &operation["responses"][status]["content"];
        let (kinds, one): (Vec<&str>, _) = match content.as_object() {
            Some(content) => {
                (content.keys().map(String::as_str).collect(), content.values().next())
            }
            None => (Vec::new(), None),
        };
        if reply.text.is_empty() || reply.kind == "text/event-stream" {
            // An event is described beside the stream, which is none of JSON.
            let event = reply.text.lines().find_map(|line| line.strip_prefix("data: "));
            if let Some(event) = event {
                self.matches(call, &json!({ "$ref": "#/components/schemas/EventView" }), event);
            }
            assert_eq!(kinds, Vec::<&str>::new(), "{method} {path}: {}", reply.text);
            return Value::Null;
        }
        if kinds != [reply.kind.as_str()] {
            self.faults.push(format!("{method} {path}: {exact} is {}, not {kinds:?}", reply.kind));
            return Value::Null;
        }
        if reply.kind == NDJSON {
            for line in reply.text.lines() {
                self.matches(call, &json!({ "$ref": "#/components/schemas/LineView" }), line);
            }
            return Value::Null;
        }
        let schema = one.unwrap()["schema"].clone();
        let answer = self.matches(call, &schema, &reply.text);
        if reply.kind == PROBLEM {
            assert_eq!(answer["status"], reply.status, "{method} {path}");
        }
        answer
    }

    /// Checks a text against a schema; returns its value.
    fn matches(&mut self, call: &Call<'_>, schema: &Value, text: &str) -> Value {
        let answer: Value = serde_json::from_str(text).unwrap();
        let mut schema = schema.clone();
        close(&self.document, &mut schema);
        let whole = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "components": self.components,
            "allOf": [schema],
        });
        let validator = jsonschema::options().should_validate_formats(true).build(&whole).unwrap();
        for error in validator.iter_errors(&answer) {
            let place = error.instance_path().to_string();
            self.faults.push(format!("{} {} `{place}`: {error}\n", call.method, call.path));
        }
        answer
    }
}

/// The schema that `$ref` names, or the schema itself.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        None => schema,
        Some(name) => document.pointer(name.trim_start_matches('#')).unwrap(),
    }
}

/// Whether a schema lists an object's fields, itself or in its parts.
fn lists_fields(document: &Value, schema: &Value) -> bool {
    let schema = resolved(document, schema);
    let parts = schema["allOf"].as_array().into_iter().flatten();
    schema["properties"].is_object() || parts.into_iter().any(|part| lists_fields(document, part))
}

/// Closes a schema, and those of its fields and items.
fn close(document: &Value, schema: &mut Value) {
    close_parts(document, schema);
    if lists_fields(document, schema) {
        let schema = schema.as_object_mut().unwrap();
        schema.insert("unevaluatedProperties".into(), false.into());
    }
}

/// Closes the schemas of fields and items, and leaves the schema itself open: another one may be
/// made of it and of more fields.
fn close_parts(document: &Value, schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else { return };
    if let Some(parts) = schema.get_mut("allOf").and_then(Value::as_array_mut) {
        parts.iter_mut().for_each(|part| close_parts(document, part));
    }
    for of in ["oneOf", "anyOf", "prefixItems"] {
        let choices = schema.get_mut(of).and_then(Value::as_array_mut);
        choices.into_iter().flatten().for_each(|choice| close(document, choice));
    }
    let fields = schema.get_mut("properties").and_then(Value::as_object_mut);
    fields.into_iter().flat_map(Map::values_mut).for_each(|field| close(document, field));
    for of in ["items", "additionalProperties"] {
        if let Some(part) = schema.get_mut(of).filter(|part| part.is_object()) {
            close(document, part);
        }
    }
}

fn id(answer: &Value, pointer: &str) -> String {
    let found = answer.pointer(pointer).unwrap_or_else(|| panic!("{pointer} in {answer}"));
    found.as_str().map_or_else(|| found.to_string(), str::to_owned)
}

/// The issuer at the same folder that can commit but not publish: its stamps would be in force for
/// longer than the keyring.
async fn unpublishing(bench: &Bench) -> Router {
    let forever = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    router(&Issuer::open(&bench.home, bench.clock.clone(), forever).await.unwrap())
}

async fn answers_match(bench: Bench) {
    let at = router(&bench.issuer);
    let mute = unpublishing(&bench).await;
    let mut it = Checked::new(&bench.made.admin_token);
    it.keys(&at, &mute).await;
    it.records(&at, &mute).await;
    it.rest(&bench).await;
    it.removed(&bench).await;
    it.refusals(&bench, &at).await;

    // Each status that the description names was seen.
    let mut unseen = Vec::new();
    for (path, item) in it.document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            for status in operation["responses"].as_object().unwrap().keys() {
                let of = (format!("{} {path}", method.to_uppercase()), status.clone());
                if !it.seen.contains(&of) {
                    unseen.push(format!("{} {}", of.0, of.1));
                }
            }
        }
    }
    assert!(it.faults.is_empty(), "{} faults:\n{}", it.faults.len(), it.faults.join("\n"));
    assert!(unseen.is_empty(), "no request here gives these answers:\n{}", unseen.join("\n"));
}

impl Checked {
    /// Makes a key; returns its id and its text.
    async fn key(&mut self, at: &Router, body: Value) -> (String, String) {
        let made = self.ok(at, &Call::at("POST /v1/keys", &body), 201).await;
        (id(&made, "/key/id"), id(&made, "/token"))
    }

    async fn keys(&mut self, at: &Router, mute: &Router) {
        let none = Value::Null;
        let secret = json!({ "title": "Secret", "metadata": { "team": { "name": "x" } } });
        let (first, token) = self.key(at, secret.clone()).await;
        let shop = json!({ "title": "Shop", "kind": "publishable", "sales_channels": ["web"] });
        let (shop, _) = self.key(at, shop).await;
        let two =
            json!([{ "title": "One", "created_by": "me", "expires_in_seconds": 9000 }, secret]);
        let two = self.ok(at, &Call::at("POST /v1/keys", &two), 201).await;
        assert_eq!(two.as_array().map(Vec::len), Some(2));
        let upsert = json!([{ "title": "New" }, { "id": first, "title": "Changed" }]);
        self.ok(at, &Call::at("PUT /v1/keys", &upsert), 200).await;
        for query in ["", "?count=true&limit=2", "?kind=publishable"] {
            let path = format!("/v1/keys{query}");
            let page = self.ok(at, &Call::new("GET /v1/keys", &path, &none), 200).await;
            assert!(!page["keys"].as_array().unwrap().is_empty());
        }
        let file = "external_id,title\na,Imported\na,Again\nb,\n";
        let body = file.to_owned();
        let import = Call { kind: "text/csv", body, ..Call::at("POST /v1/keys/import", &none) };
        self.ok(at, &import, 200).await;
        for (token, environment) in
            [(token.as_str(), "live"), (&token, "test"), ("nonsense", "live")]
        {
            let body = json!({ "token": token, "environment": environment });
            self.ok(at, &Call::at("POST /v1/verify", &body), 200).await;
            self.ok(at, &Call::at("POST /v1/keys/authenticate", &body), 200).await;
        }

        // Each change of one key, published and not.
        let update = json!({ "metadata": { "a": 1 } });
        for (act, body) in [("suspend", json!({ "by": "me" })), ("resume", json!({}))] {
            let operation = format!("POST /v1/keys/{{id}}/{act}");
            self.of_key(at, &operation, &first, &body, 200).await;
            self.of_key(mute, &operation, &shop, &body, 202).await;
        }
        for operation in ["PATCH /v1/keys/{id}", "POST /v1/keys/{id}"] {
            self.of_key(at, operation, &first, &update, 200).await;
            let channels = json!({ "sales_channels": [operation.to_lowercase()[..4].trim()] });
            self.of_key(mute, operation, &shop, &channels, 202).await;
            self.of_key(at, operation, &shop, &json!({ "sales_channels": ["x"] }), 200).await;
        }
        let operation = "POST /v1/keys/{id}/sales-channels";
        self.of_key(at, operation, &shop, &json!({ "add": ["b"] }), 200).await;
        self.of_key(mute, operation, &shop, &json!({ "add": ["c"] }), 202).await;
        self.of_key(at, "GET /v1/keys/{id}", &shop, &none, 200).await;
        let roll = "POST /v1/keys/{id}/roll";
        let rolled = self.of_key(at, roll, &first, &json!({ "overlap_seconds": 60 }), 200).await;
        let next = id(&rolled, "/key/id");
        self.of_key(mute, roll, &next, &json!({}), 202).await;

        // Each end of one key and of several.
        let (a, _) = self.key(at, secret.clone()).await;
        let (b, _) = self.key(at, secret.clone()).await;
        for (router, key, status) in [(at, &a, 200), (mute, &b, 202)] {
            let operation = "POST /v1/keys/{id}/revoke";
            let path = format!("/v1/keys/{key}/revoke?wait=0");
            let body = json!({ "revoked_by": "me" });
            let revoked = self.ok(router, &Call::new(operation, &path, &body), status).await;
            assert_eq!(revoked["published"], status == 200);
            assert_eq!(revoked["targets"].is_array(), status == 200, "{revoked}");
        }
        let many = "POST /v1/keys/revoke";
        let (c, _) = self.key(at, secret.clone()).await;
        let (d, _) = self.key(at, secret.clone()).await;
        let dry = json!({ "ids": [c], "dry_run": true });
        self.ok(at, &Call::at(many, &dry), 200).await;
        let like = json!({ "where": { "title": "nothing has it" }, "dry_run": true });
        self.ok(at, &Call::at(many, &like), 200).await;
        let skip = json!({ "ids": [a, c], "if_revoked": "skip" });
        self.ok(at, &Call::new(many, "/v1/keys/revoke?wait=0", &skip), 200).await;
        self.ok(mute, &Call::at(many, &json!({ "ids": [d] })), 202).await;
        self.of_key(at, "DELETE /v1/keys/{id}", &a, &none, 200).await;
        self.ok(at, &Call::at("POST /v1/keys/delete", &json!({ "ids": [b, c] })), 200).await;
        for (router, status) in [(at, 200), (mute, 202)] {
            let (one, _) = self.key(at, secret.clone()).await;
            let (other, _) = self.key(at, secret.clone()).await;
            self.of_key(router, "POST /v1/keys/{id}/undo", &one, &json!({}), status).await;
            let ids = json!({ "ids": [other] });
            self.ok(router, &Call::at("POST /v1/keys/undo", &ids), status).await;
        }
        let new = json!({ "title": "Ops", "scopes": ["keys:*", "list:read"] });
        self.ok(at, &Call::at("POST /v1/admins", &new), 201).await;
    }

    /// An operation on one key, or on one record of another table.
    async fn of_key(
        &mut self,
        at: &Router,
        operation: &str,
        key: &str,
        body: &Value,
        status: u16,
    ) -> Value {
        let (_, route) = operation.split_once(' ').unwrap();
        let path = route.replace("{id}", key).replace("{number}", key);
        self.ok(at, &Call::new(operation, &path, body), status).await
    }

    /// Owners, policies, and revocations in bulk.
    async fn records(&mut self, at: &Router, mute: &Router) {
        let none = Value::Null;
        let new = json!({ "name": "Zoë", "external_id": "crm-1", "metadata": { "plan": "x" } });
        let owner = id(&self.ok(at, &Call::at("POST /v1/owners", &new), 201).await, "/number");
        self.ok(at, &Call::at("GET /v1/owners", &none), 200).await;
        self.of_key(at, "GET /v1/owners/{number}", &owner, &none, 200).await;
        let change = json!({ "external_id": null, "metadata": {} });
        self.of_key(at, "PATCH /v1/owners/{number}", &owner, &change, 200).await;
        self.of_key(at, "DELETE /v1/owners/{number}", &owner, &none, 204).await;

        let new = json!({ "name": "Reader", "visibility": "private", "scopes": ["orders:read"],
                          "methods": ["GET"], "rate_class": "slow" });
        let policies = "POST /v1/policies";
        let policy = id(&self.ok(at, &Call::at(policies, &new), 201).await, "/number");
        let other = id(&self.ok(mute, &Call::at(policies, &new), 202).await, "/number");
        self.ok(at, &Call::at("GET /v1/policies", &none), 200).await;
        self.of_key(at, "GET /v1/policies/{number}", &policy, &none, 200).await;
        for (router, number, status) in [(at, &policy, 200), (mute, &other, 202)] {
            let change = json!({ "rate_class": null, "cidrs": ["192.0.2.0/24"] });
            self.of_key(router, "PATCH /v1/policies/{number}", number, &change, status).await;
            self.of_key(router, "DELETE /v1/policies/{number}", number, &none, status).await;
        }

        let bulk = "POST /v1/bulk-revocations";
        let dry = json!({ "environment": "test", "dry_run": true });
        self.ok(at, &Call::at(bulk, &dry), 200).await;
        let left = self.ok(at, &Call::at("POST /v1/owners", &json!({ "name": "Left" })), 201).await;
        let whole =
            json!({ "owner": left["number"], "issued_before": "2020-01-31T12:00:00Z", "by": "me" });
        self.ok(at, &Call::new(bulk, "/v1/bulk-revocations?wait=0", &whole), 201).await;
        for (router, made, lifted) in [(at, 201, 200), (mute, 202, 202)] {
            let what = json!({ "environment": "test", "state": "suspended" });
            let entry = id(&self.ok(router, &Call::at(bulk, &what), made).await, "/id");
            self.of_key(router, "POST /v1/bulk-revocations/{id}/lift", &entry, &none, lifted).await;
        }
        self.ok(at, &Call::at("GET /v1/bulk-revocations", &none), 200).await;
    }

    /// List, trail, webhooks, usage, settings.
    async fn rest(&mut self, bench: &Bench) {
        let reach = Reach { http: false, private: true };
        let at = &router_with(&bench.issuer, Settings { reach, ..Settings::default() });
        let none = Value::Null;
        for route in ["GET /v1/keyring", "GET /v1/keyring/labels", "GET /v1/list"] {
            self.ok(at, &Call::at(route, &none), 200).await;
        }
        self.ok(at, &Call::at("POST /v1/list/publish", &none), 200).await;
        for query in ["", "?order=asc&limit=3", "?type=api-key.created"] {
            let path = format!("/v1/events{query}");
            self.ok(at, &Call::new("GET /v1/events", &path, &none), 200).await;
        }
        let stream = "GET /v1/events/stream";
        self.ok(at, &Call::new(stream, "/v1/events/stream?after=0", &none), 200).await;

        let new = json!({ "url": "http://127.0.0.1:9/", "types": ["api-key.revoked"] });
        let hook = self.ok(at, &Call::at("POST /v1/webhooks", &new), 201).await;
        let hook = id(&hook, "/webhook/id");
        self.ok(at, &Call::at("GET /v1/webhooks", &none), 200).await;
        self.of_key(at, "GET /v1/webhooks/{id}", &hook, &none, 200).await;
        let change = json!({ "description": "Ours", "enabled": true });
        self.of_key(at, "POST /v1/webhooks/{id}", &hook, &change, 200).await;
        let all = json!({ "after": 0 });
        self.of_key(at, "POST /v1/webhooks/{id}/replay", &hook, &all, 200).await;
        // Nothing listens there, so that each delivery is tried in vain and kept.
        let round = bench.issuer.webhooks().dispatcher(reach).unwrap().round().await.unwrap();
        assert!(round.failed > 0, "{round:?}");
        let found = self.of_key(at, "GET /v1/webhooks/{id}/deliveries", &hook, &none, 200).await;
        assert!(!found["deliveries"].as_array().unwrap().is_empty());
        self.of_key(at, "POST /v1/webhooks/{id}/rotate-secret", &hook, &json!({}), 200).await;
        self.of_key(at, "DELETE /v1/webhooks/{id}", &hook, &none, 200).await;

        let used = json!({ "uses": [{ "key": "apk_none", "uses": 1, "last_used_at": 1 }] });
        self.ok(at, &Call::at("POST /v1/usage", &used), 200).await;
        self.ok(at, &Call::at("GET /v1/settings", &none), 200).await;
        for dry_run in [true, false] {
            let change = json!({ "dry_run": dry_run, "reason_required": false,
                                 "secret": { "max_lifetime_seconds": 86400, "idle_days": 30 } });
            self.ok(at, &Call::at("PATCH /v1/settings", &change), 200).await;
        }
        self.ok(at, &Call::at("GET /v1/settings", &none), 200).await;
    }

    /// Events that retention has removed, and streams of which there are too many.
    async fn removed(&mut self, bench: &Bench) {
        let none = Value::Null;
        let streams = StreamLimits { max: 0, max_per_key: 0 };
        let full = router_with(&bench.issuer, Settings { streams, ..Settings::default() });
        self.ok(&full, &Call::at("GET /v1/events/stream", &none), 429).await;

        let at = router(&bench.issuer);
        let new = json!({ "url": "https://example.com/hook" });
        let hook = self.ok(&at, &Call::at("POST /v1/webhooks", &new), 201).await;
        let hook = id(&hook, "/webhook/id");
        bench.clock.advance(30 * DAY);
        bench.issuer.list().publish().await.unwrap();
        let age = Age::Keep(Duration::from_millis(20 * DAY));
        let retention = Some(Retention { age, archive: None, even_if_broken: false });
        let options = Options { retention, ..Options::default() };
        bench.issuer.jobs().run(Job::TrimEvents, &options).await.unwrap();
        let kept = "/v1/events?order=asc";
        let kept = self.ok(&at, &Call::new("GET /v1/events", kept, &none), 200).await;
        assert!(kept["removed"].is_object(), "{kept}");
        let gone = "/v1/events?order=asc&cursor=3";
        self.ok(&at, &Call::new("GET /v1/events", gone, &none), 410).await;
        let gone = "/v1/events/stream?after=3";
        self.ok(&at, &Call::new("GET /v1/events/stream", gone, &none), 410).await;
        let after = json!({ "after": 3 });
        self.of_key(&at, "POST /v1/webhooks/{id}/replay", &hook, &after, 410).await;
    }

    /// Every operation without a key, with one that may not use it, with a parameter and a body
    /// that it doesn't know, and about a record that there isn't.
    async fn refusals(&mut self, bench: &Bench, at: &Router) {
        let admin_scopes = vec!["metrics:read".to_owned()];
        let new = NewKey { purpose: KeyPurpose::Admin, admin_scopes, ..NewKey::titled("Weak") };
        let weak = bench.issuer.keys().create(&new).await.unwrap().token.to_string();
        let strong = self.admin.clone();
        let operations: Vec<(String, String)> = self.document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, item)| {
                let methods = item.as_object().unwrap().keys();
                methods
                    .map(move |method| (format!("{} {path}", method.to_uppercase()), path.clone()))
            })
            .collect();
        for (operation, route) in operations {
            let path = route.replace("{id}", "apk_none").replace("{number}", "1");
            let wrong = json!({ "nonsense": 1 });
            let call = Call::new(&operation, &path, &wrong);
            for (key, status) in [(None, 401), (Some("nonsense"), 401), (Some(weak.as_str()), 403)]
            {
                let reply = self.send(at, key, &call).await;
                assert_eq!(reply.status, status, "{operation}: {}", reply.text);
                self.check(&call, &reply);
            }
            // An operation takes neither. Without a body it may only refuse the parameter.
            for path in [path.clone(), format!("{path}?nonsense=1")] {
                let call = Call::new(&operation, &path, &wrong);
                let reply = self.send(at, Some(&strong), &call).await;
                if reply.kind != "text/event-stream" {
                    self.check(&call, &reply);
                }
            }
            if route.contains('{') {
                let call = Call::new(&operation, &path, &Value::Null);
                let reply = self.send(at, Some(&strong), &call).await;
                assert!([400, 404].contains(&reply.status), "{operation}: {}", reply.text);
                self.check(&call, &reply);
            }
        }
    }
}

#[tokio::test]
async fn every_answer_is_as_the_description_says_on_sqlite() {
    answers_match(Bench::new().await).await;
}

#[tokio::test]
async fn every_answer_is_as_the_description_says_on_postgres() {
    if let Some(bench) = Bench::on_postgres().await {
        answers_match(bench).await;
    }
}

#[test]
fn a_field_that_the_description_does_not_know_is_found() {
    let mut it = Checked::new("");
    let call = Call::at("DELETE /v1/keys/{id}", &Value::Null);
    let mut answer = json!({ "id": "apk_x", "object": "api_key", "deleted": true });
    let reply = |answer: &Value| Reply { status: 200, kind: JSON.into(), text: answer.to_string() };
    it.check(&call, &reply(&answer));
    assert!(it.faults.is_empty(), "{:?}", it.faults);
    answer["published"] = json!(true);
    it.check(&call, &reply(&answer));
    assert_eq!(it.faults.len(), 1, "{:?}", it.faults);
    // Also in an answer that is made of several parts.
    let undo = Call::at("POST /v1/keys/{id}/undo", &Value::Null);
    it.check(&undo, &reply(&answer));
    assert_eq!(it.faults.len(), 1, "{:?}", it.faults);
    answer["nonsense"] = json!(true);
    it.check(&undo, &reply(&answer));
    assert_eq!(it.faults.len(), 2, "{:?}", it.faults);
    // And so is a status, or a type of answer, that it doesn't name.
    let created = Reply { status: 201, ..reply(&answer) };
    it.check(&undo, &created);
    let problem = Reply { kind: PROBLEM.into(), ..reply(&answer) };
    it.check(&undo, &problem);
    assert_eq!(it.faults.len(), 4, "{:?}", it.faults);
}

/// What the command line prints as `--json` is the object that HTTP answers, also of a change that
/// can't be published.
#[test]
fn the_command_line_answers_the_same_objects() {
    let shell = Shell::initialised();
    let mut it = Checked::new("");
    let key = |args: &[&str]| {
        let made = shell.json(&[&["keys", "create", "--title", "x"], args].concat());
        id(&made, "/key/id")
    };
    let [a, b, c, d] = [(); 4].map(|()| key(&[]));
    let shop = key(&["--kind", "publishable"]);
    let policy = shell.json(&["policies", "create", "--name", "Reader", "--scope", "orders:read"]);
    let policy = id(&policy, "/number");
    let acts: [(&str, &[&str]); 10] = [
        ("POST /v1/keys/{id}/suspend", &["keys", "suspend", &a]),
        ("POST /v1/keys/{id}/resume", &["keys", "resume", &a]),
        ("POST /v1/keys/{id}/roll", &["keys", "roll", &a]),
        ("POST /v1/keys/{id}/sales-channels", &["keys", "sales-channels", &shop, "--add", "web"]),
        ("POST /v1/keys/{id}/revoke", &["keys", "revoke", &b, "--wait=0"]),
        ("POST /v1/keys/revoke", &["keys", "revoke", &c, &b, "--if-revoked", "skip"]),
        ("POST /v1/keys/undo", &["keys", "undo", &d]),
        ("PATCH /v1/policies/{number}", &["policies", "update", &policy, "--scope", "a:b"]),
        ("DELETE /v1/policies/{number}", &["policies", "delete", &policy]),
        ("POST /v1/bulk-revocations", &["revoke", "--environment", "test", "--yes"]),
    ];
    for (operation, args) in acts {
        let call = Call::at(operation, &Value::Null);
        // In force for a hundred years: no stamp may be.
        let output = shell.run(&[args, &["--valid-for", "876000h", "--json"]].concat());
        assert_eq!(code(&output), 2, "{args:?}: {}", stderr(&output));
        let reply = Reply { status: 202, kind: JSON.into(), text: stdout(&output) };
        let answer = it.check(&call, &reply);
        assert_eq!(answer["published"], false, "{args:?}: {answer}");
        assert_eq!(answer["problem"]["code"], "valid_for", "{args:?}: {answer}");
        assert!(answer["note"].as_str().unwrap().contains("committed but not yet published"));
    }
    let shown = shell.json(&["list", "show"]);
    let reply = Reply { status: 200, kind: JSON.into(), text: shown.to_string() };
    it.check(&Call::at("GET /v1/list", &Value::Null), &reply);
    assert!(it.faults.is_empty(), "{}", it.faults.join("\n"));
}

/// Nothing in the API and in the program makes an answer by names of fields in texts. What makes the
/// description itself is no answer.
#[test]
fn answers_are_types() {
    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { files(&path, found) } else { found.push(path) }
        }
    }
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    ["api/src", "portcullis/src"].iter().for_each(|source| files(&crates.join(source), &mut found));
    assert!(found.len() > 110, "{}", found.len());
    for path in found.iter().filter(|path| !path.ends_with("api/src/openapi.rs")) {
        let text = std::fs::read_to_string(path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for word in ["json!", "as_object_mut", "to_value("] {
            assert!(!code.contains(word), "{}: {word} instead of a type", path.display());
        }
    }
}
