//! The keyring and its signers.

use portcullis_core::keyring::{Purpose, State};
use portcullis_core::list::{BulkScope, BulkState};
use portcullis_core::time::Time;
use portcullis_core::token::Environment;

use super::diagnosis::Diagnosis;
use crate::error::Error;
use crate::home::Home;
use crate::issuer::Issuer;
use crate::keystore::{Keystore, StoredKey};
use crate::store::Connection;
use crate::store::bulk::BulkRecord;
use crate::store::{self, bulk};
use crate::time_format::rfc3339_millis;

/// A keyring that ends within this many days is reported.
const KEYRING_DAYS: u64 = 30;

/// The same if the root key is absent and must be brought first.
const ROOT_DAYS: u64 = 90;

/// Only the root can sign another keyring, and it is often stored elsewhere, so warn early.
pub(super) fn keyring(home: &Home, ends: Time, days: u64, seen: &mut Diagnosis) {
    let mut found = format!("valid until {}, {days} days from now", rfc3339_millis(ends));
    let here = home.root_key().exists();
    if !here && days < ROOT_DAYS {
        found.push_str("; the root key is not here");
    }
    let mend = if here {
        "sign a new one: `portcullis keyring renew --for 365d`; verifiers refuse everything after \
         that day"
    } else {
        "bring the root key and sign a new one: `portcullis keyring renew --for 365d --root FILE`; \
         verifiers refuse everything after that day"
    };
    if days < KEYRING_DAYS {
        seen.bad("keyring", found, mend);
    } else if !here && days < ROOT_DAYS {
        seen.warn("keyring", found, mend);
    } else {
        seen.good("keyring", found);
    }
}

/// Finds active signers with bulk entries that would refuse their new keys at once.
pub(super) async fn revoked_signers(
    issuer: &Issuer,
    connection: &mut Connection,
    seen: &mut Diagnosis,
) -> Result<(), Error> {
    let now = store::now(connection, issuer.now()).await?.secs();
    let entries = bulk::in_force(connection).await?;
    // Whether an entry covers the keys that a signer issues now.
    let ends = |record: &&BulkRecord, key: &StoredKey| {
        let issued = record.entry.issued;
        let whose = match record.entry.scope {
            BulkScope::Kid(kid) => kid == key.kid,
            BulkScope::Environment(environment) => key.environments == [environment],
            BulkScope::Owner(_) | BulkScope::Serials { .. } => false,
        };
        whose && (issued.from..issued.before).contains(&now)
    };
    for key in issuer.keystore().keys() {
        let signs = matches!(key.purpose, Purpose::Token | Purpose::Admin);
        if !signs || key.state != State::Active {
            continue;
        }
        if let Some(record) = entries.iter().find(|record| ends(record, key)) {
            let state = match record.entry.state {
                BulkState::Revoked => "revoked",
                BulkState::Suspended => "suspended",
            };
            let (kid, purpose) = (key.kid, key.purpose.name());
            let found = format!(
                "the active signer {kid} of {purpose} keys is {state} (number {} of `portcullis \
                 revoke --list`): each key that it signs is refused",
                record.id
            );
            let mend = match record.entry.state {
                BulkState::Revoked => {
                    format!("make another: `portcullis keyring rotate --purpose {purpose} --now`")
                }
                BulkState::Suspended => {
                    format!("lift it: `portcullis revoke --lift {}`", record.id)
                }
            };
            seen.bad("signers", found, mend);
        }
    }
    Ok(())
}

pub(super) fn signers(keystore: &Keystore, seen: &mut Diagnosis) {
    let mut missing = Vec::new();
    if keystore.list_signer().is_none() {
        missing.push("lists".to_owned());
    }
    for (purpose, environments) in
        [(Purpose::Token, &Environment::ALL[..]), (Purpose::Admin, &[Environment::Live])]
    {
        for environment in environments {
            let serves = keystore.keys().iter().any(|key| {
                key.purpose == purpose
                    && key.state == State::Active
                    && key.environments.contains(environment)
            });
            if !serves {
                missing.push(format!("{} {} keys", environment.name(), purpose.name()));
            }
        }
    }
    if missing.is_empty() {
        seen.good("signers", "one is active for every purpose");
    } else {
        let found = format!("none is active for {}", missing.join(", "));
        seen.bad("signers", found, "add signing keys and sign a new keyring with the root key");
    }
}
