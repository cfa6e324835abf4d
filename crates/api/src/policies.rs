//! `/v1/policies…`.

#![allow(unused_qualifications, reason = "what utoipa writes for query parameters")]

use axum::Json as Answered;
use axum::extract::State;
use portcullis_issuer::actions::{NewPolicy, PolicyChange, PolicyRules};
use portcullis_issuer::committed::Committed;
use portcullis_issuer::error::Error;
use portcullis_issuer::issuer::Issuer;
use portcullis_issuer::store::policies;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::committed::{Made, committed};
use super::extract::{Json, Path, Query};
use super::problem::Problem;
use super::require::{PoliciesRead, PoliciesWrite, Require, Routes, operation};
use crate::view::records::{
    DeletedPolicy, PoliciesAnswer, PolicyAnswer, PolicyDeletedAnswer, PolicyView,
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .and(operation!(create))
        .and(operation!(list))
        .and(operation!(show))
        .and(operation!(update))
        .and(operation!(delete))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreatePolicyBody {
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

/// Create a policy, and publish.
#[utoipa::path(
    post, path = "/policies", tag = "policies", operation_id = "create_policy",
    request_body = CreatePolicyBody,
    responses(
        (status = 201, description = "Created and published", body = PolicyAnswer),
        (status = 202, description = "Created, not yet published", body = PolicyAnswer)
    )
)]
async fn create(
    Require { issuer, .. }: Require<PoliciesWrite>,
    Json(body): Json<CreatePolicyBody>,
) -> Result<Made<PolicyAnswer>, Problem> {
    let CreatePolicyBody { name, visibility, scopes, sales_channels, methods, paths, .. } = body;
    let CreatePolicyBody { cidrs, origins, rate_class, .. } = body;
    let rules = PolicyRules { scopes, sales_channels, methods, paths, cidrs, origins, rate_class };
    let visibility = policies::visibility(&visibility).ok_or(NO_VISIBILITY)?;
    let new = NewPolicy { name, visibility, rules, by: None };
    let Committed { value: policy, publication } = issuer.policies().create(&new).await?;
    Ok(Made(committed(&issuer, PolicyView::from(&policy), &publication)))
}

const NO_VISIBILITY: Error = Error::Invalid {
    field: "visibility",
    reason: "must be public (for publishable keys) or private (for secret keys)",
};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PoliciesQuery {
    visibility: Option<String>,
    after: Option<u32>,
    limit: Option<u32>,
}

/// List policies, ordered by number.
#[utoipa::path(
    get, path = "/policies", tag = "policies", operation_id = "list_policies",
    params(PoliciesQuery),
    responses(
        (status = 200, description = "A page of policies", body = PoliciesAnswer)
    )
)]
async fn list(
    _: Require<PoliciesRead>,
    State(issuer): State<Issuer>,
    Query(query): Query<PoliciesQuery>,
) -> Result<Answered<PoliciesAnswer>, Problem> {
    let (after, limit) = (query.after.unwrap_or(0), query.limit.unwrap_or(50));
    let visibility = query.visibility.as_deref();
    let visibility = visibility.map(|name| policies::visibility(name).ok_or(NO_VISIBILITY));
    let policies = issuer.policies().list(visibility.transpose()?, after, limit).await?;
    let full = usize::try_from(limit).is_ok_and(|limit| policies.len() == limit);
    let next = policies.last().filter(|_| full).map(|policy| policy.number);
    let policies = policies.iter().map(PolicyView::from).collect();
    Ok(Answered(PoliciesAnswer { policies, next_after: next }))
}

/// Show one policy.
#[utoipa::path(
    get, path = "/policies/{number}", tag = "policies", operation_id = "show_policy",
    params(("number" = u32, Path, description = "The policy's number")),
    responses(
        (status = 200, description = "The policy", body = PolicyView)
    )
)]
async fn show(
    _: Require<PoliciesRead>,
    State(issuer): State<Issuer>,
    Path(number): Path,
) -> Result<Answered<PolicyView>, Problem> {
    let policy = issuer.policies().show(read(&number)?).await?;
    Ok(Answered(PolicyView::from(&policy)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdatePolicyBody {
    name: Option<String>,
    scopes: Option<Vec<String>>,
    sales_channels: Option<Vec<String>>,
    methods: Option<Vec<String>>,
    paths: Option<Vec<String>>,
    cidrs: Option<Vec<String>>,
    origins: Option<Vec<String>>,
    #[serde(default, deserialize_with = "super::extract::given")]
    #[schema(value_type = Option<String>)]
    rate_class: Option<Option<String>>,
    visibility: Option<String>,
}

/// Update a policy, and publish.
#[utoipa::path(
    patch, path = "/policies/{number}", tag = "policies", operation_id = "update_policy",
    params(("number" = u32, Path, description = "The policy's number")),
    request_body = UpdatePolicyBody,
    responses(
        (status = 200, description = "Updated and published", body = PolicyAnswer),
        (status = 202, description = "Updated, not yet published", body = PolicyAnswer)
    )
)]
async fn update(
    Require { issuer, .. }: Require<PoliciesWrite>,
    Path(number): Path,
    Json(body): Json<UpdatePolicyBody>,
) -> Result<PolicyAnswer, Problem> {
    if body.visibility.is_some() {
        let reason = "can't be changed, because keys carry the number; make another policy";
        return Err(Error::Invalid { field: "visibility", reason }.into());
    }
    let UpdatePolicyBody { name, scopes, sales_channels, methods, paths, .. } = body;
    let UpdatePolicyBody { cidrs, origins, rate_class, .. } = body;
    let change = PolicyChange {
        name,
        scopes,
        sales_channels,
        methods,
        paths,
        cidrs,
        origins,
        rate_class,
        by: None,
    };
    let Committed { value: policy, publication } =
        issuer.policies().update(read(&number)?, &change).await?;
    Ok(committed(&issuer, PolicyView::from(&policy), &publication))
}

/// Delete a policy that no key in force has, and publish.
#[utoipa::path(
    delete, path = "/policies/{number}", tag = "policies", operation_id = "delete_policy",
    params(("number" = u32, Path, description = "The policy's number")),
    responses(
        (status = 200, description = "Deleted and published", body = PolicyDeletedAnswer),
        (status = 202, description = "Deleted, not yet published", body = PolicyDeletedAnswer)
    )
)]
async fn delete(
    Require { issuer, .. }: Require<PoliciesWrite>,
    Path(number): Path,
) -> Result<PolicyDeletedAnswer, Problem> {
    let Committed { value: policy, publication } =
        issuer.policies().delete(read(&number)?, None).await?;
    Ok(committed(&issuer, DeletedPolicy::of(&policy), &publication))
}

/// Reads a number in a path. A text that is no number gives the same error as an unknown number.
fn read(number: &str) -> Result<u32, Error> {
    number.parse().map_err(|_| Error::Unknown { what: "policy" })
}
