//! `portcullis scan`, as the built program.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]

#[path = "../common/mod.rs"]
mod common;
mod history;

use std::fs;
use std::io::Write as _;
use std::process::{Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::Shell;
use portcullis_core::verifier::Verifier;
use portcullis_issuer::actions::{NewKey, Revocation, When};
use portcullis_issuer::record::KeyState;
use portcullis_scan::{Options, Progress, Report, State, TokenVerifier, scan};
use portcullis_test_support::{Bench, code, stderr, stdout};
use serde_json::Value;

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A folder of files to scan, with an issuer next to it.
struct Tree(Shell);

impl Tree {
    fn new() -> Self {
        let tree = Self(Shell::initialised());
        fs::create_dir_all(tree.path("tree/.git")).unwrap();
        tree
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.0.folder.path().join(path)
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path("tree").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn create(&self, args: &[&str]) -> (String, String) {
        let made = self.0.json(&[&["keys", "create", "--title", "x"], args].concat());
        (text(&made, "/token").to_owned(), text(&made, "/key/id").to_owned())
    }

    /// Scans without an issuer.
    fn scan(&self, args: &[&str]) -> Output {
        let mut command = self.0.command(&[&["scan"], args].concat());
        command.env_remove("PORTCULLIS_HOME").output().unwrap()
    }

    /// The paths of the findings.
    fn found(&self, args: &[&str]) -> Vec<String> {
        let json = json(&self.scan(&[args, &["--json"]].concat()));
        let findings = json["findings"].as_array().unwrap();
        findings.iter().map(|finding| text(finding, "/path").to_owned()).collect()
    }
}

#[test]
fn a_key_is_shown_with_its_place_and_never_whole() {
    let tree = Tree::new();
    assert_eq!(code(&tree.scan(&["tree"])), 0);
    let (secret, _) = tree.create(&[]);
    let (public, _) = tree.create(&["--kind", "publishable", "--environment", "test"]);
    tree.write("src/app.js", format!("// ü\nconst key = '{secret}';\n"));
    tree.write("src/page.html", format!("<script data-key={public}></script>"));
    tree.write("src/word.txt", &secret[1..]);

    let output = tree.scan(&["tree", "--json"]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let answer = json(&output);
    let redacted = |key: &str| format!("{}***{}", &key[..8], &key[key.len() - 5..]);
    assert_eq!(
        answer,
        serde_json::json!({
            "findings": [
                {
                    "path": "tree/src/app.js", "line": 2, "column": 14,
                    "redacted": redacted(&secret), "prefix": "sk_live_", "kind": "secret",
                    "environment": "live", "algorithm": "hmac-sha256-128", "encoding": "plain", "checksum": "right",
                    "state": null, "id": null, "purpose": null,
                },
                {
                    "path": "tree/src/page.html", "line": 1, "column": 18,
                    "redacted": redacted(&public), "prefix": "pk_test_", "kind": "publishable",
                    "environment": "test", "algorithm": "ed25519", "encoding": "plain", "checksum": "right",
                    "state": null, "id": null, "purpose": null,
                },
            ],
            "unlisted": 0,
            "files": 3,
            "binary_left_out": 0,
            "errors": [],
        })
    );
    let plain = tree.scan(&["tree"]);
    assert_eq!(code(&plain), 1);
    let shown = stdout(&plain);
    assert!(shown.contains("tree/src/app.js:2:14"), "{shown}");
    assert!(!shown.contains('\x1b') && !shown.contains("STATE"), "{shown}");
    for output in [&output, &plain] {
        for text in [stdout(output), stderr(output)] {
            assert!(!text.contains(&secret[8..20]) && !text.contains(&public[8..20]), "{text}");
        }
    }
}

#[test]
fn an_admin_key_is_found_and_called_one() {
    let tree = Tree::new();
    let (admin, _) = tree.create(&["--admin", "--scope", "keys:read"]);
    tree.write("settings", format!("ISSUER_KEY={admin}"));
    let shown = stdout(&tree.scan(&["tree"]));
    let form = format!("ak_live_***{}  admin  live", &admin[admin.len() - 5..]);
    assert!(shown.contains(&form), "{shown}");
}

#[test]
fn a_key_is_found_whatever_it_stands_in() {
    let tree = Tree::new();
    let (key, id) = tree.create(&[]);
    let (other, _) = tree.create(&["--kind", "publishable"]);
    let encoded = |text: String| STANDARD.encode(text);
    let basic = encoded(format!("{key}:"));
    let wrapped = encoded(format!("{}{key}", "x".repeat(100)));
    let wrapped = wrapped.as_bytes().chunks(76).map(|line| str::from_utf8(line).unwrap());
    let wrapped = wrapped.collect::<Vec<_>>().join("\n    ");
    let cases = [
        (format!(r#"{{"log":"key:\n{key}\t{other}\u0022{key}"}}"#), vec![15, 91, 237]),
        (format!("https://shop/?key%3D{key}%26x"), vec![21]),
        (format!("backup_{key} x{key}_"), vec![8, 84]),
        (format!("{key}{other}{key}"), vec![1, 75, 215]),
    ];
    for (at, (text, _)) in cases.iter().enumerate() {
        tree.write(&format!("plain{at}"), text);
    }
    tree.write("secret.yaml", format!("data:\n  key: {}\n", encoded(key.clone())));
    tree.write("curl.sh", format!("curl -H 'Authorization: Basic {basic}' https://api\n"));
    tree.write("wrapped.yaml", format!("data: |\n    {wrapped}\n"));
    let findings = |args: &[&str]| {
        let answer = json(&tree.scan(&[args, &["--json"]].concat()));
        let of = |f: &Value| (f["line"].as_u64().unwrap(), f["column"].as_u64().unwrap());
        let of = |f: &Value| (of(f), text(f, "/encoding").to_owned());
        answer["findings"].as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    for (at, (_, columns)) in cases.iter().enumerate() {
        let expected: Vec<_> = columns.iter().map(|at| ((1, *at), "plain".to_owned())).collect();
        assert_eq!(findings(&[&format!("tree/plain{at}")]), expected, "{at}");
    }
    for (file, place) in [("secret.yaml", (2, 8)), ("curl.sh", (1, 31)), ("wrapped.yaml", (3, 62))]
    {
        let found = findings(&[&format!("tree/{file}")]);
        assert_eq!(found, [(place, "base64".to_owned())], "{file}");
    }
    let plain = stdout(&tree.0.run(&["scan", "tree/curl.sh"]));
    assert!(plain.contains("***") && plain.contains("(base64)"), "{plain}");
    assert!(plain.contains(&id) && plain.contains("live"), "it is verified as any key: {plain}");
    assert!(!plain.contains(&key) && !plain.contains(&basic), "{plain}");
}

#[test]
fn a_wrong_checksum_is_reported_where_it_is_asked_for() {
    let tree = Tree::new();
    let (key, _) = tree.create(&[]);
    let last = if key.ends_with('0') { "1" } else { "0" };
    tree.write("a", format!("{}{last}", &key[..key.len() - 1]));
    tree.write("b", format!("sk_live_{}", "z".repeat(66)));
    tree.write("c", &key[..key.len() - 1]);
    assert_eq!(code(&tree.scan(&["tree"])), 0);
    let output = tree.scan(&["tree", "--all", "--json"]);
    assert_eq!(code(&output), 1);
    let answer = json(&output);
    for at in 0..2 {
        assert_eq!(text(&answer, &format!("/findings/{at}/checksum")), "wrong");
    }
    assert_eq!(answer["findings"].as_array().unwrap().len(), 2);
    assert!(stdout(&tree.scan(&["tree", "--all"])).contains("looks like a key"));
}

#[test]
fn what_is_left_out_is_left_out_and_can_be_asked_for() {
    let tree = Tree::new();
    let (key, _) = tree.create(&[]);
    tree.write(".gitignore", "ignored\n");
    for path in ["plain", "ignored", "folder/.hidden"] {
        tree.write(path, format!("{key}\n"));
    }
    tree.write("binary", format!("\0\n{key}\n"));
    assert_eq!(tree.found(&["tree"]), ["tree/plain"]);
    assert_eq!(tree.found(&["tree", "--no-ignore"]), ["tree/ignored", "tree/plain"]);
    assert_eq!(tree.found(&["tree", "--hidden"]), ["tree/folder/.hidden", "tree/plain"]);
    assert_eq!(tree.found(&["tree", "--binary"]), ["tree/binary", "tree/plain"]);
    // A file named on the command line is scanned whatever it is, and only once.
    let named = ["tree/ignored", "tree/folder/.hidden", "tree/binary", "tree", "tree/plain"];
    assert_eq!(tree.found(&named).len(), 4);
    let summary = stderr(&tree.scan(&["tree"]));
    for left_out in ["1 binary file", "--hidden", "--no-ignore"] {
        assert!(summary.contains(left_out), "{summary}");
    }
}

#[test]
fn a_big_file_is_read_to_its_end() {
    let tree = Tree::new();
    let (key, _) = tree.create(&[]);
    let line = format!("{}\n", "x".repeat(99));
    let many = line.repeat(20_000);
    tree.write("big", format!("{many}  {key}\n{many}{key}"));
    let answer = json(&tree.scan(&["tree", "--json"]));
    let places = answer["findings"].as_array().unwrap().iter();
    let places: Vec<_> = places.map(|f| (f["line"].as_u64(), f["column"].as_u64())).collect();
    assert_eq!(places, [(Some(20_001), Some(3)), (Some(40_002), Some(1))]);
}

#[test]
fn standard_input_is_read() {
    let tree = Tree::new();
    let (key, _) = tree.create(&[]);
    let mut command = tree.0.command(&["scan", "-", "--json"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("\0\n {key}").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 1);
    let answer = json(&output);
    assert_eq!(text(&answer, "/findings/0/path"), "-");
    assert_eq!(answer["findings"][0]["line"], 2);
    assert_eq!(text(&answer, "/findings/0/state"), "live");
}

#[test]
fn what_cant_be_read_is_reported_and_the_rest_is_scanned() {
    let tree = Tree::new();
    let (key, _) = tree.create(&[]);
    tree.write("a", &key);
    let output = tree.scan(&["missing", "tree", "--json"]);
    assert_eq!(code(&output), 2);
    let answer = json(&output);
    assert_eq!(answer["findings"].as_array().unwrap().len(), 1);
    assert_eq!(text(&answer, "/errors/0/path"), "missing");
    assert!(text(&answer, "/errors/0/message").contains("No such file"), "{answer}");
    let plain = tree.scan(&["tree", "missing"]);
    assert!(stdout(&plain).contains("tree/a:1:1"));
    assert!(stderr(&plain).contains("missing: "), "{}", stderr(&plain));
}

#[cfg(unix)]
#[test]
fn odd_files_neither_block_nor_mislead() {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;
    let tree = Tree::new();
    let (key, _) = tree.create(&[]);
    tree.write("real/key", &key);
    symlink("real", tree.path("tree/link")).unwrap();
    symlink("nowhere", tree.path("tree/dangling")).unwrap();
    symlink("tree", tree.path("to-tree")).unwrap();
    symlink("tree/real/key", tree.path("to-key")).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(tree.path("tree/socket")).unwrap();
    assert_eq!(tree.found(&["tree"]), ["tree/real/key"], "links are not followed");
    assert_eq!(tree.found(&["to-tree", "to-key"]), ["to-key", "to-tree/real/key"]);
    drop(socket);
    let name = std::ffi::OsStr::from_bytes(b"a\x1b[31m\xFF\n");
    fs::write(tree.path("tree").join(name), &key).unwrap();
    let shown = stdout(&tree.scan(&["tree"]));
    assert!(!shown.contains('\x1b') && shown.contains("tree/a\\u{1b}[31m"), "{shown}");
    assert_eq!(shown.lines().count(), 3, "{shown}");
}

#[test]
fn an_issuer_verifies_what_is_found() {
    let tree = Tree::new();
    let (live, id) = tree.create(&[]);
    let (dead, dead_id) = tree.create(&["--kind", "publishable"]);
    let (other, _) = Tree::new().create(&[]);
    assert_eq!(code(&tree.0.run(&["keys", "revoke", &dead_id])), 0);
    let (admin, admin_id) = tree.create(&["--admin", "--scope", "keys:read"]);
    tree.write("keys", [live.as_str(), &dead, &other, &admin].join("\n"));
    let states = || {
        let output = tree.0.run(&["scan", "tree", "--json"]);
        assert_eq!(code(&output), 1, "{}", stderr(&output));
        let answer = json(&output);
        let state = |f: &Value| ["/state", "/id", "/purpose"].map(|at| text(f, at).to_owned());
        answer["findings"].as_array().unwrap().iter().map(state).collect::<Vec<_>>()
    };
    let expected = [
        ["live", id.as_str(), "token"],
        ["revoked", &dead_id, "token"],
        ["foreign", "", ""],
        ["live", &admin_id, "admin"],
    ];
    assert_eq!(states(), expected);
    // The list has expired, so the states come from the records.
    assert_eq!(code(&tree.0.run(&["list", "publish", "--valid-for", "1s"])), 0);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert_eq!(states(), expected);
    let plain = stdout(&tree.0.run(&["scan", "tree"]));
    assert!(plain.contains(&id) && plain.contains("revoked"), "{plain}");
}

/// A bundle and a keyring verify as much as they can; the bundle is checked at the clock's time.
#[tokio::test]
async fn a_replica_verifies_as_far_as_it_can() {
    let bench = Bench::new().await;
    let mut new = NewKey::titled("x");
    let hmac = bench.issuer.keys().create(&new).await.unwrap();
    new.algorithm = Some(portcullis_core::token::Algorithm::Ed25519);
    let (live, revoked) = (
        bench.issuer.keys().create(&new).await.unwrap(),
        bench.issuer.keys().create(&new).await.unwrap(),
    );
    new.expires = Some(When::In(std::time::Duration::from_secs(60))).into();
    let expired = bench.issuer.keys().create(&new).await.unwrap();
    let now = Revocation { when: When::Now, by: None };
    bench.issuer.keys().revoke(&revoked.record.id, &now).await.unwrap();
    let other = Bench::new().await;
    let foreign = other.issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    bench.clock.advance(61_000);

    let file = bench.folder.path().join("keys");
    let keys = [&hmac, &live, &revoked, &expired, &foreign];
    fs::write(&file, keys.map(|key| key.token.as_str()).join(" ")).unwrap();
    let look = |verifier: &Verifier| {
        let verify = TokenVerifier::new(verifier, bench.issuer.now());
        let report = scan(
            std::slice::from_ref(&file),
            Options::default(),
            Some(verify),
            &Progress::default(),
        );
        states(&report)
    };
    let keyring = bench.issuer.keyring().document().await.unwrap();
    let mut verifier = Verifier::new(bench.made.root, &keyring).unwrap();
    let (none, unheld) = (State::NoList, State::SecretNotHeld);
    // Without the secret, it is unknown which issuer made an HMAC key.
    assert_eq!(look(&verifier), [unheld, none, none, none, unheld]);
    verifier
        .adopt_bundle(&bench.issuer.list().bundle().await.unwrap(), bench.issuer.now())
        .unwrap();
    let verified = [State::Live, State::Revoked, State::Expired];
    assert_eq!(look(&verifier), [&[unheld], &verified[..], &[unheld]].concat());
    let view = bench.issuer.list().state().await.unwrap();
    assert_eq!(look(view.verifier()), [&[State::Live], &verified[..], &[State::Foreign]].concat());
    assert_eq!(expired.record.state(bench.issuer.now()), KeyState::Expired);
}

fn states(report: &Report) -> Vec<State> {
    report.findings.iter().filter_map(|finding| Some(finding.verified?.state)).collect()
}

#[test]
fn a_keyring_or_a_bundle_verifies_with_a_pinned_root() {
    let shell = Shell::new();
    let root = text(&shell.json(&["init"]), "/root").to_owned();
    let made = shell.json(&["keys", "create", "--title", "x", "--kind", "publishable"]);
    let file = |name: &str| shell.folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(file("key"), text(&made, "/token")).unwrap();
    let ring = file("keyring");
    assert_eq!(code(&shell.run(&["keyring", "export", "--public", "--output", &ring])), 0);
    let scan = |args: &[&str]| {
        let mut command = shell.command(&[&["scan", "key", "--json"], args].concat());
        command.env_remove("PORTCULLIS_HOME").output().unwrap()
    };
    let answer = json(&scan(&["--keyring", &ring, "--root", &root]));
    assert_eq!(text(&answer, "/findings/0/state"), "list_missing");
    assert_eq!(text(&answer, "/findings/0/id"), text(&made, "/key/id"));

    for args in [
        &["--keyring", &ring][..],
        &["--root", &root],
        &["--keyring", &ring, "--bundle", &ring, "--root", &root],
        &["--bundle", &ring, "--root", &root],
        &["--keyring", "missing", "--root", &root],
        &["--keyring", &ring, "--root", "short"],
        &["--home", "nowhere"],
        &[],
    ] {
        let is_whole = args.is_empty();
        let output = if is_whole { shell.run(&["scan"]) } else { scan(args) };
        assert_eq!(code(&output), 2, "{args:?}: {}", stdout(&output));
        assert!(!stderr(&output).is_empty(), "{args:?}");
    }
    let other = text(&Shell::new().json(&["init"]), "/root").to_owned();
    assert_eq!(code(&scan(&["--keyring", &ring, "--root", &other])), 2);
}
