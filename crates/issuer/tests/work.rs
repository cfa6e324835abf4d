//! The issuer's work for one revocation, beside that of writing every shard anew. Prints, and is
//! run by hand: `cargo test -p portcullis-issuer --release --test work -- --ignored --nocapture`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]

mod common;

use std::time::Instant;

use common::Bench;
use portcullis_core::verify::Refusal;
use portcullis_issuer::rules::{Moment, NewKey};

/// 96 shards are 10^8 serials. One in a thousand is revoked; keys that nothing is said of cost the
/// publisher nothing, so they have no record here.
const SHARDS: u32 = 96;
const REVOKED_IN_EACH: u32 = 1_000;

#[tokio::test]
#[ignore = "a measurement"]
async fn one_revocation_beside_all_shards() {
    let bench = Bench::new().await;
    let mut writing = bench.issuer.store().write().await.unwrap();
    for shard in 2..SHARDS {
        sqlx::query(
            "INSERT INTO shards (shard, capacity, issued, len, revoked, suspended, timed) \
             VALUES ($1, 1048576, 900000, 0, 0, 0, 0)",
        )
        .bind(i64::from(shard))
        .execute(&mut *writing)
        .await
        .unwrap();
    }
    sqlx::query(
        "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1) \
         INSERT INTO api_keys (id, serial, kid, nonce, purpose, kind, environment, label, title, \
         metadata, admin_scopes, owner, policy, redacted, issued_at, revoked_at, created_ms, \
         updated_ms) \
         SELECT 'apk_' || s.shard || '_' || i, s.shard * 1048576 + i * 1000 + (i * 7919) % 1000, 1, \
         0, 'token', 'secret', 'live', '', 'x', '{}', '', 0, 0, 'sk_live_' || i, 1700000000, \
         1700000000, 0, 0 FROM n, shards s WHERE s.shard >= 2",
    )
    .bind(i64::from(REVOKED_IN_EACH))
    .execute(&mut *writing)
    .await
    .unwrap();
    writing.commit().await.unwrap();
    bench.issuer.publish().await.unwrap();

    let mut whole = Vec::new();
    let mut one = Vec::new();
    for _ in 0..5 {
        let mut writing = bench.issuer.store().write().await.unwrap();
        sqlx::query("UPDATE shards SET body = NULL").execute(&mut *writing).await.unwrap();
        writing.commit().await.unwrap();
        let start = Instant::now();
        bench.issuer.publish().await.unwrap();
        whole.push(start.elapsed());

        let minted = bench.issuer.create(&NewKey::titled("x")).await.unwrap();
        // Into a shard that is as full of revocations as the others.
        let mut writing = bench.issuer.store().write().await.unwrap();
        sqlx::query(
            "UPDATE api_keys SET serial = 5 * 1048576 + 1048000 - seq % 1000 WHERE id = $1",
        )
        .bind(&minted.record.id)
        .execute(&mut *writing)
        .await
        .unwrap();
        writing.commit().await.unwrap();
        let start = Instant::now();
        bench.revoke(&minted.record.id, Moment::Now).await.unwrap().published.unwrap();
        one.push(start.elapsed());
    }
    whole.sort_unstable();
    one.sort_unstable();
    println!("every shard anew: {:?}; one revocation, commit to stamp: {:?}", whole[2], one[2]);
    let minted = bench.issuer.create(&NewKey::titled("x")).await.unwrap();
    bench.revoke(&minted.record.id, Moment::Now).await.unwrap().published.unwrap();
    assert_eq!(bench.judge(&minted.token).await, Err(Refusal::Revoked));
}
