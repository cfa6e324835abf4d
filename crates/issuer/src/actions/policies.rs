//! Policies: what keys may do. An edit takes effect with the next list; tokens don't change.

use portcullis_core::policy::Visibility;
use portcullis_core::token::Kind;
use serde_json::json;

use crate::actions::check_text;
use crate::committed::Unannounced;
use crate::context::Context;
use crate::error::Error;
pub use crate::policy_rules::PolicyRules;
use crate::store::events::EventType;
use crate::store::policies::{self, PolicyRecord, visibility_name};
use crate::store::{Change, Connection};

/// The properties of a policy to make.
#[derive(Clone, Debug)]
pub struct NewPolicy {
    /// The display name: 1 to 255 characters.
    pub name: String,
    /// For publishable keys (public) or for secret keys (private).
    pub visibility: Visibility,
    /// The rules.
    pub rules: PolicyRules,
    /// The person the caller acts for, as named by the caller.
    pub by: Option<String>,
}

/// A change of a policy. `None` keeps a field; a list replaces the old one as a whole.
#[derive(Clone, Debug, Default)]
pub struct PolicyChange {
    /// A new name.
    pub name: Option<String>,
    /// New scopes.
    pub scopes: Option<Vec<String>>,
    /// New sales channels.
    pub sales_channels: Option<Vec<String>>,
    /// New methods.
    pub methods: Option<Vec<String>>,
    /// New paths.
    pub paths: Option<Vec<String>>,
    /// New networks.
    pub cidrs: Option<Vec<String>>,
    /// New origins.
    pub origins: Option<Vec<String>>,
    /// A new rate class; `Some(None)` removes it.
    pub rate_class: Option<Option<String>>,
    /// The person the caller acts for, as named by the caller.
    pub by: Option<String>,
}

impl PolicyChange {
    fn apply(&self, policy: &mut PolicyRecord) {
        fn set<T: Clone>(to: &mut T, from: Option<&T>) {
            if let Some(from) = from {
                to.clone_from(from);
            }
        }
        set(&mut policy.name, self.name.as_ref());
        set(&mut policy.rules.scopes, self.scopes.as_ref());
        set(&mut policy.rules.sales_channels, self.sales_channels.as_ref());
        set(&mut policy.rules.methods, self.methods.as_ref());
        set(&mut policy.rules.paths, self.paths.as_ref());
        set(&mut policy.rules.cidrs, self.cidrs.as_ref());
        set(&mut policy.rules.origins, self.origins.as_ref());
        set(&mut policy.rules.rate_class, self.rate_class.as_ref());
    }
}

/// Makes a policy, and commits.
pub(crate) async fn create_policy(
    context: &Context,
    new: &NewPolicy,
) -> Result<Unannounced<PolicyRecord>, Error> {
    check_text("name", &new.name)?;
    new.rules.draft()?;
    let mut change = context.change(new.by.as_deref()).await?;
    let now = change.now();
    let policy = PolicyRecord {
        number: draw(&mut change).await?,
        visibility: new.visibility,
        name: new.name.clone(),
        rules: new.rules.clone(),
        key_id: None,
        created: now,
        updated: now,
    };
    policies::insert(&mut change, &policy).await?;
    write_event(&mut change, EventType::PolicyCreated, &policy).await?;
    Unannounced::commit(change, policy).await
}

/// The policy with this number.
pub(crate) async fn show_policy(context: &Context, number: u32) -> Result<PolicyRecord, Error> {
    find(&mut *context.store().read().await?, number).await
}

/// Up to `limit` policies by ascending number, after `after`. Policies that belong to one
/// publishable key are excluded: they are shown with their keys.
pub(crate) async fn list_policies(
    context: &Context,
    visibility: Option<Visibility>,
    after: u32,
    limit: u32,
) -> Result<Vec<PolicyRecord>, Error> {
    check_limit(limit)?;
    Ok(policies::list(&mut *context.store().read().await?, visibility, after, limit).await?)
}

/// Changes a policy, and commits.
pub(crate) async fn update_policy(
    context: &Context,
    number: u32,
    edit: &PolicyChange,
) -> Result<Unannounced<PolicyRecord>, Error> {
    let mut change = context.change(edit.by.as_deref()).await?;
    let now = change.now();
    let mut policy = find(&mut change, number).await?;
    edit.apply(&mut policy);
    check_text("name", &policy.name)?;
    policy.rules.draft()?;
    policy.updated = now;
    policies::update(&mut change, &policy).await?;
    write_event(&mut change, EventType::PolicyUpdated, &policy).await?;
    Unannounced::commit(change, policy).await
}

/// Deletes a policy that no key in force has, and commits. The number is never
/// reused.
pub(crate) async fn delete_policy(
    context: &Context,
    number: u32,
    by: Option<&str>,
) -> Result<Unannounced<PolicyRecord>, Error> {
    let mut change = context.change(by).await?;
    let now = change.now();
    let policy = find(&mut change, number).await?;
    if policies::is_used(&mut change, number, now).await? {
        return Err(Error::InUse { what: "policy" });
    }
    policies::delete(&mut change, number, now).await?;
    write_event(&mut change, EventType::PolicyDeleted, &policy).await?;
    Unannounced::commit(change, policy).await
}

/// Checks that a key of this kind may carry this policy: 0 for none, or an existing policy for keys
/// of this kind.
pub(crate) async fn check_policy(
    connection: &mut Connection,
    number: u32,
    kind: Kind,
) -> Result<(), Error> {
    if number == 0 {
        return Ok(());
    }
    let field = "policy";
    let Some(policy) = policies::find(connection, number).await? else {
        let reason = "must be the number of a policy (`portcullis policies list`), or 0 for none";
        return Err(Error::Invalid { field, reason });
    };
    if policy.visibility != Visibility::of(kind) {
        let reason = "must be a private one for secret keys, and a public one for publishable keys";
        return Err(Error::Invalid { field, reason });
    }
    Ok(())
}

pub(super) fn check_limit(limit: u32) -> Result<(), Error> {
    if (1..=200).contains(&limit) {
        return Ok(());
    }
    Err(Error::Invalid { field: "limit", reason: "must be 1 to 200" })
}

async fn find(connection: &mut Connection, number: u32) -> Result<PolicyRecord, Error> {
    policies::find(connection, number).await?.ok_or(Error::Unknown { what: "policy" })
}

async fn draw(connection: &mut Connection) -> Result<u32, Error> {
    loop {
        let number = u32::from_be_bytes(*crate::random::secret()?);
        if number != 0 && !policies::is_taken(connection, number).await? {
            return Ok(number);
        }
    }
}

async fn write_event(
    change: &mut Change<'_>,
    event: EventType,
    policy: &PolicyRecord,
) -> Result<(), Error> {
    let data = json!({
        "policy": policy.number,
        "visibility": visibility_name(policy.visibility),
        "name": policy.name,
        "rules": policy.rules,
    });
    Ok(change.event(event, None, data).await?)
}
