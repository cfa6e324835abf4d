//! Verifies keys as every gate does, against the published list.

use portcullis_core::keyring::Purpose;
use portcullis_core::list::ListVersion;
use portcullis_core::time::Time;
use portcullis_core::token::{Environment, Kind};
use portcullis_core::verify::{Accepted, Refusal, Requirements, Unverified};

use crate::actions::canary;
use crate::actions::mint::sign_again;
use crate::context::Context;
use crate::error::Error;
use crate::names;
use crate::record::{KeyPurpose, KeyRecord, KeyState};
use crate::store::bulk::{self, EffectiveKey};
use crate::store::{self, Connection, keys};

/// A gate's verdict, and the list it used.
#[derive(Debug)]
pub struct Verdict {
    /// The key, or why it is refused.
    pub result: Result<Accepted, Refusal>,
    /// The key's title, if it is accepted and has a record.
    pub title: Option<String>,
    /// The id of the canary that the key is. It is refused as the forgery that it is to others.
    pub canary: Option<String>,
    /// The list used for verification.
    pub list: Option<ListVersion>,
}

/// Why a caller may not use the issuer's API. The response doesn't distinguish the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAdmin {
    /// Verification refuses the key.
    Refused(Refusal),
    /// The key is authentic, but the store does not hold it as an admin key in force.
    NotInForce,
}

/// The verdict of the records, which are ahead of every list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strict {
    /// The record, or why the key is refused.
    pub result: Result<Box<EffectiveKey>, StrictRefusal>,
}

/// Why the records refuse a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StrictRefusal {
    /// A gate would refuse it too.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The key is authentic but has no record.
    #[error("the key is not on record; it was deleted, or was not made here")]
    Unknown,
}

impl StrictRefusal {
    /// A stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Unknown => "unknown_key",
        }
    }
}

/// Verifies a token against the list if one is in force, and against its record in any case. A
/// key of a kind other than `kind` is refused.
pub(crate) async fn authenticate(
    context: &Context,
    token: &str,
    kind: Kind,
    environment: Option<Environment>,
) -> Result<Strict, Error> {
    let token = names::key_text(token);
    let mut reading = context.store().read().await?;
    let now = store::now(&mut reading, context.now()).await?;
    let view = context.published_state(&mut reading).await?;
    let requirements = Requirements { purpose: Purpose::Token, kind: Some(kind), environment };
    if let Err(refusal) = view.verify(token, &requirements, context.now())
        && !refusal.is_unavailable()
    {
        return Ok(Strict { result: Err(refusal.into()) });
    }
    let result = match record_of(context, &mut reading, token).await? {
        Err(refusal) => Err(refusal.into()),
        Ok(None) => Err(StrictRefusal::Unknown),
        Ok(Some(record)) => {
            let key = bulk::effective(&mut reading, record).await?;
            match verify_key(&key, &requirements, now) {
                Ok(()) => Ok(Box::new(key)),
                Err(refusal) => Err(refusal.into()),
            }
        }
    };
    Ok(Strict { result })
}

/// The record of the key with this token, in any state, if the token is authentic and has one.
pub(super) async fn record_of(
    context: &Context,
    connection: &mut Connection,
    token: &str,
) -> Result<Result<Option<KeyRecord>, Refusal>, Error> {
    let token = names::key_text(token);
    let view = context.published_state(connection).await?;
    let keyring = view.verifier().keyring();
    let unverified = match Unverified::parse(token) {
        Ok(unverified) => unverified,
        Err(malformed) => return Ok(Err(malformed.into())),
    };
    let authentic = match unverified.authenticate(keyring, Purpose::Token) {
        Err(Refusal::SignerNotAllowed(_)) => unverified.authenticate(keyring, Purpose::Admin),
        other => other,
    };
    let name = match authentic {
        Ok(authentic) => authentic.name().to_string(),
        Err(refusal) => return Ok(Err(refusal)),
    };
    let Some(record) = keys::find(connection, &name).await? else { return Ok(Ok(None)) };
    // Compare with the token that the record yields: a stolen signing key can name a serial but
    // not reproduce its record's claims.
    let same = *sign_again(context, &record)? == token;
    Ok(Ok(Some(record).filter(|_| same)))
}

/// Verifies a token as a gate that requires this kind and environment does.
pub(crate) async fn verify(
    context: &Context,
    token: &str,
    kind: Option<Kind>,
    environment: Option<Environment>,
) -> Result<Verdict, Error> {
    let token = names::key_text(token);
    let mut reading = context.store().read().await?;
    let view = context.published_state(&mut reading).await?;
    let requirements = Requirements { purpose: Purpose::Token, kind, environment };
    let result = view.verify(token, &requirements, context.now());
    let title = match &result {
        Ok(accepted) => {
            let record = keys::find(&mut reading, &accepted.name().to_string()).await?;
            if record.is_none() {
                context.metrics().unknown_key();
                tracing::warn!(key = %accepted.name(), "an authentic key has no record here");
            }
            record.map(|record| record.title)
        }
        Err(_) => None,
    };
    let canary = match &result {
        Ok(_) => None,
        Err(refusal) => canary::find(context, &mut reading, token, *refusal).await?,
    };
    let canary = canary.map(|record| record.id);
    Ok(Verdict { result, title, canary, list: view.list_version() })
}

/// The record of the admin key `id`, verified again as if its token had been presented.
pub(crate) async fn admin_again(
    context: &Context,
    id: &str,
) -> Result<Result<KeyRecord, NotAdmin>, Error> {
    let record = keys::find(&mut *context.store().read().await?, id).await?;
    let Some(record) = record else { return Ok(Err(NotAdmin::NotInForce)) };
    match sign_again(context, &record) {
        Ok(token) => admin(context, &token).await,
        // Its signer was removed from the keystore.
        Err(Error::NoSigner) => Ok(Err(NotAdmin::NotInForce)),
        Err(error) => Err(error),
    }
}

/// The record of the admin key with this token. The token is verified like any key and must
/// match a record, so a stolen signing key isn't enough.
pub(crate) async fn admin(
    context: &Context,
    token: &str,
) -> Result<Result<KeyRecord, NotAdmin>, Error> {
    let token = names::key_text(token);
    let mut reading = context.store().read().await?;
    let view = context.published_state(&mut reading).await?;
    let requirements =
        Requirements { purpose: Purpose::Admin, kind: Some(Kind::Secret), environment: None };
    let accepted = match view.verify(token, &requirements, context.now()) {
        Ok(accepted) => accepted,
        Err(refusal) => return Ok(Err(NotAdmin::Refused(refusal))),
    };
    let now = store::now(&mut reading, context.now()).await?;
    let record = keys::find(&mut reading, &accepted.name().to_string()).await?;
    let in_force = record.filter(|record| {
        let state = match record.state(now) {
            KeyState::Active | KeyState::Scheduled => true,
            KeyState::Suspended | KeyState::Revoked | KeyState::Expired => false,
        };
        state && record.purpose == KeyPurpose::Admin && record.claims() == *accepted.claims()
    });
    Ok(in_force.ok_or(NotAdmin::NotInForce))
}

/// Applies a gate's checks to the key's effective state in place of a list, in a gate's order.
fn verify_key(key: &EffectiveKey, requirements: &Requirements, now: Time) -> Result<(), Refusal> {
    match key.state(now) {
        KeyState::Active | KeyState::Scheduled => {}
        KeyState::Suspended => return Err(Refusal::Suspended),
        KeyState::Revoked => return Err(Refusal::Revoked),
        KeyState::Expired => return Err(Refusal::Expired),
    }
    if key.purpose != KeyPurpose::Token {
        return Err(Refusal::SignerNotAllowed(key.kid));
    }
    if let Some(needed) = requirements.kind.filter(|needed| *needed != key.kind) {
        return Err(Refusal::WrongKind { needed, given: key.kind });
    }
    if let Some(needed) = requirements.environment.filter(|needed| *needed != key.environment) {
        return Err(Refusal::WrongEnvironment { needed, given: key.environment });
    }
    Ok(())
}
