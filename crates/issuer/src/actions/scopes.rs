//! What admin keys may do: scopes, matched as those of policies are (`docs/policy.md`).

use portcullis_core::policy::{grant_covers, is_grant};

use crate::actions::Criteria;
use crate::context::Context;
use crate::error::Error;
use crate::record::{KeyPurpose, KeyRecord};
use crate::store::keys;

/// Reading records of keys.
pub const KEYS_READ: &str = "keys:read";
/// Making, changing and rolling keys.
pub const KEYS_WRITE: &str = "keys:write";
/// Revoking, suspending and resuming keys.
pub const KEYS_REVOKE: &str = "keys:revoke";
/// Verifying keys.
pub const KEYS_VERIFY: &str = "keys:verify";
/// Making admin keys, and changing them in any way.
pub const ADMINS_WRITE: &str = "admins:write";
/// Reading policies.
pub const POLICIES_READ: &str = "policies:read";
/// Making and changing policies.
pub const POLICIES_WRITE: &str = "policies:write";
/// Reading owners.
pub const OWNERS_READ: &str = "owners:read";
/// Making, changing and revoking owners.
pub const OWNERS_WRITE: &str = "owners:write";
/// Reading what is published.
pub const LIST_READ: &str = "list:read";
/// Publishing.
pub const LIST_PUBLISH: &str = "list:publish";
/// Reading the audit trail and the stream of events.
pub const AUDIT_READ: &str = "audit:read";
/// Reading webhooks and their deliveries.
pub const WEBHOOKS_READ: &str = "webhooks:read";
/// Making and changing webhooks.
pub const WEBHOOKS_WRITE: &str = "webhooks:write";
/// Fetching what gates with a credential read.
pub const GATES_READ: &str = "gates:read";
/// Reporting from gates.
pub const GATES_REPORT: &str = "gates:report";
/// Reading the keyring's signers.
pub const KEYRING_READ: &str = "keyring:read";
/// Reading the settings that keys must meet.
pub const SETTINGS_READ: &str = "settings:read";
/// Changing the settings that keys must meet.
pub const SETTINGS_WRITE: &str = "settings:write";
/// Reading metrics.
pub const METRICS_READ: &str = "metrics:read";

/// Every scope that the API requires, with its purpose.
pub const ALL: [(&str, &str); 20] = [
    (KEYS_READ, "read records of keys"),
    (KEYS_WRITE, "create, update and roll keys"),
    (KEYS_REVOKE, "revoke, suspend and resume keys"),
    (KEYS_VERIFY, "verify keys"),
    (ADMINS_WRITE, "create, update, roll and revoke admin keys"),
    (POLICIES_READ, "read policies"),
    (POLICIES_WRITE, "create, update and delete policies"),
    (OWNERS_READ, "read owners"),
    (OWNERS_WRITE, "create, update and delete owners"),
    (LIST_READ, "read the published list and its targets"),
    (LIST_PUBLISH, "publish a list"),
    (AUDIT_READ, "read the audit trail and follow events"),
    (WEBHOOKS_READ, "read webhooks and their deliveries"),
    (WEBHOOKS_WRITE, "create, update and delete webhooks"),
    (GATES_READ, "fetch private policies, as gates do"),
    (GATES_REPORT, "report how often keys were used"),
    (KEYRING_READ, "read the keyring's signers"),
    (SETTINGS_READ, "read the settings for keys"),
    (SETTINGS_WRITE, "change the settings for keys"),
    (METRICS_READ, "read metrics"),
];

/// Covers every scope. A route that names no scope requires it.
pub const EVERYTHING: &str = "*";

const MAX_SCOPES: usize = 64;
const MAX_SCOPE_LEN: usize = 255;

/// Whether one of the grants covers `wanted`. If `wanted` holds wildcards, only a grant at least as
/// wide covers it.
#[must_use]
pub fn covers(grants: &[String], wanted: &str) -> bool {
    grants.iter().any(|grant| grant_covers(grant, wanted))
}

/// Checks the scopes of a new key with this purpose.
///
/// # Errors
/// [`Error::Invalid`] for scopes on a key that is no admin key, for an admin key without scopes,
/// and for a text that covers no scope of the API.
pub fn check(purpose: KeyPurpose, scopes: &[String]) -> Result<(), Error> {
    let invalid = |reason| Err(Error::Invalid { field: "scopes", reason });
    match purpose {
        KeyPurpose::Token | KeyPurpose::Canary if scopes.is_empty() => return Ok(()),
        KeyPurpose::Token | KeyPurpose::Canary => {
            return invalid("are for admin keys; what other keys may do is in their policy");
        }
        KeyPurpose::Admin if scopes.is_empty() => {
            return invalid("must say what the admin key may do; `*` is everything");
        }
        KeyPurpose::Admin => {}
    }
    if scopes.len() > MAX_SCOPES {
        return invalid("must be 64 at most");
    }
    let covers_any = |grant: &str| ALL.iter().any(|(name, _)| grant_covers(grant, name));
    let fits =
        |grant: &String| grant.len() <= MAX_SCOPE_LEN && is_grant(grant) && covers_any(grant);
    if scopes.iter().all(fits) {
        Ok(())
    } else {
        invalid(
            "must be scopes of the API, such as keys:read, keys:* or *; GET /v1/openapi.json lists them",
        )
    }
}

/// Checks that a holder of `held` may grant `wanted`.
///
/// # Errors
/// [`Error::Scope`] with the first scope that `held` lacks.
pub fn check_grant(held: &[String], wanted: &[String]) -> Result<(), Error> {
    match wanted.iter().find(|wanted| !covers(held, wanted)) {
        None => Ok(()),
        Some(scope) => Err(Error::Scope { scope: scope.clone() }),
    }
}

/// Checks that a holder of `held` may change the key `id`. An admin key requires
/// [`ADMINS_WRITE`] and every scope of that key, because rolling it grants them and revoking it
/// removes them.
pub(crate) async fn check_may_change(
    context: &Context,
    held: &[String],
    id: &str,
) -> Result<(), Error> {
    let record = keys::find(&mut *context.store().read().await?, id).await?;
    record.map_or(Ok(()), |record| may_change(held, &record))
}

/// Narrows criteria to the keys that a holder of `held` may change: all keys with [`EVERYTHING`],
/// otherwise no admin keys.
///
/// # Errors
/// [`Error::Scope`] if the criteria select only admin keys.
pub fn narrow(held: &[String], criteria: Criteria) -> Result<Criteria, Error> {
    let everything = check_grant(held, &[EVERYTHING.to_owned()]);
    match (everything, criteria.purpose) {
        (Ok(()), _) | (Err(_), Some(KeyPurpose::Token | KeyPurpose::Canary)) => Ok(criteria),
        (Err(error), Some(KeyPurpose::Admin)) => Err(error),
        (Err(_), None) => Ok(Criteria { purpose: Some(KeyPurpose::Token), ..criteria }),
    }
}

fn may_change(held: &[String], record: &KeyRecord) -> Result<(), Error> {
    match record.purpose {
        KeyPurpose::Token | KeyPurpose::Canary => Ok(()),
        KeyPurpose::Admin => {
            check_grant(held, &[ADMINS_WRITE.to_owned()])?;
            check_grant(held, &record.admin_scopes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(list: &[&str]) -> Vec<String> {
        list.iter().map(|&scope| scope.to_owned()).collect()
    }

    #[test]
    fn nobody_gives_what_they_do_not_hold() {
        let cases = [
            (&["*"][..], &["*", "keys:*", "keys:read"][..], true),
            (&["keys:*"], &["keys:read", "keys:*"], true),
            (&["keys:*"], &["*"], false),
            (&["keys:read"], &["keys:*"], false),
            (&["*:read"], &["keys:read", "*:read"], true),
            (&["*:read"], &["*"], false),
            (&["*:*"], &["*"], false),
            (&["*:*"], &["keys:*"], true),
            (&["keys:read", "keys:write"], &["keys:write", "keys:read"], true),
            (&["keys:read"], &["keys:read", "list:read"], false),
            (&[], &["keys:read"], false),
        ];
        for (held, wanted, may) in cases {
            let given = check_grant(&scopes(held), &scopes(wanted));
            assert_eq!(given.is_ok(), may, "{held:?} {wanted:?}");
        }
    }

    #[test]
    fn scopes_are_those_of_the_api_and_of_admin_keys_alone() {
        let admin = |list: &[&str]| check(KeyPurpose::Admin, &scopes(list)).is_ok();
        assert!(admin(&["*"]) && admin(&["keys:*", "list:read"]) && admin(&["*:read"]));
        for bad in ["", "keys", "key:read", "keys:", "Keys:read", "keys:read:all", "a b"] {
            assert!(!admin(&[bad]), "{bad}");
        }
        assert!(!admin(&[]) && !admin(&["*"; 65]));
        assert!(check(KeyPurpose::Token, &[]).is_ok());
        assert!(check(KeyPurpose::Token, &scopes(&["*"])).is_err());
    }
}
