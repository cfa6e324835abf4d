//! Issuing in bulk, compared with inserting plain rows into a table with the same columns, checks
//! and indices.

use anyhow::{Context as _, Result};
use sqlx::{AssertSqlSafe, Row as _};

use crate::{BATCH, Place, Samples};

const COLUMNS: &str = "id, serial, kid, nonce, purpose, kind, environment, label, title, folded, \
                       metadata, admin_scopes, owner, policy, redacted, token, issued_at, \
                       expires_at, created_by, rolled_from, created_ms, updated_ms";
const WIDTH: usize = 22;
/// Rows per statement, if a statement inserts several.
const ROWS: usize = 100;

pub(crate) async fn measure(samples: &mut Samples, quick: bool) -> Result<()> {
    let (mut ours, plain, many) = (Place::new().await?, Place::new().await?, Place::new().await?);
    for place in [&plain, &many] {
        make_table(place).await?;
    }
    for round in 0..if quick { 2 } else { 9 } {
        // Each round starts with another variant.
        for turn in 0..3 {
            match (round + turn) % 3 {
                0 => samples.time("issue in bulk, a key", BATCH, ours.issue(BATCH)).await?,
                1 => samples.time("plain row", BATCH, insert(&plain, round, 1)).await?,
                _ => {
                    let name = "plain row, a hundred in a statement";
                    samples.time(name, BATCH, insert(&many, round, ROWS)).await?;
                }
            }
        }
    }
    Ok(())
}

/// A table like that of keys, under another name. Triggers, which keep our counts, are no part of
/// a plain row.
async fn make_table(place: &Place) -> Result<()> {
    let mut writing = place.issuer.store().bookkeeping().await?;
    let query = sqlx::query(
        "SELECT sql FROM sqlite_master
         WHERE tbl_name = 'api_keys' AND type IN ('table', 'index') AND sql <> ''",
    );
    for row in query.fetch_all(&mut *writing).await? {
        let sql: String = row.try_get(0)?;
        let sql = sql.replace("api_keys", "plain_keys");
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *writing).await?;
    }
    writing.save().await?;
    Ok(())
}

/// Inserts as many rows as a batch has keys, in one transaction, with `rows` per statement.
async fn insert(place: &Place, round: usize, rows: usize) -> Result<()> {
    let row = vec!["?"; WIDTH].join(", ");
    let sql = format!(
        "INSERT INTO plain_keys ({COLUMNS}) VALUES {}",
        vec![format!("({row})"); rows].join(", ")
    );
    let mut writing = place.issuer.store().bookkeeping().await?;
    for chunk in 0..BATCH / rows {
        let mut query = sqlx::query(AssertSqlSafe(sql.clone()));
        for number in 0..rows {
            let number = i64::try_from(round * BATCH + chunk * rows + number)?;
            // Scattered as ids and serials are.
            let serial = (number.wrapping_mul(0x1E37_79B9_7F4A_7C15) >> 16) & 0xFFFF_FFFF_FFFF;
            let title = format!("Device {number}");
            query = query
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
                .bind(format!("sk_live_***{:05x}", serial & 0xF_FFFF))
                .bind(None::<String>)
                .bind(1_800_000_000_i64)
                .bind(None::<i64>)
                .bind(None::<String>)
                .bind(None::<String>)
                .bind(1_800_000_000_000_i64)
                .bind(1_800_000_000_000_i64);
        }
        query.execute(&mut *writing).await.context("a plain row")?;
    }
    writing.save().await?;
    Ok(())
}
