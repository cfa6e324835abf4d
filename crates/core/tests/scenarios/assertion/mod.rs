//! The scenarios of `tests/vectors/assertion`, by the row of `docs/assertion.md` that decides them.

mod accepted;
mod refused;
pub(crate) mod shape;

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::assertion::Assertion;
use portcullis_core::assignment::Changes;
use portcullis_core::crypto::{Context, PublicKey, primitives};
use portcullis_core::issue::{KeyringDraft, SigningKey};
use portcullis_core::keyring::{KeyEntry, Material, Purpose, State, Validity};
use portcullis_core::token::{Environment, Kind, Name, Serial};
use shape::{AssertionExpect, AssertionVector, Said};

use super::shape::encode;
use crate::support::{START, World};

pub(crate) fn all() -> Vec<AssertionVector> {
    [accepted::all(), refused::all()].into_iter().flatten().collect()
}

/// The signer's kid and the expected audience, in every scenario that sets no others.
const KID: u16 = 9;
const AUDIENCE: &str = "origin.example:8443";
const NOW_MS: u64 = START as u64 * 1000 + 5_000;

fn key() -> SigningKey {
    SigningKey::from_seed(&[9; 32])
}

fn signer(kid: u16, key: PublicKey) -> KeyEntry {
    KeyEntry {
        kid,
        purpose: Purpose::Assertion,
        environments: vec![],
        kinds: vec![],
        changes: Changes::NONE,
        state: State::Active,
        validity: Validity::ALWAYS,
        material: Material::Ed25519(key),
    }
}

/// A world whose keyring lists the signer.
fn world() -> World {
    World {
        amend: |draft| draft.entries.push(signer(KID, key().public().unwrap())),
        ..World::new()
    }
}

/// [`world`], with the keyring changed by `amend`.
fn world_with(amend: fn(&mut KeyringDraft)) -> World {
    World { amend, ..World::new() }
}

/// The assertion of the worked example.
fn said() -> Assertion<'static> {
    let issuer = World::new().issuer;
    Assertion {
        issuer,
        list: 42,
        issued_at: START,
        expires_at: START + 60,
        kind: Kind::Publishable,
        environment: Environment::Live,
        name: Name::derive(issuer, Serial::at(0, 7).unwrap()),
        owner: NonZeroU32::new(77),
        policy: NonZeroU32::new(9),
        fresh: true,
        audience: AUDIENCE,
        scopes: "orders:* carts:read",
        sales_channels: "sc_1,sc_2",
    }
}

fn text(said: &Assertion<'_>) -> String {
    key().assert(said.unsigned(KID).unwrap())
}

/// The signed part of an assertion, changed and signed again.
fn resigned(said: &Assertion<'_>, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut body = said.unsigned(KID).unwrap().message()[Context::LEN..].to_vec();
    change(&mut body);
    let signature = primitives::sign(&key(), Context::ASSERTION, &body);
    encode(&[&body[..], &signature].concat())
}

/// An assertion's bytes, changed, with the signature left as it was.
fn altered(said: &Assertion<'_>, change: impl FnOnce(&mut [u8])) -> String {
    let mut file = URL_SAFE_NO_PAD.decode(text(said)).unwrap();
    change(&mut file);
    encode(&file)
}

fn vector(name: &str, about: &str, world: &World, assertion: String) -> AssertionVector {
    AssertionVector {
        name: name.into(),
        about: about.into(),
        root: world.root().public().unwrap().to_string(),
        keyring: encode(&world.publish().keyring),
        assertion,
        audience: AUDIENCE.into(),
        now_ms: NOW_MS,
        expect: AssertionExpect::Refused { code: String::new() },
    }
}

impl AssertionVector {
    fn at(self, now_ms: u64) -> Self {
        Self { now_ms, ..self }
    }

    fn accepted(self, said: &Assertion<'_>) -> Self {
        Self { expect: AssertionExpect::Accepted { said: Said::of(said) }, ..self }
    }

    fn refused(self, code: &str) -> Self {
        Self { expect: AssertionExpect::Refused { code: code.into() }, ..self }
    }
}
