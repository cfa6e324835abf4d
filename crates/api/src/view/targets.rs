//! The targets of a list, in the form that HTTP and `--json` use.

use std::time::Duration;

use portcullis_issuer::committed::Publication;
use portcullis_issuer::error::Error;
use portcullis_issuer::issuer::Issuer;
use portcullis_issuer::publish::has;
use portcullis_issuer::store::lists::Published;
use portcullis_issuer::store::targets::TargetRecord;
use serde::Serialize;
use utoipa::ToSchema;

use super::status_lists::StatusListsView;
use super::{Instant, ListView};

/// A target, and whether it has a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TargetView {
    /// Its name.
    pub name: String,
    /// `http`, `dir`, `s3` or `kv`.
    pub kind: String,
    /// Whether the target has the list in question or a later one.
    pub carries: bool,
    /// Whether readers of the target see the list at once. In Workers KV, an accepted write can
    /// take a minute or more to become visible everywhere.
    pub visible: &'static str,
    /// The number of the list that the target has.
    pub number: Option<u64>,
    /// `this_update` of the stamp that the target has.
    pub this_update: Option<Instant>,
    /// The error of the last attempt to update the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When the attempts began to fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Instant>,
}

/// The published list, and the targets that have it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ListAnswer {
    /// The list.
    #[serde(flatten)]
    pub list: ListView,
    /// The targets.
    pub targets: Vec<TargetView>,
    /// The Token Status Lists. Present only if the issuer publishes such lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_lists: Option<StatusListsView>,
}

/// All targets, the issuer's own HTTP first, and whether each has `published`.
#[must_use]
pub fn target_views(targets: &[TargetRecord], published: &Published) -> Vec<TargetView> {
    let own = TargetView {
        name: "http".into(),
        kind: "http".into(),
        carries: true,
        visible: "now",
        number: Some(published.number),
        this_update: Some(Instant(published.this_update)),
        error: None,
        failing_since: None,
    };
    let others = targets.iter().map(|target| {
        let carries = has(target, (published.epoch, published.number));
        TargetView {
            name: target.name.clone(),
            kind: target.kind.clone(),
            carries,
            visible: match (carries, target.kind.as_str()) {
                (false, _) => "no",
                (true, "kv") => "accepted, not yet visible everywhere",
                (true, _) => "now",
            },
            number: target.carries.map(|(_, number, _)| number),
            this_update: target.carries.map(|(_, _, at)| Instant(at)),
            error: target.error.clone(),
            failing_since: target.failed.map(Instant),
        }
    });
    std::iter::once(own).chain(others).collect()
}

impl ListAnswer {
    /// The list that is published now, and the targets that have it.
    ///
    /// # Errors
    /// The database's.
    pub async fn of(issuer: &Issuer) -> Result<Self, Error> {
        let (published, shards) = issuer.list().overview().await?;
        let list = ListView::new(&published, &shards, issuer.now());
        let targets = target_views(&issuer.list().targets().await?, &published);
        Ok(Self { list, targets, status_lists: StatusListsView::of(issuer).await? })
    }
}

/// The targets of a list that was waited for.
#[derive(Clone, Debug)]
pub struct Waited {
    /// Whether each target has the list.
    pub everywhere: bool,
    /// The targets.
    pub targets: Vec<TargetView>,
}

/// Waits until every target has the list of a committed change, for at most `patience`. Returns
/// `None` if there is no `patience` or no such list.
///
/// # Errors
/// The database's.
pub async fn waited(
    issuer: &Issuer,
    publication: &Publication,
    patience: Option<Duration>,
) -> Result<Option<Waited>, Error> {
    let (Some(patience), Some(published)) = (patience, publication.list()) else {
        return Ok(None);
    };
    let targets = issuer.list().wait_for((published.epoch, published.number), patience).await?;
    let targets = target_views(&targets, published);
    let everywhere = targets.iter().all(|target| target.carries);
    Ok(Some(Waited { everywhere, targets }))
}
