//! Fetching a policy that a key needs and the gate doesn't hold, with the directories that lead to
//! it.

use core::cell::RefCell;

use portcullis_core::list::ListError;
use portcullis_core::policy::{NoPolicy, Visibility};

use crate::gate::Gate;
use crate::host::Host;
use crate::refresh::policy_fetches::PolicyJob;
use crate::refresh::source::{File, RefreshError};
use crate::telemetry::log::Event;
use crate::trust_state::PolicyUnknown;

use crate::refresh::hedged::from_any;

/// Fetches the files that lead to a policy, and ends the job.
pub async fn fetch_policy<H: Host>(gate: &RefCell<Gate>, host: &H, job: PolicyJob) {
    let outcome = policy_files(gate, host, job).await;
    if let Err(error) = outcome {
        host.log(&Event::Policy { number: job.number, error });
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
        let wanted = gate.borrow().trust().policy(job.kind, job.number).map(|_| ());
        let name = match wanted {
            // That the policy doesn't exist, or can't be read here, is an answer as well.
            Ok(()) | Err(PolicyUnknown::Policy(NoPolicy::Missing | NoPolicy::TooNew(_))) => {
                return Ok(());
            }
            Err(PolicyUnknown::Policy(NoPolicy::Unavailable(name))) => name,
            Err(PolicyUnknown::NoList) => return Err(ListError::Missing.into()),
        };
        if !gate.borrow_mut().schedule_mut().policies_mut().extend(&job, host.now()) {
            return Err(RefreshError::Replaced);
        }
        let file = File::Policy(Visibility::of(job.kind), name);
        let bytes = from_any(gate, host, (file, job.file_timeout), 0).await;
        let bytes = bytes.map_err(|error| RefreshError::Fetch { file, error })?;
        gate.borrow_mut().trust_mut().offer_policy(name, &bytes)?;
    }
}
