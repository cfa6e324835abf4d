//! Creating keys.

use portcullis_core::issue::redact;
use portcullis_core::keyring::Keyring;
use portcullis_core::time::Time;
use portcullis_core::token::{Algorithm, Claims, Environment, Kind, Label, Lifetime, Name, Serial};
use portcullis_core::verify::Unverified;
use serde_json::json;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::issuer::Issuer;
use crate::keystore::StoredKey;
use crate::record::{KeyPurpose, KeyRecord};
use crate::rules::{Moment, check_text, scopes};
use crate::store::Connection;
use crate::store::events::{self, Event, EventType};
use crate::store::{self, keys, shards};

/// What key to make.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// For gates, or for the issuer's API.
    pub purpose: KeyPurpose,
    /// Secret or publishable.
    pub kind: Kind,
    /// Live or test.
    pub environment: Environment,
    /// The algorithm; by default HMAC for secret keys and Ed25519 for publishable and admin keys.
    pub algorithm: Option<Algorithm>,
    /// What people call the key: 1 to 255 characters.
    pub title: String,
    /// The owner's number, 0 for none.
    pub owner: u32,
    /// The policy's number, 0 for none.
    pub policy: u32,
    /// What an admin key may do; empty for others.
    pub admin_scopes: Vec<String>,
    /// When it expires, if ever: a second after now.
    pub expires: Option<Moment>,
    /// Who makes it.
    pub created_by: Option<String>,
}

impl NewKey {
    /// A secret live key with this title and nothing else.
    #[must_use]
    pub fn titled(title: &str) -> Self {
        Self {
            purpose: KeyPurpose::Token,
            kind: Kind::Secret,
            environment: Environment::Live,
            algorithm: None,
            title: title.into(),
            owner: 0,
            policy: 0,
            admin_scopes: Vec::new(),
            expires: None,
            created_by: None,
        }
    }

    fn algorithm(&self) -> Algorithm {
        let by_default = match (self.purpose, self.kind) {
            (KeyPurpose::Token, Kind::Secret) => Algorithm::HmacSha256,
            (KeyPurpose::Token, Kind::Publishable) | (KeyPurpose::Admin, _) => Algorithm::Ed25519,
        };
        self.algorithm.unwrap_or(by_default)
    }
}

/// A key that was made, with its text, which for a secret key is kept nowhere.
#[derive(Clone, Debug)]
pub struct Minted {
    /// The record.
    pub record: KeyRecord,
    /// The token.
    pub token: Zeroizing<String>,
}

impl Issuer {
    /// Makes a key. Its serial is covered by the list that is published, so it counts at once.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::NoSigner`], [`Error::ShardFull`], and the store's.
    pub async fn create(&self, new: &NewKey) -> Result<Minted, Error> {
        check_text("title", &new.title)?;
        if let Some(by) = &new.created_by {
            check_text("created_by", by)?;
        }
        let mut writing = self.store().write().await?;
        let now = store::now(&mut writing, self.now()).await?;
        let minted = self.create_in(&mut writing, new, None, now).await?;
        writing.commit().await?;
        Ok(minted)
    }

    /// Makes a key in a transaction of which it is a part.
    pub(super) async fn create_in(
        &self,
        connection: &mut Connection,
        new: &NewKey,
        rolled_from: Option<&str>,
        now: Time,
    ) -> Result<Minted, Error> {
        scopes::check(new.purpose, &new.admin_scopes)?;
        let lifetime = lifetime(new, now)?;
        let view = self.view_in(connection).await?;
        let keyring = view.replica().keyring();
        let keystore = self.keystore();
        let signer = keystore
            .token_key(new.purpose.signer(), new.kind, new.environment, new.algorithm())
            .ok_or(Error::NoSigner)?;
        let label = keyring.labels().first().copied().unwrap_or(Label::NONE);
        let claims = Claims {
            kind: new.kind,
            environment: new.environment,
            kid: signer.kid,
            serial: take_serial(connection).await?,
            nonce: u16::from_be_bytes(*crate::random::secret()?),
            lifetime,
            owner: new.owner,
            policy: new.policy,
        };
        let token = mint(signer, keyring, new.purpose, label, &claims)?;
        let record = KeyRecord {
            id: Name::derive(keyring.issuer(), claims.serial).to_string(),
            serial: claims.serial,
            kid: claims.kid,
            nonce: claims.nonce,
            purpose: new.purpose,
            kind: new.kind,
            environment: new.environment,
            label: label.as_str().into(),
            title: new.title.clone(),
            metadata: serde_json::Map::new(),
            admin_scopes: new.admin_scopes.clone(),
            owner: new.owner,
            policy: new.policy,
            redacted: redact(&token),
            token: (new.kind == Kind::Publishable).then(|| token.to_string()),
            issued_at: lifetime.issued_at,
            expires_at: lifetime.expires_at,
            revoked_at: None,
            revoked_by: None,
            suspended: None,
            suspended_by: None,
            deleted: None,
            created_by: new.created_by.clone(),
            rolled_from: rolled_from.map(Into::into),
            created: now,
            updated: now,
        };
        keys::insert(connection, &record).await?;
        shards::count_issued(connection, claims.serial.shard()).await?;
        let data = json!({
            "kind": record.kind.name(),
            "environment": record.environment.name(),
            "purpose": record.purpose.name(),
            "title": record.title,
            "owner": record.owner,
            "policy": record.policy,
            "scopes": record.admin_scopes,
            "expires_at": record.expires_at,
            "created_by": record.created_by,
            "rolled_from": record.rolled_from,
        });
        let event = Event {
            event: EventType::Created,
            key_id: Some(&record.id),
            actor: record.created_by.as_deref(),
            data,
        };
        events::append(connection, now, &event).await?;
        Ok(Minted { record, token })
    }
}

fn lifetime(new: &NewKey, now: Time) -> Result<Lifetime, Error> {
    let issued_at = now.secs();
    let expires_at = new.expires.map(|end| end.resolve(now, "expires_at")).transpose()?;
    if expires_at.is_some_and(|end| end <= issued_at) {
        return Err(Error::Invalid { field: "expires_at", reason: "must be in the future" });
    }
    Ok(Lifetime { issued_at, expires_at })
}

/// Draws a free slot of the first covered shard that has room. Slots are drawn at random, so that
/// a key does not tell how many were made, and never used twice.
async fn take_serial(connection: &mut Connection) -> Result<Serial, Error> {
    let shards = shards::shards(connection).await?;
    // Up to nine tenths a draw finds a free slot within ten tries on average.
    let open = shards.iter().find(|shard| {
        let room = u64::from(shard.capacity) * 9;
        shard.line.is_some() && u64::from(shard.issued) * 10 < room
    });
    let open = open.ok_or(Error::ShardFull)?;
    loop {
        let slot = crate::random::below_power_of_two(open.capacity.next_power_of_two())?;
        let Some(serial) = Serial::at(open.shard, slot).filter(|_| slot < open.capacity) else {
            continue;
        };
        if !keys::is_taken(connection, serial).await? {
            return Ok(serial);
        }
    }
}

/// Mints a token and reads it back with the verifying half.
fn mint(
    signer: &StoredKey,
    keyring: &Keyring,
    purpose: KeyPurpose,
    label: Label,
    claims: &Claims,
) -> Result<Zeroizing<String>, Error> {
    let token = signer.token_signer().mint(keyring.issuer(), label, claims);
    let read = Unverified::parse(&token).map_err(|_| Error::SelfCheck)?;
    read.authenticate(keyring, purpose.signer()).map_err(|_| Error::SelfCheck)?;
    Ok(token)
}
