//! An issuer in memory, which signs whatever a test needs.

use std::cell::{Cell, RefCell};
use std::num::NonZeroU32;

use portcullis_core::assignment::{Assignment, Changes};
use portcullis_core::crypto::{Digest, HmacKey, IssuerId};
use portcullis_core::issue::{
    AssignmentTree, HeadDraft, HmacSigner, KeyringDraft, ListSigner, PolicyDraft, PolicyFiles,
    PolicyTree, SaltKey, ShardContents, SigningKey, StampDraft, TokenSigner, encode_body,
    name_file,
};
use portcullis_core::keyring::{KeyEntry, Material, Purpose, State, Validity};
use portcullis_core::list::{ListVersion, ShardLine};
use portcullis_core::time::Time;
use portcullis_core::token::{Claims, Environment, Kind, Label, Lifetime, Serial};

pub(crate) const LIST_KID: u16 = 1;
pub(crate) const HMAC_KID: u16 = 2;
pub(crate) const ED25519_KID: u16 = 3;
pub(crate) const ASSERTION_KID: u16 = 5;
/// Retired from keyring version 3 on.
pub(crate) const ADMIN_KID: u16 = 6;
/// Listed from keyring version 2 on.
pub(crate) const LATER_KID: u16 = 4;
pub(crate) const SECRET: [u8; 32] = [12; 32];
pub(crate) const CAPACITY: u32 = 1000;

pub(crate) struct Issuer {
    pub(crate) id: IssuerId,
    pub(crate) root: SigningKey,
    /// What its lists hold that no gate of this version knows.
    pub(crate) newer: Cell<Option<Newer>>,
    /// What its lists assign to the keys of these slots, secret and publishable ones.
    pub(crate) assigned: RefCell<Vec<(Kind, u32, Assignment)>>,
}

/// The places for what later versions add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Newer {
    /// A directory in the head.
    Directory,
    /// A set of slots in the body.
    Set,
    /// A list in each first policy of a kind.
    Policy,
}

/// A list's files.
#[derive(Clone, Default)]
pub(crate) struct Files {
    pub(crate) keyring: Vec<u8>,
    pub(crate) stamp: Vec<u8>,
    pub(crate) head: Vec<u8>,
    pub(crate) body: Vec<u8>,
    /// Public and private policies, directories and bodies, under their paths.
    pub(crate) policies: Vec<(String, Vec<u8>)>,
}

impl Issuer {
    pub(crate) fn new(seed: u8) -> Self {
        Self {
            id: IssuerId([seed; 16]),
            root: SigningKey::from_seed(&[seed; 32]),
            newer: Cell::new(None),
            assigned: RefCell::default(),
        }
    }

    pub(crate) fn root_text(&self) -> String {
        self.root.public().unwrap().to_string()
    }

    pub(crate) fn keyring(&self, version: u32) -> Vec<u8> {
        self.keyring_until(version, Time::from_millis(u64::MAX))
    }

    pub(crate) fn keyring_until(&self, version: u32, not_after: Time) -> Vec<u8> {
        let entry = |kid, purpose, material| {
            let signs_keys = matches!(purpose, Purpose::Token | Purpose::Admin);
            KeyEntry {
                kid,
                purpose,
                environments: if signs_keys { Environment::ALL.to_vec() } else { vec![] },
                kinds: if signs_keys { Kind::ALL.to_vec() } else { vec![] },
                changes: if purpose == Purpose::List { Changes::ALL } else { Changes::NONE },
                state: State::Active,
                validity: Validity::ALWAYS,
                material,
            }
        };
        let public = |seed| Material::Ed25519(SigningKey::from_seed(&[seed; 32]).public().unwrap());
        let check = HmacKey::new(&SECRET).check_value(self.id, HMAC_KID);
        let mut entries = vec![
            entry(LIST_KID, Purpose::List, public(21)),
            entry(HMAC_KID, Purpose::Token, Material::Hmac { check }),
            entry(ED25519_KID, Purpose::Token, public(23)),
        ];
        if version > 1 {
            entries.push(entry(LATER_KID, Purpose::Token, public(24)));
        }
        entries.push(entry(ASSERTION_KID, Purpose::Assertion, public(25)));
        let state = if version < 3 { State::Active } else { State::Retired };
        entries.push(KeyEntry { state, ..entry(ADMIN_KID, Purpose::Admin, public(26)) });
        let draft = KeyringDraft {
            issuer: self.id,
            version,
            not_after,
            epoch: 1,
            max_validity_secs: 3600,
            successor: None,
            labels: vec![Label::NONE],
            entries,
        };
        draft.sign(&self.root).unwrap()
    }

    /// A list made at `this_update`, with the slots `revoked` of shard 0 revoked.
    pub(crate) fn list(
        &self,
        number: u64,
        keyring_version: u32,
        revoked: &[u32],
        this_update: Time,
        valid_for: u64,
    ) -> Files {
        self.list_with(number, keyring_version, (revoked, &[]), this_update, valid_for)
    }

    /// Like `list`, with policies of secret and of publishable keys under their numbers.
    pub(crate) fn list_with(
        &self,
        number: u64,
        keyring_version: u32,
        (revoked, policies): (&[u32], &[(Kind, u32, PolicyDraft)]),
        this_update: Time,
        valid_for: u64,
    ) -> Files {
        let mut files = Vec::new();
        // Policy files first, because the head names their directories.
        let mut directory = |kind, mut tree: PolicyTree| {
            for (_, number, draft) in policies.iter().filter(|(of, _, _)| *of == kind) {
                tree.set(*number, draft).unwrap();
            }
            let mut written = tree.write().unwrap();
            if self.newer.get() == Some(Newer::Policy) {
                written = with_unknown_list(written, kind);
            }
            let place = if kind == Kind::Secret { "private" } else { "policies" };
            let named = written.files.into_iter();
            files.extend(named.map(|(name, file)| (format!("{place}/{}", name.digest), file)));
            written.directory
        };
        let public_policies = directory(Kind::Publishable, PolicyTree::public());
        let salt = SaltKey::new(&[7; 32]);
        let private_policies = directory(Kind::Secret, PolicyTree::private(salt));
        let assigned = self.assigned.borrow();
        let mut assignments = |kind, mut tree: AssignmentTree| {
            for (_, slot, assignment) in assigned.iter().filter(|(of, _, _)| *of == kind) {
                tree.set(Serial::at(0, *slot).unwrap(), assignment).unwrap();
            }
            let written = tree.write().unwrap();
            let place = if kind == Kind::Secret { "private" } else { "policies" };
            let named = written.files.into_iter();
            files.extend(named.map(|(name, file)| (format!("{place}/{}", name.digest), file)));
            written.directory
        };
        let public_assignments = assignments(Kind::Publishable, AssignmentTree::public());
        let salt = SaltKey::new(&[7; 32]);
        let private_assignments = assignments(Kind::Secret, AssignmentTree::private(salt));
        let mut slots: Vec<u32> = assigned.iter().map(|(_, slot, _)| *slot).collect();
        slots.sort_unstable();
        // Then body, head and stamp, each named by the next.
        let signer =
            ListSigner { issuer: self.id, kid: LIST_KID, key: SigningKey::from_seed(&[21; 32]) };
        let facts = ShardContents {
            capacity: CAPACITY,
            revoked: revoked.to_vec(),
            assigned: slots,
            ..ShardContents::default()
        };
        let mut body = encode_body(&facts).unwrap();
        if self.newer.get() == Some(Newer::Set) {
            body[4] |= 0x20;
        }
        let head = HeadDraft {
            epoch: 1,
            number,
            this_update: Time::from_millis(0),
            previous: Digest([0; 32]),
            public_policies,
            private_policies,
            public_assignments,
            private_assignments,
            shards: vec![ShardLine::new(0, &body)],
            bulk: vec![],
        };
        let mut head = signer.sign_head(&head).unwrap();
        if self.newer.get() == Some(Newer::Directory) {
            head[146] |= 0x10;
            head.insert(150, 3);
        }
        let next_update = this_update.plus_millis(valid_for);
        let stamp = signer.sign_stamp(&StampDraft {
            list_version: ListVersion { epoch: 1, number, this_update, next_update },
            head: name_file(&head),
            keyring_version,
        });
        Files { keyring: self.keyring(keyring_version), stamp, head, body, policies: files }
    }

    /// A key in `slot` of shard 0, changed by `change`.
    pub(crate) fn key(&self, slot: u32, change: impl FnOnce(&mut Claims)) -> String {
        let mut claims = claims(slot);
        change(&mut claims);
        let signer = match claims.kid {
            HMAC_KID => TokenSigner::Hmac(HmacSigner::new(&SECRET)),
            kid => {
                let seed = u8::try_from(kid + 20).unwrap();
                TokenSigner::Ed25519(SigningKey::from_seed(&[seed; 32]))
            }
        };
        signer.mint(self.id, Label::NONE, &claims).to_string()
    }

    /// An admin key in `slot` of shard 0.
    pub(crate) fn admin_key(&self, slot: u32) -> String {
        self.key(slot, |claims| (claims.kid, claims.is_admin) = (ADMIN_KID, true))
    }

    /// A canary in `slot` of shard 0.
    pub(crate) fn canary(&self, slot: u32) -> String {
        HmacSigner::new(&SECRET).mint_canary(self.id, Label::NONE, &claims(slot)).to_string()
    }

    /// The secret `HMAC_KEYS` with a signer of assertions, which the gate treats as that of `kid`.
    pub(crate) fn asserting_keys(&self, kid: u16) -> String {
        use base64::Engine as _;
        let seed = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode([25; 32]);
        let end = format!(r#"],"assertion":{{"kid":{kid},"secret":"{seed}"}}}}"#);
        self.hmac_keys().replace("]}", &end)
    }

    /// The secret `HMAC_KEYS`.
    pub(crate) fn hmac_keys(&self) -> String {
        use base64::Engine as _;
        let secret = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(SECRET);
        format!(
            r#"{{"issuer":"{}","secrets":[{{"kid":{HMAC_KID},"secret":"{secret}"}}]}}"#,
            self.id
        )
    }
}

/// The files of one body, whose first policy has a list that no gate of this version knows.
fn with_unknown_list(mut written: PolicyFiles, kind: Kind) -> PolicyFiles {
    let [(_, body), (_, directory)] = &mut written.files[..] else { return written };
    let salt = if kind == Kind::Secret { 32 } else { 0 };
    let policies = usize::from(u16::from_be_bytes([body[5 + salt], body[6 + salt]]));
    body[7 + salt + 6 * policies] |= 1;
    // The directory has one range, whose digest is its end.
    let digest = directory.len() - 32;
    directory[digest..].copy_from_slice(&Digest::of(body).0);
    written.files.iter_mut().for_each(|(name, file)| *name = name_file(file));
    written.directory = written.files[1].0;
    written
}

/// The claims of a secret live key in `slot` of shard 0.
pub(crate) fn claims(slot: u32) -> Claims {
    Claims {
        kind: Kind::Secret,
        is_admin: false,
        environment: Environment::Live,
        kid: HMAC_KID,
        serial: Serial::at(0, slot).unwrap(),
        nonce: 7,
        lifetime: Lifetime { issued_at: 1_000, expires_at: None },
        owner: NonZeroU32::new(77),
        policy: None,
    }
}
