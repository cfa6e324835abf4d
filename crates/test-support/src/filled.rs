//! An issuer on which every act ran once, so that each table that acts fill has rows.

use std::sync::Arc;
use std::time::Duration;

use portcullis_core::keyring::Purpose;
use portcullis_core::list::BulkState;
use portcullis_core::policy::Visibility;
use portcullis_core::token::Kind;
use portcullis_issuer::actions::{
    BulkRevocation, BulkSelection, CanaryUse, Idempotency, ImportLine, KeyringChange, NewKey,
    NewOwner, NewPolicy, NewSigner, PolicyRules, Revocation, SettingsChange, Use, When,
};
use portcullis_issuer::clock::{Clock, ManualClock, SystemClock};
use portcullis_issuer::keystore::Vault;
use portcullis_issuer::publish::PublishOptions;
use portcullis_issuer::record::KeyPurpose;
use portcullis_issuer::schedule::{Done, Job, Options};
use portcullis_issuer::status::StatusLists;
use portcullis_issuer::webhooks::{NewWebhook, Reach};
use portcullis_issuer::{Home, Issuer};
use serde_json::{Value, json};

/// Tables that stay empty: nothing was restored, no server runs, and all events are kept.
pub const MAY_BE_EMPTY: [&str; 6] =
    ["policy_files", "publisher", "restored", "targets", "trail_start", "upkeep"];

/// The idempotency key under which keys were made once.
pub fn idempotency() -> Idempotency {
    let window = Duration::from_secs(10 * 365 * 24 * 60 * 60);
    Idempotency { scope: "filled".into(), name: "once".into(), window }
}

/// Does everything once, and returns what a test checks afterwards.
///
/// Uses the machine's clock unless a manual one is given.
pub async fn fill(home: &Home, by_hand: Option<Arc<ManualClock>>) -> Value {
    let clock: Arc<dyn Clock> = match &by_hand {
        Some(clock) => Arc::clone(clock) as Arc<dyn Clock>,
        None => Arc::new(SystemClock),
    };
    let lists = StatusLists::new(
        "https://keys.example/status",
        Duration::from_secs(60),
        Duration::from_secs(600),
    );
    let publish_options =
        PublishOptions { status_lists: Some(lists.unwrap()), ..PublishOptions::default() };
    let issuer = Issuer::open_with(home, clock, publish_options).await.unwrap();
    let signer = KeyringChange::Rotate(NewSigner {
        purpose: Purpose::StatusList,
        algorithm: None,
        environments: vec![],
        kinds: vec![],
        at_once: true,
    });
    let root = Vault::new(home.root_key(), home.unlock().clone());
    issuer.keyring().change(&signer, &root, Some("me")).await.unwrap();

    // Characters that have a special meaning in the formats between the databases.
    let odd = "backslash \\N \\. quote ' \u{1F511} \u{e9}";
    let new =
        NewOwner { name: odd.into(), external_id: Some("ext-1".into()), ..NewOwner::default() };
    let owner = issuer.owners().create(&new).await.unwrap().number;
    let rules = PolicyRules { scopes: vec!["orders:read".into()], ..PolicyRules::default() };
    for visibility in [Visibility::Private, Visibility::Public] {
        let rules =
            if visibility == Visibility::Public { PolicyRules::default() } else { rules.clone() };
        let new = NewPolicy { name: "Orders".into(), visibility, rules, by: None };
        issuer.policies().create(&new).await.unwrap();
    }
    let once =
        issuer.keys().create_all(&[NewKey::titled(odd)], Some(&idempotency())).await.unwrap();
    let valid = issuer.keys().create(&NewKey { owner, ..NewKey::titled("Valid") }).await.unwrap();
    let revoked = issuer.keys().create(&NewKey::titled("Revoked")).await.unwrap();
    let suspended = issuer.keys().create(&NewKey::titled("Suspended")).await.unwrap();
    let later = issuer.keys().create(&NewKey::titled("Later")).await.unwrap();
    let deleted = issuer.keys().create(&NewKey::titled("Deleted")).await.unwrap();
    // A notice is due a second later.
    let soon = Some(When::In(Duration::from_secs(14 * 24 * 60 * 60 + 1)));
    issuer.keys().create(&NewKey { expires: soon.into(), ..NewKey::titled("Soon") }).await.unwrap();
    let shop = NewKey {
        kind: Kind::Publishable,
        sales_channels: vec!["sc_1".into(), "sc_2".into()],
        ..NewKey::titled("Shop")
    };
    issuer.keys().create(&shop).await.unwrap();
    let line = ImportLine { external_id: "old-1".into(), new: NewKey::titled("Imported") };
    issuer.keys().import(&[line]).await.unwrap();
    let now = |when| Revocation { when, by: Some("security".into()) };
    for (key, when) in [
        (&revoked, When::Now),
        (&deleted, When::Now),
        (&later, When::In(Duration::from_secs(50_000))),
    ] {
        issuer.keys().revoke(&key.record.id, &now(when)).await.unwrap();
    }
    issuer.keys().suspend(&suspended.record.id, None).await.unwrap();
    issuer.keys().delete(std::slice::from_ref(&deleted.record.id), None).await.unwrap();
    let other = NewOwner { name: "Left".into(), ..NewOwner::default() };
    let other = issuer.owners().create(&other).await.unwrap().number;
    let bulk = BulkRevocation {
        whose: BulkSelection::Owner(other),
        state: BulkState::Suspended,
        issued_from: None,
        issued_before: None,
        by: None,
    };
    issuer.bulk().revoke(&bulk).await.unwrap();
    let last_used_at = issuer.now().secs();
    let used = Use { key: valid.record.id.clone(), uses: 7, last_used_at };
    issuer.keys().report_usage(&[used]).await.unwrap();
    let canary = NewKey { purpose: KeyPurpose::Canary, ..NewKey::titled("Canary") };
    let canary = issuer.keys().create(&canary).await.unwrap();
    let used = CanaryUse { key: canary.record.id.clone(), uses: 1, last_used_at, address: None };
    issuer.keys().report_canaries(&[used]).await.unwrap();
    let new = NewWebhook {
        url: "https://127.0.0.1:9/".into(),
        description: "x".into(),
        types: vec![],
        by: None,
    };
    let reach = Reach { http: false, private: true };
    let webhook = issuer.webhooks().create(&new, reach).await.unwrap();
    let overlap = Duration::from_secs(60 * 60);
    let rotated = issuer.webhooks().rotate(&webhook.webhook.id, overlap, None).await.unwrap();
    issuer.keys().suspend(&valid.record.id, None).await.unwrap();
    issuer.keys().resume(&valid.record.id, None).await.unwrap();
    issuer.webhooks().dispatcher(reach).unwrap().fan_out().await.unwrap();
    let options = Options { key_age_days: 365, rotate_with: None, retention: None };
    issuer.jobs().run(Job::KeyAge, &options).await.unwrap();
    while let Done::ExpiryNotices { notices: 0 } =
        issuer.jobs().run(Job::ExpiryNotices, &options).await.unwrap()
    {
        match &by_hand {
            Some(clock) => clock.advance(2_000),
            None => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    let mut settings = SettingsChange::default();
    settings.kinds[0].max_lifetime_seconds = Some(Some(2_000_000_000));
    settings.kinds[0].default_lifetime_seconds = Some(Some(1_000_000_000));
    issuer.settings().change(&settings).await.unwrap();
    issuer.list().publish().await.unwrap();
    issuer.list().renew_status_lists().await.unwrap();

    let report = issuer.trail().verify(&[]).await.unwrap();
    assert!(report.is_sound());
    let published = issuer.list().published().await.unwrap();
    let about = json!({
        "anchor": report.newest.unwrap().to_string(),
        "epoch": published.epoch,
        "number": published.number,
        "owner": owner,
        "once": once.keys[0].token.as_str(),
        "valid": valid.token.as_str(),
        "valid_id": valid.record.id,
        "revoked": revoked.token.as_str(),
        "suspended": suspended.token.as_str(),
        "webhook": webhook.webhook.id,
        "secret": rotated.secret,
        "old_secret": webhook.secret,
    });
    issuer.store().close().await;
    about
}
