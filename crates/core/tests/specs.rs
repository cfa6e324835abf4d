//! The worked examples in `docs/` match the code's output.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::fmt::Write as _;
use std::num::NonZeroU32;
use std::path::Path;

use portcullis_core::assignment::{Assignment, Change};
use portcullis_core::base62;
use portcullis_core::crypto::{Digest, HmacKey};
use portcullis_core::issue::{AssignmentTree, HmacSigner, SaltKey};
use portcullis_core::keyring::Purpose;
use portcullis_core::list::TimedSlot;
use portcullis_core::token::{Prefix, Serial, toggle_mask};
use support::{HMAC_LIVE, START, World, first_shard};

/// A spec without white space, so that hexadecimal can be searched for in any layout.
fn spec(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    std::fs::read_to_string(path).unwrap().split_whitespace().collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

#[test]
fn token() {
    let world = World::new();
    let spec = spec("token.md");
    let token = world.token(HMAC_LIVE, 42);
    let prefix = Prefix::parse(b"sk_live_").unwrap();
    let binding = prefix.binding(world.issuer);
    assert!(spec.contains(&token));
    assert!(spec.contains(&hex(&world.secret(HMAC_LIVE))));
    assert!(spec.contains(&format!("binding{}", hex(&binding))));
    let mut sent = [0; 48];
    base62::decode(&token.as_bytes()["sk_live_".len()..], &mut sent).unwrap();
    let (masked, checksum) = (hex(&sent[..28]), hex(&sent[44..]));
    assert!(spec.contains(&format!("sent{masked}checksum{checksum}")));
    let signed = *toggle_mask(&mut sent).unwrap();
    assert!(spec.contains(&format!("signed{}", hex(&signed))));
    let key = HmacKey::new(&world.secret(HMAC_LIVE));
    let claims = world.claims(HMAC_LIVE, 42);
    let signer = HmacSigner::new(&world.secret(HMAC_LIVE));
    let canary = signer.mint_canary(world.issuer, world.label, &claims);
    assert!(spec.contains(&*canary));
    for (chapter, context) in [("##Example", b"portc1/tokn"), ("##Canaries", b"portc1/cnry")] {
        let example = spec.split(chapter).nth(1).unwrap().split("##").next().unwrap();
        let example = example.rsplit("message7").next().unwrap();
        let message: [u8; 55] = read_hex(example, "7");
        assert_eq!((&message[..11], &message[11..27]), (&context[..], &binding[..]));
        let tag: [u8; 16] = read_hex(example.split("tag").nth(1).unwrap(), "");
        assert!(key.verify(&message, &tag), "{chapter}");
    }
}

/// The bytes that `text` begins with in hexadecimal, after these digits.
fn read_hex<const N: usize>(text: &str, front: &str) -> [u8; N] {
    let text = format!("{front}{text}");
    core::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
}

#[test]
fn keyring() {
    let spec = spec("keyring.md");
    let keyring = World::new().publish().keyring;
    assert!(spec.contains(&World::new().root().public().unwrap().to_string()));
    assert!(spec.contains(&Digest::of(&keyring).to_string()));
    assert!(spec.contains(&format!("is{}bytes", keyring.len())));
    assert!(spec.contains(&hex(&keyring[..131])));
}

#[test]
fn revocation_list() {
    let spec = spec("revocation-list.md");
    let mut world = World::new();
    let facts = first_shard(&mut world);
    facts.revoked = vec![1, 2, 77_777];
    facts.suspended = vec![3, 4];
    facts.timed =
        vec![TimedSlot { slot: 4, from: START + 20 }, TimedSlot { slot: 5, from: START + 10 }];
    let published = world.publish();
    assert!(spec.contains(&hex(&published.bodies[0])));
    assert!(spec.contains(&format!("named{}", Digest::of(&published.bodies[0]))));
    assert!(spec.contains(&format!("head{}", Digest::of(&published.head))));
    assert!(spec.contains(&format!("stamp{}", hex(&published.stamp))));
}

#[test]
fn assignment() {
    let spec = spec("assignment.md");
    let mut tree = AssignmentTree::private(SaltKey::new(&[7; 32]));
    let assignment = Assignment {
        policy: Change::To(NonZeroU32::new(11)),
        owner: Change::Unchanged,
        expires_at: Change::To(Some(1_769_904_000)),
    };
    tree.set(Serial::at(0, 42).unwrap(), &assignment).unwrap();
    let written = tree.write().unwrap();
    for (name, file) in &written.files {
        assert!(spec.contains(&hex(file)), "{}", hex(file));
        assert!(spec.contains(&format!("named{}", name.digest)));
    }
    let mut world = World { private_assignments: written.directory, ..World::new() };
    first_shard(&mut world).assigned = vec![42];
    let published = world.publish();
    assert!(spec.contains(&hex(&published.bodies[0])));
    assert!(spec.contains(&hex(&published.head[150..187])));
}

#[test]
fn the_words_of_a_keyring_are_those_of_its_spec() {
    let words = Purpose::ALL.map(|purpose| format!("{}{}", purpose as u8 + 1, purpose.name()));
    let words = words.join(",").replace("status-list", "statuslist");
    assert!(spec("keyring.md").contains(&format!("purpose:{words}")), "{words}");
}
