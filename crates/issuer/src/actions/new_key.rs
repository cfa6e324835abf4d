//! The properties of a key to make, and what is made of them.

use portcullis_core::token::{Algorithm, Environment, Kind, Label};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::actions::{When, check_by, check_channels, check_metadata, check_text, scopes};
use crate::actor::Actor;
use crate::error::Error;
use crate::record::KeyPurpose;
use crate::store::bulk::EffectiveKey;

/// The properties of a key to make.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Whether the key is for gates or for the issuer's API.
    pub purpose: KeyPurpose,
    /// Secret or publishable.
    pub kind: Kind,
    /// Live or test.
    pub environment: Environment,
    /// The algorithm. The default is HMAC for secret keys, and Ed25519 for publishable and admin
    /// keys.
    pub algorithm: Option<Algorithm>,
    /// One of the keyring's labels, [`Label::NONE`] for none; its first, if nothing is said.
    pub label: Option<Label>,
    /// The display name: 1 to 255 characters.
    pub title: String,
    /// The user's metadata.
    pub metadata: Map<String, Value>,
    /// The scopes of an admin key (see [`scopes`]); empty for other keys.
    pub admin_scopes: Vec<String>,
    /// The owner's number, 0 for none.
    pub owner: u32,
    /// The policy's number. With 0, a publishable key gets a policy of its own and a secret key
    /// none.
    pub policy: u32,
    /// The sales channels, for a publishable key with a policy of its own.
    pub sales_channels: Vec<String>,
    /// When the key expires, at least a second from now.
    pub expires: Expiry,
    /// The person the key is made for, as named by the caller. The default is the principal.
    pub created_by: Option<String>,
}

/// The requested expiry of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expiry {
    /// Not specified: the settings' default lifetime applies, or never if they set none.
    #[default]
    Unsaid,
    /// Never.
    Never,
    /// At this moment.
    At(When),
    /// The expiry of the key that this one replaces, `None` for never. If the settings no longer
    /// allow it, it counts as not specified.
    Kept(Option<u32>),
}

impl Expiry {
    /// The part of the request digest that covers the expiry.
    pub(super) fn request(self) -> Value {
        match self {
            Self::Unsaid | Self::Kept(_) => Value::Null,
            Self::Never => json!("never"),
            Self::At(moment) => moment.request(),
        }
    }
}

impl From<Option<When>> for Expiry {
    fn from(moment: Option<When>) -> Self {
        moment.map_or(Self::Unsaid, Self::At)
    }
}

impl NewKey {
    /// A secret live key with this title and defaults otherwise.
    #[must_use]
    pub fn titled(title: &str) -> Self {
        Self {
            purpose: KeyPurpose::Token,
            kind: Kind::Secret,
            environment: Environment::Live,
            algorithm: None,
            label: None,
            title: title.into(),
            metadata: Map::new(),
            admin_scopes: Vec::new(),
            owner: 0,
            policy: 0,
            sales_channels: Vec::new(),
            expires: Expiry::Unsaid,
            created_by: None,
        }
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        let by_default = match (self.purpose, self.kind) {
            (KeyPurpose::Token, Kind::Secret) | (KeyPurpose::Canary, _) => Algorithm::HmacSha256,
            (KeyPurpose::Token, Kind::Publishable) | (KeyPurpose::Admin, _) => Algorithm::Ed25519,
        };
        self.algorithm.unwrap_or(by_default)
    }

    /// Whether the key gets a policy of its own, so that its sales channels can change
    /// independently of other keys.
    pub(super) fn has_own_policy(&self) -> bool {
        self.kind == Kind::Publishable && self.policy == 0
    }

    /// Checks everything that doesn't depend on the clock or the store.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::NotPublishable`], [`Error::SharedPolicy`].
    pub fn check(&self) -> Result<(), Error> {
        check_text("title", &self.title)?;
        let is_hmac = self.kind == Kind::Secret && self.algorithm() == Algorithm::HmacSha256;
        if self.purpose == KeyPurpose::Canary && !is_hmac {
            let reason = "is for secret keys with HMAC: leave kind and algorithm out";
            return Err(Error::Invalid { field: "canary", reason });
        }
        check_by("created_by", self.created_by.as_deref())?;
        check_metadata(&self.metadata)?;
        check_channels(&self.sales_channels)?;
        if !self.sales_channels.is_empty() && !self.has_own_policy() {
            let secret = self.kind == Kind::Secret;
            return Err(if secret { Error::NotPublishable } else { Error::SharedPolicy });
        }
        scopes::check(self.purpose, &self.admin_scopes)
    }

    /// The canonical request: two requests are equal if their values are. `actor` sends it.
    pub(super) fn request(&self, actor: &Actor) -> Value {
        let by_default = || if actor.is_key() { actor.name() } else { "cli" };
        let mut request = json!([
            self.purpose.name(),
            self.kind.name(),
            self.environment.name(),
            self.algorithm().name(),
            self.title,
            self.metadata,
            self.admin_scopes,
            self.owner,
            self.policy,
            self.sales_channels,
            self.expires.request(),
            self.created_by.as_deref().unwrap_or_else(by_default),
        ]);
        // Without a label it is what it was before there was a choice: a name stays good.
        if let (Some(label), Some(request)) = (&self.label, request.as_array_mut()) {
            request.push(label.as_str().into());
        }
        request
    }
}

/// A new key and its token. The token of a secret key is stored nowhere.
#[derive(Clone, Debug)]
pub struct Minted {
    /// The record.
    pub record: EffectiveKey,
    /// The token.
    pub token: Zeroizing<String>,
}
