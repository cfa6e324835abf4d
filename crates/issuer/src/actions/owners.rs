//! Owners: the tenants that keys belong to. Tokens carry an owner's number, so numbers are random,
//! reveal nothing, and are never reused.

use serde_json::{Map, Value, json};

use crate::actions::check_text;
use crate::context::Context;
use crate::error::Error;
use crate::store::events::EventType;
use crate::store::owners::{self, Owner};
use crate::store::{Change, Connection};

/// The longest metadata, in bytes of JSON.
const MAX_METADATA_LEN: usize = 16 * 1024;

/// The properties of an owner to make.
#[derive(Clone, Debug, Default)]
pub struct NewOwner {
    /// The display name: 1 to 255 characters.
    pub name: String,
    /// The owner's id in another system.
    pub external_id: Option<String>,
    /// The user's metadata.
    pub metadata: Map<String, Value>,
    /// The person the caller acts for, as named by the caller.
    pub by: Option<String>,
}

/// A change of an owner. `None` keeps a field.
#[derive(Clone, Debug, Default)]
pub struct OwnerChange {
    /// A new name.
    pub name: Option<String>,
    /// A new external id; `Some(None)` removes it.
    pub external_id: Option<Option<String>>,
    /// New metadata, which replaces the old as a whole.
    pub metadata: Option<Map<String, Value>>,
    /// The person the caller acts for, as named by the caller.
    pub by: Option<String>,
}

/// Makes an owner.
pub(crate) async fn create_owner(context: &Context, new: &NewOwner) -> Result<Owner, Error> {
    check_text("name", &new.name)?;
    check_metadata(&new.metadata)?;
    let mut change = context.change(new.by.as_deref()).await?;
    let now = change.now();
    check_external_id(&mut change, new.external_id.as_deref(), 0).await?;
    let owner = Owner {
        number: draw(&mut change).await?,
        name: new.name.clone(),
        external_id: new.external_id.clone(),
        metadata: new.metadata.clone(),
        created: now,
        updated: now,
    };
    owners::insert(&mut change, &owner).await?;
    write_event(&mut change, EventType::OwnerCreated, &owner).await?;
    change.save().await?;
    Ok(owner)
}

/// The owner with this number.
pub(crate) async fn show_owner(context: &Context, number: u32) -> Result<Owner, Error> {
    find(&mut *context.store().read().await?, number).await
}

/// Up to `limit` owners by ascending number, after `after`. With `external_id`, only the owner
/// with that id in the other system.
pub(crate) async fn list_owners(
    context: &Context,
    external_id: Option<&str>,
    after: u32,
    limit: u32,
) -> Result<Vec<Owner>, Error> {
    super::policies::check_limit(limit)?;
    let mut reading = context.store().read().await?;
    match external_id {
        Some(id) => Ok(owners::by_external_id(&mut reading, id).await?.into_iter().collect()),
        None => Ok(owners::list(&mut reading, after, limit).await?),
    }
}

/// Changes an owner.
pub(crate) async fn update_owner(
    context: &Context,
    number: u32,
    edit: &OwnerChange,
) -> Result<Owner, Error> {
    let mut change = context.change(edit.by.as_deref()).await?;
    let now = change.now();
    let mut owner = find(&mut change, number).await?;
    if let Some(name) = &edit.name {
        check_text("name", name)?;
        owner.name.clone_from(name);
    }
    if let Some(external_id) = &edit.external_id {
        check_external_id(&mut change, external_id.as_deref(), number).await?;
        owner.external_id.clone_from(external_id);
    }
    if let Some(metadata) = &edit.metadata {
        check_metadata(metadata)?;
        owner.metadata.clone_from(metadata);
    }
    owner.updated = now;
    owners::update(&mut change, &owner).await?;
    write_event(&mut change, EventType::OwnerUpdated, &owner).await?;
    change.save().await?;
    Ok(owner)
}

/// Deletes an owner that no key in force has. The number is never reused.
pub(crate) async fn delete_owner(
    context: &Context,
    number: u32,
    by: Option<&str>,
) -> Result<(), Error> {
    let mut change = context.change(by).await?;
    let now = change.now();
    let owner = find(&mut change, number).await?;
    if owners::is_used(&mut change, number, now).await? {
        return Err(Error::InUse { what: "owner" });
    }
    owners::delete(&mut change, number, now).await?;
    write_event(&mut change, EventType::OwnerDeleted, &owner).await?;
    Ok(change.save().await?)
}

/// Checks that a key may carry this owner: 0 for none, or an existing owner.
pub(crate) async fn check_owner(connection: &mut Connection, number: u32) -> Result<(), Error> {
    if number != 0 && owners::find(connection, number).await?.is_none() {
        let reason = "must be the number of an owner (`portcullis owners list`), or 0 for none";
        return Err(Error::Invalid { field: "owner", reason });
    }
    Ok(())
}

async fn find(connection: &mut Connection, number: u32) -> Result<Owner, Error> {
    owners::find(connection, number).await?.ok_or(Error::Unknown { what: "owner" })
}

async fn draw(connection: &mut Connection) -> Result<u32, Error> {
    loop {
        let number = u32::from_be_bytes(*crate::random::secret()?);
        if number != 0 && !owners::is_taken(connection, number).await? {
            return Ok(number);
        }
    }
}

async fn check_external_id(
    connection: &mut Connection,
    external_id: Option<&str>,
    number: u32,
) -> Result<(), Error> {
    let Some(external_id) = external_id else { return Ok(()) };
    check_text("external_id", external_id)?;
    let taken = owners::by_external_id(connection, external_id).await?;
    if taken.is_some_and(|owner| owner.number != number) {
        return Err(Error::Invalid { field: "external_id", reason: "is another owner's already" });
    }
    Ok(())
}

fn check_metadata(metadata: &Map<String, Value>) -> Result<(), Error> {
    let length = Value::Object(metadata.clone()).to_string().len();
    if length > MAX_METADATA_LEN {
        return Err(Error::Invalid { field: "metadata", reason: "must be at most 16 kB of JSON" });
    }
    Ok(())
}

async fn write_event(
    change: &mut Change<'_>,
    event: EventType,
    owner: &Owner,
) -> Result<(), Error> {
    let data =
        json!({ "owner": owner.number, "name": owner.name, "external_id": owner.external_id });
    Ok(change.event(event, None, data).await?)
}
