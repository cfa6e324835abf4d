//! The codes in `index.d.ts` are those that can come out of the Rust half: no more, no fewer.
//!
//! Each `after_…` walks through an enum by an exhaustive match, so that a new variant in the core
//! fails to compile here until it has a place.

use std::collections::BTreeSet;

use portcullis_core::WireError;
use portcullis_core::crypto::PublicKeyError;
use portcullis_core::keyring::KeyringError;
use portcullis_core::list::ListError;
use portcullis_core::token::{Environment, Kind, Malformed};
use portcullis_core::verify::Refusal;
use portcullis_wasm::Fault;

const TYPES: &str = include_str!("../index.d.ts");
/// Those that `js/` makes by itself.
const FROM_JS: [&str; 5] =
    ["source_missing", "source_unreachable", "source_timeout", "source_status", "source_too_large"];

fn walk<T: Copy>(first: T, next: fn(T) -> Option<T>) -> impl Iterator<Item = T> {
    std::iter::successors(Some(first), move |&item| next(item))
}

fn after_malformed(reason: Malformed) -> Option<Malformed> {
    use Malformed::*;
    Some(match reason {
        Empty => TooLong,
        TooLong => Character,
        Character => Prefix,
        Prefix => Length,
        Length => Overflow,
        Overflow => Checksum,
        Checksum => Version,
        Version => Fields,
        Fields => return None,
    })
}

fn after_refusal(refusal: Refusal) -> Option<Refusal> {
    let (secret, live) = (Kind::Secret, Environment::Live);
    Some(match refusal {
        Refusal::Malformed(_) => Refusal::ForeignLabel,
        Refusal::ForeignLabel => Refusal::UnknownKid(0),
        Refusal::UnknownKid(_) => Refusal::SignerNotAllowed(0),
        Refusal::SignerNotAllowed(_) => Refusal::SecretNotHeld(0),
        Refusal::SecretNotHeld(_) => Refusal::BadSignature,
        Refusal::BadSignature => Refusal::ForeignList,
        Refusal::ForeignList => Refusal::List(ListError::Missing),
        Refusal::List(_) => Refusal::NotCovered,
        Refusal::NotCovered => Refusal::Revoked,
        Refusal::Revoked => Refusal::Suspended,
        Refusal::Suspended => Refusal::Expired,
        Refusal::Expired => Refusal::WrongKind { needed: secret, given: secret },
        Refusal::WrongKind { .. } => Refusal::WrongEnvironment { needed: live, given: live },
        Refusal::WrongEnvironment { .. } => return None,
    })
}

fn after_list_error(error: ListError) -> Option<ListError> {
    Some(match error {
        ListError::Wire { .. } => ListError::ForeignIssuer,
        ListError::ForeignIssuer => ListError::NotAListKey(0),
        ListError::NotAListKey(_) => ListError::BadSignature,
        ListError::BadSignature => ListError::WrongEpoch { held: 0, offered: 0 },
        ListError::WrongEpoch { .. } => ListError::KeyringBehind { held: 0, needed: 0 },
        ListError::KeyringBehind { .. } => ListError::KeyringExpired,
        ListError::KeyringExpired => ListError::Rollback { held: 0, offered: 0 },
        ListError::Rollback { .. } => ListError::Equivocation(0),
        ListError::Equivocation(_) => ListError::FromTheFuture,
        ListError::FromTheFuture => ListError::TooLongValid,
        ListError::TooLongValid => ListError::PastNextUpdate,
        ListError::PastNextUpdate => ListError::WrongDigest(""),
        ListError::WrongDigest(_) => ListError::Missing,
        ListError::Missing => return None,
    })
}

fn after_keyring_error(error: KeyringError) -> Option<KeyringError> {
    Some(match error {
        KeyringError::Wire(_) => KeyringError::NotSignedByRoot,
        KeyringError::NotSignedByRoot => KeyringError::ForeignIssuer,
        KeyringError::ForeignIssuer => KeyringError::Older { held: 0, offered: 0 },
        KeyringError::Older { .. } => KeyringError::Equivocation,
        KeyringError::Equivocation => KeyringError::NoSuchSecret(0),
        KeyringError::NoSuchSecret(_) => KeyringError::WrongSecret(0),
        KeyringError::WrongSecret(_) => return None,
    })
}

/// The members of a union of string literals, one to a line, the last one with a semicolon.
fn union(name: &str) -> BTreeSet<&'static str> {
    let start = format!("export type {name} =");
    TYPES
        .lines()
        .skip_while(|line| *line != start)
        .skip(1)
        .map(str::trim)
        .take_while(|line| line.starts_with(['|', '/']))
        .filter(|line| line.starts_with('|'))
        .filter_map(|line| line.split('\'').nth(1))
        .collect()
}

#[test]
fn refusal_codes() {
    let of_malformed = walk(Malformed::Empty, after_malformed).map(Malformed::code);
    let of_refusals = walk(Refusal::Malformed(Malformed::Empty), after_refusal)
        .filter(|refusal| !matches!(refusal, Refusal::Malformed(_) | Refusal::List(_)))
        .map(Refusal::code);
    // What `Replica::at` says of the list that is held.
    let of_lists = [
        ListError::Missing,
        ListError::PastNextUpdate,
        ListError::KeyringExpired,
        ListError::FromTheFuture,
    ];
    let of_lists = of_lists.into_iter().map(ListError::code);
    let codes: BTreeSet<_> = of_malformed.chain(of_refusals).chain(of_lists).collect();
    assert_eq!(union("RefusalCode"), codes);
}

#[test]
fn error_codes() {
    let wire = WireError::Truncated;
    let roots = [PublicKeyError::Text, PublicKeyError::NotCanonical, PublicKeyError::SmallOrder];
    let lists = walk(ListError::Wire { part: "", error: wire }, after_list_error);
    let keyrings = walk(KeyringError::Wire(wire), after_keyring_error);
    let faults = lists
        .map(Fault::List)
        .chain(keyrings.map(Fault::Keyring))
        .chain(roots.map(Fault::Root))
        .chain([Fault::NoKeyring, Fault::SecretLength]);
    // Nothing that can be thrown is about a list that was never offered.
    let codes: BTreeSet<_> =
        faults.map(Fault::code).filter(|code| *code != "list_missing").collect();
    assert_eq!(union("ErrorCode"), codes.into_iter().chain(FROM_JS).collect());
}
