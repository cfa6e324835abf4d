//! The texts in files, HTTP and the command line that the core's own `FromStr` doesn't read.

use portcullis_core::token::{Algorithm, Label};

use crate::invalid::Invalid;

/// A key as received, without surrounding white space from copying. All interfaces use this.
#[must_use]
pub fn key_text(text: &str) -> &str {
    text.trim()
}

/// The algorithm with this name; `hmac` is an alias.
#[must_use]
pub fn algorithm(name: &str) -> Option<Algorithm> {
    match name {
        "hmac" => Some(Algorithm::HmacSha256),
        _ => name.parse().ok(),
    }
}

/// The label that `text` spells, empty for none.
///
/// # Errors
/// [`Invalid`] with what a label is.
pub fn label(text: &str) -> Result<Label, Invalid> {
    let reason = "must be 1 to 16 of a-z and 0-9, the first a letter, and neither live nor test nor a \
                  letter with k behind it (sk); \"\" for no label";
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_algorithm_has_an_alias() {
        assert_eq!(algorithm("hmac"), Some(Algorithm::HmacSha256));
        assert_eq!(algorithm("hmac-sha256-128"), Some(Algorithm::HmacSha256));
        assert_eq!(algorithm("Ed25519"), None);
    }
}
