//! Problems that the doctor finds before they do harm.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]

use portcullis_core::list::BulkState;
use portcullis_core::token::Environment;
use portcullis_issuer::actions::{
    BulkRevocation, BulkSelection, KindChange, NewKey, SettingsChange,
};
use portcullis_issuer::doctor::{Check, Diagnosis, examine};
use portcullis_issuer::publish::DEFAULT_VALID_FOR;
use portcullis_issuer::publish::Target;
use portcullis_issuer::webhooks::{NewWebhook, Reach};
use portcullis_test_support::Bench;

const DAY: u64 = 24 * 60 * 60 * 1000;

async fn look(bench: &Bench, witnesses: &[Target]) -> Diagnosis {
    examine(&bench.home, bench.clock.clone(), DEFAULT_VALID_FOR, witnesses).await
}

fn check<'d>(seen: &'d Diagnosis, name: &str) -> Vec<&'d Check> {
    seen.checks.iter().filter(|check| check.check == name).collect()
}

#[tokio::test]
async fn a_missing_witness_is_a_warning_that_says_what_may_happen() {
    let bench = Bench::new().await;
    let seen = look(&bench, &[]).await;
    assert!(seen.is_healthy());
    let backup = check(&seen, "backup")[0];
    assert!(backup.ok && backup.mend.as_deref().unwrap().contains("--witness"));
    let folder = bench.folder.path().join("list");
    let witness = Target::parse(&format!("dir:{}", folder.display())).unwrap();
    let seen = look(&bench, &[witness]).await;
    assert!(
        check(&seen, "backup")[0]
            .mend
            .as_deref()
            .is_none_or(|mend| !mend.contains("nobody notices"))
    );
}

#[tokio::test]
async fn an_active_signer_whose_keys_are_all_refused_is_found() {
    for (whose, kid) in
        [(BulkSelection::Kid(1), 1), (BulkSelection::Environment(Environment::Live), 1)]
    {
        for state in [BulkState::Revoked, BulkState::Suspended] {
            let bench = Bench::new().await;
            let (issued_from, issued_before) = (None, None);
            let what = BulkRevocation { whose, state, issued_from, issued_before, by: None };
            bench.issuer.bulk().revoke(&what).await.unwrap();
            // Revoking an environment covers the existing keys; it doesn't end a signer.
            bench.clock.advance(2000);
            bench.issuer.list().publish().await.unwrap();
            let seen = look(&bench, &[]).await;
            let bounded =
                matches!(whose, BulkSelection::Environment(_)) && state == BulkState::Revoked;
            let bad: Vec<_> = check(&seen, "signers").into_iter().filter(|one| !one.ok).collect();
            assert_eq!(bad.is_empty(), bounded, "{whose:?} {state:?}");
            if let Some(bad) = bad.first() {
                assert!(bad.found.contains(&format!("the active signer {kid} ")), "{}", bad.found);
                let word = if state == BulkState::Revoked { "keyring rotate" } else { "--lift" };
                assert!(bad.mend.as_deref().unwrap().contains(word));
            }
        }
    }
}

#[tokio::test]
async fn a_keyring_that_ends_where_the_root_is_not_is_told_early() {
    let bench = Bench::new().await;
    let told = async |days: u64| {
        bench.clock.advance(days * DAY);
        bench.issuer.list().publish().await.unwrap();
        let seen = look(&bench, &[]).await;
        let found = check(&seen, "keyring")[0];
        (found.ok, found.mend.clone(), found.found.clone())
    };
    let (ok, mend, _) = told(300).await;
    assert!(ok && mend.is_none(), "65 days, and the root is here");
    std::fs::rename(bench.home.root_key(), bench.folder.path().join("offline.key")).unwrap();
    let (ok, mend, found) = told(0).await;
    assert!(ok && mend.unwrap().contains("bring the root key"), "{found}");
    assert!(found.contains("65 days") && found.contains("not here"), "{found}");
    let (ok, ..) = told(50).await;
    assert!(!ok, "15 days");
}

#[tokio::test]
async fn webhooks_that_nothing_can_be_sent_to_are_found() {
    let bench = Bench::new().await;
    let new = NewWebhook {
        url: "https://example.com/".into(),
        description: String::new(),
        types: vec![],
        by: None,
    };
    let made = bench.issuer.webhooks().create(&new, Reach::default()).await.unwrap();
    assert!(check(&look(&bench, &[]).await, "webhooks")[0].mend.is_none());
    let alter = async |sql: &'static str| {
        let mut writing = bench.issuer.store().bookkeeping().await.unwrap();
        sqlx::query(sql).execute(&mut *writing).await.unwrap();
        writing.save().await.unwrap();
    };
    alter(
        "INSERT INTO deliveries (webhook_id, event_id, state, attempts, next_ms, updated_ms) \
         SELECT id, 1, 'pending', 3, 0, 0 FROM webhooks",
    )
    .await;
    let seen = look(&bench, &[]).await;
    let failing = check(&seen, "webhooks")[0];
    assert!(failing.ok && failing.mend.is_some() && failing.found.contains(&made.webhook.id));
    alter("UPDATE deliveries SET state = 'dead'").await;
    assert!(!check(&look(&bench, &[]).await, "webhooks")[0].ok);
    // As if sealed under another keystore.
    alter("DELETE FROM deliveries").await;
    alter("UPDATE webhooks SET sealed = 's1.AAAA'").await;
    let seen = look(&bench, &[]).await;
    let sealed = check(&seen, "webhooks")[0];
    assert!(!sealed.ok && sealed.mend.as_deref().unwrap().contains("rotate-secret"));
}

#[tokio::test]
async fn keys_of_before_that_are_not_as_new_ones_must_be_are_told() {
    let bench = Bench::new().await;
    let told = async || {
        let seen = look(&bench, &[]).await;
        assert!(seen.is_healthy(), "they go on as they were made");
        let found = check(&seen, "settings");
        found.iter().map(|check| (check.found.clone(), check.mend.clone())).collect::<Vec<_>>()
    };
    assert_eq!(told().await, [("nothing is asked of keys".into(), None)]);
    let old = bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap().record.id.clone();
    let asked = KindChange {
        max_lifetime_seconds: Some(Some(3600)),
        idle_days: Some(Some(30)),
        owner_required: Some(true),
        ..KindChange::default()
    };
    let kinds = [asked, KindChange::default(), KindChange::default()];
    let change = SettingsChange { kinds, ..SettingsChange::default() };
    bench.issuer.settings().change(&change).await.unwrap();
    let found = told().await;
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].0.contains("1 secret keys in force live longer") && found[0].0.contains(&old));
    assert!(found[1].0.contains("have no owner") && found[1].0.contains(&old));
    assert!(found[2].0.contains("no idle secret key is suspended"));
    assert!(found.iter().all(|(_, mend)| mend.is_some()));
    let none = KindChange {
        max_lifetime_seconds: Some(None),
        idle_days: Some(None),
        owner_required: Some(false),
        ..KindChange::default()
    };
    let kinds = [none, KindChange { owner_required: Some(true), ..none }, none];
    let kinds = SettingsChange { kinds: [kinds[0], kinds[1], KindChange::default()], ..change };
    bench.issuer.settings().change(&kinds).await.unwrap();
    let found = told().await;
    assert_eq!(found, [("all keys in force are as new ones must be".into(), None)]);
}
