//! The criteria for keys, as a query string or an object names them.

#![allow(unused_qualifications, reason = "what utoipa writes for query parameters")]

use portcullis_issuer::actions::{self, Criteria, Order, Span};
use portcullis_issuer::error::Error;
use portcullis_issuer::record::{KeyPurpose, KeyState};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::fields::{environment, instant, kind, named};

/// The criteria for keys, in a query string or an object.
#[derive(Debug, Default, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// The title contains this text, or the redacted form does. If it chooses the keys of an act:
    /// the title.
    q: Option<String>,
    /// Ids, separated by commas.
    id: Option<String>,
    title: Option<String>,
    token: Option<String>,
    purpose: Option<String>,
    kind: Option<String>,
    environment: Option<String>,
    state: Option<String>,
    owner: Option<u32>,
    policy: Option<u32>,
    /// The principal that created the keys: an admin key's id, which includes keys of the admin
    /// keys that it created, or `user@host` of a shell.
    maker: Option<String>,
    sales_channel: Option<String>,
    created_from: Option<String>,
    created_before: Option<String>,
    updated_from: Option<String>,
    updated_before: Option<String>,
    revoked_from: Option<String>,
    revoked_before: Option<String>,
    order: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
    count: Option<bool>,
}

impl Filter {
    /// The criteria alone, without order and pages.
    pub(super) fn criteria(self) -> Result<Criteria, Error> {
        let paging = self.limit.is_some() || self.count.is_some();
        if self.order.is_some() || self.cursor.is_some() || paging {
            let reason = "must hold no order, limit, cursor or count";
            return Err(Error::Invalid { field: "where", reason });
        }
        Ok(self.query()?.criteria)
    }

    pub(super) fn query(self) -> Result<actions::Query, Error> {
        let span = |from: Option<String>, before: Option<String>, fields: [&'static str; 2]| {
            let [from_field, before_field] = fields;
            let from = instant(from.as_deref(), from_field)?;
            Ok::<_, Error>(Span { from, before: instant(before.as_deref(), before_field)? })
        };
        let ids = self.id.iter().flat_map(|ids| ids.split(','));
        let ids: Vec<String> = ids.map(|id| id.trim().into()).collect();
        let reason = "must be active, scheduled, suspended, revoked or expired";
        let state = named(self.state.as_deref(), KeyState::from_name, "state", reason)?;
        let reason = "must be token, admin or canary";
        let purpose = named(self.purpose.as_deref(), KeyPurpose::from_name, "purpose", reason)?;
        let criteria = Criteria {
            q: self.q,
            ids,
            title: self.title,
            token: self.token,
            purpose,
            kind: kind(self.kind.as_deref())?,
            environment: environment(self.environment.as_deref())?,
            state,
            owner: self.owner,
            policy: self.policy,
            maker: self.maker,
            sales_channel: self.sales_channel,
            created: span(
                self.created_from,
                self.created_before,
                ["created_from", "created_before"],
            )?,
            updated: span(
                self.updated_from,
                self.updated_before,
                ["updated_from", "updated_before"],
            )?,
            revoked: span(
                self.revoked_from,
                self.revoked_before,
                ["revoked_from", "revoked_before"],
            )?,
        };
        let reason = "must be created, updated or title, behind a - for the other way round";
        let order = named(self.order.as_deref(), Order::parse, "order", reason)?;
        let (order, ascending) = order.unwrap_or_default();
        let (limit, cursor, count) = (self.limit, self.cursor, self.count.unwrap_or(false));
        Ok(actions::Query { criteria, order, ascending, limit, cursor, count })
    }
}
