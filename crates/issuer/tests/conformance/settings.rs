//! The issuer's settings for its keys: for every way in which a key is made or ended, and for idle
//! keys.

use std::time::Duration;

use portcullis_core::list::BulkState;
use portcullis_core::token::Kind;
use portcullis_issuer::actions::{
    BulkRevocation, BulkSelection, Expiry, IDLE_BATCH, Idle, ImportLine, Imported, KindChange,
    Minted, NewKey, Roll, SettingsChange, Update, Upsert, Use, When, scopes,
};
use portcullis_issuer::actor::Actor;
use portcullis_issuer::events::EventQuery;
use portcullis_issuer::record::{KeyPurpose, KeyState};
use portcullis_issuer::schedule::{Done, Job, Options};
use portcullis_issuer::store::events::{EventType, Filter};
use portcullis_issuer::{Error, Issuer};
use portcullis_test_support::Bench;
use serde_json::{Value, json};

conformance! {
    no_key_outlives_the_maximum_by_whichever_way_it_is_made,
    a_key_of_which_nothing_is_said_lives_as_long_as_the_default,
    no_key_is_made_without_an_owner_by_whichever_way,
    what_ends_a_key_needs_a_reason_by_whichever_way,
    settings_change_in_one_place_and_the_trail_tells_how,
    a_repeated_request_gets_its_answer_whatever_was_set_since,
    keys_that_lie_idle_are_suspended_and_resumed,
    without_reports_nothing_is_idle,
    each_that_reports_is_waited_for,
    a_suspension_of_many_is_no_idleness,
    many_idle_keys_are_suspended_batch_by_batch,
}

const HOUR: u32 = 3600;
const DAY_MILLIS: u64 = 24 * 60 * 60 * 1000;

fn secs(secs: u32) -> Duration {
    Duration::from_secs(secs.into())
}

/// The same change for secret, publishable and admin keys.
fn all(kind: KindChange) -> SettingsChange {
    SettingsChange { kinds: [kind; 3], ..SettingsChange::default() }
}

async fn set(issuer: &Issuer, change: &SettingsChange) {
    issuer.settings().change(change).await.unwrap();
}

fn maximum(max: u32) -> SettingsChange {
    all(KindChange { max_lifetime_seconds: Some(Some(max)), ..KindChange::default() })
}

/// Every kind of key, with this expiry.
fn each_kind(expires: Expiry) -> Vec<NewKey> {
    let publishable = NewKey { kind: Kind::Publishable, ..NewKey::titled("p") };
    let admin = NewKey {
        purpose: KeyPurpose::Admin,
        admin_scopes: vec![scopes::KEYS_READ.into()],
        ..NewKey::titled("a")
    };
    let kinds = [NewKey::titled("s"), publishable, admin];
    kinds.map(|new| NewKey { expires, ..new }).into()
}

/// Makes a key in every way; rolls replace `old`.
async fn made(issuer: &Issuer, new: &NewKey, old: &str) -> Vec<Result<Minted, Error>> {
    let other = NewKey { expires: Expiry::At(When::In(secs(60))), owner: new.owner, ..new.clone() };
    let created = issuer.keys().create(new).await;
    let batch = issuer.keys().create_all(&[other, new.clone()], None).await;
    let upsert = issuer.keys().upsert(&[Upsert::Create(new.clone())]).await;
    let line = ImportLine { external_id: new.title.clone(), new: new.clone() };
    let imported = issuer.keys().import(&[line]).await;
    let expires = match new.expires {
        Expiry::At(moment) => Some(Some(moment)),
        Expiry::Never => Some(None),
        Expiry::Unsaid | Expiry::Kept(_) => None,
    };
    let overlap = Duration::ZERO;
    let rolled = issuer.keys().roll(old, &Roll { expires, overlap, ..Roll::default() }).await;
    vec![
        created,
        batch.map(|made| made.keys[1].clone()),
        upsert.map(|(made, _)| made[0].clone()),
        imported.map(|made| match &made[0] {
            Imported::Made(minted) | Imported::Before(minted) => minted.clone(),
            Imported::Deleted(id) => panic!("{id}"),
        }),
        rolled.map(|rolled| rolled.value.minted),
    ]
}

pub(crate) async fn no_key_outlives_the_maximum_by_whichever_way_it_is_made(bench: Bench) {
    let issuer = &bench.issuer;
    let mut olds = Vec::new();
    for new in each_kind(Expiry::Unsaid) {
        olds.push(issuer.keys().create(&new).await.unwrap().record.id.clone());
    }
    set(issuer, &maximum(HOUR)).await;
    let before = olds.clone();
    let cases = [
        (Expiry::At(When::In(secs(HOUR + 1))), "lifetime_too_long"),
        (Expiry::At(When::In(secs(u32::MAX / 2))), "lifetime_too_long"),
        (Expiry::Never, "expiry_required"),
        (Expiry::Unsaid, "expiry_required"),
    ];
    for (expires, code) in cases {
        for (new, old) in each_kind(expires).iter().zip(&olds) {
            for (way, result) in made(issuer, new, old).await.into_iter().enumerate() {
                assert_eq!(result.unwrap_err().code(), code, "{way} {new:?}");
            }
        }
    }
    for id in &before {
        let key = issuer.keys().show(id).await.unwrap();
        assert_eq!((key.state(issuer.now()), key.expires_at), (KeyState::Active, None), "it stays");
    }
    // Any expiry up to and including the maximum is accepted.
    let now = issuer.now().secs();
    let at_most = Expiry::At(When::In(secs(HOUR)));
    for (new, old) in each_kind(at_most).iter().zip(&olds) {
        for (way, result) in made(issuer, new, old).await.into_iter().enumerate() {
            assert_eq!(result.unwrap().record.expires_at, Some(now + HOUR), "{way} {new:?}");
        }
    }
    // A successor without a new expiry keeps the old one, if that is still allowed.
    let kept = issuer.keys().create(&each_kind(at_most)[0]).await.unwrap().record;
    bench.clock.advance(1000);
    let rolled = issuer.keys().roll(&kept.id, &Roll::default()).await.unwrap().value;
    assert_eq!(rolled.minted.record.expires_at, kept.expires_at);
    set(issuer, &maximum(60)).await;
    let refused = issuer.keys().roll(&rolled.minted.record.id, &Roll::default()).await.unwrap_err();
    assert_eq!(refused.code(), "expiry_required", "the settings name no end to take instead");
}

pub(crate) async fn a_key_of_which_nothing_is_said_lives_as_long_as_the_default(bench: Bench) {
    let issuer = &bench.issuer;
    let default = Some(Some(HOUR));
    set(issuer, &all(KindChange { default_lifetime_seconds: default, ..KindChange::default() }))
        .await;
    let endless = NewKey { expires: Expiry::Never, ..NewKey::titled("x") };
    let endless = issuer.keys().create(&endless).await.unwrap().record;
    assert_eq!(endless.expires_at, None, "who says never is meant, as long as nothing forbids it");
    let rolled =
        issuer.keys().roll(&endless.id, &Roll::default()).await.unwrap().value.minted.record;
    assert_eq!(rolled.expires_at, None, "a roll changes what it says and nothing else");

    let max_lifetime_seconds = Some(Some(2 * HOUR));
    set(issuer, &all(KindChange { max_lifetime_seconds, ..KindChange::default() })).await;
    let now = issuer.now().secs();
    for new in each_kind(Expiry::Unsaid) {
        assert_eq!(issuer.keys().create(&new).await.unwrap().record.expires_at, Some(now + HOUR));
    }
    // An expiry that is no longer allowed is replaced by the default.
    let rolled =
        issuer.keys().roll(&rolled.id, &Roll::default()).await.unwrap().value.minted.record;
    assert_eq!(rolled.expires_at, Some(now + HOUR));
    let refused =
        issuer.keys().roll(&rolled.id, &Roll { expires: Some(None), ..Roll::default() }).await;
    assert_eq!(refused.unwrap_err().code(), "expiry_required");

    // A lifetime this long ends after the last second that a token can express.
    let late = KindChange { default_lifetime_seconds: Some(Some(u32::MAX - 2)), ..no_maximum() };
    set(issuer, &all(late)).await;
    let refused = issuer.keys().create(&NewKey::titled("x")).await.unwrap_err();
    assert!(matches!(refused, Error::Invalid { field: "expires_at", .. }), "{refused}");
}

fn no_maximum() -> KindChange {
    KindChange { max_lifetime_seconds: Some(None), ..KindChange::default() }
}

pub(crate) async fn no_key_is_made_without_an_owner_by_whichever_way(bench: Bench) {
    let issuer = &bench.issuer;
    let mut olds = Vec::new();
    for new in each_kind(Expiry::Unsaid) {
        olds.push(issuer.keys().create(&new).await.unwrap().record.id.clone());
    }
    let owned = KindChange { owner_required: Some(true), ..KindChange::default() };
    let kinds = [owned, owned, KindChange::default()];
    set(issuer, &SettingsChange { kinds, ..SettingsChange::default() }).await;
    let news = each_kind(Expiry::Unsaid);
    for (new, old) in news.iter().zip(&olds).take(2) {
        for (way, result) in made(issuer, new, old).await.into_iter().enumerate() {
            assert_eq!(result.unwrap_err().code(), "owner_required", "{way} {new:?}");
        }
    }
    issuer.keys().create(&news[2]).await.unwrap();
    let owner = bench.owner("Acme").await;
    issuer.keys().create(&NewKey { owner, ..news[0].clone() }).await.unwrap();
    let roll = Roll { owner: Some(owner), ..Roll::default() };
    let rolled = issuer.keys().roll(&olds[0], &roll).await.unwrap().value;
    assert_eq!(rolled.minted.record.owner, owner, "a key of before gets one by a roll");
    let refused = all(KindChange { owner_required: Some(true), ..KindChange::default() });
    let refused = issuer.settings().change(&refused).await.unwrap_err();
    assert!(matches!(refused, Error::Invalid { field: "owner_required", .. }), "{refused}");
}

/// The reasons in the trail for these events, newest first.
async fn reasons(issuer: &Issuer, event: EventType) -> Vec<Value> {
    let filter = Filter { types: vec![event], ..Filter::default() };
    let query = EventQuery { filter, ..EventQuery::default() };
    let events = issuer.trail().list(&query).await.unwrap().events;
    let data = events.iter().map(|event| serde_json::from_str::<Value>(&event.data).unwrap());
    data.map(|data| data["reason"].clone()).collect()
}

pub(crate) async fn what_ends_a_key_needs_a_reason_by_whichever_way(bench: Bench) {
    let issuer = &bench.issuer;
    let owner = bench.owner("Acme").await;
    let mut keys = Vec::new();
    for _ in 0..8 {
        let new = NewKey { owner, ..NewKey::titled("x") };
        keys.push(issuer.keys().create(&new).await.unwrap());
    }
    let ids: Vec<String> = keys.iter().map(|key| key.record.id.clone()).collect();
    bench.revoke(&ids[7], When::Now).await.unwrap();
    let reason_required = Some(true);
    set(issuer, &SettingsChange { reason_required, ..SettingsChange::default() }).await;
    let events = async || issuer.trail().after(0, 1000).await.unwrap().len();
    let before = events().await;

    /// Each act once, through this issuer.
    async fn acts(issuer: &Issuer, ids: &[String], owner: u32) -> Vec<Result<(), Error>> {
        use portcullis_issuer::actions::{Revocation, Selector};
        let now = Revocation { when: When::Now, by: None };
        let bulk = |state| BulkRevocation {
            whose: BulkSelection::Owner(owner),
            state,
            issued_from: None,
            issued_before: None,
            by: None,
        };
        vec![
            issuer.keys().revoke(&ids[0], &now).await.map(drop),
            issuer.keys().revoke_all(&Selector::Ids(vec![ids[1].clone()]), &now).await.map(drop),
            issuer.keys().suspend(&ids[2], None).await.map(drop),
            issuer.keys().roll(&ids[3], &Roll::default()).await.map(drop),
            issuer.keys().undo_create(&[ids[4].clone()], None).await.map(drop),
            issuer.keys().delete(&[ids[7].clone()], None).await.map(drop),
            issuer.bulk().revoke(&bulk(BulkState::Suspended)).await.map(drop),
            issuer.bulk().revoke(&bulk(BulkState::Revoked)).await.map(drop),
        ]
    }
    for (act, result) in acts(issuer, &ids, owner).await.into_iter().enumerate() {
        assert_eq!(result.unwrap_err().code(), "reason_required", "{act}");
    }
    assert_eq!(events().await, before, "nothing was done");
    for blank in ["", "   ", "a\nb", &"x".repeat(256)] {
        let refused = issuer.because(Some(blank)).unwrap_err();
        assert!(matches!(refused, Error::Invalid { field: "reason", .. }), "{refused}");
    }
    let because = issuer.because(Some("it leaked")).unwrap();
    for (act, result) in acts(&because, &ids, owner).await.into_iter().enumerate() {
        assert!(result.is_ok(), "{act} {result:?}");
    }
    for event in [EventType::Rolled, EventType::Suspended, EventType::ManyRevoked] {
        assert_eq!(reasons(issuer, event).await, [json!("it leaked")], "{event:?}");
    }
    assert_eq!(reasons(issuer, EventType::Created).await[0], Value::Null);
    // A holder who revokes by the key's text needs no reason, and neither does lifting.
    let held = NewKey::titled("held");
    let held = issuer.keys().create(&held).await.unwrap();
    issuer.keys().revoke_by_token(&held.token).await.unwrap();
    assert_eq!(
        reasons(issuer, EventType::Revoked).await[0],
        "who holds its text revoked it",
        "it has a reason of its own"
    );
    let back = issuer.keys().create(&NewKey::titled("back")).await.unwrap().record.id.clone();
    because.keys().suspend(&back, None).await.unwrap();
    issuer.keys().resume(&back, None).await.unwrap();
    assert!(issuer.trail().verify(&[]).await.unwrap().is_sound());
}

pub(crate) async fn settings_change_in_one_place_and_the_trail_tells_how(bench: Bench) {
    let issuer = &bench.issuer;
    assert_eq!(issuer.settings().show().await.unwrap().version, 0);
    // A preview changes nothing.
    let preview = issuer.settings().preview(&maximum(HOUR)).await.unwrap();
    assert_eq!(preview.stored.settings.secret.max_lifetime_seconds.unwrap().get(), HOUR);
    assert_eq!(preview.effects[2].beyond_maximum, 1, "the first admin key never expires");
    assert_eq!(issuer.settings().show().await.unwrap().version, 0, "nothing was changed");

    // A change applies in every process; `if_version` detects a lost update.
    let other = Issuer::open(&bench.home, bench.clock.clone(), Duration::from_secs(300));
    let other = other.await.unwrap();
    let by = Some("zoe".to_owned());
    let first = SettingsChange { if_version: Some(0), by, ..maximum(HOUR) };
    let changed = issuer.settings().change(&first).await.unwrap();
    assert_eq!((changed.stored.version, changed.effects[2].beyond_maximum), (1, 1));
    let refused = other.keys().create(&NewKey::titled("x")).await.unwrap_err();
    assert_eq!(refused.code(), "expiry_required", "what one sets, each other keeps to");
    let lost = other.settings().change(&first).await.unwrap_err();
    assert!(matches!(lost, Error::SettingsChanged { version: 1 }), "{lost}");
    let same = other.settings().change(&maximum(HOUR)).await.unwrap();
    assert_eq!(same.stored.version, 1, "nothing changed is no change");
    set(&other, &all(no_maximum())).await;
    other.store().close().await;

    // The trail has each real change, with the values before and after.
    let filter = Filter { types: vec![EventType::SettingsChanged], ..Filter::default() };
    let query = EventQuery { filter, ..EventQuery::default() };
    let events = issuer.trail().list(&query).await.unwrap().events;
    assert_eq!(events.len(), 2);
    assert_eq!(events[1].on_behalf_of.as_deref(), Some("zoe"));
    let data: Value = serde_json::from_str(&events[1].data).unwrap();
    assert_eq!(data["version"], 1);
    assert_eq!(data["before"]["secret"]["max_lifetime_seconds"], Value::Null);
    assert_eq!(data["after"]["secret"]["max_lifetime_seconds"], HOUR);
    for (change, field) in [
        (maximum(0), "max_lifetime_seconds"),
        (all(KindChange { idle_days: Some(Some(1)), ..KindChange::default() }), "idle_days"),
    ] {
        let refused = issuer.settings().change(&change).await.unwrap_err();
        assert!(
            matches!(refused, Error::Invalid { field: found, .. } if found == field),
            "{refused}"
        );
    }
}

pub(crate) async fn a_repeated_request_gets_its_answer_whatever_was_set_since(bench: Bench) {
    use portcullis_issuer::actions::Idempotency;
    let issuer = &bench.issuer;
    let [one, two] = ["one", "two"].map(|name| Idempotency::new("cli", name));
    let new = [NewKey::titled("x")];
    let made = issuer.keys().create_all(&new, Some(&one)).await.unwrap().keys;
    let id = made[0].record.id.clone();
    let rolled = issuer.keys().roll_once(&id, &Roll::default(), Some(&two)).await.unwrap().value;
    set(issuer, &SettingsChange { reason_required: Some(true), ..maximum(HOUR) }).await;
    let again = issuer.keys().create_all(&new, Some(&one)).await.unwrap();
    assert_eq!((again.repeated, again.keys[0].token.as_str()), (true, made[0].token.as_str()));
    let again = issuer.keys().roll_once(&id, &Roll::default(), Some(&two)).await.unwrap().value;
    assert_eq!(
        (again.repeated, again.minted.record.id.clone()),
        (true, rolled.minted.record.id.clone())
    );
}

/// A week for secret keys.
async fn set_idle(issuer: &Issuer) {
    let week = KindChange { idle_days: Some(Some(7)), ..KindChange::default() };
    let kinds = [week, KindChange::default(), KindChange::default()];
    set(issuer, &SettingsChange { kinds, ..SettingsChange::default() }).await;
}

/// Passes `many` days, on each of which `reporter` reports a use of this key.
async fn days(bench: &Bench, many: u32, reporter: &Issuer, used: &str) {
    for _ in 0..many {
        let now = bench.issuer.now().secs();
        let uses = [Use { key: used.into(), uses: 1, last_used_at: now }];
        assert_eq!(reporter.keys().report_usage(&uses).await.unwrap(), 1);
        bench.clock.advance(DAY_MILLIS);
    }
}

/// The job's result: how many secret keys it suspended, and why none, if so.
async fn run(issuer: &Issuer) -> (u64, Option<String>) {
    let done = issuer.jobs().run(Job::IdleKeys, &Options::default()).await.unwrap();
    let Done::IdleKeys { suspended, waits } = done else { panic!("{done:?}") };
    (suspended.get("secret").copied().unwrap_or(0), waits.get("secret").cloned())
}

async fn state(bench: &Bench, id: &str) -> KeyState {
    bench.issuer.keys().show(id).await.unwrap().state(bench.issuer.now())
}

pub(crate) async fn keys_that_lie_idle_are_suspended_and_resumed(bench: Bench) {
    let issuer = &bench.issuer;
    let mut ids = Vec::new();
    for new in [NewKey::titled("busy"), NewKey::titled("idle"), each_kind(Expiry::Unsaid).remove(1)]
    {
        ids.push(issuer.keys().create(&new).await.unwrap());
    }
    let [busy, idle, publishable] = [0, 1, 2].map(|at: usize| ids[at].record.id.clone());
    assert_eq!(run(issuer).await, (0, None), "nothing is asked");
    set_idle(issuer).await;
    days(&bench, 6, issuer, &busy).await;
    let young = issuer.keys().create(&NewKey::titled("young")).await.unwrap().record.id.clone();
    days(&bench, 1, issuer, &busy).await;
    let preview = issuer.keys().preview_idle().await.unwrap();
    assert_eq!(preview[0].1, Idle::Keys(1));
    assert_eq!((&preview[1].1, &preview[2].1), (&Idle::Off, &Idle::Off));
    // Not a second too early.
    bench.clock.set(portcullis_core::time::Time::from_millis(issuer.now().millis() - 1000));
    assert_eq!(run(issuer).await.0, 0);
    // The job is due again when its period is over.
    bench.clock.advance(Job::IdleKeys.period_millis() + 1000);
    issuer.list().publish().await.unwrap();
    bench.verify(&ids[1].token).await.unwrap();
    let due = issuer.jobs().run_due(&Options::default()).await.unwrap();
    assert!(due.iter().all(|(_, done)| done.is_ok()), "{due:?}");
    bench.clock.advance(1000);
    assert_eq!(state(&bench, &idle).await, KeyState::Suspended);
    for other in [&busy, &young, &publishable] {
        assert_eq!(state(&bench, other).await, KeyState::Active);
    }
    let gate = bench.verify(&ids[1].token).await.unwrap_err();
    assert_eq!(gate.code(), "suspended", "it was published");
    let filter = Filter { types: vec![EventType::Suspended], ..Filter::default() };
    let query = EventQuery { filter, ..EventQuery::default() };
    let events = issuer.trail().list(&query).await.unwrap().events;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].actor.as_deref(), Some("idle-keys"));
    let data: Value = serde_json::from_str(&events[0].data).unwrap();
    assert_eq!((&data["reason"], &data["idle_days"]), (&json!("not used for 7 days"), &json!(7)));
    let record = issuer.keys().show(&idle).await.unwrap();
    assert_eq!(record.suspended_by.as_deref(), Some("idle-keys"));

    issuer.keys().resume(&idle, None).await.unwrap();
    assert_eq!(run(issuer).await, (0, None), "its time begins anew");
    issuer
        .keys()
        .update(&idle, &Update { title: Some("kept".into()), ..Update::default() }, None)
        .await
        .unwrap();
    days(&bench, 6, issuer, &busy).await;
    assert_eq!(run(issuer).await, (1, None), "the young one's week is over");
    assert_eq!(state(&bench, &idle).await, KeyState::Active);
    days(&bench, 1, issuer, &busy).await;
    assert_eq!(run(issuer).await, (1, None));
    assert_eq!(state(&bench, &idle).await, KeyState::Suspended);
}

pub(crate) async fn without_reports_nothing_is_idle(bench: Bench) {
    let issuer = &bench.issuer;
    let busy = issuer.keys().create(&NewKey::titled("busy")).await.unwrap().record.id.clone();
    let idle = issuer.keys().create(&NewKey::titled("idle")).await.unwrap().record.id.clone();
    let [_, publishable, _] = <[NewKey; 3]>::try_from(each_kind(Expiry::Unsaid)).unwrap();
    let publishable = issuer.keys().create(&publishable).await.unwrap().record.id.clone();
    set_idle(issuer).await;
    bench.clock.advance(30 * DAY_MILLIS);
    let (many, why) = run(issuer).await;
    assert!(many == 0 && why.unwrap().starts_with("no use of a secret key was reported on"));
    // Uses of publishable keys prove nothing about secret ones, nor do those of unknown keys.
    days(&bench, 8, issuer, &publishable).await;
    let unknown = Use { key: "apk_0000000000000000000000".into(), uses: 1, last_used_at: 1 };
    issuer.keys().report_usage(&[unknown]).await.unwrap();
    assert_eq!(run(issuer).await.0, 0);
    // One day is missing, so whether keys were used then is unknown.
    days(&bench, 5, issuer, &busy).await;
    bench.clock.advance(DAY_MILLIS);
    days(&bench, 6, issuer, &busy).await;
    let (many, why) = run(issuer).await;
    assert!(many == 0 && why.is_some());
    days(&bench, 1, issuer, &busy).await;
    assert_eq!(run(issuer).await, (1, None));
    assert_eq!(state(&bench, &idle).await, KeyState::Suspended);
}

pub(crate) async fn each_that_reports_is_waited_for(bench: Bench) {
    let issuer = &bench.issuer;
    let busy = issuer.keys().create(&NewKey::titled("busy")).await.unwrap().record.id.clone();
    issuer.keys().create(&NewKey::titled("idle")).await.unwrap();
    set_idle(issuer).await;
    let reporter = async |expires: Expiry| {
        let new = NewKey {
            purpose: KeyPurpose::Admin,
            admin_scopes: vec![scopes::GATES_REPORT.into()],
            expires,
            ..NewKey::titled("gate")
        };
        let id = issuer.keys().create(&new).await.unwrap().record.id.clone();
        (issuer.acting_as(Actor::key(&id)), id)
    };
    let (steady, _) = reporter(Expiry::Never).await;
    let (silent, id) = reporter(Expiry::Never).await;
    let short = Expiry::At(When::In(secs(2 * 24 * HOUR)));
    let (ended, expired) = reporter(short).await;
    for one in [&silent, &ended] {
        let use_of = Use { key: busy.clone(), uses: 1, last_used_at: issuer.now().secs() };
        one.keys().report_usage(&[use_of]).await.unwrap();
    }
    days(&bench, 8, &steady, &busy).await;
    for gone in [id, expired] {
        let (many, why) = run(issuer).await;
        assert!(many == 0 && why.unwrap().contains(" reported no use on "));
        // An expired key doesn't prove that its gate is gone; a revoked one does.
        let ended = bench.revoke(&gone, When::Now).await;
        if let Err(error) = ended {
            panic!("{error}");
        }
    }
    assert_eq!(run(issuer).await, (1, None));
}

pub(crate) async fn a_suspension_of_many_is_no_idleness(bench: Bench) {
    let issuer = &bench.issuer;
    let busy = issuer.keys().create(&NewKey::titled("busy")).await.unwrap().record.id.clone();
    let owner = bench.owner("Acme").await;
    let new = NewKey { owner, ..NewKey::titled("held back") };
    let held = issuer.keys().create(&new).await.unwrap().record.id.clone();
    set_idle(issuer).await;
    let what = BulkRevocation {
        whose: BulkSelection::Owner(owner),
        state: BulkState::Suspended,
        issued_from: None,
        issued_before: None,
        by: None,
    };
    let entry = issuer.bulk().revoke(&what).await.unwrap().value.id;
    days(&bench, 8, issuer, &busy).await;
    assert_eq!(run(issuer).await, (0, None));
    issuer.bulk().lift(entry, None).await.unwrap();
    assert_eq!(run(issuer).await, (0, None), "it could not be used until now");
    days(&bench, 6, issuer, &busy).await;
    assert_eq!(run(issuer).await, (0, None));
    days(&bench, 1, issuer, &busy).await;
    assert_eq!(run(issuer).await, (1, None));
    assert_eq!(state(&bench, &held).await, KeyState::Suspended);
}

pub(crate) async fn many_idle_keys_are_suspended_batch_by_batch(bench: Bench) {
    let issuer = &bench.issuer;
    let busy = issuer.keys().create(&NewKey::titled("busy")).await.unwrap().record.id.clone();
    let many = IDLE_BATCH * 2 + 3;
    let news: Vec<NewKey> = (0..many).map(|_| NewKey::titled("x")).collect();
    issuer.keys().create_all(&news, None).await.unwrap();
    set_idle(issuer).await;
    days(&bench, 8, issuer, &busy).await;
    assert_eq!(issuer.keys().preview_idle().await.unwrap()[0].1, Idle::Keys(many.into()));
    assert_eq!(run(issuer).await, (many.into(), None));
    assert_eq!(run(issuer).await, (0, None), "done is done");
    assert_eq!(state(&bench, &busy).await, KeyState::Active);
    assert!(issuer.trail().verify(&[]).await.unwrap().is_sound());
}
