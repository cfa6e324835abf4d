//! Which policies share a file, and what salts it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use hmac::{Hmac, KeyInit as _, Mac as _};
use portcullis_core::issue::{PolicyDraft, PolicyTree, SaltKey};
use portcullis_core::policy::{Policy, PolicyBody};
use proptest::prelude::*;

use crate::{backend, storefront, tree};

proptest! {
    /// Any sequence of edits that leads to a set of policies gives the same files, and those that
    /// the rule requires.
    #[test]
    fn step_by_step_and_at_once_are_the_same(
        steps in prop::collection::vec((0..400_u32, 0..5_usize, any::<bool>()), 1..300),
        private: bool, spread in 1..24_u32, pause in 1..40_usize,
    ) {
        let mut stepwise = tree(private);
        let mut facts = BTreeMap::new();
        let mut held = BTreeMap::new();
        for (step, (seed, size, keep)) in steps.into_iter().enumerate() {
            // Numbers that are close together, and numbers that aren't.
            let number = seed.wrapping_mul(0x9E37_79B1) >> (seed % spread) | 1;
            if keep {
                let draft = PolicyDraft {
                    sales_channels: (0..size * 10).map(|i| format!("{i:064}")).collect(),
                    ..PolicyDraft::default()
                };
                stepwise.set(number, &draft).unwrap();
                facts.insert(number, draft);
            } else {
                prop_assert_eq!(stepwise.remove(number), facts.remove(&number).is_some());
            }
            if step % pause == 0 {
                let files = stepwise.write().unwrap().files;
                held.extend(files.into_iter().map(|(name, file)| (name.digest, file)));
            }
        }
        let last = stepwise.write().unwrap();
        held.extend(last.files.into_iter().map(|(name, file)| (name.digest, file)));
        let mut at_once = tree(private);
        for (number, draft) in &facts {
            at_once.set(*number, draft).unwrap();
        }
        let written = at_once.write().unwrap();
        prop_assert_eq!(written.directory, last.directory);
        for (name, file) in &written.files {
            prop_assert_eq!(held.get(&name.digest), Some(file));
        }
        let bodies: Vec<PolicyBody> =
            written.files.iter().filter_map(|(_, file)| PolicyBody::decode(file).ok()).collect();
        let model = model_ranges(&facts, if private { 39 } else { 7 }, 0, 0);
        let ranges: Vec<Vec<u32>> =
            bodies.iter().map(|body| body.policies().map(|(number, _)| number).collect()).collect();
        prop_assert_eq!(ranges, model);
    }
}

/// The rule of the spec, word for word: which policies share a body.
fn model_ranges(
    facts: &BTreeMap<u32, PolicyDraft>,
    header: usize,
    first: u32,
    bits: u32,
) -> Vec<Vec<u32>> {
    let last = first | u32::MAX.checked_shr(bits).unwrap_or(0);
    let inside: Vec<_> = facts.range(first..=last).collect();
    let records: usize = inside.iter().map(|(_, draft)| 6 + draft.encode().unwrap().len()).sum();
    if inside.is_empty() {
        vec![]
    } else if header + records <= 8192 {
        vec![inside.into_iter().map(|(number, _)| *number).collect()]
    } else {
        let middle = first + (1 << (31 - bits));
        let mut halves = model_ranges(facts, header, first, bits + 1);
        halves.extend(model_ranges(facts, header, middle, bits + 1));
        halves
    }
}

#[test]
fn private_digests_do_not_tell_the_content() {
    let write = |key: &[u8; 32]| {
        let mut tree = PolicyTree::private(SaltKey::new(key));
        tree.set(9, &backend()).unwrap();
        tree.write().unwrap()
    };
    let (one, other) = (write(&[1; 32]), write(&[2; 32]));
    assert_eq!(one.directory, write(&[1; 32]).directory, "the writer is deterministic");
    assert_ne!(one.directory, other.directory);
    let body = &one.files[0].1;
    assert_eq!(body[37..], other.files[0].1[37..]);
    let mac = Hmac::<sha2::Sha256>::new_from_slice(&[1; 32]).unwrap();
    let salt = mac.chain_update(b"portc1/salt").chain_update(&body[37..]).finalize();
    assert_eq!(body[5..37], salt.into_bytes()[..]);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

#[test]
fn the_worked_example_of_the_spec() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/policy.md");
    let spec: String = std::fs::read_to_string(path).unwrap().split_whitespace().collect();
    let mut public = PolicyTree::public();
    public.set(9, &storefront()).unwrap();
    let mut private = PolicyTree::private(SaltKey::new(&[7; 32]));
    private.set(9, &backend()).unwrap();
    private.set(0x8000_0001, &PolicyDraft::default()).unwrap();
    for files in [public.write().unwrap().files, private.write().unwrap().files] {
        for (name, file) in files {
            println!("{}\n{}", hex(&file), name.digest);
            assert!(spec.contains(&hex(&file)));
            assert!(spec.contains(&format!("named{}", name.digest)));
        }
    }
}

#[test]
fn a_tree_knows_how_many_policies_it_has() {
    let mut tree = tree(true);
    assert!(tree.is_empty());
    tree.set(7, &backend()).unwrap();
    assert!(!tree.is_empty() && tree.len() == 1);
    assert!(tree.remove(7) && !tree.remove(7) && tree.is_empty());
    assert_eq!(format!("{:?}", SaltKey::new(&[7; 32])), "SaltKey(..)");
    let record = backend().encode().unwrap();
    let shown = format!("{:?}", Policy::decode(&record).unwrap());
    assert!(shown.contains("gold") && shown.contains("orders:*"), "{shown}");
}
