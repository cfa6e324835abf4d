//! Reads texts with one or two bytes per character as one byte per character.

use std::io::{self, Read};

/// A text's encoding. PowerShell on Windows redirects output as UTF-16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Any superset of ASCII.
    Bytes,
    /// The same, with a byte order mark.
    Utf8,
    Utf16Le,
    Utf16Be,
}

impl Encoding {
    pub(super) fn guess(front: &[u8]) -> Self {
        match front {
            [0xEF, 0xBB, 0xBF, ..] => Self::Utf8,
            [0xFF, 0xFE, ..] => Self::Utf16Le,
            [0xFE, 0xFF, ..] => Self::Utf16Be,
            _ => Self::Bytes,
        }
    }

    /// The length of the byte order mark after narrowing. It doesn't count as a column.
    pub(super) const fn mark_len(self) -> i64 {
        match self {
            Self::Bytes => 0,
            Self::Utf8 => 3,
            Self::Utf16Le | Self::Utf16Be => 1,
        }
    }

    /// Converts each code unit to one byte, in place, and returns their number. Non-ASCII becomes a
    /// byte that no key contains.
    pub(super) fn narrow(self, bytes: &mut [u8]) -> usize {
        let little = match self {
            Self::Bytes | Self::Utf8 => return bytes.len(),
            Self::Utf16Le => true,
            Self::Utf16Be => false,
        };
        let units = bytes.len() / 2;
        for unit in 0..units {
            let pair = bytes.get(2 * unit..).and_then(|rest| rest.first_chunk::<2>());
            let narrow = pair.map_or(0xFF, |&pair| {
                let unit = if little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) };
                u8::try_from(unit).ok().filter(u8::is_ascii).unwrap_or(0xFF)
            });
            if let Some(byte) = bytes.get_mut(unit) {
                *byte = narrow;
            }
        }
        units
    }
}

/// Reads until `room` is full or the source ends. Returns the number of bytes gained, and whether
/// the source ended.
pub(super) fn fill(
    source: &mut impl Read,
    room: &mut [u8],
    encoding: Encoding,
) -> io::Result<(usize, bool)> {
    // Read an even number of bytes, so that no code unit is split.
    let whole = room.len() & !1;
    let room = room.get_mut(..whole).unwrap_or_default();
    let mut read = 0;
    let ended = loop {
        let rest = room.get_mut(read..).unwrap_or_default();
        if rest.is_empty() {
            break false;
        }
        match source.read(rest) {
            Ok(0) => break true,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    };
    Ok((encoding.narrow(room.get_mut(..read).unwrap_or_default()), ended))
}
