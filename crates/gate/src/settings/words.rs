//! The words and numbers that settings are written in.

use portcullis_core::token::{Environment, Kind};

use crate::settings::error::Fault;

pub(super) const ENVIRONMENTS: &str = "`live` or `test`";
pub(super) const KINDS: &str = "`secret` or `publishable`";

pub(super) fn environments() -> [(&'static str, Environment); 2] {
    Environment::ALL.map(|environment| (environment.name(), environment))
}

pub(super) fn kinds() -> [(&'static str, Kind); 2] {
    Kind::ALL.map(|kind| (kind.name(), kind))
}

pub(super) fn word<T: Copy>(
    text: &str,
    words: &[(&str, T)],
    expected: &'static str,
) -> Result<T, Fault> {
    let found = words.iter().find(|(word, _)| *word == text.trim());
    found.map(|(_, value)| *value).ok_or(Fault::Word(expected))
}

/// Parses seconds with at most three decimals into milliseconds.
pub(super) fn parse_seconds(text: &str) -> Result<u64, Fault> {
    const FAULT: Fault = Fault::Number { unit: "seconds", min: 1, max: 3600 };
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
    let places = u32::try_from(fraction.len()).ok().filter(|places| (1..=3).contains(places));
    let scale = 10_u64.pow(3 - places.ok_or(FAULT)?);
    let whole = digits(whole).ok_or(FAULT)?;
    let fraction = digits(fraction).ok_or(FAULT)? * scale;
    let millis = whole.saturating_mul(1000).saturating_add(fraction);
    if (1_000..=3_600_000).contains(&millis) { Ok(millis) } else { Err(FAULT) }
}

pub(super) fn parse_millis(text: &str, max: u32) -> Result<u64, Fault> {
    let number = digits(text.trim()).filter(|number| (1..=u64::from(max)).contains(number));
    number.ok_or(Fault::Number { unit: "milliseconds", min: 1, max })
}

/// Unlike `str::parse`, refuses a plus sign, so that each value has one spelling.
pub(super) fn digits(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}
