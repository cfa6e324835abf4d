//! A Workers KV namespace as a destination, through Cloudflare's API.

use std::fmt;

use async_trait::async_trait;
use url::Url;

use super::fault::Fault;
use super::operations::{Destination, Found};
use super::web::{client, fetch, http_error};

const API: &str = "https://api.cloudflare.com/client/v4";

/// A namespace, and the token that opens it.
#[derive(Clone)]
pub(super) struct Namespace {
    client: reqwest::Client,
    values: Url,
    token: String,
}

impl Namespace {
    /// Parses `ACCOUNT/NAMESPACE`; the token comes from the environment.
    pub(super) fn new(rest: &str, api: Option<&str>) -> Result<Self, String> {
        let (account, namespace) = rest.split_once('/').ok_or("must be kv:ACCOUNT/NAMESPACE")?;
        let mut values = Url::parse(api.unwrap_or(API)).map_err(|error| error.to_string())?;
        values
            .path_segments_mut()
            .map_err(|()| "api= must be an http address")?
            .pop_if_empty()
            .extend(["accounts", account, "storage", "kv", "namespaces", namespace, "values"]);
        let token = std::env::var("CLOUDFLARE_API_TOKEN")
            .map_err(|_| "the environment has no CLOUDFLARE_API_TOKEN")?;
        Ok(Self { client: client()?, values, token })
    }

    /// A key is one path segment, with slashes escaped.
    fn url(&self, name: &str) -> Result<Url, String> {
        let mut url = self.values.clone();
        url.path_segments_mut().map_err(|()| "api= must be an http address")?.push(name);
        Ok(url)
    }
}

impl fmt::Debug for Namespace {
    /// Omits the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace").finish_non_exhaustive()
    }
}

#[async_trait]
impl Destination for Namespace {
    fn kind(&self) -> &'static str {
        "kv"
    }

    fn is_private(&self) -> bool {
        true
    }

    async fn get(&self, name: &str) -> Result<Found, Fault> {
        Ok(fetch(self.client.get(self.url(name)?).bearer_auth(&self.token)).await?)
    }

    async fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Fault> {
        let request = self.client.put(self.url(name)?).bearer_auth(&self.token);
        let request = request.header("content-type", "application/octet-stream");
        let answer = request.body(bytes.to_vec()).send().await.map_err(http_error)?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(format!("answered {status}").into()),
        }
    }
}
