//! `/v1/usage`: what gates report.

use axum::Json as Answered;
use portcullis_issuer::actions::Use;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::Json;
use super::problem::Problem;
use super::require::{GatesReport, Require, Routes, operation};

pub(super) fn routes() -> Routes {
    Routes::new().and(operation!(report))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UsageBody {
    /// One entry for each key, at most 1000.
    uses: Vec<UseBody>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UseBody {
    /// The key's public name, `apk_…`.
    key: String,
    /// How often the gate has accepted the key since the last report.
    uses: u32,
    /// When the gate last accepted the key, in seconds since 1970.
    last_used_at: u32,
}

#[derive(Serialize, ToSchema)]
struct UsageAnswer {
    /// The number of reported keys that exist.
    known: u64,
}

/// Report how often keys were used.
#[utoipa::path(
    post, path = "/usage", tag = "gates", operation_id = "report_usage", request_body = UsageBody,
    responses((status = 200, description = "The number of reported keys that exist", body = UsageAnswer))
)]
async fn report(
    Require { issuer, .. }: Require<GatesReport>,
    Json(body): Json<UsageBody>,
) -> Result<Answered<UsageAnswer>, Problem> {
    let uses = body.uses.into_iter().map(|UseBody { key, uses, last_used_at }| Use {
        key,
        uses,
        last_used_at,
    });
    let known = issuer.keys().report_usage(&uses.collect::<Vec<_>>()).await?;
    Ok(Answered(UsageAnswer { known }))
}
