//! The codes in `index.d.ts` are exactly those that the Rust half can return, and the table in
//! `js/engine/reasons.js` has the Rust half's sentence for each.
//!
//! Each `after_…` steps through an enum with an exhaustive match, so that a new variant in the core
//! fails to compile here until it is placed.

use std::collections::BTreeSet;

use portcullis_core::crypto::{Digest, PublicKeyError};
use portcullis_core::error::{Field, FileKind, WireError};
use portcullis_core::keyring::KeyringError;
use portcullis_core::list::{FileName, ListError, Part};
use portcullis_core::policy::{Denial, NoPolicy};
use portcullis_core::token::{Environment, Kind, Malformed};
use portcullis_core::verify::Refusal;
use portcullis_wasm::{Denied, Fault, Reason};

const TYPES: &str = include_str!("../index.d.ts");
const REASONS: &str = include_str!("../js/engine/reasons.js");
/// The codes that only `js/` produces.
const FROM_JS: [&str; 6] = [
    "wasm_unavailable",
    "source_missing",
    "source_unreachable",
    "source_timeout",
    "source_status",
    "source_too_large",
];

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
    let (needed, given) = (Kind::Secret, Kind::Publishable);
    let (here, there) = (Environment::Live, Environment::Test);
    Some(match refusal {
        Refusal::Malformed(_) => Refusal::ForeignLabel,
        Refusal::ForeignLabel => Refusal::UnknownKid(3),
        Refusal::UnknownKid(_) => Refusal::SignerNotAllowed(4),
        Refusal::SignerNotAllowed(_) => Refusal::SecretNotHeld(5),
        Refusal::SecretNotHeld(_) => Refusal::BadSignature,
        Refusal::BadSignature => Refusal::ForeignList,
        Refusal::ForeignList => Refusal::List(ListError::Missing),
        Refusal::List(_) => Refusal::NotCovered,
        Refusal::NotCovered => Refusal::Revoked,
        Refusal::Revoked => Refusal::Suspended,
        Refusal::Suspended => Refusal::Expired,
        Refusal::Expired => Refusal::WrongKind { needed, given },
        Refusal::WrongKind { .. } => Refusal::WrongEnvironment { needed: here, given: there },
        Refusal::WrongEnvironment { .. } => return None,
    })
}

fn after_list_error(error: ListError) -> Option<ListError> {
    Some(match error {
        ListError::Wire { .. } => ListError::ForeignIssuer,
        ListError::ForeignIssuer => ListError::NotAListKey(6),
        ListError::NotAListKey(_) => ListError::BadSignature,
        ListError::BadSignature => ListError::WrongEpoch { held: 7, offered: 8 },
        ListError::WrongEpoch { .. } => ListError::KeyringBehind { held: 9, needed: 10 },
        ListError::KeyringBehind { .. } => ListError::KeyringExpired,
        ListError::KeyringExpired => ListError::Rollback { held: 1 << 40, offered: 11 },
        ListError::Rollback { .. } => ListError::Equivocation(12),
        ListError::Equivocation(_) => ListError::FromTheFuture,
        ListError::FromTheFuture => ListError::TooLongValid,
        ListError::TooLongValid => ListError::PastNextUpdate,
        ListError::PastNextUpdate => ListError::WrongDigest(Part::Head),
        ListError::WrongDigest(_) => ListError::Missing,
        ListError::Missing => return None,
    })
}

fn after_keyring_error(error: KeyringError) -> Option<KeyringError> {
    Some(match error {
        KeyringError::Wire(_) => KeyringError::NotSignedByRoot,
        KeyringError::NotSignedByRoot => KeyringError::ForeignIssuer,
        KeyringError::ForeignIssuer => KeyringError::Older { held: 14, offered: 13 },
        KeyringError::Older { .. } => KeyringError::Equivocation,
        KeyringError::Equivocation => KeyringError::NoSuchSecret(15),
        KeyringError::NoSuchSecret(_) => KeyringError::WrongSecret(16),
        KeyringError::WrongSecret(_) => return None,
    })
}

fn after_wire_error(error: WireError) -> Option<WireError> {
    Some(match error {
        WireError::Truncated => WireError::TrailingBytes,
        WireError::TrailingBytes => WireError::WrongFile { expected: FileKind::ListHead },
        WireError::WrongFile { .. } => WireError::UnknownVersion(17),
        WireError::UnknownVersion(_) => WireError::NotCanonical(Field::Labels),
        WireError::NotCanonical(_) => return None,
    })
}

fn after_denied(denied: Denied) -> Option<Denied> {
    Some(match denied {
        Denied::NoPolicy(NoPolicy::Missing) => {
            NoPolicy::Unavailable(FileName { digest: Digest([1; 32]), len: 1 }).into()
        }
        Denied::NoPolicy(NoPolicy::Unavailable(_)) => Denial::Address.into(),
        Denied::Denial(Denial::Address) => Denial::Origin.into(),
        Denied::Denial(Denial::Origin) => Denial::Method.into(),
        Denied::Denial(Denial::Method) => Denial::Path.into(),
        Denied::Denial(Denial::Path) => Denial::Scope.into(),
        Denied::Denial(Denial::Scope) => Denial::SalesChannel.into(),
        Denied::Denial(Denial::SalesChannel) => return None,
    })
}

fn denials() -> impl Iterator<Item = Denied> {
    walk(NoPolicy::Missing.into(), after_denied)
}

/// The errors that `Verifier::at` returns for the held list.
const OF_A_HELD_LIST: [ListError; 4] = [
    ListError::Missing,
    ListError::PastNextUpdate,
    ListError::KeyringExpired,
    ListError::FromTheFuture,
];

fn refusals() -> impl Iterator<Item = Refusal> {
    let malformed = walk(Malformed::Empty, after_malformed).map(Refusal::Malformed);
    let others = walk(Refusal::Malformed(Malformed::Empty), after_refusal)
        .filter(|refusal| !matches!(refusal, Refusal::Malformed(_) | Refusal::List(_)));
    malformed.chain(others).chain(OF_A_HELD_LIST.map(Refusal::List))
}

fn faults() -> impl Iterator<Item = Fault> {
    let wire = || walk(WireError::Truncated, after_wire_error);
    let roots = [PublicKeyError::Text, PublicKeyError::NotCanonical, PublicKeyError::SmallOrder];
    let part = Part::Body;
    let lists = wire().map(move |error| ListError::Wire { part, error }).chain(
        walk(ListError::Wire { part, error: WireError::Truncated }, after_list_error).skip(1),
    );
    let keyrings = wire()
        .map(KeyringError::Wire)
        .chain(walk(KeyringError::Wire(WireError::Truncated), after_keyring_error).skip(1));
    lists
        .map(Fault::List)
        .chain(keyrings.map(Fault::Keyring))
        .chain(roots.map(Fault::Root))
        .chain([Fault::NoKeyring, Fault::SecretLength])
}

/// The members of a union of string literals, one per line, ended by a semicolon.
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

/// Codes and sentences, by row.
fn table() -> Option<Vec<(String, String)>> {
    let text = REASONS.get(REASONS.find("[\n")?..=REASONS.find("];")?)?;
    serde_json::from_str(text).ok()
}

/// The row with its numbers filled in, as `js/wasm/engine.js` does it.
fn filled(sentence: &str, reason: &Reason) -> String {
    let [a, b] = reason.numbers.map(|number| number.to_string());
    let [c, d] = reason.texts;
    let places = [("{0}", a.as_str()), ("{1}", b.as_str()), ("{2}", c), ("{3}", d)];
    places.iter().fold(sentence.to_owned(), |text, (place, value)| text.replace(place, value))
}

#[test]
fn refusal_codes() {
    let denials = denials().map(Denied::code);
    assert_eq!(union("RefusalCode"), refusals().map(Refusal::code).chain(denials).collect());
}

#[test]
fn error_codes() {
    // `list_missing` is never thrown: every thrown error is about an offered list.
    let codes = faults().map(Fault::code).filter(|code| *code != "list_missing");
    assert_eq!(union("ErrorCode"), codes.chain(FROM_JS).collect());
}

#[test]
fn reasons() {
    let of_refusals = refusals()
        .map(|refusal| (Reason::of_refusal(&refusal), refusal.code(), refusal.to_string()));
    let of_faults =
        faults().map(|fault| (Reason::of_fault(&fault), fault.code(), fault.to_string()));
    let of_denials =
        denials().map(|denied| (Reason::of_denied(denied), denied.code(), denied.to_string()));
    let table = table().unwrap();
    let mut rows = BTreeSet::from([0]);
    for (reason, code, sentence) in of_refusals.chain(of_faults).chain(of_denials) {
        let row = reason.row as usize;
        let (told_code, told_sentence) = table.get(row).unwrap();
        assert_eq!((told_code.as_str(), filled(told_sentence, &reason)), (code, sentence));
        assert!(rows.insert(row), "row {row} is used twice");
    }
    assert!(rows.into_iter().eq(0..table.len()), "no row is left over");
}

#[test]
fn a_list_that_is_refused_for_another_reason_is_told_by_that() {
    let error = ListError::NotAListKey(7);
    assert_eq!(Reason::of_refusal(&error.into()), Reason::of_fault(&error.into()));
}
