//! The cost of a look-up and of an edit for a verifier, in fetches and bytes.

use portcullis_core::issue::PolicyTree;
use portcullis_core::policy::Policies;

use crate::support::World;
use crate::{Shelf, numbered};

/// The fetches of a cold look-up, and the total bytes that an edit costs an up-to-date verifier.
fn measure(count: u32, shards: u32) -> (usize, usize) {
    let mut tree = PolicyTree::public();
    for index in 0..count {
        let (number, draft) = numbered(index);
        tree.set(number, &draft).unwrap();
    }
    assert_eq!(tree.len(), count as usize, "the numbers are distinct");
    // The size of the files, and the limits of each.
    let mut shelf = Shelf::default();
    let written = tree.write().unwrap();
    let (bodies, directories): (Vec<_>, Vec<_>) =
        written.files.iter().map(|(_, file)| file).partition(|file| file[2] == b'P');
    let sum = |files: &[&Vec<u8>]| files.iter().map(|file| file.len()).sum::<usize>();
    let longest = |files: &[&Vec<u8>]| files.iter().map(|file| file.len()).max().unwrap();
    println!(
        "{count} policies: {} bodies, {} bytes, longest {}; {} directories, {} bytes, longest {}",
        bodies.len(),
        sum(&bodies),
        longest(&bodies),
        directories.len(),
        sum(&directories),
        longest(&directories),
    );
    assert!(longest(&bodies) <= 8192 && longest(&directories) <= 5128);
    let old = shelf.put(written);

    // A cold look-up fetches; a second one doesn't.
    let mut policies = Policies::new(1 << 20);
    let (number, mut draft) = numbered(count / 2);
    let (found, fetches, cold) = shelf.look_up(&mut policies, old, number);
    assert!(found);
    assert_eq!(shelf.look_up(&mut policies, old, number), (true, 0, 0));

    // After an edit, an up-to-date verifier fetches only the new files.
    draft.sales_channels.push("sc_other".to_owned());
    tree.set(number, &draft).unwrap();
    let edited = tree.write().unwrap();
    let put_out: usize = edited.files.iter().map(|(name, _)| name.len as usize).sum();
    let counted: usize = edited.files.iter().map(|(name, _)| name.len.max(128) as usize).sum();
    let new = shelf.put(edited);
    let mut fetched = 0;
    loop {
        let wanted = policies.wants(old, new);
        if wanted.is_empty() {
            break;
        }
        fetched += shelf.fetch(&mut policies, &wanted);
    }
    assert_eq!(fetched, put_out, "what changed and nothing else");
    assert_eq!(shelf.look_up(&mut policies, new, number), (true, 0, 0));
    policies.retain(&[new]);
    assert_eq!(policies.bytes(), counted);

    // The total also includes the head and the stamp.
    let mut world = World::new();
    world.public_policies = new;
    let published = world.publish();
    let head = published.head.len() + (shards as usize - world.shards.len()) * 40;
    let all = published.stamp.len() + head + fetched;
    println!(
        "  cold look-up {fetches} fetches, {cold} bytes; edit {fetched} bytes, with a head of {shards} shards and the stamp {all}"
    );
    (fetches, all)
}

#[test]
fn an_edit_costs_little_with_few_policies() {
    assert_eq!(measure(10, 1), (2, 154 + 258 + 764));
    let (fetches, bytes) = measure(10_000, 96);
    assert!(fetches <= 3 && bytes <= 25_000);
}

#[test]
fn an_edit_costs_little_with_a_million_policies() {
    let (fetches, bytes) = measure(1_000_000, 96);
    assert!(fetches <= 4 && bytes <= 25_000, "{fetches} fetches, {bytes} bytes");
}
