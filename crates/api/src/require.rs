//! Which scopes an operation requires: a type in its handler's signature.
//!
//! `Require<KeysWrite>`, the first parameter of a handler, is all that says so. [`Routes`] reads it
//! when the handler is registered, and takes from it what the authentication layer checks and the
//! line `security` of the API's description. A handler without it can't be registered there, and a
//! route below the authentication layer that was registered otherwise requires every scope. Open by
//! design, and outside of that layer, are `/v1/self`, `/v1/docs` and `/v1/openapi.json`.

use std::collections::HashMap;
use std::marker::PhantomData;

use axum::extract::{DefaultBodyLimit, FromRequestParts};
use axum::handler::Handler;
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use portcullis_issuer::actions::scopes;
use portcullis_issuer::actor::{Actor, NoActor};
use portcullis_issuer::error::Error;
use portcullis_issuer::issuer::Issuer;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::SecurityRequirement;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::caller::{Admin, refuse_scope};
use super::extract::Path;
use super::openapi::{PREFIX, SCHEME};

/// Scopes that a handler requires, all of them.
pub(super) trait Scopes: Send {
    fn names() -> Vec<String>;
}

macro_rules! scopes {
    ($($type:ident = $scope:ident),+ $(,)?) => {$(
        #[derive(Debug)]
        pub(super) enum $type {}

        impl Scopes for $type {
            fn names() -> Vec<String> {
                vec![scopes::$scope.to_owned()]
            }
        }
    )+};
}

scopes!(
    AdminsWrite = ADMINS_WRITE,
    AuditRead = AUDIT_READ,
    GatesReport = GATES_REPORT,
    KeyringRead = KEYRING_READ,
    KeysRead = KEYS_READ,
    KeysRevoke = KEYS_REVOKE,
    KeysVerify = KEYS_VERIFY,
    KeysWrite = KEYS_WRITE,
    ListPublish = LIST_PUBLISH,
    ListRead = LIST_READ,
    MetricsRead = METRICS_READ,
    OwnersRead = OWNERS_READ,
    OwnersWrite = OWNERS_WRITE,
    PoliciesRead = POLICIES_READ,
    PoliciesWrite = POLICIES_WRITE,
    SettingsRead = SETTINGS_READ,
    SettingsWrite = SETTINGS_WRITE,
    WebhooksRead = WEBHOOKS_READ,
    WebhooksWrite = WEBHOOKS_WRITE,
);

impl<A: Scopes, B: Scopes> Scopes for (A, B) {
    fn names() -> Vec<String> {
        [A::names(), B::names()].concat()
    }
}

/// The caller, an admin key that holds the scopes `S`. A handler has to make its changes through
/// this issuer, which acts as the key: nothing can be committed through the server's own handle.
#[derive(Debug)]
pub(super) struct Require<S> {
    pub(super) issuer: Issuer,
    pub(super) admin: Admin,
    scopes: PhantomData<S>,
}

impl<S: Scopes> FromRequestParts<Issuer> for Require<S> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, issuer: &Issuer) -> Result<Self, Response> {
        let admin =
            parts.extensions.get::<Admin>().ok_or(Error::NoActor(NoActor)).map_err(refuse_scope)?;
        // The authentication layer has checked the scopes of the route. This holds even if the
        // handler is reached by another one.
        scopes::check_grant(&admin.scopes, &S::names()).map_err(refuse_scope)?;
        let (admin, issuer) = (admin.clone(), issuer.acting_as(Actor::key(&admin.id)));
        Ok(Self { issuer, admin, scopes: PhantomData })
    }
}

/// The id of the key that the path names, if the caller may change that key. An admin key may be
/// changed only by a caller that holds all of its scopes.
#[derive(Debug)]
pub(super) struct KeyToChange(pub(super) String);

impl FromRequestParts<Issuer> for KeyToChange {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, issuer: &Issuer) -> Result<Self, Response> {
        let path = Path::from_request_parts(parts, issuer).await;
        let Path(id) = path.map_err(IntoResponse::into_response)?;
        let admin =
            parts.extensions.get::<Admin>().ok_or(Error::NoActor(NoActor)).map_err(refuse_scope)?;
        issuer.admins().check_may_change(&admin.scopes, &id).await.map_err(refuse_scope)?;
        Ok(Self(id))
    }
}

/// Refuses an act on several keys if one of them is an admin key that the caller may not change.
/// For a key that the path names, the authentication layer has already checked this.
pub(super) async fn check_may_change_all(
    issuer: &Issuer,
    admin: &Admin,
    ids: &[String],
) -> Result<(), Error> {
    for id in ids {
        issuer.admins().check_may_change(&admin.scopes, id).await?;
    }
    Ok(())
}

/// The parameters of a handler that names the scopes that it requires.
#[diagnostic::on_unimplemented(
    message = "the handler doesn't say which scopes it requires",
    note = "its first parameter must be `Require<…>`"
)]
pub(super) trait Requires {
    type Scopes: Scopes;
}

macro_rules! requires {
    ($($parameter:ident)*) => {
        impl<M, S: Scopes, $($parameter,)*> Requires for (M, Require<S>, $($parameter,)*) {
            type Scopes = S;
        }
    };
}

requires!();
requires!(A);
requires!(A B);
requires!(A B C);
requires!(A B C D);
requires!(A B C D E);

/// Routes under `/v1`, with their description and the scopes that they require.
pub(super) struct Routes {
    pub(super) router: OpenApiRouter<Issuer>,
    pub(super) scopes: RouteScopes,
}

/// `operation!(handler)`: what [`Routes::and`] registers.
macro_rules! operation {
    ($handler:ident) => {
        ($handler, utoipa_axum::routes!($handler))
    };
}
pub(super) use operation;

impl Routes {
    pub(super) fn new() -> Self {
        Self { router: OpenApiRouter::new(), scopes: RouteScopes::default() }
    }

    /// Registers an operation under the scopes that its handler requires.
    pub(super) fn and<H, T>(
        mut self,
        (_, (schemas, mut paths, router)): (H, UtoipaMethodRouter<Issuer>),
    ) -> Self
    where
        H: Handler<T, Issuer>,
        T: Requires,
    {
        let scopes = T::Scopes::names();
        for (path, item) in &mut paths.paths {
            for (method, operation) in operations(item) {
                operation.security = Some(vec![SecurityRequirement::new(SCHEME, &scopes)]);
                self.scopes.add(&format!("{PREFIX}{path}"), method, scopes.clone());
            }
        }
        self.router = self.router.routes((schemas, paths, router));
        self
    }

    pub(super) fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.scopes.0.extend(other.scopes.0);
        self
    }

    /// Sets the largest body that the operations registered so far take, in bytes.
    pub(super) fn limit_body(mut self, len: usize) -> Self {
        self.router = self.router.layer(DefaultBodyLimit::max(len));
        self
    }
}

/// The operations of a path, by their methods.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    let methods = [
        (Method::GET, get),
        (Method::PUT, put),
        (Method::POST, post),
        (Method::DELETE, delete),
        (Method::PATCH, patch),
    ];
    methods.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// The scopes that each route requires, by its path and method.
#[derive(Debug, Default)]
pub(super) struct RouteScopes(HashMap<(String, Method), Vec<String>>);

impl RouteScopes {
    /// A route outside `/v1`.
    pub(super) fn and<S: Scopes>(mut self, path: &str, method: Method) -> Self {
        self.add(path, method, S::names());
        self
    }

    fn add(&mut self, path: &str, method: Method, scopes: Vec<String>) {
        self.0.insert((path.to_owned(), method), scopes);
    }

    /// The scopes that this route requires. A route for which none are registered requires all of
    /// them.
    pub(super) fn of(&self, path: &str, method: &Method) -> Vec<String> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        let found = self.0.get(&(path.to_owned(), method.clone()));
        found.cloned().unwrap_or_else(|| vec![scopes::EVERYTHING.to_owned()])
    }
}
