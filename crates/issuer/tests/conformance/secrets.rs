//! The database holds no secret of any kind, in any encoding: an attacker who steals it can forge
//! nothing.

use std::collections::HashSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis_core::keyring::Purpose;
use portcullis_core::token::{Algorithm, Environment, Kind};
use portcullis_issuer::actions::{Idempotency, KeyringChange, NewKey, NewSigner, Roll};
use portcullis_issuer::keystore::{Keystore, Unlock, Vault};
use portcullis_issuer::record::KeyPurpose;
use portcullis_issuer::store::Database;
use portcullis_issuer::webhooks::{NewWebhook, Reach};
use portcullis_test_support::Bench;
use sqlx::{AssertSqlSafe, Row as _};

conformance!(the_database_holds_no_secret);

/// The length of the shortest part of a secret that would reveal something of it.
const PART: usize = 16;

/// Runs through a life with a secret of every kind; returns each secret in all its encodings.
async fn secrets_of_a_life(bench: &Bench) -> Vec<Vec<u8>> {
    let issuer = &bench.issuer;
    let mut texts = vec![bench.made.admin_token.to_string()];
    let named = Idempotency::new("cli", "once");
    for algorithm in [Algorithm::HmacSha256, Algorithm::Ed25519] {
        let new = NewKey { algorithm: Some(algorithm), ..NewKey::titled("x") };
        let made = issuer.keys().create_all(&[new], Some(&named)).await;
        // The second request has the same idempotency key but differs, so it is refused and the key
        // is made without one.
        let made = match made {
            Ok(made) => made.keys.into_iter().next().unwrap(),
            Err(_) => issuer.keys().create(&NewKey::titled("y")).await.unwrap(),
        };
        let rolled = issuer.keys().roll(&made.record.id, &Roll::default()).await.unwrap().value;
        texts.extend([made.token.to_string(), rolled.minted.token.to_string()]);
    }
    let scopes = vec!["keys:read".to_owned()];
    let admin = KeyPurpose::Admin;
    let admin = NewKey { purpose: admin, admin_scopes: scopes, ..NewKey::titled("admin") };
    texts.push(issuer.keys().create(&admin).await.unwrap().token.to_string());
    for url in ["https://example.com/a", "https://example.com/b"] {
        let new =
            NewWebhook { url: url.into(), description: String::new(), types: vec![], by: None };
        let made = issuer.webhooks().create(&new, Reach::default()).await.unwrap();
        let day = Duration::from_secs(86_400);
        let rotated = issuer.webhooks().rotate(&made.webhook.id, day, None).await.unwrap();
        texts.extend([made.secret.to_string(), rotated.secret.to_string()]);
    }
    let change = KeyringChange::Rotate(NewSigner {
        purpose: Purpose::Token,
        algorithm: None,
        environments: vec![Environment::Live],
        kinds: vec![Kind::Secret],
        at_once: true,
    });
    let root = Vault::new(bench.home.root_key(), Unlock::default());
    issuer.keyring().change(&change, &root, None).await.unwrap().published().unwrap();

    let mut secrets: Vec<Vec<u8>> = Vec::new();
    for text in texts {
        let bare = text.rsplit('_').next().unwrap();
        secrets.push(bare.as_bytes().to_vec());
        secrets.extend(STANDARD.decode(bare).ok());
    }
    let keystore = Keystore::read(&bench.home.keystore_vault()).unwrap();
    let mut seeds: Vec<Vec<u8>> = keystore.keys().iter().map(|key| key.secret.to_vec()).collect();
    assert!(seeds.len() >= 6);
    let files = [bench.home.keystore(), bench.home.root_key()];
    let texts = files.map(|path| std::fs::read_to_string(path).unwrap());
    let salt: serde_json::Value = serde_json::from_str(&texts[0]).unwrap();
    for text in [salt["policy_salt"].as_str().unwrap(), texts[1].trim()] {
        seeds.push(URL_SAFE_NO_PAD.decode(text).unwrap());
    }
    for seed in seeds {
        let hex: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
        secrets.push(hex.to_uppercase().into_bytes());
        secrets.push(hex.into_bytes());
        secrets.push(STANDARD.encode(&seed).into_bytes());
        secrets.push(URL_SAFE_NO_PAD.encode(&seed).into_bytes());
        secrets.push(seed);
    }
    secrets
}

/// Everything in the database: its files, or each row of each table as text, with bytes as hex.
async fn everything(bench: &Bench) -> Vec<u8> {
    match bench.issuer.store().database() {
        Database::File(path) => {
            let mut all = std::fs::read(path).unwrap();
            let mut log = path.clone().into_os_string();
            log.push("-wal");
            all.extend(std::fs::read(log).unwrap_or_default());
            all
        }
        Database::Server(_) => {
            let mut reading = bench.issuer.store().read().await.unwrap();
            let sql =
                "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = 'portcullis'";
            let tables = sqlx::query(sql).fetch_all(&mut *reading).await.unwrap();
            assert!(tables.len() > 15);
            let mut all = String::new();
            for table in tables {
                let table: String = table.try_get(0).unwrap();
                let sql = format!("SELECT CAST(t AS TEXT) FROM portcullis.{table} t");
                for row in sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut *reading).await.unwrap() {
                    all.push_str(&row.try_get::<String, _>(0).unwrap());
                    all.push('\n');
                }
            }
            all.into_bytes()
        }
    }
}

pub(crate) async fn the_database_holds_no_secret(bench: Bench) {
    let secrets = secrets_of_a_life(&bench).await;
    assert!(secrets.len() > 50);
    // A token without an owner contains zeros, which reveal nothing.
    let says = |part: &&[u8]| part.iter().collect::<HashSet<_>>().len() > 4;
    let parts: HashSet<&[u8]> =
        secrets.iter().flat_map(|secret| secret.windows(PART)).filter(says).collect();
    let found = |place: &[u8]| {
        let found = place.windows(PART).position(|part| parts.contains(part));
        found.map(|at| {
            String::from_utf8_lossy(&place[at.saturating_sub(60)..at + PART]).into_owned()
        })
    };
    let mut all = everything(&bench).await;
    assert_eq!(found(&all), None);
    // Check that the search itself works.
    let issuer = bench.issuer.keystore().issuer().to_string();
    assert!(all.windows(issuer.len()).any(|part| part == issuer.as_bytes()));
    all.extend(&secrets[3]);
    assert!(found(&all).is_some());
}
