//! Each file has exactly one encoding, whatever edits led to it.

use portcullis_core::crypto::Digest;
use portcullis_core::issue::{PolicyDraft, PolicyFiles};
use portcullis_core::policy::{Directory, Holds, Policy, PolicyBody, PolicyTooNew, Visibility};
use proptest::prelude::*;

use crate::{sorted, tree};

fn one_of(list: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(prop::sample::select(list).prop_map(str::to_owned), 0..4)
}

fn any_draft() -> impl Strategy<Value = PolicyDraft> {
    let network =
        (any::<u128>(), 0..=128_u8, any::<bool>()).prop_filter_map("mapped", |(a, bits, v4)| {
            if v4 {
                let bits = bits.min(32);
                let kept = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
                format!("{}/{bits}", std::net::Ipv4Addr::from_bits((a >> 96) as u32 & kept))
                    .parse()
                    .ok()
            } else {
                let kept = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
                format!("{}/{bits}", std::net::Ipv6Addr::from_bits(a & kept)).parse().ok()
            }
        });
    (
        prop::collection::vec(network, 0..4),
        one_of(&["https://a.example", "http://localhost:3000", "https://[::1]", "app://x"]),
        one_of(&["GET", "POST", "HEAD", "M-SEARCH"]),
        one_of(&["/", "/**", "/a/*", "/a/*/b/**", "/%C3%A9", "/a/"]),
        one_of(&["*", "orders:*", "orders:read", "a:b:c", "a.b-c_d"]),
        prop::collection::vec("[A-Za-z0-9_-]{1,64}", 0..4),
        prop::option::of("[a-z0-9-]{1,32}"),
    )
        .prop_map(|(networks, origins, methods, paths, scopes, sales_channels, rate_class)| {
            PolicyDraft { networks, origins, methods, paths, scopes, sales_channels, rate_class }
        })
}

/// Writes the policies of a body again, as a body of the same visibility under `key`. `None` if one
/// is too new to be read.
fn rewritten(body: &PolicyBody) -> Option<Vec<u8>> {
    let mut tree = tree(body.visibility() == Visibility::Private);
    for (number, policy) in body.policies() {
        tree.set(number, &PolicyDraft::from(&policy.ok()?)).unwrap();
    }
    let mut files = tree.write().unwrap().files;
    assert_eq!(files.len(), 2);
    Some(files.swap_remove(0).1)
}

/// A body of these records, which the writer may not know.
fn assembled(private: bool, records: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut out = b"PCP\x01".to_vec();
    out.push(if private { 2 } else { 1 });
    out.extend(vec![7; if private { 32 } else { 0 }]);
    out.extend(u16::try_from(records.len()).unwrap().to_be_bytes());
    let mut end = 0;
    for (number, record) in records {
        end += record.len();
        out.extend(number.to_be_bytes());
        out.extend(u16::try_from(end).unwrap().to_be_bytes());
    }
    records.iter().for_each(|(_, record)| out.extend(record));
    out
}

/// Checks that a file that can be read has one encoding: writing it again gives the same bytes,
/// except for a salt, which a reader can't verify.
fn assert_one_spelling(file: &[u8]) {
    if let Ok(body) = PolicyBody::decode(file) {
        let salted = match body.visibility() {
            Visibility::Public => 5..5,
            Visibility::Private => 5..37,
        };
        if let Some(again) = rewritten(&body) {
            assert_eq!(again[..salted.start], file[..salted.start]);
            assert_eq!(again[salted.end..], file[salted.end..]);
        }
    }
    if let Ok(directory) = Directory::decode(file) {
        let (letter, skipped) = match directory.holds() {
            Holds::Policies => (b'D', 4),
            Holds::Assignments => (b'E', 2),
        };
        let mut again = vec![b'P', b'C', letter, 1];
        again.push(if directory.visibility() == Visibility::Public { 1 } else { 2 });
        again.push(directory.level());
        again.extend(u16::try_from(directory.ranges().len()).unwrap().to_be_bytes());
        for line in directory.ranges() {
            again.extend(&line.first.to_be_bytes()[skipped..]);
            again.extend(line.file.len.to_be_bytes());
            again.extend(line.file.digest.0);
        }
        assert_eq!(again, file);
    }
}

proptest! {
    #[test]
    fn policies_round_trip(draft in any_draft()) {
        let record = draft.encode().unwrap();
        let policy = Policy::decode(&record).unwrap();
        prop_assert_eq!(PolicyDraft::from(&policy), sorted(draft));
    }

    #[test]
    fn every_unknown_bit_refuses_its_policy_and_no_other(
        drafts in prop::collection::btree_map(1_u32.., any_draft(), 1..12),
        private: bool, at: prop::sample::Index, bit in 8..16_u32,
        garbage in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let newer = at.index(drafts.len());
        let records: Vec<(u32, Vec<u8>)> = drafts
            .iter()
            .enumerate()
            .map(|(at, (number, draft))| {
                let mut record = draft.encode().unwrap();
                if at == newer {
                    let bits = u16::from_be_bytes([record[0], record[1]]) | 1 << bit;
                    record = [&bits.to_be_bytes(), &garbage[..]].concat();
                }
                (*number, record)
            })
            .collect();
        let body = PolicyBody::decode(&assembled(private, &records)).unwrap();
        for (at, (number, draft)) in drafts.into_iter().enumerate() {
            let found = body.find(number).unwrap();
            match found {
                Ok(policy) => {
                    prop_assert!(at != newer);
                    prop_assert_eq!(PolicyDraft::from(&policy), sorted(draft));
                }
                Err(PolicyTooNew) => prop_assert_eq!(at, newer),
            }
        }
        let names: Vec<bool> = body.policies().map(|(_, policy)| policy.is_ok()).collect();
        prop_assert_eq!(names.iter().position(|known| !known), Some(newer));
        prop_assert_eq!(names.len(), records.len());
    }

    #[test]
    fn files_have_one_spelling_however_they_are_altered(
        drafts in prop::collection::btree_map(1_u32.., any_draft(), 1..12),
        private: bool, at: prop::sample::Index, bit in 0..8_u8, insert: u8,
    ) {
        let mut tree = tree(private);
        for (number, draft) in &drafts {
            tree.set(*number, draft).unwrap();
        }
        let PolicyFiles { files, .. } = tree.write().unwrap();
        for (name, file) in files {
            prop_assert_eq!(name.digest, Digest::of(&file));
            prop_assert_eq!(name.len as usize, file.len());
            assert_one_spelling(&file);
            let at = at.index(file.len());
            let mut flipped = file.clone();
            flipped[at] ^= 1 << bit;
            assert_one_spelling(&flipped);
            let cut = &file[..at];
            prop_assert!(PolicyBody::decode(cut).is_err() && Directory::decode(cut).is_err());
            let mut longer = file.clone();
            longer.insert(at, insert);
            assert_one_spelling(&longer);
        }
    }

    #[test]
    fn hostile_bytes_are_refused_or_have_one_spelling(
        letter in prop::sample::select(b"DP".to_vec()), head in prop::collection::vec(0..3_u8, 3..8),
        tail in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        assert_one_spelling(&[&[b'P', b'C', letter, 1][..], &head, &tail].concat());
        let _ = Policy::decode(&tail);
    }
}
