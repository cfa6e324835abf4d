//! Publishing: lists and status lists, to the database and from there to the targets, and the
//! recovery of what was published. A list is made and published by the publisher alone.

mod deployment;
mod destination;
mod leader;
mod list_builder;
mod policies;
mod publisher;
mod push;
mod reclock;
mod recover;
mod recover_alone;
mod recovered;
mod report;
mod status;

pub use deployment::GateFile;
pub(crate) use deployment::gate_file;
pub use destination::Target;
pub use leader::has;
pub(crate) use leader::{run_leader, targets, wait_for};
pub use list_builder::RETENTION_SECS;
pub(crate) use publisher::Publisher;
pub use publisher::{DEFAULT_VALID_FOR, PublishOptions};
pub use reclock::Reclocked;
pub(crate) use reclock::{recover_clock, recover_signer};
pub(crate) use recover::{check_witnesses, recover};
pub(crate) use recover_alone::recover_alone;
pub use recovered::Recovered;
pub(crate) use status::{follow as follow_with_status_lists, renew_status_lists};
