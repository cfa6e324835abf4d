//! The status page of one isolate, for the operator.

use portcullis_core::list::RevocationList;
use portcullis_core::time::Time;
use serde_json::{Value, json};

use crate::refresh::schedule::{Bounds, RefreshSchedule};
use crate::telemetry::Telemetry;
use crate::telemetry::counters::SourceState;
use crate::trust_state::TrustState;

/// The status page, as JSON. It holds no key and no secret.
pub(crate) fn page(
    trust: &TrustState,
    schedule: &RefreshSchedule,
    telemetry: &Telemetry,
    now: Time,
) -> String {
    let Bounds { fresh_for, deadline, cold_deadline } = schedule.bounds();
    let list = trust.list();
    let lag = telemetry.sources().iter().filter_map(SourceState::worst_lag).min();
    json!({
            "issuer": trust.verifier().map(|verifier| verifier.issuer().to_string()),
            "keyring": trust.verifier().map(|verifier| verifier.keyring().version()),
            "list": list.map(|list| list_status(list, schedule, now)),
            "in_force": trust.list_in_force(now).is_ok(),
            "bounds": {
                "fresh_for_ms": fresh_for,
                "deadline_ms": deadline,
                "cold_deadline_ms": cold_deadline,
                // In normal operation: see docs/revocation-bound.md. A stamp's age on arrival is
                // its period and its source's lag.
                "soft_ms": lag.map(|lag| lag + fresh_for + deadline),
                "hard_ms": list.map(|list| {
                    let list_version = list.list_version();
                    list_version.next_update.millis_since(list_version.this_update)
                }),
            },
            "sources": telemetry.sources().iter().map(|source| source.status(now)).collect::<Vec<_>>(),
            "policies": { "bytes": trust.policy_bytes() },
            "requests": { "passed": telemetry.counters().forwarded, "refused": telemetry.counters().refused },
            "usage": { "lost": telemetry.usage().lost() },
        })
        .to_string()
}

fn list_status(list: &RevocationList, schedule: &RefreshSchedule, now: Time) -> Value {
    let list_version = list.list_version();
    json!({
        "epoch": list_version.epoch,
        "number": list_version.number,
        "age_ms": list_version.age_millis(now),
        "freshness": schedule.freshness(list_version, now).name(),
        "next_update_in_ms": list_version.next_update.millis_since(now),
    })
}
