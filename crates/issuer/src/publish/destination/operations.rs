//! The operations of every destination.

use std::fmt::Debug;

use async_trait::async_trait;
use object_store::UpdateVersion;
use portcullis_core::time::Time;

use super::fault::Fault;

/// The HTTP metadata of a file that clients fetch directly.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    pub(crate) media_type: &'static str,
    pub(crate) max_age_secs: u32,
}

/// The content of a name, and the version for a conditional put.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    pub(crate) bytes: Option<Vec<u8>>,
    /// The time of the destination's clock, if it sends one.
    pub(crate) date: Option<Time>,
    pub(super) version: Option<UpdateVersion>,
}

/// Where files are published to, or read from.
#[async_trait]
pub(crate) trait Destination: Debug + Send + Sync {
    /// `dir`, `s3`, `kv` or `http`.
    fn kind(&self) -> &'static str;

    /// Whether the destination can be written to.
    fn is_writable(&self) -> bool {
        true
    }

    /// Whether reading requires a credential. Only then private policies are published there.
    fn is_private(&self) -> bool {
        false
    }

    /// The content of `name`.
    async fn get(&self, name: &str) -> Result<Found, Fault>;

    /// Writes a file unconditionally.
    async fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Fault>;

    /// Writes a file named by its digest, unless it exists, and checks that it reads back.
    async fn put_once(&self, name: &str, bytes: &[u8]) -> Result<(), Fault> {
        self.put(name, bytes).await?;
        self.read_back(name, bytes).await
    }

    /// Replaces the content that was found. Refuses if it has changed since, as far as the
    /// destination can detect that. The file gets the HTTP metadata if the destination supports it:
    /// in a bucket.
    async fn replace_page(
        &self,
        name: &str,
        bytes: &[u8],
        _found: &Found,
        _page: Option<Page>,
    ) -> Result<(), Fault> {
        self.put(name, bytes).await
    }

    /// Like [`Destination::replace_page`], without metadata.
    async fn replace(&self, name: &str, bytes: &[u8], found: &Found) -> Result<(), Fault> {
        self.replace_page(name, bytes, found, None).await
    }

    /// Removes temporary files of killed writers. A destination that writes files atomically has
    /// none.
    async fn sweep(&self) -> Result<usize, Fault> {
        Ok(0)
    }

    /// Checks that `name` reads back as written.
    async fn read_back(&self, name: &str, bytes: &[u8]) -> Result<(), Fault> {
        if self.get(name).await?.bytes.as_deref() == Some(bytes) {
            return Ok(());
        }
        Err(format!("{name} reads back as something else than was written").into())
    }
}
