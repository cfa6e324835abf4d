//! Texts that people write.

use crate::invalid::Invalid;

/// The longest title, in characters.
pub const MAX_TITLE_CHARS: usize = 255;

/// Checks a user's text: not blank, at most 255 characters, no control characters.
pub(crate) fn check_text(field: &'static str, text: &str) -> Result<(), Invalid> {
    let length = text.chars().count();
    if text.trim().is_empty() || length > MAX_TITLE_CHARS || text.chars().any(char::is_control) {
        let reason = "must be 1 to 255 characters, not all blank, without control characters";
        return Err(Invalid { field, reason });
    }
    Ok(())
}
