//! When to refresh, who waits for it and for how long: state and arithmetic, no I/O.
//!
//! ```text
//!   age of the list    a request            a refresh
//!   up to half         goes on              -
//!   up to fresh_for    goes on              goes out behind it
//!   up to next_update  waits, then goes on  goes out, is waited for `deadline`
//!   none, or beyond    waits, then closed   goes out, is waited for `cold_deadline`
//! ```
//!
//! One refresh is in flight at a time, under a lease: plain state with an end, not a promise that
//! requests share, because workerd cancels a promise with the request that made it. Waiters keep
//! timers of their own and look at this state again. After a refresh that did not help nobody
//! waits and none goes out until a pause is over.

use portcullis_core::list::Mark;
use portcullis_core::time::Time;

/// How long the keyring is held before it is fetched on its own, in milliseconds: so that a
/// withheld stamp can't withhold the keyring as well.
pub const KEYRING_PERIOD: u64 = 60_000;
/// What a lease outlasts the time of one file by.
const LEASE_MARGIN: u64 = 250;

/// The gate's bounds, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Up to this age of the list no request waits.
    pub fresh_for: u64,
    /// The longest wait where a list is held.
    pub deadline: u64,
    /// The longest wait where none may be judged by.
    pub cold_deadline: u64,
}

/// How current the list is that a key was judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not older than `fresh_for`.
    Fresh,
    /// Older; the refresh did not come in time.
    Stale,
}

impl Standing {
    /// `fresh` or `stale`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Stale => "stale",
        }
    }
}

/// What a request does now.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is judged by the list that is held.
    Go {
        /// How current that list is.
        standing: Standing,
        /// Whether a refresh is to go out behind it.
        refresh: bool,
    },
    /// It waits for the refresh in flight.
    Wait {
        /// For at most so many milliseconds from now.
        at_most: u64,
        /// Whether it has to send out that refresh first.
        refresh: bool,
    },
    /// Nothing may be judged, and waiting would not help before the pause is over.
    Closed,
}

/// Why a refresh out of turn may tell more of a key than the list and keyring that are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The key is authentic and the list does not cover it.
    NotCovered,
    /// The keyring does not list the key's signer. Anybody can write such a key.
    UnknownSigner,
}

/// A refresh that one request has been charged with.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    lease: u64,
    /// Whether the keyring is fetched, whatever the stamp says of it.
    pub keyring: bool,
    /// Whether it is what somebody waits for.
    pub keyring_first: bool,
    /// How long each file may take, in milliseconds.
    pub file_timeout: u64,
}

/// An interval of the clock. A clock that was set back ends it, instead of stretching it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    from: Time,
    until: Time,
}

impl Span {
    pub(crate) const NEVER: Self = Self { from: Time::from_millis(0), until: Time::from_millis(0) };

    pub(crate) const fn new(from: Time, millis: u64) -> Self {
        Self { from, until: from.plus_millis(millis) }
    }

    pub(crate) fn contains(&self, now: Time) -> bool {
        now >= self.from && now < self.until
    }
}

#[derive(Clone, Copy, Debug)]
struct Lease {
    id: u64,
    started: Time,
    span: Span,
    file_timeout: u64,
}

/// The state of a gate's refreshes.
#[derive(Clone, Debug)]
pub struct Pace {
    bounds: Bounds,
    lease: Option<Lease>,
    leases: u64,
    ended: u64,
    failures: u32,
    pause: Span,
    keyring: Span,
    out_of_turn: [Span; 2],
}

impl Pace {
    /// The pace of a gate that has fetched nothing yet.
    #[must_use]
    pub const fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            lease: None,
            leases: 0,
            ended: 0,
            failures: 0,
            pause: Span::NEVER,
            keyring: Span::NEVER,
            out_of_turn: [Span::NEVER; 2],
        }
    }

    /// What a request does at `now`; `held` is the list, where one may be judged by at all.
    pub fn look(&self, held: Option<Mark>, now: Time) -> Step {
        let in_flight = self.in_flight(now);
        let may_start = in_flight.is_none() && !self.pause.contains(now);
        let Some(mark) = held else {
            let at_most = self.bounds.cold_deadline;
            return if in_flight.is_some() || may_start {
                Step::Wait { at_most, refresh: may_start }
            } else {
                Step::Closed
            };
        };
        let age = mark.age_millis(now);
        if age <= self.bounds.fresh_for {
            let refresh = may_start && age >= self.bounds.fresh_for / 2;
            return Step::Go { standing: Standing::Fresh, refresh };
        }
        // A refresh that has been out for longer than anybody may wait is waited for by nobody.
        let patience = in_flight
            .map(|lease| lease.started.plus_millis(self.bounds.deadline).millis_since(now))
            .filter(|at_most| *at_most > 0);
        match (patience, may_start) {
            (Some(at_most), _) => Step::Wait { at_most, refresh: false },
            (None, true) => Step::Wait { at_most: self.bounds.deadline, refresh: true },
            (None, false) => Step::Go { standing: Standing::Stale, refresh: false },
        }
    }

    /// Whether a refresh out of turn may go out for this doubt: once per `fresh_for` and doubt, so
    /// that no stream of keys makes the gate hammer its issuer.
    #[must_use]
    pub fn may_settle(&self, doubt: Doubt, now: Time) -> bool {
        let [not_covered, unknown_signer] = &self.out_of_turn;
        let spent = match doubt {
            Doubt::NotCovered => not_covered,
            Doubt::UnknownSigner => unknown_signer,
        };
        self.in_flight(now).is_none() && !self.pause.contains(now) && !spent.contains(now)
    }

    /// Charges the caller with a refresh. To be called only after [`look`](Self::look) or
    /// [`may_settle`](Self::may_settle) said so.
    pub fn start(&mut self, held: Option<Mark>, doubt: Option<Doubt>, now: Time) -> Job {
        let spent = Span::new(now, self.bounds.fresh_for);
        let [not_covered, unknown_signer] = &mut self.out_of_turn;
        match doubt {
            Some(Doubt::NotCovered) => *not_covered = spent,
            Some(Doubt::UnknownSigner) => *unknown_signer = spent,
            None => {}
        }
        let keyring = doubt == Some(Doubt::UnknownSigner) || !self.keyring.contains(now);
        if keyring {
            self.keyring = Span::new(now, KEYRING_PERIOD);
        }
        // While all goes well a file that is late is given up early, so that a refresh whose
        // request was killed is replaced in time. A source that is merely slow gets longer.
        let Bounds { fresh_for, deadline, cold_deadline } = self.bounds;
        let file_timeout = if held.is_some() && self.failures == 0 {
            cold_deadline.min(deadline.max(fresh_for / 2))
        } else {
            cold_deadline
        };
        self.leases += 1;
        let id = self.leases;
        let span = Span::new(now, file_timeout + LEASE_MARGIN);
        self.lease = Some(Lease { id, started: now, span, file_timeout });
        let keyring_first = doubt == Some(Doubt::UnknownSigner);
        Job { lease: id, keyring, keyring_first, file_timeout }
    }

    /// Tells that a refresh goes on with its next file. `false`: its lease has run out and another
    /// was given; it must stop.
    #[must_use]
    pub fn extend(&mut self, job: &Job, now: Time) -> bool {
        let Some(lease) = self.lease.as_mut().filter(|lease| lease.id == job.lease) else {
            return false;
        };
        lease.span = Span::new(now, lease.file_timeout + LEASE_MARGIN);
        true
    }

    /// Tells that a refresh has ended. `random` spreads what many gates do after one failure.
    pub fn end(&mut self, job: &Job, good: bool, held: Option<Mark>, now: Time, random: u32) {
        if self.lease.take_if(|lease| lease.id == job.lease).is_none() {
            return;
        }
        self.ended += 1;
        self.failures = if good { 0 } else { self.failures.saturating_add(1) };
        let young = held.is_some_and(|mark| mark.age_millis(now) < self.bounds.fresh_for / 2);
        // A good refresh that brought nothing younger counts as one that did not help, without
        // growing: the issuer has nothing newer to give.
        let pause = if good && young { 0 } else { self.back_off(random) };
        self.pause = Span::new(now, pause);
    }

    /// An eighth of `fresh_for`, doubled by each further failure up to `fresh_for`, then between
    /// half of that and the whole.
    fn back_off(&self, random: u32) -> u64 {
        let doublings = self.failures.saturating_sub(1).min(3);
        let longest = (self.bounds.fresh_for / 8) << doublings;
        longest / 2 + longest / 2 * u64::from(random) / u64::from(u32::MAX)
    }

    fn in_flight(&self, now: Time) -> Option<&Lease> {
        self.lease.as_ref().filter(|lease| lease.span.contains(now))
    }

    /// Whether a refresh is out.
    #[must_use]
    pub fn is_in_flight(&self, now: Time) -> bool {
        self.in_flight(now).is_some()
    }

    /// How many refreshes have ended: a waiter sees by it that the one it waited for has.
    #[must_use]
    pub const fn ended(&self) -> u64 {
        self.ended
    }

    /// How long nobody waits for a policy again whose fetch failed.
    #[must_use]
    pub fn policy_pause(&self) -> u64 {
        self.bounds.fresh_for.min(1_000)
    }

    /// How long until a refresh may go out again, in milliseconds.
    #[must_use]
    pub fn pause_left(&self, now: Time) -> u64 {
        if self.pause.contains(now) { self.pause.until.millis_since(now) } else { 0 }
    }

    /// The bounds.
    #[must_use]
    pub const fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// How current a list is at `now`.
    #[must_use]
    pub fn standing(&self, mark: Mark, now: Time) -> Standing {
        if mark.age_millis(now) <= self.bounds.fresh_for {
            Standing::Fresh
        } else {
            Standing::Stale
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BOUNDS: Bounds = Bounds { fresh_for: 4_000, deadline: 300, cold_deadline: 3_000 };

    fn at(millis: u64) -> Time {
        Time::from_millis(1_000_000 + millis)
    }

    fn list(this_update: u64) -> Option<Mark> {
        let this_update = at(this_update);
        Some(Mark {
            epoch: 1,
            number: 1,
            this_update,
            next_update: this_update.plus_millis(60_000),
        })
    }

    fn go(standing: Standing, refresh: bool) -> Step {
        Step::Go { standing, refresh }
    }

    #[test]
    fn each_age_of_the_list() {
        let pace = Pace::new(BOUNDS);
        let look = |age| pace.look(list(0), at(age));
        assert_eq!(look(0), go(Standing::Fresh, false));
        assert_eq!(look(1_999), go(Standing::Fresh, false));
        assert_eq!(look(2_000), go(Standing::Fresh, true));
        assert_eq!(look(4_000), go(Standing::Fresh, true));
        assert_eq!(look(4_001), Step::Wait { at_most: 300, refresh: true });
        assert_eq!(pace.look(None, at(0)), Step::Wait { at_most: 3_000, refresh: true });
    }

    #[test]
    fn one_refresh_is_out_at_a_time_and_is_waited_for_from_its_start() {
        let mut pace = Pace::new(BOUNDS);
        let _job = pace.start(list(0), None, at(5_000));
        assert_eq!(pace.look(list(0), at(5_100)), Step::Wait { at_most: 200, refresh: false });
        assert_eq!(pace.look(list(0), at(5_300)), go(Standing::Stale, false));
        assert_eq!(pace.look(list(3_000), at(5_100)), go(Standing::Fresh, false));
        assert_eq!(pace.look(None, at(5_100)), Step::Wait { at_most: 3_000, refresh: false });
        assert!(!pace.may_settle(Doubt::NotCovered, at(5_100)));
    }

    #[test]
    fn a_lease_runs_out_and_its_late_holder_is_told() {
        let mut pace = Pace::new(BOUNDS);
        let first = pace.start(list(0), None, at(2_000));
        assert_eq!(first.file_timeout, 2_000);
        assert!(pace.extend(&first, at(3_000)));
        assert!(pace.is_in_flight(at(5_249)));
        assert!(!pace.is_in_flight(at(5_250)));
        let second = pace.start(list(0), None, at(5_250));
        assert!(!pace.extend(&first, at(5_300)));
        pace.end(&first, true, list(5_000), at(5_300), 0);
        assert!(pace.is_in_flight(at(5_300)), "the late one must not end its successor's lease");
        assert_eq!(pace.ended(), 0);
        pace.end(&second, true, list(5_000), at(5_310), 0);
        assert_eq!((pace.ended(), pace.is_in_flight(at(5_311))), (1, false));
    }

    #[test]
    fn after_a_failure_nobody_waits_until_the_pause_is_over() {
        let mut pace = Pace::new(BOUNDS);
        let job = pace.start(list(0), None, at(5_000));
        pace.end(&job, false, list(0), at(5_100), u32::MAX);
        assert_eq!(pace.pause_left(at(5_100)), 500);
        assert_eq!(pace.look(list(0), at(5_599)), go(Standing::Stale, false));
        assert_eq!(pace.look(None, at(5_599)), Step::Closed);
        assert!(!pace.may_settle(Doubt::UnknownSigner, at(5_599)));
        assert_eq!(pace.look(list(0), at(5_600)), Step::Wait { at_most: 300, refresh: true });
        // A source that fails may be slow: its next file gets the longer time.
        assert_eq!(pace.start(list(0), None, at(5_600)).file_timeout, 3_000);
    }

    #[test]
    fn a_source_with_nothing_newer_is_not_asked_by_every_request() {
        let mut pace = Pace::new(BOUNDS);
        let job = pace.start(list(0), None, at(5_000));
        pace.end(&job, true, list(0), at(5_010), u32::MAX);
        assert_eq!(pace.look(list(0), at(5_100)), go(Standing::Stale, false));
        assert_eq!(pace.pause_left(at(5_010)), 500);
        let job = pace.start(list(0), None, at(6_000));
        pace.end(&job, true, list(5_900), at(6_010), u32::MAX);
        assert_eq!(pace.pause_left(at(6_010)), 0);
    }

    #[test]
    fn a_clock_set_back_ends_lease_and_pause() {
        let mut pace = Pace::new(BOUNDS);
        let job = pace.start(None, None, at(50_000));
        assert!(!pace.is_in_flight(at(1_000)));
        pace.end(&job, false, None, at(50_000), 0);
        assert_eq!(pace.look(None, at(1_000)), Step::Wait { at_most: 3_000, refresh: true });
    }

    #[test]
    fn the_keyring_comes_with_the_first_refresh_then_every_minute_and_on_doubt() {
        let mut pace = Pace::new(BOUNDS);
        assert!(pace.start(None, None, at(0)).keyring);
        assert!(!pace.start(list(0), None, at(59_999)).keyring);
        assert!(!pace.start(list(0), Some(Doubt::NotCovered), at(59_999)).keyring);
        assert!(pace.start(list(0), Some(Doubt::UnknownSigner), at(59_999)).keyring);
        assert!(!pace.start(list(0), None, at(60_000)).keyring);
        assert!(pace.start(list(0), None, at(119_999)).keyring);
    }

    #[test]
    fn each_doubt_sends_one_refresh_in_fresh_for() {
        let mut pace = Pace::new(BOUNDS);
        let job = pace.start(list(0), Some(Doubt::UnknownSigner), at(0));
        pace.end(&job, true, list(0), at(10), 0);
        assert!(!pace.may_settle(Doubt::UnknownSigner, at(3_999)));
        assert!(pace.may_settle(Doubt::NotCovered, at(3_999)));
        assert!(pace.may_settle(Doubt::UnknownSigner, at(4_000)));
    }

    /// What may happen to a gate, in any order.
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
            let mut pace = Pace::new(bounds);
            let (mut now, mut held, mut job) = (at(0), None::<Mark>, None);
            for event in events {
                match event {
                    Event::Pass(millis) => now = now.plus_millis(millis),
                    Event::Request => {
                        let usable = held.filter(|mark| now < mark.next_update);
                        let step = pace.look(usable, now);
                        let (refresh, waits) = match step {
                            Step::Go { standing, refresh } => {
                                let mark = usable.expect("nothing goes on without a list in force");
                                prop_assert_eq!(standing, pace.standing(mark, now));
                                (refresh, 0)
                            }
                            Step::Wait { at_most, refresh } => (refresh, at_most),
                            Step::Closed => {
                                prop_assert!(usable.is_none());
                                prop_assert!(pace.pause_left(now) > 0);
                                (false, 0)
                            }
                        };
                        let longest = if usable.is_some() { bounds.deadline } else { bounds.cold_deadline };
                        prop_assert!(waits <= longest);
                        if refresh {
                            prop_assert!(!pace.is_in_flight(now));
                            job = Some(pace.start(usable, None, now));
                        }
                    }
                    Event::End { good, random } => if let Some(job) = job.take() {
                        if good { held = Some(Mark {
                            epoch: 1, number: 1, this_update: now, next_update: now.plus_millis(20_000),
                        }); }
                        pace.end(&job, good, held, now, random);
                        prop_assert!(pace.pause_left(now) <= fresh_for);
                    },
                    Event::Die => job = None,
                }
            }
        }
    }
}
