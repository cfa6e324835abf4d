//! `/v1/keys…`, `/v1/verify` and `/v1/self`: a file for each verb.

mod answer;
mod create;
mod delete;
mod filter;
mod import;
mod list;
mod revoke;
mod roll;
mod sales_channels;
mod self_revoke;
mod suspend;
mod undo;
mod update;
mod upsert;
mod verify;

pub(super) use answer::minted_view;
pub(super) use self_revoke::self_routes;

use super::require::Routes;

pub(super) fn routes() -> Routes {
    Routes::new()
        .merge(create::routes())
        .merge(list::routes())
        .merge(revoke::routes())
        .merge(suspend::routes())
        .merge(roll::routes())
        .merge(sales_channels::routes())
        .merge(verify::routes())
        .merge(update::routes())
        .merge(upsert::routes())
        .merge(delete::routes())
        .merge(undo::routes())
        .merge(import::routes())
}
