//! A target: a destination as an operator configures it.

use std::sync::Arc;
use std::time::Duration;

use super::directory::Directory;
use super::http::Address;
use super::kv::Namespace;
use super::operations::Destination;
use super::s3::Bucket;
use crate::error::Error;

/// A destination, its name, and how often its stamp is renewed.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name in the API: the text it was configured with, without options.
    pub name: String,
    /// How often its stamp is renewed if nothing else changes.
    pub every: Duration,
    pub(crate) destination: Arc<dyn Destination>,
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
        let (destination, by_default): (Arc<dyn Destination>, u64) =
            if let Some(path) = name.strip_prefix("dir:") {
                (Arc::new(Directory::new(path)), 1)
            } else if let Some(rest) = name.strip_prefix("s3://") {
                (Arc::new(Bucket::new(rest, endpoint, region)?), 5)
            } else if let Some(rest) = name.strip_prefix("kv:") {
                // Workers KV accepts one write per second and key, and shows it within a minute.
                (Arc::new(Namespace::new(rest, api)?), 30)
            } else if name.starts_with("http://") || name.starts_with("https://") {
                (Arc::new(Address::new(&name)?), 1)
            } else {
                return Err("must be dir:PATH, s3://BUCKET/PREFIX or kv:ACCOUNT/NAMESPACE".into());
            };
        let every = every.unwrap_or(Duration::from_secs(by_default));
        if every < Duration::from_millis(50) {
            return Err("every= must be 50ms at least".into());
        }
        Ok(Self { name, every, destination })
    }

    /// Whether the destination can be written to.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.destination.is_writable()
    }
}
