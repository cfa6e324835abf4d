//! Places that lists are published to and read from: a directory, an S3-compatible bucket, a
//! Workers KV namespace, and, read-only, an HTTP address.
//!
//! All use the file names of `/.well-known/portcullis/`. Files with a digest in their name are
//! written once; `keyring`, `head` and `stamp` are replaced.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::path::Path as Key;
use object_store::{
    Attribute, Attributes, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, UpdateVersion,
};
use portcullis_core::time::Time;
use url::Url;

use super::folder;
use crate::error::Error;
use crate::files::{self, FileError};
use crate::sources::chain;

/// The time limit of one request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The size limit of any file of a list.
const MAX_FILE_LEN: usize = portcullis_core::list::MAX_BUNDLE_LEN;

/// A target: a place, its name, and how often its stamp is renewed.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name in the API: the text it was configured with, without options.
    pub name: String,
    /// How often its stamp is renewed if nothing else changes.
    pub every: Duration,
    pub(crate) destination: Destination,
}

/// A place for files.
#[derive(Clone, Debug)]
pub(crate) enum Destination {
    Folder(PathBuf),
    Bucket { store: Arc<dyn ObjectStore>, prefix: Key },
    Kv { client: reqwest::Client, values: Url, token: String },
    Http { client: reqwest::Client, base: Url },
}

/// The HTTP metadata of a file that clients fetch directly.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    pub(crate) media_type: &'static str,
    pub(crate) max_age_secs: u32,
}

/// Why a place could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    reason: String,
    /// Whether the place is full.
    is_full: bool,
}

impl Fault {
    pub(super) fn of_io(path: &Path, error: &std::io::Error) -> Self {
        Self { reason: format!("{}: {error}", path.display()), is_full: files::is_full(error) }
    }

    /// The error for the target `name`.
    pub(crate) fn at(self, name: &str) -> Error {
        let (target, reason) = (name.to_owned(), self.reason);
        if self.is_full {
            Error::TargetFull { target, reason }
        } else {
            Error::Target { target, reason }
        }
    }
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self { reason, is_full: false }
    }
}

impl From<&str> for Fault {
    fn from(reason: &str) -> Self {
        reason.to_owned().into()
    }
}

impl From<FileError> for Fault {
    fn from(error: FileError) -> Self {
        let is_full = matches!(&error, FileError::Io { source, .. } if files::is_full(source));
        Self { reason: chain(&error), is_full }
    }
}

/// The content of a name, and the version for a conditional put.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    pub(crate) bytes: Option<Vec<u8>>,
    /// The time of the place's clock, if it sends one.
    pub(crate) date: Option<Time>,
    version: Option<UpdateVersion>,
}

impl Target {
    /// Parses `dir:PATH`, `s3://BUCKET/PREFIX` or `kv:ACCOUNT/NAMESPACE`, with options after
    /// commas: `every=5s` for all, `endpoint=URL` and `region=NAME` for S3, `api=URL` for Workers
    /// KV. A witness may also be an `http://` or `https://` address, which is only read.
    ///
    /// Credentials come from the environment: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and the
    /// rest of that family; `CLOUDFLARE_API_TOKEN`.
    ///
    /// # Errors
    /// [`Error::Target`] with the reason.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::read(text).map_err(|reason| Error::Target { target: text.into(), reason })
    }

    fn read(text: &str) -> Result<Self, String> {
        let mut parts = text.split(',');
        let name = parts.next().unwrap_or_default().to_owned();
        let (mut every, mut endpoint, mut region, mut api) = (None, None, None, None);
        for part in parts {
            match part.split_once('=') {
                Some(("every", value)) => {
                    every = Some(humantime::parse_duration(value).map_err(|e| e.to_string())?);
                }
                Some(("endpoint", value)) => endpoint = Some(value),
                Some(("region", value)) => region = Some(value),
                Some(("api", value)) => api = Some(value),
                _ => {
                    return Err(format!(
                        "{part} is no option; there are every=, endpoint=, region= and api="
                    ));
                }
            }
        }
        let (destination, by_default) = if let Some(path) = name.strip_prefix("dir:") {
            (Destination::Folder(PathBuf::from(path)), 1)
        } else if let Some(rest) = name.strip_prefix("s3://") {
            (bucket(rest, endpoint, region)?, 5)
        } else if let Some(rest) = name.strip_prefix("kv:") {
            // Workers KV accepts one write per second and key, and shows it within a minute.
            (kv(rest, api)?, 30)
        } else if name.starts_with("http://") || name.starts_with("https://") {
            let base = Url::parse(&name).map_err(|error| error.to_string())?;
            (Destination::Http { client: client()?, base }, 1)
        } else {
            return Err("must be dir:PATH, s3://BUCKET/PREFIX or kv:ACCOUNT/NAMESPACE".into());
        };
        let every = every.unwrap_or(Duration::from_secs(by_default));
        if every < Duration::from_millis(50) {
            return Err("every= must be 50ms at least".into());
        }
        Ok(Self { name, every, destination })
    }

    /// Whether the place can be written to.
    #[must_use]
    pub const fn is_writable(&self) -> bool {
        !matches!(self.destination, Destination::Http { .. })
    }
}

impl Destination {
    /// `dir`, `s3`, `kv` or `http`.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Folder(_) => "dir",
            Self::Bucket { .. } => "s3",
            Self::Kv { .. } => "kv",
            Self::Http { .. } => "http",
        }
    }

    /// Whether reading requires a credential. Only then private policies are published there.
    pub(crate) const fn is_private(&self) -> bool {
        matches!(self, Self::Kv { .. })
    }

    /// The content of `name`.
    pub(crate) async fn get(&self, name: &str) -> Result<Found, Fault> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                let bytes = blocking(move || folder::read(&path)).await?;
                Ok(Found { bytes, ..Found::default() })
            }
            Self::Bucket { store, prefix } => {
                let got = within(store.get(&key(prefix, name))).await?;
                let got = match got {
                    Err(object_store::Error::NotFound { .. }) => return Ok(Found::default()),
                    other => other.map_err(|error| chain(&error))?,
                };
                let version = UpdateVersion {
                    e_tag: got.meta.e_tag.clone(),
                    version: got.meta.version.clone(),
                };
                let bytes = within(got.bytes()).await?.map_err(|error| chain(&error))?;
                Ok(Found { bytes: Some(bytes.to_vec()), version: Some(version), date: None })
            }
            Self::Kv { client, values, token } => {
                let request = client.get(kv_url(values, name)?).bearer_auth(token);
                Ok(fetch(request).await?)
            }
            Self::Http { client, base } => {
                let url = format!("{}/{name}", base.as_str().trim_end_matches('/'));
                let request = client.get(url).header("cache-control", "no-cache");
                Ok(fetch(request).await?)
            }
        }
    }

    /// Writes a file named by its digest, unless it exists.
    pub(crate) async fn put_once(&self, name: &str, bytes: &[u8]) -> Result<(), Fault> {
        match self {
            Self::Bucket { store, prefix } => {
                let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
                let key = key(prefix, name);
                let put = store.put_opts(&key, bytes.to_vec().into(), options);
                match within(put).await? {
                    Ok(_) => {}
                    // A store may have kept a partial file earlier. The name determines the
                    // content, so repair it.
                    Err(object_store::Error::AlreadyExists { .. }) => {
                        if self.get(name).await?.bytes.as_deref() != Some(bytes) {
                            self.put(name, bytes).await?;
                        }
                    }
                    Err(object_store::Error::NotImplemented { .. }) => {
                        return self.put(name, bytes).await;
                    }
                    Err(error) => return Err(chain(&error).into()),
                }
            }
            Self::Folder(folder) => {
                let (path, bytes) = (folder.join(name), bytes.to_vec());
                blocking(move || match folder::read(&path)? {
                    Some(there) if there == bytes => Ok(()),
                    _ => folder::write(&path, &bytes),
                })
                .await?;
                return Ok(());
            }
            Self::Kv { .. } | Self::Http { .. } => self.put(name, bytes).await?,
        }
        self.read_back(name, bytes).await
    }

    /// Writes a file unconditionally.
    pub(crate) async fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Fault> {
        match self {
            Self::Folder(folder) => {
                let (path, bytes) = (folder.join(name), bytes.to_vec());
                blocking(move || folder::write(&path, &bytes)).await
            }
            Self::Bucket { store, prefix } => {
                let key = key(prefix, name);
                let put = store.put(&key, bytes.to_vec().into());
                Ok(within(put).await?.map(|_| ()).map_err(|error| chain(&error))?)
            }
            Self::Kv { client, values, token } => {
                let request = client.put(kv_url(values, name)?).bearer_auth(token);
                let request = request.header("content-type", "application/octet-stream");
                let answer = request.body(bytes.to_vec()).send().await.map_err(http_error)?;
                match answer.status() {
                    status if status.is_success() => Ok(()),
                    status => Err(format!("answered {status}").into()),
                }
            }
            Self::Http { .. } => Err("can only be read".into()),
        }
    }

    /// Replaces the content that was found. Refuses if it has changed since, as far as the place
    /// can detect that.
    pub(crate) async fn replace(
        &self,
        name: &str,
        bytes: &[u8],
        found: &Found,
    ) -> Result<(), Fault> {
        self.replace_page(name, bytes, found, None).await
    }

    /// Like [`Destination::replace`], with HTTP metadata if the place supports it: in a bucket.
    pub(crate) async fn replace_page(
        &self,
        name: &str,
        bytes: &[u8],
        found: &Found,
        page: Option<Page>,
    ) -> Result<(), Fault> {
        match self {
            Self::Folder(path) => {
                let (path, name) = (path.clone(), name.to_owned());
                let (bytes, found) = (bytes.to_vec(), found.bytes.clone());
                blocking(move || folder::replace(&path, &name, &bytes, found.as_deref())).await
            }
            Self::Bucket { store, prefix } => {
                let mode = found.version.clone().map_or(PutMode::Create, PutMode::Update);
                let attributes = page.map(attributes).unwrap_or_default();
                let options = PutOptions { mode, attributes, ..PutOptions::default() };
                let key = key(prefix, name);
                let put = store.put_opts(&key, bytes.to_vec().into(), options);
                match within(put).await? {
                    Ok(_) => Ok(()),
                    Err(
                        object_store::Error::AlreadyExists { .. }
                        | object_store::Error::Precondition { .. },
                    ) => Err(folder::OVERTAKEN.into()),
                    Err(object_store::Error::NotImplemented { .. }) => self.put(name, bytes).await,
                    Err(error) => Err(chain(&error).into()),
                }
            }
            Self::Kv { .. } | Self::Http { .. } => self.put(name, bytes).await,
        }
    }

    /// Removes temporary files of killed writers.
    pub(crate) async fn sweep(&self) -> Result<usize, Fault> {
        match self {
            Self::Folder(path) => {
                let path = path.clone();
                blocking(move || folder::sweep(&path)).await
            }
            // These places write files atomically.
            Self::Bucket { .. } | Self::Kv { .. } | Self::Http { .. } => Ok(0),
        }
    }

    /// Checks that `name` reads back as written.
    pub(crate) async fn read_back(&self, name: &str, bytes: &[u8]) -> Result<(), Fault> {
        if self.get(name).await?.bytes.as_deref() == Some(bytes) {
            return Ok(());
        }
        Err(format!("{name} reads back as something else than was written").into())
    }
}

fn bucket(rest: &str, endpoint: Option<&str>, region: Option<&str>) -> Result<Destination, String> {
    let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    install_tls();
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(name);
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
    }
    if let Some(region) = region {
        builder = builder.with_region(region);
    }
    let retry =
        object_store::RetryConfig { max_retries: 1, ..object_store::RetryConfig::default() };
    let store = builder.with_retry(retry).build().map_err(|error| chain(&error))?;
    let prefix = Key::parse(prefix).map_err(|error| chain(&error))?;
    Ok(Destination::Bucket { store: Arc::new(store), prefix })
}

fn attributes(page: Page) -> Attributes {
    let caching = format!("public, max-age={}", page.max_age_secs);
    let mut attributes = Attributes::new();
    attributes.insert(Attribute::ContentType, page.media_type.into());
    attributes.insert(Attribute::CacheControl, caching.into());
    attributes
}

fn kv(rest: &str, api: Option<&str>) -> Result<Destination, String> {
    const API: &str = "https://api.cloudflare.com/client/v4";
    let (account, namespace) = rest.split_once('/').ok_or("must be kv:ACCOUNT/NAMESPACE")?;
    let mut values = Url::parse(api.unwrap_or(API)).map_err(|error| error.to_string())?;
    values
        .path_segments_mut()
        .map_err(|()| "api= must be an http address")?
        .pop_if_empty()
        .extend(["accounts", account, "storage", "kv", "namespaces", namespace, "values"]);
    let token = std::env::var("CLOUDFLARE_API_TOKEN")
        .map_err(|_| "the environment has no CLOUDFLARE_API_TOKEN")?;
    Ok(Destination::Kv { client: client()?, values, token })
}

/// A Workers KV key is one path segment, with slashes escaped.
fn kv_url(values: &Url, name: &str) -> Result<Url, String> {
    let mut url = values.clone();
    url.path_segments_mut().map_err(|()| "api= must be an http address")?.push(name);
    Ok(url)
}

fn install_tls() {
    // A second installation fails, which is harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn client() -> Result<reqwest::Client, String> {
    install_tls();
    let client = reqwest::Client::builder().timeout(TIMEOUT);
    client.redirect(reqwest::redirect::Policy::none()).build().map_err(http_error)
}

async fn fetch(request: reqwest::RequestBuilder) -> Result<Found, String> {
    let mut answer = request.send().await.map_err(http_error)?;
    let date = date_of(answer.headers());
    match answer.status() {
        reqwest::StatusCode::NOT_FOUND => return Ok(Found { date, ..Found::default() }),
        status if status.is_success() => {}
        status => return Err(format!("answered {status}")),
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(http_error)? {
        if bytes.len().saturating_add(chunk.len()) > MAX_FILE_LEN {
            return Err("answered with more than any file of a list holds".into());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Found { bytes: Some(bytes), date, version: None })
}

/// The server's time: the date of the response plus its age in caches.
fn date_of(headers: &reqwest::header::HeaderMap) -> Option<Time> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let date = jiff::fmt::rfc2822::parse(text("date")?).ok()?.timestamp().as_millisecond();
    let age: u64 = text("age").and_then(|age| age.trim().parse().ok()).unwrap_or(0);
    Some(Time::from_millis(u64::try_from(date).ok()?).plus_millis(age.saturating_mul(1000)))
}

#[allow(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn http_error(error: reqwest::Error) -> String {
    // The address may be confidential.
    chain(&error.without_url())
}

fn key(prefix: &Key, name: &str) -> Key {
    name.split('/').fold(prefix.clone(), Key::join)
}

async fn within<T>(work: impl Future<Output = T>) -> Result<T, String> {
    let done = tokio::time::timeout(TIMEOUT, work).await;
    done.map_err(|_| "did not answer within ten seconds".into())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Fault::from(error.to_string()))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{AGE, DATE, HeaderMap};

    #[test]
    fn a_servers_clock_is_read_through_a_cache() {
        let mut headers = HeaderMap::new();
        assert_eq!(date_of(&headers), None);
        headers.insert(DATE, "Fri, 15 Jan 2027 08:00:00 GMT".parse().unwrap());
        let date = Time::from_secs(1_800_000_000);
        assert_eq!(date_of(&headers), Some(date));
        headers.insert(AGE, "90".parse().unwrap());
        assert_eq!(date_of(&headers), Some(date.plus_millis(90_000)));
        headers.insert(DATE, "yesterday".parse().unwrap());
        assert_eq!(date_of(&headers), None);
    }
}
