//! Large numbers of everything: heads of many shards, trees of many files, and files that are named
//! many times.

use crate::support::{World, first_shard};
use crate::{SPARE, asked};
use portcullis_core::crypto::Digest;
use portcullis_core::issue::{HeadDraft, ShardContents, StampDraft, encode_body, name_file};
use portcullis_core::list::{FileName, ShardLine};
use portcullis_core::policy::{Policies, Visibility};

#[test]
fn a_head_of_many_shards_costs_what_its_lines_cost() {
    let mut world = World::new();
    let facts = first_shard(&mut world).clone();
    let body = |slot| {
        let revoked = vec![slot];
        encode_body(&ShardContents { revoked, ..facts.clone() }).unwrap()
    };
    let bodies: Vec<Vec<u8>> = (0..5_000).map(body).collect();
    // Each body is named by two shards that are far apart.
    let named = bodies.iter().chain(&bodies).zip(0..);
    let draft = HeadDraft {
        epoch: world.epoch,
        number: world.number,
        this_update: world.this_update,
        previous: world.previous,
        public_policies: FileName::NONE,
        private_policies: FileName::NONE,
        public_assignments: FileName::NONE,
        private_assignments: FileName::NONE,
        shards: named.map(|(body, shard)| ShardLine::new(shard, body)).collect(),
        bulk: vec![],
    };
    let (signer, now) = (world.list_signer(), world.this_update);
    let head = signer.sign_head(&draft).unwrap();
    let draft = StampDraft {
        list_version: world.list_version(),
        head: name_file(&head),
        keyring_version: 1,
    };
    let stamp = signer.sign_stamp(&draft);
    let mut verifier = world.empty_replica();
    let keyring = verifier.keyring().clone();
    let given = head.len() + bodies.iter().map(Vec::len).sum::<usize>();
    let asked = asked(|| {
        let mut update = verifier.offer_stamp(&stamp, now).unwrap().unwrap();
        update.offer_head(&head, &keyring, now).unwrap();
        assert_eq!(update.wants_bodies().len(), bodies.len());
        bodies.iter().for_each(|body| update.offer_body(body).unwrap());
        verifier.commit(update).unwrap();
    });
    assert!(asked <= 24 * given as u64 + SPARE, "{asked} for {given}");
}

/// A directory with these files, whether or not they exist.
fn directory(level: u8, files: &[FileName]) -> Vec<u8> {
    let mut out = b"PCD\x01\x01".to_vec();
    out.push(level);
    out.extend(u16::try_from(files.len()).unwrap().to_be_bytes());
    for (first, file) in (1_u32..).zip(files) {
        out.extend(first.to_be_bytes());
        out.extend(file.len.to_be_bytes());
        out.extend(file.digest.0);
    }
    out
}

fn look_at_everything(policies: &mut Policies, root: FileName) {
    let _ = policies.wants_all(&[root]);
    let _ = policies.wants(FileName::NONE, root);
    let _ = policies.wants(root, root);
    let _ = policies.find_under(root, Visibility::Public, 77);
    policies.retain(&[root]);
}

/// Following every path through this tree would visit 128 to the power of 40 places.
#[test]
fn a_tree_that_names_its_branches_again_and_again_is_walked_once() {
    let mut policies = Policies::new(1 << 20);
    let mut name = FileName { digest: Digest([7; 32]), len: 100 };
    let mut given = 0;
    for step in 0..40 {
        let file = directory(step % 4, &[name; 128]);
        name = name_file(&file);
        policies.offer(name, &file).unwrap();
        given += file.len();
    }
    let asked = asked(|| look_at_everything(&mut policies, name));
    assert!(asked <= 48 * given as u64 + SPARE, "{asked} for {given}");
}

#[test]
fn a_tree_of_many_small_files_costs_what_its_lines_cost() {
    let mut policies = Policies::new(8 << 20);
    let mut given = 0;
    let mut offer = |level, files: &[FileName]| {
        let file = directory(level, files);
        let name = name_file(&file);
        policies.offer(name, &file).unwrap();
        given += file.len();
        name
    };
    let missing = |at: u32| FileName { digest: name_file(&at.to_be_bytes()).digest, len: 1 };
    let mut names: Vec<FileName> = (0..128 * 128).map(|at| offer(0, &[missing(at)])).collect();
    for level in 1..3 {
        names = names.chunks(128).map(|names| offer(level, names)).collect();
    }
    let [root] = names[..] else { panic!("{} are left", names.len()) };
    assert_eq!(policies.wants_all(&[root]).map(|wanted| wanted.len()), Ok(128 * 128));
    let asked = asked(|| look_at_everything(&mut policies, root));
    assert!(asked <= 48 * given as u64 + SPARE, "{asked} for {given}");
}

#[test]
fn a_room_for_bytes_is_no_room_for_any_number_of_files() {
    let mut policies = Policies::new(1 << 17);
    let (mut names, mut filled) = (Vec::new(), false);
    for at in 0..2_000_u32 {
        let digest = name_file(&at.to_be_bytes()).digest;
        let file = directory(0, &[FileName { digest, len: 1 }]);
        names.push(name_file(&file));
        policies.offer(names[names.len() - 1], &file).unwrap();
        assert!(policies.bytes() <= 1 << 17);
        filled |= policies.bytes() == 1 << 17;
    }
    assert!(filled, "the last byte is there to be used");
    let held = names.iter().filter(|name| policies.wants_all(&[**name]) != Ok(vec![**name]));
    assert!((1..=1024).contains(&held.count()));
}

#[test]
fn what_fits_to_the_byte_has_room() {
    for (more, room) in [(0, true), (1, false)] {
        let name = |at: u32| FileName { digest: name_file(&at.to_be_bytes()).digest, len: 8151 };
        let mut names: Vec<FileName> = (0..16).map(name).collect();
        // With the directory's 648 bytes that is the room.
        names[0].len += 8 + more;
        let file = directory(0, &names);
        let root = name_file(&file);
        let mut policies = Policies::new(1 << 17);
        policies.offer(root, &file).unwrap();
        assert_eq!(policies.wants_all(&[root]).is_ok(), room);
    }
}
