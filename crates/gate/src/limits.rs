//! Counting a key's requests in this isolate, for classes without a rate-limit binding.
//!
//! The limit is approximate: each isolate counts for itself, and a location runs several. Within
//! one isolate the generic cell rate algorithm is exact: a key may make `limit` requests at once,
//! and earns one more every `period / limit`.

use portcullis_core::time::Time;

use crate::settings::rates::RateClass;

/// Sets of the table. With [`WAYS`] keys in each the table takes 200 kB at most.
const SETS: usize = 1024;
/// Keys that share a set. A full set forgets the key with the largest allowance.
const WAYS: usize = 4;

/// The allowance of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Whether this request is within the limit.
    pub allowed: bool,
    /// How many more would be within the limit at this moment.
    pub remaining: u32,
    /// Seconds until one more is allowed, or if this one was allowed, until all of them are.
    pub reset: u32,
}

/// The counters of one isolate.
#[derive(Debug, Default)]
pub struct Limiter {
    counters: Vec<Counter>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    /// The key's serial, and the index of its class.
    key: u64,
    class: usize,
    /// When the whole limit is available again, in microseconds.
    full_at: u64,
}

impl Limiter {
    /// Counts a request of the key with this serial, in the class with the index `at`.
    pub fn take(&mut self, key: u64, at: usize, class: &RateClass, now: Time) -> Allowance {
        if self.counters.is_empty() {
            self.counters.resize(SETS * WAYS, Counter::default());
        }
        let (limit, period) = (u64::from(class.limit).max(1), u64::from(class.period) * 1_000_000);
        let now = now.millis().saturating_mul(1000);
        let each = period.div_ceil(limit);
        // Multiplicative hash, so that consecutive serials of a shard fall into different sets.
        let hash = (key ^ (at as u64) << 56).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        let set = usize::try_from(hash).unwrap_or(0) % SETS;
        let counters = self.counters.get_mut(set * WAYS..(set + 1) * WAYS).unwrap_or_default();
        // Use the key's counter, or replace the one in the set that is full again soonest.
        let known = counters.iter().position(|held| held.key == key && held.class == at);
        let slot = known.or_else(|| {
            let oldest = counters.iter().enumerate().min_by_key(|(_, held)| held.full_at);
            oldest.map(|(slot, _)| slot)
        });
        let Some(held) = slot.and_then(|slot| counters.get_mut(slot)) else {
            return Allowance { allowed: false, remaining: 0, reset: class.period };
        };
        // After the clock was set back, a key is locked out for at most one period.
        let full_at = if known.is_some() { held.full_at.clamp(now, now + period) } else { now };
        let spent = full_at - now;
        let seconds = |micros: u64| u32::try_from(micros.div_ceil(1_000_000)).unwrap_or(u32::MAX);
        let allowed = spent + each <= period.max(each);
        *held = Counter { key, class: at, full_at: if allowed { full_at + each } else { full_at } };
        let left = period.saturating_sub(held.full_at - now) / each;
        Allowance {
            allowed,
            remaining: u32::try_from(left).unwrap_or(u32::MAX),
            reset: seconds(if allowed { held.full_at - now } else { spent + each - period }).max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn class(limit: u32, period: u32) -> RateClass {
        RateClass { name: "gold".into(), limit, period, binding: None }
    }

    fn at(millis: u64) -> Time {
        Time::from_millis(1_700_000_000_000 + millis)
    }

    #[test]
    fn a_key_has_its_limit_at_once_and_then_one_at_a_time() {
        let mut limiter = Limiter::default();
        let class = class(10, 60);
        for left in (0..10).rev() {
            let allowance = limiter.take(7, 0, &class, at(0));
            assert_eq!((allowance.allowed, allowance.remaining), (true, left));
        }
        let over = limiter.take(7, 0, &class, at(0));
        assert_eq!(over, Allowance { allowed: false, remaining: 0, reset: 6 });
        assert!(!limiter.take(7, 0, &class, at(5_999)).allowed);
        assert!(limiter.take(7, 0, &class, at(6_000)).allowed);
        assert!(!limiter.take(7, 0, &class, at(6_001)).allowed);
        // Each key and each class has its own counter.
        assert_eq!(limiter.take(8, 0, &class, at(6_001)).remaining, 9);
        assert_eq!(limiter.take(7, 1, &class, at(6_001)).remaining, 9);
        assert_eq!(limiter.take(7, 0, &class, at(100_000)).remaining, 9);
    }

    #[test]
    fn a_key_that_is_over_its_limit_takes_none_of_anothers() {
        let mut limiter = Limiter::default();
        let class = class(1, 60);
        assert!(limiter.take(7, 0, &class, at(0)).allowed);
        // Some of these keys share a set with key 7.
        assert!((1_000..9_000).all(|key| limiter.take(key, 0, &class, at(0)).allowed));
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out_for_longer_than_a_period() {
        let mut limiter = Limiter::default();
        let class = class(1, 10);
        assert!(limiter.take(7, 0, &class, at(9_000_000)).allowed);
        assert!(!limiter.take(7, 0, &class, at(0)).allowed);
        assert!(limiter.take(7, 0, &class, at(10_000)).allowed);
    }

    proptest! {
        #[test]
        fn no_period_sees_more_than_twice_the_limit(
            limit in 1..50_u32, period in 1..100_u32, steps in prop::collection::vec(0..5_000_u64, 1..400),
        ) {
            let mut limiter = Limiter::default();
            let class = class(limit, period);
            let mut now = 0;
            let mut allowed = Vec::new();
            for step in steps {
                now += step;
                if limiter.take(7, 0, &class, at(now)).allowed {
                    allowed.push(now);
                }
            }
            let span = u64::from(period) * 1000;
            for (first, start) in allowed.iter().enumerate() {
                let within = allowed[first..].iter().filter(|one| **one < start + span).count();
                prop_assert!(within <= 2 * limit as usize);
            }
        }
    }
}
