//! What the operator sets, checked once, with an error that names the field.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::crypto::{HmacKey, IssuerId, PublicKey, PublicKeyError};
use portcullis_core::token::{Environment, Kind};
use zeroize::Zeroizing;

use crate::pace::Bounds;

/// The gate's settings, all of them valid.
#[derive(Debug)]
pub struct Settings {
    /// `ISSUER_URL`: where the list is fetched.
    pub issuer: BaseUrl,
    /// `ORIGIN_URL`: where accepted requests go.
    pub origin: BaseUrl,
    /// `ROOT`: the public key that signs keyrings.
    pub root: PublicKey,
    /// `ENVIRONMENT`: whose keys are accepted.
    pub environment: Environment,
    /// `KIND`: which keys are accepted.
    pub kind: Kind,
    /// `FRESH_FOR`, `DEADLINE_MS` and `COLD_DEADLINE_MS`.
    pub bounds: Bounds,
    /// `HMAC_KEYS`: what HMAC keys are judged with; without it they are refused.
    pub secrets: Option<Secrets>,
}

/// A setting that is missing or wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {fault}")]
pub struct SettingsError {
    /// The variable or secret.
    pub field: &'static str,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a setting. No value is repeated: it may be a secret in the wrong place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is not set, or empty.
    #[error("is not set")]
    Missing,
    /// It is no address to build others on.
    #[error("must be like https://host, https://host:port or https://host/path")]
    Url,
    /// It is no public key.
    #[error("is not a root's public key: {0}")]
    Root(PublicKeyError),
    /// It is none of the words that it may be.
    #[error("must be {0}")]
    Word(&'static str),
    /// It is no number in its range.
    #[error("must be a number of {unit} from {min} to {max}")]
    Number {
        /// Seconds or milliseconds.
        unit: &'static str,
        /// The smallest value.
        min: u32,
        /// The largest value.
        max: u32,
    },
    /// It is not the JSON that the issuer exports for gates.
    #[error("is not what `portcullis keyring export --gate` prints")]
    SecretsForm,
    /// A secret in it is not 32 bytes of base64url.
    #[error("holds a secret for kid {0} that is not 32 bytes in base64url")]
    Secret(u16),
}

impl Settings {
    /// Reads the settings; `variable` gives a variable's or secret's value by its name.
    ///
    /// # Errors
    /// The first field that is missing or wrong.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let get = |field| variable(field).filter(|value| !value.trim().is_empty());
        let need = |field| get(field).ok_or(SettingsError { field, fault: Fault::Missing });
        let named = |field| move |fault| SettingsError { field, fault };

        let url = |field| BaseUrl::parse(&need(field)?).map_err(named(field));
        let millis = |field, default: u32, max: u32| {
            get(field).map_or(Ok(u64::from(default)), |text| {
                parse_millis(&text, max).map_err(named(field))
            })
        };
        let environments = Environment::ALL.map(|environment| (environment.name(), environment));
        let kinds = Kind::ALL.map(|kind| (kind.name(), kind));
        let kind = get("KIND").unwrap_or_else(|| Kind::Secret.name().to_owned());
        Ok(Self {
            issuer: url("ISSUER_URL")?,
            origin: url("ORIGIN_URL")?,
            root: PublicKey::from_text(need("ROOT")?.trim())
                .map_err(Fault::Root)
                .map_err(named("ROOT"))?,
            environment: word(&need("ENVIRONMENT")?, &environments, "`live` or `test`")
                .map_err(named("ENVIRONMENT"))?,
            kind: word(&kind, &kinds, "`secret` or `publishable`").map_err(named("KIND"))?,
            bounds: Bounds {
                fresh_for: get("FRESH_FOR")
                    .map_or(Ok(5_000), |text| parse_seconds(&text).map_err(named("FRESH_FOR")))?,
                deadline: millis("DEADLINE_MS", 300, 10_000)?,
                cold_deadline: millis("COLD_DEADLINE_MS", 3_000, 25_000)?,
            },
            secrets: get("HMAC_KEYS")
                .map(|text| Secrets::parse(&text).map_err(named("HMAC_KEYS")))
                .transpose()?,
        })
    }
}

/// An address that paths are put behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(String);

impl BaseUrl {
    /// Narrower than a URL may be, on purpose: a whole parser of URLs would be the largest part of
    /// the module, to read two addresses that the operator writes by hand.
    fn parse(text: &str) -> Result<Self, Fault> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(Fault::Url)?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host_ends = authority.rfind(']').unwrap_or(0);
        let colon = authority.rfind(':').filter(|colon| *colon >= host_ends);
        let (host, port) = authority.split_at(colon.unwrap_or(authority.len()));
        let plain = matches!(scheme, "http" | "https")
            && !host.is_empty()
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_[:]".contains(&b))
            && port.strip_prefix(':').is_none_or(|port| digits(port).is_some())
            && path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/.-_~%".contains(&b));
        if !plain {
            return Err(Fault::Url);
        }
        Ok(Self(format!("{scheme}://{authority}{}", path.trim_end_matches('/'))))
    }

    /// The address of `path`, which starts with a slash and may carry a query.
    #[must_use]
    pub fn join(&self, path: &str) -> String {
        [self.0.as_str(), path].concat()
    }
}

/// The secrets of one issuer's HMAC keys. Wiped when dropped, hidden from `Debug`.
pub struct Secrets {
    issuer: String,
    keys: Vec<(u16, Zeroizing<[u8; HmacKey::SECRET_LEN]>)>,
}

impl Secrets {
    fn parse(text: &str) -> Result<Self, Fault> {
        #[derive(serde::Deserialize)]
        struct Export<'a> {
            #[serde(borrow)]
            issuer: &'a str,
            #[serde(borrow)]
            secrets: Vec<Key<'a>>,
        }
        #[derive(serde::Deserialize)]
        struct Key<'a> {
            kid: u16,
            #[serde(borrow)]
            secret: &'a str,
        }
        let export: Export<'_> = serde_json::from_str(text).map_err(|_| Fault::SecretsForm)?;
        let keys = export.secrets.iter().map(|key| {
            let mut secret = Zeroizing::new([0; HmacKey::SECRET_LEN]);
            match URL_SAFE_NO_PAD.decode_slice(key.secret, secret.as_mut()) {
                Ok(HmacKey::SECRET_LEN) => Ok((key.kid, secret)),
                Ok(_) | Err(_) => Err(Fault::Secret(key.kid)),
            }
        });
        Ok(Self { issuer: export.issuer.to_owned(), keys: keys.collect::<Result<_, _>>()? })
    }

    /// Whether these are the secrets of `issuer`.
    #[must_use]
    pub fn are_of(&self, issuer: IssuerId) -> bool {
        self.issuer == issuer.to_string()
    }

    /// Each secret with its kid.
    pub fn keys(&self) -> impl Iterator<Item = (u16, &[u8; HmacKey::SECRET_LEN])> {
        self.keys.iter().map(|(kid, secret)| (*kid, &**secret))
    }
}

impl core::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Secrets").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

fn word<T: Copy>(text: &str, words: &[(&str, T)], expected: &'static str) -> Result<T, Fault> {
    let found = words.iter().find(|(word, _)| *word == text.trim());
    found.map(|(_, value)| *value).ok_or(Fault::Word(expected))
}

/// Seconds with at most three decimals, in milliseconds.
fn parse_seconds(text: &str) -> Result<u64, Fault> {
    const FAULT: Fault = Fault::Number { unit: "seconds", min: 1, max: 3600 };
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
    let places = u32::try_from(fraction.len()).ok().filter(|places| (1..=3).contains(places));
    let scale = 10_u64.pow(3 - places.ok_or(FAULT)?);
    let whole = digits(whole).ok_or(FAULT)?;
    let fraction = digits(fraction).ok_or(FAULT)? * scale;
    let millis = whole.saturating_mul(1000).saturating_add(fraction);
    if (1_000..=3_600_000).contains(&millis) { Ok(millis) } else { Err(FAULT) }
}

fn parse_millis(text: &str, max: u32) -> Result<u64, Fault> {
    let number = digits(text.trim()).filter(|number| (1..=u64::from(max)).contains(number));
    number.ok_or(Fault::Number { unit: "milliseconds", min: 1, max })
}

/// `str::parse` also takes a plus sign, and settings have one spelling.
fn digits(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw";

    fn read(changes: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let defaults = [
            ("ISSUER_URL", "https://keys.example/base/"),
            ("ORIGIN_URL", "http://127.0.0.1:9000"),
            ("ROOT", ROOT),
            ("ENVIRONMENT", "live"),
        ];
        Settings::read(|name| {
            let mut all = changes.iter().chain(&defaults);
            all.find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_defaults_are_the_documented_ones() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.kind, Kind::Secret);
        assert_eq!(settings.bounds, Bounds { fresh_for: 5000, deadline: 300, cold_deadline: 3000 });
        assert!(settings.secrets.is_none());
        assert_eq!(settings.issuer.join("/x"), "https://keys.example/base/x");
        assert_eq!(settings.origin.join("/a?b=/c"), "http://127.0.0.1:9000/a?b=/c");
    }

    #[test]
    fn each_wrong_field_is_named() {
        let secret = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let short = format!(r#"{{"issuer":"iss_x","secrets":[{{"kid":7,"secret":"{}"}}]}}"#, "AA");
        let long =
            format!(r#"{{"issuer":"iss_x","secrets":[{{"kid":7,"secret":"{secret}AAAA"}}]}}"#);
        let word = Fault::Word("`live` or `test`");
        let seconds = Fault::Number { unit: "seconds", min: 1, max: 3600 };
        let millis = |max| Fault::Number { unit: "milliseconds", min: 1, max };
        let table: &[(&'static str, &str, Fault)] = &[
            ("ISSUER_URL", "", Fault::Missing),
            ("ISSUER_URL", "keys.example", Fault::Url),
            ("ISSUER_URL", "ftp://keys.example", Fault::Url),
            ("ISSUER_URL", "https://", Fault::Url),
            ("ISSUER_URL", "https:///x", Fault::Url),
            ("ISSUER_URL", "https://:80", Fault::Url),
            ("ISSUER_URL", "https://b:", Fault::Url),
            ("ISSUER_URL", "https://b:x", Fault::Url),
            ("ISSUER_URL", "https://b c/", Fault::Url),
            ("ISSUER_URL", "HTTPS://b", Fault::Url),
            ("ORIGIN_URL", "https://a@b", Fault::Url),
            ("ORIGIN_URL", "https://a:b@c", Fault::Url),
            ("ORIGIN_URL", "https://b\\@c", Fault::Url),
            ("ORIGIN_URL", "https://b/?x", Fault::Url),
            ("ORIGIN_URL", "https://b/#x", Fault::Url),
            ("ROOT", "replace-me", Fault::Root(PublicKeyError::Text)),
            ("ENVIRONMENT", "  ", Fault::Missing),
            ("ENVIRONMENT", "Live", word),
            ("KIND", "sk", Fault::Word("`secret` or `publishable`")),
            ("FRESH_FOR", "0.999", seconds),
            ("FRESH_FOR", "3600.001", seconds),
            ("FRESH_FOR", "1.", seconds),
            ("FRESH_FOR", "1.0000", seconds),
            ("FRESH_FOR", "1e1", seconds),
            ("FRESH_FOR", "+5", seconds),
            ("FRESH_FOR", "99999999999999999999", seconds),
            ("FRESH_FOR", "18446744073709551615.999", seconds),
            ("DEADLINE_MS", "0", millis(10_000)),
            ("DEADLINE_MS", "1.5", millis(10_000)),
            ("COLD_DEADLINE_MS", "25001", millis(25_000)),
            ("HMAC_KEYS", "{}", Fault::SecretsForm),
            ("HMAC_KEYS", &short, Fault::Secret(7)),
            ("HMAC_KEYS", &long, Fault::Secret(7)),
        ];
        for (field, value, fault) in table {
            let error = read(&[(field, value)]).unwrap_err();
            assert_eq!(error, SettingsError { field, fault: *fault }, "{field}={value}");
            assert!(error.to_string().starts_with(field));
        }
    }

    #[test]
    fn what_is_well_written_is_taken() {
        for (text, base) in [
            ("http://[::1]:9000/", "http://[::1]:9000"),
            (" https://keys.example:443/a/b ", "https://keys.example:443/a/b"),
            ("http://localhost", "http://localhost"),
        ] {
            assert_eq!(BaseUrl::parse(text), Ok(BaseUrl(base.to_owned())));
        }
        let fresh = |text| read(&[("FRESH_FOR", text)]).unwrap().bounds.fresh_for;
        assert_eq!(
            [fresh("1"), fresh("1.5"), fresh("2.25"), fresh(" 30 ")],
            [1000, 1500, 2250, 30_000]
        );
        let json = format!(r#"{{"issuer":"iss_x","secrets":[{{"kid":7,"secret":"{ROOT}"}}]}}"#);
        let secrets = read(&[("HMAC_KEYS", &json)]).unwrap().secrets.unwrap();
        assert_eq!(secrets.keys().map(|(kid, _)| kid).collect::<Vec<_>>(), [7]);
        assert!(!secrets.are_of(IssuerId([0; 16])));
        assert_eq!(format!("{secrets:?}"), r#"Secrets { issuer: "iss_x", .. }"#);
    }
}
