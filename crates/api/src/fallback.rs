//! Answers to requests for which there is no handler.

use axum::http::StatusCode;

use super::problem::Problem;

pub(super) async fn no_such_resource() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this address")
}

pub(super) async fn wrong_method() -> Problem {
    let detail = "this address does not know that method";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}
