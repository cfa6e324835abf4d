//! The events that retention has removed, as commands show them.

use portcullis_issuer::events::Start;
use portcullis_issuer::time_format::rfc3339_millis;

/// The events that were removed before the trail's start, as a sentence.
pub(super) fn removed_sentence(start: &Start) -> String {
    format!(
        "{} events up to {}, the last of them of {}, were removed by retention on {}",
        start.removed,
        start.last.id,
        rfc3339_millis(start.last_at),
        rfc3339_millis(start.at)
    )
}
