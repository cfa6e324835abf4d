//! Finding this system's keys anywhere in a client's text.

use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, Engine as _};
use portcullis_core::token::MalformedToken;
use portcullis_core::verify::Unverified;

/// Whether a text holds a key: verbatim, between any other characters, or in base64.
pub(crate) fn holds_key(value: &str) -> bool {
    holds_other(value, "")
}

/// Whether a text holds a key other than `known`.
pub(crate) fn holds_other(value: &str, known: &str) -> bool {
    let is_sign = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let holds = |text: &[u8]| {
        let mut runs = text.split(|byte| !is_sign(byte)).filter_map(|run| str::from_utf8(run).ok());
        runs.any(|run| run != known && is_key(run))
    };
    let is_base64 = |byte: &u8| is_sign(byte) || matches!(byte, b'+' | b'/' | b'-');
    let encodes = |run: &[u8]| {
        // Try both alphabets.
        let decoded =
            [&STANDARD_ANY, &URL_SAFE_ANY].iter().find_map(|base64| base64.decode(run).ok());
        run.len() >= SHORTEST_IN_BASE64 && decoded.is_some_and(|text| holds(&text))
    };
    let bytes = value.as_bytes();
    holds(bytes) || bytes.split(|byte| !is_base64(byte)).any(encodes)
}

/// Length of the shortest key in base64: the shortest prefix and 66 digits.
const SHORTEST_IN_BASE64: usize = 98;
const ANY: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
static STANDARD_ANY: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY);
static URL_SAFE_ANY: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY);

/// Whether a text has the form and checksum of a key, of any issuer and version.
fn is_key(text: &str) -> bool {
    matches!(Unverified::parse(text), Ok(_) | Err(MalformedToken::Version))
}
