//! The file deployed with a gate: a bundle and the policy files that its head leads to, so that a
//! starting gate needs only a stamp.
//!
//! ```text
//! 4  magic `PCG` 1
//! 4  length of the bundle, then the bundle
//! 4  number of policy files, then each after its length in 4 bytes
//! ```
//!
//! Like a bundle it isn't signed: every file is identified by its digest, and is used only if the
//! head in the bundle leads to it. With private policies the file is private.

use alloc::vec::Vec;

use crate::list::bundle::{self, part};
use crate::wire::{FileKind, Put as _, Reader, WireError};

const LETTER: u8 = b'G';

/// The parts of a deployment, not decoded yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment<'a> {
    /// The bundle.
    pub bundle: &'a [u8],
    /// The policy files, in any order.
    pub policies: Vec<&'a [u8]>,
}

impl<'a> Deployment<'a> {
    /// Splits a deployment into its parts. A bundle alone is a deployment without policies.
    ///
    /// # Errors
    /// [`WireError`] if the lengths don't match the file.
    pub fn decode(file: &'a [u8]) -> Result<Self, WireError> {
        if file.get(2) == Some(&bundle::LETTER) {
            return Ok(Self { bundle: file, policies: Vec::new() });
        }
        let mut reader = Reader::open(file, LETTER, FileKind::Bundle)?;
        let bundle = part(&mut reader)?;
        let count = reader.len(4)?;
        let policies = (0..count).map(|_| part(&mut reader)).collect::<Result<_, _>>()?;
        reader.finish()?;
        Ok(Self { bundle, policies })
    }

    /// Joins the parts.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let len = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let mut out = Vec::new();
        out.put_magic(LETTER);
        out.put_u32(len(self.bundle.len())).put(self.bundle);
        out.put_u32(len(self.policies.len()));
        for file in &self.policies {
            out.put_u32(len(file.len())).put(file);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BUNDLE: &[u8] = b"PCZ\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

    #[test]
    fn a_bundle_is_a_deployment_without_policies() {
        let deployment = Deployment::decode(BUNDLE).unwrap();
        assert_eq!((deployment.bundle, deployment.policies.len()), (BUNDLE, 0));
        assert!(crate::list::Bundle::decode(BUNDLE).is_ok());
    }

    #[test]
    fn the_layout_is_the_documented_one() {
        let file =
            Deployment { bundle: BUNDLE, policies: [b"ab".as_slice(), b""].to_vec() }.encode();
        let expected = [b"PCG\x01\0\0\0\x14", BUNDLE, b"\0\0\0\x02\0\0\0\x02ab\0\0\0\0"].concat();
        assert_eq!(file, expected);
    }

    #[test]
    fn a_count_that_the_file_cannot_hold_is_refused() {
        let mut file = Deployment { bundle: BUNDLE, policies: Vec::new() }.encode();
        let at = file.len() - 4;
        file[at..].copy_from_slice(&u32::MAX.to_be_bytes());
        assert_eq!(Deployment::decode(&file), Err(WireError::Truncated));
    }

    proptest! {
        #[test]
        fn there_is_one_spelling(files: Vec<Vec<u8>>, cut: usize) {
            let deployment =
                Deployment { bundle: BUNDLE, policies: files.iter().map(Vec::as_slice).collect() };
            let file = deployment.encode();
            prop_assert_eq!(&Deployment::decode(&file).unwrap(), &deployment);
            prop_assert!(Deployment::decode(&file[..cut % file.len()]).is_err());
            let longer = [file.as_slice(), &[0]].concat();
            prop_assert_eq!(Deployment::decode(&longer), Err(WireError::TrailingBytes));
        }
    }
}
