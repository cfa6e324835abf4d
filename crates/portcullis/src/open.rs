//! Opens the issuer that a command works with.

use std::sync::Arc;

use anyhow::Result;
use portcullis_issuer::clock::SystemClock;
use portcullis_issuer::publish::PublishOptions;
use portcullis_issuer::store::StoreError;
use portcullis_issuer::{Error, Issuer};

use super::global::Global;

/// Opens the issuer, checks against its witnesses, if there are any, whether its database is a
/// restored backup, works with it, and closes its database in any case.
pub(crate) async fn with_issuer<T>(
    global: &Global,
    work: impl AsyncFnOnce(&Issuer) -> Result<T>,
) -> Result<T> {
    with_options(global, global.publish_options()?, work).await
}

/// As [`with_issuer`], with these options for publishing.
pub(crate) async fn with_options<T>(
    global: &Global,
    publish_options: PublishOptions,
    work: impl AsyncFnOnce(&Issuer) -> Result<T>,
) -> Result<T> {
    let witnesses = global.witnesses()?;
    let watched = async |issuer: &Issuer| {
        match issuer.recovery().check_witnesses(&witnesses).await {
            // Commands that only read may continue. Commands that write run into the same error
            // themselves.
            Err(Error::Store(StoreError::Restored { witness })) => {
                tracing::warn!("{}", Error::Store(StoreError::Restored { witness }));
            }
            other => {
                other?;
            }
        }
        work(issuer).await
    };
    with_options_unchecked(global, publish_options, watched).await
}

/// Opens the issuer, works with it, and closes its database in any case.
pub(crate) async fn with_options_unchecked<T>(
    global: &Global,
    publish_options: PublishOptions,
    work: impl AsyncFnOnce(&Issuer) -> Result<T>,
) -> Result<T> {
    let home = global.home()?;
    let issuer = Issuer::open_with(&home, Arc::new(SystemClock), publish_options).await?;
    let done = work(&issuer).await;
    issuer.store().close().await;
    done
}
