#![no_main]

//! Keyring, stamp and head behind a signature that is right, so that their fields are reached.

use libfuzzer_sys::fuzz_target;
use portcullis_core::crypto::{Context, IssuerId};
use portcullis_core::issue::{KeyringDraft, ListSigner, SigningKey, StampDraft, name_file};
use portcullis_core::keyring::{KeyEntry, Keyring, Material, Purpose, State, Validity};
use portcullis_core::list::{Head, Mark, Stamp};
use portcullis_core::time::Time;
use portcullis_core::token::Label;

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (which, mut file) = input;
    let key = SigningKey::from_seed(&[7; 32]);
    let public = key.public().unwrap();
    let now = Time::from_millis(1);
    let context = [Context::KEYRING, Context::STAMP, Context::HEAD][usize::from(which % 3)];
    let signature = key.sign(context, &file);
    file.extend_from_slice(&signature);
    if let Ok(keyring) = Keyring::open(&file, &public) {
        assert_eq!(keyring.document(), file);
    }
    let keyring = KeyringDraft {
        issuer: IssuerId([0; 16]),
        version: 1,
        not_after: Time::from_millis(u64::MAX),
        epoch: 0,
        max_validity_secs: u32::MAX,
        successor: None,
        labels: vec![Label::NONE],
        entries: vec![KeyEntry {
            kid: 0,
            purpose: Purpose::List,
            environments: vec![],
            kinds: vec![],
            state: State::Active,
            validity: Validity::ALWAYS,
            material: Material::Ed25519(public),
        }],
    };
    let keyring = Keyring::open(&keyring.sign(&key).unwrap(), &public).unwrap();
    let _ = Stamp::open(&file, &keyring, now);
    let signer = ListSigner { issuer: IssuerId([0; 16]), kid: 0, key };
    let (this_update, next_update) = (now, Time::from_millis(2));
    let stamp = signer.sign_stamp(&StampDraft {
        mark: Mark { epoch: 0, number: 0, this_update, next_update },
        head: name_file(&file),
        keyring_version: 1,
    });
    let stamp = Stamp::open(&stamp, &keyring, now).unwrap();
    let _ = Head::open(&file, &stamp, &keyring, now);
});
