//! Redacts keys in texts for others: a key typed in the wrong place would be echoed in an error.

use std::borrow::Cow;

use portcullis_core::issue::redact;
use portcullis_core::token::MalformedToken;
use portcullis_core::verify::Unverified;

/// The text with each key redacted. A key is recognised by its shape and checksum.
#[must_use]
pub fn concealed(text: &str) -> Cow<'_, str> {
    let mut shown = Cow::Borrowed(text);
    let is_sign = |sign: char| sign.is_ascii_alphanumeric() || sign == '_';
    for run in text.split(|sign| !is_sign(sign)).filter(|run| is_key(run)) {
        shown = Cow::Owned(shown.replace(run, &redact(run)));
    }
    shown
}

/// Whether this is a key, or one of a later version.
fn is_key(run: &str) -> bool {
    matches!(Unverified::parse(run), Ok(_) | Err(MalformedToken::Version))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of `docs/token.md`.
    const KEY: &str = "sk_live_CUs3ggYPFEiCJvrgJBeUvvDESgEqobbs5AOVqG6I91ayCj8ksbIOdZL1VY4KTOygys";

    #[test]
    fn a_key_is_never_shown_and_nothing_else_is_changed() {
        let key = KEY;
        assert!(Unverified::parse(key).is_ok());
        let text = format!("no key `{key}`, nor {key}: {key}");
        let shown = concealed(&text);
        assert!(!shown.contains(key) && shown.matches(&redact(key)).count() == 3, "{shown}");
        for plain in ["", "sk_live_ is the prefix of apk_1", "f\u{fc}r 17 keys"] {
            assert!(matches!(concealed(plain), Cow::Borrowed(same) if same == plain));
        }
    }
}
