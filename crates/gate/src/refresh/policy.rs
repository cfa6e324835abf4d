//! Fetching a policy or an assignment that a key needs and the gate doesn't hold, with the
//! directories that lead to it.

use core::cell::RefCell;

use portcullis_core::assignment::NoAssignment;
use portcullis_core::list::{FileName, ListError};
use portcullis_core::policy::{NoPolicy, Visibility};

use crate::gate::Gate;
use crate::host::Host;
use crate::refresh::policy_fetches::{PolicyJob, Sought};
use crate::refresh::source::{File, RefreshError};
use crate::telemetry::log::Event;
use crate::trust_state::{PolicyUnknown, TrustState};

use crate::refresh::hedged::from_any;

/// Fetches the files that lead to a policy or an assignment, and ends the job.
pub async fn fetch_policy<H: Host>(gate: &RefCell<Gate>, host: &H, job: PolicyJob) {
    let outcome = policy_files(gate, host, job).await;
    if let Err(error) = outcome {
        host.log(&match job.sought {
            Sought::Policy(number) => Event::Policy { number, error },
            Sought::Assignment(serial) => Event::Assignment { serial, error },
        });
    }
    let now = host.now();
    let mut gate = gate.borrow_mut();
    let pause = gate.schedule().policy_pause();
    gate.schedule_mut().policies_mut().end(&job, outcome.is_ok(), pause, now);
}

/// Fetches directory after directory down to the body: each names the next file.
async fn policy_files<H: Host>(
    gate: &RefCell<Gate>,
    host: &H,
    job: PolicyJob,
) -> Result<(), RefreshError> {
    loop {
        let Some(name) = next_file(gate.borrow().trust(), &job)? else { return Ok(()) };
        if !gate.borrow_mut().schedule_mut().policies_mut().extend(&job, host.now()) {
            return Err(RefreshError::Replaced);
        }
        let file = File::Policy(Visibility::of(job.kind), name);
        let bytes = from_any(gate, host, (file, job.file_timeout), 0).await;
        let bytes = bytes.map_err(|error| RefreshError::Fetch { file, error })?;
        gate.borrow_mut().trust_mut().offer_policy(name, &bytes)?;
    }
}

/// The next file on the way. `None` if what is sought can be found, or doesn't exist, or can't be read
/// here: that is an answer as well.
fn next_file(trust: &TrustState, job: &PolicyJob) -> Result<Option<FileName>, RefreshError> {
    match job.sought {
        Sought::Policy(number) => match trust.policy(job.kind, number) {
            Ok(_) | Err(PolicyUnknown::Policy(NoPolicy::Missing | NoPolicy::TooNew(_))) => Ok(None),
            Err(PolicyUnknown::Policy(NoPolicy::Unavailable(name))) => Ok(Some(name)),
            Err(PolicyUnknown::NoList) => Err(ListError::Missing.into()),
        },
        Sought::Assignment(serial) => match trust.assignment(job.kind, serial) {
            Err(NoAssignment::Unavailable(missed)) => Ok(Some(missed.file)),
            Ok(_)
            | Err(NoAssignment::Missing | NoAssignment::TooNew(_) | NoAssignment::NotAllowed) => {
                Ok(None)
            }
        },
    }
}
