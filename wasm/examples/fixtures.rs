//! Prints the fixtures of the JavaScript tests: an issuer with keyrings, lists and tokens, made
//! from fixed seeds for a fixed instant, so that a second run prints the same.
//!
//! ```text
//! cargo run -p portcullis-wasm --example fixtures > wasm/test/fixtures/issuer.json
//! cargo run -p portcullis-wasm --example fixtures 1800000000000    # for another instant
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis_core::assignment::Changes;
use portcullis_core::crypto::{Digest, HmacKey, IssuerId};
use portcullis_core::issue::{
    HeadDraft, HmacSigner, KeyringDraft, ListSigner, PolicyDraft, PolicyFiles, PolicyTree, SaltKey,
    ShardContents, SigningKey, StampDraft, TokenSigner, encode_body, name_file,
};
use portcullis_core::keyring::{KeyEntry, Material, Purpose, State, Validity};
use portcullis_core::list::{Bundle, FileName, ListVersion, ShardLine, TimedSlot};
use portcullis_core::policy::Network;
use portcullis_core::time::Time;
use portcullis_core::token::{Claims, Environment, Kind, Label, Lifetime, Serial};
use serde_json::{Value, json};

type Made<T> = Result<T, Box<dyn Error>>;

/// 2027-01-15T08:00:00Z.
pub(crate) const NOW: u64 = 1_800_000_000_000;
const HMAC: u16 = 1;
const ED25519: u16 = 2;
const RETIRED: u16 = 3;
const ADMIN: u16 = 4;
const LISTS: u16 = 9;
const SECRET: [u8; 32] = [0x51; 32];
const CAPACITY: u32 = 512;

struct Issuer {
    id: IssuerId,
    seed: u8,
    now: u64,
}

/// A list before it is signed.
struct Plan {
    number: u64,
    epoch: u32,
    keyring: u32,
    /// Milliseconds from now.
    this_update: i64,
    next_update: i64,
    revoked: Vec<u32>,
    /// The scopes of the publishable keys' policy; if empty, there are no policies at all.
    scopes: Vec<&'static str>,
    /// Whether the publishable keys' policy has a list that no verifier of version 1 knows.
    newer: bool,
    /// Whether the head announces a directory, which none of them knows either.
    too_new: bool,
}

impl Plan {
    fn numbered(number: u64) -> Self {
        let (this_update, next_update) = (-500, 60_000);
        let (revoked, scopes) = (Vec::new(), Vec::new());
        Self {
            number,
            epoch: 1,
            keyring: 1,
            this_update,
            next_update,
            revoked,
            scopes,
            newer: false,
            too_new: false,
        }
    }
}

fn main() -> Made<()> {
    let now = std::env::args().nth(1).map_or(Ok(NOW), |text| text.parse())?;
    println!("{}", document(now)?);
    Ok(())
}

/// The whole document, as JSON.
pub(crate) fn document(now: u64) -> Made<String> {
    let ours = Issuer { id: IssuerId([0x11; 16]), seed: 10, now };
    let other = Issuer { id: IssuerId([0x22; 16]), seed: 90, now };
    let (first, second, third) = (ours.keyring(1, 1)?, ours.keyring(2, 1)?, ours.keyring(3, 2)?);
    let late = |from| Plan { this_update: from, ..Plan::numbered(2) };
    let document = json!({
        "now": now,
        "issuer": ours.id.to_string(),
        "root": ours.root().public()?.to_string(),
        "otherRoot": other.root().public()?.to_string(),
        "secret": URL_SAFE_NO_PAD.encode(SECRET),
        "keyrings": [encode(&first), encode(&second), encode(&third)],
        "contradictingKeyring": encode(&ours.keyring(2, 2)?),
        "foreignKeyring": encode(&other.keyring(1, 1)?),
        "usurpedKeyring": encode(&Issuer { id: other.id, ..ours }.keyring(2, 1)?),
        "tokens": tokens(&ours, &other)?,
        "lists": {
            "first": ours.list(&Plan::numbered(1), &first)?,
            "renewed": ours.list(&Plan { this_update: 4_000, next_update: 64_000, ..Plan::numbered(1) }, &first)?,
            "second": ours.list(&Plan { revoked: vec![5], next_update: 62_000, ..late(2_000) }, &first)?,
            "contradicting": ours.list(&Plan { revoked: vec![8], ..Plan::numbered(1) }, &first)?,
            "future": ours.list(&Plan { next_update: 7_200_000, ..late(3_600_000) }, &first)?,
            "tooLong": ours.list(&Plan { next_update: 1_000_000_000, ..late(0) }, &first)?,
            "underSecondKeyring": ours.list(&Plan { keyring: 2, ..Plan::numbered(3) }, &second)?,
            "withPolicies": ours.list(&Plan { scopes: vec!["orders:read", "carts:*"], ..Plan::numbered(4) }, &first)?,
            "policiesEdited": ours.list(&Plan { scopes: vec!["orders:read"], ..Plan::numbered(5) }, &first)?,
            "policyTooNew": ours.list(&Plan { scopes: vec!["orders:read"], newer: true, ..Plan::numbered(5) }, &first)?,
            "tooNew": ours.list(&Plan { too_new: true, revoked: vec![5], ..Plan::numbered(5) }, &first)?,
            "ofSecondEpoch": ours.list(&Plan { epoch: 2, keyring: 3, ..Plan::numbered(1) }, &third)?,
            "foreign": other.list(&Plan::numbered(1), &other.keyring(1, 1)?)?,
        },
    });
    Ok(serde_json::to_string_pretty(&document)?)
}

fn tokens(ours: &Issuer, other: &Issuer) -> Made<Value> {
    let day = 86_400;
    // All tokens were issued a day ago.
    let issued_at = Time::from_millis(ours.now).secs() - day;
    let at = |slot| -> Made<Claims> {
        let serial = Serial::at(0, slot).ok_or("slot")?;
        let lifetime = Lifetime { issued_at, expires_at: None };
        let (kind, environment) = (Kind::Publishable, Environment::Live);
        Ok(Claims {
            kind,
            is_admin: false,
            environment,
            kid: ED25519,
            serial,
            nonce: 7,
            lifetime,
            owner: None,
            policy: None,
        })
    };
    let until = |seconds| Lifetime { issued_at, expires_at: Some(issued_at + day + seconds) };
    let hmac = |secret| TokenSigner::Hmac(HmacSigner::new(secret));
    let ed25519 = |issuer: &Issuer| TokenSigner::Ed25519(issuer.key(ED25519));
    let acme = Label::new("acme")?;
    let mint = |signer: &TokenSigner, claims: Claims, label| {
        signer.mint(ours.id, label, &claims).to_string()
    };
    let pk = |claims| mint(&ed25519(ours), claims, Label::NONE);
    let sk = Claims { kind: Kind::Secret, kid: HMAC, ..at(1)? };
    let admin = Claims { kind: Kind::Secret, is_admin: true, kid: ADMIN, ..at(9)? };
    let retired = Claims { kid: RETIRED, ..at(10)? };
    Ok(json!({
        "publishable": pk(Claims { owner: NonZeroU32::new(42), policy: NonZeroU32::new(3), lifetime: until(7 * day), ..at(0)? }),
        "secret": mint(&hmac(&SECRET), sk, Label::NONE),
        "secretEd25519": pk(Claims { kind: Kind::Secret, ..at(11)? }),
        "secretWithPolicy": mint(&hmac(&SECRET), Claims { policy: NonZeroU32::new(4), ..Claims { serial: at(14)?.serial, ..sk } }, Label::NONE),
        "secretWithoutSuchPolicy": mint(&hmac(&SECRET), Claims { policy: NonZeroU32::new(5), ..Claims { serial: at(15)?.serial, ..sk } }, Label::NONE),
        "test": pk(Claims { environment: Environment::Test, ..at(2)? }),
        "expired": pk(Claims { lifetime: until(0), ..at(3)? }),
        "expiring": pk(Claims { lifetime: until(30), ..at(4)? }),
        "revokedInSecond": pk(at(5)?),
        "suspended": pk(at(6)?),
        "revokedLater": pk(at(7)?),
        "labelled": mint(&ed25519(ours), at(8)?, acme),
        "foreignLabel": mint(&ed25519(ours), at(8)?, Label::new("other")?),
        "notCovered": pk(at(CAPACITY)?),
        "unknownKid": pk(Claims { kid: 77, ..at(12)? }),
        "admin": mint(&TokenSigner::Ed25519(ours.key(ADMIN)), admin, Label::NONE),
        "retired": mint(&TokenSigner::Ed25519(ours.key(RETIRED)), retired, Label::NONE),
        "ofOtherIssuer": ed25519(other).mint(other.id, Label::NONE, &at(0)?).to_string(),
        "forgedHmac": mint(&hmac(&[0x52; 32]), sk, Label::NONE),
        "tagForSignature": mint(&hmac(&SECRET), at(13)?, Label::NONE),
    }))
}

impl Issuer {
    fn key(&self, kid: u16) -> SigningKey {
        SigningKey::from_seed(&[self.seed.wrapping_add(kid.to_be_bytes()[1]); 32])
    }

    fn root(&self) -> SigningKey {
        self.key(0)
    }

    fn keyring(&self, version: u32, epoch: u32) -> Made<Vec<u8>> {
        let check = HmacKey::new(&SECRET).check_value(self.id, HMAC);
        let everything = (Environment::ALL.to_vec(), Kind::ALL.to_vec());
        let entry = |kid, purpose, state| -> Made<KeyEntry> {
            let (environments, kinds) = if purpose == Purpose::List {
                (Vec::new(), Vec::new())
            } else {
                everything.clone()
            };
            let material = if kid == HMAC {
                Material::Hmac { check }
            } else {
                Material::Ed25519(self.key(kid).public()?)
            };
            let validity = Validity::ALWAYS;
            let changes = Changes::NONE;
            Ok(KeyEntry { kid, purpose, environments, kinds, changes, state, validity, material })
        };
        let draft = KeyringDraft {
            issuer: self.id,
            version,
            not_after: Time::from_millis(self.now + 5 * 86_400_000),
            epoch,
            max_validity_secs: 86_400,
            successor: None,
            labels: vec![Label::NONE, Label::new("acme")?],
            entries: vec![
                entry(HMAC, Purpose::Token, State::Active)?,
                entry(ED25519, Purpose::Token, State::Active)?,
                entry(RETIRED, Purpose::Token, State::Retired)?,
                entry(ADMIN, Purpose::Admin, State::Active)?,
                entry(LISTS, Purpose::List, State::Active)?,
            ],
        };
        Ok(draft.sign(&self.root())?)
    }

    fn at(&self, offset: i64) -> Time {
        Time::from_millis(self.now.saturating_add_signed(offset))
    }

    /// The list's files, and its bundle with `keyring`.
    fn list(&self, plan: &Plan, keyring: &[u8]) -> Made<Value> {
        let signer = ListSigner { issuer: self.id, kid: LISTS, key: self.key(LISTS) };
        let from = self.at(30_000).secs();
        let shards = [
            ShardContents {
                capacity: CAPACITY,
                revoked: plan.revoked.clone(),
                suspended: vec![6],
                timed: vec![TimedSlot { slot: 7, from }],
                ..ShardContents::default()
            },
            ShardContents { capacity: 8, ..ShardContents::default() },
        ];
        let mut bodies: Vec<Vec<u8>> = Vec::new();
        let mut lines = Vec::new();
        for (shard, facts) in (0..).zip(&shards) {
            let body = encode_body(facts)?;
            lines.push(ShardLine::new(shard, &body));
            bodies.push(body);
        }
        let (mut public, private) = policies(&plan.scopes)?;
        if plan.newer {
            public = with_unknown_list(public);
        }
        let (this_update, next_update) = (self.at(plan.this_update), self.at(plan.next_update));
        let Plan { epoch, number, keyring: keyring_version, .. } = *plan;
        let mut head = signer.sign_head(&HeadDraft {
            epoch,
            number,
            // A renewal is only a stamp: the head stays the same as before.
            this_update: self.at(plan.this_update.min(-500)),
            previous: Digest([0; 32]),
            public_policies: public.directory,
            private_policies: private.directory,
            public_assignments: FileName::NONE,
            private_assignments: FileName::NONE,
            shards: lines,
            bulk: Vec::new(),
        })?;
        // The number of directories is above that of shards. No type is 255.
        if let Some(count) = head.get_mut(146).filter(|_| plan.too_new) {
            *count |= 0x10;
            head.insert(150, 255);
        }
        let list_version = ListVersion { epoch, number, this_update, next_update };
        let stamp = signer.sign_stamp(&StampDraft {
            list_version,
            head: name_file(&head),
            keyring_version,
        });
        let parts: Vec<&[u8]> = bodies.iter().map(Vec::as_slice).collect();
        let bundle = Bundle { keyring, stamp: &stamp, head: &head, bodies: parts }.encode();
        let named: BTreeMap<String, String> =
            bodies.iter().map(|body| (name_file(body).digest.to_string(), encode(body))).collect();
        Ok(json!({
            "stamp": encode(&stamp),
            "head": { name_file(&head).digest.to_string(): encode(&head) },
            "bodies": named,
            "policies": files(&public),
            "private": files(&private),
            "bundle": encode(&bundle),
        }))
    }
}

/// Policy 3 of publishable keys and policy 4 of secret keys.
fn policies(scopes: &[&str]) -> Made<(PolicyFiles, PolicyFiles)> {
    let salt = SaltKey::new(&[0x53; 32]);
    let (mut public, mut private) = (PolicyTree::public(), PolicyTree::private(salt));
    if !scopes.is_empty() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let draft = PolicyDraft {
            origins: texts(&["https://shop.example"]),
            paths: texts(&["/store/**"]),
            scopes: texts(scopes),
            sales_channels: texts(&["sc_1", "sc_2"]),
            ..PolicyDraft::default()
        };
        public.set(3, &draft)?;
        let networks =
            [([192, 0, 2, 0].into(), 24), ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0].into(), 32)];
        let draft = PolicyDraft {
            networks: networks.iter().filter_map(|(at, bits)| Network::new(*at, *bits)).collect(),
            methods: texts(&["GET", "POST"]),
            scopes: texts(&["orders:*"]),
            rate_class: Some("gold".to_owned()),
            ..PolicyDraft::default()
        };
        private.set(4, &draft)?;
    }
    Ok((public.write()?, private.write()?))
}

/// The body of one public policy, with the lowest unknown bit in its set of lists, and the directory
/// that names it.
fn with_unknown_list(mut written: PolicyFiles) -> PolicyFiles {
    if let [(name, body), (directory_name, directory)] = &mut written.files[..]
        && let Some(bits) = body.get_mut(13)
    {
        *bits |= 1;
        *name = name_file(body);
        directory.truncate(directory.len().saturating_sub(size_of::<Digest>()));
        directory.extend(name.digest.0);
        *directory_name = name_file(directory);
        written.directory = *directory_name;
    }
    written
}

fn files(tree: &PolicyFiles) -> BTreeMap<String, String> {
    tree.files.iter().map(|(name, file)| (name.digest.to_string(), encode(file))).collect()
}

fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
