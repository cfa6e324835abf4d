//! Keyring, stamp and head with a valid signature, so that the decoder reaches their fields.
//!
//! The first byte selects the type of file and how well the keyring fits it; the rest is the signed
//! part.

use std::num::NonZeroU32;

use portcullis_core::assignment::Changes;
use portcullis_core::crypto::{Context, IssuerId, PublicKey, primitives};
use portcullis_core::issue::{
    HeadDraft, KeyringDraft, ListSigner, SigningKey, StampDraft, name_file,
};
use portcullis_core::keyring::{KeyEntry, Keyring, Material, Purpose, State, Validity};
use portcullis_core::list::{FileName, Head, ListVersion, Stamp};
use portcullis_core::policy::Visibility;
use portcullis_core::time::Time;
use portcullis_core::token::{Claims, Environment, Kind, Label, Lifetime, Serial};
use portcullis_core::verifier::Verifier;

use super::Source;

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let Some((choice, file)) = bytes.split_first() else { return };
    let key = SigningKey::from_seed(&[7; 32]);
    match choice % 3 {
        0 => keyring(&key, &sealed(&key, Context::KEYRING, file)),
        1 => stamp(&key, &sealed(&key, Context::STAMP, file), *choice),
        _ => head(&key, &sealed(&key, Context::HEAD, file), *choice),
    }
}

fn sealed(key: &SigningKey, context: Context, file: &[u8]) -> Vec<u8> {
    [file, &primitives::sign(key, context, file)].concat()
}

/// The encoding is unique: writing what was read gives the same bytes.
fn keyring(key: &SigningKey, file: &[u8]) {
    let Ok(keyring) = Keyring::open(file, &key.public().unwrap()) else { return };
    assert_eq!(keyring.document(), file);
    let successor: [u8; 32] = file[40..72].try_into().unwrap();
    let draft = KeyringDraft {
        issuer: keyring.issuer(),
        version: keyring.version(),
        not_after: keyring.not_after(),
        epoch: keyring.epoch(),
        max_validity_secs: u32::try_from(keyring.max_validity_millis() / 1000).unwrap(),
        successor: (successor != [0; 32]).then(|| PublicKey::from_bytes(&successor).unwrap()),
        labels: keyring.labels().to_vec(),
        entries: keyring.entries().to_vec(),
    };
    assert_eq!(draft.sign(key).as_deref(), Ok(file));
    for entry in keyring.entries() {
        assert_eq!(keyring.entry(entry.kid), Some(entry));
    }
    // A held keyring is replaced by every newer version, and by no other keyring of its own
    // version.
    let succeeds = |version: u32| {
        let next = KeyringDraft { version, not_after: Time::from_millis(1), ..draft.clone() };
        keyring.succeed(&next.sign(key).unwrap()).is_ok_and(|next| next.is_some())
    };
    if let Some(newer) = draft.version.checked_add(1) {
        assert!(succeeds(newer));
    }
    assert!(!succeeds(draft.version) || keyring.not_after() == Time::from_millis(1));
    assert!(keyring.succeed(file).unwrap().is_none());
}

/// A keyring with one list signer. Takes issuer, kid and epoch from the first bytes of a stamp or
/// head, unless `choice` changes them.
fn fitting(key: &SigningKey, file: &[u8], choice: u8) -> Keyring {
    let mut fields = Source(file.get(4..).unwrap_or_default());
    let (issuer, kid, epoch) = (IssuerId(fields.array()), fields.u16(), fields.u32());
    let draft = KeyringDraft {
        issuer: if choice & 0x80 == 0 { issuer } else { IssuerId([0; 16]) },
        version: 1,
        not_after: Time::from_millis(u64::MAX),
        epoch,
        max_validity_secs: u32::MAX,
        successor: None,
        labels: vec![Label::NONE],
        entries: vec![KeyEntry {
            kid,
            purpose: Purpose::List,
            environments: vec![],
            kinds: vec![],
            changes: Changes::NONE,
            state: if choice & 0x40 == 0 { State::Active } else { State::Retired },
            validity: Validity::ALWAYS,
            material: Material::Ed25519(key.public().unwrap()),
        }],
    };
    Keyring::open(&draft.sign(key).unwrap(), &key.public().unwrap()).unwrap()
}

fn stamp(key: &SigningKey, file: &[u8], choice: u8) {
    let keyring = fitting(key, file, choice);
    let this_update = Source(file.get(34..).unwrap_or_default()).array();
    let now = Time::from_millis(u64::from_be_bytes(this_update));
    let Ok(stamp) = Stamp::open(file, &keyring, now) else { return };
    assert_eq!(choice & 0xC0, 0, "another issuer's keyring, or a retired signer");
    let kid = keyring.entries()[0].kid;
    let draft = StampDraft {
        list_version: stamp.list_version(),
        head: FileName { digest: stamp.head(), len: stamp.head_len() },
        keyring_version: stamp.keyring_version(),
    };
    let signer = ListSigner { issuer: stamp.issuer(), kid, key: SigningKey::from_seed(&[7; 32]) };
    assert_eq!(signer.sign_stamp(&draft), file);
    assert!(Stamp::open(file, &keyring, stamp.list_version().next_update).is_err());
}

fn head(key: &SigningKey, file: &[u8], choice: u8) {
    // Make a stamp for this head, so that the head is read.
    let keyring = fitting(key, file, choice & 0x3F);
    let mut fields = Source(file.get(20..).unwrap_or_default());
    let (kid, epoch) = (fields.u16(), fields.u32());
    let (number, made) = (u64::from_be_bytes(fields.array()), u64::from_be_bytes(fields.array()));
    let now = Time::from_millis(made);
    let list_version =
        ListVersion { epoch, number, this_update: now, next_update: now.plus_millis(1) };
    let signer = ListSigner { issuer: keyring.issuer(), kid, key: SigningKey::from_seed(&[7; 32]) };
    let draft = StampDraft { list_version, head: name_file(file), keyring_version: 1 };
    let stamp = signer.sign_stamp(&draft);
    let Ok(opened) = Stamp::open(&stamp, &keyring, now) else { return };
    let Ok(head) = Head::open(file, &opened, &keyring, now) else { return };
    assert_eq!(head.file(), file);
    // The encoding is unique.
    let draft = HeadDraft {
        epoch,
        number,
        this_update: head.this_update(),
        previous: head.previous(),
        public_policies: head.public_policies(),
        private_policies: head.private_policies(),
        public_assignments: head.assignments(Visibility::Public),
        private_assignments: head.assignments(Visibility::Private),
        shards: head.shards().to_vec(),
        bulk: head.bulk().to_vec(),
    };
    assert_eq!(signer.sign_head(&draft).as_deref(), Ok(file));
    // Adopting the head and applying its bulk entries must not panic.
    adopt(&keyring, &stamp, &head, now);
    for entry in head.bulk() {
        let _ = entry.applies_to(&Claims {
            kind: Kind::Secret,
            is_admin: false,
            environment: Environment::Live,
            kid,
            serial: Serial::new(number & Serial::MAX).unwrap(),
            nonce: 0,
            lifetime: Lifetime { issued_at: epoch, expires_at: None },
            owner: NonZeroU32::new(epoch),
            policy: None,
        });
    }
}

/// Each body is wanted once, and only bodies that the head names are accepted.
fn adopt(keyring: &Keyring, stamp: &[u8], head: &Head, now: Time) {
    let root = SigningKey::from_seed(&[7; 32]).public().unwrap();
    let mut verifier = Verifier::new(root, keyring.document()).unwrap();
    let mut update = verifier.offer_stamp(stamp, now).unwrap().unwrap();
    update.offer_head(head.file(), keyring, now).unwrap();
    let wanted = update.wants_bodies();
    for (at, name) in wanted.iter().enumerate() {
        assert!(wanted[..at].iter().all(|other| other.digest != name.digest));
    }
    for line in head.shards() {
        assert!(wanted.iter().any(|name| name.digest == line.body));
    }
    assert!(update.offer_body(b"PCB").is_err());
    assert_eq!(verifier.commit(update).is_ok(), head.shards().is_empty());
}
