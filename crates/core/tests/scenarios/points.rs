//! Signatures with points or scalars on which libraries disagree, each in a whole token.
//!
//! Every other condition holds, and so does the equation without the cofactor if possible. Only the
//! part of the rule that the vector is about can therefore refuse it.

use super::accepted::world_with_mixed_key;
use super::forge::{Crooked, add_group_order, resealed, with_keyring};
use super::proof::case;
use super::scenario;
use super::shape::Vector;
use super::unreadable::{ENTRIES, ENTRY, put};
use crate::support::{ED25519, World};

pub(super) fn all() -> Vec<Vector> {
    [signatures(), small_orders_of_r(), keys(), sums()].into_iter().flatten().collect()
}

/// The orders of the multiples of a point of order 8, in the order of `EIGHT_TORSION`.
const ORDERS: [u8; 8] = [1, 8, 4, 8, 2, 8, 4, 8];

/// Non-canonical encodings of points of small order: the defect, the point's index in
/// `EIGHT_TORSION`, and the encoding's least significant byte, the bytes in between, and its most
/// significant byte.
const SECOND_SPELLINGS: [(&str, usize, [u8; 3]); 6] = [
    ("the identity with the sign of a zero", 0, [0x01, 0x00, 0x80]),
    ("the identity with a y of p + 1", 0, [0xEE, 0xFF, 0x7F]),
    ("the identity with a y of p + 1 and the sign of a zero", 0, [0xEE, 0xFF, 0xFF]),
    ("the point of order 2 with the sign of a zero", 4, [0xEC, 0xFF, 0xFF]),
    ("a point of order 4 with a y of p", 6, [0xED, 0xFF, 0x7F]),
    ("the other point of order 4 with a y of p", 2, [0xED, 0xFF, 0xFF]),
];

fn spelling([least, between, greatest]: [u8; 3]) -> [u8; 32] {
    let mut bytes = [between; 32];
    (bytes[0], bytes[31]) = (least, greatest);
    bytes
}

fn signatures() -> Vec<Vector> {
    let world = World::new();
    let publishable = world.token(ED25519, 42);
    let crooked = |name: &str, about: &str, world: &World, crooked: Crooked, holds| {
        let (_, token) = crooked.token(world, holds);
        scenario(name, about, world).token(token).refused("proof", "bad_signature")
    };
    let bare = Crooked { bare_r: true, ..Crooked::HONEST };
    let mixed = Crooked { torsion_of_a: 1, ..Crooked::HONEST };
    vec![
        case(
            "proof-signature-s-plus-l",
            "S + L in the place of S: the same number modulo L.",
            &resealed(&publishable, None, |b| add_group_order(&mut b[60..92])),
            "bad_signature",
        ),
        case(
            "proof-signature-s-plus-8l",
            "S + 8L, the highest bit of which is set: the same number modulo L.",
            &resealed(&publishable, None, |b| {
                (0..8).for_each(|_| add_group_order(&mut b[60..92]));
            }),
            "bad_signature",
        ),
        case(
            "proof-signature-s-of-l",
            "S is L, the first number that is not below it.",
            &resealed(&publishable, None, |b| {
                b[60..92].fill(0);
                add_group_order(&mut b[60..92]);
            }),
            "bad_signature",
        ),
        case(
            "proof-signature-s-high-bit",
            "The highest bit of S, which some libraries drop.",
            &resealed(&publishable, None, |b| b[91] |= 0x80),
            "bad_signature",
        ),
        case(
            "proof-small-order-r",
            "R is the identity, S is zero.",
            &resealed(&publishable, None, |b| {
                b[28..92].fill(0);
                b[28] = 1;
            }),
            "bad_signature",
        ),
        crooked(
            "proof-small-order-r-that-fits",
            "R is the identity and the equation holds: its signer made it so.",
            &world,
            bare,
            true,
        ),
        crooked(
            "proof-order-8-r",
            "R has order 8: the equation holds with the cofactor alone.",
            &world,
            Crooked { torsion_of_r: 1, ..bare },
            false,
        ),
        crooked(
            "proof-mixed-order-r",
            "R has a part of order 8: the equation holds with the cofactor alone.",
            &world,
            Crooked { torsion_of_r: 1, ..Crooked::HONEST },
            false,
        ),
        crooked(
            "proof-mixed-order-r-of-2",
            "R has a part of order 2: the equation holds with the cofactor alone.",
            &world,
            Crooked { torsion_of_r: 4, ..Crooked::HONEST },
            false,
        ),
        crooked(
            "proof-mixed-order-key",
            "A has a part of order 8: the equation holds with the cofactor alone.",
            &world_with_mixed_key(),
            mixed,
            false,
        ),
        case(
            "proof-r-no-point",
            "R is no point: no x belongs to its y.",
            &resealed(&publishable, None, |b| {
                b[28..60].fill(0);
                b[28] = 2;
            }),
            "bad_signature",
        ),
        case(
            "proof-signature-of-zeros",
            "A signature of 64 zeros.",
            &resealed(&publishable, None, |b| b[28..].fill(0)),
            "bad_signature",
        ),
    ]
}

/// Every R of small order in every encoding, under a public key of mixed order.
fn small_orders_of_r() -> Vec<Vector> {
    let world = world_with_mixed_key();
    let bare = Crooked { bare_r: true, torsion_of_a: 1, ..Crooked::HONEST };
    let refused = |name: String, about: String, crooked: Crooked| {
        let (_, token) = crooked.token(&world, true);
        scenario(&name, &about, &world).token(token).refused("proof", "bad_signature")
    };
    let canonical = ORDERS.iter().enumerate().map(|(place, order)| {
        refused(
            format!("proof-r-of-order-{order}-at-{place}"),
            format!("R has order {order}, and with a part of A's the equation holds."),
            Crooked { torsion_of_r: place, ..bare },
        )
    });
    let second = SECOND_SPELLINGS.iter().enumerate().map(|(at, (what, place, bytes))| {
        refused(
            format!("proof-r-second-spelling-{at}"),
            format!("R is {what}, and for whoever reads it the equation holds."),
            Crooked { torsion_of_r: *place, spelling_of_r: Some(spelling(*bytes)), ..bare },
        )
    });
    let mut vectors: Vec<_> = canonical.chain(second).collect();
    vectors.push(case(
        "proof-r-not-canonical",
        "R is 3 written as p + 3, a point of large order.",
        &resealed(&World::new().token(ED25519, 42), None, |bytes| {
            bytes[28..60].copy_from_slice(&spelling([0xF0, 0xFF, 0x7F]));
        }),
        "bad_signature",
    ));
    vectors
}

/// A signer whose public key has small order, in every encoding: anyone can sign for it. The root
/// signed the keyring that lists it. That keyring is refused, and so is the token under the
/// previous one.
fn keys() -> Vec<Vector> {
    let bare = Crooked { bare_a: true, ..Crooked::HONEST };
    let refused = |name: String, about: String, crooked: Crooked| {
        let next = World { keyring_version: 2, number: 2, ..World::new() };
        let listed = with_keyring(&next, |keyring| {
            put(keyring, ENTRIES + 2 * ENTRY + 23, &crooked.key());
        });
        let (_, token) = crooked.token(&next, true);
        scenario(&name, &about, &World::new())
            .offer(&listed, Some("keyring_unreadable"))
            .token(token)
            .refused("proof", "bad_signature")
    };
    let canonical = ORDERS.iter().enumerate().map(|(place, order)| {
        refused(
            format!("proof-key-of-order-{order}-at-{place}"),
            format!("The signer's public key has order {order}, and the equation holds."),
            Crooked { torsion_of_a: place, ..bare },
        )
    });
    let second = SECOND_SPELLINGS.iter().enumerate().map(|(at, (what, place, bytes))| {
        refused(
            format!("proof-key-second-spelling-{at}"),
            format!("The signer's public key is {what}, and the equation holds."),
            Crooked { torsion_of_a: *place, spelling_of_a: Some(spelling(*bytes)), ..bare },
        )
    });
    canonical.chain(second).collect()
}

/// R and A both have a small-order component; what decides is whether the components cancel out.
fn sums() -> Vec<Vector> {
    let world = world_with_mixed_key();
    let both = Crooked { torsion_of_r: 3, torsion_of_a: 1, ..Crooked::HONEST };
    let (claims, holds) = both.token(&world, true);
    let (_, holds_not) = both.token(&world, false);
    vec![
        scenario(
            "accepted-mixed-order-key-and-r",
            "R and A have parts of order 8 that cancel out: the equation holds without the cofactor.",
            &world,
        )
        .claims(claims)
        .token(holds)
        .accepted(),
        scenario(
            "proof-mixed-order-key-and-r",
            "R and A have parts of order 8: the equation holds with the cofactor alone.",
            &world,
        )
        .token(holds_not)
        .refused("proof", "bad_signature"),
    ]
}
