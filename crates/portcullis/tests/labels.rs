//! Labels at the command line: `init --label`, `keys create --label`, `keyring labels`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]

mod common;

use common::Shell;
use portcullis_test_support::{code, stderr, stdout};
use serde_json::{Value, json};

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn create(shell: &Shell, args: &[&str]) -> String {
    let made = shell.json(&[&["keys", "create", "--title", "x"], args].concat());
    text(&made, "/token").to_owned()
}

fn labels(shell: &Shell) -> Value {
    shell.json(&["keyring", "labels"])["labels"].clone()
}

#[test]
fn an_issuer_with_a_label_makes_keys_without_one() {
    let shell = Shell::new();
    let made = shell.json(&["init", "--label", "acme"]);
    assert!(text(&made, "/admin_key").starts_with("acme_ak_live_"));
    let refused = shell.run(&["keys", "create", "--title", "x", "--label", ""]);
    assert_eq!(code(&refused), 2);
    let advice = "portcullis keyring labels --add-unlabelled";
    assert!(stderr(&refused).contains("it lists `acme`"), "{}", stderr(&refused));
    assert!(stderr(&refused).contains(advice), "{}", stderr(&refused));

    // The command that the error proposes.
    let added = shell.run(&advice.split(' ').skip(1).collect::<Vec<_>>());
    assert_eq!(code(&added), 0, "{}", stderr(&added));
    assert!(stdout(&added).contains("`acme` (default), no label"), "{}", stdout(&added));
    assert!(stderr(&added).contains("learn of it with the keyring"));
    let plain = create(&shell, &["--label", ""]);
    assert!(plain.starts_with("sk_live_"));
    assert!(create(&shell, &[]).starts_with("acme_sk_live_"));
    let publishable = create(&shell, &["--kind", "publishable", "--label", "acme"]);
    assert!(publishable.starts_with("acme_pk_live_"));
    for token in [&plain, &publishable] {
        assert_eq!(code(&shell.run(&["verify", token])), 0);
    }

    let again = shell.json(&["keyring", "labels", "--add-unlabelled"]);
    assert_eq!((&again["changed"], &again["version"]), (&json!(false), &json!(2)));
    let first = shell.json(&["keyring", "labels", "--default-unlabelled"]);
    assert_eq!((&first["labels"], &first["version"]), (&json!(["", "acme"]), &json!(3)));
    assert!(create(&shell, &[]).starts_with("sk_live_"));
    let shown = shell.run(&["keyring", "show"]);
    assert!(stdout(&shown).contains("no label (default), `acme`"), "{}", stdout(&shown));
}

#[test]
fn a_label_is_removed_when_it_is_meant() {
    let shell = Shell::new();
    shell.json(&["init", "--label", "acme", "--label", ""]);
    let (acme, plain) = (create(&shell, &[]), create(&shell, &["--label", ""]));
    let told = json!([
        { "label": "acme", "default": true, "listed": true, "keys": 2, "in_force": 2 },
        { "label": "", "default": false, "listed": true, "keys": 1, "in_force": 1 },
    ]);
    assert_eq!(labels(&shell), told, "the first admin key is one");

    let remove = ["keyring", "labels", "--remove", "acme"];
    let preview = shell.json(&[&remove[..], &["--dry-run"]].concat());
    let refused = json!({ "count": 2, "admins": 1, "admins_left": 0 });
    let dry = json!({ "dry_run": true, "changed": true, "labels": [""], "refused": refused });
    assert_eq!(preview, dry);
    let seen = shell.run(&[&remove[..], &["--dry-run"]].concat());
    let sentence = "this would let everybody refuse 2 keys, of which 1 is an admin key; no admin key \
                    that can make others is left; nothing was changed";
    assert!(stdout(&seen).contains(sentence), "{}", stdout(&seen));
    let unsaid = shell.run(&remove);
    assert_eq!(code(&unsaid), 2);
    assert!(stderr(&unsaid).contains("--yes"), "{}", stderr(&unsaid));
    let last = shell.run(&[&remove[..], &["--yes"]].concat());
    assert_eq!(code(&last), 1);
    assert!(stderr(&last).contains("--last-admin"), "{}", stderr(&last));
    for token in [&acme, &plain] {
        assert_eq!(code(&shell.run(&["verify", token])), 0);
    }

    let scope = ["keys", "create", "--admin", "--scope", "*", "--title", "next", "--label", ""];
    assert!(text(&shell.json(&scope), "/token").starts_with("ak_live_"));
    let gone = shell.json(&[&remove[..], &["--yes", "--by", "me"]].concat());
    assert_eq!((&gone["labels"], &gone["published"]), (&json!([""]), &json!(true)));
    assert_eq!(code(&shell.run(&["verify", &acme])), 1);
    assert_eq!(code(&shell.run(&["verify", &plain])), 0);
    let listed = labels(&shell);
    assert_eq!(listed[1]["listed"], json!(false));
    let shown = shell.run(&["keyring", "labels"]);
    assert!(stdout(&shown).contains("not listed: its keys are refused"), "{}", stdout(&shown));
    let events = shell.json(&["audit", "list", "--limit", "3"]);
    let events = events["events"].as_array().unwrap();
    let change = events.iter().find(|event| event["type"] == "keyring.changed").unwrap();
    assert_eq!((text(change, "/data/act"), text(change, "/on_behalf_of")), ("labels", "me"));

    // No live key has the label, so no confirmation is needed.
    assert_eq!(code(&shell.run(&["keyring", "labels", "--add", "shop"])), 0);
    assert_eq!(code(&shell.run(&["keyring", "labels", "--remove", "shop"])), 0);
    let back = shell.json(&["keyring", "labels", "--add", "acme"]);
    assert_eq!(back["labels"], json!(["", "acme"]));
    assert_eq!(code(&shell.run(&["verify", &acme])), 0);
}

#[test]
fn the_root_key_is_needed_and_what_is_misspelt_is_refused() {
    let shell = Shell::new();
    for bad in [
        &["--label", "sk"][..],
        &["--label", "Acme"],
        &["--label", "acme", "--label", "acme"],
        &["--label", "a", "--label", "b", "--label", "c", "--label", "d", "--label", ""],
    ] {
        let refused = shell.run(&[&["init"], bad].concat());
        assert_ne!(code(&refused), 0, "{bad:?}");
        assert!(!shell.home().exists(), "{bad:?}");
    }
    shell.json(&["init"]);
    for (bad, advice) in [
        (&["--add", ""][..], "--add-unlabelled"),
        (&["--remove", ""], "--remove-unlabelled"),
        (&["--add", "live"], "choose your product's name"),
        (&["--default", "acme"], "--add acme"),
        (&["--remove-unlabelled"], "add another"),
        (&["--default", "acme", "--default-unlabelled"], "cannot be used with"),
        (&["--add", "acme", "--yes", "--dry-run"], "cannot be used with"),
    ] {
        let refused = shell.run(&[&["keyring", "labels"], bad].concat());
        assert_ne!(code(&refused), 0, "{bad:?}");
        assert!(stderr(&refused).contains(advice), "{bad:?}: {}", stderr(&refused));
    }
    let away = shell.folder.path().join("root.key");
    std::fs::rename(shell.home().join("root.key"), &away).unwrap();
    let add = ["keyring", "labels", "--add", "acme"];
    let missing = shell.run(&add);
    assert_eq!(code(&missing), 2);
    assert!(stderr(&missing).contains("--root"), "{}", stderr(&missing));
    // Reading needs no confirmation.
    assert_eq!(code(&shell.run(&["keyring", "labels"])), 0);
    assert_eq!(code(&shell.run(&[&add[..], &["--dry-run"]].concat())), 0);
    let root = away.to_str().unwrap();
    assert_eq!(shell.json(&[&add[..], &["--root", root]].concat())["labels"], json!(["", "acme"]));
}
