//! What is done to a key: revoking, suspending, rolling, its sales channels, judging it.

use std::time::Duration;

use axum::Extension;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use portcullis_core::token::Kind;
use serde::Deserialize;
use serde_json::json;

use super::auth::{self, Admin};
use super::body::{Json, Path, Query};
use super::keys::{Answer, answer_change, minted_view, view, views};
use super::keys_query::{Filter, algorithm, environment, kind, moment};
use super::list::{WaitQuery, committed, committed_and_waited};
use super::problem::Problem;
use crate::error::Error;
use crate::issuer::Issuer;
use crate::rules::{Moment, Revocation, Roll, Selector};
use crate::view::VerdictView;

pub(super) fn routes() -> Router<Issuer> {
    Router::new()
        .route("/keys/revoke", post(revoke_many))
        .route("/keys/authenticate", post(authenticate))
        .route("/keys/{id}/revoke", post(revoke))
        .route("/keys/{id}/suspend", post(suspend))
        .route("/keys/{id}/resume", post(resume))
        .route("/keys/{id}/roll", post(roll))
        .route("/keys/{id}/sales-channels", post(sales_channels))
        .route("/verify", post(verify))
}

/// What whoever holds a key may do with it: the key itself is what lets them in.
pub(super) fn self_routes() -> Router<Issuer> {
    Router::new()
        .route("/revoke", post(revoke_self))
        .fallback(super::no_such_resource)
        .method_not_allowed_fallback(super::wrong_method)
        .layer(middleware::map_response(super::never_cached))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RevokeBody {
    in_seconds: Option<u64>,
    at: Option<String>,
    revoked_by: Option<String>,
}

impl RevokeBody {
    fn revocation(self, admin: Admin) -> Result<Revocation, Error> {
        let when = moment(self.in_seconds, self.at.as_deref(), "at")?.unwrap_or(Moment::Now);
        Ok(Revocation { when, by: self.revoked_by.or(Some(admin.id)) })
    }
}

async fn revoke(
    State(issuer): State<Issuer>,
    Extension(admin): Extension<Admin>,
    Path(id): Path,
    Query(wait): Query<WaitQuery>,
    Json(body): Json<RevokeBody>,
) -> Answer {
    let revoked = issuer.revoke(&id, &body.revocation(admin)?).await;
    let revoked = revoked.map_err(|error| Problem::about(&id, error))?;
    let key = json!(view(&issuer, &revoked.record).await?);
    committed_and_waited(&issuer, key, StatusCode::OK, revoked.published, wait).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RevokeManyBody {
    ids: Option<Vec<String>>,
    r#where: Option<Filter>,
    in_seconds: Option<u64>,
    at: Option<String>,
    revoked_by: Option<String>,
}

async fn revoke_many(
    State(issuer): State<Issuer>,
    Extension(admin): Extension<Admin>,
    Query(wait): Query<WaitQuery>,
    Json(body): Json<RevokeManyBody>,
) -> Answer {
    let selector = match (body.ids, body.r#where) {
        (Some(ids), None) => Selector::Ids(ids),
        (None, Some(filter)) => Selector::Like(Box::new(filter.criteria()?)),
        (None, None) => return Err(Error::NothingSelected.into()),
        (Some(_), Some(_)) => {
            let reason = "and `where` exclude each other";
            return Err(Error::Invalid { field: "ids", reason }.into());
        }
    };
    let (in_seconds, at, revoked_by) = (body.in_seconds, body.at, body.revoked_by);
    let revocation = RevokeBody { in_seconds, at, revoked_by }.revocation(admin)?;
    let revoked = issuer.revoke_all(&selector, &revocation).await?;
    let keys = views(&issuer, &revoked.records).await?;
    let answer = json!({ "count": keys.len(), "keys": keys });
    committed_and_waited(&issuer, answer, StatusCode::OK, revoked.published, wait).await
}

async fn revoke_self(State(issuer): State<Issuer>, headers: HeaderMap) -> Answer {
    let Some(token) = auth::bearer(&headers) else {
        let detail = "send the key that is to be revoked as `Authorization: Bearer <key>`";
        return Ok(auth::refuse(r#"Bearer realm="portcullis""#, "no_key", detail));
    };
    match issuer.revoke_held(token).await {
        Ok(revoked) => {
            let key = view(&issuer, &revoked.record).await?;
            let answer = json!({ "id": key.id, "state": key.state, "revoked_at": key.revoked_at });
            Ok(committed(&issuer, answer, StatusCode::OK, revoked.published))
        }
        Err(error) => Ok(challenge(error)),
    }
}

fn challenge(error: Error) -> Response {
    let foreign = matches!(error, Error::NotAuthentic);
    let mut response = Problem::from(error).into_response();
    if foreign {
        let challenge =
            HeaderValue::from_static(r#"Bearer realm="portcullis", error="invalid_token""#);
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ByBody {
    by: Option<String>,
}

async fn suspend(
    State(issuer): State<Issuer>,
    Extension(admin): Extension<Admin>,
    Path(id): Path,
    Json(body): Json<ByBody>,
) -> Answer {
    let by = body.by.unwrap_or(admin.id);
    answer_change(&issuer, &id, issuer.suspend(&id, Some(&by)).await).await
}

async fn resume(
    State(issuer): State<Issuer>,
    Extension(admin): Extension<Admin>,
    Path(id): Path,
    Json(body): Json<ByBody>,
) -> Answer {
    let by = body.by.unwrap_or(admin.id);
    answer_change(&issuer, &id, issuer.resume(&id, Some(&by)).await).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RollBody {
    overlap_seconds: Option<u64>,
    rolled_by: Option<String>,
    owner: Option<u32>,
    policy: Option<u32>,
    algorithm: Option<String>,
    expires_in_seconds: Option<u64>,
    expires_at: Option<String>,
    #[serde(default)]
    never_expires: bool,
}

async fn roll(
    State(issuer): State<Issuer>,
    Extension(admin): Extension<Admin>,
    Path(id): Path,
    Json(body): Json<RollBody>,
) -> Answer {
    let expires = moment(body.expires_in_seconds, body.expires_at.as_deref(), "expires_at")?;
    if body.never_expires && expires.is_some() {
        let reason = "and a time of expiry exclude each other";
        return Err(Error::Invalid { field: "never_expires", reason }.into());
    }
    let roll = Roll {
        overlap: body.overlap_seconds.map_or(Roll::DEFAULT_OVERLAP, Duration::from_secs),
        by: body.rolled_by.or(Some(admin.id)),
        owner: body.owner,
        policy: body.policy,
        algorithm: algorithm(body.algorithm.as_deref())?,
        expires: if body.never_expires { Some(None) } else { expires.map(Some) },
    };
    let rolled = issuer.roll(&id, &roll).await.map_err(|error| Problem::about(&id, error))?;
    let mut answer = minted_view(&issuer, &rolled.minted).await?;
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("rolled".into(), json!(view(&issuer, &rolled.old).await?));
    }
    Ok(committed(&issuer, answer, StatusCode::OK, rolled.published))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChannelsBody {
    #[serde(default)]
    add: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
}

async fn sales_channels(
    State(issuer): State<Issuer>,
    Extension(admin): Extension<Admin>,
    Path(id): Path,
    Json(body): Json<ChannelsBody>,
) -> Answer {
    let changed = issuer.change_sales_channels(&id, &body.add, &body.remove, Some(&admin.id)).await;
    answer_change(&issuer, &id, changed).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VerifyBody {
    token: String,
    kind: Option<String>,
    environment: Option<String>,
}

async fn verify(State(issuer): State<Issuer>, Json(body): Json<VerifyBody>) -> Answer {
    let token = zeroize::Zeroizing::new(body.token);
    let kind = kind(body.kind.as_deref())?;
    let environment = environment(body.environment.as_deref())?;
    let verdict = issuer.verify(&token, kind, environment).await?;
    Ok(axum::Json(VerdictView::new(&verdict, issuer.now())).into_response())
}

async fn authenticate(State(issuer): State<Issuer>, Json(body): Json<VerifyBody>) -> Answer {
    let token = zeroize::Zeroizing::new(body.token);
    let kind = kind(body.kind.as_deref())?.unwrap_or(Kind::Secret);
    let environment = environment(body.environment.as_deref())?;
    let answer = match issuer.authenticate(&token, kind, environment).await?.result {
        Ok(record) => json!({ "ok": true, "key": view(&issuer, &record).await? }),
        Err(refusal) => {
            json!({ "ok": false, "code": refusal.code(), "message": refusal.to_string() })
        }
    };
    Ok(axum::Json(answer).into_response())
}
