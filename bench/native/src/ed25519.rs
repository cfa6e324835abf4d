//! A publishable key, at first sight and again, beside a secret one.

use crate::rounds::{Effort, Rounds};
use crate::{Report, issuer, sets, verify};
use portcullis_core::keyring::Purpose;
use portcullis_core::policy::Policies;
use portcullis_core::signature_cache::SignatureCache;
use portcullis_core::verify::Requirements;

const ANY: Requirements = Requirements { purpose: Purpose::Token, kind: None, environment: None };

pub fn run(effort: Effort) -> Report {
    let revoked = sets::subset(verify::ISSUED, verify::ISSUED / 100);
    let bundle = issuer::publish(issuer::bodies(verify::ISSUED, &revoked)).bundle();
    let verifier = issuer::verifier(&bundle);
    let now = issuer::now();
    let many = verify::tokens(issuer::ED25519, 16_384);
    let few = &many[..16];
    let mut signature_cache = SignatureCache::new(1024);
    // Else how often a sample repeats it would be settled by what the first sight takes.
    for key in few {
        assert!(verifier.verify_with(&mut signature_cache, &Policies::new(0), key, &ANY, now).is_ok());
    }
    let secret = verify::tokens(issuer::HMAC, 1024);
    let mut rounds = Rounds::default();
    rounds.each("publishable, first sight", &many, |key| verifier.verify(key, &ANY, now).is_ok());
    rounds.each("publishable, seen before", few, |key| {
        verifier.verify_with(&mut signature_cache, &Policies::new(0), key, &ANY, now).is_ok()
    });
    rounds.each("secret", &secret, |key| verifier.verify(key, &ANY, now).is_ok());
    Report::of(rounds.run(effort))
}
