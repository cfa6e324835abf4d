//! The revocation list as IETF Token Status Lists (draft-ietf-oauth-status-list), for tokens of
//! other systems that carry a key's index: one signed list per shard, under a stable URI.
//!
//! ```text
//! BASE/0.jwt, BASE/1.jwt, …   application/statuslist+jwt, one per shard
//! BASE/aggregation.json       the URIs of all lists
//! BASE/jwks.json              the public keys of their signers
//! ```
//!
//! `docs/status-list.md` is the specification, with an example.

pub mod pack;
pub mod token;

use std::time::Duration;

use serde_json::{Value, json};
use url::Url;

use crate::invalid::Invalid;

/// The folder of the lists, below that of the revocation list's files.
pub const FOLDER: &str = "status-lists";
/// The name of the document that names all lists.
pub const AGGREGATION: &str = "aggregation.json";
/// The name of the document with the public keys.
pub const JWKS: &str = "jwks.json";
/// The media type of a list.
pub const MEDIA_TYPE: &str = "application/statuslist+jwt";
/// The media type of the public keys (RFC 7517).
pub const JWKS_MEDIA_TYPE: &str = "application/jwk-set+json";
/// The default time for which verifiers may cache a list.
pub const DEFAULT_TTL: Duration = Duration::from_secs(60);
/// The default validity of a list.
pub const DEFAULT_VALID_FOR: Duration = Duration::from_secs(15 * 60);

/// The address and validity of the lists.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StatusLists {
    base: String,
    ttl_secs: u32,
    valid_for_secs: u32,
}

impl StatusLists {
    /// Lists under `base`, the URL at which the folder [`FOLDER`] is served.
    ///
    /// # Errors
    /// [`Invalid`] for an unsuitable URL, or inconsistent times. A fetched list is valid for
    /// at least half its validity, so that half is the longest `ttl`.
    pub fn new(base: &str, ttl: Duration, valid_for: Duration) -> Result<Self, Invalid> {
        let invalid = |field, reason| Invalid { field, reason };
        const ADDRESS: &str =
            "must be the https address at which the lists are served, without query and fragment";
        let url = Url::parse(base).map_err(|_| invalid("status-lists", ADDRESS))?;
        let is_plain = url.query().is_none() && url.fragment().is_none() && url.has_host();
        let has_login = !url.username().is_empty() || url.password().is_some();
        if !is_plain || has_login || !matches!(url.scheme(), "https" | "http") {
            return Err(invalid("status-lists", ADDRESS));
        }
        let whole = |duration: Duration| u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
        let (ttl_secs, valid_for_secs) = (whole(ttl), whole(valid_for));
        if !(1..=7 * 24 * 60 * 60).contains(&valid_for_secs) {
            return Err(invalid(
                "status-valid-for",
                "must be a second at least and a week at most",
            ));
        }
        if !(1..=valid_for_secs / 2).contains(&ttl_secs) {
            return Err(invalid(
                "status-ttl",
                "must be a second at least and half of status-valid-for at most: lists are renewed \
                 when half of that is over",
            ));
        }
        let base = url.as_str().trim_end_matches('/').to_owned();
        Ok(Self { base, ttl_secs, valid_for_secs })
    }

    /// The permanent URI of a shard's list.
    #[must_use]
    pub fn uri(&self, shard: u32) -> String {
        format!("{}/{}", self.base, file_name(shard))
    }

    /// The URI of the document that names all lists.
    #[must_use]
    pub fn aggregation_uri(&self) -> String {
        format!("{}/{AGGREGATION}", self.base)
    }

    /// The URI of the public keys.
    #[must_use]
    pub fn jwks_uri(&self) -> String {
        format!("{}/{JWKS}", self.base)
    }

    /// The time in seconds for which verifiers may cache a list.
    #[must_use]
    pub const fn ttl_secs(&self) -> u32 {
        self.ttl_secs
    }

    /// The validity of a list in seconds.
    #[must_use]
    pub const fn valid_for_secs(&self) -> u32 {
        self.valid_for_secs
    }

    /// The document that names the lists of these shards.
    #[must_use]
    pub fn aggregation(&self, shards: &[u32]) -> Value {
        let uris: Vec<String> = shards.iter().map(|shard| self.uri(*shard)).collect();
        json!({ "status_lists": uris })
    }
}

/// The name of a shard's list in its folder.
#[must_use]
pub fn file_name(shard: u32) -> String {
    format!("{shard}.jwt")
}

/// The shard of the list with this file name.
#[must_use]
pub fn shard_of(name: &str) -> Option<u32> {
    let shard = name.strip_suffix(".jwt")?.parse().ok()?;
    (file_name(shard) == name).then_some(shard)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(base: &str, ttl: u64, valid_for: u64) -> Result<StatusLists, Invalid> {
        StatusLists::new(base, Duration::from_secs(ttl), Duration::from_secs(valid_for))
    }

    #[test]
    fn uris_stand_below_the_base() {
        for base in ["https://keys.example/status", "https://keys.example/status//"] {
            let lists = lists(base, 60, 120).unwrap();
            assert_eq!(lists.uri(7), "https://keys.example/status/7.jwt");
            assert_eq!(lists.jwks_uri(), "https://keys.example/status/jwks.json");
            assert_eq!(
                lists.aggregation(&[0, 12]).to_string(),
                r#"{"status_lists":["https://keys.example/status/0.jwt","https://keys.example/status/12.jwt"]}"#
            );
        }
    }

    #[test]
    fn an_address_that_lists_can_t_have_is_refused() {
        for bad in [
            "",
            "keys.example",
            "ftp://keys.example",
            "https://keys.example/?a",
            "https://a/#b",
            "https://me:secret@keys.example",
            "data:text/plain,x",
        ] {
            let error = lists(bad, 60, 120).unwrap_err();
            assert_eq!(error.field, "status-lists", "{bad}");
            assert!(!error.to_string().contains("secret"));
        }
        for (ttl, valid_for) in [(0, 120), (61, 120), (1, 0), (60, 8 * 24 * 60 * 60)] {
            assert!(lists("https://a", ttl, valid_for).is_err(), "{ttl} {valid_for}");
        }
    }

    #[test]
    fn a_list_has_one_name() {
        assert_eq!(shard_of("0.jwt"), Some(0));
        for bad in ["00.jwt", "+1.jwt", "1", ".jwt", "-1.jwt", "4294967296.jwt", "1.jwt.jwt"] {
            assert_eq!(shard_of(bad), None, "{bad}");
        }
    }
}
