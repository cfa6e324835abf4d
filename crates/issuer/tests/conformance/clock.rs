//! A clock that is ahead, and the state that it leaves behind.

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use portcullis_core::keyring::Purpose;
use portcullis_core::list::MAX_SKEW_MILLIS;
use portcullis_core::time::Time;
use portcullis_core::verifier::{AdoptError, Verifier};
use portcullis_core::verify::{Refusal, Requirements};
use portcullis_issuer::actions::*;
use portcullis_issuer::clock::{Clock, ManualClock, Reading, SystemClock};
use portcullis_issuer::doctor::examine;
use portcullis_issuer::init::{Plan, init};
use portcullis_issuer::keystore::Vault;
use portcullis_issuer::publish::Target;
use portcullis_issuer::publish::{DEFAULT_VALID_FOR, PublishOptions};
use portcullis_issuer::schedule::{Job, Options};
use portcullis_issuer::webhooks::{NewWebhook, Reach};
use portcullis_issuer::{Committed, Error, Home, Issuer};
use portcullis_test_support::{Bench, new_database};
use sqlx::Row as _;

use crate::lists::{until, work};

conformance! {
    a_clock_that_jumps_ahead_is_held_before_anything_is_written,
    time_that_passes_is_no_jump,
    no_time_is_written_that_was_not_looked_at,
    a_beat_is_as_long_as_the_time_that_was_looked_at,
    whoever_s_clock_is_set_back_holds_no_lease_that_has_run_out,
    what_a_clock_left_behind_is_got_rid_of,
    what_a_stolen_signer_of_lists_signed_is_ended,
}

const DAY: u64 = 24 * 60 * 60 * 1000;
const DEMAND: Requirements =
    Requirements { purpose: Purpose::Token, kind: None, environment: None };

/// The latest of all committed times.
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
        // Leases end later than they were written, so subtract a minute.
        ("jobs", "until_ms - 60000", 1),
        ("publisher", "until_ms - 60000", 1),
    ] {
        let query = format!("SELECT COALESCE(MAX({column}), 0) * {unit} FROM {table}");
        let query = sqlx::query(sqlx::AssertSqlSafe(query));
        newest = newest.max(query.fetch_one(&mut *reading).await.unwrap().get::<i64, _>(0));
    }
    Time::from_millis(u64::try_from(newest).unwrap())
}

/// Checks that every write is refused with this code.
async fn all_is_refused(bench: &Bench, issuer: &Issuer, id: &str, code: &str) {
    let refused = |what: &str, error: Error| assert_eq!(error.code(), code, "{what}");
    refused("create", issuer.keys().create(&NewKey::titled("x")).await.unwrap_err());
    refused("publish", issuer.list().publish().await.unwrap_err());
    let roll = Roll::default();
    refused("roll", issuer.keys().roll(id, &roll).await.unwrap_err());
    let revocation = Revocation { when: When::Now, by: None };
    refused("revoke", issuer.keys().revoke(id, &revocation).await.unwrap_err());
    let owner = NewOwner { name: "x".into(), ..NewOwner::default() };
    refused("owner", issuer.owners().create(&owner).await.unwrap_err());
    let job = issuer.jobs().run(Job::ExpiryNotices, &Options::default()).await;
    refused("job", job.unwrap_err());
    let root = Vault::new(bench.home.root_key(), bench.home.unlock().clone());
    let renew = KeyringChange::Renew(std::time::Duration::from_secs(DAY / 1000));
    refused("keyring", issuer.keyring().change(&renew, &root, None).await.unwrap_err());
}

pub(crate) async fn a_clock_that_jumps_ahead_is_held_before_anything_is_written(bench: Bench) {
    let issuer = &bench.issuer;
    let minted = issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    let mut gate = bench.gate().await;
    gate.adopt_bundle(&issuer.list().bundle().await.unwrap(), issuer.now()).unwrap();
    bench.clock.advance(2_000);
    let published = issuer.list().publish().await.unwrap();
    let right = issuer.now();
    let folder = bench.folder.path().join("out");
    let working = work(issuer, &[&format!("dir:{},every=50ms", folder.display())]);
    until("the target", async || folder.join("stamp").exists().then_some(())).await;
    for ahead in [61_000, DAY, 3650 * DAY] {
        bench.clock.jump(right.plus_millis(ahead));
        // Also check a process that has just started, as each command is.
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
    // Whatever the issuer's clock shows, the list expires by the gate's clock.
    let ends = issuer.list().published().await.unwrap().next_update;
    gate.adopt_bundle(&issuer.list().bundle().await.unwrap(), right.plus_millis(5_000)).unwrap();
    let last = Time::from_millis(ends.millis() - 1);
    assert!(gate.verify(&minted.token, &DEMAND, last).is_ok());
    let refusal = gate.verify(&minted.token, &DEMAND, ends).map(|_| ()).unwrap_err();
    assert_eq!(refusal.code(), "list_past_next_update");

    // Once the clock is right again, everything continues without intervention.
    bench.clock.jump(right.plus_millis(1_000));
    bench.clock.advance(1_000);
    let again = issuer.list().publish().await.unwrap();
    assert!(again.this_update > published.this_update);
    issuer.keys().create(&NewKey::titled("y")).await.unwrap();
    issuer.store().check_clock().await.unwrap();

    // The machine was paused and its clock then set right. One publication with `trust_clock` is
    // enough for all processes.
    drop(working);
    bench.clock.jump(right.plus_millis(DAY));
    let publish_options = PublishOptions { trust_clock: true, ..PublishOptions::default() };
    let trusting =
        Issuer::open_with(&bench.home, bench.clock.clone(), publish_options).await.unwrap();
    trusting.list().publish().await.unwrap();
    issuer.keys().create(&NewKey::titled("z")).await.unwrap();
}

/// A machine whose wall clock is set wrong for a while and then set back, as `date` does it.
/// Elapsed time passes as everywhere else.
struct Moody {
    right: Arc<ManualClock>,
    readings: AtomicU64,
    /// The range of readings that are wrong, by their number.
    wrong: Mutex<Range<u64>>,
    /// The wrong time.
    says: Mutex<Time>,
}

impl Moody {
    fn new(right: &Arc<ManualClock>) -> Arc<Self> {
        let (readings, says) = (AtomicU64::new(0), Mutex::new(right.now()));
        Arc::new(Self { right: Arc::clone(right), readings, wrong: Mutex::new(0..0), says })
    }

    /// Makes `many` readings return `says`, starting with the `first` one from now.
    fn is_set(&self, first: u64, many: u64, says: Time) {
        let first = self.readings.load(Ordering::SeqCst) + first;
        *self.wrong.lock().unwrap() = first..first.saturating_add(many);
        *self.says.lock().unwrap() = says;
    }

    fn is_set_right(&self) {
        *self.wrong.lock().unwrap() = 0..0;
    }

    fn said(&self) -> u64 {
        self.readings.load(Ordering::SeqCst)
    }
}

impl Clock for Moody {
    fn now(&self) -> Time {
        let number = self.readings.fetch_add(1, Ordering::SeqCst);
        let wrong = self.wrong.lock().unwrap().contains(&number);
        if wrong { *self.says.lock().unwrap() } else { self.right.now() }
    }

    fn read(&self) -> Reading {
        Reading { wall: self.now(), ..self.right.read() }
    }

    fn is_the_machines(&self) -> bool {
        false
    }
}

/// Wrong times, in the range in which the torture campaign sets clocks.
fn wrong_times(right: Time) -> [Time; 4] {
    [
        right.plus_millis(90_000),
        right.plus_millis(30 * DAY),
        right.plus_millis(3650 * DAY),
        Time::from_millis(right.millis() - 30 * DAY),
    ]
}

const ACTS: [&str; 9] =
    ["create", "revoke", "roll", "publish", "owner", "prune", "notices", "age", "webhook"];

/// One act, which may be refused. A refused act must leave nothing behind.
async fn act(issuer: &Issuer, what: &str, id: &str) {
    let options = Options::default();
    let refused = match what {
        "create" => issuer.keys().create(&NewKey::titled("x")).await.err(),
        "revoke" => {
            let revocation = Revocation { when: When::Now, by: None };
            issuer.keys().revoke(id, &revocation).await.and_then(Committed::published).err()
        }
        "roll" => {
            issuer.keys().roll(id, &Roll::default()).await.and_then(Committed::published).err()
        }
        "publish" => issuer.list().publish().await.err(),
        "owner" => {
            let owner = NewOwner { name: "x".into(), ..NewOwner::default() };
            issuer.owners().create(&owner).await.err()
        }
        "prune" => issuer.jobs().run(Job::Prune, &options).await.err(),
        "notices" => issuer.jobs().run(Job::ExpiryNotices, &options).await.err(),
        "age" => issuer.jobs().run(Job::KeyAge, &options).await.err(),
        "webhook" => {
            let url = "https://example.com/".to_owned();
            let new = NewWebhook { url, description: String::new(), types: Vec::new(), by: None };
            issuer.webhooks().create(&new, Reach { http: false, private: true }).await.err()
        }
        other => unreachable!("{other}"),
    };
    let code = refused.map(|error| error.code());
    // A list is read back at the time of that moment, which may be another.
    let known = ["clock_implausible", "clock_went_back", "keyring_expired"];
    assert!(code.is_none_or(|code| known.contains(&code) || code.starts_with("list_")), "{code:?}");
}

/// Sets the clock wrong for exactly one reading of each act, for every reading in turn, and so also
/// in the middle of each transaction.
pub(crate) async fn no_time_is_written_that_was_not_looked_at(bench: Bench) {
    let other = &bench.issuer;
    let moody = Moody::new(&bench.clock);
    let issuer = Issuer::open(&bench.home, moody.clone(), DEFAULT_VALID_FOR).await.unwrap();
    for what in ACTS {
        for wrong in 0..wrong_times(bench.clock.now()).len() {
            let mut number = 0;
            loop {
                // A job that could not record its end keeps its lease for 30 s.
                bench.clock.advance(31_000);
                let right = bench.clock.now();
                let id = other.keys().create(&NewKey::titled("y")).await.unwrap().record.id.clone();
                let of = format!("{what}, look {number}, wrong time {wrong}");
                moody.is_set(number, 1, wrong_times(right)[wrong]);
                let before = moody.said();
                act(&issuer, what, &id).await;
                let looks = moody.said() - before;
                moody.is_set_right();
                assert!(newest(other).await <= right.plus_millis(1_000), "{of}");
                // What was written blocks neither this issuer nor another.
                for issuer in [other, &issuer] {
                    bench.clock.advance(10);
                    let listed = issuer.list().publish().await.map_err(|error| error.to_string());
                    assert_eq!(listed.map(|out| out.this_update), Ok(bench.clock.now()), "{of}");
                    issuer.keys().create(&NewKey::titled("z")).await.unwrap();
                }
                // A refused act reads the clock less often, so try every reading until none is
                // left.
                if looks <= number {
                    break;
                }
                number += 1;
            }
        }
    }
    issuer.store().close().await;
}

/// A publisher that is killed in its beat leaves a lease no longer than the others wait for it.
pub(crate) async fn a_beat_is_as_long_as_the_time_that_was_looked_at(bench: Bench) {
    let other = &bench.issuer;
    let moody = Moody::new(&bench.clock);
    let issuer = Issuer::open(&bench.home, moody.clone(), DEFAULT_VALID_FOR).await.unwrap();
    for wrong in 0..wrong_times(bench.clock.now()).len() {
        for number in 0..6 {
            bench.clock.advance(60_000);
            other.list().publish().await.unwrap();
            let before = other.trail().last().await.unwrap();
            bench.clock.advance(1_000);
            let right = bench.clock.now();
            moody.is_set(number, 1, wrong_times(right)[wrong]);
            let (stop, stopped) = tokio::sync::watch::channel(());
            let period = std::time::Duration::from_secs(3600);
            let leader = issuer.clone();
            let beat = async move { leader.list().lead(period, Vec::new(), stopped).await };
            let beat = tokio::spawn(beat);
            // Wait until the beat has published, or has recorded its failure.
            until("the beat", async || {
                let out = other.list().published().await.unwrap().this_update >= right;
                let noted = other.trail().last().await.unwrap() > before;
                (out || noted || moody.said() > number + 20).then_some(())
            })
            .await;
            beat.abort();
            let _ = beat.await;
            drop(stop);
            moody.is_set_right();
            let of = format!("look {number}, wrong time {wrong}");
            let leader = sqlx::query("SELECT COALESCE(MAX(until_ms), 0) FROM publisher");
            let mut reading = other.store().read().await.unwrap();
            let until: i64 = leader.fetch_one(&mut *reading).await.unwrap().get(0);
            drop(reading);
            let longest = right.plus_millis(3 * 3_600_000);
            assert!(until <= i64::try_from(longest.millis()).unwrap(), "{of}");
            other.list().publish().await.unwrap();
            bench.clock.advance(4 * 3_600_000);
        }
    }
    issuer.store().close().await;
}

pub(crate) async fn whoever_s_clock_is_set_back_holds_no_lease_that_has_run_out(bench: Bench) {
    let moody = Moody::new(&bench.clock);
    let issuer = Issuer::open(&bench.home, moody.clone(), DEFAULT_VALID_FOR).await.unwrap();
    for (number, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let wrong = || wrong_times(bench.clock.now())[number];
        let (mut lease, mut others) = (issuer.jobs().lease(name), bench.issuer.jobs().lease(name));
        for first in 0..3 {
            // The time is wrong during the request, or from then on for good.
            moody.is_set(first, 1, wrong());
            let _ = lease.hold().await;
            moody.is_set_right();
            bench.clock.advance(60_000);
            bench.issuer.list().publish().await.unwrap();
            moody.is_set(0, u64::MAX, wrong());
            assert!(others.hold().await.unwrap(), "{number} {first}: the others wait in vain");
            assert!(!matches!(lease.hold().await, Ok(true)), "{number} {first}: both hold it");
            moody.is_set_right();
            bench.clock.advance(60_000);
            bench.issuer.list().publish().await.unwrap();
        }
    }
    issuer.store().close().await;
}

pub(crate) async fn time_that_passes_is_no_jump(bench: Bench) {
    for passed in [1_000, 60_000, DAY, 20 * DAY, 40 * DAY, 200 * DAY] {
        bench.clock.advance(passed);
        bench.issuer.list().publish().await.unwrap();
        bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap();
        // A jump of less than a minute is tolerated.
        bench.clock.jump(bench.issuer.now().plus_millis(59_000));
        bench.issuer.list().publish().await.unwrap();
    }
}

/// The list that a gate holds if it starts now with this keyring and reads this folder.
fn start_gate(
    bench: &Bench,
    keyring: &[u8],
    folder: &Path,
    now: Time,
) -> Result<Verifier, AdoptError> {
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let mut verifier = Verifier::new(bench.made.root, keyring).unwrap();
    let mut update = verifier.offer_stamp(&read("stamp"), now)?.unwrap();
    let head = update.wants_head().unwrap();
    update.offer_head(&read(&format!("heads/{}", head.digest)), verifier.keyring(), now)?;
    for name in update.wants_bodies() {
        update.offer_body(&read(&format!("bodies/{}", name.digest)))?;
    }
    verifier.commit(update)?;
    Ok(verifier)
}

pub(crate) async fn what_a_clock_left_behind_is_got_rid_of(bench: Bench) {
    let issuer = &bench.issuer;
    let revoked = issuer.keys().create(&NewKey::titled("revoked meanwhile")).await.unwrap();
    let kept = issuer.keys().create(&NewKey::titled("kept")).await.unwrap();
    let mut warm = bench.gate().await;
    warm.adopt_bundle(&issuer.list().bundle().await.unwrap(), issuer.now()).unwrap();
    let old_keyring = issuer.keyring().document().await.unwrap();
    let root = Vault::new(bench.home.root_key(), bench.home.unlock().clone());
    let none = issuer.recovery().recover_clock(&root, "me").await.unwrap_err();
    assert_eq!(none.code(), "clock_not_behind");

    // Simulates a program that did not check the clock, ten days ahead.
    let right = issuer.now();
    let folder = bench.folder.path().join("out");
    let spec = format!("dir:{},every=50ms", folder.display());
    let made_then;
    {
        let publish_options = PublishOptions { trust_clock: true, ..PublishOptions::default() };
        let old =
            Issuer::open_with(&bench.home, bench.clock.clone(), publish_options).await.unwrap();
        bench.clock.jump(right.plus_millis(10 * DAY));
        made_then = old.keys().create(&NewKey::titled("of the future")).await.unwrap();
        let now = Revocation { when: When::Now, by: None };
        old.keys().revoke(&revoked.record.id, &now).await.unwrap().published().unwrap();
        let out = old.list().published().await.unwrap();
        let _working = work(&old, &[&spec]);
        until("the target", async || folder.join("stamp").exists().then_some(())).await;
        old.list()
            .wait_for((out.epoch, out.number), std::time::Duration::from_secs(30))
            .await
            .unwrap();
    }
    let future = bench.folder.path().join("future");
    copy(&folder, &future);
    let last = issuer.list().published().await.unwrap();

    bench.clock.jump(right.plus_millis(1_000));
    assert_eq!(issuer.list().publish().await.unwrap_err().code(), "clock_went_back");
    let told = issuer.keys().create(&NewKey::titled("x")).await.unwrap_err();
    assert!(told.to_string().contains("portcullis recover --clock"), "{told}");
    let done = issuer.recovery().recover_clock(&root, "me").await.unwrap();
    assert_eq!((done.revocations, done.keys), (1, 1), "{done:?}");
    assert_eq!((done.epoch, done.ahead_secs), (2, 10 * DAY / 1000 - 1));
    assert_eq!(
        issuer.recovery().recover_clock(&root, "me").await.unwrap_err().code(),
        "clock_not_behind"
    );

    // Everything works again at once: new keys, gates that were already running, and the target,
    // which still carried the list from the future.
    issuer.keys().create(&NewKey::titled("y")).await.unwrap();
    assert_eq!(bench.verify(&revoked.token).await, Err(Refusal::Revoked));
    bench.verify(&kept.token).await.unwrap();
    let now = issuer.now().plus_millis(1_000);
    assert!(warm.offer_keyring(&issuer.keyring().document().await.unwrap()).unwrap());
    warm.adopt_bundle(&issuer.list().bundle().await.unwrap(), now).unwrap();
    assert_eq!(warm.verify(&revoked.token, &DEMAND, now).map(|_| ()), Err(Refusal::Revoked));
    assert!(warm.verify(&kept.token, &DEMAND, now).is_ok());
    let _working = work(issuer, &[&spec]);
    let new_keyring = issuer.keyring().document().await.unwrap();
    until("the target", async || start_gate(&bench, &new_keyring, &folder, now).ok()).await;
    assert_eq!(
        issuer.recovery().check_witnesses(&[Target::parse(&spec).unwrap()]).await.unwrap(),
        1
    );
    assert!(newest_of_now(issuer).await <= issuer.now().plus_millis(5_000));

    // Ten days later that list would be fresh, but no verifier with the new keyring accepts it.
    let then = Time::from_millis(last.this_update.millis() + 1);
    assert!(warm.offer_stamp(&last.stamp, then).is_err());
    assert!(start_gate(&bench, &new_keyring, &future, then).is_err());
    // A verifier with only the old keyring accepts it until the end of the reported window.
    start_gate(&bench, &old_keyring, &future, then).unwrap();
    let end = portcullis_issuer::time_format::parse_rfc3339(&done.window).unwrap();
    assert!(end >= last.next_update && end <= then.plus_millis(DAY));
    assert!(start_gate(&bench, &old_keyring, &future, end).is_err());
    let record = issuer.keys().show(&made_then.record.id).await.unwrap();
    assert!(record.issued_at > now.secs(), "what a token says can't be changed");
}

/// A list with a high number, signed with a stolen list signer, doesn't block a verifier that has
/// the new keyring. Without a new epoch, it would block it forever.
pub(crate) async fn what_a_stolen_signer_of_lists_signed_is_ended(bench: Bench) {
    let issuer = &bench.issuer;
    let revoked = issuer.keys().create(&NewKey::titled("revoked")).await.unwrap();
    let kept = issuer.keys().create(&NewKey::titled("kept")).await.unwrap();
    let now = Revocation { when: When::Now, by: None };
    issuer.keys().revoke(&revoked.record.id, &now).await.unwrap().published().unwrap();
    for _ in 0..3 {
        let other = issuer.keys().create(&NewKey::titled("other")).await.unwrap();
        issuer.keys().revoke(&other.record.id, &now).await.unwrap().published().unwrap();
    }
    let last = issuer.list().published().await.unwrap();
    let stolen = issuer.list().bundle().await.unwrap();
    let mut warm = bench.gate().await;
    warm.adopt_bundle(&stolen, issuer.now()).unwrap();

    let root = Vault::new(bench.home.root_key(), bench.home.unlock().clone());
    let done = issuer.recovery().recover_signer(&root, "me").await.unwrap();
    assert_eq!((done.epoch, done.ahead_secs, done.signers.len()), (2, 0, 1), "{done:?}");
    assert!(done.number < last.number, "the number begins anew");
    let keyring = issuer.keyring().document().await.unwrap();
    let trail = issuer.trail().verify_tail(1_000).await.unwrap();
    assert!(trail.findings.is_empty(), "{:?}", trail.findings);

    // A gate that accepted the stolen signer's list recovers as soon as it has the keyring. Lists
    // signed before are accepted by no verifier.
    let now = issuer.now();
    assert!(warm.offer_keyring(&keyring).unwrap());
    assert!(warm.offer_stamp(&last.stamp, now).is_err());
    warm.adopt_bundle(&issuer.list().bundle().await.unwrap(), now).unwrap();
    assert_eq!(warm.verify(&revoked.token, &DEMAND, now).map(|_| ()), Err(Refusal::Revoked));
    assert!(warm.verify(&kept.token, &DEMAND, now).is_ok());
    assert!(warm.offer_stamp(&last.stamp, now).is_err());
    let fresh = issuer.keys().create(&NewKey::titled("after")).await.unwrap();
    bench.verify(&fresh.token).await.unwrap();
    // The recovery can be repeated; the clock was never wrong.
    assert_eq!(
        issuer.recovery().recover_clock(&root, "me").await.unwrap_err().code(),
        "clock_not_behind"
    );
    assert_eq!(issuer.recovery().recover_signer(&root, "me").await.unwrap().epoch, 3);
}

/// The latest time of something that has happened, which leaves out due dates.
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

/// The machine's clock, set wrong.
struct Shifted(u64);

impl Clock for Shifted {
    fn now(&self) -> Time {
        SystemClock.now().plus_millis(self.0)
    }

    fn read(&self) -> Reading {
        // A wall clock that was wrong from the start.
        Reading { wall: self.now(), ..SystemClock.read() }
    }
}

/// PostgreSQL only, because its server has a clock of its own.
#[tokio::test]
async fn the_servers_clock_is_asked() {
    let Ok(server) = std::env::var("PORTCULLIS_TEST_POSTGRES") else {
        assert!(std::env::var_os("CI").is_none(), "PORTCULLIS_TEST_POSTGRES names no server");
        eprintln!("LEFT OUT: PORTCULLIS_TEST_POSTGRES names no PostgreSQL server");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let home = Home::new(folder.path().join("home")).with_database(new_database(&server).await);
    let plan =
        Plan { labels: vec![portcullis_core::token::Label::NONE], root: None, encrypt: false };
    init(&home, &plan, Arc::new(SystemClock)).await.unwrap();
    for (ahead, code) in [(0, None), (50_000, None), (70_000, Some("clock_implausible"))] {
        let issuer = Issuer::open(&home, Arc::new(Shifted(ahead)), DEFAULT_VALID_FOR);
        let issuer = issuer.await.unwrap();
        let published =
            issuer.list().publish().await.map_err(|error| (error.code(), error.to_string()));
        assert_eq!(published.as_ref().err().map(|(code, _)| *code), code, "{ahead}");
        if let Err((_, told)) = published {
            assert!(told.contains("ahead of the database server's clock"), "{told}");
        }
        issuer.store().close().await;
    }
    // Verifiers tolerate less skew than the issuer does.
    const { assert!(MAX_SKEW_MILLIS < 50_000) };
}

/// A witness that is queried over HTTP also provides a time to compare with.
#[tokio::test]
async fn a_witness_tells_the_time() {
    let bench = Bench::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new()).await.unwrap() });
    let witnesses = [Target::parse(&address).unwrap()];
    bench.clock.jump(SystemClock.now());
    assert_eq!(bench.issuer.recovery().check_witnesses(&witnesses).await.unwrap(), 1);
    bench.clock.jump(SystemClock.now().plus_millis(90_000));
    let held = bench.issuer.recovery().check_witnesses(&witnesses).await.unwrap_err();
    assert_eq!(held.code(), "clock_implausible");
    assert!(held.to_string().contains(&format!("ahead of the clock of {address}")), "{held}");
}
