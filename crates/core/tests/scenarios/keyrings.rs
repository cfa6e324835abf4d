//! Keyrings offered in bundles, and their effect on the held list.

use portcullis_core::crypto::{Context, PublicKey};
use portcullis_core::issue::SigningKey;
use portcullis_core::keyring::State;

use super::forge::{resigned, with_keyring};
use super::shape::Vector;
use super::{bare, scenario};
use crate::support::{HMAC_LIVE, Published, World, first_shard};

/// The root that version 2 names as its successor.
fn heir() -> SigningKey {
    SigningKey::from_seed(&[0xAA; 32])
}

fn heir_public() -> PublicKey {
    heir().public().unwrap()
}

pub(super) fn all() -> Vec<Vector> {
    [versions(), roots(), effects()].into_iter().flatten().collect()
}

/// The files of `world`, under a keyring signed by `root`.
fn under(world: &World, root: &SigningKey) -> Published {
    let keyring = world.keyring_draft().sign(root).unwrap();
    Published { keyring, ..world.publish() }
}

/// The list after that of `World::new()`. It revokes slot 42, and its keyring has this version.
fn next(keyring_version: u32) -> World {
    let mut world = World { keyring_version, number: 2, ..World::new() };
    first_shard(&mut world).revoked = vec![42];
    world
}

fn versions() -> Vec<Vector> {
    let (first, second) = (World::new(), next(2));
    let other = World { amend: |keyring| keyring.max_validity_secs += 1, ..next(1) };
    let mut foreign = next(2);
    foreign.issuer.0[0] ^= 1;
    let high = World { epoch: 3, ..World::new() };
    let older = World { keyring_version: 2, ..World::new() };
    vec![
        scenario("adopt-keyring-newer", "A newer keyring, and a list made under it.", &first)
            .offer(&second.publish(), None)
            .refused("list", "revoked"),
        scenario("adopt-keyring-skipped", "Versions may be skipped, up to the last.", &first)
            .offer(&next(u32::MAX).publish(), None)
            .refused("list", "revoked"),
        scenario(
            "adopt-keyring-older",
            "An older keyring in a bundle is passed over: its list may be newer.",
            &older,
        )
        .offer(&next(1).publish(), None)
        .refused("list", "revoked"),
        scenario("adopt-keyring-same-version", "Another keyring of the same version.", &first)
            .offer(&other.publish(), Some("keyring_equivocation"))
            .accepted(),
        scenario("adopt-keyring-lower-epoch", "A newer keyring that lowers the epoch.", &high)
            .offer(&World { epoch: 2, ..second.clone() }.publish(), Some("keyring_equivocation"))
            .accepted(),
        scenario("adopt-keyring-foreign", "The root's keyring for another issuer.", &first)
            .offer(&foreign.publish(), Some("keyring_foreign_issuer"))
            .accepted(),
    ]
}

fn roots() -> Vec<Vector> {
    let first = World::new();
    let naming = World {
        keyring_version: 2,
        amend: |keyring| keyring.successor = Some(heir_public()),
        ..World::new()
    };
    let stranger = World::with_seed(2).root();
    let not_signed = Some("keyring_not_signed_by_root");
    let malformed = {
        let mut published = next(2).publish();
        let change = |keyring: &mut Vec<u8>| keyring[72] = 0;
        published.keyring = resigned(&published.keyring, Context::KEYRING, &stranger, change);
        published
    };
    let other_context = {
        let mut published = next(2).publish();
        let root = first.root();
        published.keyring = resigned(&published.keyring, Context::STAMP, &root, |_| ());
        published
    };
    let succeeded = under(&next(3), &heir());
    vec![
        scenario("adopt-keyring-by-stranger", "A keyring by somebody else's root.", &first)
            .offer(&under(&next(2), &stranger), not_signed)
            .accepted(),
        scenario("adopt-keyring-by-list-key", "A keyring by the list's signer.", &first)
            .offer(&under(&next(2), &first.list_signer().key), not_signed)
            .accepted(),
        scenario("adopt-keyring-of-other-context", "Signed under the context of stamps.", &first)
            .offer(&other_context, not_signed)
            .accepted(),
        scenario("adopt-keyring-signature-first", "Malformed, and by a stranger.", &first)
            .offer(&malformed, not_signed)
            .accepted(),
        scenario("adopt-keyring-by-successor", "The successor that is named may sign.", &naming)
            .offer(&succeeded, None)
            .refused("list", "revoked"),
        scenario("adopt-keyring-by-root-still", "And so may the root, until then.", &naming)
            .offer(&next(3).publish(), None)
            .refused("list", "revoked"),
        scenario("adopt-keyring-by-no-successor", "A successor that nobody named.", &first)
            .offer(&succeeded, not_signed)
            .accepted(),
        scenario("adopt-keyring-by-old-root", "After the successor the root is none.", &naming)
            .offer(&succeeded, None)
            .offer(&World { number: 3, ..next(4) }.publish(), not_signed)
            .refused("list", "revoked"),
        scenario("adopt-keyring-older-by-old-root", "Not even an older keyring.", &naming)
            .offer(&succeeded, None)
            .offer(&naming.publish(), not_signed)
            .refused("list", "revoked"),
        scenario("adopt-keyring-by-new-root", "The successor goes on.", &naming)
            .offer(&succeeded, None)
            .offer(&under(&World { number: 3, ..next(4) }, &heir()), None)
            .refused("list", "revoked"),
    ]
}

/// The effect of a newer keyring on the list held under the previous one.
fn effects() -> Vec<Vector> {
    let first = World::new();
    let raised = World { epoch: 2, keyring_version: 2, ..World::new() };
    let under_raised = Published { keyring: raised.publish().keyring, ..World::new().publish() };
    let stolen = World { number: u64::MAX, ..next(1) };
    let retired =
        World { keyring_version: 2, amend: |k| k.entries[4].state = State::Retired, ..next(2) };
    let shorter =
        World { keyring_version: 2, amend: |k| k.max_validity_secs = 299, ..World::new() };
    let no_hmac = World { amend: |k| k.entries[0].state = State::Retired, ..next(2) };
    let broken = Published { bodies: vec![], ..no_hmac.publish() };
    vec![
        scenario("adopt-epoch-raised", "The list of a lower epoch is let go.", &first)
            .offer(&under_raised, Some("list_wrong_epoch"))
            .refused("list", "list_missing"),
        scenario("adopt-epoch-lowers-floor", "Only the root undoes the largest number.", &stolen)
            .offer(&raised.publish(), None)
            .accepted(),
        scenario("adopt-epoch-for-good", "Lists of the lower epoch are none any more.", &first)
            .offer(&raised.publish(), None)
            .offer(&stolen.publish(), Some("list_wrong_epoch"))
            .accepted(),
        scenario("adopt-keyring-retires-list-key", "Its list counts no more.", &first)
            .offer(&retired.publish(), Some("list_unknown_kid"))
            .refused("list", "list_unknown_kid"),
        scenario("adopt-keyring-shortens-validity", "Its stamp is valid for too long.", &first)
            .offer(&shorter.publish(), Some("list_too_long_valid"))
            .refused("list", "list_too_long_valid"),
        scenario("adopt-keyring-without-list", "It is kept though its list is refused.", &first)
            .offer(&broken, Some("list_wrong_digest"))
            .refused("list", "signer_not_allowed"),
        scenario("adopt-keyring-brings-secrets-along", "A secret outlives a new keyring.", &first)
            .offer(&World { keyring_version: 2, number: 2, ..World::new() }.publish(), None)
            .accepted(),
        bare("adopt-keyring-of-other-secret", "The secret is not that of the new check.", &first)
            .offer(&with_keyring(&next(2), |keyring| keyring[99] ^= 1), None)
            .claims(first.claims(HMAC_LIVE, 41))
            .refused("proof", "secret_not_held"),
    ]
}
