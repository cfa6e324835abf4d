//! An issuer with fixed keys, and lists that it publishes now.

use portcullis_core::assignment::Changes;
use portcullis_core::crypto::{Digest, HmacKey, IssuerId};
use portcullis_core::issue::{
    HeadDraft, HmacSigner, KeyringDraft, ListSigner, ShardContents, SigningKey, StampDraft,
    TokenSigner, encode_body, name_file,
};
use portcullis_core::keyring::{KeyEntry, Material, Purpose, State, Validity};
use portcullis_core::list::{Body, Bundle, FileName, ListVersion, ShardLine};
use portcullis_core::time::Time;
use portcullis_core::token::{Claims, Environment, Kind, Label, Lifetime, Serial};
use portcullis_core::verifier::Verifier;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

pub const SECRET: [u8; 32] = [3; 32];
pub const HMAC: u16 = 1;
pub const ED25519: u16 = 2;
const LIST: u16 = 3;
pub const ISSUER: IssuerId = IssuerId([1; 16]);
const DAY: u32 = 86_400;

/// A published list, file by file.
pub struct Published {
    pub stamp: Vec<u8>,
    pub head: Vec<u8>,
    pub bodies: Vec<Vec<u8>>,
}

/// The instant of everything in one run: two keyrings of it are one.
pub fn now() -> Time {
    static NOW: LazyLock<Time> = LazyLock::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time::from_millis(u64::try_from(since.as_millis()).unwrap_or(0))
    });
    *NOW
}

pub fn signing(kid: u16) -> SigningKey {
    SigningKey::from_seed(&[u8::try_from(kid).unwrap_or(0) + 10; 32])
}

pub fn root() -> SigningKey {
    signing(0)
}

pub fn keyring() -> Vec<u8> {
    let entry = |kid, purpose, kinds: &[Kind], material| KeyEntry {
        kid,
        purpose,
        environments: if kinds.is_empty() { vec![] } else { Environment::ALL.to_vec() },
        kinds: kinds.to_vec(),
        changes: Changes::NONE,
        state: State::Active,
        validity: Validity::ALWAYS,
        material,
    };
    let check = HmacKey::new(&SECRET).check_value(ISSUER, HMAC);
    let public = |kid| Material::Ed25519(signing(kid).public().unwrap());
    let draft = KeyringDraft {
        issuer: ISSUER,
        version: 1,
        not_after: now().plus_millis(u64::from(DAY) * 1000),
        epoch: 1,
        max_validity_secs: DAY,
        successor: None,
        labels: vec![Label::NONE],
        entries: vec![
            entry(HMAC, Purpose::Token, &[Kind::Secret], Material::Hmac { check }),
            entry(ED25519, Purpose::Token, &[Kind::Publishable], public(ED25519)),
            entry(LIST, Purpose::List, &[], public(LIST)),
        ],
    };
    draft.sign(&root()).unwrap()
}

/// The bodies of `revoked`, ascending serials below `capacity`.
pub fn bodies(capacity: u32, revoked: &[u32]) -> Vec<Vec<u8>> {
    let mut rest = revoked;
    (0..capacity.div_ceil(Body::MAX_CAPACITY))
        .map(|shard| {
            let first = shard * Body::MAX_CAPACITY;
            let capacity = Body::MAX_CAPACITY.min(capacity - first);
            let (here, behind) = rest.split_at(rest.partition_point(|s| *s - first < capacity));
            rest = behind;
            let revoked = here.iter().map(|serial| serial - first).collect();
            encode_body(&ShardContents { capacity, revoked, ..ShardContents::default() }).unwrap()
        })
        .collect()
}

/// Head and stamp over bodies.
pub fn publish(bodies: Vec<Vec<u8>>) -> Published {
    let signer = ListSigner { issuer: ISSUER, kid: LIST, key: signing(LIST) };
    let this_update = now();
    let next_update = this_update.plus_millis(u64::from(DAY) * 1000);
    let list_version = ListVersion { epoch: 1, number: 1, this_update, next_update };
    let lines = (0..).zip(&bodies).map(|(shard, body)| ShardLine::new(shard, body));
    let draft = HeadDraft {
        epoch: 1,
        number: 1,
        this_update,
        previous: Digest([0; 32]),
        public_policies: FileName::NONE,
        private_policies: FileName::NONE,
        public_assignments: FileName::NONE,
        private_assignments: FileName::NONE,
        shards: lines.collect(),
        bulk: Vec::new(),
    };
    let head = signer.sign_head(&draft).unwrap();
    let stamp = StampDraft { list_version, head: name_file(&head), keyring_version: 1 };
    Published { stamp: signer.sign_stamp(&stamp), head, bodies }
}

impl Published {
    pub fn bundle(&self) -> Vec<u8> {
        let bodies = self.bodies.iter().map(Vec::as_slice).collect();
        let keyring = keyring();
        Bundle { keyring: &keyring, stamp: &self.stamp, head: &self.head, bodies }.encode()
    }
}

pub fn verifier(bundle: &[u8]) -> Verifier {
    let mut verifier = Verifier::new(root().public().unwrap(), &keyring()).unwrap();
    verifier.hold_secret(HMAC, &SECRET).unwrap();
    verifier.adopt_bundle(bundle, now()).unwrap();
    verifier
}

/// The key with this serial, as long-lived as it gets.
pub fn token(kid: u16, serial: u32) -> String {
    let secret = TokenSigner::Hmac(HmacSigner::new(&SECRET));
    let (kind, signer) = match kid {
        HMAC => (Kind::Secret, secret),
        _ => (Kind::Publishable, TokenSigner::Ed25519(signing(kid))),
    };
    let claims = Claims {
        kind,
        is_admin: false,
        environment: Environment::Live,
        kid,
        serial: Serial::new(u64::from(serial)).unwrap(),
        nonce: 0x1234,
        lifetime: Lifetime { issued_at: now().secs(), expires_at: None },
        owner: core::num::NonZeroU32::new(7),
        policy: core::num::NonZeroU32::new(9),
    };
    signer.mint(ISSUER, Label::NONE, &claims).to_string()
}

/// What a tag or signature covers in front of the 28 bytes: context and binding.
pub fn front(kind: Kind) -> Vec<u8> {
    use portcullis_core::{crypto::Context, token::Prefix};
    let prefix = Prefix { label: Label::NONE, kind, is_admin: false, environment: Environment::Live };
    [&Context::TOKEN.bytes()[..], &prefix.binding(ISSUER)].concat()
}
