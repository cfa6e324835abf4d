//! What the gate does beside requests: usage, the queue, cron, deployed files.

use std::num::NonZeroU32;

use portcullis_core::issue::PolicyDraft;
use portcullis_core::list::{Bundle, Deployment};
use portcullis_core::policy::NoPolicy;
use portcullis_core::time::Time;
use portcullis_core::token::Kind;
use portcullis_gate::cron::tick;
use portcullis_gate::response::refused::Reason;
use portcullis_gate::telemetry::usage_queue::{Message, MessageOutcome, forward};
use serde_json::{Value, json};

use crate::harness::{Bench, block_on, get, identity_member};
use crate::issuer::Files;

const USAGE: &[(&str, &str)] = &[("REPORT_USAGE", "true"), ("GATE_KEY", "sk_live_x")];
/// The bench evaluates each request on the fast path and on the slow path.
const EACH: u32 = 2;
const NAME: &str = "apk_0000000000000000000001";
const OTHER: &str = "apk_0000000000000000000002";

/// The uses in all reports so far, by name.
fn reported(bench: &Bench) -> Vec<(String, u64)> {
    let bodies = core::mem::take(&mut *bench.world.reported.borrow_mut());
    let lines = bodies.iter().flat_map(|body| {
        let body: Value = serde_json::from_str(body).unwrap();
        body["uses"].as_array().unwrap().clone()
    });
    let line = |line: Value| (line["key"].as_str().unwrap().into(), line["uses"].as_u64().unwrap());
    let mut lines: Vec<_> = lines.map(line).collect();
    lines.sort();
    lines
}

fn message(body: &impl ToString) -> Message {
    Message { body: Some(body.to_string()), age_secs: 0 }
}

fn uses(lines: &[(&str, u32, u32)]) -> Message {
    let lines = lines
        .iter()
        .map(|(key, uses, last)| json!({ "key": key, "uses": uses, "last_used_at": last }));
    message(&json!({ "uses": lines.collect::<Vec<_>>() }))
}

#[test]
fn a_cron_trigger_refreshes_reports_and_keeps_the_newest_floor() {
    let bench = Bench::new(USAGE);
    bench.publish(5, &[], 60_000);
    let key = bench.issuer.key(1, |_| {});
    let name = bench.request(&key).unwrap().caller.unwrap().name().to_string();
    assert_eq!(reported(&bench), [], "ten seconds of requests make a report");
    let before = bench.world.kept.borrow().clone();
    // The same list under a newer stamp. A refresh on behalf of a request would not store it.
    bench.world.pass_time(30_000);
    bench.publish(5, &[], 60_000);
    bench.world.fetches();
    block_on(tick(&bench.gate, &&bench.world));
    assert!(bench.world.fetches() > 0);
    assert_eq!(reported(&bench), [(name, EACH.into())]);
    assert_ne!(*bench.world.kept.borrow(), before);
    assert_eq!(bench.freshness(&key), "fresh");
    assert_eq!(bench.world.fetches(), 0, "the request found a list that is young");
}

#[test]
fn a_cron_trigger_opens_a_cold_gate_and_loses_nothing_to_an_issuer_that_is_away() {
    let bench = Bench::new(USAGE);
    bench.publish(5, &[], 60_000);
    block_on(tick(&bench.gate, &&bench.world));
    bench.world.fetches();
    let key = bench.issuer.key(1, |_| {});
    bench.request(&key).unwrap();
    assert_eq!(bench.world.fetches(), 0, "it was open already");
    bench.world.down.set(true);
    bench.world.pass_time(1_000);
    block_on(tick(&bench.gate, &&bench.world));
    assert_eq!(bench.world.codes().last().unwrap(), "fetch_unreachable");
    bench.world.down.set(false);
    bench.world.pass_time(20_000);
    block_on(tick(&bench.gate, &&bench.world));
    assert_eq!(reported(&bench).len(), 1);
    block_on(tick(&bench.gate, &&bench.world));
    assert_eq!(reported(&bench), [], "each use is told of once");
}

#[test]
fn analytics_is_told_of_passes_with_the_report_or_without_one() {
    for (settings, reports) in [(USAGE, 1), (&[][..], 0)] {
        let bench = Bench::new(&[settings, &[("ANALYTICS", "{}")]].concat());
        bench.publish(5, &[], 60_000);
        let key = bench.issuer.key(1, |_| {});
        for _ in 0..3 {
            bench.request(&key).unwrap();
        }
        assert!(bench.world.written.borrow().is_empty());
        bench.world.pass_time(500);
        block_on(tick(&bench.gate, &&bench.world));
        let points = bench.world.written.borrow();
        assert_eq!(points.len(), 1);
        assert_eq!(points[0].blobs[..2], ["passed", "accepted"]);
        let [uses, list, age] = points[0].doubles;
        assert_eq!((uses, list), (f64::from(3 * EACH), 5.0));
        assert!((500.0..600.0).contains(&age), "{age}");
        assert_eq!(reported(&bench).len(), reports);
    }
}

#[test]
fn a_request_that_the_platform_limits_is_counted_as_refused() {
    let rates = r#"{"*": {"limit": 5, "period": 10, "binding": "RATE"}}"#;
    let bench = Bench::new(&[("RATE_CLASSES", rates), ("RATE", "{}")]);
    bench.publish(5, &[], 60_000);
    let forward = bench.request(&bench.issuer.key(1, |_| {})).unwrap();
    let now = Time::from_millis(bench.world.now.get());
    let limited = bench.gate.borrow_mut().limited(&forward, now).unwrap();
    assert_eq!(limited.reason.code(), "rate_limited");
    assert_eq!(limited.name, forward.caller.map(|caller| caller.name()));
    assert_eq!(limited.list.unwrap().number, 5);
    let status: Value = serde_json::from_str(&bench.gate.borrow().status(now)).unwrap();
    assert_eq!(status["requests"]["refused"]["rate_limited"], 1);
}

#[test]
fn messages_go_on_as_one_report_and_what_is_none_is_dropped() {
    let bench = Bench::new(&[]);
    let batch = [
        uses(&[(NAME, 2, 100), (OTHER, 1, 300)]),
        message(&"no JSON"),
        message(&json!({ "uses": [{ "key": NAME, "uses": -1, "last_used_at": 1 }] })),
        message(&json!({ "uses": [], "more": 1 })),
        uses(&[("sk_live_0000000000000000000", 1, 1)]),
        uses(&[("apk_000000000000000000000/", 1, 1)]),
        Message { body: None, age_secs: 0 },
        uses(&vec![(NAME, 1, 1); 1_001]),
        uses(&[(NAME, u32::MAX, 200)]),
    ];
    let settled = block_on(forward(&&bench.world, &batch));
    let arrived = |settled: &MessageOutcome| *settled == MessageOutcome::Delivered;
    assert_eq!(settled.iter().map(arrived).collect::<Vec<_>>(), {
        let mut expected = vec![false; batch.len()];
        (expected[0], expected[8]) = (true, true);
        expected
    });
    assert!(settled[1..8].iter().all(|settled| *settled == MessageOutcome::Dropped));
    let bodies = bench.world.reported.borrow().clone();
    assert_eq!(bodies.len(), 1);
    let body: Value = serde_json::from_str(&bodies[0]).unwrap();
    let mut lines = body["uses"].as_array().unwrap().clone();
    lines.sort_by_key(|line| line["key"].to_string());
    assert_eq!(lines[0], json!({ "key": NAME, "uses": u32::MAX, "last_used_at": 200 }));
    assert_eq!(lines[1], json!({ "key": OTHER, "uses": 1, "last_used_at": 300 }));
    let expected = ["message_form"; 3].into_iter().chain(["message_key"; 2]);
    let expected: Vec<_> = expected.chain(["message_form", "message_too_many"]).collect();
    assert_eq!(bench.world.codes(), expected);
}

#[test]
fn no_report_is_of_more_keys_than_the_issuer_takes() {
    let bench = Bench::new(&[]);
    let names: Vec<String> = (0..1_500).map(|number| format!("apk_{number:022}")).collect();
    let batch: Vec<Message> = names
        .chunks(500)
        .map(|names| uses(&names.iter().map(|name| (name.as_str(), 1, 1)).collect::<Vec<_>>()))
        .collect();
    let settled = block_on(forward(&&bench.world, &batch));
    assert_eq!(settled, [MessageOutcome::Delivered; 3]);
    assert_eq!(bench.world.reported.borrow().len(), 2);
    assert_eq!(reported(&bench).len(), 1_500);
}

#[test]
fn what_does_not_arrive_comes_again_later_each_time() {
    let bench = Bench::new(&[]);
    bench.world.down.set(true);
    let aged = |age_secs| Message { age_secs, ..uses(&[(NAME, 1, 1)]) };
    let batch = [aged(0), aged(90), message(&"no JSON"), aged(u32::MAX)];
    let settled = block_on(forward(&&bench.world, &batch));
    let again = |seconds| MessageOutcome::Retry { seconds };
    assert_eq!(settled, [again(10), again(90), MessageOutcome::Dropped, again(3_600)]);
}

fn deployed(files: &Files, policies: &[&[u8]]) -> Vec<u8> {
    let Files { keyring, stamp, head, body, .. } = files;
    let bundle = Bundle { keyring, stamp, head, bodies: vec![body] }.encode();
    Deployment { bundle: &bundle, policies: policies.to_vec() }.encode()
}

#[test]
fn a_gate_that_was_deployed_with_policies_needs_no_more_than_a_stamp() {
    let bench = Bench::new(&[("GATE_KEY", "sk_live_x")]);
    let scopes = |scope: &str| PolicyDraft { scopes: vec![scope.into()], ..PolicyDraft::default() };
    let policies = [
        (Kind::Secret, 9, scopes("orders:read")),
        (Kind::Secret, 1 << 31, scopes("users:read")),
        (Kind::Publishable, 8, scopes("store:read")),
    ];
    let made = Time::from_millis(bench.world.now.get());
    let files = bench.issuer.list_with(5, 1, (&[3], &policies), made, 60_000);
    let all: Vec<&[u8]> = files.policies.iter().map(|(_, file)| file.as_slice()).collect();
    let foreign = bench.issuer.list_with(6, 1, (&[], &[(Kind::Secret, 9, scopes("*"))]), made, 1);
    let junk: Vec<&[u8]> = foreign.policies.iter().map(|(_, file)| file.as_slice()).collect();
    // In any order, and among files that the head does not name or that are not policy files.
    let mixed = [junk.as_slice(), &[b"", b"PCD\x01"], &all].concat();
    // The files were deployed long ago: the stamp has expired, and only a new stamp is fetched.
    bench.world.pass_time(3_600_000);
    let now = Time::from_millis(bench.world.now.get());
    let newer = bench.issuer.list_with(5, 1, (&[3], &policies), now, 60_000);
    bench.world.publish(&Files { policies: Vec::new(), ..newer });
    bench.gate.borrow_mut().restore(&deployed(&files, &mixed), now).unwrap();
    for (policy, scopes) in [(9, r#"("orders:read")"#), (1 << 31, r#"("users:read")"#)] {
        let key = bench.issuer.key(1, |claims| claims.policy = NonZeroU32::new(policy));
        let forward = bench.request(&key).unwrap();
        assert_eq!(identity_member(&forward, "scopes").as_deref(), Some(scopes));
    }
    let fetched = core::mem::take(&mut *bench.world.fetched.borrow_mut());
    assert_eq!(fetched, ["stamp"]);
    // Files that were not deployed are fetched, and here no source has them.
    let bare = Bench::new(&[("GATE_KEY", "sk_live_x")]);
    bare.world.now.set(bench.world.now.get());
    bare.world.files.replace(bench.world.files.take());
    bare.gate.borrow_mut().restore(&deployed(&files, &junk), now).unwrap();
    let key = bare.issuer.key(1, |claims| claims.policy = NonZeroU32::new(9));
    let reason = bare.ask(&get(&key)).unwrap_err().reason;
    assert!(matches!(reason, Reason::Policy(NoPolicy::Unavailable(_))), "{reason:?}");
}
