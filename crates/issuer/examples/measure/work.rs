//! One revocation at 10^8 serials, from commit to published stamp, compared with rebuilding every
//! shard from the store.

use anyhow::Result;
use portcullis_issuer::actions::{NewKey, Revocation, When};

use crate::{Place, Samples};

/// 96 shards hold 10^8 serials. One in a thousand is revoked. Keys without a status cost the
/// publisher nothing, so they have no record here.
const SHARDS: i64 = 96;
const REVOKED_IN_EACH: i64 = 1_000;

pub(crate) async fn measure(samples: &mut Samples, quick: bool) -> Result<()> {
    let place = Place::new().await?;
    fill(&place, if quick { 12 } else { SHARDS }).await?;
    place.issuer.list().publish().await?;
    for _ in 0..if quick { 2 } else { 7 } {
        let mut writing = place.issuer.store().bookkeeping().await?;
        sqlx::query("UPDATE shards SET body = NULL").execute(&mut *writing).await?;
        writing.save().await?;
        let whole = async { Ok(place.issuer.list().publish().await?) };
        samples.time("publish, every shard anew", 1, whole).await?;

        let key = place.issuer.keys().create(&NewKey::titled("x")).await?.record;
        // Revoke in a shard that has as many revocations as the others.
        let mut writing = place.issuer.store().bookkeeping().await?;
        sqlx::query(
            "UPDATE api_keys SET serial = 5 * 1048576 + 1048000 - seq % 1000 WHERE id = $1",
        )
        .bind(&key.id)
        .execute(&mut *writing)
        .await?;
        writing.save().await?;
        let revocation = Revocation { when: When::Now, by: None };
        let one =
            async { Ok(place.issuer.keys().revoke(&key.id, &revocation).await?.published()?) };
        samples.time("revoke, commit to stamp", 1, one).await?;
    }
    Ok(())
}

async fn fill(place: &Place, shards: i64) -> Result<()> {
    let mut writing = place.issuer.store().bookkeeping().await?;
    for shard in 2..shards {
        sqlx::query(
            "INSERT INTO shards (shard, capacity, issued, len, revoked, suspended, timed) \
             VALUES ($1, 1048576, 900000, 0, 0, 0, 0)",
        )
        .bind(shard)
        .execute(&mut *writing)
        .await?;
    }
    sqlx::query(
        "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1) \
         INSERT INTO api_keys (id, serial, kid, nonce, purpose, kind, environment, label, title, \
         folded, metadata, admin_scopes, owner, policy, redacted, issued_at, revoked_at, \
         created_ms, updated_ms, settings_version) \
         SELECT 'apk_' || s.shard || '_' || i, s.shard * 1048576 + i * 1000 + (i * 7919) % 1000, 1, \
         0, 'token', 'secret', 'live', '', 'x', 'x', '{}', '', 0, 0, 'sk_live_' || i, 1700000000, \
         1700000000, 0, 0, 0 FROM n, shards s WHERE s.shard >= 2",
    )
    .bind(REVOKED_IN_EACH)
    .execute(&mut *writing)
    .await?;
    writing.save().await?;
    Ok(())
}
