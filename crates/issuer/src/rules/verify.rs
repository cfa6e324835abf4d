//! Verifying keys, by the path that every gate uses, over the list that is published.

use portcullis_core::keyring::Purpose;
use portcullis_core::list::Mark;
use portcullis_core::token::{Environment, Kind};
use portcullis_core::verify::{Accepted, Demand, Refusal};

use crate::error::Error;
use crate::issuer::Issuer;
use crate::record::{KeyPurpose, KeyRecord, KeyState};
use crate::store::{self, keys};

/// What a gate of this issuer would say, and by which list.
#[derive(Debug)]
pub struct Verdict {
    /// The key, or why it is refused.
    pub result: Result<Accepted, Refusal>,
    /// The key's title, where it is accepted and the store knows it.
    pub title: Option<String>,
    /// The list that it was judged by.
    pub list: Option<Mark>,
}

/// Why a caller is not let in to the issuer's API. What is answered does not tell these apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAdmin {
    /// The key is refused as any would be.
    Refused(Refusal),
    /// The key is authentic, but the store does not hold it as an admin key in force.
    NotInForce,
}

impl Issuer {
    /// Judges a token as a gate that asks for this kind and environment would.
    ///
    /// # Errors
    /// The store's. A key that is refused is no error.
    pub async fn verify(
        &self,
        token: &str,
        kind: Option<Kind>,
        environment: Option<Environment>,
    ) -> Result<Verdict, Error> {
        let mut reading = self.store().read().await?;
        let view = self.view_in(&mut reading).await?;
        let demand = Demand { purpose: Purpose::Token, kind, environment };
        let result = view.verify(token, &demand, self.now());
        let title = match &result {
            Ok(accepted) => {
                let record = keys::find(&mut reading, &accepted.name().to_string()).await?;
                if record.is_none() {
                    tracing::warn!(key = %accepted.name(), "an authentic key has no record here");
                }
                record.map(|record| record.title)
            }
            Err(_) => None,
        };
        Ok(Verdict { result, title, list: view.mark() })
    }

    /// The record of the admin key that `token` is: verified like any key, and looked up as well,
    /// so that who steals a signing key still lacks a record.
    ///
    /// # Errors
    /// The store's.
    pub async fn admin(&self, token: &str) -> Result<Result<KeyRecord, NotAdmin>, Error> {
        let mut reading = self.store().read().await?;
        let view = self.view_in(&mut reading).await?;
        let demand =
            Demand { purpose: Purpose::Admin, kind: Some(Kind::Secret), environment: None };
        let accepted = match view.verify(token, &demand, self.now()) {
            Ok(accepted) => accepted,
            Err(refusal) => return Ok(Err(NotAdmin::Refused(refusal))),
        };
        let now = store::now(&mut reading, self.now()).await?;
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
}
