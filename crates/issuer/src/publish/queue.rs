//! The queue of the publications of one process.

use std::sync::atomic::AtomicU64;

use tokio::sync::Mutex;

use crate::store::lists::Published;

/// Serialises the publications of this process. Callers that wait at the same time share one.
#[derive(Debug, Default)]
pub(crate) struct PublishQueue {
    pub(super) begun: AtomicU64,
    pub(super) last: Mutex<Option<(u64, Published)>>,
}
