//! Keys planted in any text are found once and at their position; nothing else is found.

use std::io::{self, Read};
use std::num::NonZeroU32;

use ::base64::Engine as _;
use ::base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use portcullis_core::crypto::IssuerId;
use portcullis_core::issue::{HmacSigner, SigningKey, TokenSigner};
use portcullis_core::token::{Claims, Environment, Kind, Label, Lifetime, Serial};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Checksum, Form, Scanner};

/// Line, column, form and text.
type Hit = (u64, u64, Form, String);

/// Returns its content in pieces, as a pipe may.
struct Pieces<'b>(&'b [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.1.min(buffer.len()).min(self.0.len());
        let (now, later) = self.0.split_at(len);
        buffer[..len].copy_from_slice(now);
        self.0 = later;
        Ok(len)
    }
}

/// The findings with a correct checksum, by a scanner with the smallest buffer, or one enlarged by
/// `buffer`.
fn found(bytes: &[u8], buffer: usize, piece: usize) -> Vec<Hit> {
    let mut hits = Vec::new();
    let mut scanner = Scanner::with_buffer(buffer);
    let looked = scanner.scan(&mut Pieces(bytes, piece), false, |candidate| {
        if candidate.checksum == Checksum::Right {
            let text = candidate.text().to_owned();
            hits.push((candidate.line, candidate.column, candidate.form, text));
        }
    });
    looked.unwrap();
    hits
}

/// The line and column of a position.
fn place(bytes: &[u8], at: usize) -> (u64, u64) {
    let before = &bytes[..at];
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    (line as u64, (at - start) as u64 + 1)
}

fn mint(label: &str, kind: Kind, environment: Environment, hmac: bool, number: u64) -> String {
    let signer = if hmac {
        TokenSigner::Hmac(HmacSigner::new(&[7; 32]))
    } else {
        TokenSigner::Ed25519(SigningKey::from_seed(&[7; 32]))
    };
    let claims = Claims {
        kind,
        is_admin: !hmac && kind == Kind::Secret && number % 2 == 1,
        environment,
        kid: 1,
        serial: Serial::new(number & 0xFFFF_FFFF).unwrap(),
        nonce: (number >> 48) as u16,
        lifetime: Lifetime { issued_at: 1_800_000_000, expires_at: None },
        owner: NonZeroU32::new((number >> 32) as u32),
        policy: NonZeroU32::new((number & 0xFFFF) as u32),
    };
    signer.mint(IssuerId([1; 16]), Label::new(label).unwrap(), &claims).to_string()
}

fn a_key() -> impl Strategy<Value = String> {
    // A word of a prefix is no label.
    let label = prop_oneof!["", "[a-z][a-z0-9]{0,15}"]
        .prop_filter("a label", |label| Label::new(label).is_ok());
    (label, any::<[bool; 3]>(), any::<u64>()).prop_map(|(label, [secret, live, hmac], number)| {
        let kind = if secret { Kind::Secret } else { Kind::Publishable };
        let environment = if live { Environment::Live } else { Environment::Test };
        mint(&label, kind, environment, hmac, number)
    })
}

/// Texts that may adjoin a key.
fn surroundings() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        vec(any::<u8>(), 0..40),
        "(\\\\[nrtbf\"/\\\\]|\\\\u00(22|0a|3D)|\\\\x22){1,3}".prop_map(String::into_bytes),
        "(%3[dD]|%0A|%26|%22|%2520|&#34;|&quot;|=3D){1,3}".prop_map(String::into_bytes),
        "(backup|old|acme|sk|pk|ak|live|test|k|x|9|_|[a-z0-9]{17})_?".prop_map(String::into_bytes),
        "(sk_live_|pk_test_|ak_live_|k_live_|acme_)".prop_map(String::into_bytes),
        "[0-9A-Za-z]{1,140}".prop_map(String::into_bytes),
        "[ \r\n\t\"'=;:.-]{1,8}".prop_map(String::into_bytes),
        "\\PC{0,300}".prop_map(String::into_bytes),
    ];
    vec(part, 0..6).prop_map(|parts| parts.concat())
}

/// The text after spaces, so that its start can't look like a byte order mark.
fn behind_spaces(many: usize, bytes: &[u8]) -> Vec<u8> {
    [&b" ".repeat(many)[..], bytes].concat()
}

/// A variant of base64 and its line breaks.
#[derive(Clone, Copy, Debug)]
struct Writing {
    alphabet: usize,
    columns: usize,
    line_end: &'static str,
}

impl Writing {
    /// The text in base64, and the position of each of its characters.
    fn write(self, plain: &[u8]) -> (Vec<u8>, Vec<usize>) {
        let engines = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD];
        let (mut text, mut places) = (Vec::new(), Vec::new());
        for (at, byte) in engines[self.alphabet].encode(plain).bytes().enumerate() {
            if at > 0 && at % self.columns == 0 {
                text.extend(self.line_end.bytes());
            }
            places.push(text.len());
            text.push(byte);
        }
        (text, places)
    }
}

fn writing() -> impl Strategy<Value = Writing> {
    let columns = prop_oneof![Just(usize::MAX), Just(64), Just(76), Just(60), 40_usize..200];
    let line_ends = ["\n", "\r\n", "\n    ", "\r\n\t", "\\n", "\\r\\n", " \n"];
    (0..4_usize, columns, 0..line_ends.len()).prop_map(move |(alphabet, columns, end)| Writing {
        alphabet,
        columns,
        line_end: line_ends[end],
    })
}

proptest! {
    #[test]
    fn a_key_is_found_whatever_stands_around_it(
        spaces in 1_usize..6000,
        before in surroundings(),
        key in a_key(),
        after in surroundings(),
        buffer in 0_usize..4000,
        piece in 1_usize..5000,
    ) {
        let before = behind_spaces(spaces, &before);
        let bytes = [&before[..], key.as_bytes(), &after].concat();
        let (line, column) = place(&bytes, before.len());
        prop_assert_eq!(found(&bytes, buffer, piece), [(line, column, Form::Plain, key)]);
    }

    #[test]
    fn keys_are_told_apart_with_nothing_or_anything_between_them(
        keys in vec((a_key(), surroundings()), 1..8),
        tight: bool,
        buffer in 0_usize..4000,
    ) {
        let mut bytes = b" ".to_vec();
        let mut expected = Vec::new();
        for (key, behind) in keys {
            let at = bytes.len();
            bytes.extend(key.bytes());
            expected.push((at, key));
            bytes.extend(if tight { Vec::new() } else { behind });
        }
        let expected: Vec<Hit> = expected
            .into_iter()
            .map(|(at, key)| {
                let (line, column) = place(&bytes, at);
                (line, column, Form::Plain, key)
            })
            .collect();
        prop_assert_eq!(found(&bytes, buffer, usize::MAX), expected);
    }

    #[test]
    fn a_key_is_found_inside_base64(
        spaces in 1_usize..6000,
        before in surroundings(),
        inner_before in surroundings(),
        key in a_key(),
        inner_after in surroundings(),
        after in surroundings(),
        writing in writing(),
        buffer in 0_usize..4000,
        piece in 1_usize..5000,
    ) {
        let plain = [&inner_before[..], key.as_bytes(), &inner_after].concat();
        let (text, places) = writing.write(&plain);
        let before = behind_spaces(spaces, &before);
        let bytes = [&before[..], &text, &after].concat();
        let (line, column) = place(&bytes, before.len() + places[inner_before.len() * 4 / 3]);
        prop_assert_eq!(found(&bytes, buffer, piece), [(line, column, Form::Base64, key)]);
    }

    #[test]
    fn text_without_a_key_gives_no_finding(
        text in surroundings(),
        bodies in vec("([a-z][a-z0-9]{0,16}_)?[aps]k_(live|test)_([0-9A-Za-z]{66}|[0-9A-Za-z]{132})", 0..4),
        writing in writing(),
        is_encoded: bool,
    ) {
        let plain = [&text[..], bodies.concat().as_bytes(), &text].concat();
        let bytes = if is_encoded { writing.write(&plain).0 } else { plain };
        prop_assert_eq!(found(&behind_spaces(1, &bytes), 0, usize::MAX), []);
    }

    #[test]
    fn a_key_with_a_mistake_is_none(
        key in a_key(),
        at in any::<prop::sample::Index>(),
        other in "[0-9A-Za-z]",
        writing in writing(),
    ) {
        let body = key.rfind('_').unwrap() + 1;
        let at = body + at.index(key.len() - body);
        let mut wrong = key.clone();
        wrong.replace_range(at..=at, &other);
        prop_assume!(wrong != key);
        prop_assert_eq!(found(wrong.as_bytes(), 0, usize::MAX), []);
        prop_assert_eq!(found(&writing.write(wrong.as_bytes()).0, 0, usize::MAX), []);
    }
}

#[test]
fn a_key_is_found_at_every_border_of_the_buffer() {
    let (secret, live) = (Kind::Secret, Environment::Live);
    let long = mint("abcdefghijklmnop", secret, live, false, 1);
    let columns = |columns, line_end| Writing { alphabet: 0, columns, line_end };
    let mut writings = vec![(Form::Plain, long.clone().into_bytes(), 0)];
    for inner in ["", "x", "xy"] {
        for writing in [columns(usize::MAX, ""), columns(64, "\r\n  "), columns(5, "\n")] {
            let (text, places) = writing.write(format!("{inner}{long}").as_bytes());
            writings.push((Form::Base64, text, places[inner.len() * 4 / 3]));
        }
    }
    // With the smallest buffer: it is filled twice while the key moves across it.
    let smallest = Scanner::with_buffer(0).buffer_len();
    for (form, text, start) in writings {
        for at in smallest - 900..smallest + 100 {
            let bytes = [&b"=".repeat(at)[..], &text, b"=", &b"=".repeat(800)].concat();
            let (line, column) = place(&bytes, at + start);
            let expected = [(line, column, form, long.clone())];
            assert_eq!(found(&bytes, 0, usize::MAX), expected, "{form:?} at {at}");
        }
    }
}

#[test]
fn the_longest_label_that_the_checksum_covers_is_the_keys() {
    let (secret, live) = (Kind::Secret, Environment::Live);
    let (plain, labelled) = (mint("", secret, live, true, 1), mint("acme", secret, live, true, 1));
    for (text, key, column) in [
        (format!("backup_{plain}"), &plain, 8),
        (format!("acme_{plain}"), &plain, 6),
        (format!("\\nacme_{}", &labelled[5..]), &labelled, 3),
        (format!("acme_{labelled}"), &labelled, 6),
        (format!("_{labelled}_"), &labelled, 2),
        (format!("Xacme_{}", &labelled[5..]), &labelled, 2),
        (format!("live_{labelled}"), &labelled, 6),
    ] {
        let expected = [(1, column, Form::Plain, key.clone())];
        assert_eq!(found(text.as_bytes(), 0, usize::MAX), expected, "{text}");
    }
}

#[test]
fn base64_is_read_in_utf_16_too() {
    let key = mint("acme", Kind::Publishable, Environment::Test, true, 9);
    let text = format!("\u{feff}a\r\n  {}", STANDARD.encode(format!("user:{key}")));
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(found(&bytes, 0, 999), [(2, 9, Form::Base64, key)]);
}

/// Even the worst input costs a fixed number of examinations per byte.
#[test]
fn what_is_made_to_be_slow_is_read_to_its_end() {
    let key = mint("", Kind::Secret, Environment::Live, true, 3);
    let anchor = STANDARD.encode("sk_live_");
    let label = format!("{}_sk_live_{}", "a".repeat(16), "b".repeat(132));
    for part in [&anchor, "A\n", "A\n \n", "\\n\\r", &label] {
        let text = format!("{}\n{key}", part.repeat(300_000 / part.len()));
        let found = found(text.as_bytes(), 0, usize::MAX);
        assert_eq!(found.iter().map(|hit| &hit.3).collect::<Vec<_>>(), [&key], "{part}");
    }
}
