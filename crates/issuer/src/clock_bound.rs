//! How far the clock may be behind what has been promised.

use portcullis_core::time::Time;

use crate::error::Error;
use crate::store::{Connection, lists};

/// How far the clock may be behind the last list: the skew that verifiers tolerate. Beyond it,
/// nothing is published.
pub(crate) const MAX_BEHIND_MILLIS: u64 = portcullis_core::list::MAX_SKEW_MILLIS;
pub(crate) const fn not_behind(clock: Time, last: Time) -> Result<(), Error> {
    let behind_millis = last.millis_since(clock);
    if behind_millis > MAX_BEHIND_MILLIS {
        return Err(Error::ClockWentBack { behind_millis });
    }
    Ok(())
}

/// Refuses a clock that is behind the last promise by more than [`MAX_BEHIND_MILLIS`].
///
/// # Errors
/// [`Error::ClockWentBack`] and the database's.
pub(crate) async fn check_not_behind(
    connection: &mut Connection,
    clock: Time,
) -> Result<(), Error> {
    let last = lists::promise(connection).await?;
    last.map_or(Ok(()), |last| not_behind(clock, last.list_version.this_update))
}
