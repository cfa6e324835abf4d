//! Fetching a file that is named by its digest. Its contents don't depend on the source, so the
//! sources are tried until one serves it.

use core::cell::RefCell;

use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use crate::gate::Gate;
use crate::host::Host;
use crate::refresh::source::{FetchError, File};

/// How long to wait for one source before trying the next as well, in milliseconds.
const HEDGE: u64 = 150;

/// Fetches a file that is named by its digest from any source that may have it, `first` first.
pub(super) async fn from_any<H: Host>(
    gate: &RefCell<Gate>,
    host: &H,
    (file, timeout): (File, u64),
    first: usize,
) -> Result<Vec<u8>, FetchError> {
    let mut order: Vec<usize> = {
        let gate = gate.borrow();
        let sources = gate.settings().sources.iter().enumerate();
        let usable = sources.filter(|(_, source)| !file.is_private() || source.has_private());
        usable.map(|(at, _)| at).collect()
    };
    order.sort_by_key(|at| *at != first);
    let mut order = order.into_iter();
    let mut out = FuturesUnordered::new();
    let mut last = FetchError::NoCredential;
    // Each turn starts one more source, until the first good answer or the end of all fetches.
    loop {
        let next = order.next();
        let waits = next.is_none();
        if let Some(source) = next {
            out.push(host.fetch(source, file, timeout));
        }
        let answer = if waits {
            out.next().await
        } else {
            let late = core::pin::pin!(host.sleep(HEDGE));
            match select(out.next(), late).await {
                Either::Left((answer, _)) => answer,
                Either::Right(((), _)) => continue,
            }
        };
        match answer {
            Some(Ok(bytes)) => return Ok(bytes),
            Some(Err(error)) => last = error,
            None => return Err(last),
        }
    }
}
