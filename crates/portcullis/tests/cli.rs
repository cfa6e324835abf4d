//! The built program, run from the command line.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]

mod common;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use common::Shell;
use portcullis_issuer::time_format::parse_rfc3339;
use portcullis_test_support::{code, stderr, stdout};
use serde_json::{Value, json};

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[test]
fn a_key_lives_and_dies() {
    let shell = Shell::new();
    let made = shell.json(&["init", "--label", "acme"]);
    assert!(text(&made, "/issuer").starts_with("iss_"));
    assert_eq!(text(&made, "/root").len(), 43);
    assert!(text(&made, "/admin_key").starts_with("acme_ak_live_"));

    let created = shell.json(&["keys", "create", "--title", "Billing", "--expires-in", "90d"]);
    let (id, token) = (text(&created, "/key/id"), text(&created, "/token"));
    assert_eq!(code(&shell.run(&["verify", token])), 0);
    assert_eq!(
        code(&shell.run(&["verify", token, "--kind", "secret", "--environment", "live"])),
        0
    );
    let test = shell.run(&["verify", token, "--environment", "test"]);
    assert_eq!((code(&test), stdout(&test).contains("wrong_environment")), (1, true));
    let mut child = shell
        .command(&["verify", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(format!("{token}\n").as_bytes()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));

    let scheduled = shell.json(&["keys", "revoke", id, "--in", "1h", "--by", "alice"]);
    assert_eq!(text(&scheduled, "/state"), "scheduled");
    assert_eq!(code(&shell.run(&["verify", token])), 0);
    let revoked = shell.json(&["keys", "revoke", id]);
    assert_eq!(text(&revoked, "/state"), "revoked");
    assert_eq!(revoked["list"]["number"], 3);
    let verdict = shell.run(&["verify", token, "--json"]);
    assert_eq!(code(&verdict), 1);
    let verdict: Value = serde_json::from_slice(&verdict.stdout).unwrap();
    assert_eq!((verdict["ok"].as_bool(), text(&verdict, "/code")), (Some(false), "revoked"));
    let again = shell.run(&["keys", "revoke", id]);
    assert_eq!(code(&again), 1);
    assert!(stderr(&again).contains("already revoked"), "{}", stderr(&again));

    let listed = shell.json(&["keys", "list", "--state", "revoked"]);
    assert_eq!(text(&listed, "/keys/0/id"), id);
    assert_eq!(text(&shell.json(&["keys", "show", id]), "/title"), "Billing");
    assert_eq!(code(&shell.run(&["keys", "show", "apk_none"])), 1);
    assert_eq!(shell.json(&["list", "show"])["shards"][0]["revoked"], 1);
}

#[test]
fn a_key_is_rolled_by_its_overlap() {
    let shell = Shell::initialised();
    let created = shell.json(&["keys", "create", "--title", "Shop", "--kind", "publishable"]);
    let (id, old) = (text(&created, "/key/id"), text(&created, "/token"));
    let rolled = shell.json(&["keys", "roll", id, "--overlap", "1h"]);
    let new = text(&rolled, "/token");
    assert_eq!(text(&rolled, "/key/token"), new);
    assert_eq!(text(&rolled, "/rolled/state"), "scheduled");
    for token in [old, new] {
        assert_eq!(code(&shell.run(&["verify", token])), 0);
    }
    let at_once = shell.json(&["keys", "roll", text(&rolled, "/key/id"), "--overlap", "0s"]);
    assert_eq!(code(&shell.run(&["verify", new])), 1);
    assert_eq!(code(&shell.run(&["verify", text(&at_once, "/token")])), 0);
}

#[test]
fn misuse_exits_with_2() {
    let shell = Shell::new();
    for args in [
        &["keys", "list"][..],
        &["nonsense"],
        &["verify"],
        &["keyring", "export"],
        &["keyring", "export", "--public", "--gate"],
        &["keyring", "export", "--public", "--environment", "live"],
        &["keys", "create"],
        &["keys", "create", "--title", "x", "--kind", "other"],
        &["keys", "create", "--title", "x", "--expires-in", "soon"],
        &[
            "keys",
            "create",
            "--title",
            "x",
            "--expires-in",
            "1h",
            "--expires-at",
            "2030-01-01T00:00:00Z",
        ],
        &["init", "--label", "sk"],
        &["list", "verify", "--bundle", "x"],
        &["list", "publish", "--valid-for", "never"],
    ] {
        let output = shell.run(args);
        assert_eq!(code(&output), 2, "{args:?}");
        assert!(!stderr(&output).is_empty(), "{args:?}");
    }
    assert!(stderr(&shell.run(&["keys", "list"])).contains("portcullis init"));
    assert!(!shell.home().exists(), "nothing was made");
    assert_eq!(code(&shell.run(&["init"])), 0);
    assert_eq!(code(&shell.run(&["list", "publish", "--valid-for", "2d"])), 2);
    assert_eq!(code(&shell.run(&["list", "publish", "--valid-for", "1d"])), 0);
}

#[test]
fn nobody_is_told_more_than_they_asked_for() {
    let shell = Shell::initialised();
    let gate = shell.run(&["keyring", "export", "--gate", "--environment", "live"]);
    let gate: Value = serde_json::from_slice(&gate.stdout).unwrap();
    let secrets = gate["secrets"].as_array().unwrap();
    assert_eq!((secrets.len(), secrets[0]["kid"].as_u64()), (1, Some(1)));
    assert_eq!(text(&secrets[0], "/secret").len(), 43);
    let all = shell.json(&["keyring", "export", "--gate"]);
    assert_eq!(all["secrets"].as_array().unwrap().len(), 2);
    let file = shell.folder.path().join("gate.json");
    let path = file.to_str().unwrap();
    assert_eq!(code(&shell.run(&["keyring", "export", "--gate", "--output", path])), 0);
    assert_eq!(serde_json::from_slice::<Value>(&std::fs::read(&file).unwrap()).unwrap(), all);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    let ring = shell.folder.path().join("keyring.bin");
    let path = ring.to_str().unwrap();
    assert_eq!(code(&shell.run(&["keyring", "export", "--public", "--output", path])), 0);
    let ring = std::fs::read(ring).unwrap();
    assert!(ring.starts_with(b"PCK"));
    let public = shell.json(&["keyring", "export", "--public"]);
    let plain = shell.run(&["keyring", "export", "--public"]);
    assert_eq!(stdout(&plain).trim(), text(&public, "/keyring"));
    let secret = text(&secrets[0], "/secret");
    assert!(!stdout(&plain).contains(secret) && !public.to_string().contains(secret));
}

/// Every byte in the issuer's folder, except the keystore and the root key.
fn everything_else(shell: &Shell) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(shell.home()).unwrap() {
        let path = entry.unwrap().path();
        if !path.ends_with("keystore.json") && !path.ends_with("root.key") {
            bytes.extend(std::fs::read(path).unwrap());
        }
    }
    bytes
}

#[test]
fn the_database_holds_no_secret() {
    let shell = Shell::new();
    let made = shell.json(&["init"]);
    let secret = shell.json(&["keys", "create", "--title", "Secret one"]);
    let ed25519 = shell.json(&["keys", "create", "--title", "x", "--algorithm", "ed25519"]);
    let public = shell.json(&["keys", "create", "--title", "x", "--kind", "publishable"]);
    let rolled = shell.json(&["keys", "roll", text(&secret, "/key/id")]);
    let bytes = everything_else(&shell);
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("Secret one") && holds(text(&public, "/token")), "the scan sees what is there");
    for answer in [&secret, &ed25519, &rolled] {
        let token = text(answer, "/token");
        // Neither the token nor its signature part is stored.
        assert!(!holds(token) && !holds(&token[token.len() - 33..]));
    }
    assert!(!holds(text(&made, "/admin_key")));
    let keystore: Value =
        serde_json::from_slice(&std::fs::read(shell.home().join("keystore.json")).unwrap())
            .unwrap();
    for key in keystore["keys"].as_array().unwrap() {
        assert!(!holds(text(key, "/secret")));
    }
}

#[test]
fn a_bundle_to_deploy_is_what_is_served() {
    let shell = Shell::new();
    shell.json(&["init"]);
    let path = shell.folder.path().join("bundle.bin");
    // The previous file is replaced, not overwritten in part.
    std::fs::write(&path, [7; 100_000]).unwrap();
    let written = shell.json(&["bundle", "--out", path.to_str().unwrap()]);
    let file = std::fs::read(&path).unwrap();
    assert_eq!(written["bundle_len"], file.len());
    assert_eq!(written["list"]["number"], shell.json(&["list", "show"])["number"]);
    let server = Served::start(&shell);
    let served = server.get("/.well-known/portcullis/bundle");
    server.stop();
    // The server may have renewed the stamp; the keyring in front of it is the same.
    let length = file.len().min(served.len());
    assert!(length > 200 && file[..200] == served[..200]);
    let nowhere = shell.folder.path().join("no/such/folder/bundle.bin");
    assert_eq!(code(&shell.run(&["bundle", "--out", nowhere.to_str().unwrap()])), 2);
}

#[test]
fn a_bundle_is_checked_against_a_root() {
    let shell = Shell::new();
    let root = text(&shell.json(&["init"]), "/root").to_owned();
    assert_eq!(code(&shell.run(&["list", "verify"])), 0);
    let server = Served::start(&shell);
    let bundle = server.get("/.well-known/portcullis/bundle");
    server.stop();
    let path = shell.folder.path().join("list.bundle");
    let check = |bytes: &[u8], root: &str| {
        std::fs::write(&path, bytes).unwrap();
        let args = ["--home", "nowhere", "list", "verify", "--root", root, "--bundle"];
        shell.run(&[&args[..], &[path.to_str().unwrap()]].concat())
    };
    assert_eq!(code(&check(&bundle, &root)), 0);
    for at in [0, 3, 40, bundle.len() / 2, bundle.len() - 1] {
        let mut bad = bundle.clone();
        bad[at] ^= 1;
        let output = check(&bad, &root);
        assert_eq!(code(&output), 1, "byte {at}: {}", stdout(&output));
    }
    assert_eq!(code(&check(&bundle[..bundle.len() - 1], &root)), 1);
    assert_eq!(code(&check(&[&bundle[..], b"x"].concat(), &root)), 1);
    let other = text(&Shell::new().json(&["init"]), "/root").to_owned();
    assert_eq!(code(&check(&bundle, &other)), 1);
    assert_eq!(code(&check(&bundle, "short")), 2);
    let hyphen = check(&bundle, "-short");
    assert!(stderr(&hyphen).contains("invalid value"), "taken for a key: {}", stderr(&hyphen));
}

struct Served {
    child: Child,
    address: String,
}

impl Served {
    fn start(shell: &Shell) -> Self {
        let mut command = shell.command(&["serve", "--listen", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap().to_owned();
        Self { child, address }
    }

    fn get(&self, path: &str) -> Vec<u8> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        answer.split_off(end + 4)
    }

    fn stop(mut self) {
        #[cfg(unix)]
        {
            let pid = self.child.id().to_string();
            assert!(std::process::Command::new("kill").arg(pid).status().unwrap().success());
            assert_eq!(self.child.wait().unwrap().code(), Some(0), "it ends in order");
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
fn the_server_serves_what_the_command_line_revokes() {
    let shell = Shell::initialised();
    let created = shell.json(&["keys", "create", "--title", "x"]);
    let server = Served::start(&shell);
    assert!(server.get("/health/ready").starts_with(br#"{"keystore":"ok""#));
    let before = server.get("/.well-known/portcullis/head");
    shell.json(&["keys", "revoke", text(&created, "/key/id")]);
    let after = server.get("/.well-known/portcullis/head");
    assert_ne!(before, after, "served at once, though another process published it");

    let port = server.address.rsplit(':').next().unwrap();
    let second = shell.run(&["serve", "--listen", &server.address]);
    assert_eq!(code(&second), 2);
    assert!(stderr(&second).contains(&format!("port {port} is in use")), "{}", stderr(&second));
    server.stop();
    assert!(!shell.home().join("issuer.db-wal").exists(), "the database was closed");
}

#[test]
fn json_errors_carry_a_code() {
    let shell = Shell::initialised();
    let output = shell.run(&["keys", "show", "apk_none", "--json"]);
    let error: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(text(&error, "/error/code"), "not_found");
}

#[test]
fn every_act_has_its_command() {
    let shell = Shell::initialised();
    let make = ["keys", "create", "--title", "Shop", "--kind", "publishable"];
    let make = [&make[..], &["--sales-channel", "web", "--idempotency-key", "n1"]].concat();
    let made = shell.json(&make);
    assert_eq!(shell.json(&make)["token"], made["token"]);
    let id = text(&made, "/key/id");
    let changed = ["keys", "update", id, "--title", "Store", "--metadata", r#"{"team":"a"}"#];
    assert_eq!(text(&shell.json(&changed), "/metadata/team"), "a");
    let fixed = shell.run(&["keys", "update", id, "--owner", "7"]);
    assert_eq!((code(&fixed), stderr(&fixed).contains("roll the key")), (2, true));
    let channels = ["keys", "sales-channels", id, "--add", "app", "--remove", "web"];
    assert_eq!(text(&shell.json(&channels), "/sales_channels/0"), "app");
    assert_eq!(text(&shell.json(&["keys", "suspend", id]), "/state"), "suspended");
    assert_eq!(code(&shell.run(&["verify", text(&made, "/token")])), 1);
    assert_eq!(text(&shell.json(&["keys", "resume", id]), "/state"), "active");
    let listed = shell.json(&["keys", "list", "-q", "STORE", "--order", "-title", "--count"]);
    assert_eq!((text(&listed, "/keys/0/id"), &listed["count"]), (id, &1.into()));
    assert_eq!(code(&shell.run(&["keys", "delete", id])), 1);
    assert_eq!(code(&shell.run(&["keys", "revoke"])), 2, "nothing never means all");
    let [acme, other] = ["Acme", "Other"]
        .map(|name| shell.json(&["owners", "create", "--name", name])["number"].to_string());
    let secret = shell.json(&["keys", "create", "--title", "x", "--owner", &acme]);
    let token = text(&secret, "/token");
    assert_eq!(code(&shell.run(&["keys", "authenticate", token])), 0);
    let wrong = shell.run(&["keys", "authenticate", token, "--kind", "publishable"]);
    assert_eq!((code(&wrong), stdout(&wrong).contains("wrong_kind")), (1, true));
    let roll = ["keys", "roll", text(&secret, "/key/id"), "--owner", &other];
    let roll = [&roll[..], &["--idempotency-key", "n2"]].concat();
    let rolled = shell.json(&roll);
    assert_eq!(shell.json(&roll)["token"], rolled["token"]);
    assert!(stderr(&shell.run(&roll)).contains("by an earlier command"));
    assert_eq!(rolled["key"]["owner"].to_string(), other);
    let revoked = shell.json(&["keys", "self-revoke", text(&rolled, "/token")]);
    assert_eq!(text(&revoked, "/state"), "revoked");
    assert_eq!(shell.json(&["keys", "revoke", "--owner", &acme, "--yes"])["count"], 1);
    let dead = shell.run(&["keys", "revoke", id, text(&rolled, "/key/id")]);
    assert_eq!((code(&dead), stderr(&dead).contains("already revoked")), (1, true));
    assert_eq!(code(&shell.run(&["verify", text(&made, "/token")])), 0, "all of them or none");
    shell.json(&["keys", "revoke", id]);
    assert_eq!(text(&shell.json(&["keys", "delete", id]), "/ids/0"), id);
    assert_eq!(code(&shell.run(&["keys", "show", id])), 1);
    let made = shell.json(&["keys", "create", "--title", "x"]);
    shell.json(&["keys", "undo", text(&made, "/key/id")]);
    assert_eq!(code(&shell.run(&["verify", text(&made, "/token")])), 1);
}

#[test]
fn keys_are_made_and_imported_in_bulk() {
    let shell = Shell::initialised();
    let many = ["keys", "create", "--title", "Device {n}", "--count", "25", "--batch", "10"];
    let made = stdout(&shell.run(&many));
    let last: Value = serde_json::from_str(made.lines().last().unwrap()).unwrap();
    assert_eq!((made.lines().count(), text(&last, "/title")), (25, "Device 25"));
    assert_eq!(code(&shell.run(&["verify", text(&last, "/token")])), 0);
    let made = stdout(&shell.run(&[&many[..], &["--format", "csv"]].concat()));
    assert_eq!((made.lines().count(), made.lines().next()), (26, Some("id,token,title")));

    let file = shell.folder.path().join("old.csv");
    std::fs::write(&file, "title,external_id\na,1\n,2\nc,3\n").unwrap();
    let strict = shell.run(&["import", "old.csv", "--strict"]);
    assert_eq!((code(&strict), stdout(&strict).as_str()), (2, ""));
    assert!(stderr(&strict).contains("line 3"), "{}", stderr(&strict));
    let first = shell.run(&["import", "old.csv"]);
    assert_eq!((code(&first), stdout(&first).lines().count()), (2, 2));
    assert!(stderr(&first).contains("line 3") && stderr(&first).contains("2 imported"));
    std::fs::write(&file, "title,external_id\na,1\nb,2\nc,3\n").unwrap();
    let second = shell.run(&["import", "old.csv", "--format", "csv"]);
    assert_eq!((code(&second), stdout(&second).lines().count()), (0, 2));
    assert!(stderr(&second).contains("1 imported, 2 were before"), "{}", stderr(&second));
    let again = shell.run(&["import", "old.csv", "--again"]);
    assert_eq!(stdout(&again).lines().count(), 3);
    let id = |output: &str| {
        let first: Value = serde_json::from_str(output.lines().next().unwrap()).unwrap();
        (text(&first, "/id").to_owned(), text(&first, "/token").to_owned())
    };
    assert_eq!(id(&stdout(&again)), id(&stdout(&first)));
}

#[test]
fn a_command_publishes_for_as_long_as_what_is_out_unless_it_is_told() {
    let shell = Shell::initialised();
    let validity = || {
        let list = shell.json(&["list", "show"]);
        let at = |name: &str| parse_rfc3339(list[name].as_str().unwrap()).unwrap();
        at("next_update").millis_since(at("this_update")) / 1000
    };
    assert_eq!(validity(), 300);
    shell.json(&["list", "publish", "--valid-for", "20m"]);
    assert_eq!(validity(), 1200);
    let id =
        shell.json(&["keys", "create", "--title", "x"])["key"]["id"].as_str().unwrap().to_owned();
    shell.json(&["keys", "revoke", &id]);
    assert_eq!(validity(), 1200);
    shell.json(&["list", "publish", "--valid-for", "1m"]);
    shell.json(&["list", "publish"]);
    assert_eq!(validity(), 60);
}

/// A script ends many keys only with `--yes`.
#[test]
fn many_keys_are_ended_by_no_script_that_does_not_say_so() {
    let shell = Shell::initialised();
    let owner = shell.json(&["owners", "create", "--name", "Acme"])["number"].to_string();
    let id = |made: &Value| text(made, "/key/id").to_owned();
    let one = id(&shell.json(&["keys", "create", "--title", "one", "--owner", &owner]));
    let acts = [
        vec!["revoke", "--owner", &owner],
        vec!["revoke", "--environment", "live"],
        vec!["revoke", "--kid", "1"],
        vec!["revoke", "--issued-from", "2020-01-01T00:00:00Z"],
        vec!["keys", "revoke", "--owner", &owner],
        vec!["keys", "revoke", "--title", "one"],
    ];
    let events = || shell.json(&["audit", "list"])["events"].as_array().unwrap().len();
    let before = events();
    for act in &acts {
        let refused = shell.run(act);
        assert_eq!(code(&refused), 2, "{act:?}");
        let told = stderr(&refused);
        assert!(told.contains("--yes") && told.contains("--dry-run"), "{told}");
        assert!(told.contains("1 key") || told.contains("2 keys"), "it counts: {told}");
        let told = shell.json(&[&act[..], &["--dry-run"]].concat());
        assert_eq!(told["dry_run"], true);
        assert!(told["count"].as_u64().unwrap() >= 1);
    }
    let last = shell.run(&["revoke", "--environment", "live", "--yes"]);
    assert_eq!(code(&last), 1);
    assert!(stderr(&last).contains("--last-admin"), "{}", stderr(&last));
    let nobody = shell.run(&["revoke", "--owner", "4711", "--yes"]);
    assert!(code(&nobody) == 2 && stderr(&nobody).contains("no owner"), "{}", stderr(&nobody));
    assert_eq!(events(), before, "nothing was done");
    assert_eq!(shell.json(&["keys", "revoke", "--owner", &owner, "--yes"])["count"], 1);
    let two = id(&shell.json(&["keys", "create", "--title", "two"]));
    let dead = shell.run(&["keys", "revoke", &one, &two]);
    assert!(code(&dead) == 1 && stderr(&dead).contains(&one), "{}", stderr(&dead));
    let done = shell.json(&["keys", "revoke", &one, &two, "--if-revoked", "skip"]);
    assert_eq!((&done["count"], &done["skipped"]), (&json!(1), &json!([one])));
    // Ids from a file, some of them revoked. A line that is not an id is not repeated in the error.
    let three = id(&shell.json(&["keys", "create", "--title", "three"]));
    let file = shell.folder.path().join("ids.txt");
    std::fs::write(&file, format!("{one}\n\n {three} \n{three}\n")).unwrap();
    let from = ["keys", "revoke", "--ids-from", "ids.txt", "--if-revoked", "skip"];
    let done = shell.json(&from);
    assert_eq!((&done["count"], &done["skipped"]), (&json!(1), &json!([one])));
    std::fs::write(&file, format!("{one}\nsk_live_secret\n")).unwrap();
    let bad = shell.run(&from);
    assert!(code(&bad) == 2 && stderr(&bad).contains("line 2"), "{}", stderr(&bad));
    assert!(!stderr(&bad).contains("sk_live_secret"), "{}", stderr(&bad));
    std::fs::write(&file, "\n").unwrap();
    let none = shell.run(&from);
    assert!(code(&none) == 2 && stderr(&none).contains("no id"), "{}", stderr(&none));
    let suspended = shell.json(&["revoke", "--kid", "2", "--suspend"]);
    assert_eq!(suspended["state"], "suspended", "it is lifted by another command");
    shell.json(&["revoke", "--environment", "live", "--yes", "--last-admin"]);
}

#[test]
fn a_key_in_a_wrong_place_is_not_shown() {
    let shell = Shell::new();
    shell.json(&["init"]);
    let made = shell.json(&["keys", "create", "--title", "x"]);
    let token = made["token"].as_str().unwrap();
    for args in [
        &["keys", "delete", token] as &[&str],
        &["keys", "revoke", token, "--yes"],
        &["keys", "show", token],
        &["revoke", token],
        &["keys", "create", "--title", "x", "--kind", token],
        &["verify", "--kind", token],
        &["list", token],
        &["--config", token, "list", "show"],
    ] {
        for json in [false, true] {
            let mut command = shell.command(args);
            if json {
                command.arg("--json");
            }
            let output = command.output().unwrap();
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            assert!(!output.status.success(), "{args:?}");
            assert!(!said.contains(token), "{said}");
        }
    }
}

/// Without an explicit validity, a publication is valid for as long as the one before. That
/// includes the first one, which `init` makes.
#[test]
fn the_first_list_is_valid_for_as_long_as_was_said() {
    let shell = Shell::new();
    let refused = shell.command(&["init"]).env("PORTCULLIS_VALID_FOR", "90d").output().unwrap();
    assert_eq!(code(&refused), 2, "{}", stdout(&refused));
    assert!(!shell.home().exists(), "nothing is left of it");
    let made = shell.command(&["init"]).env("PORTCULLIS_VALID_FOR", "40m").output().unwrap();
    assert_eq!(code(&made), 0, "{}", stderr(&made));
    shell.json(&["list", "publish"]);
    let shown = shell.json(&["list", "show"]);
    // Compared with a precision of one second.
    let at = |pointer| parse_rfc3339(&format!("{}Z", &text(&shown, pointer)[..19])).unwrap();
    let secs = at("/next_update").millis_since(at("/this_update")) / 1000;
    assert_eq!(secs.abs_diff(40 * 60) / 2, 0, "{shown}");
}

#[test]
fn settings_are_kept_to_by_every_command_that_makes_or_ends_keys() {
    let shell = Shell::initialised();
    let shown = shell.json(&["settings", "show"]);
    assert_eq!((&shown["version"], &shown["reason_required"]), (&0.into(), &false.into()));
    let old = shell.json(&["keys", "create", "--title", "x"]);
    let old = text(&old, "/key/id");
    let limit = ["settings", "set", "--kind", "secret", "--max-lifetime", "1h"];
    let preview = shell.json(&[&limit[..], &["--dry-run"]].concat());
    assert_eq!(
        (&preview["version"], &preview["effects"][0]["beyond_maximum"]),
        (&0.into(), &1.into())
    );
    let set =
        shell.json(&[&limit[..], &["--owner-required", "true", "--if-version", "0"]].concat());
    assert_eq!(
        (&set["version"], &set["secret"]["max_lifetime_seconds"]),
        (&1.into(), &3600.into())
    );
    let lost = shell.run(&[&limit[..], &["--if-version", "0"]].concat());
    assert_eq!((code(&lost), stderr(&lost).contains("at version 1")), (1, true));
    for (bad, why) in [
        (&["settings", "set"][..], "say what to set"),
        (&["settings", "set", "--max-lifetime", "1h"], "--kind"),
        (&["settings", "set", "--kind", "secret", "--max-lifetime", "0s"], "1s or more"),
        (&["settings", "set", "--kind", "public", "--max-lifetime", "1h"], "possible values"),
        (&["settings", "set", "--kind", "admin", "--idle-days", "30"], "idle_days"),
        (
            &["settings", "set", "--kind", "secret", "--default-lifetime", "2h"],
            "max_lifetime_seconds",
        ),
    ] {
        let refused = shell.run(bad);
        assert_eq!(
            (code(&refused), stderr(&refused).contains(why)),
            (2, true),
            "{}",
            stderr(&refused)
        );
    }

    // Creating, rolling and importing follow the settings.
    let owner = shell.json(&["owners", "create", "--name", "Acme"])["number"].to_string();
    let create = ["keys", "create", "--title", "x"];
    let error = |args: &[&str]| {
        let refused = shell.run(&[args, &["--json"]].concat());
        assert_eq!((code(&refused), stdout(&refused).as_str()), (2, ""), "{args:?}");
        let last = stderr(&refused);
        let error: Value = serde_json::from_str(last.lines().last().unwrap()).unwrap();
        text(&error, "/error/code").to_owned()
    };
    let owned = [&create[..], &["--owner", &owner]].concat();
    for (args, refused) in [
        ([&create[..], &["--expires-in", "1h"]].concat(), "owner_required"),
        (owned.clone(), "expiry_required"),
        ([&owned[..], &["--never-expires"]].concat(), "expiry_required"),
        ([&owned[..], &["--expires-in", "61m"]].concat(), "lifetime_too_long"),
        ([&owned[..], &["--expires-in", "61m", "--count", "3"]].concat(), "lifetime_too_long"),
        (vec!["keys", "roll", old, "--expires-in", "1h"], "owner_required"),
        (vec!["keys", "roll", old, "--owner", &owner], "expiry_required"),
    ] {
        assert_eq!(error(&args), refused, "{args:?}");
    }
    let file = shell.folder.path().join("old.csv");
    let lines = format!("title,owner,never_expires\na,0,true\nb,{owner},true\n");
    std::fs::write(file, lines).unwrap();
    let imported = shell.run(&["import", "old.csv"]);
    assert_eq!((code(&imported), stdout(&imported).as_str()), (2, ""));
    assert!(stderr(&imported).contains("`owner` is missing"), "{}", stderr(&imported));
    assert!(stderr(&imported).contains("`expires_at` is missing"), "{}", stderr(&imported));

    // The default expiry applies, and ending a key needs a reason.
    shell.json(&["settings", "set", "--kind", "secret", "--default-lifetime", "30m"]);
    let made = shell.json(&owned);
    assert!(made["key"]["expires_at"].is_string(), "the default is taken");
    let id = text(&made, "/key/id");
    shell.json(&["settings", "set", "--reason-required", "true", "--by", "zoe"]);
    let acts = [
        vec!["keys", "suspend", id],
        vec!["keys", "roll", id],
        vec!["keys", "undo", id],
        vec!["keys", "revoke", id],
        vec!["keys", "revoke", "--owner", &owner, "--yes"],
        vec!["revoke", "--owner", &owner, "--yes"],
        vec!["keys", "delete", id],
    ];
    for args in acts.iter().filter(|args| args[1] != "delete") {
        assert_eq!(error(args), "reason_required", "{args:?}");
        assert_eq!(error(&[&args[..], &["--reason", "  "]].concat()), "invalid", "{args:?}");
    }
    shell.json(&["keys", "revoke", id, "--reason", "it leaked"]);
    assert_eq!(error(&["keys", "delete", id]), "reason_required");
    shell.json(&["keys", "delete", id, "--reason", "tidied up"]);
    let told = shell.json(&["audit", "list", "--type", "api-key.revoked", "--limit", "1"]);
    assert_eq!(text(&told, "/events/0/data/reason"), "it leaked");
    let preview = shell.json(&["jobs", "run", "idle-keys", "--dry-run"]);
    assert_eq!(preview["kinds"], serde_json::json!([]), "nothing is asked");
    shell.json(&["settings", "set", "--kind", "secret", "--idle-days", "30"]);
    let preview = shell.json(&["jobs", "run", "idle-keys", "--dry-run"]);
    assert!(text(&preview, "/kinds/0/waits").starts_with("no use of a secret key was reported"));
    assert_eq!(code(&shell.run(&["jobs", "run", "prune", "--dry-run"])), 2);
}
