//! `/v1/usage`: what gates report.

use std::net::IpAddr;

use axum::Json as Answered;
use portcullis_issuer::actions::{CanaryUse, Use};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::Json;
use super::problem::Problem;
use super::require::{GatesReport, Require, Routes, operation};

/// Room for as many uses and canaries as one report may have, a long address in each.
const MAX_LEN: usize = 256 * 1024;

pub(super) fn routes() -> Routes {
    Routes::new().and(operation!(report)).limit_body(MAX_LEN)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UsageBody {
    /// One entry for each key, at most 1000.
    uses: Vec<UseBody>,
    /// One entry for each canary that the gate was sent, at most 100.
    #[serde(default)]
    canaries: Vec<CanaryBody>,
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

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CanaryBody {
    /// The canary's public name, `apk_…`.
    key: String,
    /// How often the gate has refused the canary since the last report.
    uses: u32,
    /// When the gate last refused it, in seconds since 1970.
    last_used_at: u32,
    /// Where the last request with it came from, if the gate knows.
    #[schema(value_type = Option<String>)]
    address: Option<IpAddr>,
}

#[derive(Serialize, ToSchema)]
struct UsageAnswer {
    /// The number of reported keys that exist, and of canaries that are not revoked.
    known: u64,
}

/// Report how often keys were used, and which canaries were. Each use of a canary is an event.
#[utoipa::path(
    post, path = "/usage", tag = "gates", operation_id = "report_usage", request_body = UsageBody,
    responses((status = 200, description = "The number of reported keys that exist, and of canaries that are not revoked", body = UsageAnswer))
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
    let canaries = body.canaries.into_iter().map(|canary| {
        let CanaryBody { key, uses, last_used_at, address } = canary;
        CanaryUse { key, uses, last_used_at, address }
    });
    // Alarms first: if the uses then fail, the gate sends all of it again.
    let canaries = issuer.keys().report_canaries(&canaries.collect::<Vec<_>>()).await?;
    let known = canaries + issuer.keys().report_usage(&uses.collect::<Vec<_>>()).await?;
    Ok(Answered(UsageAnswer { known }))
}
