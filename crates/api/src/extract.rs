//! Request bodies and queries: strict JSON without unknown fields. Each error becomes a problem.

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use portcullis_issuer::import::json_detail;
use serde::de::DeserializeOwned;

use super::connections::is_timeout;
use super::problem::Problem;

/// The largest request body, in bytes.
pub const MAX_BODY_LEN: usize = 64 * 1024;

/// The raw body, up to the limit of its route.
#[derive(Debug)]
pub(super) struct Whole(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for Whole {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Bytes::from_request(request, state).await.map(Self).map_err(|rejection| {
            if is_timeout(&rejection) {
                let detail = "the body did not arrive in time; nothing was done, send it again";
                return Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", detail);
            }
            let detail = if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                format!("the body is too long: at most {MAX_BODY_LEN} bytes, 8 MiB for an import")
            } else {
                "the body could not be read".into()
            };
            Problem::new(rejection.status(), "body", detail)
        })
    }
}

/// A JSON body. No body at all counts as `{}`.
#[derive(Debug)]
pub(super) struct Json<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).cloned();
        let Whole(bytes) = Whole::from_request(request, state).await?;
        if bytes.is_empty() {
            return decode(b"{}");
        }
        let is_json = kind.and_then(|kind| {
            let kind = kind.to_str().ok()?.split(';').next()?.trim().to_ascii_lowercase();
            Some(kind == "application/json")
        });
        if is_json != Some(true) {
            let detail = "send the body as `Content-Type: application/json`";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type", detail));
        }
        decode(&bytes)
    }
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<Json<T>, Problem> {
    serde_json::from_slice(bytes).map(Json).map_err(|error| {
        let detail = json_detail(&error);
        let detail = if detail == "is not JSON" { "the body is not JSON".into() } else { detail };
        let place = format!("{detail} (line {}, column {})", error.line(), error.column());
        Problem::new(StatusCode::BAD_REQUEST, "invalid_json", place)
    })
}

/// One object, or a list of them.
#[derive(Debug)]
pub(super) enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<'de, T: serde::Deserialize<'de>> serde::Deserialize<'de> for OneOrMany<T> {
    /// Chooses the variant by the first character, so that an error refers to the form that the
    /// caller used.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::Deserialize as _;
        use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
        struct Either<T>(std::marker::PhantomData<T>);

        impl<'de, T: serde::Deserialize<'de>> serde::de::Visitor<'de> for Either<T> {
            type Value = OneOrMany<T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object or a list of objects")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                map: A,
            ) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(OneOrMany::One)
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                seq: A,
            ) -> Result<Self::Value, A::Error> {
                Vec::<T>::deserialize(SeqAccessDeserializer::new(seq)).map(OneOrMany::Many)
            }
        }
        deserializer.deserialize_any(Either(std::marker::PhantomData))
    }
}

/// Deserializes a field for which null is a value of its own. With `#[serde(default)]`, a missing
/// field is `None`.
pub(super) fn given<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// The only parameter of a path.
#[derive(Debug)]
pub(super) struct Path(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Path {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::<String>::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(part)| Self(part)).map_err(|rejection| {
            Problem::new(StatusCode::BAD_REQUEST, "invalid_path", rejection.body_text())
        })
    }
}

/// A query string.
#[derive(Debug)]
pub(super) struct Query<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = axum::extract::Query::from_request_parts(parts, state).await;
        query.map(|axum::extract::Query(query)| Self(query)).map_err(|rejection: QueryRejection| {
            Problem::new(StatusCode::BAD_REQUEST, "invalid_query", rejection.body_text())
        })
    }
}
