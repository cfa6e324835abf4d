//! The stored counts of keys equal a fresh count.

use std::time::Duration;

use portcullis_core::list::BulkState;
use portcullis_issuer::Issuer;
use portcullis_issuer::actions::{BulkRevocation, BulkSelection, NewKey, Query, Revocation, When};
use portcullis_issuer::schedule::{Job, Options};
use portcullis_issuer::store::state::{count_by_state, recount_by_state};
use portcullis_test_support::Bench;

conformance! { counts_are_kept_through_random_acts_at_once_and_through_time }

/// SQLite only. A trigger fails any statement that touches the row of a key that stays active. This
/// tells a scan of every key from an update of the few that changed.
#[tokio::test]
async fn metrics_look_at_no_key_that_time_has_left_alone() {
    let bench = Bench::new().await;
    let issuer = &bench.issuer;
    let owner = bench.owner("o").await;
    for title in ["trap", "trap", "soon revoked", "soon expired"] {
        let expires = (title == "soon expired").then_some(When::In(Duration::from_secs(50)));
        issuer
            .keys()
            .create(&NewKey { expires: expires.into(), ..NewKey::titled(title) })
            .await
            .unwrap();
    }
    let key = NewKey { owner, ..NewKey::titled("of an owner whose keys are revoked") };
    issuer.keys().create(&key).await.unwrap();
    let keys = issuer.keys().list(&Query::default()).await.unwrap().keys;
    let id = &keys.iter().find(|key| key.title == "soon revoked").unwrap().id;
    let when = When::In(Duration::from_secs(50));
    issuer.keys().revoke(id, &Revocation { when, by: None }).await.unwrap();
    // The counts date from the machine's clock when the tables were made.
    issuer.jobs().run(Job::Prune, &Options::default()).await.unwrap();
    let many = BulkRevocation {
        whose: BulkSelection::Owner(owner),
        state: BulkState::Revoked,
        issued_from: None,
        issued_before: None,
        by: None,
    };
    issuer.bulk().revoke(&many).await.unwrap();
    bench.clock.advance(100_000);
    let mut writing = issuer.store().bookkeeping().await.unwrap();
    sqlx::raw_sql(
        "ALTER TABLE api_keys RENAME TO keys_behind; \
         CREATE VIEW api_keys AS SELECT * FROM keys_behind \
         WHERE CASE WHEN title = 'trap' THEN abs(-9223372036854775807 - 1) ELSE 1 END",
    )
    .execute(&mut *writing)
    .await
    .unwrap();
    let at = writing.now().await.unwrap().secs();
    let trapped = recount_by_state(&mut writing, at).await.unwrap_err().to_string();
    writing.save().await.unwrap();
    let told = issuer.metrics_text().await.unwrap();
    let count = |state: &str| {
        let name = format!("portcullis_keys{{state=\"{state}\"}} ");
        told.lines().find_map(|line| line.strip_prefix(&name)).map(str::to_owned)
    };
    let counts = ["active", "revoked", "expired"].map(count);
    assert_eq!(counts, ["3", "2", "1"].map(|many| Some(many.to_owned())), "{told} {trapped}");
}

/// Numbers that follow from a seed (Knuth's MMIX).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// One act on a random key, which may be refused; a refused act changes nothing.
async fn act(issuer: &Issuer, dice: &mut Dice, owner: u32) {
    let secs = |dice: &mut Dice| When::In(Duration::from_secs(1 + dice.below(200)));
    let keys =
        issuer.keys().list(&Query { limit: Some(200), ..Query::default() }).await.unwrap().keys;
    // Leave out the admin key: it is the last one.
    let some = usize::try_from(dice.below(keys.len().max(2) as u64 - 1)).unwrap();
    let id = keys.get(some).map(|key| key.id.clone()).unwrap_or_default();
    let choice = if keys.len() < 4 { 0 } else { dice.below(8) };
    match choice {
        0..=2 => {
            let expires = (dice.below(2) == 0).then(|| secs(dice));
            let of = if dice.below(4) == 0 { owner } else { 0 };
            let key = NewKey { expires: expires.into(), owner: of, ..NewKey::titled("x") };
            if let Err(error) = issuer.keys().create(&key).await {
                // That owner's keys were revoked with an entry that would also cover new ones.
                assert_eq!((error.code(), of), ("bulk_revoked", owner));
            }
        }
        3 | 4 => {
            let when = if dice.below(2) == 0 { When::Now } else { secs(dice) };
            let _ = issuer.keys().revoke(&id, &Revocation { when, by: None }).await;
        }
        5 => drop(issuer.keys().suspend(&id, None).await),
        6 => drop(issuer.keys().resume(&id, None).await),
        _ => drop(issuer.keys().delete(&[id], None).await),
    }
}

async fn compare(issuer: &Issuer, when: &str) {
    let mut reading = issuer.store().read().await.unwrap();
    let now = portcullis_issuer::store::now(&mut reading, issuer.now()).await.unwrap().secs();
    for at in [now, now + 40, now + 100_000] {
        let kept = count_by_state(&mut reading, at).await.unwrap();
        let counted = recount_by_state(&mut reading, at).await.unwrap();
        assert_eq!(kept, counted, "{when}, {} s ahead", at - now);
    }
}

pub(crate) async fn counts_are_kept_through_random_acts_at_once_and_through_time(bench: Bench) {
    let issuer = &bench.issuer;
    let owner = bench.owner("o").await;
    compare(issuer, "at the start").await;
    // In each round, four tasks act concurrently; then time passes.
    for round in 0..6_u64 {
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..4 {
            let issuer = issuer.clone();
            tasks.spawn(async move {
                let mut dice = Dice(round * 10 + task);
                for _ in 0..6 {
                    act(&issuer, &mut dice, owner).await;
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        compare(issuer, &format!("after round {round}")).await;
        bench.clock.advance(30_000);
        issuer.list().publish().await.unwrap();
        compare(issuer, &format!("later than round {round}")).await;
        match round {
            1 | 4 => {
                issuer.jobs().run(Job::Prune, &Options::default()).await.unwrap();
                compare(issuer, "when they were brought up to date").await;
            }
            3 => {
                for (state, whose) in [
                    (BulkState::Suspended, BulkSelection::Owner(owner)),
                    (BulkState::Revoked, BulkSelection::Owner(owner)),
                ] {
                    let (issued_from, issued_before) = (None, None);
                    let many =
                        BulkRevocation { whose, state, issued_from, issued_before, by: None };
                    issuer.bulk().revoke(&many).await.unwrap();
                    compare(issuer, "with many at once").await;
                }
            }
            _ => {}
        }
    }
}
