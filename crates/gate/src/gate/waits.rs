//! What a request waits for before it can be decided on: a list, a policy, or an extra refresh.
//!
//! Connects one request's state with that of
//! [`RefreshSchedule`](crate::refresh::schedule::RefreshSchedule) and
//! [`PolicyFetches`](crate::refresh::policy_fetches::PolicyFetches).

use portcullis_core::list::ListVersion;
use portcullis_core::time::Time;
use portcullis_core::token::Kind;

use crate::gate::Gate;
use crate::gate::slow_path::BackgroundWork;
use crate::refresh::policy_fetches::{PolicyStep, Sought};
use crate::refresh::schedule::RefreshReason;
use crate::request_state::{End, ListWait, RequestState, Wait};

impl Gate {
    /// Begins or continues a wait for a list.
    pub(crate) fn wait_for_list(
        &mut self,
        (held, at_most, refresh): (Option<ListVersion>, u64, bool),
        (state, now): (&mut RequestState, Time),
        background: &mut BackgroundWork,
    ) {
        let since = *state.arrived.get_or_insert(now);
        let cold = held.is_none();
        // If the list expired during the wait, the cold-start deadline applies.
        let begun = state.for_list.filter(|begun| begun.cold || !cold);
        let begun = begun.unwrap_or_else(|| {
            let from = if cold { since } else { now };
            let until = from.plus_millis(at_most);
            let end = End::Refresh(self.schedule.ended());
            ListWait { wait: Wait { since: now, until, end }, cold }
        });
        state.for_list = Some(begun);
        if begun.wait.is_over(&self.schedule, now) {
            return;
        }
        if refresh {
            background.refresh = Some(self.schedule.start(held, None, now));
        }
        state.wait = Some(begun.wait);
    }

    /// Starts one extra refresh, or waits for the one in flight, because it may change the verdict
    /// on a key.
    pub(crate) fn wait_for_refresh(
        &mut self,
        reason: RefreshReason,
        (state, now): (&mut RequestState, Time),
        background: &mut BackgroundWork,
    ) {
        let deadline = now.plus_millis(self.schedule.bounds().deadline);
        let until = *state.retry_until.get_or_insert(deadline);
        if self.schedule.may_refresh_for(reason, now) {
            state.refreshed = true;
            let held = self.held(now).ok();
            background.refresh = Some(self.schedule.start(held, Some(reason), now));
        }
        state.wait = Some(Wait { since: now, until, end: End::Refresh(self.schedule.ended()) });
    }

    /// Fetches a policy or an assignment, or waits for the fetch in flight.
    pub(crate) fn wait_for_policy(
        &mut self,
        (kind, sought): (Kind, Sought),
        (state, now): (&mut RequestState, Time),
        background: &mut BackgroundWork,
    ) {
        let timeout = self.schedule.bounds().cold_deadline;
        // One deadline for all of a request's waits, counted from its arrival.
        let until = state.arrived.get_or_insert(now).plus_millis(timeout);
        match self.schedule.policies_mut().next_step(kind, sought, timeout, now) {
            PolicyStep::Fetch(job) => background.policy = Some(job),
            PolicyStep::Wait => {}
            PolicyStep::Failed => {
                state.policy_failed = true;
                return;
            }
        }
        let end = End::Policy(self.schedule.policies().ended());
        state.wait = Some(Wait { since: now, until, end });
    }

    /// How long to sleep before the next check, in milliseconds. `None` if the wait is over, or its
    /// refresh no longer in flight.
    pub(crate) fn still_waiting(&self, state: &mut RequestState, now: Time) -> Option<u64> {
        state.wait = state.wait.filter(|wait| {
            let out = match wait.end {
                End::Refresh(_) => self.schedule.is_in_flight(now),
                End::Policy(_) => true,
            };
            out && !wait.is_over(&self.schedule, now)
        });
        state.wait.map(|wait| wait.pause(now))
    }
}
