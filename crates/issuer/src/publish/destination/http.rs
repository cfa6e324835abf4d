//! An HTTP address as a destination: it is only read.

use async_trait::async_trait;
use url::Url;

use super::fault::Fault;
use super::operations::{Destination, Found};
use super::web::{client, fetch};

/// An address below which the files are served.
#[derive(Clone, Debug)]
pub(super) struct Address {
    client: reqwest::Client,
    base: Url,
}

impl Address {
    pub(super) fn new(base: &str) -> Result<Self, String> {
        let base = Url::parse(base).map_err(|error| error.to_string())?;
        Ok(Self { client: client()?, base })
    }
}

#[async_trait]
impl Destination for Address {
    fn kind(&self) -> &'static str {
        "http"
    }

    fn is_writable(&self) -> bool {
        false
    }

    async fn get(&self, name: &str) -> Result<Found, Fault> {
        let url = format!("{}/{name}", self.base.as_str().trim_end_matches('/'));
        Ok(fetch(self.client.get(url).header("cache-control", "no-cache")).await?)
    }

    async fn put(&self, _name: &str, _bytes: &[u8]) -> Result<(), Fault> {
        Err("can only be read".into())
    }
}
