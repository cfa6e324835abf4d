//! A Worker that verifies API keys itself: it reports the caller, has a route that requires a
//! scope, and forwards every other request to an origin with the caller's identity.
//!
//! `ROUTES` may configure which requests need which keys, as for the gate.

#![cfg(target_arch = "wasm32")]

use portcullis_gate_worker::{AuthorizedRequest, Caller, Decision, authorize};
use serde_json::{Value, json};
use worker::{Context, Env, Response, Result, event, web_sys};

#[event(fetch)]
async fn fetch(request: web_sys::Request, env: Env, ctx: Context) -> Result<web_sys::Response> {
    let authorized = match authorize(request, &env, &ctx).await? {
        Decision::Authorized(authorized) => authorized,
        // The key is refused, or can't be verified; or the request was for a page of the gate, such
        // as `/.portcullis/health`.
        Decision::Answer(answer) => return Ok(answer),
    };
    match authorized.path().as_str() {
        "/whoami" => answer(&authorized, &authorized.caller().map_or(Value::Null, who)),
        "/reports" => match authorized.require(&["reports:read"])? {
            Decision::Authorized(authorized) => {
                let asked = authorized.original().text().await?;
                answer(&authorized, &reports(authorized.caller(), &asked))
            }
            Decision::Answer(answer) => Ok(answer),
        },
        _ => authorized.send().await,
    }
}

/// An answer of this Worker. `finish` adds the rate-limit headers of a limited key.
fn answer(authorized: &AuthorizedRequest, body: &Value) -> Result<web_sys::Response> {
    authorized.finish(&Response::from_json(body)?.into())
}

fn who(caller: &Caller) -> Value {
    json!({
        "key": caller.name().to_string(),
        "kind": caller.kind().name(),
        "environment": caller.environment().name(),
        "owner": caller.owner(),
        "policy": caller.policy(),
        "scopes": caller.scopes().collect::<Vec<_>>(),
        "sales_channels": caller.sales_channels().collect::<Vec<_>>(),
        "list": caller.list(),
        "freshness": caller.freshness().name(),
    })
}

/// The purpose of this Worker. An owner gets only its own reports.
fn reports(caller: Option<&Caller>, asked: &str) -> Value {
    let owner = caller.and_then(Caller::owner);
    json!({ "owner": owner, "asked": asked, "reports": [] })
}
