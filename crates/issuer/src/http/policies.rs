//! `/v1/policies…`.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Extension, Json as Answered};
use serde::Deserialize;
use serde_json::json;

use super::auth::Admin;
use super::body::{Json, Path, Query};
use super::list::committed;
use super::problem::Problem;
use crate::error::Error;
use crate::issuer::Issuer;
use crate::rules::{NewPolicy, PolicyChange, PolicyRules, Saved};
use crate::store::policies;
use crate::view::records::PolicyView;

pub(super) fn routes() -> Router<Issuer> {
    Router::new()
        .route("/policies", post(create).get(list))
        .route("/policies/{number}", get(show).patch(update).delete(delete))
}

type Answer = Result<Response, Problem>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateBody {
    name: String,
    visibility: String,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    sales_channels: Vec<String>,
    #[serde(default)]
    methods: Vec<String>,
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    cidrs: Vec<String>,
    #[serde(default)]
    origins: Vec<String>,
    rate_class: Option<String>,
}

async fn create(
    State(issuer): State<Issuer>,
    Extension(admin): Extension<Admin>,
    Json(body): Json<CreateBody>,
) -> Answer {
    let CreateBody { name, visibility, scopes, sales_channels, methods, paths, .. } = body;
    let CreateBody { cidrs, origins, rate_class, .. } = body;
    let rules = PolicyRules { scopes, sales_channels, methods, paths, cidrs, origins, rate_class };
    let visibility = policies::visibility(&visibility).ok_or(NO_VISIBILITY)?;
    let new = NewPolicy { name, visibility, rules, by: Some(admin.id) };
    let Saved { policy, published } = issuer.create_policy(&new).await?;
    Ok(committed(&issuer, json!(PolicyView::from(&policy)), StatusCode::CREATED, published))
}

const NO_VISIBILITY: Error = Error::Invalid {
    field: "visibility",
    reason: "must be public (for publishable keys) or private (for secret keys)",
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    visibility: Option<String>,
    after: Option<u32>,
    limit: Option<u32>,
}

async fn list(State(issuer): State<Issuer>, Query(query): Query<ListQuery>) -> Answer {
    let (after, limit) = (query.after.unwrap_or(0), query.limit.unwrap_or(50));
    let visibility = query.visibility.as_deref();
    let visibility = visibility.map(|name| policies::visibility(name).ok_or(NO_VISIBILITY));
    let policies = issuer.list_policies(visibility.transpose()?, after, limit).await?;
    let full = usize::try_from(limit).is_ok_and(|limit| policies.len() == limit);
    let next = policies.last().filter(|_| full).map(|policy| policy.number);
    let policies: Vec<PolicyView> = policies.iter().map(PolicyView::from).collect();
    Ok(Answered(json!({ "policies": policies, "next_after": next })).into_response())
}

async fn show(State(issuer): State<Issuer>, Path(number): Path) -> Answer {
    let policy = issuer.show_policy(read(&number)?).await?;
    Ok(Answered(PolicyView::from(&policy)).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateBody {
    name: Option<String>,
    scopes: Option<Vec<String>>,
    sales_channels: Option<Vec<String>>,
    methods: Option<Vec<String>>,
    paths: Option<Vec<String>>,
    cidrs: Option<Vec<String>>,
    origins: Option<Vec<String>>,
    #[serde(default, deserialize_with = "super::body::given")]
    rate_class: Option<Option<String>>,
    visibility: Option<String>,
}

async fn update(
    State(issuer): State<Issuer>,
    Extension(admin): Extension<Admin>,
    Path(number): Path,
    Json(body): Json<UpdateBody>,
) -> Answer {
    if body.visibility.is_some() {
        let reason = "can't be changed, because keys carry the number; make another policy";
        return Err(Error::Invalid { field: "visibility", reason }.into());
    }
    let UpdateBody { name, scopes, sales_channels, methods, paths, .. } = body;
    let UpdateBody { cidrs, origins, rate_class, .. } = body;
    let by = Some(admin.id);
    let change = PolicyChange {
        name,
        scopes,
        sales_channels,
        methods,
        paths,
        cidrs,
        origins,
        rate_class,
        by,
    };
    let Saved { policy, published } = issuer.update_policy(read(&number)?, &change).await?;
    Ok(committed(&issuer, json!(PolicyView::from(&policy)), StatusCode::OK, published))
}

async fn delete(
    State(issuer): State<Issuer>,
    Extension(admin): Extension<Admin>,
    Path(number): Path,
) -> Answer {
    let saved = issuer.delete_policy(read(&number)?, Some(&admin.id)).await?;
    let answer = json!({ "number": saved.policy.number, "deleted": true });
    Ok(committed(&issuer, answer, StatusCode::OK, saved.published))
}

/// A number in a path. What is none names nothing that there is.
fn read(number: &str) -> Result<u32, Error> {
    number.parse().map_err(|_| Error::Unknown { what: "policy" })
}
