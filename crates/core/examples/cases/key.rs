//! Random keys: good ones, ones that the list mentions, altered ones, and noise.

use std::num::NonZeroU32;

use portcullis_core::list::{BulkEntry, BulkScope};
use portcullis_core::token::{Claims, Environment, Kind, Lifetime, Serial};
use proptest::prelude::RngExt as _;
use proptest::test_runner::TestRng;

use crate::forge::{Crooked, add_group_order, resealed, sealed, sent_by};
use crate::issuer::{Edition, History};
use crate::support::{ADMIN, ED25519, HMAC_LIVE, HMAC_TEST, LIST, RETIRED, START, World};
use crate::{chance, pick};

/// A token, and an instant at which its verdict may change.
pub(crate) fn token(rng: &mut TestRng, history: &History, edition: &Edition) -> (String, u64) {
    let (claims, edge) = claims(rng, edition);
    let mut world = edition.world.clone();
    if chance(rng, 30) {
        world.label = *pick(rng, &edition.labels);
    }
    if chance(rng, 2) {
        world.issuer.0[3] ^= 1;
    }
    let signer = if chance(rng, 95) { claims.kid } else { *pick(rng, &[HMAC_LIVE, ED25519]) };
    let good = world.signer(signer).mint(world.issuer, world.label, &claims).to_string();
    let token = match rng.random_range(0..20) {
        0 => misspelt(rng, &good),
        1 | 2 => changed(rng, &good),
        3 if chance(rng, 50) => crooked(rng, &world),
        _ => good,
    };
    (token, if chance(rng, 70) { edge } else { *pick(rng, &history.edges) })
}

fn claims(rng: &mut TestRng, edition: &Edition) -> (Claims, u64) {
    let world = &edition.world;
    // Mostly signers of tokens, rarely another or an unknown one.
    let kid = match rng.random_range(0..20) {
        0 => *pick(rng, &[ADMIN, LIST, RETIRED, 99]),
        1..8 => HMAC_LIVE,
        8..12 => HMAC_TEST,
        _ => ED25519,
    };
    // A slot with a status, at the capacity's edge, or anywhere.
    let (shard, facts) = pick(rng, &world.shards);
    let mut edge = world.this_update.millis();
    let slot = match rng.random_range(0..8) {
        0 => pick(rng, &[facts.revoked.first(), facts.revoked.last()]).copied(),
        2 => facts.suspended.last().copied(),
        3 if !facts.timed.is_empty() => {
            let timed = pick(rng, &facts.timed);
            edge = u64::from(timed.from) * 1000;
            Some(timed.slot)
        }
        4 => Some(*pick(rng, &[0, facts.capacity - 1, facts.capacity.min(0xF_FFFF), 0xF_FFFF])),
        _ => Some(rng.random_range(0..facts.capacity)),
    };
    let shard = if chance(rng, 95) { *shard } else { *pick(rng, &[1, 2, (1 << 28) - 2]) };
    let issued_at = START.wrapping_add_signed(rng.random_range(-6..6));
    let expires_at = chance(rng, 30).then(|| issued_at + rng.random_range(1..40));
    if let Some(end) = expires_at {
        edge = u64::from(end) * 1000;
    }
    // Sometimes a serial at the edge of a bulk range.
    let mut serial = Serial::at(shard, slot.unwrap_or(0)).unwrap();
    if chance(rng, 15)
        && let Some(BulkEntry { scope: BulkScope::Serials { first, last }, .. }) =
            world.bulk.iter().find(|entry| matches!(entry.scope, BulkScope::Serials { .. }))
    {
        let place = *pick(rng, &[first.get(), first.get() - 1, last.get(), last.get() + 1]);
        serial = Serial::new(place).unwrap_or(*first);
    }
    let mut claims = Claims {
        serial,
        nonce: rng.random(),
        lifetime: Lifetime { issued_at, expires_at },
        owner: NonZeroU32::new(*pick(rng, &[0, 7, 7, 8, u32::MAX])),
        policy: NonZeroU32::new(*pick(rng, &[0, 9])),
        ..world.claims(kid, 0)
    };
    // Other kinds and environments, which only the Ed25519 signer may sign.
    if kid == ED25519 && chance(rng, 50) || chance(rng, 5) {
        claims.kind = *pick(rng, &Kind::ALL);
        claims.environment = *pick(rng, &Environment::ALL);
    }
    if chance(rng, 3) {
        (claims.kind, claims.is_admin) = (Kind::Secret, !claims.is_admin);
    }
    (claims, edge)
}

/// A text with a mistake that every reader detects.
fn misspelt(rng: &mut TestRng, good: &str) -> String {
    const STRANGE: [char; 14] =
        ['0', 'z', 'A', '_', '-', ' ', '\n', '\0', '+', '\u{141}', '\u{e9}', '\u{1F511}', 'l', '1'];
    let mut characters: Vec<char> = good.chars().collect();
    let at = rng.random_range(0..characters.len());
    match rng.random_range(0..9) {
        0 => drop(characters.remove(at)),
        1 => characters.insert(at, *pick(rng, &STRANGE)),
        2 => characters.truncate(at),
        3 => characters.swap(at, 0),
        4 => {
            let prefix = *pick(
                rng,
                &["sk_test_", "pk_live_", "acme_sk_live_", "ak_live_", "SK_live_", "sk_", ""],
            );
            let body = &good[good.rfind('_').unwrap() + 1..];
            return format!("{prefix}{body}");
        }
        5 => {
            let length = rng.random_range(0..170);
            return (0..length).map(|_| *pick(rng, &STRANGE)).collect();
        }
        6 => characters.extend(good.chars()),
        _ => characters[at] = *pick(rng, &STRANGE),
    }
    characters.into_iter().collect()
}

/// Other bytes with a correct checksum.
fn changed(rng: &mut TestRng, good: &str) -> String {
    let prefixes = ["sk_live_", "sk_test_", "pk_live_", "pk_test_", "ak_live_", "acme_sk_live_"];
    let prefix = chance(rng, 30).then(|| *pick(rng, &prefixes));
    if chance(rng, 10) {
        let (front, sent) = sent_by(good);
        return sealed(prefix.unwrap_or(front), &sent, &[rng.random_range(0..20)]);
    }
    resealed(good, prefix, |bytes| match rng.random_range(0..6) {
        0 => bytes[1] = *pick(rng, &[0x11, 0x12, 0x21, 0x22, 0x00, 0x13, 0x31, 0x41]),
        1 if bytes.len() == 92 => add_group_order(&mut bytes[60..]),
        2 if prefix.is_some() => {}
        3 => {
            let at = rng.random_range(0..bytes.len());
            bytes[at] = *pick(rng, &[0, 0xFF]);
        }
        _ => {
            let at = rng.random_range(0..bytes.len());
            bytes[at] ^= 1 << rng.random_range(0..8);
        }
    })
}

/// A signature that satisfies the equation with the cofactor, and sometimes also without it.
fn crooked(rng: &mut TestRng, world: &World) -> String {
    let torsion_of_r = rng.random_range(0..8);
    let bare_r = torsion_of_r == 0 || chance(rng, 30);
    let crooked = Crooked { bare_r, torsion_of_r, ..Crooked::HONEST };
    crooked.token(world, torsion_of_r == 0).1
}
