use super::*;
use proptest::prelude::*;

const BOUNDS: Bounds = Bounds { fresh_for: 4_000, deadline: 300, cold_deadline: 3_000 };

fn at(millis: u64) -> Time {
    Time::from_millis(1_000_000 + millis)
}

fn list(this_update: u64) -> Option<ListVersion> {
    let this_update = at(this_update);
    Some(ListVersion {
        epoch: 1,
        number: 1,
        this_update,
        next_update: this_update.plus_millis(60_000),
    })
}

fn go(freshness: Freshness, refresh: bool) -> ListStep {
    ListStep::Go { freshness, refresh }
}

#[test]
fn each_age_of_the_list() {
    let refresh_schedule = RefreshSchedule::new(BOUNDS);
    let list_step = |age| refresh_schedule.list_step(list(0), at(age));
    assert_eq!(list_step(0), go(Freshness::Fresh, false));
    assert_eq!(list_step(1_999), go(Freshness::Fresh, false));
    assert_eq!(list_step(2_000), go(Freshness::Fresh, true));
    assert_eq!(list_step(4_000), go(Freshness::Fresh, true));
    assert_eq!(list_step(4_001), ListStep::Wait { at_most: 300, refresh: true });
    assert_eq!(
        refresh_schedule.list_step(None, at(0)),
        ListStep::Wait { at_most: 3_000, refresh: true }
    );
}

#[test]
fn one_refresh_is_out_at_a_time_and_is_waited_for_from_its_start() {
    let mut refresh_schedule = RefreshSchedule::new(BOUNDS);
    let _job = refresh_schedule.start(list(0), None, at(5_000));
    assert_eq!(
        refresh_schedule.list_step(list(0), at(5_100)),
        ListStep::Wait { at_most: 200, refresh: false }
    );
    assert_eq!(refresh_schedule.list_step(list(0), at(5_300)), go(Freshness::Stale, false));
    assert_eq!(refresh_schedule.list_step(list(3_000), at(5_100)), go(Freshness::Fresh, false));
    assert_eq!(
        refresh_schedule.list_step(None, at(5_100)),
        ListStep::Wait { at_most: 3_000, refresh: false }
    );
    assert!(!refresh_schedule.may_refresh_for(RefreshReason::NotCovered, at(5_100)));
}

#[test]
fn a_lease_runs_out_and_its_late_holder_is_told() {
    let mut refresh_schedule = RefreshSchedule::new(BOUNDS);
    let first = refresh_schedule.start(list(0), None, at(2_000));
    assert_eq!(first.file_timeout, 2_000);
    assert!(refresh_schedule.extend(&first, at(3_000)));
    assert!(refresh_schedule.is_in_flight(at(5_249)));
    assert!(!refresh_schedule.is_in_flight(at(5_250)));
    let second = refresh_schedule.start(list(0), None, at(5_250));
    assert!(!refresh_schedule.extend(&first, at(5_300)));
    refresh_schedule.end(&first, true, list(5_000), at(5_300), 0);
    assert!(
        refresh_schedule.is_in_flight(at(5_300)),
        "the late one must not end its successor's lease"
    );
    assert_eq!(refresh_schedule.ended(), 0);
    refresh_schedule.end(&second, true, list(5_000), at(5_310), 0);
    assert_eq!((refresh_schedule.ended(), refresh_schedule.is_in_flight(at(5_311))), (1, false));
}

#[test]
fn after_a_failure_nobody_waits_until_the_pause_is_over() {
    let mut refresh_schedule = RefreshSchedule::new(BOUNDS);
    let job = refresh_schedule.start(list(0), None, at(5_000));
    refresh_schedule.end(&job, false, list(0), at(5_100), u32::MAX);
    assert_eq!(refresh_schedule.pause_left(at(5_100)), 500);
    assert_eq!(refresh_schedule.list_step(list(0), at(5_599)), go(Freshness::Stale, false));
    assert_eq!(refresh_schedule.list_step(None, at(5_599)), ListStep::Closed);
    assert!(!refresh_schedule.may_refresh_for(RefreshReason::UnknownSigner, at(5_599)));
    assert_eq!(
        refresh_schedule.list_step(list(0), at(5_600)),
        ListStep::Wait { at_most: 300, refresh: true }
    );
    // After a failure the timeout is longer, since the source may be slow.
    assert_eq!(refresh_schedule.start(list(0), None, at(5_600)).file_timeout, 3_000);
}

#[test]
fn a_source_with_nothing_newer_is_not_asked_by_every_request() {
    let mut refresh_schedule = RefreshSchedule::new(BOUNDS);
    let job = refresh_schedule.start(list(0), None, at(5_000));
    refresh_schedule.end(&job, true, list(0), at(5_010), u32::MAX);
    assert_eq!(refresh_schedule.list_step(list(0), at(5_100)), go(Freshness::Stale, false));
    assert_eq!(refresh_schedule.pause_left(at(5_010)), 500);
    let job = refresh_schedule.start(list(0), None, at(6_000));
    refresh_schedule.end(&job, true, list(5_900), at(6_010), u32::MAX);
    assert_eq!(refresh_schedule.pause_left(at(6_010)), 0);
}

#[test]
fn a_clock_set_back_ends_lease_and_pause() {
    let mut refresh_schedule = RefreshSchedule::new(BOUNDS);
    let job = refresh_schedule.start(None, None, at(50_000));
    assert!(!refresh_schedule.is_in_flight(at(1_000)));
    refresh_schedule.end(&job, false, None, at(50_000), 0);
    assert_eq!(
        refresh_schedule.list_step(None, at(1_000)),
        ListStep::Wait { at_most: 3_000, refresh: true }
    );
}

#[test]
fn the_keyring_comes_with_the_first_refresh_then_every_minute_and_for_an_unknown_signer() {
    let mut refresh_schedule = RefreshSchedule::new(BOUNDS);
    assert!(refresh_schedule.start(None, None, at(0)).keyring);
    assert!(!refresh_schedule.start(list(0), None, at(59_999)).keyring);
    assert!(!refresh_schedule.start(list(0), Some(RefreshReason::NotCovered), at(59_999)).keyring);
    assert!(
        refresh_schedule.start(list(0), Some(RefreshReason::UnknownSigner), at(59_999)).keyring
    );
    assert!(!refresh_schedule.start(list(0), None, at(60_000)).keyring);
    assert!(refresh_schedule.start(list(0), None, at(119_999)).keyring);
}

#[test]
fn each_reason_starts_one_refresh_in_fresh_for() {
    let mut refresh_schedule = RefreshSchedule::new(BOUNDS);
    let job = refresh_schedule.start(list(0), Some(RefreshReason::UnknownSigner), at(0));
    refresh_schedule.end(&job, true, list(0), at(10), 0);
    assert!(!refresh_schedule.may_refresh_for(RefreshReason::UnknownSigner, at(3_999)));
    assert!(refresh_schedule.may_refresh_for(RefreshReason::NotCovered, at(3_999)));
    assert!(refresh_schedule.may_refresh_for(RefreshReason::UnknownSigner, at(4_000)));
}

/// What can happen to a gate, in any order.
#[derive(Clone, Debug)]
enum Event {
    Pass(u64),
    Request,
    End { good: bool, random: u32 },
    Die,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        (0..2_000_u64).prop_map(Event::Pass),
        Just(Event::Request),
        (any::<bool>(), any::<u32>()).prop_map(|(good, random)| Event::End { good, random }),
        Just(Event::Die),
    ];
    prop::collection::vec(event, 0..200)
}

proptest! {
    #[test]
    fn whatever_happens_the_bounds_hold(events in events(), fresh_for in 1_000..9_000_u64) {
        let bounds = Bounds { fresh_for, ..BOUNDS };
        let mut refresh_schedule = RefreshSchedule::new(bounds);
        let (mut now, mut held, mut job) = (at(0), None::<ListVersion>, None);
        for event in events {
            match event {
                Event::Pass(millis) => now = now.plus_millis(millis),
                Event::Request => {
                    let usable = held.filter(|list_version| now < list_version.next_update);
                    let step = refresh_schedule.list_step(usable, now);
                    let (refresh, waits) = match step {
                        ListStep::Go { freshness, refresh } => {
                            let list_version = usable.expect("nothing goes on without a list in force");
                            prop_assert_eq!(freshness, refresh_schedule.freshness(list_version, now));
                            (refresh, 0)
                        }
                        ListStep::Wait { at_most, refresh } => (refresh, at_most),
                        ListStep::Closed => {
                            prop_assert!(usable.is_none());
                            prop_assert!(refresh_schedule.pause_left(now) > 0);
                            (false, 0)
                        }
                    };
                    let longest = if usable.is_some() { bounds.deadline } else { bounds.cold_deadline };
                    prop_assert!(waits <= longest);
                    if refresh {
                        prop_assert!(!refresh_schedule.is_in_flight(now));
                        job = Some(refresh_schedule.start(usable, None, now));
                    }
                }
                Event::End { good, random } => if let Some(job) = job.take() {
                    if good { held = Some(ListVersion {
                        epoch: 1, number: 1, this_update: now, next_update: now.plus_millis(20_000),
                    }); }
                    refresh_schedule.end(&job, good, held, now, random);
                    prop_assert!(refresh_schedule.pause_left(now) <= fresh_for);
                },
                Event::Die => job = None,
            }
        }
    }
}
