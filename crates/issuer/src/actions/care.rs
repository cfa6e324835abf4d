//! Care for what can't be undone: what an act would do, and what the caller must have said for it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::actions::bulk::effective_states;
use crate::actions::scopes;
use crate::error::Error;
use crate::record::{KeyRecord, KeyState};
use crate::store::{Connection, listing};
use portcullis_core::time::Time;

/// What the caller says of an act that can't be undone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Care {
    /// How many keys it is to end: if there are more or fewer by now, nothing is done.
    pub confirm: Option<u64>,
    /// It may end the last admin key that can make others.
    pub last_admin: bool,
}

impl Care {
    /// Whatever there is, it is meant.
    pub(super) const MEANT: Self = Self { confirm: None, last_admin: true };
}

/// What an act would do, or has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Preview {
    /// The keys that it ends.
    pub count: u64,
    /// How many of them are admin keys.
    pub admins: u64,
    /// How many admin keys that can make others are left in force.
    pub admins_left: u64,
}

/// The admin keys in force that can make others: without one, the command line alone can.
pub(super) struct Admins(Vec<KeyRecord>);

impl Admins {
    pub(super) async fn of(connection: &mut Connection, now: Time) -> Result<Self, Error> {
        let mut admins = listing::admins(connection).await?;
        effective_states(connection, &mut admins).await?;
        let needed = [scopes::ADMINS_WRITE.to_owned()];
        admins.retain(|key| {
            key.state(now) == KeyState::Active
                && scopes::check_grant(&key.admin_scopes, &needed).is_ok()
        });
        Ok(Self(admins))
    }

    /// What an act comes to that ends `count` keys, among them `admins` admin keys, which `ends`
    /// tells.
    pub(super) fn preview(
        &self,
        (count, admins): (usize, usize),
        ends: impl Fn(&KeyRecord) -> bool,
    ) -> Preview {
        let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let left = self.0.iter().filter(|key| !ends(key)).count();
        Preview { count: number(count), admins: number(admins), admins_left: number(left) }
    }

    /// Whether the caller has said what it takes to do that.
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
