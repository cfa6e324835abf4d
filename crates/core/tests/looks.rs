//! Keys of one issuer don't look alike: at each place of the text, two of them agree as often as
//! chance has it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use portcullis_core::base62;
use portcullis_core::token::{Claims, Serial, toggle_mask};
use proptest::prelude::RngExt as _;
use proptest::test_runner::{RngAlgorithm, TestRng};
use support::{ED25519, HMAC_LIVE, World};

const PAIRS: u32 = 10_000;
/// How far a count may be from its expected value, in standard deviations. Chance exceeds this at
/// one place in 1.7 million, and the keys of this test are always the same.
const MOST_DEVIATIONS: f64 = 5.0;

/// The bodies of two keys that an issuer makes in the same second for the same signer, without
/// owner, policy and expiry, as its first keys are. Serial and nonce are drawn, as issuers draw them.
fn pair(world: &World, kid: u16, rng: &mut TestRng) -> [String; 2] {
    core::array::from_fn(|_| {
        let claims = Claims {
            serial: Serial::at(0, rng.random_range(0..1 << Serial::SLOT_BITS)).unwrap(),
            nonce: rng.random(),
            owner: None,
            policy: None,
            ..world.claims(kid, 0)
        };
        body(&world.mint(&claims)).into()
    })
}

fn body(token: &str) -> &str {
    &token[token.rfind('_').unwrap() + 1..]
}

/// How likely two random groups of 8 bytes agree in the character at `place`. The first character
/// of a group has 22 values, and the last of them is a little rarer.
fn chance_of_agreement(place: usize) -> f64 {
    const NUMBERS: u128 = 1 << 64;
    let unit = 62_u128.pow(10 - u32::try_from(place % base62::CHUNK_CHARS).unwrap());
    let (cycles, rest) = (NUMBERS / (62 * unit), NUMBERS % (62 * unit));
    let with_digit = |digit: u128| cycles * unit + rest.saturating_sub(digit * unit).min(unit);
    let shares = (0..62).map(|digit| with_digit(digit) as f64 / NUMBERS as f64);
    shares.map(|share| share * share).sum()
}

/// For each place, by how many standard deviations the number of pairs that agree there differs from
/// what is expected of random bytes.
fn deviations(pairs: impl Iterator<Item = [String; 2]>) -> Vec<f64> {
    let mut agreements: Vec<u32> = Vec::new();
    let mut count = 0;
    for [one, other] in pairs {
        agreements.resize(one.len(), 0);
        let agree = one.bytes().zip(other.bytes()).map(|(one, other)| one == other);
        agreements.iter_mut().zip(agree).for_each(|(sum, agree)| *sum += u32::from(agree));
        count += 1;
    }
    assert_eq!(count, PAIRS);
    let deviation = |(place, agreements): (usize, &u32)| {
        let chance = chance_of_agreement(place);
        let (mean, variance) =
            (f64::from(count) * chance, f64::from(count) * chance * (1.0 - chance));
        (f64::from(*agreements) - mean) / variance.sqrt()
    };
    agreements.iter().enumerate().map(deviation).collect()
}

fn rng(seed: u8) -> TestRng {
    TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32])
}

#[test]
fn two_keys_agree_at_each_place_as_often_as_chance_has_it() {
    let world = World::new();
    for (kid, places) in [(HMAC_LIVE, 66), (ED25519, 132)] {
        let mut rng = rng(1);
        let deviations = deviations((0..PAIRS).map(|_| pair(&world, kid, &mut rng)));
        assert_eq!(deviations.len(), places);
        for (place, deviation) in deviations.iter().enumerate() {
            assert!(deviation.abs() < MOST_DEVIATIONS, "kid {kid}, place {place}: {deviation}");
        }
        // The sum of the squares has the mean `places` and the variance `2 * places`: it shows a
        // small bias that many places share.
        let sum: f64 = deviations.iter().map(|deviation| deviation * deviation).sum();
        let places = f64::from(u32::try_from(places).unwrap());
        let deviation = (sum - places) / (2.0 * places).sqrt();
        assert!(deviation.abs() < MOST_DEVIATIONS, "kid {kid}, all places: {deviation}");
    }
}

/// What the test above would say of keys without a mask.
#[test]
fn keys_without_a_mask_would_look_alike() {
    let world = World::new();
    let mut rng = rng(1);
    let unmasked = |body: String| {
        let mut bytes = [0; 48];
        base62::decode(body.as_bytes(), &mut bytes).unwrap();
        toggle_mask(&mut bytes).unwrap();
        let mut text = String::new();
        base62::encode_into(&bytes, &mut text);
        text
    };
    let pairs = (0..PAIRS).map(|_| pair(&world, HMAC_LIVE, &mut rng).map(unmasked));
    let alike = deviations(pairs).iter().filter(|deviation| **deviation > 100.0).count();
    assert!(alike >= 20, "{alike} places");
}

/// The first key of an issuer: none of its unused fields shows as zeros.
#[test]
fn no_key_has_a_run_of_one_character() {
    let world = World::new();
    let mut rng = rng(2);
    for _ in 0..PAIRS {
        for body in pair(&world, HMAC_LIVE, &mut rng) {
            let longest = body.as_bytes().chunk_by(|a, b| a == b).map(<[u8]>::len).max().unwrap();
            assert!(longest <= 5, "{body}");
        }
    }
}
