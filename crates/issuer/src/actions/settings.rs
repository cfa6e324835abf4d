//! Reads and changes the issuer's settings, and checks new keys against them. Every key is made by
//! [`make`](super::mint::make), which takes its lifetime from [`Settings::admit`], so none
//! bypasses them.

use std::num::NonZeroU32;
use std::time::Duration;

use portcullis_core::time::Time;
use portcullis_core::token::Lifetime;
use serde::Serialize;
use serde_json::json;

use crate::actions::idle::{self, Idle};
use crate::actions::new_key::{Expiry, NewKey};
use crate::actions::{When, check_by};
use crate::context::Context;
use crate::error::Error;
use crate::settings::{Class, KindSettings, Settings};
use crate::store::events::EventType;
use crate::store::settings::{self as table, Stored, Wanting};
use crate::store::{self, Connection};
use crate::time_format::seconds;

/// A change of the settings for one kind of keys. `None` keeps a setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindChange {
    /// The longest lifetime in seconds; `Some(None)` removes it.
    pub max_lifetime_seconds: Option<Option<u32>>,
    /// The default lifetime in seconds; `Some(None)` removes it.
    pub default_lifetime_seconds: Option<Option<u32>>,
    /// The number of unused days after which a key is suspended; `Some(None)` turns this off.
    pub idle_days: Option<Option<u32>>,
    /// Whether each new key must have an owner.
    pub owner_required: Option<bool>,
}

impl KindChange {
    fn apply(&self, settings: &mut KindSettings) -> Result<(), Error> {
        fn above_zero(
            field: &'static str,
            given: Option<u32>,
        ) -> Result<Option<NonZeroU32>, Error> {
            let reason = "must be 1 or more, or null for none";
            let read = |number| NonZeroU32::new(number).ok_or(Error::Invalid { field, reason });
            given.map(read).transpose()
        }
        if let Some(max) = self.max_lifetime_seconds {
            settings.max_lifetime_seconds = above_zero("max_lifetime_seconds", max)?;
        }
        if let Some(default) = self.default_lifetime_seconds {
            settings.default_lifetime_seconds = above_zero("default_lifetime_seconds", default)?;
        }
        settings.idle_days = self.idle_days.unwrap_or(settings.idle_days);
        settings.owner_required = self.owner_required.unwrap_or(settings.owner_required);
        Ok(())
    }
}

/// A change of the settings. `None` keeps a setting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsChange {
    /// For secret, publishable and admin keys, in the order of [`Class::ALL`].
    pub kinds: [KindChange; 3],
    /// Whether operations require a reason.
    pub reason_required: Option<bool>,
    /// Apply the change only if the settings are at this version.
    pub if_version: Option<u32>,
    /// The person the caller acts for, as named by the caller.
    pub by: Option<String>,
}

impl SettingsChange {
    fn applied(&self, to: &Settings) -> Result<Settings, Error> {
        let mut settings = to.clone();
        for (class, change) in Class::ALL.into_iter().zip(&self.kinds) {
            change.apply(settings.of_mut(class))?;
        }
        settings.reason_required = self.reason_required.unwrap_or(settings.reason_required);
        settings.check()?;
        Ok(settings)
    }
}

/// What settings come to for the keys of one kind that are in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Effect {
    /// `secret`, `publishable` or `admin`.
    pub kind: &'static str,
    /// How many live longer than new ones may. They stay as they are.
    pub beyond_maximum: u64,
    /// How many have no owner, if new ones must have one. They stay as they are.
    pub without_owner: u64,
    /// How many are suspended when the job `idle-keys` runs next.
    pub idle: u64,
    /// Why none is suspended, however long it was not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_waits: Option<String>,
}

/// The settings before and after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsChanged {
    /// The settings before.
    pub before: Settings,
    /// The settings now, or after a dry run as they would be.
    pub stored: Stored,
    /// The effect on existing keys.
    pub effects: Vec<Effect>,
}

/// The settings.
pub(crate) async fn settings(context: &Context) -> Result<Stored, Error> {
    Ok(table::read(&mut *context.store().read().await?).await?)
}

/// Changes the settings. Existing keys stay as they are.
pub(crate) async fn change_settings(
    context: &Context,
    change: &SettingsChange,
) -> Result<SettingsChanged, Error> {
    check_by("by", change.by.as_deref())?;
    let mut writing = context.change(change.by.as_deref()).await?;
    let now = writing.now();
    let before = checked(&mut writing, change).await?;
    let settings = change.applied(&before.settings)?;
    if settings == before.settings {
        let effects = effects(&mut writing, &settings, now).await?;
        return Ok(SettingsChanged { before: before.settings.clone(), stored: before, effects });
    }
    let version = before.version.checked_add(1).ok_or(Error::SelfCheck)?;
    let stored = Stored { settings, version, updated: Some(now) };
    table::write(&mut writing, &stored, now).await?;
    let data = json!({
        "before": before.settings, "after": stored.settings, "version": version,
    });
    writing.event(EventType::SettingsChanged, None, data).await?;
    let effects = effects(&mut writing, &stored.settings, now).await?;
    writing.save().await?;
    Ok(SettingsChanged { before: before.settings, stored, effects })
}

/// Previews [`change_settings`]. Changes nothing.
pub(crate) async fn preview_settings(
    context: &Context,
    change: &SettingsChange,
) -> Result<SettingsChanged, Error> {
    let mut reading = context.store().read().await?;
    let now = store::now(&mut reading, context.now()).await?;
    let before = checked(&mut reading, change).await?;
    let settings = change.applied(&before.settings)?;
    let effects = effects(&mut reading, &settings, now).await?;
    Ok(SettingsChanged {
        before: before.settings.clone(),
        stored: Stored { settings, ..before },
        effects,
    })
}

/// Reads the settings, and checks the version that the change expects.
async fn checked(connection: &mut Connection, change: &SettingsChange) -> Result<Stored, Error> {
    let stored = table::read(connection).await?;
    match change.if_version {
        Some(version) if version != stored.version => {
            Err(Error::SettingsChanged { version: stored.version })
        }
        _ => Ok(stored),
    }
}

async fn effects(
    connection: &mut Connection,
    settings: &Settings,
    now: Time,
) -> Result<Vec<Effect>, Error> {
    let mut effects = Vec::new();
    for class in Class::ALL {
        let of = settings.of(class);
        let mut effect = Effect { kind: class.name(), ..Effect::default() };
        if let Some(max) = of.max_lifetime_seconds {
            let found = table::wanting(connection, class, Wanting::End(max.get()), now.secs());
            effect.beyond_maximum = found.await?.count;
        }
        if of.owner_required {
            let found = table::wanting(connection, class, Wanting::Owner, now.secs());
            effect.without_owner = found.await?.count;
        }
        match idle::count(connection, class, of, now).await? {
            Idle::Off => {}
            Idle::Waits(why) => effect.idle_waits = Some(why),
            Idle::Keys(count) => effect.idle = count,
        }
        effects.push(effect);
    }
    Ok(effects)
}

impl Settings {
    /// The lifetime of a new key, if the settings admit it.
    ///
    /// # Errors
    /// [`Error::OwnerRequired`], [`Error::ExpiryRequired`], [`Error::LifetimeTooLong`], and
    /// [`Error::Invalid`] for an expiry that is past or that tokens can't encode.
    pub fn admit(&self, new: &NewKey, now: Time) -> Result<Lifetime, Error> {
        let class = Class::of(new.purpose, new.kind);
        let of = self.of(class);
        if of.owner_required && new.owner == 0 {
            return Err(Error::OwnerRequired { class: class.name() });
        }
        of.lifetime(class, new.expires, now)
    }
}

impl KindSettings {
    fn lifetime(&self, class: Class, expiry: Expiry, now: Time) -> Result<Lifetime, Error> {
        let issued_at = now.secs();
        let by_default = || {
            let default = self.default_lifetime_seconds.map(NonZeroU32::get);
            let default = default.map(|secs| When::In(Duration::from_secs(secs.into())));
            default.map(|moment| moment.resolve(now, "expires_at")).transpose()
        };
        let expires_at = match expiry {
            Expiry::At(moment) => Some(moment.resolve(now, "expires_at")?),
            Expiry::Never => None,
            Expiry::Kept(end) if self.allows(issued_at, end) => end,
            Expiry::Unsaid | Expiry::Kept(_) => by_default()?,
        };
        if expires_at.is_some_and(|end| end <= issued_at) {
            return Err(Error::Invalid { field: "expires_at", reason: "must be in the future" });
        }
        if let Some(latest) = self.latest(issued_at)
            && !self.allows(issued_at, expires_at)
        {
            let (class, latest) = (class.name(), seconds(latest));
            return Err(match expires_at {
                None => Error::ExpiryRequired { class, latest },
                Some(_) => Error::LifetimeTooLong { class, latest },
            });
        }
        Ok(Lifetime { issued_at, expires_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn some_expiry() -> impl Strategy<Value = Expiry> {
        prop_oneof![
            Just(Expiry::Unsaid),
            Just(Expiry::Never),
            any::<Option<u32>>().prop_map(Expiry::Kept),
            any::<u64>().prop_map(|millis| Expiry::At(When::At(Time::from_millis(millis)))),
            any::<u32>().prop_map(|at| Expiry::At(When::At(Time::from_secs(at)))),
            any::<u32>().prop_map(|after| Expiry::At(When::In(Duration::from_secs(after.into())))),
            any::<Duration>().prop_map(|after| Expiry::At(When::In(after))),
            Just(Expiry::At(When::Now)),
        ]
    }

    proptest! {
        /// At any time and for any request, an admitted lifetime is positive, respects the maximum,
        /// and ends at the requested second if there is one.
        #[test]
        fn nothing_is_admitted_that_outlives_the_maximum(
            max: Option<u32>, default: Option<u32>, expiry in some_expiry(),
            millis in 0..=u64::from(u32::MAX) * 1000,
        ) {
            let of = KindSettings {
                max_lifetime_seconds: max.and_then(NonZeroU32::new),
                default_lifetime_seconds: default.and_then(NonZeroU32::new),
                ..KindSettings::default()
            };
            let now = Time::from_millis(millis);
            let Ok(lifetime) = of.lifetime(Class::Secret, expiry, now) else { return Ok(()) };
            // An admitted lifetime starts now and respects the maximum.
            prop_assert_eq!(u64::from(lifetime.issued_at), millis / 1000);
            if let Some(max) = of.max_lifetime_seconds {
                let end = lifetime.expires_at.map(u64::from);
                let sum = u64::from(lifetime.issued_at) + u64::from(max.get());
                prop_assert!(end.is_some_and(|end| end <= sum), "{end:?} {sum}");
            }
            if let Some(end) = lifetime.expires_at {
                prop_assert!(end > lifetime.issued_at && end < u32::MAX);
            }
            // The end is the requested one, or the default.
            match expiry {
                Expiry::Never => prop_assert_eq!(lifetime.expires_at, None),
                Expiry::At(When::At(at)) => {
                    prop_assert_eq!(lifetime.expires_at.map(u64::from), Some(at.millis() / 1000));
                }
                Expiry::Unsaid => {
                    let default = of.default_lifetime_seconds.map(NonZeroU32::get);
                    let end = default.map(|default| lifetime.issued_at + default);
                    prop_assert_eq!(lifetime.expires_at, end);
                }
                Expiry::At(When::In(_) | When::Now) | Expiry::Kept(_) => {}
            }
        }
    }
}
