//! The operator's settings, checked once, with an error that names the field.

pub mod error;
mod fields;
pub mod rates;
pub mod routes;
pub mod secrets;
pub mod url;
mod words;

use core::net::IpAddr;

use portcullis_core::crypto::PublicKey;
use portcullis_core::policy::Network;
use portcullis_core::token::Kind;
use zeroize::Zeroizing;

use crate::identity::headers::Form;
use crate::refresh::schedule::Bounds;
use crate::request::client::ClientAddress;
use crate::request::path::OriginPaths;
use crate::settings::error::{Fault, SettingsError};
use crate::settings::rates::RateClasses;
use crate::settings::routes::{Route, Routes};
use crate::settings::secrets::Secrets;
use crate::settings::url::BaseUrl;
use crate::settings::words::{
    ENVIRONMENTS, KINDS, digits, environments, kinds, parse_millis, parse_seconds, word,
};

/// The gate's settings, all of them valid.
#[derive(Debug)]
pub struct Settings {
    /// The sources of the list, at least one.
    pub sources: Vec<SourceSetting>,
    /// `ORIGIN_URL`: the target of accepted requests.
    pub origin: BaseUrl,
    /// `ROOT`: the public key that signs keyrings.
    pub root: PublicKey,
    /// `FRESH_FOR`, `DEADLINE_MS` and `COLD_DEADLINE_MS`.
    pub bounds: Bounds,
    /// `CLIENT_ADDRESS` and `TRUSTED_PROXIES`: how a client's address is determined.
    pub client: ClientAddress,
    /// `HMAC_KEYS`: the secrets for verifying HMAC keys. Without it HMAC keys are refused.
    pub secrets: Option<Secrets>,
    /// `ROUTES`, or one route for all paths from `KIND` and `ENVIRONMENT`.
    pub routes: Routes,
    /// `RATE_CLASSES`.
    pub rates: RateClasses,
    /// `UNKNOWN_RATE_CLASS`: whether a key passes if its class is missing in `RATE_CLASSES`.
    pub allows_unknown_class: bool,
    /// `REQUIRE_POLICY`: whether keys without a policy are refused.
    pub require_policy: bool,
    /// `IDENTITY`: in how many headers the origin gets the caller's identity.
    pub identity: Form,
    /// `REPORT_USAGE`: whether uses of keys are reported to the issuer.
    pub report_usage: bool,
    /// Whether a queue is bound as `USAGE_QUEUE`, which then carries the reports.
    pub usage_queue: bool,
    /// Whether a dataset of Analytics Engine is bound as `ANALYTICS`.
    pub analytics: bool,
    /// `DEBUG`: whether every answer has the debug header.
    pub debug: bool,
}

/// A source of the issuer's files. No source is trusted: the files are signed.
#[derive(Debug)]
pub enum SourceSetting {
    /// `ISSUER_URL`, or one of `MIRROR_URLS`.
    Http {
        /// Its address.
        base: BaseUrl,
        /// `GATE_KEY`, which gives access to private policies: for the issuer only, never for a
        /// mirror.
        key: Option<GateKey>,
    },
    /// The Workers KV namespace that is bound as `LIST_KV`.
    Kv,
    /// The R2 bucket that is bound as `LIST_R2`; `LIST_R2_PREFIX` precedes each name.
    R2 {
        /// Empty, or with a final slash.
        prefix: String,
    },
}

impl SourceSetting {
    /// The source's name in logs and on the status page.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Http { key: Some(_), .. } => "issuer",
            Self::Http { key: None, .. } => "http",
            Self::Kv => "kv",
            Self::R2 { .. } => "r2",
        }
    }

    /// Whether the source serves private policies.
    #[must_use]
    pub const fn has_private(&self) -> bool {
        matches!(self, Self::Http { key: Some(_), .. } | Self::Kv)
    }
}

/// The key that identifies the gate to the issuer. Wiped when dropped, hidden from `Debug`.
#[derive(Clone)]
pub struct GateKey(Zeroizing<String>);

impl GateKey {
    /// The value of `Authorization`.
    #[must_use]
    pub fn authorization(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("Bearer {}", *self.0))
    }
}

impl core::fmt::Debug for GateKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("GateKey(..)")
    }
}

impl Settings {
    /// Reads the settings. `variable` returns the value of a variable or secret by name, and any
    /// non-empty text for a binding.
    ///
    /// # Errors
    /// The first field that is missing or invalid.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let get = |field: &str| variable(field).filter(|value| !value.trim().is_empty());
        let need = |field| get(field).ok_or_else(|| SettingsError::new(field, Fault::Missing));
        let named = |field: &'static str| move |fault| SettingsError::new(field, fault);
        let millis = |field, default: u32, max: u32| {
            get(field).map_or(Ok(u64::from(default)), |text| {
                parse_millis(&text, max).map_err(named(field))
            })
        };
        let flag = |field| {
            let words = [("true", true), ("1", true), ("false", false), ("0", false)];
            get(field).map_or(Ok(false), |text| {
                word(&text, &words, "`true` or `false`").map_err(named(field))
            })
        };
        // The route of every path: `ROUTES` replaces it, and takes what it leaves out from it.
        let kind = get("KIND").unwrap_or_else(|| Kind::Secret.name().to_owned());
        let route = Route::all(
            word(&need("ENVIRONMENT")?, &environments(), ENVIRONMENTS)
                .map_err(named("ENVIRONMENT"))?,
            word(&kind, &kinds(), KINDS).map_err(named("KIND"))?,
        );
        let origin_paths = get("ORIGIN_PATHS").map_or(Ok(OriginPaths::default()), |text| {
            let ways = [("loose", OriginPaths::Loose), ("exact", OriginPaths::Exact)];
            word(&text, &ways, "`loose` or `exact`").map_err(named("ORIGIN_PATHS"))
        })?;
        let report_usage = flag("REPORT_USAGE")?;
        let usage_queue = get("USAGE_QUEUE").is_some();
        // With a queue, its consumer delivers the reports and needs these; that may be another
        // Worker.
        if report_usage && !usage_queue {
            need("ISSUER_URL")?;
            need("GATE_KEY")?;
        }
        // Every field is read, so that a wrong one is named even if nothing uses it yet.
        Ok(Self {
            sources: sources(&get)?,
            origin: BaseUrl::parse(&need("ORIGIN_URL")?).map_err(named("ORIGIN_URL"))?,
            root: PublicKey::from_text(need("ROOT")?.trim())
                .map_err(Fault::Root)
                .map_err(named("ROOT"))?,
            bounds: Bounds {
                fresh_for: get("FRESH_FOR")
                    .map_or(Ok(5_000), |text| parse_seconds(&text).map_err(named("FRESH_FOR")))?,
                deadline: millis("DEADLINE_MS", 300, 10_000)?,
                cold_deadline: millis("COLD_DEADLINE_MS", 3_000, 25_000)?,
            },
            client: client_address(&get)?,
            secrets: get("HMAC_KEYS")
                .map(|text| Secrets::parse(&text).map_err(named("HMAC_KEYS")))
                .transpose()?,
            routes: match get("ROUTES") {
                Some(text) => Routes::parse(&text, &route, origin_paths)?,
                None => Routes::one(route),
            },
            rates: match get("RATE_CLASSES") {
                Some(text) => RateClasses::parse(&text, |binding| get(binding).is_some())?,
                None => RateClasses::default(),
            },
            allows_unknown_class: get("UNKNOWN_RATE_CLASS").map_or(Ok(false), |text| {
                let words = [("refuse", false), ("pass", true)];
                word(&text, &words, "`refuse` or `pass`").map_err(named("UNKNOWN_RATE_CLASS"))
            })?,
            require_policy: flag("REQUIRE_POLICY")?,
            identity: get("IDENTITY").map_or(Ok(Form::default()), |text| {
                let forms = [("one", Form::One), ("each", Form::Each)];
                word(&text, &forms, "`one` or `each`").map_err(named("IDENTITY"))
            })?,
            report_usage,
            usage_queue,
            analytics: get("ANALYTICS").is_some(),
            debug: flag("DEBUG")?,
        })
    }
}

fn client_address(get: &impl Fn(&str) -> Option<String>) -> Result<ClientAddress, SettingsError> {
    const SOURCES: &str = "`cloudflare`, `peer` or `forwarded`";
    let proxies = get("TRUSTED_PROXIES");
    let networks = || {
        let error = || SettingsError::new("TRUSTED_PROXIES", Fault::Networks);
        let listed = proxies.as_deref().unwrap_or_default().split_whitespace();
        let networks = listed.map(network).collect::<Option<Vec<_>>>().ok_or_else(error)?;
        if networks.is_empty() { Err(error()) } else { Ok(networks) }
    };
    // Without the setting no address is known, and no field of the client is believed.
    let address = match get("CLIENT_ADDRESS").as_deref().map(str::trim) {
        None => ClientAddress::Unknown,
        Some("cloudflare") => ClientAddress::Cloudflare,
        Some("peer") => ClientAddress::Peer,
        Some("forwarded") => ClientAddress::Forwarded(networks()?),
        Some(_) => return Err(SettingsError::new("CLIENT_ADDRESS", Fault::Word(SOURCES))),
    };
    // Proxies that no setting uses are a mistake, not a harmless extra.
    if proxies.is_some() && !matches!(address, ClientAddress::Forwarded(_)) {
        return Err(SettingsError::new("TRUSTED_PROXIES", Fault::NotForwarded));
    }
    Ok(address)
}

/// A network in CIDR notation; a plain address is a network of one.
fn network(text: &str) -> Option<Network> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(digits(bits)?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let all = if address.is_ipv4() { 32 } else { 128 };
    Network::new(address, u8::try_from(bits.unwrap_or(all)).ok()?)
}

fn sources(get: &impl Fn(&str) -> Option<String>) -> Result<Vec<SourceSetting>, SettingsError> {
    let url = |field: &'static str, text: &str| {
        BaseUrl::parse(text).map_err(|fault| SettingsError::new(field, fault))
    };
    // Only the issuer gets the gate's key; mirrors get none.
    let key = get("GATE_KEY").map(|key| GateKey(Zeroizing::new(key.trim().to_owned())));
    let mut sources = Vec::new();
    if let Some(issuer) = get("ISSUER_URL") {
        sources.push(SourceSetting::Http { base: url("ISSUER_URL", &issuer)?, key });
    }
    for mirror in get("MIRROR_URLS").unwrap_or_default().split_whitespace() {
        sources.push(SourceSetting::Http { base: url("MIRROR_URLS", mirror)?, key: None });
    }
    if get("LIST_KV").is_some() {
        sources.push(SourceSetting::Kv);
    }
    if get("LIST_R2").is_some() {
        let mut prefix = get("LIST_R2_PREFIX").unwrap_or_default().trim().to_owned();
        if !prefix.is_empty() && !prefix.ends_with('/') {
            prefix.push('/');
        }
        sources.push(SourceSetting::R2 { prefix });
    }
    if sources.is_empty() {
        return Err(SettingsError::new("ISSUER_URL", Fault::Missing));
    }
    Ok(sources)
}

#[cfg(test)]
mod tests;
