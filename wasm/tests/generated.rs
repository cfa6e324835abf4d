//! The committed files of `js/generated` are what `examples/generate.rs` makes, and the codes in
//! `index.d.ts` are exactly those that the Rust half can return.

use std::collections::BTreeSet;
use std::mem::{align_of, offset_of, size_of};
use std::path::Path;

use portcullis_core::list::ListError;
use portcullis_core::verify::Refusal;
use portcullis_wasm::{Denied, Fault, Numbers, Reason, Words};

#[path = "../examples/generate.rs"]
#[expect(dead_code, reason = "the example's own `main`")]
mod generate;

const TYPES: &str = include_str!("../index.d.ts");
/// The codes that only `js/` produces.
const FROM_JS: [&str; 6] = [
    "wasm_unavailable",
    "source_missing",
    "source_unreachable",
    "source_timeout",
    "source_status",
    "source_too_large",
];

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

#[test]
fn generated_files_are_up_to_date() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("js/generated");
    for (name, made) in generate::files() {
        let committed = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        let how = "cargo run -p portcullis-wasm --example generate";
        assert!(made == committed, "js/generated/{name} differs: run {how}");
    }
}

/// JavaScript finds a value by the index of its name in `FIELDS`.
#[test]
fn fields_stand_in_memory_in_the_order_of_their_names() {
    assert_eq!(size_of::<Numbers>(), Numbers::FIELDS.len() * size_of::<f64>());
    assert_eq!(size_of::<Words>(), Words::FIELDS.len() * size_of::<u32>());
    assert_eq!(align_of::<Numbers>(), align_of::<f64>());
    let index = |fields: &[&str], name| fields.iter().position(|field| *field == name).unwrap();
    assert_eq!(offset_of!(Numbers, not_after), 8 * index(Numbers::FIELDS, "not_after"));
    assert_eq!(offset_of!(Numbers, next_update), 8 * index(Numbers::FIELDS, "next_update"));
    assert_eq!(offset_of!(Words, policy), 4 * index(Words::FIELDS, "policy"));
    assert_eq!(offset_of!(Words, epoch), 4 * index(Words::FIELDS, "epoch"));
    // A text's length follows its address.
    for text in ["reason_text", "reason_other_text", "reply"] {
        let length = format!("{text}_len");
        let at = index(Words::FIELDS, text) + 1;
        assert_eq!(Words::FIELDS.get(at).copied(), Some(length.as_str()));
    }
}

#[test]
fn refusal_codes() {
    let denials = generate::denials().map(Denied::code);
    assert_eq!(
        union("RefusalCode"),
        generate::refusals().map(Refusal::code).chain(denials).collect()
    );
}

#[test]
fn error_codes() {
    // `list_missing` is never thrown: every thrown error is about an offered list.
    let codes = generate::faults().map(Fault::code).filter(|code| *code != "list_missing");
    assert_eq!(union("ErrorCode"), codes.chain(FROM_JS).collect());
}

#[test]
fn a_list_that_is_refused_for_another_reason_is_told_by_that() {
    let error = ListError::NotAListKey(7);
    assert_eq!(Reason::of_refusal(&error.into()), Reason::of_fault(&error.into()));
}
