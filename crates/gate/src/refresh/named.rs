//! A file that is known by its digest: it is the same wherever it comes from, so the sources are
//! asked until one has it.

use core::cell::RefCell;

use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use crate::gate::Gate;
use crate::host::Host;
use crate::source::{FetchError, File};

/// How long one source is waited for before the next is asked as well, in milliseconds.
const HEDGE: u64 = 150;

/// A file that is known by its digest, from whichever source has it: `first` is asked first.
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
    loop {
        let next = order.next();
        let waits = next.is_none();
        if let Some(source) = next {
            out.push(host.get(source, file, timeout));
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
