//! The issuer's signers and the files with their keys: rotation, encryption at rest, backups.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use common::Shell;
use portcullis_core::keyring::{Purpose, State};
use portcullis_core::token::{Environment, Kind};
use portcullis_core::verify::{Refusal, Requirements};
use portcullis_issuer::actions::{
    Idempotency, KeyringChange, KeyringChanged, NewKey, NewSigner, RotationError,
};
use portcullis_issuer::keystore::KeystoreError;
use portcullis_issuer::keystore::Vault;
use portcullis_issuer::publish::DEFAULT_VALID_FOR;
use portcullis_issuer::{Error, Issuer};
use portcullis_test_support::{Bench, code, stderr, stdout};
use serde_json::Value;

const TOKEN: Requirements = Requirements { purpose: Purpose::Token, kind: None, environment: None };

fn signer(purpose: Purpose, at_once: bool) -> KeyringChange {
    KeyringChange::Rotate(NewSigner {
        purpose,
        algorithm: None,
        environments: vec![Environment::Live],
        kinds: vec![Kind::Secret],
        at_once,
    })
}

async fn change(bench: &Bench, change: &KeyringChange) -> Result<KeyringChanged, Error> {
    let root = Vault::new(bench.home.root_key(), bench.home.unlock().clone());
    Ok(bench.issuer.keyring().change(change, &root, Some("me")).await?.value)
}

async fn create(issuer: &Issuer) -> (u16, String) {
    let minted = issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    (minted.record.kid, minted.token.to_string())
}

async fn rotation(bench: Bench) {
    // Another process, which learns of all this only from the database and the keystore's file.
    let other = Issuer::open(&bench.home, bench.clock.clone(), DEFAULT_VALID_FOR).await.unwrap();
    let (kid, old) = create(&other).await;
    assert_eq!(kid, 1);
    let mut gate = bench.gate().await;

    let announced = change(&bench, &signer(Purpose::Token, false)).await.unwrap();
    assert_eq!(
        (announced.version, announced.kid, announced.state),
        (2, Some(6), Some(State::Next))
    );
    assert_eq!(create(&other).await.0, 1, "what is announced is not used yet");
    let promoted = change(&bench, &KeyringChange::Promote(6)).await.unwrap();
    assert_eq!((promoted.version, &promoted.retiring), (3, &vec![1]));
    let (kid, new) = create(&other).await;
    assert_eq!(kid, 6);
    assert_eq!(other.keystore().keys().len(), 6);
    for token in [&old, &new] {
        assert!(other.keys().verify(token, None, None).await.unwrap().result.is_ok());
    }

    // A gate fetches the keyring that the stamp names, and needs the new secret.
    let keyring = other.keyring().document().await.unwrap();
    assert!(gate.offer_keyring(&keyring).unwrap());
    gate.adopt_bundle(&other.list().bundle().await.unwrap(), bench.issuer.now()).unwrap();
    let now = bench.issuer.now();
    assert!(gate.verify(&old, &TOKEN, now).is_ok());
    assert!(matches!(gate.verify(&new, &TOKEN, now), Err(Refusal::SecretNotHeld(6))));
    gate.hold_secret(6, &other.keystore().keys()[5].secret).unwrap();
    assert!(gate.verify(&new, &TOKEN, now).is_ok());

    // Retiring kid 1 would make two live tokens invalid, so it needs `anyway`.
    let refused = change(&bench, &KeyringChange::Retire { kid: 1, anyway: false }).await;
    assert!(
        matches!(refused, Err(Error::Rotation(RotationError::LiveKeys { kid: 1, live: 2 }))),
        "{refused:?}"
    );
    change(&bench, &KeyringChange::Retire { kid: 1, anyway: true }).await.unwrap();
    assert_eq!(
        other.keys().verify(&old, None, None).await.unwrap().result.unwrap_err(),
        Refusal::SignerNotAllowed(1)
    );
    assert!(gate.offer_keyring(&other.keyring().document().await.unwrap()).unwrap());
    assert_eq!(gate.verify(&old, &TOKEN, now).unwrap_err(), Refusal::SignerNotAllowed(1));
    assert!(gate.verify(&new, &TOKEN, now).is_ok());

    let signers = other.keyring().signers().await.unwrap();
    let shown: Vec<_> =
        signers.signers.iter().map(|s| (s.entry.kid, s.entry.state, s.keys.total)).collect();
    assert_eq!(shown[0], (1, State::Retired, 2));
    assert_eq!(shown[5], (6, State::Active, 1));
    assert_eq!(signers.versions.len(), 4);
}

async fn repetition(bench: Bench) {
    let name = Idempotency::new("me", "once");
    let new = [NewKey::titled("x")];
    let first = bench.issuer.keys().create_all(&new, Some(&name)).await.unwrap();
    let token = first.keys[0].token.to_string();
    change(&bench, &signer(Purpose::Token, true)).await.unwrap();
    change(&bench, &KeyringChange::Retire { kid: 1, anyway: true }).await.unwrap();
    // The answer is the same as before, from the signer of that time. A key under another signer
    // would be a second key.
    let again = bench.issuer.keys().create_all(&new, Some(&name)).await.unwrap();
    assert!(again.repeated);
    assert_eq!((again.keys[0].token.as_str(), again.keys[0].record.kid), (token.as_str(), 1));
    assert_eq!(bench.verify(&token).await.unwrap_err(), Refusal::SignerNotAllowed(1));
    let other =
        bench.issuer.keys().create_all(&new, Some(&Idempotency::new("me", "twice"))).await.unwrap();
    assert_eq!(other.keys[0].record.kid, 6);
    assert!(bench.verify(&other.keys[0].token).await.is_ok());
}

async fn list_signers(bench: Bench) {
    let other = Issuer::open(&bench.home, bench.clock.clone(), DEFAULT_VALID_FOR).await.unwrap();
    let (_, token) = create(&bench.issuer).await;
    let mut gate = bench.gate().await;
    gate.adopt_bundle(&bench.issuer.list().bundle().await.unwrap(), bench.issuer.now()).unwrap();
    let only = change(&bench, &KeyringChange::Retire { kid: 5, anyway: true }).await;
    assert!(matches!(only, Err(Error::Rotation(RotationError::LastSigner { kid: 5, .. }))));

    let before = other.list().published().await.unwrap().number;
    change(&bench, &signer(Purpose::List, false)).await.unwrap();
    assert_eq!(
        other.list().published().await.unwrap().number,
        before,
        "the same head, a new stamp"
    );
    change(&bench, &KeyringChange::Promote(6)).await.unwrap();
    assert_eq!(
        other.list().published().await.unwrap().number,
        before + 1,
        "said anew by the new signer"
    );
    change(&bench, &KeyringChange::Retire { kid: 5, anyway: false }).await.unwrap();
    bench.clock.advance(1000);
    other.list().publish().await.unwrap();
    let now = bench.issuer.now();
    gate.adopt_bundle(&other.list().bundle().await.unwrap(), now).unwrap();
    assert!(gate.verify(&token, &TOKEN, now).is_ok());
    assert!(other.keys().verify(&token, None, None).await.unwrap().result.is_ok());
}

macro_rules! on_both {
    ($($name:ident),*) => {$(
        mod $name {
            #[tokio::test]
            async fn sqlite() {
                super::$name(super::Bench::new().await).await;
            }

            #[tokio::test]
            async fn postgres() {
                if let Some(bench) = super::Bench::on_postgres().await {
                    super::$name(bench).await;
                }
            }
        }
    )*};
}
on_both!(rotation, repetition, list_signers);

#[tokio::test]
async fn what_a_rotation_left_half_done_is_never_used_nor_is_its_kid() {
    let bench = Bench::new().await;
    let before = fs::read(bench.home.keystore()).unwrap();
    change(&bench, &signer(Purpose::Token, true)).await.unwrap();
    let after = fs::read(bench.home.keystore()).unwrap();
    bench.issuer.store().close().await;
    // The file was written and the commit failed, as if version 2 had never been stored.
    let half = Bench::new().await;
    fs::write(half.home.keystore(), &before).unwrap();
    assert!(
        Issuer::open(&half.home, half.clock.clone(), DEFAULT_VALID_FOR).await.is_err(),
        "another issuer's keystore is none"
    );
    let mut document: Value = serde_json::from_slice(&after).unwrap();
    let mut store = database(&bench).await;
    sqlx::query("DELETE FROM keyrings WHERE version = 2").execute(&mut store).await.unwrap();
    let issuer = Issuer::open(&bench.home, bench.clock.clone(), DEFAULT_VALID_FOR).await.unwrap();
    issuer.list().publish().await.unwrap();
    assert_eq!(create(&issuer).await.0, 1);
    assert_eq!(issuer.keystore().keys().len(), 5);
    let root = Vault::new(bench.home.root_key(), bench.home.unlock().clone());
    let made =
        issuer.keyring().change(&signer(Purpose::Token, true), &root, None).await.unwrap().value;
    assert_eq!(made.kid, Some(7));
    document =
        serde_json::from_slice(&fs::read(bench.home.keystore()).unwrap()).unwrap_or(document);
    let kids: Vec<_> = document["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["kid"].as_u64().unwrap())
        .collect();
    assert_eq!(kids, [1, 2, 3, 4, 5, 7]);
}

async fn database(bench: &Bench) -> sqlx::AnyConnection {
    use sqlx::Connection as _;
    let url = format!("sqlite://{}", bench.home.database_file().display());
    sqlx::AnyConnection::connect(&url).await.unwrap()
}

#[tokio::test]
async fn signers_that_can_not_be_are_refused_and_the_root_is_asked_for() {
    let bench = Bench::new().await;
    let new = |purpose, algorithm, kinds: &[Kind]| {
        let kinds = kinds.to_vec();
        let environments = vec![Environment::Live];
        KeyringChange::Rotate(NewSigner { purpose, algorithm, environments, kinds, at_once: true })
    };
    use portcullis_core::token::Algorithm::HmacSha256;
    for impossible in [
        new(Purpose::Admin, Some(HmacSha256), &[]),
        new(Purpose::List, Some(HmacSha256), &[]),
        new(Purpose::Token, Some(HmacSha256), &[Kind::Publishable]),
        new(Purpose::Token, None, &[]),
        KeyringChange::Promote(1),
        KeyringChange::Promote(99),
        KeyringChange::Renew(Duration::from_secs(1)),
    ] {
        let refused = change(&bench, &impossible).await;
        assert!(matches!(refused, Err(Error::Rotation(_))), "{impossible:?}");
    }
    for purpose in [Purpose::StatusList, Purpose::Assertion, Purpose::Admin] {
        change(&bench, &signer(purpose, true)).await.unwrap();
    }
    let until = bench.issuer.keyring().signers().await.unwrap().not_after;
    bench.clock.advance(1000);
    let renewed =
        change(&bench, &KeyringChange::Renew(Duration::from_secs(86_400 * 400))).await.unwrap();
    assert!(renewed.not_after > until);
    let keystore = fs::read(bench.home.keystore()).unwrap();
    fs::rename(bench.home.root_key(), bench.folder.path().join("away")).unwrap();
    let missing = change(&bench, &signer(Purpose::List, true)).await.unwrap_err();
    assert!(missing.to_string().contains("--root"), "{missing}");
    let other = Bench::new().await;
    fs::copy(other.home.root_key(), bench.home.root_key()).unwrap();
    let wrong = change(&bench, &signer(Purpose::List, true)).await.unwrap_err();
    assert!(matches!(wrong, Error::Keystore(KeystoreError::RootWrong { .. })));
    assert_eq!(fs::read(bench.home.keystore()).unwrap(), keystore);
}

/// The program with a passphrase or a key file.
struct Locked {
    shell: Shell,
    key: PathBuf,
    variable: &'static str,
}

impl Locked {
    fn new(variable: &'static str, secret: &str) -> Self {
        let shell = Shell::new();
        let key = shell.folder.path().join("secret");
        write_secret(&key, secret);
        Self { shell, key, variable }
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = self.shell.command(args);
        command.env(self.variable, &self.key).stdin(std::process::Stdio::null()).output().unwrap()
    }

    fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(code(&output), 0, "{args:?}: {}", stderr(&output));
        stdout(&output)
    }
}

fn write_secret(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn is_sealed(path: &Path) -> bool {
    fs::read(path).unwrap().starts_with(b"PCX\x01")
}

#[test]
fn an_encrypted_issuer_lives_through_every_change() {
    let locked = Locked::new("PORTCULLIS_PASSPHRASE_FILE", "correct horse battery\n");
    locked.ok(&["init", "--encrypt"]);
    let home = locked.shell.home();
    let (keystore, root) = (home.join("keystore.json"), home.join("root.key"));
    assert!(is_sealed(&keystore) && is_sealed(&root));
    locked.ok(&["keys", "create", "--title", "x"]);
    let rotate = ["keyring", "rotate", "--purpose", "token", "--now", "--json"];
    let rotated: Value = serde_json::from_str(&locked.ok(&rotate)).unwrap();
    assert_eq!((rotated["kid"].as_u64(), rotated["state"].as_str()), (Some(6), Some("active")));
    assert!(is_sealed(&keystore), "written anew as it was");

    // No passphrase, a wrong one, and a damaged file: each has its own error, and nothing is
    // changed.
    let bytes = fs::read(&keystore).unwrap();
    let without = locked.shell.run(&["keys", "list"]);
    assert!(stderr(&without).contains("PORTCULLIS_PASSPHRASE_FILE"), "{}", stderr(&without));
    write_secret(&locked.key, "correct horse batterz");
    assert!(stderr(&locked.run(&["keys", "list"])).contains("passphrase is not the one"));
    write_secret(&locked.key, "correct horse battery");
    let mut damaged = bytes.clone();
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(&keystore, &damaged).unwrap();
    assert!(stderr(&locked.run(&["keys", "list"])).contains("damaged"));
    assert_eq!(fs::read(&keystore).unwrap(), damaged, "left as it is");
    fs::write(&keystore, &bytes).unwrap();

    // Another secret, then none.
    let key = locked.shell.folder.path().join("file.key");
    write_secret(&key, &"k".repeat(32));
    let path = key.to_str().unwrap();
    locked.ok(&["keystore", "rekey", "--new-key-file", path]);
    assert!(stderr(&locked.run(&["keys", "list"])).contains("PORTCULLIS_KEY_FILE"));
    let locked = Locked { key, variable: "PORTCULLIS_KEY_FILE", ..locked };
    locked.ok(&["keys", "list"]);
    locked.ok(&["keystore", "decrypt"]);
    assert!(!is_sealed(&keystore) && !is_sealed(&root));
    assert_eq!(code(&locked.shell.run(&["keys", "list"])), 0);
    let shown: Value = serde_json::from_str(&locked.ok(&["keystore", "show", "--json"])).unwrap();
    assert_eq!(shown["files"].as_array().unwrap().len(), 2);
    assert!(shown["files"].as_array().unwrap().iter().all(|file| file["encrypted"] == false));
}

#[test]
fn what_is_too_short_encrypts_nothing() {
    for (variable, secret) in
        [("PORTCULLIS_PASSPHRASE_FILE", "short\n"), ("PORTCULLIS_KEY_FILE", "0123456789")]
    {
        let locked = Locked::new(variable, secret);
        let refused = locked.run(&["init", "--encrypt"]);
        assert!(stderr(&refused).contains("12 characters"), "{}", stderr(&refused));
        assert!(!locked.shell.home().exists());
        locked.ok(&["init"]);
        assert_eq!(code(&locked.run(&["keystore", "encrypt"])), 2);
        assert!(!is_sealed(&locked.shell.home().join("keystore.json")));
        fs::set_permissions(&locked.key, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(stderr(&locked.run(&["keys", "list"])).contains("chmod 600"));
    }
}

#[test]
fn a_backup_is_restored_whole_or_not_at_all() {
    let locked = Locked::new("PORTCULLIS_KEY_FILE", &"b".repeat(40));
    locked.ok(&["init"]);
    let made: Value =
        serde_json::from_str(&locked.ok(&["keys", "create", "--title", "Kept", "--json"])).unwrap();
    let token = made["token"].as_str().unwrap();
    // A recovery gives up keys of the same second as the last commit.
    std::thread::sleep(Duration::from_millis(1100));
    locked.ok(&["list", "publish"]);
    let file = locked.shell.folder.path().join("backup.pcx");
    let path = file.to_str().unwrap();
    locked.ok(&["backup", path]);
    let bytes = fs::read(&file).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    assert!(bytes.len() > 10_000 && !holds(b"SQLite format") && !holds(b"Kept"));
    assert_eq!(code(&locked.run(&["backup", path])), 2, "nothing is overwritten");
    assert_eq!(code(&locked.run(&["restore", path])), 2, "an issuer is not overwritten");
    assert_eq!(fs::read_dir(locked.shell.folder.path()).unwrap().count(), 3, "no draft is left");

    for bad in [&bytes[..bytes.len() - 1], &bytes[..40], &[&bytes[..], b"x"].concat(), b"{}"] {
        let other = locked.shell.folder.path().join("bad.pcx");
        fs::write(&other, bad).unwrap();
        let refused = locked.run(&["--home", "second", "restore", other.to_str().unwrap()]);
        assert_eq!(code(&refused), 2, "{}", stderr(&refused));
        assert!(!locked.shell.folder.path().join("second").exists());
        fs::remove_file(&other).unwrap();
    }
    let locked_out = locked.shell.run(&["--home", "second", "restore", path]);
    assert!(stderr(&locked_out).contains("PORTCULLIS_KEY_FILE"), "{}", stderr(&locked_out));
    locked.ok(&["--home", "second", "restore", path]);
    let listed = locked.ok(&["--home", "second", "keys", "list"]);
    assert!(listed.contains("Kept"), "{listed}");
    for act in [&["list", "publish"][..], &["keys", "create", "--title", "x"]] {
        let refused = locked.run(&[&["--home", "second"], act].concat());
        let told = stderr(&refused);
        assert!(code(&refused) == 2 && told.contains("portcullis recover"), "{act:?}: {told}");
    }
    locked.ok(&["--home", "second", "recover", "--no-witness"]);
    locked.ok(&["--home", "second", "list", "publish"]);
    locked.ok(&["--home", "second", "verify", token]);
    let second = locked.shell.folder.path().join("second");
    for name in ["keystore.json", "issuer.db"] {
        let mode = fs::metadata(second.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}");
    }
}

#[test]
fn a_gate_is_given_no_more_than_it_needs() {
    let shell = Shell::initialised();
    shell.json(&["keyring", "rotate", "--purpose", "token", "--now"]);
    shell.json(&["keyring", "retire", "1"]);
    shell.json(&["keyring", "rotate", "--purpose", "list"]);
    let gate = shell.json(&["keyring", "export", "--gate", "--environment", "live"]);
    let kids: Vec<_> = gate["secrets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["kid"].as_u64().unwrap())
        .collect();
    assert_eq!(kids, [6], "no retired signer's, no other environment's, no Ed25519 seed");
    let shown = shell.json(&["keyring", "show"]);
    let states: Vec<_> =
        shown["signers"].as_array().unwrap().iter().map(|s| s["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["retired", "active", "active", "active", "active", "active", "next"]);
    assert_eq!(shown["version"], 4);
}
