//! The gate's module: what the runtime calls, and nothing else.
//!
//! Nearly every request passes by `hot`, which `entry.js` asks first; what is left comes to `fetch`.
//! Events are handled here and not in `portcullis_worker`: its users have handlers of their own.

#![cfg(target_arch = "wasm32")]

mod hot;

use worker::{Context, Env, event, web_sys};

use portcullis_worker::{Verdict, judge};

/// Answers a request, or passes it on.
#[event(fetch)]
async fn fetch(
    request: web_sys::Request,
    env: Env,
    ctx: Context,
) -> worker::Result<web_sys::Response> {
    match judge(request, &env, &ctx).await? {
        Verdict::Pass(passage) => passage.send().await,
        Verdict::Answer(answer) => Ok(answer),
    }
}
