//! How issuing in bulk and a million records weigh: `cargo test --release -p portcullis-issuer
//! --test bulk -- --ignored --nocapture`. It prints and asserts nothing of time.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]

mod common;

use std::time::{Duration, Instant};

use common::Bench;
use portcullis_issuer::rules::{Criteria, Moment, NewKey, Order, Query};
use portcullis_issuer::store::shards;
use sqlx::AssertSqlSafe;

/// The names of a table's columns.
const COPIED: &str = "id, serial, kid, nonce, purpose, kind, environment, label, title, folded, \
                      metadata, admin_scopes, owner, policy, redacted, token, issued_at, \
                      expires_at, created_by, rolled_from, created_ms, updated_ms";

async fn issue(bench: &Bench, many: usize) -> Duration {
    const BATCH: usize = 10_000;
    let start = Instant::now();
    for batch in 0..many / BATCH {
        let titled = |number| NewKey::titled(&format!("Device {}", batch * BATCH + number));
        let new: Vec<NewKey> = (0..BATCH).map(titled).collect();
        bench.issuer.create_all(&new, None).await.unwrap();
    }
    start.elapsed()
}

/// Adds as many rows of the same width, with the same indices, a row in each statement.
async fn plain(bench: &Bench, many: i64) -> Duration {
    const BATCH: i64 = 10_000;
    let mut writing = bench.issuer.store().write().await.unwrap();
    for statement in [
        "CREATE TABLE plain_keys AS SELECT * FROM api_keys WHERE 0",
        "CREATE UNIQUE INDEX plain_id ON plain_keys (id)",
        "CREATE UNIQUE INDEX plain_serial ON plain_keys (serial)",
        "CREATE INDEX plain_redacted ON plain_keys (redacted)",
        "CREATE INDEX plain_folded ON plain_keys (folded)",
        "CREATE INDEX plain_updated ON plain_keys (updated_ms)",
    ] {
        sqlx::query(statement).execute(&mut *writing).await.unwrap();
    }
    writing.commit().await.unwrap();
    let places: Vec<String> = (1..=22).map(|place| format!("${place}")).collect();
    let sql = format!("INSERT INTO plain_keys ({COPIED}) VALUES ({})", places.join(", "));
    let start = Instant::now();
    for batch in 0..many / BATCH {
        let mut writing = bench.issuer.store().write().await.unwrap();
        for number in batch * BATCH..(batch + 1) * BATCH {
            // Scattered as ids and serials are.
            let serial = (number.wrapping_mul(0x1E37_79B9_7F4A_7C15) >> 16) & 0xFFFF_FFFF_FFFF;
            let title = format!("Device {number}");
            sqlx::query(AssertSqlSafe(sql.clone()))
                .bind(format!("apk_{serial:022}"))
                .bind(serial)
                .bind(1_i64)
                .bind(number & 0xFFFF)
                .bind("token")
                .bind("secret")
                .bind("live")
                .bind("")
                .bind(title.clone())
                .bind(title.to_lowercase())
                .bind("{}")
                .bind("")
                .bind(0_i64)
                .bind(0_i64)
                .bind(format!("sk_liv***{:03x}", serial & 0xFFF))
                .bind(None::<String>)
                .bind(1_800_000_000_i64)
                .bind(None::<i64>)
                .bind(None::<String>)
                .bind(None::<String>)
                .bind(1_800_000_000_000_i64)
                .bind(1_800_000_000_000_i64)
                .execute(&mut *writing)
                .await
                .unwrap();
        }
        writing.commit().await.unwrap();
    }
    start.elapsed()
}

async fn median(mut act: impl AsyncFnMut()) -> Duration {
    let mut times = Vec::new();
    for _ in 0..21 {
        let start = Instant::now();
        act().await;
        times.push(start.elapsed());
    }
    times.sort();
    times[times.len() / 2]
}

/// What a page, a search by the redacted form and a revocation take.
async fn weigh(bench: &Bench, what: &str) {
    let page = median(async || {
        let page = bench.issuer.list_keys(&Query::default()).await.unwrap();
        assert_eq!(page.keys.len(), 50);
    });
    let titles = median(async || {
        let query = Query { order: Order::Title, ascending: true, ..Query::default() };
        bench.issuer.list_keys(&query).await.unwrap();
    });
    let one = bench.issuer.create(&NewKey::titled("One")).await.unwrap().record;
    let search = median(async || {
        let criteria = Criteria { q: Some(one.redacted.clone()), ..Criteria::default() };
        let query = Query { criteria, ..Query::default() };
        let found = bench.issuer.list_keys(&query).await.unwrap().keys;
        assert!(!found.is_empty());
    });
    let (page, titles, search) = (page.await, titles.await, search.await);
    let mut times = Vec::new();
    for _ in 0..21 {
        let key = bench.issuer.create(&NewKey::titled("x")).await.unwrap().record;
        let start = Instant::now();
        bench.revoke(&key.id, Moment::Now).await.unwrap().published.unwrap();
        times.push(start.elapsed());
    }
    times.sort();
    eprintln!(
        "{what}: page {page:?}, by title {titles:?}, search {search:?}, revoke {:?}",
        times[10]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes, and what it prints is for people"]
async fn a_million_keys() {
    let many: usize = std::env::var("KEYS").map_or(1_000_000, |many| many.parse().unwrap());
    let bench = Bench::new().await;
    issue(&bench, 10_000).await;
    weigh(&bench, "10,000 keys").await;
    let mut writing = bench.issuer.store().write().await.unwrap();
    shards::insert_shard(&mut writing, 1, 1 << 20).await.unwrap();
    writing.commit().await.unwrap();
    bench.issuer.publish().await.unwrap();
    let sample = many.min(100_000);
    let plain = plain(&bench, sample as i64).await;
    let other = Bench::new().await;
    let issued = issue(&other, sample).await;
    let rate = |time: Duration| sample as f64 / time.as_secs_f64();
    eprintln!(
        "{sample}: {:.0} keys/s issued, {:.0} rows/s inserted, ratio {:.2}",
        rate(issued),
        rate(plain),
        rate(issued) / rate(plain),
    );
    let rest = issue(&bench, many - 10_000).await;
    eprintln!("{many} keys: the last {} in {rest:?}", many - 10_000);
    weigh(&bench, "all keys").await;
}
