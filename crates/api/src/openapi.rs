//! The API's description, OpenAPI 3.1: from the `#[utoipa::path]` beside each handler, and from the
//! scopes in the handler's signature (`require`).

use std::fmt::Write as _;

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_issuer::actions::scopes;
use portcullis_issuer::import::LineView;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use utoipa::OpenApi as _;

use super::problem::Problem;

pub(super) const PREFIX: &str = "/v1";
pub(super) const SCHEME: &str = "admin_key";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Portcullis issuer",
        description = "Creates API keys, stores their records and publishes the signed revocation list.\n\nAn operation that declares the header `Idempotency-Key` honours it: a request that is sent again with the same name is not executed again, and returns what the first one created. Every other operation refuses the header with the code `idempotency_not_supported`."
    ),
    components(schemas(Problem, LineView<'static>))
)]
struct Api;

/// The description of the routes in `api`, which are nested under `/v1`.
pub(super) fn document(api: utoipa::openapi::OpenApi) -> Value {
    let base = serde_json::to_value(Api::openapi().merge_from(api));
    // Serializing a value of our own types never fails.
    let Ok(Value::Object(mut document)) = base else { return Value::Null };
    let paths = document.remove("paths");
    let mut placed = Map::new();
    for (path, mut item) in paths.as_ref().and_then(Value::as_object).cloned().unwrap_or_default() {
        for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
            if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
                responses.insert("default".into(), problem());
            }
        }
        placed.insert(format!("{PREFIX}{path}"), item);
    }
    document.insert("paths".into(), Value::Object(placed));
    let mut scopes_text = String::from("An admin key, `Authorization: Bearer <key>`. Scopes:\n");
    for (name, what) in scopes::ALL {
        // Writing to a string never fails.
        let _ = write!(scopes_text, "\n- `{name}`: {what}");
    }
    let scheme = json!({ "type": "http", "scheme": "bearer", "description": scopes_text });
    if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
        components.insert("securitySchemes".into(), json!({ SCHEME: scheme }));
    }
    Value::Object(document)
}

fn problem() -> Value {
    json!({
        "description": "A problem (RFC 9457)",
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
    })
}

/// Each operation of a description: its path, its method, and its object.
pub(super) fn operations(document: &Value) -> impl Iterator<Item = (&str, Method, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        let operations = item.as_object().into_iter().flatten();
        operations.filter_map(move |(method, operation)| {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).ok()?;
            Some((path.as_str(), method, operation))
        })
    })
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;\
                     padding:0 1rem}pre{background:#8882;padding:.5rem;overflow:auto}\
                     code{font-size:.9em}summary{cursor:pointer}";

/// The content security policy of the page: it allows this style alone.
pub(super) fn page_policy() -> String {
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'")
}

/// The description as an HTML page that fetches nothing.
pub(super) fn page(document: &Value) -> String {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Portcullis issuer API</title>\
         <style>",
    );
    page.push_str(STYLE);
    page.push_str(
        "</style><h1>Portcullis issuer API</h1>\
         <p>The same as <a href=\"openapi.json\">openapi.json</a> (OpenAPI 3.1).</p>",
    );
    for (path, method, operation) in operations(document) {
        let text = |field: &str| escape(operation[field].as_str().unwrap_or_default());
        let rest = escape(&serde_json::to_string_pretty(operation).unwrap_or_default());
        let security = operation["security"].as_array().into_iter().flatten();
        let scopes = security.filter_map(|one| one[SCHEME].as_array()).flatten();
        let scopes: Vec<&str> = scopes.filter_map(Value::as_str).collect();
        // Writing to a string never fails.
        let _ = write!(
            page,
            "<h2><code>{method} {}</code></h2><p>{} Scope: <code>{}</code>.</p>\
             <details><summary>Parameters and answers</summary><pre>{rest}</pre></details>",
            escape(path),
            text("summary"),
            escape(&scopes.join(" ")),
        );
    }
    let schemas =
        escape(&serde_json::to_string_pretty(&document["components"]).unwrap_or_default());
    let _ = write!(page, "<h2>Types</h2><pre>{schemas}</pre></html>");
    page
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
