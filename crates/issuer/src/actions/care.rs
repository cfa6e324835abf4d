//! Safeguards for irreversible operations: previews, and the confirmations a caller must give.

use serde::Serialize;

use crate::actions::scopes;
use crate::error::Error;
use crate::record::KeyState;
use crate::store::bulk::{self, EffectiveKey};
use crate::store::{Connection, listing};
use portcullis_core::time::Time;

/// The caller's confirmations for an irreversible operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Care {
    /// The number of keys the operation must end. If the actual number differs, nothing is done.
    pub confirm: Option<u64>,
    /// The operation may end the last admin key that can make admin keys.
    pub last_admin: bool,
}

impl Care {
    /// The caller confirms any count and any consequence.
    pub(crate) const MEANT: Self = Self { confirm: None, last_admin: true };
}

/// What an act would do, or has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Preview {
    /// The keys that it ends.
    pub count: u64,
    /// How many of them are admin keys.
    pub admins: u64,
    /// How many admin keys that can make others are left in force.
    pub admins_left: u64,
}

/// The admin keys in force that can make admin keys. Without one, only the command line can.
pub(super) struct Admins(Vec<EffectiveKey>);

impl Admins {
    pub(super) async fn of(connection: &mut Connection, now: Time) -> Result<Self, Error> {
        let admins = listing::admins(connection).await?;
        let mut admins = bulk::effective_all(connection, admins).await?;
        let needed = [scopes::ADMINS_WRITE.to_owned()];
        admins.retain(|key| {
            key.state(now) == KeyState::Active
                && scopes::check_grant(&key.admin_scopes, &needed).is_ok()
        });
        Ok(Self(admins))
    }

    /// Previews an operation that ends `count` keys, `admins` of them admin keys. `ends` reports
    /// whether it ends a given admin key.
    pub(super) fn preview(
        &self,
        (count, admins): (usize, usize),
        ends: impl Fn(&EffectiveKey) -> bool,
    ) -> Preview {
        let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let left = self.0.iter().filter(|key| !ends(key)).count();
        Preview { count: number(count), admins: number(admins), admins_left: number(left) }
    }

    /// Checks the caller's confirmations against the preview.
    pub(super) fn check(&self, preview: &Preview, care: &Care) -> Result<(), Error> {
        if let Some(confirmed) = care.confirm.filter(|confirmed| *confirmed != preview.count) {
            return Err(Error::NotTheCount { confirmed, count: preview.count });
        }
        match self.0.first() {
            Some(last) if preview.admins_left == 0 && preview.admins > 0 && !care.last_admin => {
                Err(Error::LastAdmin { id: last.id.clone() })
            }
            _ => Ok(()),
        }
    }
}
