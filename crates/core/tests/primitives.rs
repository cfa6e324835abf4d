//! Third-party test vectors (`tests/vectors/primitives`), run through the functions that verify a
//! token.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::crypto::primitives::{Signature, hmac_digest, hmac_verifies};
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Deserialize)]
struct File<V> {
    vectors: Vec<V>,
}

#[derive(Deserialize)]
struct SignatureVector {
    id: u32,
    theirs: Option<String>,
    key: String,
    message: String,
    signature: String,
    accepted: bool,
    refused: Option<String>,
}

#[derive(Deserialize)]
struct TagVector {
    id: u32,
    theirs: String,
    secret: String,
    message: String,
    tag: String,
    accepted: bool,
    cut_accepted: bool,
}

fn read<V: DeserializeOwned>(name: &str) -> Vec<V> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/primitives");
    let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
    serde_json::from_str::<File<V>>(&text).unwrap().vectors
}

fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

#[test]
fn each_signature_gets_its_verdict() {
    for (name, count) in [("ed25519-wycheproof", 151), ("ed25519-cctv", 914)] {
        let vectors: Vec<SignatureVector> = read(name);
        assert_eq!(vectors.len(), count, "{name}");
        for vector in vectors {
            let what = format!("{name} {}: {:?}", vector.id, vector.refused);
            let (message, signature) = (decode(&vector.message), decode(&vector.signature));
            let said = Signature::verify(&decode(&vector.key), &message, &signature);
            assert_eq!(said.is_accepted(), vector.accepted, "{what}");
            // For signed files the code makes no separate strictness check; the library does it.
            assert_eq!(said.is_key && said.is_good, vector.accepted, "{what}, as a file's");
            assert!(!vector.accepted || vector.theirs.is_none_or(|said| said == "valid"), "{what}");

            let refused = vector.refused.as_deref().unwrap_or_default();
            if signature.len() == 64 {
                assert_eq!(!said.is_key, refused.starts_with("key_"), "{what}");
            }
            match refused {
                // These must be refused before a host verifies them. Whether R is a point is
                // decided by the equation.
                "length" | "s_too_large" | "r_not_canonical" | "r_small_order" => {
                    assert!(!said.is_strict, "{what}");
                }
                "" | "r_no_point" | "equation" | "equation_with_cofactor_alone" => {
                    assert!(said.is_strict, "{what}");
                }
                other => assert!(other.starts_with("key_"), "{what}"),
            }
        }
    }
}

#[test]
fn each_tag_gets_its_verdict() {
    let vectors: Vec<TagVector> = read("hmac-sha256-wycheproof");
    let mut verified = 0;
    for vector in &vectors {
        let (secret, tag) = (decode(&vector.secret).try_into().unwrap(), decode(&vector.tag));
        let (message, what) = (decode(&vector.message), vector.id);
        let said = hmac_verifies(&secret, &message, tag.first_chunk().unwrap());
        if message.len() > 55 {
            assert_eq!(said, None, "{what}");
            continue;
        }
        verified += 1;
        assert_eq!(said, Some(vector.cut_accepted), "{what}, its first 16 bytes");
        let digest = hmac_digest(&secret, &message).unwrap();
        assert_eq!(digest.starts_with(&tag), vector.accepted, "{what}, all of it");
        assert!(!vector.accepted || vector.theirs == "valid", "{what}");
    }
    assert_eq!((vectors.len(), verified), (174, 166));
}
