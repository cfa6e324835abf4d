//! Canaries: keys that are refused as forged, and whose use somebody wants to hear of.

use crate::authenticate::Unverified;
use crate::crypto::IssuerId;
use crate::keyring::{Keyring, Purpose};
use crate::refusal::Refusal;
use crate::token::{Kind, Name, Proof, Serial, as_canary, with_signed};

/// A canary that was recognised.
///
/// It says who must be told that the key was used. It gives no access: it holds no claims, and no
/// function accepts it in the place of a key that passed a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Canary {
    issuer: IssuerId,
    serial: Serial,
}

impl Canary {
    /// Recognises a canary among the texts whose tag is wrong: those that
    /// [`authenticate`](Unverified::authenticate) refused with [`Refusal::BadSignature`]. `None` for
    /// every other refusal, at once: a good tag never costs the second one.
    ///
    /// A canary and a forgery take the same steps here, and the tag is compared in constant time.
    #[must_use]
    pub fn recognise(refused: &Unverified, refusal: Refusal, keyring: &Keyring) -> Option<Self> {
        if refusal != Refusal::BadSignature {
            return None;
        }
        // The signer must be one that mints canaries: of secret keys for gates, with HMAC.
        let text = refused.text();
        let (claims, Proof::Tag(tag)) = (text.claims(), text.proof()?) else { return None };
        let signer = keyring.entry(claims.kid)?;
        let mints = signer.purpose == Purpose::Token
            && claims.kind == Kind::Secret
            && signer.may_sign(claims.kind, claims.environment);
        if !mints {
            return None;
        }
        // The tag of the same bytes, in the other context.
        let block = with_signed(keyring.block(text.prefix())?, text.signed()?);
        let is_canary = keyring.secret(claims.kid)?.verify_block(&as_canary(&block), tag);
        is_canary.then_some(Self { issuer: keyring.issuer(), serial: claims.serial })
    }

    /// The index that the issuer drew for the canary. No list names it.
    #[must_use]
    pub const fn serial(&self) -> Serial {
        self.serial
    }

    /// The canary's public name.
    #[must_use]
    pub fn name(&self) -> Name {
        Name::derive(self.issuer, self.serial)
    }
}

#[cfg(all(test, feature = "issue"))]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::assignment::Changes;
    use crate::crypto::{HmacKey, counted};
    use crate::issue::{HmacSigner, KeyringDraft, SigningKey, TokenSigner};
    use crate::keyring::{KeyEntry, Material, State, Validity};
    use crate::time::Time;
    use crate::token::{Claims, Environment, Label};

    const ISSUER: IssuerId = IssuerId([1; 16]);
    const SECRET: [u8; 32] = [7; 32];
    const CLAIMS: Claims = Claims { kid: 1, ..Claims::BLANK };

    fn keyring() -> Keyring {
        let root = SigningKey::from_seed(&[9; 32]);
        let signer = KeyEntry {
            kid: CLAIMS.kid,
            purpose: Purpose::Token,
            environments: vec![Environment::Live],
            kinds: vec![Kind::Secret],
            state: State::Active,
            validity: Validity::ALWAYS,
            changes: Changes::NONE,
            material: Material::Hmac {
                check: HmacKey::new(&SECRET).check_value(ISSUER, CLAIMS.kid),
            },
        };
        let draft = KeyringDraft {
            issuer: ISSUER,
            version: 1,
            not_after: Time::from_secs(u32::MAX),
            epoch: 1,
            max_validity_secs: 60,
            successor: None,
            labels: vec![Label::NONE],
            entries: vec![signer],
        };
        let document = draft.sign(&root).unwrap();
        let mut keyring = Keyring::open(&document, &root.public().unwrap()).unwrap();
        keyring.hold_secret(CLAIMS.kid, &SECRET).unwrap();
        keyring
    }

    /// What a gate does with a key's text. Counts the compressions of each of the two steps.
    fn cost(text: &str) -> (u64, u64, Option<Canary>) {
        let keyring = keyring();
        let unverified = Unverified::parse(text).unwrap();
        let (tag, refusal) =
            counted::blocks(|| unverified.authenticate(&keyring, Purpose::Token).err());
        let (more, canary) = counted::blocks(|| {
            refusal.and_then(|refusal| Canary::recognise(&unverified, refusal, &keyring))
        });
        (tag, more, canary)
    }

    #[test]
    fn a_good_tag_costs_two_compressions_and_a_bad_one_two_more() {
        let signer = || HmacSigner::new(&SECRET);
        let good = TokenSigner::Hmac(signer()).mint(ISSUER, Label::NONE, &CLAIMS);
        assert_eq!(cost(&good), (2, 0, None));
        // Somebody else's secret, and a canary: the same work.
        let other = TokenSigner::Hmac(HmacSigner::new(&[8; 32]));
        assert_eq!(cost(&other.mint(ISSUER, Label::NONE, &CLAIMS)), (2, 2, None));
        let canary = signer().mint_canary(ISSUER, Label::NONE, &CLAIMS);
        let found = Canary { issuer: ISSUER, serial: CLAIMS.serial };
        assert_eq!(cost(&canary), (2, 2, Some(found)));
        // Nothing else that is refused costs a tag.
        let unknown = Claims { kid: 2, ..CLAIMS };
        let unknown = signer().mint_canary(ISSUER, Label::NONE, &unknown);
        assert_eq!(cost(&unknown), (0, 0, None));
    }
}
