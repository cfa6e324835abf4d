//! The gate's own answers.

use core::cell::RefCell;

use worker::wasm_bindgen::JsCast as _;
use worker::web_sys;

use portcullis_gate::gate::Gate;
use portcullis_gate::host::Host as _;
use portcullis_gate::request_state::ReservedPage;
use portcullis_gate::response::headers::{cors_headers, debug};
use portcullis_gate::response::problem::Problem;
use portcullis_gate::response::refused::Refused;
use portcullis_gate::telemetry::analytics::DataPoint;
use portcullis_gate::telemetry::log::Event;

use crate::clock::now;
use crate::host::Runtime;
use crate::log::log;

/// The answer to a refused request. `origin` is that of the page that sent it, for CORS.
pub(crate) fn refuse(
    runtime: &Runtime,
    refused: Refused,
    origin: Option<&str>,
) -> worker::Result<web_sys::Response> {
    let settings = &runtime.settings;
    let problem = Problem::of(&refused, &settings.rates);
    if settings.analytics {
        runtime.write_point(&DataPoint::refused(&refused, &problem));
    }
    let debug = settings.debug.then(|| debug(refused.reason.code(), refused.name, refused.list));
    log(&Event::Refused(refused));
    answer(&problem, debug.as_deref(), origin)
}

/// One of the gate's own pages.
pub(crate) fn reserved_page(
    gate: &RefCell<Gate>,
    page: ReservedPage,
) -> worker::Result<web_sys::Response> {
    let (status, kind, body) = match page {
        ReservedPage::Health { ready: true } => (200, "text/plain", "ready\n".to_owned()),
        ReservedPage::Health { ready: false } => {
            (503, "text/plain", "no list is in force\n".to_owned())
        }
        ReservedPage::Status => (200, "application/json", gate.borrow().status(now())),
        ReservedPage::Nothing => {
            (404, "text/plain", "there is nothing at this address\n".to_owned())
        }
    };
    let headers = [("content-type", kind.to_owned()), ("cache-control", "no-store".to_owned())];
    respond(status, &headers, &body)
}

/// The answer for a problem, readable by a page of `origin`.
///
/// # Errors
/// Those of the runtime.
pub fn answer(
    problem: &Problem,
    debug: Option<&str>,
    origin: Option<&str>,
) -> worker::Result<web_sys::Response> {
    let mut headers = problem.headers();
    headers.extend(cors_headers(origin));
    headers.extend(debug.map(|debug| ("portcullis-debug", debug.to_owned())));
    respond(problem.status(), &headers, &problem.body())
}

fn respond(
    status: u16,
    values: &[(&'static str, String)],
    body: &str,
) -> worker::Result<web_sys::Response> {
    let headers = web_sys::Headers::new()?;
    for (name, value) in values {
        headers.set(name, value)?;
    }
    let init = web_sys::ResponseInit::new();
    init.set_status(status);
    init.set_headers(headers.unchecked_ref());
    Ok(web_sys::Response::new_with_opt_str_and_init(Some(body), &init)?)
}
