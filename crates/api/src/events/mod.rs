//! `/v1/events`: the audit trail, in pages and as a stream.

mod follow;
mod list;
pub(super) mod streams;

use super::require::Routes;

pub(super) fn routes() -> Routes {
    Routes::new().merge(list::routes()).merge(follow::routes())
}
