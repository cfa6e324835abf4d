//! What the other harnesses work on: issuer, lists, keys, and peers that were built here.

use crate::{issuer, lookup, sets, verify};
use bench_peers::pack;
use portcullis_core::token::Kind;
use serde_json::json;
use std::fmt::Write as _;
use std::fs::write;
use std::path::Path;

/// Writes `keys.json` for what is in JavaScript, and `verify.bin` and `lookup.bin` for wasm/.
pub fn make(folder: &Path) -> std::io::Result<()> {
    let revoked = sets::subset(verify::ISSUED, verify::ISSUED / 100);
    let bundle = issuer::publish(issuer::bodies(verify::ISSUED, &revoked)).bundle();
    let tokens = verify::tokens(issuer::HMAC, 1024);
    let publishable = verify::tokens(issuer::ED25519, 4096);
    let keys = json!({
        "root": issuer::root().public().unwrap().to_string(),
        "bundle": hex(&bundle),
        "revoked": issuer::token(issuer::HMAC, revoked[0]),
        "secret": {
            "kid": issuer::HMAC,
            "key": hex(&issuer::SECRET),
            "front": hex(&issuer::front(Kind::Secret)),
            "proved": tokens.iter().map(|key| hex(&verify::proved(key))).collect::<Vec<_>>(),
            "tokens": tokens,
        },
        "publishable": {
            "key": hex(&issuer::signing(issuer::ED25519).public().unwrap().to_bytes()),
            "front": hex(&issuer::front(Kind::Publishable)),
            "proved": publishable.iter().map(|key| hex(&verify::proved(key))).collect::<Vec<_>>(),
            "tokens": publishable,
        },
    });
    write(folder.join("keys.json"), keys.to_string())?;
    let root = issuer::root().public().unwrap().to_bytes();
    let all = tokens.join("\n");
    let parts = [&root[..], &issuer::SECRET, &bundle, all.as_bytes(), &[], &[], &[], &[]];
    write(folder.join("verify.bin"), pack(&parts))?;

    let peers = lookup::Peers::new();
    let card = postcard::to_allocvec(&peers.card).unwrap();
    let mut roaring = Vec::new();
    peers.roaring.serialize_into(&mut roaring)?;
    let [hits, misses] = [&peers.hits, &peers.misses]
        .map(|serials| serials.iter().flat_map(|s| s.to_le_bytes()).collect::<Vec<u8>>());
    let parts = [&root[..], &issuer::SECRET, &peers.bundle, b"", &card, &roaring, &hits, &misses];
    write(folder.join("lookup.bin"), pack(&parts))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
