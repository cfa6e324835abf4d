//! What a request waits for before it is judged: a list, a policy, a refresh that may settle a doubt.
//!
//! The state is [`Pace`](crate::pace::Pace)'s and [`PolicyFiles`](crate::policies::PolicyFiles)'s;
//! here one request's turn meets it.

use portcullis_core::list::Mark;
use portcullis_core::time::Time;
use portcullis_core::token::Kind;

use crate::gate::{Door, Gate, Stop};
use crate::pace::{Doubt, Step};
use crate::policies::Lack;
use crate::turn::{End, ListWait, Turn, Wait};

impl Gate {
    /// Waits for a policy that is not held. `Ok` where waiting is over.
    pub(crate) fn await_policy(
        &mut self,
        (kind, number): (Kind, u32),
        door: &mut Door<'_>,
    ) -> Result<(), Stop> {
        let patience = self.pace.bounds().cold_deadline;
        let since = *door.turn.arrived.get_or_insert(door.now);
        let until = since.plus_millis(patience);
        if door.now < since || door.now >= until {
            return Ok(());
        }
        match self.policies.lack(kind, number, patience, door.now) {
            Lack::Fetch(job) => door.errands.policy = Some(job),
            Lack::Wait => {}
            Lack::Failed => return Ok(()),
        }
        let end = End::Policy(self.policies.ended());
        door.turn.wait = Some(Wait { since: door.now, until, end });
        Err(Stop::Wait)
    }

    /// Applies the two bounds. `Ok` where waiting is over, or was not needed: what is held decides.
    pub(crate) fn pace_list(
        &mut self,
        held: Option<Mark>,
        door: &mut Door<'_>,
    ) -> Result<(), Stop> {
        let now = door.now;
        let since = *door.turn.arrived.get_or_insert(now);
        match self.pace.look(held, now) {
            Step::Go { refresh, .. } => {
                if refresh {
                    door.errands.refresh = Some(self.pace.start(held, None, now));
                }
                Ok(())
            }
            Step::Wait { at_most, refresh } => {
                let cold = held.is_none();
                // Whoever waited for a fresher list and has none at all now is a cold one.
                let begun = door.turn.for_list.filter(|begun| begun.cold || !cold);
                let begun = begun.unwrap_or_else(|| {
                    let from = if cold { since } else { now };
                    let until = from.plus_millis(at_most);
                    let end = End::Refresh(self.pace.ended());
                    ListWait { wait: Wait { since: now, until, end }, cold }
                });
                door.turn.for_list = Some(begun);
                if begun.wait.is_over(&self.pace, &self.policies, now) {
                    return Ok(());
                }
                if refresh {
                    door.errands.refresh = Some(self.pace.start(held, None, now));
                }
                door.turn.wait = Some(begun.wait);
                Err(Stop::Wait)
            }
            Step::Closed => Ok(()),
        }
    }

    /// Fetches once where that may tell more of this key.
    pub(crate) fn settle(&mut self, doubt: Option<Doubt>, door: &mut Door<'_>) -> Result<(), Stop> {
        let Some(doubt) = doubt else { return Ok(()) };
        let now = door.now;
        let deadline = now.plus_millis(self.pace.bounds().deadline);
        let until = *door.turn.doubt_until.get_or_insert(deadline);
        if door.turn.asked || now >= until {
            return Ok(());
        }
        if self.pace.may_settle(doubt, now) {
            door.turn.asked = true;
            door.errands.refresh = Some(self.pace.start(self.held(now).ok(), Some(doubt), now));
        } else if !self.pace.is_in_flight(now) {
            return Ok(());
        }
        door.turn.wait = Some(Wait { since: now, until, end: End::Refresh(self.pace.ended()) });
        Err(Stop::Wait)
    }

    /// How long to sleep before looking again, while what is waited for is out.
    pub(crate) fn still_waiting(&self, turn: &mut Turn, now: Time) -> Option<u64> {
        turn.wait = turn.wait.filter(|wait| {
            let out = match wait.end {
                End::Refresh(_) => self.pace.is_in_flight(now),
                End::Policy(_) => true,
            };
            out && !wait.is_over(&self.pace, &self.policies, now)
        });
        turn.wait.map(|wait| wait.pause(now))
    }
}
