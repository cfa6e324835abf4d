//! A clock that is ahead, and what it leaves behind.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use portcullis_core::keyring::Purpose;
use portcullis_core::list::MAX_SKEW_MILLIS;
use portcullis_core::replica::{AdoptError, Replica};
use portcullis_core::time::Time;
use portcullis_core::verify::{Demand, Refusal};
use portcullis_issuer::clock::{Clock, ManualClock, Reading, SystemClock};
use portcullis_issuer::doctor::examine;
use portcullis_issuer::init::{Plan, init};
use portcullis_issuer::issuer::{DEFAULT_VALID_FOR, Terms};
use portcullis_issuer::keystore::Vault;
use portcullis_issuer::publish::Target;
use portcullis_issuer::rules::*;
use portcullis_issuer::schedule::{Job, Options};
use portcullis_issuer::{Error, Home, Issuer};
use sqlx::Row as _;

use crate::common::{Bench, new_database};
use crate::lists::{until, work};

conformance! {
    a_clock_that_jumps_ahead_is_held_before_anything_is_written,
    a_clock_that_is_set_at_any_reading_leaves_nothing_of_its_time,
    time_that_passes_is_no_jump,
    what_a_clock_left_behind_is_got_rid_of,
    what_a_stolen_signer_of_lists_signed_is_ended,
}

const DAY: u64 = 24 * 60 * 60 * 1000;
const DEMAND: Demand = Demand { purpose: Purpose::Token, kind: None, environment: None };

/// The newest of all times that are committed.
async fn newest(issuer: &Issuer) -> Time {
    let mut reading = issuer.store().read().await.unwrap();
    let mut newest = 0;
    for (table, column, unit) in [
        ("events", "at_ms", 1),
        ("api_keys", "created_ms", 1),
        ("api_keys", "updated_ms", 1),
        ("api_keys", "issued_at", 1000),
        ("lists", "this_update", 1),
        ("promise", "this_update", 1),
        ("published", "this_update", 1),
        ("clock", "wall_ms", 1),
        ("owners", "created_ms", 1),
        ("policies", "created_ms", 1),
        ("jobs", "started_ms", 1),
        ("targets", "seen_ms", 1),
        ("keyrings", "created_ms", 1),
        ("webhooks", "created_ms", 1),
        // Leases, which last for a while.
        ("jobs", "until_ms - 60000", 1),
        ("publisher", "until_ms - 60000", 1),
    ] {
        let query = format!("SELECT COALESCE(MAX({column}), 0) * {unit} FROM {table}");
        let query = sqlx::query(sqlx::AssertSqlSafe(query));
        newest = newest.max(query.fetch_one(&mut *reading).await.unwrap().get::<i64, _>(0));
    }
    Time::from_millis(u64::try_from(newest).unwrap())
}

/// Whatever writes is refused with this code.
async fn all_is_refused(bench: &Bench, issuer: &Issuer, id: &str, code: &str) {
    let refused = |what: &str, error: Error| assert_eq!(error.code(), code, "{what}");
    refused("create", issuer.create(&NewKey::titled("x")).await.unwrap_err());
    refused("publish", issuer.publish().await.unwrap_err());
    let roll = Roll::default();
    refused("roll", issuer.roll(id, &roll).await.unwrap_err());
    let revocation = Revocation { when: Moment::Now, by: None };
    refused("revoke", issuer.revoke(id, &revocation).await.unwrap_err());
    let owner = NewOwner { name: "x".into(), ..NewOwner::default() };
    refused("owner", issuer.create_owner(&owner).await.unwrap_err());
    let job = issuer.run_job(Job::ExpiryNotices, &Options::default()).await;
    refused("job", job.unwrap_err());
    let root = Vault::new(bench.home.root_key(), bench.home.unlock().clone());
    let renew = KeyringChange::Renew(std::time::Duration::from_secs(DAY / 1000));
    refused("keyring", issuer.change_keyring(&renew, &root, None).await.unwrap_err());
}

pub(crate) async fn a_clock_that_jumps_ahead_is_held_before_anything_is_written(bench: Bench) {
    let issuer = &bench.issuer;
    let minted = issuer.create(&NewKey::titled("x")).await.unwrap();
    let mut gate = bench.gate().await;
    gate.adopt_bundle(&issuer.bundle().await.unwrap(), issuer.now()).unwrap();
    bench.clock.advance(2_000);
    let published = issuer.publish().await.unwrap();
    let right = issuer.now();
    let folder = bench.folder.path().join("out");
    let working = work(issuer, &[&format!("dir:{},every=50ms", folder.display())]);
    until("the target", async || folder.join("stamp").exists().then_some(())).await;
    for ahead in [61_000, DAY, 3650 * DAY] {
        bench.clock.jump(right.plus_millis(ahead));
        // Also a process that has only begun, as every command is one.
        let other = Issuer::open(&bench.home, bench.clock.clone(), DEFAULT_VALID_FOR);
        let other = other.await.unwrap();
        for issuer in [issuer, &other] {
            all_is_refused(&bench, issuer, &minted.record.id, "clock_implausible").await;
            let told = issuer.store().check_clock().await.unwrap_err().to_string();
            let secs = ahead / 1000;
            assert!(
                told.contains(&format!("{secs} s ahead of the time that has passed")),
                "{told}"
            );
        }
        other.store().close().await;
        let seen = examine(&bench.home, bench.clock.clone(), DEFAULT_VALID_FOR, &[]).await;
        let clock = seen.checks.iter().find(|check| check.check == "clock").unwrap();
        assert!(!clock.ok && clock.mend.as_ref().unwrap().contains("--trust-clock"), "{clock:?}");
    }
    assert!(newest(issuer).await <= right.plus_millis(5_000), "nothing bears a later time");
    // Whatever the issuer's clock says, the list runs out by that of the gate.
    let ends = issuer.published().await.unwrap().next_update;
    gate.adopt_bundle(&issuer.bundle().await.unwrap(), right.plus_millis(5_000)).unwrap();
    let last = Time::from_millis(ends.millis() - 1);
    assert!(gate.verify(&minted.token, &DEMAND, last).is_ok());
    let refusal = gate.verify(&minted.token, &DEMAND, ends).map(|_| ()).unwrap_err();
    assert_eq!(refusal.code(), "list_past_next_update");

    // It is set right, and all goes on without anybody's help.
    bench.clock.jump(right.plus_millis(1_000));
    bench.clock.advance(1_000);
    let again = issuer.publish().await.unwrap();
    assert!(again.this_update > published.this_update);
    issuer.create(&NewKey::titled("y")).await.unwrap();
    issuer.store().check_clock().await.unwrap();

    // The machine was paused and set right: that must be said once, and holds for all.
    drop(working);
    bench.clock.jump(right.plus_millis(DAY));
    let terms = Terms { trust_clock: true, ..Terms::default() };
    let trusting = Issuer::open_with(&bench.home, bench.clock.clone(), terms).await.unwrap();
    trusting.publish().await.unwrap();
    issuer.create(&NewKey::titled("z")).await.unwrap();
}

/// A clock that is a day ahead at some of its readings, and right at the others.
struct Restless {
    right: Arc<ManualClock>,
    readings: AtomicU64,
}

impl Restless {
    fn ahead(&self) -> u64 {
        // One in four, in no order that an act could be in step with.
        let reading = self.readings.fetch_add(1, Ordering::SeqCst);
        let mixed = reading.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 62;
        if mixed == 0 { DAY } else { 0 }
    }
}

impl Clock for Restless {
    fn now(&self) -> Time {
        self.right.now().plus_millis(self.ahead())
    }

    fn read(&self) -> Reading {
        let reading = self.right.read();
        Reading { wall: reading.wall.plus_millis(self.ahead()), ..reading }
    }

    fn is_the_machines(&self) -> bool {
        false
    }
}

/// Whatever is written bears the time that was checked, and no earlier or later reading.
pub(crate) async fn a_clock_that_is_set_at_any_reading_leaves_nothing_of_its_time(bench: Bench) {
    let right = Arc::clone(&bench.clock);
    bench.issuer.publish().await.unwrap();
    let clock = Restless { right: Arc::clone(&right), readings: AtomicU64::new(0) };
    let issuer = Issuer::open(&bench.home, Arc::new(clock), DEFAULT_VALID_FOR).await.unwrap();
    let folder = bench.folder.path().join("out");
    let working = work(&issuer, &[&format!("dir:{},every=50ms", folder.display())]);
    let root = Vault::new(bench.home.root_key(), bench.home.unlock().clone());
    let (mut done, mut held) = (0, 0);
    let mut count = |result: Result<(), Error>| match result {
        Ok(()) => done += 1,
        Err(Error::ClockImplausible { .. }) => held += 1,
        // By a clock that is ahead the list has run out: what reads it first writes nothing.
        Err(Error::List(_)) => held += 1,
        Err(error) => panic!("{error:?}"),
    };
    for round in 0..12 {
        right.advance(100);
        let made = issuer.create(&NewKey::titled("x")).await;
        if let Ok(minted) = &made {
            let id = &minted.record.id;
            count(issuer.roll(id, &Roll::default()).await.map(|_| ()));
            let revocation = Revocation { when: Moment::Now, by: None };
            count(issuer.revoke(id, &revocation).await.map(|_| ()));
        }
        count(made.map(|_| ()));
        let owner = NewOwner { name: format!("owner {round}"), ..NewOwner::default() };
        count(issuer.create_owner(&owner).await.map(|_| ()));
        count(issuer.publish().await.map(|_| ()));
        for job in [Job::ExpiryNotices, Job::Prune] {
            // A job that was held in its middle keeps its lease for a minute.
            match issuer.run_job(job, &Options::default()).await {
                Err(Error::JobTaken) => {}
                done => count(done.map(|_| ())),
            }
        }
        let renew = KeyringChange::Renew(std::time::Duration::from_secs(30 * DAY / 1000));
        if round % 4 == 0 {
            count(issuer.change_keyring(&renew, &root, None).await.map(|_| ()));
        }
    }
    until("the target", async || folder.join("stamp").exists().then_some(())).await;
    drop(working);
    assert!(done > 10 && held > 10, "{done} acts were done, {held} were held");
    let newest = newest(&issuer).await;
    assert!(newest <= right.now().plus_millis(5_000), "{} ms", newest.millis_since(right.now()));
    // Everything goes on by a clock that is right.
    bench.issuer.create(&NewKey::titled("after")).await.unwrap();
    bench.issuer.publish().await.unwrap();
}

pub(crate) async fn time_that_passes_is_no_jump(bench: Bench) {
    for passed in [1_000, 60_000, DAY, 20 * DAY, 40 * DAY, 200 * DAY] {
        bench.clock.advance(passed);
        bench.issuer.publish().await.unwrap();
        bench.issuer.create(&NewKey::titled("x")).await.unwrap();
        // Less than a minute is nothing.
        bench.clock.jump(bench.issuer.now().plus_millis(59_000));
        bench.issuer.publish().await.unwrap();
    }
}

/// What a gate holds that is started now with this keyring, and is shown what lies in a folder.
fn start_gate(
    bench: &Bench,
    keyring: &[u8],
    folder: &Path,
    now: Time,
) -> Result<Replica, AdoptError> {
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let mut replica = Replica::new(bench.made.root, keyring).unwrap();
    let mut update = replica.offer_stamp(&read("stamp"), now)?.unwrap();
    let head = update.wants_head().unwrap();
    update.offer_head(&read(&format!("heads/{}", head.digest)), replica.keyring(), now)?;
    for name in update.wants_bodies() {
        update.offer_body(&read(&format!("bodies/{}", name.digest)))?;
    }
    replica.commit(update)?;
    Ok(replica)
}

pub(crate) async fn what_a_clock_left_behind_is_got_rid_of(bench: Bench) {
    let issuer = &bench.issuer;
    let revoked = issuer.create(&NewKey::titled("revoked meanwhile")).await.unwrap();
    let kept = issuer.create(&NewKey::titled("kept")).await.unwrap();
    let mut warm = bench.gate().await;
    warm.adopt_bundle(&issuer.bundle().await.unwrap(), issuer.now()).unwrap();
    let old_keyring = issuer.keyring_document().await.unwrap();
    let root = Vault::new(bench.home.root_key(), bench.home.unlock().clone());
    let none = issuer.recover_clock(&root, "me").await.unwrap_err();
    assert_eq!(none.code(), "clock_not_behind");

    // A program that did not look at the clock, ten days ahead.
    let right = issuer.now();
    let folder = bench.folder.path().join("out");
    let spec = format!("dir:{},every=50ms", folder.display());
    let made_then;
    {
        let terms = Terms { trust_clock: true, ..Terms::default() };
        let old = Issuer::open_with(&bench.home, bench.clock.clone(), terms).await.unwrap();
        bench.clock.jump(right.plus_millis(10 * DAY));
        made_then = old.create(&NewKey::titled("of the future")).await.unwrap();
        let now = Revocation { when: Moment::Now, by: None };
        old.revoke(&revoked.record.id, &now).await.unwrap().published.unwrap();
        let out = old.published().await.unwrap();
        let _working = work(&old, &[&spec]);
        until("the target", async || folder.join("stamp").exists().then_some(())).await;
        old.wait_for((out.epoch, out.number), std::time::Duration::from_secs(30)).await.unwrap();
    }
    let future = bench.folder.path().join("future");
    copy(&folder, &future);
    let last = issuer.published().await.unwrap();

    bench.clock.jump(right.plus_millis(1_000));
    assert_eq!(issuer.publish().await.unwrap_err().code(), "clock_went_back");
    let told = issuer.create(&NewKey::titled("x")).await.unwrap_err();
    assert!(told.to_string().contains("portcullis recover --clock"), "{told}");
    let done = issuer.recover_clock(&root, "me").await.unwrap();
    assert_eq!((done.revocations, done.keys), (1, 1), "{done:?}");
    assert_eq!((done.epoch, done.ahead_secs), (2, 10 * DAY / 1000 - 1));
    assert_eq!(issuer.recover_clock(&root, "me").await.unwrap_err().code(), "clock_not_behind");

    // At once all is as it should be: for keys that are made, for gates that were there before, and
    // at the target, which carried the future.
    issuer.create(&NewKey::titled("y")).await.unwrap();
    assert_eq!(bench.judge(&revoked.token).await, Err(Refusal::Revoked));
    bench.judge(&kept.token).await.unwrap();
    let now = issuer.now().plus_millis(1_000);
    assert!(warm.offer_keyring(&issuer.keyring_document().await.unwrap()).unwrap());
    warm.adopt_bundle(&issuer.bundle().await.unwrap(), now).unwrap();
    assert_eq!(warm.verify(&revoked.token, &DEMAND, now).map(|_| ()), Err(Refusal::Revoked));
    assert!(warm.verify(&kept.token, &DEMAND, now).is_ok());
    let _working = work(issuer, &[&spec]);
    let new_keyring = issuer.keyring_document().await.unwrap();
    until("the target", async || start_gate(&bench, &new_keyring, &folder, now).ok()).await;
    assert_eq!(issuer.check_witnesses(&[Target::parse(&spec).unwrap()]).await.unwrap(), 1);
    assert!(newest_of_now(issuer).await <= issuer.now().plus_millis(5_000));

    // Ten days later the lists of then would be fresh: nobody takes them who has the keyring.
    let then = Time::from_millis(last.this_update.millis() + 1);
    assert!(warm.offer_stamp(&last.stamp, then).is_err());
    assert!(start_gate(&bench, &new_keyring, &future, then).is_err());
    // Who has only the old one does, as long as was said.
    start_gate(&bench, &old_keyring, &future, then).unwrap();
    let end = portcullis_issuer::view::parse_rfc3339(&done.window).unwrap();
    assert!(end >= last.next_update && end <= then.plus_millis(DAY));
    assert!(start_gate(&bench, &old_keyring, &future, end).is_err());
    let record = issuer.show(&made_then.record.id).await.unwrap();
    assert!(record.issued_at > now.secs(), "what a token says can't be changed");
}

/// A list under a high number, signed by the signer that somebody has stolen, holds no verifier that has the new
/// keyring; without a new epoch it would, for ever.
pub(crate) async fn what_a_stolen_signer_of_lists_signed_is_ended(bench: Bench) {
    let issuer = &bench.issuer;
    let revoked = issuer.create(&NewKey::titled("revoked")).await.unwrap();
    let kept = issuer.create(&NewKey::titled("kept")).await.unwrap();
    let now = Revocation { when: Moment::Now, by: None };
    issuer.revoke(&revoked.record.id, &now).await.unwrap().published.unwrap();
    for _ in 0..3 {
        let other = issuer.create(&NewKey::titled("other")).await.unwrap();
        issuer.revoke(&other.record.id, &now).await.unwrap().published.unwrap();
    }
    let last = issuer.published().await.unwrap();
    let stolen = issuer.bundle().await.unwrap();
    let mut warm = bench.gate().await;
    warm.adopt_bundle(&stolen, issuer.now()).unwrap();

    let root = Vault::new(bench.home.root_key(), bench.home.unlock().clone());
    let done = issuer.recover_signer(&root, "me").await.unwrap();
    assert_eq!((done.epoch, done.ahead_secs, done.signers.len()), (2, 0, 1), "{done:?}");
    assert!(done.number < last.number, "the number begins anew");
    let keyring = issuer.keyring_document().await.unwrap();
    let trail = issuer.verify_tail(1_000).await.unwrap();
    assert!(trail.findings.is_empty(), "{:?}", trail.findings);

    // A gate that believed it is free as soon as it has the keyring; what was signed before counts for nobody.
    let now = issuer.now();
    assert!(warm.offer_keyring(&keyring).unwrap());
    assert!(warm.offer_stamp(&last.stamp, now).is_err());
    warm.adopt_bundle(&issuer.bundle().await.unwrap(), now).unwrap();
    assert_eq!(warm.verify(&revoked.token, &DEMAND, now).map(|_| ()), Err(Refusal::Revoked));
    assert!(warm.verify(&kept.token, &DEMAND, now).is_ok());
    assert!(warm.offer_stamp(&last.stamp, now).is_err());
    let fresh = issuer.create(&NewKey::titled("after")).await.unwrap();
    bench.judge(&fresh.token).await.unwrap();
    // It can be done again, and the clock was never in question.
    assert_eq!(issuer.recover_clock(&root, "me").await.unwrap_err().code(), "clock_not_behind");
    assert_eq!(issuer.recover_signer(&root, "me").await.unwrap().epoch, 3);
}

/// The newest time that waits for nothing.
async fn newest_of_now(issuer: &Issuer) -> Time {
    let mut reading = issuer.store().read().await.unwrap();
    let mut newest = 0;
    for query in [
        "SELECT at_ms FROM events ORDER BY id DESC LIMIT 1",
        "SELECT this_update FROM promise",
        "SELECT this_update FROM published",
        "SELECT MAX(covered_ms) FROM shards",
        "SELECT MAX(until_ms) - 60000 FROM publisher",
        "SELECT MAX(seen_ms) FROM targets",
        "SELECT COALESCE(MAX(until_ms) - 60000, 0) FROM jobs",
        "SELECT COALESCE(MAX(revoked_at), 0) * 1000 FROM api_keys",
    ] {
        let row = sqlx::query(query).fetch_one(&mut *reading).await.unwrap();
        newest = newest.max(row.get::<i64, _>(0));
    }
    Time::from_millis(u64::try_from(newest).unwrap())
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// The machine's clock, set wrongly.
struct Shifted(u64);

impl Clock for Shifted {
    fn now(&self) -> Time {
        SystemClock.now().plus_millis(self.0)
    }

    fn read(&self) -> Reading {
        // As one looks that was wrong from the start on.
        Reading { wall: self.now(), ..SystemClock.read() }
    }
}

/// PostgreSQL alone: its server has a clock of its own.
#[tokio::test]
async fn the_servers_clock_is_asked() {
    let Ok(server) = std::env::var("PORTCULLIS_TEST_POSTGRES") else {
        assert!(std::env::var_os("CI").is_none(), "PORTCULLIS_TEST_POSTGRES names no server");
        eprintln!("LEFT OUT: PORTCULLIS_TEST_POSTGRES names no PostgreSQL server");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let home = Home::new(folder.path().join("home")).with_database(new_database(&server).await);
    let plan = Plan { label: portcullis_core::token::Label::NONE, root: None, encrypt: false };
    init(&home, &plan, Arc::new(SystemClock)).await.unwrap();
    for (ahead, code) in [(0, None), (50_000, None), (70_000, Some("clock_implausible"))] {
        let issuer = Issuer::open(&home, Arc::new(Shifted(ahead)), DEFAULT_VALID_FOR);
        let issuer = issuer.await.unwrap();
        let published = issuer.publish().await.map_err(|error| (error.code(), error.to_string()));
        assert_eq!(published.as_ref().err().map(|(code, _)| *code), code, "{ahead}");
        if let Err((_, told)) = published {
            assert!(told.contains("ahead of the database server's clock"), "{told}");
        }
        issuer.store().close().await;
    }
    // Verifiers put up with less than the door does.
    const { assert!(MAX_SKEW_MILLIS < 50_000) };
}

/// A witness that is asked over HTTP tells the time as well.
#[tokio::test]
async fn a_witness_tells_the_time() {
    let bench = Bench::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new()).await.unwrap() });
    let witnesses = [Target::parse(&address).unwrap()];
    bench.clock.jump(SystemClock.now());
    assert_eq!(bench.issuer.check_witnesses(&witnesses).await.unwrap(), 1);
    bench.clock.jump(SystemClock.now().plus_millis(90_000));
    let held = bench.issuer.check_witnesses(&witnesses).await.unwrap_err();
    assert_eq!(held.code(), "clock_implausible");
    assert!(held.to_string().contains(&format!("ahead of the clock of {address}")), "{held}");
}
