//! The records: the database, its clock, the list, work that is left, and what settings ask for.

use portcullis_core::time::Time;
use sqlx::Row as _;

use super::diagnosis::Diagnosis;
use crate::actions::Idle;
use crate::error::Error;
use crate::issuer::Issuer;
use crate::settings::{Class, Settings};
use crate::store::StoreError;
use crate::store::settings::Wanting;
use crate::store::{self, jobs, lists, settings, webhooks};
use crate::store::{Connection, Database};
use crate::time_format::rfc3339_millis;

pub(super) async fn integrity(
    issuer: &Issuer,
    connection: &mut Connection,
    seen: &mut Diagnosis,
) -> Result<(), Error> {
    match issuer.store().database() {
        Database::File(_) => {
            let row = sqlx::query("PRAGMA integrity_check(1)").fetch_one(connection).await?;
            let found: String = row.try_get(0)?;
            if found == "ok" {
                seen.good("database", "sound, and its tables are up to date");
            } else {
                seen.bad("database", found, "stop the issuer and restore a backup");
            }
        }
        Database::Server(_) => seen.good("database", "it answers, and its tables are up to date"),
    }
    Ok(())
}

pub(super) async fn clock(
    issuer: &Issuer,
    connection: &mut Connection,
    seen: &mut Diagnosis,
) -> Result<(), Error> {
    let behind = match lists::promise(connection).await? {
        Some(last) => last.list_version.this_update.millis_since(issuer.now()),
        None => 0,
    };
    if behind > 0 {
        let found = format!("the clock is {behind} ms behind the list that is published");
        let mend = "set the clock right; if it is right, it was ahead once: run `portcullis recover \
                    --clock`; until then nothing is created or published, and gates refuse every \
                    key from the list's next update on";
        seen.bad("clock", found, mend);
        return Ok(());
    }
    match issuer.store().check_clock().await {
        Ok(_) => seen.good("clock", "not behind the list that is published, nor ahead"),
        Err(error @ StoreError::ClockImplausible { .. }) => {
            let mend = "set the clock right; if it is right, run `portcullis list publish \
                        --trust-clock`; until then nothing is written, and gates refuse every key \
                        from the list's next update on";
            seen.bad("clock", error.to_string(), mend);
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

pub(super) async fn list(
    now: Time,
    connection: &mut Connection,
    seen: &mut Diagnosis,
) -> Result<(), Error> {
    let published = match lists::published(connection).await {
        Err(StoreError::NoList) => {
            seen.bad("list", "no list has been published", "run `portcullis list publish`");
            return Ok(());
        }
        other => other?,
    };
    let age = now.millis_since(published.this_update) / 1000;
    let found = format!("number {}, {age} s old", published.number);
    if now >= published.next_update {
        let mend = "run `portcullis serve`, or `portcullis list publish` more often than \
                    --valid-for; until then nothing is accepted anywhere";
        seen.bad("list", format!("{found}, past its next update"), mend);
    } else {
        seen.good("list", found);
    }
    let disk = seen.checks.iter_mut().find(|check| check.check == "disk" && !check.ok);
    if let Some(mend) = disk.and_then(|disk| disk.mend.as_mut()) {
        mend.push_str(&format!(": {}, as it is now", rfc3339_millis(published.next_update)));
    }
    Ok(())
}

/// Finds keys that don't meet the settings for new ones, and gaps in the reports of uses.
pub(super) async fn asked(
    issuer: &Issuer,
    connection: &mut Connection,
    seen: &mut Diagnosis,
) -> Result<(), Error> {
    let now = store::now(connection, issuer.now()).await?.secs();
    let settings = settings::read(connection).await?.settings;
    let before = seen.checks.len();
    let some = |found: &settings::Found| {
        let more = usize::try_from(found.count).is_ok_and(|count| count > found.first.len());
        format!("{}{}", found.first.join(", "), if more { ", …" } else { "" })
    };
    for class in Class::ALL {
        let (name, of) = (class.name(), settings.of(class));
        // Keys made before the settings keep their lifetime and owner, so these are warnings.
        if let Some(max) = of.max_lifetime_seconds {
            let beyond = settings::wanting(connection, class, Wanting::End(max.get()), now).await?;
            if beyond.count > 0 {
                let found = format!(
                    "{} {name} keys in force live longer than new ones may: {}",
                    beyond.count,
                    some(&beyond)
                );
                let mend = "they were made before; roll them: `portcullis keys roll ID`";
                seen.warn("settings", found, mend);
            }
        }
        if of.owner_required {
            let owned = settings::wanting(connection, class, Wanting::Owner, now).await?;
            if owned.count > 0 {
                let found =
                    format!("{} {name} keys in force have no owner: {}", owned.count, some(&owned));
                let mend = "they were made before; `portcullis keys list --owner 0` lists them, and \
                            `portcullis keys roll ID --owner NUMBER` gives each a successor";
                seen.warn("settings", found, mend);
            }
        }
    }
    // Idle keys that stay active because reports are missing.
    for (class, idle) in issuer.keys().preview_idle().await? {
        if let Idle::Waits(why) = idle {
            let found = format!("no idle {} key is suspended, because {why}", class.name());
            let mend = "see that each gate reports (REPORT_USAGE, docs/gate.md), and revoke the \
                        admin keys of gates that are gone";
            seen.warn("settings", found, mend);
        }
    }
    // Nothing to report: record that the check was made.
    if seen.checks.len() == before {
        let found = if settings == Settings::default() {
            "nothing is asked of keys"
        } else {
            "all keys in force are as new ones must be"
        };
        seen.good("settings", found);
    }
    Ok(())
}

pub(super) async fn work(
    issuer: &Issuer,
    connection: &mut Connection,
    seen: &mut Diagnosis,
) -> Result<(), Error> {
    // Webhooks: report the most serious problem.
    let (pending, dead) = webhooks::backlog(connection).await?;
    let failing = webhooks::failing(connection).await?;
    let found = format!("{pending} deliveries wait, {dead} were given up");
    let key = issuer.keystore().column_key()?;
    let known = webhooks::all(connection).await?;
    let sealed = known.iter().filter(|hook| key.open(&hook.id, &hook.secret).is_none());
    let sealed: Vec<&str> = sealed.map(|hook| hook.id.as_str()).collect();
    let gone = known.iter().filter(|hook| hook.disabled_why.is_some());
    let gone: Vec<&str> = gone.map(|hook| hook.id.as_str()).collect();
    if !sealed.is_empty() {
        let found =
            format!("the secrets of {} were sealed under another keystore", sealed.join(", "));
        let mend = "put that keystore back, or give each a new secret: `portcullis webhooks \
                    rotate-secret ID`; until then nothing is sent to them";
        seen.bad("webhooks", found, mend);
    } else if dead > 0 {
        let mend = "look with `portcullis webhooks deliveries ID --state dead`, then \
                    `portcullis webhooks replay ID --dead`";
        seen.bad("webhooks", found, mend);
    } else if !failing.is_empty() || !gone.is_empty() {
        let ids = [failing.as_slice(), &gone.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>()];
        let found = format!("{found}; {} can't be delivered to now", ids.concat().join(", "));
        let mend = "look with `portcullis webhooks deliveries ID` and `portcullis webhooks list`; \
                    what waits for three days is given up";
        seen.warn("webhooks", found, mend);
    } else {
        seen.good("webhooks", found);
    }
    // Jobs that failed at their last run.
    let failed = jobs::all(connection).await?.into_iter().filter_map(|job| {
        let error = job.error?;
        Some(format!("{} failed: {error}", job.name))
    });
    let failed: Vec<String> = failed.collect();
    if failed.is_empty() {
        seen.good("jobs", "none failed when it last ran");
    } else {
        seen.bad("jobs", failed.join("; "), "run it by hand: `portcullis jobs run NAME`");
    }
    Ok(())
}
