//! Signatures of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::Error;

const PREFIX: &str = "whsec_";

/// An endpoint's secret.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// A new secret of 32 random bytes.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn new() -> Result<Self, Error> {
        Ok(Self(Zeroizing::new(crate::random::secret::<32>()?.to_vec())))
    }

    /// Parses `whsec_…`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?;
        (!bytes.is_empty()).then(|| Self(Zeroizing::new(bytes)))
    }

    /// Formats as `whsec_…`.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{PREFIX}{}", STANDARD.encode(self.0.as_slice())))
    }

    /// `v1,<base64>` for a message sent at `timestamp`, in seconds since 1970.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> Option<String> {
        // HMAC accepts keys of any length, so this never fails.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The header `webhook-signature`: one signature per secret, separated by spaces.
#[must_use]
pub fn signatures<'a>(
    secrets: impl Iterator<Item = &'a str>,
    id: &str,
    timestamp: u64,
    body: &[u8],
) -> String {
    let signed = secrets.filter_map(|secret| Secret::parse(secret)?.sign(id, timestamp, body));
    signed.collect::<Vec<String>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_the_standard() {
        // The example of the specification's libraries.
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let (id, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", br#"{"test": 2432232314}"#);
        let signed = signatures([secret].into_iter(), id, 1_614_265_330, body);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let theirs = standardwebhooks::Webhook::new(secret).unwrap();
        assert_eq!(theirs.sign(id, 1_614_265_330, body).unwrap(), signed);
        let two = signatures([secret, secret].into_iter(), id, 1_614_265_330, body);
        assert_eq!(two, format!("{signed} {signed}"));
    }

    #[test]
    fn secrets_are_read_back_and_never_shown() {
        let secret = Secret::new().unwrap();
        let text = secret.text();
        assert_eq!(Secret::parse(&text).unwrap().text(), text);
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        for bad in ["", "whsec_", "whsec_?", "sk_x"] {
            assert!(Secret::parse(bad).is_none(), "{bad}");
        }
    }
}
