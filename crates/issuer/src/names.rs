//! Parses the names in files, HTTP and the command line into the core's values.

use portcullis_core::base62;
use portcullis_core::crypto::{Digest, IssuerId};
use portcullis_core::keyring::{Purpose, State};
use portcullis_core::token::{Algorithm, Environment, Kind, Label};

use crate::invalid::Invalid;

/// A key as received, without surrounding white space from copying. All interfaces use this.
#[must_use]
pub fn key_text(text: &str) -> &str {
    text.trim()
}

/// The kind with this name.
#[must_use]
pub fn kind(name: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind.name() == name)
}

/// The environment with this name.
#[must_use]
pub fn environment(name: &str) -> Option<Environment> {
    Environment::ALL.into_iter().find(|environment| environment.name() == name)
}

/// The algorithm with this name; `hmac` is an alias.
#[must_use]
pub fn algorithm(name: &str) -> Option<Algorithm> {
    match name {
        "hmac" => Some(Algorithm::HmacSha256),
        _ => [Algorithm::HmacSha256, Algorithm::Ed25519].into_iter().find(|a| a.name() == name),
    }
}

/// The label that `text` spells, empty for none.
///
/// # Errors
/// [`Invalid`] with what a label is.
pub fn label(text: &str) -> Result<Label, Invalid> {
    let reason = "must be 1 to 16 of a-z and 0-9, the first a letter, and not sk, pk, live or test; \
                  \"\" for no label";
    Label::new(text).map_err(|_| Invalid { field: "label", reason })
}

/// How labels are told of in sentences, and spelled at the command line.
pub mod labels {
    use portcullis_core::token::Label;

    /// The label as a sentence names it.
    #[must_use]
    pub fn told(label: &Label) -> String {
        if *label == Label::NONE { "no label".into() } else { format!("`{}`", label.as_str()) }
    }

    /// Several of them.
    #[must_use]
    pub fn all(labels: &[Label]) -> String {
        labels.iter().map(told).collect::<Vec<_>>().join(", ")
    }

    /// The option of `portcullis keyring labels` that adds it.
    #[must_use]
    pub fn to_add(label: &Label) -> String {
        if *label == Label::NONE {
            "--add-unlabelled".into()
        } else {
            format!("--add {}", label.as_str())
        }
    }
}

/// The signer purpose with this name.
#[must_use]
pub fn purpose(name: &str) -> Option<Purpose> {
    Purpose::ALL.into_iter().find(|purpose| purpose.name() == name)
}

/// The signer state with this name.
#[must_use]
pub fn signer_state(name: &str) -> Option<State> {
    State::ALL.into_iter().find(|state| state.name() == name)
}

/// Parses an issuer id: `iss_` and 22 characters.
#[must_use]
pub fn issuer(text: &str) -> Option<IssuerId> {
    let mut bytes = [0; 16];
    base62::decode(text.strip_prefix("iss_")?.as_bytes(), &mut bytes).ok()?;
    Some(IssuerId(bytes))
}

/// Parses a digest: 64 lowercase hexadecimal digits.
#[must_use]
pub fn digest(text: &str) -> Option<Digest> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let mut bytes = [0; 32];
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    for (byte, &[high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = value(high)? << 4 | value(low)?;
    }
    Some(Digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        let id = IssuerId([200; 16]);
        assert_eq!(issuer(&id.to_string()), Some(id));
        assert_eq!(issuer("iss_0"), None);
        let of = Digest::of(b"x");
        assert_eq!(digest(&of.to_string()), Some(of));
        assert_eq!(digest(&of.to_string().to_uppercase()), None);
        assert_eq!(digest("00"), None);
        assert_eq!(algorithm("hmac"), Some(Algorithm::HmacSha256));
        assert_eq!(kind("Secret"), None);
    }
}
