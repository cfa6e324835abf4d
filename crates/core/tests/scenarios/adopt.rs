//! Offered lists: which of them replace the held list, and why the others don't.

use portcullis_core::assignment::Changes;
use portcullis_core::crypto::{Context, Digest};
use portcullis_core::issue::{KeyringDraft, ShardContents, StampDraft, name_file};
use portcullis_core::keyring::{KeyEntry, Material, Purpose, State, Validity};
use portcullis_core::time::Time;

use super::forge::{resigned, stamped, with_head, with_stamp};
use super::shape::Vector;
use super::{Scenario, bare, scenario};
use crate::support::{ED25519, LIST, Published, START, World, first_shard};

/// A second signer of lists.
const LIST_2: u16 = 7;
/// A signer of lists that is retired.
const LIST_RETIRED: u16 = 8;

pub(super) fn all() -> Vec<Vector> {
    [sequences(), stamps(), times(), signers(), heads(), bodies()].into_iter().flatten().collect()
}

/// The second list, which revokes slot 42.
fn second() -> World {
    let mut world = World { number: 2, ..World::new() };
    world.previous = Digest::of(&World::new().publish().head);
    first_shard(&mut world).revoked = vec![42];
    world
}

/// The first list is held and the second is refused, so key 42 is accepted.
fn stays(name: &str, about: &str, offered: &Published, code: &str) -> Vector {
    scenario(name, about, &World::new()).offer(offered, Some(code)).accepted()
}

/// No list is held, and none is adopted.
fn nothing(name: &str, about: &str, offered: &Published, code: &str) -> Vector {
    let world = World::new();
    bare(name, about, &world).offer(offered, Some(code)).refused("list", "list_missing")
}

fn later(world: &World, millis: u64) -> World {
    World { this_update: world.this_update.plus_millis(millis), ..world.clone() }
}

fn sequences() -> Vec<Vector> {
    let (old, new) = (World::new(), second());
    let mut other = new.clone();
    first_shard(&mut other).revoked = vec![];
    let far = World { number: u64::MAX, ..new.clone() };
    // A renewed stamp names the head that is held, which keeps its own this update.
    let renewed = |millis| {
        let mut published = old.publish();
        published.stamp = stamped(&later(&old, millis), old.publish()).stamp;
        published
    };
    let empty = Published { bodies: vec![], ..new.publish() };
    let revoked = |scenario: Scenario| scenario.refused("list", "revoked");
    vec![
        revoked(
            scenario("adopt-newer", "A newer list takes the place of the one that is held.", &old)
                .offer(&new.publish(), None),
        ),
        revoked(
            scenario("adopt-skipped-numbers", "Numbers may be skipped, up to the last.", &old)
                .offer(&far.publish(), None),
        ),
        revoked(
            scenario("adopt-rollback", "An older list is not adopted.", &new)
                .offer(&old.publish(), Some("list_rollback")),
        ),
        revoked(
            scenario("adopt-equivocation", "Another list under a number that is held.", &new)
                .offer(&other.publish(), Some("list_equivocation")),
        ),
        revoked(
            scenario("adopt-again", "The list that is held may be offered again.", &new)
                .offer(&new.publish(), None),
        ),
        revoked(
            scenario(
                "adopt-again-without-bodies",
                "Where number and head are held, nothing else is looked at.",
                &new,
            )
            .offer(&empty, None),
        ),
        scenario("adopt-renewed", "A renewed stamp keeps the list in force.", &old)
            .at(20_000)
            .offer(&renewed(20_000), None)
            .at(old.valid_millis + 19_999)
            .accepted(),
        scenario("adopt-not-renewed-back", "An earlier stamp moves nothing back.", &old)
            .at(20_000)
            .offer(&renewed(20_000), None)
            .offer(&renewed(10_000), None)
            .at(old.valid_millis + 19_999)
            .accepted(),
        scenario("adopt-renewed-until", "A renewed stamp has its own next update.", &old)
            .at(20_000)
            .offer(&renewed(20_000), None)
            .at(old.valid_millis + 20_000)
            .refused("list", "list_past_next_update"),
    ]
}

fn stamps() -> Vec<Vector> {
    let new = second();
    let changed = |at: usize, value: &[u8]| {
        with_stamp(&new, |stamp| stamp[at..at + value.len()].copy_from_slice(value))
    };
    let mut unsigned = new.publish();
    unsigned.stamp[153] ^= 1;
    let keyless = World { issuer: World::with_seed(2).issuer, ..new.clone() };
    let foreign = with_stamp(&new, |stamp| {
        stamp[4..20].copy_from_slice(&keyless.issuer.0);
        stamp[86..90].fill(0xFF);
    });
    let other_context = {
        let mut published = new.publish();
        let key = new.list_signer().key;
        published.stamp = resigned(&published.stamp, Context::HEAD, &key, |_| ());
        published
    };
    vec![
        stays(
            "adopt-keyring-behind",
            "A stamp made under a keyring that somebody withholds.",
            &changed(86, &2_u32.to_be_bytes()),
            "keyring_behind",
        ),
        stays(
            "adopt-foreign-issuer",
            "A stamp of another issuer.",
            &changed(4, &keyless.issuer.0),
            "list_foreign_issuer",
        ),
        stays(
            "adopt-foreign-issuer-first",
            "The keyring version is that of the other issuer's keyring.",
            &foreign,
            "list_foreign_issuer",
        ),
        stays(
            "adopt-epoch-above",
            "A stamp of a later epoch than the keyring's.",
            &changed(22, &2_u32.to_be_bytes()),
            "list_wrong_epoch",
        ),
        stays(
            "adopt-epoch-below",
            "A stamp of an earlier epoch than the keyring's.",
            &changed(22, &0_u32.to_be_bytes()),
            "list_wrong_epoch",
        ),
        stays("adopt-bad-signature", "The last bit of the stamp.", &unsigned, "list_bad_signature"),
        stays(
            "adopt-signature-of-head",
            "A stamp signed under the context of heads.",
            &other_context,
            "list_bad_signature",
        ),
    ]
}

fn times() -> Vec<Vector> {
    let new = second();
    let at = |millis: u64| World { valid_millis: millis, ..new.clone() }.publish();
    let past = World {
        this_update: Time::from_millis(new.this_update.millis() - new.valid_millis),
        ..new.clone()
    };
    let old = World::new();
    let year = World { this_update: Time::from_secs(START + 365 * 86_400), ..new.clone() };
    vec![
        stays(
            "adopt-from-the-future",
            "A list dated more than ten seconds ahead.",
            &later(&new, 10_001).publish(),
            "list_from_the_future",
        ),
        scenario("adopt-ten-seconds-ahead", "Ten seconds ahead: clocks differ.", &old)
            .offer(&later(&new, 10_000).publish(), None)
            .refused("list", "revoked"),
        stays(
            "adopt-ends-with-its-start",
            "Its next update is its this update.",
            &at(0),
            "list_from_the_future",
        ),
        stays(
            "adopt-ends-before-its-start",
            "Its next update is before its this update.",
            &with_stamp(&new, |stamp| stamp[42..50].fill(0)),
            "list_from_the_future",
        ),
        stays(
            "adopt-too-long-valid",
            "A millisecond more validity than the keyring allows.",
            &at(86_400_001),
            "list_too_long_valid",
        ),
        scenario("adopt-longest-validity", "As much validity as the keyring allows.", &old)
            .offer(&at(86_400_000), None)
            .refused("list", "revoked"),
        stays(
            "adopt-past-next-update",
            "Its next update has come.",
            &past.publish(),
            "list_past_next_update",
        ),
        bare("adopt-keyring-expired", "Nothing is adopted under an expired keyring.", &year)
            .offer(&year.publish(), Some("keyring_expired"))
            .refused("list", "list_missing"),
        bare("adopt-keyring-expired-foreign-issuer", "The issuer is looked at before.", &year)
            .offer(&with_stamp(&year, |stamp| stamp[4] = 9), Some("list_foreign_issuer"))
            .refused("list", "list_missing"),
    ]
}

fn with_more_list_keys(keyring: &mut KeyringDraft) {
    for (kid, state) in [(LIST_2, State::Next), (LIST_RETIRED, State::Retired)] {
        keyring.entries.push(KeyEntry {
            kid,
            purpose: Purpose::List,
            environments: vec![],
            kinds: vec![],
            changes: Changes::NONE,
            state,
            validity: Validity::ALWAYS,
            material: Material::Ed25519(World::new().signing_key(kid).public().unwrap()),
        });
    }
}

/// `world`'s second list, with its stamp and its head signed by these kids.
fn signed_by(world: &World, stamp: u16, head: u16) -> Published {
    let signer = |kid: u16| {
        let mut signer = world.list_signer();
        (signer.kid, signer.key) = (kid, world.signing_key(kid));
        signer
    };
    let mut published = world.publish();
    let kid = |bytes: &mut Vec<u8>| bytes[20..22].copy_from_slice(&head.to_be_bytes());
    published.head = resigned(&published.head, Context::HEAD, &signer(head).key, kid);
    let (list_version, keyring_version) = (world.list_version(), world.keyring_version);
    let draft = StampDraft { list_version, head: name_file(&published.head), keyring_version };
    published.stamp = signer(stamp).sign_stamp(&draft);
    published
}

fn signers() -> Vec<Vector> {
    let old = World { amend: with_more_list_keys, ..World::new() };
    let new = World { amend: with_more_list_keys, ..second() };
    let case = |name: &str, about: &str, stamp, head, code| {
        scenario(name, about, &old).offer(&signed_by(&new, stamp, head), code)
    };
    let unknown = Some("list_unknown_kid");
    vec![
        case("adopt-kid-of-tokens", "A stamp by a token signer.", ED25519, LIST, unknown)
            .accepted(),
        case("adopt-kid-unlisted", "A stamp by a kid that is not listed.", 99, LIST, unknown)
            .accepted(),
        case("adopt-kid-retired", "A stamp by a retired signer.", LIST_RETIRED, LIST, unknown)
            .accepted(),
        case("adopt-kid-next", "Signatures of the next signer count.", LIST_2, LIST_2, None)
            .refused("list", "revoked"),
        case("adopt-head-of-other-kid", "Stamp and head by two signers.", LIST_2, LIST, None)
            .refused("list", "revoked"),
        case("adopt-head-kid-of-tokens", "A head by a token signer.", LIST, ED25519, unknown)
            .accepted(),
        case("adopt-head-kid-retired", "A head by a retired signer.", LIST, LIST_RETIRED, unknown)
            .accepted(),
    ]
}

fn heads() -> Vec<Vector> {
    let new = second();
    let changed = |at: usize, value: &[u8]| {
        with_head(&new, |head| head[at..at + value.len()].copy_from_slice(value))
    };
    let announced = Published { head: World::new().publish().head, ..new.publish() };
    let unsigned = {
        let mut published = new.publish();
        *published.head.last_mut().unwrap() ^= 1;
        stamped(&new, published)
    };
    let after = new.this_update.millis() + 1;
    vec![
        stays("adopt-head-not-announced", "Another head.", &announced, "list_wrong_digest"),
        stays(
            "adopt-head-foreign-issuer",
            "A head of another issuer.",
            &changed(4, &[9; 16]),
            "list_foreign_issuer",
        ),
        stays(
            "adopt-head-bad-signature",
            "The last bit of the head, whose digest the stamp names.",
            &unsigned,
            "list_bad_signature",
        ),
        stays(
            "adopt-head-of-other-epoch",
            "The head's epoch is not the stamp's.",
            &changed(22, &2_u32.to_be_bytes()),
            "list_wrong_digest",
        ),
        stays(
            "adopt-head-of-other-number",
            "The head's number is not the stamp's.",
            &changed(26, &3_u64.to_be_bytes()),
            "list_wrong_digest",
        ),
        stays(
            "adopt-head-later-than-stamp",
            "The head's this update is later than the stamp's.",
            &changed(34, &after.to_be_bytes()),
            "list_wrong_digest",
        ),
        scenario("adopt-head-earlier", "The head may be older than its stamp.", &World::new())
            .offer(&changed(34, &0_u64.to_be_bytes()), None)
            .refused("list", "revoked"),
    ]
}

fn bodies() -> Vec<Vector> {
    let new = second();
    let missing = Published { bodies: vec![], ..new.publish() };
    let other = Published { bodies: World::new().publish().bodies, ..new.publish() };
    let more = {
        let mut published = new.publish();
        published.bodies.extend(World::new().publish().bodies);
        published
    };
    let two = {
        let mut world = new.clone();
        world.shards.push((1, ShardContents { capacity: 9, ..ShardContents::default() }));
        let mut published = world.publish();
        published.bodies.pop();
        published
    };
    let digest = "list_wrong_digest";
    vec![
        nothing("adopt-body-missing", "A bundle without the body.", &missing, digest),
        nothing("adopt-body-missing-of-two", "A bundle without the last body.", &two, digest),
        nothing("adopt-body-not-named", "A body that the head doesn't name.", &other, digest),
        nothing("adopt-body-too-many", "A body more than the head names.", &more, digest),
        stays("adopt-body-missing-stays", "What is held stays.", &missing, digest),
    ]
}
