//! An interval of the clock.

use portcullis_core::time::Time;

/// An interval of the clock. Setting the clock back ends it rather than stretching it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    from: Time,
    pub(crate) until: Time,
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
