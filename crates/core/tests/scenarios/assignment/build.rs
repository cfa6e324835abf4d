//! Files of assignments built byte by byte, valid or not. The example `cases` shares this file.

use portcullis_core::issue::name_file;
use portcullis_core::list::FileName;

pub(crate) const PUBLIC: u8 = 1;
pub(crate) const PRIVATE: u8 = 2;
/// The fields that an assignment may have.
pub(crate) const POLICY: u8 = 1;
pub(crate) const OWNER: u8 = 2;
pub(crate) const EXPIRES_AT: u8 = 4;

/// The record with these fields, and the values of policy, owner and end.
pub(crate) fn record(fields: u8, values: [u32; 3]) -> Vec<u8> {
    let values = values.iter().flat_map(|value| value.to_be_bytes());
    [fields].into_iter().chain(values).collect()
}

/// A body of these records by serial.
pub(crate) fn body(visibility: u8, entries: &[(u64, &[u8])]) -> Vec<u8> {
    let mut out = [&b"PCN\x01"[..], &[visibility]].concat();
    if visibility == PRIVATE {
        out.extend([0x5A; 32]);
    }
    out.extend(u16::try_from(entries.len()).unwrap().to_be_bytes());
    for (serial, record) in entries {
        out.extend(&serial.to_be_bytes()[2..]);
        out.extend(*record);
    }
    out
}

/// A directory of these files by the first serial of their range.
pub(crate) fn directory(visibility: u8, level: u8, ranges: &[(u64, FileName)]) -> Vec<u8> {
    let mut out = [&b"PCE\x01"[..], &[visibility, level]].concat();
    out.extend(u16::try_from(ranges.len()).unwrap().to_be_bytes());
    for (first, file) in ranges {
        out.extend(&first.to_be_bytes()[2..]);
        out.extend(file.len.to_be_bytes());
        out.extend(file.digest.0);
    }
    out
}

/// The name of a file that doesn't exist.
pub(crate) fn elsewhere() -> FileName {
    name_file(b"elsewhere")
}
