//! Shards, leadership, targets, and a restored backup.

use std::path::Path;
use std::time::{Duration, Instant};

use portcullis_core::crypto::Digest;
use portcullis_core::issue::{HeadDraft, ListSigner, StampDraft, name_file};
use portcullis_core::keyring::Purpose;
use portcullis_core::list::{FileName, ListVersion, MAX_SKEW_MILLIS, ShardLine};
use portcullis_core::verifier::Verifier;
use portcullis_core::verify::{Refusal, Requirements};
use portcullis_issuer::actions::*;
use portcullis_issuer::keystore::Keystore;
use portcullis_issuer::publish::DEFAULT_VALID_FOR;
use portcullis_issuer::publish::{Target, has};
use portcullis_issuer::store::StoreError;
use portcullis_issuer::store::lists::{self, Promise};
use portcullis_issuer::store::{shards, targets};
use portcullis_issuer::{Error, Issuer};
use portcullis_test_support::Bench;
use tokio::sync::watch;

conformance! {
    shards_are_opened_ahead_and_used_when_every_list_has_them,
    one_issuer_leads_and_another_takes_over,
    a_directory_carries_the_list,
    a_target_that_fails_is_reported_and_the_others_go_on,
    a_publisher_that_wakes_up_late_changes_nothing,
    a_list_goes_out_while_those_who_ask_have_every_connection,
    a_list_of_a_newer_program_is_not_published_over,
}

const DEMAND: Requirements =
    Requirements { purpose: Purpose::Token, kind: None, environment: None };
const BEAT: Duration = Duration::from_millis(50);

/// Polls until `look` returns something, and panics after half a minute.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Publishers that run until they are dropped.
pub(crate) struct Working {
    _sender: watch::Sender<()>,
}

pub(crate) fn work(issuer: &Issuer, targets: &[&str]) -> Working {
    let targets = targets.iter().map(|text| Target::parse(text).unwrap()).collect();
    let (stop, stopped) = watch::channel(());
    let leader = issuer.clone();
    tokio::spawn(async move { leader.list().lead(BEAT, targets, stopped).await });
    Working { _sender: stop }
}

pub(crate) async fn shards_are_opened_ahead_and_used_when_every_list_has_them(bench: Bench) {
    let issuer = &bench.issuer;
    let mut writing = issuer.store().bookkeeping().await.unwrap();
    sqlx::query("UPDATE shards SET closed_ms = 1").execute(&mut *writing).await.unwrap();
    sqlx::query(
        "INSERT INTO shards (shard, capacity, issued, len, revoked, suspended, timed) \
         VALUES (7, 20, 0, 0, 0, 0, 0)",
    )
    .execute(&mut *writing)
    .await
    .unwrap();
    writing.save().await.unwrap();
    assert!(matches!(issuer.keys().create(&NewKey::titled("x")).await, Err(Error::ShardFull)));
    // Every stamp published so far, with the shards that it covers.
    let mut stamps = Vec::new();
    let step = u64::try_from(DEFAULT_VALID_FOR.as_millis()).unwrap() + MAX_SKEW_MILLIS;
    let mut keys = Vec::new();
    for _ in 0..14 {
        let (published, shards) = {
            issuer.list().publish().await.unwrap();
            issuer.list().overview().await.unwrap()
        };
        let covered: Vec<u32> =
            shards.iter().filter(|s| s.line.is_some()).map(|s| s.shard).collect();
        stamps.push((published.next_update, covered));
        bench.clock.advance(step);
        issuer.list().publish().await.unwrap();
        for _ in 0..5 {
            keys.push(issuer.keys().create(&NewKey::titled("x")).await.unwrap());
            let shard = keys.last().unwrap().record.serial.shard();
            for (end, covered) in &stamps {
                let in_force = end.plus_millis(MAX_SKEW_MILLIS) > issuer.now();
                assert!(!in_force || covered.contains(&shard), "shard {shard} was used too early");
            }
        }
    }
    let shards: std::collections::BTreeSet<u32> =
        keys.iter().map(|key| key.record.serial.shard()).collect();
    assert_eq!(shards, [7, 8, 9, 10].into());
    for key in &keys {
        bench.verify(&key.token).await.unwrap();
    }
}

/// A downgrade must not drop from the list what only the newer program knows.
pub(crate) async fn a_list_of_a_newer_program_is_not_published_over(bench: Bench) {
    let issuer = &bench.issuer;
    let key = issuer.keys().create(&NewKey::titled("key")).await.unwrap();
    issuer.list().publish().await.unwrap();
    let signer = Keystore::read(&bench.home.keystore_vault()).unwrap().list_signer().unwrap();
    let mut writing = issuer.store().bookkeeping().await.unwrap();
    let before = lists::promise(&mut writing).await.unwrap().unwrap();
    let (mut head, bodies) = lists::head(&mut writing, before.digest).await.unwrap().unwrap();
    let mut body = shards::body(&mut writing, bodies[0]).await.unwrap().unwrap();
    let lines = shards::shards(&mut writing).await.unwrap();
    drop(writing);

    // A head with a directory of a type that isn't known; one that shows nothing, of a body with a
    // further set; and one with assignments, which gates know and this program doesn't write.
    head[146] |= 0x10;
    head.splice(150..150, [3]);
    let unchanged = body.clone();
    body[4] |= 0x20;
    let draft = HeadDraft {
        epoch: before.list_version.epoch,
        number: before.list_version.number + 2,
        this_update: before.list_version.this_update,
        previous: before.digest,
        public_policies: FileName::NONE,
        private_policies: FileName::NONE,
        public_assignments: FileName::NONE,
        private_assignments: FileName::NONE,
        shards: lines.iter().map(|shard| ShardLine::new(shard.shard, &body)).collect(),
        bulk: Vec::new(),
    };
    let of_body = signer.sign_head(&draft).unwrap();
    let of_assignments = HeadDraft {
        number: before.list_version.number + 3,
        private_assignments: name_file(b"a directory"),
        shards: lines.iter().map(|shard| ShardLine::new(shard.shard, &unchanged)).collect(),
        ..draft
    };
    let of_assignments = signer.sign_head(&of_assignments).unwrap();
    for (head, body, later, field) in [
        (head, &body, 1, "`directories`"),
        (of_body, &body, 2, "`further sets`"),
        (of_assignments, &unchanged, 3, "`directories`"),
    ] {
        let promise = put_out(issuer, &signer, (&before, later), (&head, body)).await;
        // While that list is in force, and when it has run out.
        for pass in [0, 3_600_000] {
            bench.clock.advance(pass);
            let other = Issuer::open(&bench.home, bench.clock.clone(), DEFAULT_VALID_FOR).await;
            for issuer in [issuer, &other.unwrap()] {
                let error = issuer.list().publish().await.unwrap_err();
                assert_eq!(error.code(), "list_too_new");
                assert!(error.chain().contains(field), "{}", error.chain());
            }
        }
        let mut reading = issuer.store().read().await.unwrap();
        assert_eq!(lists::promise(&mut reading).await.unwrap(), Some(promise));
    }
    // What is done meanwhile is kept, and says that it isn't published.
    let revoked = bench.revoke(&key.record.id, When::Now).await.unwrap();
    assert_eq!(revoked.published().unwrap_err().code(), "list_too_new");
}

/// Stores this head and body as the list that is out, `later` numbers after `before`.
async fn put_out(
    issuer: &Issuer,
    signer: &ListSigner,
    (before, later): (&Promise, u64),
    (head, body): (&[u8], &[u8]),
) -> Promise {
    let now = issuer.now().max(before.list_version.this_update.plus_millis(later));
    let list_version = ListVersion {
        number: before.list_version.number + later,
        this_update: now,
        next_update: now.plus_millis(300_000),
        ..before.list_version
    };
    let promise = Promise { list_version, digest: Digest::of(head), ..*before };
    let mut writing = issuer.store().bookkeeping().await.unwrap();
    let name = Digest::of(body);
    sqlx::query(
        "INSERT INTO bodies (digest, body) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING",
    )
    .bind(name.0.as_slice())
    .bind(body)
    .execute(&mut *writing)
    .await
    .unwrap();
    lists::insert_list(&mut writing, &list_version, head, &[name]).await.unwrap();
    lists::set_promise(&mut writing, &promise).await.unwrap();
    let draft = StampDraft { list_version, head: name_file(head), keyring_version: 1 };
    let stamp = signer.sign_stamp(&draft);
    assert!(lists::set_published(&mut writing, &promise, &stamp).await.unwrap());
    writing.save().await.unwrap();
    promise
}

const LEASE: u64 = 3_000;

pub(crate) async fn one_issuer_leads_and_another_takes_over(bench: Bench) {
    let first = work(&bench.issuer, &[]);
    let start = bench.issuer.list().published().await.unwrap().this_update;
    let newest = async || Some(bench.issuer.list().published().await.unwrap().this_update);
    until("the first beat", async || newest().await.filter(|at| *at > start)).await;
    let second = Issuer::open(&bench.home, bench.clock.clone(), DEFAULT_VALID_FOR).await.unwrap();
    let standing_by = work(&second, &[]);
    // A publisher that stops returns its lease; the lease of a killed one expires.
    drop(first);
    let at = newest().await.unwrap();
    until("a beat of the second", async || {
        newest().await.filter(|now| now.millis() > at.millis() + 3)
    })
    .await;
    drop(standing_by);
    let lead = async |holder: &str| {
        let mut writing = second.store().bookkeeping().await.unwrap();
        let leads = {
            let now = writing.clock();
            targets::lead(&mut writing, holder, (now, now.plus_millis(LEASE))).await.unwrap()
        };
        writing.save().await.unwrap();
        leads
    };
    until("the lease", async || lead("dead").await.then_some(())).await;
    assert!(!lead("other").await);
    bench.clock.advance(LEASE);
    assert!(lead("other").await);
    // No lease lasts this long: it was written by a process whose clock was far ahead.
    let ends = second.now().plus_millis(LEASE + 60_001).millis();
    let mut writing = second.store().bookkeeping().await.unwrap();
    let set = sqlx::query("UPDATE publisher SET until_ms = $1").bind(i64::try_from(ends).unwrap());
    set.execute(&mut *writing).await.unwrap();
    writing.save().await.unwrap();
    assert!(lead("third").await);
    assert!(!lead("other").await);
}

/// The publisher never waits for clients: a list goes out while readers hold every connection.
pub(crate) async fn a_list_goes_out_while_those_who_ask_have_every_connection(bench: Bench) {
    let issuer = &bench.issuer;
    let another = || tokio::time::timeout(Duration::from_millis(300), issuer.store().read());
    let mut held = Vec::new();
    while let Ok(reading) = another().await {
        held.push(reading.unwrap());
    }
    assert!(held.len() > 1);
    bench.clock.advance(1000);
    let published = tokio::time::timeout(Duration::from_secs(5), issuer.list().publish()).await;
    assert!(published.is_ok(), "it waits for those who ask");
    published.unwrap().unwrap();
    assert!(another().await.is_err(), "they have them still");
}

/// The verifier of a gate that reads its files from a folder.
async fn adopt(bench: &Bench, folder: &Path) -> Verifier {
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    adopt_with(bench, read).await
}

pub(crate) async fn adopt_with(bench: &Bench, read: impl Fn(&str) -> Vec<u8>) -> Verifier {
    let mut verifier = Verifier::new(bench.made.root, &read("keyring")).unwrap();
    for key in &bench.issuer.keystore().keys()[..2] {
        verifier.hold_secret(key.kid, &key.secret).unwrap();
    }
    let now = bench.issuer.now().plus_millis(1_000);
    let mut update = verifier.offer_stamp(&read("stamp"), now).unwrap().unwrap();
    let name = update.wants_head().unwrap();
    let head = read(&format!("heads/{}", name.digest));
    assert_eq!(head, read("head"));
    update.offer_head(&head, verifier.keyring(), now).unwrap();
    for name in update.wants_bodies() {
        update.offer_body(&read(&format!("bodies/{}", name.digest))).unwrap();
    }
    verifier.commit(update).unwrap();
    verifier
}

pub(crate) async fn a_directory_carries_the_list(bench: Bench) {
    let issuer = &bench.issuer;
    let folder = bench.folder.path().join("out/list");
    let public = portcullis_core::policy::Visibility::Public;
    bench.policy("Shop", public, PolicyRules::default()).await;
    let _working = work(issuer, &[&format!("dir:{},every=50ms", folder.display())]);
    let minted = issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    let list = issuer.list().published().await.unwrap();
    let list = (list.epoch, list.number);
    until("the target", async || Some(()).filter(|()| folder.join("stamp").exists())).await;
    issuer.list().wait_for(list, Duration::from_secs(30)).await.unwrap();
    let gate = adopt(&bench, &folder).await;
    gate.verify(&minted.token, &DEMAND, issuer.now()).map(|_| ()).unwrap();

    let revoked = bench.revoke(&minted.record.id, When::Now).await.unwrap();
    let revoked = revoked.published().unwrap().unwrap();
    let list = (revoked.epoch, revoked.number);
    let targets = issuer.list().wait_for(list, Duration::from_secs(30)).await.unwrap();
    assert_eq!(targets.len(), 1);
    assert!(has(&targets[0], list), "{targets:?}");
    let gate = adopt(&bench, &folder).await;
    let verdict = gate.verify(&minted.token, &DEMAND, issuer.now());
    assert_eq!(verdict.unwrap_err(), Refusal::Revoked);
    let policies = gate.list().unwrap().head().public_policies();
    assert!(folder.join(format!("policies/{}", policies.digest)).exists());
    let stamp = std::fs::read(folder.join("stamp")).unwrap();
    until("a renewal", async || {
        Some(()).filter(|()| std::fs::read(folder.join("stamp")).unwrap() != stamp)
    })
    .await;
}

pub(crate) async fn a_target_that_fails_is_reported_and_the_others_go_on(bench: Bench) {
    let issuer = &bench.issuer;
    let blocked = bench.folder.path().join("blocked");
    std::fs::write(&blocked, b"a file, not a folder").unwrap();
    let folder = bench.folder.path().join("good");
    let specs = [format!("dir:{}", blocked.display()), format!("dir:{}", folder.display())];
    let _working = work(issuer, &[&specs[0], &specs[1]]);
    let bad = until("the failure", async || {
        issuer.list().targets().await.unwrap().into_iter().find(|target| target.error.is_some())
    })
    .await;
    assert_eq!(bad.name, specs[0]);
    // A revocation reaches the good target.
    let minted = issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    let list = bench.revoke(&minted.record.id, When::Now).await.unwrap();
    let list = list.published().unwrap().unwrap();
    let list = (list.epoch, list.number);
    until("the good one", async || {
        let targets = issuer.list().targets().await.unwrap();
        targets.into_iter().find(|target| target.name == specs[1] && has(target, list))
    })
    .await;
    let targets = issuer.list().wait_for(list, Duration::ZERO).await.unwrap();
    assert!(targets.iter().any(|target| target.name == specs[0] && !has(target, list)));
    // The failure becomes an event, and the target catches up once it is repaired.
    let told = async || {
        let mut reading = issuer.store().read().await.unwrap();
        let query = sqlx::query("SELECT data FROM events WHERE type = 'list.failed'");
        query.fetch_optional(&mut *reading).await.unwrap()
    };
    until("the event", told).await;
    std::fs::remove_file(&blocked).unwrap();
    until("the mended one", async || {
        let targets = issuer.list().targets().await.unwrap();
        targets.into_iter().find(|target| target.name == specs[0] && has(target, list))
    })
    .await;
}

pub(crate) async fn a_publisher_that_wakes_up_late_changes_nothing(bench: Bench) {
    use portcullis_issuer::store::lists;
    let issuer = &bench.issuer;
    let mut reading = issuer.store().read().await.unwrap();
    let late = lists::promise(&mut reading).await.unwrap().unwrap();
    let stamp = lists::published(&mut reading).await.unwrap().stamp;
    drop(reading);
    let minted = issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    bench.revoke(&minted.record.id, When::Now).await.unwrap();
    let newest = issuer.list().published().await.unwrap();
    let mut writing = issuer.store().bookkeeping().await.unwrap();
    assert!(!lists::set_published(&mut writing, &late, &stamp).await.unwrap());
    writing.save().await.unwrap();
    assert_eq!(issuer.list().published().await.unwrap(), newest);
}

/// SQLite only: a backup is a copy of the file.
#[tokio::test]
async fn a_restored_backup_stands_still_until_it_is_recovered() {
    let bench = Bench::new().await;
    let folder = bench.folder.path().join("out");
    let spec = format!("dir:{}", folder.display());
    let public = portcullis_core::policy::Visibility::Public;
    let edited = bench.policy("Shop", public, PolicyRules::default()).await;
    let kept = bench.issuer.keys().create(&NewKey::titled("kept")).await.unwrap();
    let revoked = bench.issuer.keys().create(&NewKey::titled("revoked later")).await.unwrap();
    bench.clock.advance(5_000);
    bench.issuer.list().publish().await.unwrap();

    // The backup, and then the window that it lacks.
    let backup = bench.folder.path().join("backup.db");
    let vacuum = format!("VACUUM INTO '{}'", backup.display());
    let url = format!("sqlite://{}", bench.home.database_file().display());
    let pool = sqlx::AnyPool::connect(&url).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(vacuum)).execute(&pool).await.unwrap();
    pool.close().await;
    bench.clock.advance(5_000);
    let lost = bench.issuer.keys().create(&NewKey::titled("lost")).await.unwrap();
    bench.revoke(&revoked.record.id, When::Now).await.unwrap().published().unwrap();
    let sold = vec!["sc_1".to_owned()];
    let change = PolicyChange { sales_channels: Some(sold.clone()), ..PolicyChange::default() };
    bench.issuer.policies().update(edited, &change).await.unwrap().published().unwrap();
    let made = bench.policy("Lost policy", public, PolicyRules::default()).await;
    let last = bench.issuer.list().published().await.unwrap();
    {
        let _working = work(&bench.issuer, &[&spec]);
        until("the target", async || Some(()).filter(|()| folder.join("stamp").exists())).await;
    }
    bench.issuer.store().close().await;

    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", bench.home.database_file().display()));
    }
    std::fs::copy(&backup, bench.home.database_file()).unwrap();
    let issuer = Issuer::open(&bench.home, bench.clock.clone(), DEFAULT_VALID_FOR).await.unwrap();
    let witnesses = [Target::parse(&spec).unwrap()];
    let found = issuer.recovery().check_witnesses(&witnesses).await;
    assert!(matches!(found, Err(Error::Store(StoreError::Restored { .. }))), "{found:?}");
    assert!(matches!(
        issuer.list().publish().await,
        Err(Error::Store(StoreError::Restored { .. }))
    ));
    let refused = issuer.keys().create(&NewKey::titled("x")).await;
    assert!(matches!(refused, Err(Error::Store(StoreError::Restored { .. }))));

    let recovered = issuer.recovery().recover(&witnesses).await.unwrap();
    assert_eq!((recovered.entries, recovered.policies), (1, 2), "{recovered:?}");
    assert!(recovered.number > last.number);
    let verify = async |token: &str| {
        issuer
            .keys()
            .verify(token, None, None)
            .await
            .unwrap()
            .result
            .map(|_| ())
            .map_err(Refusal::code)
    };
    assert_eq!(verify(&kept.token).await, Ok(()));
    assert_eq!(verify(&revoked.token).await, Err("revoked"));
    assert_eq!(verify(&lost.token).await, Err("revoked"));
    assert_eq!(issuer.policies().show(edited).await.unwrap().rules.sales_channels, sold);
    issuer.policies().show(made).await.unwrap();
    // A gate that holds the earlier list accepts the new one.
    let mut gate = adopt(&bench, &folder).await;
    let held = gate.list().unwrap().list_version();
    gate.adopt_bundle(&issuer.list().bundle().await.unwrap(), issuer.now().plus_millis(1_000))
        .unwrap();
    assert!(gate.list().unwrap().list_version().number > held.number);

    // Keys can be made again once the earlier stamps have expired, in shards of their own.
    assert!(matches!(issuer.keys().create(&NewKey::titled("x")).await, Err(Error::ShardFull)));
    let valid_for = u64::try_from(DEFAULT_VALID_FOR.as_millis()).unwrap();
    bench.clock.advance(valid_for + MAX_SKEW_MILLIS + 1_000);
    issuer.list().publish().await.unwrap();
    let minted = issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    assert_eq!(verify(&minted.token).await, Ok(()));
    assert!(minted.record.serial.shard() > lost.record.serial.shard() + 1);
    assert_eq!(issuer.recovery().check_witnesses(&witnesses).await.unwrap(), 1);
    let again = issuer.recovery().recover(&witnesses).await;
    assert!(matches!(again, Err(Error::Target { .. })));
}
