//! A secret key's verification, the two compressions that bound it, and where the time goes.

use crate::rounds::{Effort, Rounds};
use crate::{Report, issuer, sets};
use crc::{CRC_32_ISO_HDLC, Crc, Table};
use portcullis_core::base62;
use portcullis_core::crypto::HmacKey;
use portcullis_core::issue::HmacSigner;
use portcullis_core::keyring::Purpose;
use portcullis_core::token::{Claims, Environment, Kind, Label, toggle_mask};
use portcullis_core::verify::{Canary, Requirements, Unverified};
use sha2::block_api::compress256;
use std::hint::black_box;

pub const ISSUED: u32 = 1_000_000;
pub const DEMAND: Requirements = Requirements {
    purpose: Purpose::Token,
    kind: Some(Kind::Secret),
    environment: Some(Environment::Live),
};
/// As the core has it on machines with memory to spare.
static CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);

pub fn tokens(kid: u16, count: usize) -> Vec<String> {
    let revoked = sets::subset(ISSUED, ISSUED / 100);
    sets::others(ISSUED, &revoked, count).iter().map(|s| issuer::token(kid, *s)).collect()
}

/// What a key's text carries below the mask, without the checksum: 28 bytes, and the tag or
/// signature.
pub fn proved(token: &str) -> Vec<u8> {
    let mut bytes = sent(token);
    toggle_mask(&mut bytes);
    bytes
}

/// What a key's text carries as it is sent, without the checksum.
fn sent(token: &str) -> Vec<u8> {
    let digits = token.rsplit('_').next().unwrap_or_default().as_bytes();
    let mut bytes = vec![0; digits.len() / 11 * 8];
    base62::decode(digits, &mut bytes).unwrap();
    bytes.truncate(bytes.len() - 4);
    bytes
}

pub fn run(effort: Effort) -> Report {
    let revoked = sets::subset(ISSUED, ISSUED / 100);
    let bundle = issuer::publish(issuer::bodies(ISSUED, &revoked)).bundle();
    let verifier = issuer::verifier(&bundle);
    let now = issuer::now();
    let tokens = tokens(issuer::HMAC, 1024);
    let claims: Vec<Claims> = tokens
        .iter()
        .map(|token| {
            *verifier.verify(token, &DEMAND, now).map_err(|e| e.to_string()).unwrap().claims()
        })
        .collect();
    let bytes: Vec<Vec<u8>> = tokens.iter().map(|token| proved(token)).collect();
    let covered: Vec<Vec<u8>> =
        tokens.iter().map(|token| [b"sk_live_", &sent(token)[..], &[1]].concat()).collect();
    let hmac = HmacKey::new(&issuer::SECRET);
    let front = issuer::front(Kind::Secret);
    let messages: Vec<([u8; 55], [u8; 16])> = bytes
        .iter()
        .map(|bytes| {
            let message = [&front[..], &bytes[..28]].concat();
            (message.try_into().unwrap(), bytes[28..].try_into().unwrap())
        })
        .collect();
    assert!(messages.iter().all(|(message, tag)| hmac.verify(message, tag)));

    let signer = HmacSigner::new(&issuer::SECRET);
    let canaries: Vec<String> = claims
        .iter()
        .map(|claims| signer.mint_canary(issuer::ISSUER, Label::NONE, claims).to_string())
        .collect();
    let keyring = verifier.keyring();

    let mut rounds = Rounds::default();
    rounds.add("two compressions", || {
        let mut state = black_box([7_u32; 8]);
        let mut block = black_box([0x5A_u8; 64]);
        compress256(&mut state, &[block]);
        for (four, word) in block.as_chunks_mut::<4>().0.iter_mut().zip(state) {
            *four = word.to_be_bytes();
        }
        compress256(&mut state, &[block]);
        state
    });
    rounds.each("verify", &tokens, |token| verifier.verify(token, &DEMAND, now).is_ok());
    rounds.each("verify, name", &tokens, |token| {
        verifier.verify(token, &DEMAND, now).map(|accepted| accepted.name())
    });
    // Each of these does a little more than the one before: the differences are the steps.
    rounds.each("parse", &tokens, |token| Unverified::parse(token).is_ok());
    rounds.each("parse, authenticate", &tokens, |token| {
        let unverified = Unverified::parse(token).unwrap();
        unverified.authenticate(verifier.keyring(), Purpose::Token).is_ok()
    });
    // What a wrong tag costs, to a verifier and to a gate, which looks whether it is a canary's.
    rounds.each("wrong tag", &canaries, |token| {
        let unverified = Unverified::parse(token).unwrap();
        unverified.authenticate(keyring, Purpose::Token).is_err()
    });
    rounds.each("wrong tag, canary", &canaries, |token| {
        let unverified = Unverified::parse(token).unwrap();
        let refusal = unverified.authenticate(keyring, Purpose::Token).err()?;
        Canary::recognise(&unverified, refusal, keyring)
    });
    // And each of these is one thing alone.
    rounds.each("base62 alone", &tokens, |token| {
        let mut out = [0; 48];
        base62::decode(&token.as_bytes()[token.len() - 66..], &mut out).map(|()| out)
    });
    rounds.each("checksum alone", &covered, |covered| CRC.checksum(covered));
    rounds.each("HMAC alone", &messages, |(message, tag)| hmac.verify(message, tag));
    let list = verifier.list_at(now).unwrap();
    rounds.each("look-up alone", &claims, |claims| list.status(claims));
    rounds.add("freshness alone", || verifier.list_at(black_box(now)).is_ok());
    Report::of(rounds.run(effort))
}
