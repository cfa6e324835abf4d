//! What a list weighs on the wire, beside the bound and other encodings of the same set.

use crate::{Report, issuer, sets};
use bench_peers::bitmap;
use clubcard::ApproximateSizeOf as _;
use flate2::{Compression, write::ZlibEncoder};
use portcullis_core::issue::{ShardContents, encode_body};
use portcullis_core::list::Body;
use roaring::RoaringBitmap;
use serde_json::json;
use std::io::Write as _;
use xorf::BinaryFuse8;

/// In millionths of the capacity.
const DENSITIES: [u32; 10] =
    [100, 1_000, 10_000, 50_000, 100_000, 250_000, 380_000, 500_000, 750_000, 990_000];
const ONE_PERCENT: u32 = 10_000;

pub fn run(quick: bool) -> Report {
    let mut report = Report::default();
    let capacities: &[u32] =
        if quick { &[1_000_000, 10_000_000] } else { &[1_000_000, 10_000_000, 100_000_000] };
    for &capacity in capacities {
        for millionths in DENSITIES {
            let count = (u64::from(capacity) * u64::from(millionths) / 1_000_000) as u32;
            let revoked = sets::subset(capacity, count);
            let bodies = issuer::bodies(capacity, &revoked);
            let shards = bodies.len();
            let published = issuer::publish(bodies);
            let sum: usize = published.bodies.iter().map(Vec::len).sum();
            let mut say = |what: &str, bytes: f64| {
                let percent = f64::from(millionths) / 10_000.0;
                report.facts.insert(format!("size, {capacity}, {percent}, {what}"), json!(bytes));
            };
            say("bound", sets::bound(capacity, count));
            say("shards", shards as f64);
            say("list", (sum + published.head.len()) as f64);
            // The slow ones only where they say something new.
            if capacity <= 1_000_000
                || (!quick && (capacity <= 10_000_000 || millionths == ONE_PERCENT))
            {
                say("zlib", zlib(capacity, &revoked) as f64);
            }
            if capacity <= 10_000_000 || millionths <= ONE_PERCENT {
                let roaring: RoaringBitmap = revoked.iter().copied().collect();
                say("roaring", roaring.serialized_size() as f64);
                say("fuse", fuse(&revoked) as f64);
            }
            if millionths == ONE_PERCENT && capacity <= 10_000_000 {
                let card = bench_peers::build(capacity, &revoked);
                say("clubcard", card.approximate_size_of() as f64);
            }
        }
    }
    half_issued(&mut report);
    report
}

/// A Token Status List's bytes before base64: one bit a serial, zlib's highest level.
fn zlib(capacity: u32, revoked: &[u32]) -> usize {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&bitmap(capacity, revoked.iter().copied())).unwrap();
    encoder.finish().unwrap().len()
}

/// One byte a fingerprint; 0.4 % of the good serials would be refused.
fn fuse(revoked: &[u32]) -> usize {
    let keys: Vec<u64> =
        revoked.iter().map(|serial| sets::Random(u64::from(*serial)).next()).collect();
    BinaryFuse8::try_from(&keys).map_or(0, |filter| filter.fingerprints.len())
}

/// A shard of which 60 % was handed out, in random order, and 1 % of that revoked: the slots that
/// nobody has are paid for too.
fn half_issued(report: &mut Report) {
    let (capacity, issued) = (Body::MAX_CAPACITY, Body::MAX_CAPACITY / 10 * 6);
    let revoked = sets::subset(capacity, issued / 100);
    let facts = ShardContents { capacity, revoked, ..ShardContents::default() };
    let bytes = encode_body(&facts).unwrap().len();
    report.facts.insert("size, 60 % issued, list".into(), json!(bytes));
    report
        .facts
        .insert("size, 60 % issued, bound".into(), json!(sets::bound(issued, issued / 100)));
}
