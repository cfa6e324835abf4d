//! The scenarios that the shared vectors are generated from, grouped by the layer that decides
//! them.

mod accepted;
mod adopt;
pub(crate) mod assertion;
pub(crate) mod assignment;
mod bulk;
mod forge;
mod keyrings;
mod list;
mod points;
pub(crate) mod policy;
mod proof;
mod requirements;
pub(crate) mod shape;
mod text;
mod too_new;
mod unreadable;

use std::num::NonZeroU32;

use portcullis_core::issue::ShardContents;
use portcullis_core::token::{Claims, Name};
use shape::{Adopt, Expect, Key, Secret, Vector, encode};

use crate::support::{HMAC_LIVE, HMAC_TEST, Published, World};

pub(crate) fn all() -> Vec<Vector> {
    let layers = [
        accepted::all(),
        text::all(),
        proof::all(),
        points::all(),
        list::all(),
        bulk::all(),
        adopt::all(),
        keyrings::all(),
        unreadable::all(),
        too_new::all(),
        requirements::all(),
    ];
    layers.into_iter().flatten().collect()
}

/// A vector in the making.
struct Scenario {
    vector: Vector,
    world: World,
    claims: Claims,
}

/// A verifier that holds the keyring of `world` and both HMAC secrets, but no list. It verifies the
/// live secret key of slot 42, at the list's this update.
fn bare(name: &str, about: &str, world: &World) -> Scenario {
    let secrets =
        [HMAC_LIVE, HMAC_TEST].map(|kid| Secret { kid, secret: encode(&world.secret(kid)) }).into();
    let vector = Vector {
        name: name.into(),
        about: about.into(),
        root: world.root().public().unwrap().to_string(),
        keyring: encode(&world.publish().keyring),
        secrets,
        adopt: Vec::new(),
        files: Vec::new(),
        token: String::new(),
        now_ms: world.this_update.millis(),
        kind: None,
        environment: None,
        expect: None,
    };
    Scenario { vector, world: world.clone(), claims: world.claims(HMAC_LIVE, 42) }.slot(42)
}

/// Like [`bare`], with the list adopted.
fn scenario(name: &str, about: &str, world: &World) -> Scenario {
    bare(name, about, world).offer(&world.publish(), None)
}

impl Scenario {
    /// Sets the clock to `millis` milliseconds after the list's this update.
    fn at(mut self, millis: u64) -> Self {
        self.vector.now_ms = self.world.this_update.millis() + millis;
        self
    }

    /// Offers a bundle, which must be adopted, or refused with this code.
    fn offer(mut self, published: &Published, refused: Option<&str>) -> Self {
        self.vector.adopt.push(Adopt {
            bundle: encode(&published.bundle()),
            at_ms: self.vector.now_ms,
            refused: refused.map(String::from),
        });
        self
    }

    /// Presents the live secret key of this slot.
    fn slot(self, slot: u32) -> Self {
        let claims = self.world.claims(HMAC_LIVE, slot);
        self.claims(claims)
    }

    /// Presents the key with these claims.
    fn claims(mut self, claims: Claims) -> Self {
        self.vector.token = self.world.mint(&claims);
        self.claims = claims;
        self
    }

    /// Presents this text.
    fn token(mut self, token: impl Into<String>) -> Self {
        self.vector.token = token.into();
        self
    }

    /// Makes a change for which there is no other method.
    fn with(mut self, change: impl FnOnce(&mut Vector)) -> Self {
        change(&mut self.vector);
        self
    }

    fn refused(mut self, layer: &str, code: &str) -> Vector {
        self.vector.expect = Some(Expect::Refused { code: code.into(), layer: layer.into() });
        self.vector
    }

    fn accepted(mut self) -> Vector {
        let Self { world, claims, .. } = &self;
        self.vector.expect = Some(Expect::Accepted {
            key: Key {
                name: Name::derive(world.issuer, claims.serial).to_string(),
                issuer: world.issuer.to_string(),
                kind: claims.kind.name().into(),
                environment: claims.environment.name().into(),
                algorithm: world.signer(claims.kid).algorithm().name().into(),
                kid: claims.kid,
                serial: claims.serial.get(),
                issued_at: claims.lifetime.issued_at,
                expires_at: claims.lifetime.expires_at,
                owner: claims.owner.map_or(0, NonZeroU32::get),
                policy: claims.policy.map_or(0, NonZeroU32::get),
            },
        });
        self.vector
    }
}

/// A world with this first shard.
fn world_of(facts: ShardContents) -> World {
    World { shards: vec![(0, facts)], ..World::new() }
}
