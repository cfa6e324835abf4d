//! Tokens: as a text, as bytes with a correct checksum, and as claims with a valid proof.

use std::num::NonZeroU32;

use portcullis_core::base62;
use portcullis_core::token::{Claims, Environment, Kind, Lifetime, Serial, toggle_mask};
use portcullis_core::verifier::Verifier;
use portcullis_core::verify::{Refusal, Unverified};

use super::Source;
use super::support::{ANY, ED25519, HMAC_LIVE, HMAC_TEST, World, first_shard};

/// Runs the target.
pub fn run(bytes: &[u8]) {
    thread_local! {
        static ISSUER: (World, Verifier) = {
            let mut world = World::new();
            first_shard(&mut world).revoked = vec![1];
            first_shard(&mut world).suspended = vec![2];
            let verifier = world.verifier();
            (world, verifier)
        };
    }
    ISSUER.with(|(world, verifier)| {
        if let Ok(text) = std::str::from_utf8(bytes) {
            read(verifier, world, text);
        }
        read(verifier, world, &sealed(bytes));
        mint(verifier, world, bytes);
    });
}

/// A readable text has the prefix that it shows, and the signature cache changes no verdict.
fn read(verifier: &Verifier, world: &World, text: &str) {
    let now = world.this_update;
    let verdict = verifier.verify(text, &ANY, now).map(|accepted| *accepted.claims());
    match Unverified::parse(text) {
        Ok(token) => {
            let prefix = token.text().prefix().to_string();
            assert!(text.starts_with(&prefix));
            assert!(matches!(text.len() - prefix.len(), 66 | 132));
            let kid = token.text().kid();
            if let Ok(claims) = verdict {
                assert_eq!(claims.kid, kid);
                // Only a text that the issuer would mint has a valid tag or signature.
                assert_eq!(world.mint(&claims), text);
            }
        }
        Err(reason) => assert_eq!(verdict, Err(Refusal::Malformed(reason))),
    }
}

/// These bytes below a mask, between one of the prefixes and a correct checksum.
fn sealed(bytes: &[u8]) -> String {
    const FRONTS: [&str; 7] = [
        "sk_live_",
        "pk_live_",
        "sk_test_",
        "pk_test_",
        "acme_sk_live_",
        "abcdefghijklmnop_pk_test_",
        "ak_live_",
    ];
    let mut source = Source(bytes);
    let which = source.u8();
    let front = FRONTS[usize::from(which) % FRONTS.len()];
    let mut body = if which & 0x80 == 0 {
        source.array::<44>().to_vec()
    } else {
        source.array::<92>().to_vec()
    };
    toggle_mask(&mut body);
    // Every version that a checksum announces, and others; mostly the one that is read.
    let version = if which & 0x40 == 0 { 1 } else { source.u8() % 20 };
    let covered = [front.as_bytes(), &body, &[version]].concat();
    let sum = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&covered);
    let mut text = front.to_string();
    base62::encode_into(&[body, sum.to_be_bytes().to_vec()].concat(), &mut text);
    text
}

/// Mints claims with arbitrary values, by a signer of the keyring. An accepted token has the minted
/// claims, and each refusal has a reason in the claims.
fn mint(verifier: &Verifier, world: &World, bytes: &[u8]) {
    let mut source = Source(bytes);
    let kid = [HMAC_LIVE, HMAC_TEST, ED25519][usize::from(source.u8() % 3)];
    let choice = source.u8();
    let claims = Claims {
        kind: Kind::ALL[usize::from(choice & 1)],
        is_admin: choice & 0x80 != 0,
        environment: Environment::ALL[usize::from(choice >> 1 & 1)],
        kid,
        serial: Serial::at(u32::from(choice >> 2 & 1), source.u32() >> 12).unwrap(),
        nonce: source.u16(),
        lifetime: Lifetime {
            issued_at: source.u32(),
            expires_at: Some(source.u32()).filter(|end| *end != 0),
        },
        owner: NonZeroU32::new(source.u32()),
        policy: NonZeroU32::new(source.u32()),
    };
    let text = world.mint(&claims);
    // The expected verdict, in the order in which the verifier checks.
    let contradiction =
        claims.lifetime.expires_at.is_some_and(|end| end <= claims.lifetime.issued_at);
    let of_live = claims.environment == Environment::Live && claims.kind == Kind::Secret;
    let of_test = claims.environment == Environment::Test && claims.kind == Kind::Secret;
    let allowed = (kid == HMAC_LIVE && of_live) || (kid == HMAC_TEST && of_test) || kid == ED25519;
    let expected = if claims.is_admin && kid != ED25519 {
        Err("malformed_length")
    } else if contradiction {
        Err("malformed_fields")
    } else if claims.is_admin || !allowed {
        Err("signer_not_allowed")
    } else if claims.serial.get() == 1 {
        Err("revoked")
    } else if claims.serial.shard() != 0 {
        Err("not_covered")
    } else if claims.serial.get() == 2 {
        Err("suspended")
    } else if claims.lifetime.is_over(world.this_update) {
        Err("expired")
    } else {
        Ok(claims)
    };
    let verdict = verifier.verify(&text, &ANY, world.this_update);
    assert_eq!(verdict.map(|accepted| *accepted.claims()).map_err(Refusal::code), expected);
}
