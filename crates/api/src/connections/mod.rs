//! Limits of connections: how many there may be, for how long, and which are closed if there are
//! too many.
//!
//! If clients took all descriptors of the process, it could not publish any more, and then every
//! gate would refuse every key. The limit of connections is therefore a share of the descriptors
//! that the process may have, and the rest is kept for the database and the targets. At the limit,
//! a new connection takes the place of one that waits for its client. A gate or an admin that sends
//! its request at once is therefore served however many other connections wait.

mod admission;
mod descriptors;
mod drive;
mod io;
mod limits;
mod phase;

pub use descriptors::raise_descriptor_limit;
pub(super) use drive::Listening;
pub(super) use io::is_timeout;
pub(super) use limits::Plan;
pub use limits::{Connections, DEFAULT_MAX, LEAST_DESCRIPTORS, Patience};
