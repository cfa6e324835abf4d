//! A small issuer with fixed keys. Every test world is made from it and is the same to the byte.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]

use std::num::NonZeroU32;

use portcullis_core::assignment::Changes;
use portcullis_core::crypto::{Digest, HmacKey, IssuerId};
use portcullis_core::issue::{
    HeadDraft, HmacSigner, KeyringDraft, ListSigner, ShardContents, SigningKey, StampDraft,
    TokenSigner, encode_body, name_file,
};
use portcullis_core::keyring::{KeyEntry, Material, Purpose, State, Validity};
use portcullis_core::list::{Body, BulkEntry, Bundle, FileName, ListVersion, ShardLine};
use portcullis_core::time::Time;
use portcullis_core::token::{Claims, Environment, Kind, Label, Lifetime, Serial};
use portcullis_core::verifier::Verifier;
use portcullis_core::verify::Requirements;

/// 2026-01-01T00:00:00Z, the start of every test world.
pub const START: u32 = 1_767_225_600;
/// The kids of the test issuer.
pub const HMAC_LIVE: u16 = 1;
pub const HMAC_TEST: u16 = 2;
pub const ED25519: u16 = 3;
pub const ADMIN: u16 = 4;
pub const LIST: u16 = 5;
pub const RETIRED: u16 = 6;

/// The state of a test issuer; tests change a field and publish.
#[derive(Clone)]
pub struct World {
    pub issuer: IssuerId,
    /// Makes the keys of each test issuer distinct.
    pub seed: u8,
    pub label: Label,
    pub keyring_version: u32,
    pub epoch: u32,
    pub number: u64,
    pub this_update: Time,
    pub valid_millis: u64,
    pub previous: Digest,
    pub shards: Vec<(u32, ShardContents)>,
    pub bulk: Vec<BulkEntry>,
    pub public_policies: FileName,
    pub private_policies: FileName,
    pub public_assignments: FileName,
    pub private_assignments: FileName,
    /// Changes that only this world's keyring has.
    pub amend: fn(&mut KeyringDraft),
}

/// One published list, file by file.
#[derive(Clone)]
pub struct Published {
    pub keyring: Vec<u8>,
    pub stamp: Vec<u8>,
    pub head: Vec<u8>,
    pub bodies: Vec<Vec<u8>>,
}

impl Published {
    pub fn bundle(&self) -> Vec<u8> {
        let bodies = self.bodies.iter().map(Vec::as_slice).collect();
        Bundle { keyring: &self.keyring, stamp: &self.stamp, head: &self.head, bodies }.encode()
    }
}

impl World {
    /// The issuer that most tests use.
    pub fn new() -> Self {
        Self::with_seed(1)
    }

    pub fn with_seed(seed: u8) -> Self {
        Self {
            issuer: IssuerId([seed; 16]),
            seed,
            label: Label::NONE,
            keyring_version: 1,
            epoch: 1,
            number: 1,
            this_update: Time::from_secs(START),
            valid_millis: 300_000,
            previous: Digest([0; 32]),
            shards: vec![(
                0,
                ShardContents { capacity: Body::MAX_CAPACITY, ..ShardContents::default() },
            )],
            bulk: Vec::new(),
            public_policies: FileName::NONE,
            private_policies: FileName::NONE,
            public_assignments: FileName::NONE,
            private_assignments: FileName::NONE,
            amend: |_| (),
        }
    }

    fn key_seed(&self, kid: u16) -> [u8; 32] {
        let mut seed = [self.seed; 32];
        seed[..2].copy_from_slice(&kid.to_be_bytes());
        seed
    }

    pub fn root(&self) -> SigningKey {
        SigningKey::from_seed(&self.key_seed(0))
    }

    pub fn secret(&self, kid: u16) -> [u8; 32] {
        self.key_seed(kid)
    }

    pub fn signing_key(&self, kid: u16) -> SigningKey {
        SigningKey::from_seed(&self.key_seed(kid))
    }

    fn hmac_entry(&self, kid: u16, environment: Environment) -> KeyEntry {
        KeyEntry {
            kid,
            purpose: Purpose::Token,
            environments: vec![environment],
            kinds: vec![Kind::Secret],
            changes: Changes::NONE,
            state: State::Active,
            validity: Validity::ALWAYS,
            material: Material::Hmac {
                check: HmacKey::new(&self.secret(kid)).check_value(self.issuer, kid),
            },
        }
    }

    fn ed25519_entry(&self, kid: u16, purpose: Purpose) -> KeyEntry {
        let (environments, kinds) = match purpose {
            Purpose::Token => (Environment::ALL.to_vec(), Kind::ALL.to_vec()),
            Purpose::Admin => (vec![Environment::Live], vec![Kind::Secret]),
            Purpose::List | Purpose::StatusList | Purpose::Assertion => (vec![], vec![]),
        };
        KeyEntry {
            kid,
            purpose,
            environments,
            kinds,
            changes: Changes::NONE,
            state: if kid == RETIRED { State::Retired } else { State::Active },
            validity: Validity::ALWAYS,
            material: Material::Ed25519(self.signing_key(kid).public().unwrap()),
        }
    }

    pub fn keyring_draft(&self) -> KeyringDraft {
        let mut draft = KeyringDraft {
            issuer: self.issuer,
            version: self.keyring_version,
            not_after: Time::from_secs(START + 365 * 86_400),
            epoch: self.epoch,
            max_validity_secs: 86_400,
            successor: None,
            labels: vec![self.label],
            entries: vec![
                self.hmac_entry(HMAC_LIVE, Environment::Live),
                self.hmac_entry(HMAC_TEST, Environment::Test),
                self.ed25519_entry(ED25519, Purpose::Token),
                self.ed25519_entry(ADMIN, Purpose::Admin),
                self.ed25519_entry(LIST, Purpose::List),
                self.ed25519_entry(RETIRED, Purpose::Token),
            ],
        };
        (self.amend)(&mut draft);
        draft
    }

    pub fn list_version(&self) -> ListVersion {
        ListVersion {
            epoch: self.epoch,
            number: self.number,
            this_update: self.this_update,
            next_update: self.this_update.plus_millis(self.valid_millis),
        }
    }

    pub fn list_signer(&self) -> ListSigner {
        ListSigner { issuer: self.issuer, kid: LIST, key: self.signing_key(LIST) }
    }

    pub fn publish(&self) -> Published {
        let signer = self.list_signer();
        let mut bodies: Vec<Vec<u8>> = Vec::new();
        let mut shards = Vec::new();
        for (shard, facts) in &self.shards {
            let body = encode_body(facts).unwrap();
            shards.push(ShardLine::new(*shard, &body));
            if !bodies.contains(&body) {
                bodies.push(body);
            }
        }
        let head = signer
            .sign_head(&HeadDraft {
                epoch: self.epoch,
                number: self.number,
                this_update: self.this_update,
                previous: self.previous,
                public_policies: self.public_policies,
                private_policies: self.private_policies,
                public_assignments: self.public_assignments,
                private_assignments: self.private_assignments,
                shards,
                bulk: self.bulk.clone(),
            })
            .unwrap();
        let stamp = signer.sign_stamp(&StampDraft {
            list_version: self.list_version(),
            head: name_file(&head),
            keyring_version: self.keyring_version,
        });
        let keyring = self.keyring_draft().sign(&self.root()).unwrap();
        Published { keyring, stamp, head, bodies }
    }

    /// A replica that holds all published files and every HMAC secret.
    pub fn verifier(&self) -> Verifier {
        let published = self.publish();
        let mut verifier = self.empty_replica();
        verifier.adopt_bundle(&published.bundle(), self.this_update).unwrap();
        verifier
    }

    /// A replica that holds the keyring and the secrets, but no list.
    pub fn empty_replica(&self) -> Verifier {
        let keyring = self.publish().keyring;
        let mut verifier = Verifier::new(self.root().public().unwrap(), &keyring).unwrap();
        for kid in [HMAC_LIVE, HMAC_TEST] {
            verifier.hold_secret(kid, &self.secret(kid)).unwrap();
        }
        verifier
    }

    pub fn claims(&self, kid: u16, slot: u32) -> Claims {
        Claims {
            kind: if kid == ED25519 || kid == RETIRED { Kind::Publishable } else { Kind::Secret },
            is_admin: kid == ADMIN,
            environment: if kid == HMAC_TEST { Environment::Test } else { Environment::Live },
            kid,
            serial: Serial::at(0, slot).unwrap(),
            nonce: 0x1234,
            lifetime: Lifetime { issued_at: START, expires_at: None },
            owner: NonZeroU32::new(7),
            policy: NonZeroU32::new(9),
        }
    }

    pub fn signer(&self, kid: u16) -> TokenSigner {
        match kid {
            HMAC_LIVE | HMAC_TEST => TokenSigner::Hmac(HmacSigner::new(&self.secret(kid))),
            _ => TokenSigner::Ed25519(self.signing_key(kid)),
        }
    }

    pub fn mint(&self, claims: &Claims) -> String {
        self.signer(claims.kid).mint(self.issuer, self.label, claims).to_string()
    }

    pub fn token(&self, kid: u16, slot: u32) -> String {
        self.mint(&self.claims(kid, slot))
    }
}

/// Accepts any key with the purpose token.
pub const ANY: Requirements =
    Requirements { purpose: Purpose::Token, kind: None, environment: None };

/// The contents of the world's first shard.
pub fn first_shard(world: &mut World) -> &mut ShardContents {
    &mut world.shards[0].1
}
