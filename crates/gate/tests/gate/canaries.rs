//! Canaries at a gate: the answer of a forgery, and an alarm behind it.

use portcullis_core::issue::{HmacSigner, TokenSigner};
use portcullis_core::token::Label;
use portcullis_core::verify::Refusal;
use portcullis_gate::cron::tick;
use portcullis_gate::request_state::RequestState;
use portcullis_gate::response::problem::Problem;
use portcullis_gate::response::refused::{Reason, Refused};
use portcullis_gate::telemetry::usage_queue::{Message, MessageOutcome, forward};
use serde_json::{Value, json};

use crate::harness::{Bench, Incoming, block_on, get};
use crate::issuer::{Issuer, claims};

const USAGE: &[(&str, &str)] = &[("REPORT_USAGE", "true"), ("GATE_KEY", "sk_live_x")];

fn from<'a>(token: &'a str, address: &'a str) -> Incoming<'a> {
    Incoming { address: Some(address), ..get(token) }
}

fn open(settings: &[(&str, &str)]) -> Bench {
    let bench = Bench::new(settings);
    bench.publish(5, &[], 3_600_000);
    bench.request(&bench.issuer.key(1, |_| {})).unwrap();
    bench.world.logged.borrow_mut().clear();
    bench
}

/// A key that somebody made with a secret of their own.
fn forged(bench: &Bench) -> String {
    let signer = TokenSigner::Hmac(HmacSigner::new(&[3; 32]));
    signer.mint(bench.issuer.id, Label::NONE, &claims(2)).to_string()
}

/// The lines `canary` in the log so far.
fn alarms(bench: &Bench) -> Vec<Value> {
    let lines = core::mem::take(&mut *bench.world.logged.borrow_mut());
    let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["event"] == "canary").collect()
}

/// The canaries in the reports so far, and how many uses of keys came with them.
fn reported(bench: &Bench) -> Vec<Value> {
    let bodies = core::mem::take(&mut *bench.world.reported.borrow_mut());
    let bodies = bodies.iter().map(|body| serde_json::from_str::<Value>(body).unwrap());
    bodies.flat_map(|body| body["canaries"].as_array().cloned().unwrap_or_default()).collect()
}

fn answer(bench: &Bench, refused: &Refused) -> (u16, Vec<(&'static str, String)>, String) {
    let problem = Problem::of(refused, &bench.gate.borrow().settings().rates);
    (problem.status(), problem.headers(), problem.body())
}

#[test]
fn a_canary_gets_the_answer_of_a_forgery_to_the_byte() {
    let bench = open(USAGE);
    let (canary, forged) = (bench.issuer.canary(2), forged(&bench));
    assert_eq!(canary.len(), forged.len());
    let refused = bench.request(&canary).unwrap_err();
    let of_forgery = bench.request(&forged).unwrap_err();
    assert_eq!(refused, of_forgery, "its line in the log is the same, and so is a debug header");
    assert_eq!(refused.reason, Reason::Key(Refusal::BadSignature));
    assert_eq!((refused.name, answer(&bench, &refused).0), (None, 401));
    assert_eq!(answer(&bench, &refused), answer(&bench, &of_forgery));
    // Nor does it make the gate wait or fetch.
    let mut state = RequestState::new();
    let step = bench.next_step(&get(&canary), &mut state);
    assert!(step.refresh.is_none() && step.policy.is_none() && step.report.is_none());
    assert_eq!(alarms(&bench).len(), 1, "for the canary alone");
}

#[test]
fn a_use_is_logged_with_its_address_and_reported_at_once() {
    let bench = open(USAGE);
    let canary = bench.issuer.canary(2);
    bench.ask(&from(&canary, "192.0.2.7")).unwrap_err();
    let logged = alarms(&bench);
    assert_eq!(logged.len(), 1);
    let name = logged[0]["key"].as_str().unwrap();
    assert!(name.starts_with("apk_"), "{name}");
    assert_eq!(
        logged[0],
        json!({ "event": "canary", "key": name, "uses": 1, "address": "192.0.2.7" })
    );
    assert!(!logged[0].to_string().contains(&canary), "no line holds a key");
    let now = bench.world.now.get() / 1000;
    assert_eq!(
        reported(&bench),
        [json!({ "key": name, "uses": 1, "last_used_at": now, "address": "192.0.2.7" })]
    );
}

#[test]
fn without_reports_of_uses_there_is_the_log_alone() {
    let bench = open(&[]);
    let canary = bench.issuer.canary(2);
    bench.ask(&get(&canary)).unwrap_err();
    let logged = alarms(&bench);
    assert_eq!((logged.len(), &logged[0]["address"]), (1, &Value::Null));
    assert!(bench.world.reported.borrow().is_empty());
}

#[test]
fn further_uses_are_counted_for_a_minute_and_then_told_of_behind_any_request() {
    let bench = open(USAGE);
    let (canary, other, key) =
        (bench.issuer.canary(2), bench.issuer.canary(3), bench.issuer.key(1, |_| {}));
    for address in ["192.0.2.7", "192.0.2.8", "192.0.2.9"] {
        bench.ask(&from(&canary, address)).unwrap_err();
        bench.world.pass_time(1_000);
    }
    assert_eq!((alarms(&bench).len(), reported(&bench).len()), (1, 1));
    bench.ask(&get(&other)).unwrap_err();
    assert_eq!(reported(&bench).len(), 1, "each canary has a minute of its own");
    alarms(&bench);
    // Within the minute, and with a list that is fresh.
    bench.world.pass_time(54_000);
    bench.publish(6, &[], 3_600_000);
    bench.request(&key).unwrap();
    assert!(bench.try_forward(&get(&key)).is_some());
    assert_eq!((alarms(&bench).len(), reported(&bench).len()), (0, 0));
    // Behind it, the fast path leaves the request to the slow one, which carries the report.
    bench.world.pass_time(3_000);
    assert!(bench.try_forward(&get(&key)).is_none());
    bench.request(&key).unwrap();
    let uses = |lines: Vec<Value>| (lines[0]["uses"].clone(), lines[0]["address"].clone());
    assert_eq!(uses(alarms(&bench)), (json!(2), json!("192.0.2.9")));
    assert_eq!(uses(reported(&bench)), (json!(2), json!("192.0.2.9")));
    assert!(bench.try_forward(&get(&key)).is_some());
    // A cron trigger does it as well.
    bench.ask(&from(&canary, "192.0.2.1")).unwrap_err();
    bench.world.pass_time(60_000);
    block_on(tick(&bench.gate, &&bench.world));
    assert_eq!(reported(&bench).len(), 1);
}

#[test]
fn a_canary_is_told_of_however_many_were_before() {
    let bench = open(USAGE);
    for slot in 2..200 {
        let canary = bench.issuer.canary(slot);
        bench.ask(&get(&canary)).unwrap_err();
        // So many that at each time fewer are in their minute than a gate holds.
        bench.world.pass_time(1_000);
        assert_eq!((alarms(&bench).len(), reported(&bench).len()), (1, 1), "{slot}");
    }
}

#[test]
fn a_report_that_fails_is_sent_again_and_logged_once() {
    let bench = open(USAGE);
    let canary = bench.issuer.canary(2);
    bench.world.down.set(true);
    bench.ask(&from(&canary, "192.0.2.7")).unwrap_err();
    let codes = bench.world.codes();
    assert_eq!(codes, ["canary", "fetch_unreachable"]);
    bench.world.down.set(false);
    bench.world.pass_time(9_999);
    bench.ask(&get(&forged(&bench))).unwrap_err();
    assert_eq!(reported(&bench).len(), 0);
    bench.world.pass_time(1);
    bench.ask(&get(&forged(&bench))).unwrap_err();
    assert_eq!(alarms(&bench).len(), 0, "the log has told of it");
    assert_eq!(reported(&bench)[0]["uses"], 1);
}

#[test]
fn nothing_but_a_canary_raises_an_alarm() {
    let bench = open(USAGE);
    let revoked = bench.issuer.key(7, |_| {});
    bench.publish(6, &[7], 3_600_000);
    bench.world.pass_time(10_000);
    let of_other = Issuer::new(8).canary(2);
    let expired = bench.issuer.key(1, |claims| claims.lifetime.expires_at = Some(2_000));
    for token in [&revoked, &expired, &of_other, &forged(&bench), "sk_live_x"] {
        bench.request(token).unwrap_err();
    }
    bench.request(&bench.issuer.key(1, |_| {})).unwrap();
    assert_eq!((alarms(&bench).len(), reported(&bench).len()), (0, 0));
    // Nor does a canary where the gate looks for no key, or for another purpose.
    let page = Incoming { path: "/.portcullis/status", ..get("") };
    let canary = bench.issuer.canary(2);
    let status = Incoming { x_api_key: Some(&canary), ..page };
    let refused = bench.ask(&status).unwrap_err();
    assert_eq!(refused.reason.code(), "signer_not_allowed");
    assert_eq!(alarms(&bench).len(), 0);
}

#[test]
fn a_queue_carries_the_uses_of_canaries_and_drops_what_is_none() {
    const NAME: &str = "apk_0000000000000000000001";
    let bench = Bench::new(USAGE);
    let message = |canaries: Value| Message {
        body: Some(json!({ "uses": [], "canaries": canaries }).to_string()),
        age_secs: 0,
    };
    let line = |key: &str, address: Value| json!({ "key": key, "uses": 1, "last_used_at": 1_700_000_000, "address": address });
    let good = line(NAME, json!("192.0.2.7"));
    let many: Vec<Value> = (0..101).map(|_| good.clone()).collect();
    let outcomes = block_on(forward(
        &&bench.world,
        &[
            message(json!([good])),
            message(json!([line(NAME, Value::Null)])),
            message(json!([line("apk_x", Value::Null)])),
            message(json!([line(NAME, json!("somewhere"))])),
            message(json!(many)),
        ],
    ));
    use MessageOutcome::{Delivered, Dropped};
    assert_eq!(outcomes, [Delivered, Delivered, Dropped, Dropped, Dropped]);
    assert_eq!(bench.world.codes(), ["message_key", "message_form", "message_too_many"]);
    assert_eq!(reported(&bench), [good, line(NAME, Value::Null)], "in one report");
}
