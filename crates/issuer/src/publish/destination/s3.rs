//! An S3-compatible bucket as a destination: its conditional puts fence concurrent publishers.

use std::sync::Arc;

use async_trait::async_trait;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path as Key;
use object_store::{
    Attribute, Attributes, Error as StoreFault, ObjectStore, ObjectStoreExt as _, PutMode,
    PutOptions, RetryConfig, UpdateVersion,
};

use super::fault::Fault;
use super::operations::{Destination, Found, Page};
use super::web::{install_tls, within};
use crate::sources::chain;

/// A bucket, and the prefix of its keys.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: Key,
}

impl Bucket {
    /// Parses `BUCKET/PREFIX`; credentials come from the environment.
    pub(super) fn new(
        rest: &str,
        endpoint: Option<&str>,
        region: Option<&str>,
    ) -> Result<Self, String> {
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        install_tls();
        let mut builder = AmazonS3Builder::from_env().with_bucket_name(name);
        if let Some(endpoint) = endpoint {
            let is_plain = endpoint.starts_with("http://");
            builder = builder.with_endpoint(endpoint).with_allow_http(is_plain);
        }
        if let Some(region) = region {
            builder = builder.with_region(region);
        }
        let retry = RetryConfig { max_retries: 1, ..RetryConfig::default() };
        let store = builder.with_retry(retry).build().map_err(|error| chain(&error))?;
        let prefix = Key::parse(prefix).map_err(|error| chain(&error))?;
        Ok(Self { store: Arc::new(store), prefix })
    }

    fn key(&self, name: &str) -> Key {
        name.split('/').fold(self.prefix.clone(), Key::join)
    }
}

#[async_trait]
impl Destination for Bucket {
    fn kind(&self) -> &'static str {
        "s3"
    }

    async fn get(&self, name: &str) -> Result<Found, Fault> {
        let got = match within(self.store.get(&self.key(name))).await? {
            Err(StoreFault::NotFound { .. }) => return Ok(Found::default()),
            other => other.map_err(|error| chain(&error))?,
        };
        let version =
            UpdateVersion { e_tag: got.meta.e_tag.clone(), version: got.meta.version.clone() };
        let bytes = within(got.bytes()).await?.map_err(|error| chain(&error))?;
        Ok(Found { bytes: Some(bytes.to_vec()), version: Some(version), date: None })
    }

    async fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Fault> {
        let key = self.key(name);
        let put = self.store.put(&key, bytes.to_vec().into());
        Ok(within(put).await?.map(|_| ()).map_err(|error| chain(&error))?)
    }

    async fn put_once(&self, name: &str, bytes: &[u8]) -> Result<(), Fault> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let key = self.key(name);
        let put = self.store.put_opts(&key, bytes.to_vec().into(), options);
        match within(put).await? {
            Ok(_) => {}
            // A store may have kept a partial file earlier. The name determines the content, so
            // repair it.
            Err(StoreFault::AlreadyExists { .. }) => {
                if self.get(name).await?.bytes.as_deref() != Some(bytes) {
                    self.put(name, bytes).await?;
                }
            }
            Err(StoreFault::NotImplemented { .. }) => return self.put(name, bytes).await,
            Err(error) => return Err(chain(&error).into()),
        }
        self.read_back(name, bytes).await
    }

    async fn replace_page(
        &self,
        name: &str,
        bytes: &[u8],
        found: &Found,
        page: Option<Page>,
    ) -> Result<(), Fault> {
        let mode = found.version.clone().map_or(PutMode::Create, PutMode::Update);
        let attributes = page.map(attributes).unwrap_or_default();
        let options = PutOptions { mode, attributes, ..PutOptions::default() };
        let key = self.key(name);
        let put = self.store.put_opts(&key, bytes.to_vec().into(), options);
        match within(put).await? {
            Ok(_) => Ok(()),
            Err(StoreFault::AlreadyExists { .. } | StoreFault::Precondition { .. }) => {
                Err(Fault::overtaken())
            }
            Err(StoreFault::NotImplemented { .. }) => self.put(name, bytes).await,
            Err(error) => Err(chain(&error).into()),
        }
    }
}

fn attributes(page: Page) -> Attributes {
    let caching = format!("public, max-age={}", page.max_age_secs);
    let mut attributes = Attributes::new();
    attributes.insert(Attribute::ContentType, page.media_type.into());
    attributes.insert(Attribute::CacheControl, caching.into());
    attributes
}
