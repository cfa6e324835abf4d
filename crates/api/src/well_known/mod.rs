//! The files that verifiers and relying parties fetch.

mod files;
mod static_file;
mod status_lists;

use axum::Router;
use axum::http::{Method, header};
use axum::routing::get;
use portcullis_issuer::issuer::Issuer;
use tower_http::cors::{Any, CorsLayer};

pub(super) fn routes() -> Router<Issuer> {
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers([header::IF_NONE_MATCH, header::CACHE_CONTROL])
        .expose_headers([header::ETAG, header::AGE, header::DATE]);
    Router::new()
        .merge(files::routes())
        .route("/status-lists/{name}", get(status_lists::show))
        .layer(cors)
}
