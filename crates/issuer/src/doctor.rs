//! Diagnoses an issuer. Each finding says how to fix it. Changes nothing, except that it migrates
//! the tables of an older database, as every command does.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::keyring::{Purpose, State};
use portcullis_core::list::{BulkScope, BulkState};
use portcullis_core::time::Time;
use portcullis_core::token::Environment;
use serde::Serialize;
use sqlx::Row as _;

use crate::actions::Idle;
use crate::clock::Clock;
use crate::error::Error;
use crate::files::FileError;
use crate::home::Home;
use crate::issuer::Issuer;
use crate::keystore::KeystoreError;
use crate::keystore::{Keystore, StoredKey};
use crate::publish::Target;
use crate::reserve;
use crate::settings::{Class, Settings};
use crate::store::StoreError;
use crate::store::bulk::{self, BulkRecord};
use crate::store::settings::Wanting;
use crate::store::{self, Connection, Database, jobs, lists, settings, webhooks};
use crate::time_format::rfc3339_millis;

const DAY_MILLIS: u64 = 24 * 60 * 60 * 1000;
/// A keyring that ends within this many days is reported.
const KEYRING_DAYS: u64 = 30;
/// The same if the root key is absent and must be brought first.
const ROOT_DAYS: u64 = 90;
/// How many of the newest events are verified; `audit verify` verifies all.
const TAIL: i64 = 1000;
/// Less free space than this is reported: a backup and a day's events need more.
const LEAST_ROOM: u64 = 256 * 1024 * 1024;

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The subject.
    pub check: &'static str,
    /// Whether it passed.
    pub ok: bool,
    /// The finding.
    pub found: String,
    /// How to fix it, if it failed or will fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

/// The result of a diagnosis.
#[derive(Clone, Debug, Default)]
pub struct Diagnosis {
    /// All checks.
    pub checks: Vec<Check>,
    /// The code of the error that prevented further checks.
    pub blind: Option<&'static str>,
}

impl Diagnosis {
    /// Whether all checks could be made and passed.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.blind.is_none() && self.checks.iter().all(|check| check.ok)
    }

    fn good(&mut self, check: &'static str, found: impl Into<String>) {
        self.checks.push(Check { check, ok: true, found: found.into(), mend: None });
    }

    /// Records a check that passes for now.
    fn warn(&mut self, check: &'static str, found: impl Into<String>, mend: impl Into<String>) {
        let mend = Some(mend.into());
        self.checks.push(Check { check, ok: true, found: found.into(), mend });
    }

    fn bad(&mut self, check: &'static str, found: impl Into<String>, mend: impl Into<String>) {
        let mend = Some(mend.into());
        self.checks.push(Check { check, ok: false, found: found.into(), mend });
    }
}

/// Diagnoses the issuer in `home`, and checks with `witnesses` whether its database is a restored
/// backup.
pub async fn examine(
    home: &Home,
    clock: Arc<dyn Clock>,
    valid_for: Duration,
    witnesses: &[Target],
) -> Diagnosis {
    let mut seen = Diagnosis::default();
    if let Err(error) = home.check_keystore() {
        let is_lost = matches!(error, Error::KeystoreLost { .. });
        let (check, found) =
            if is_lost { ("keystore", "it is missing") } else { ("folder", "there is no issuer") };
        seen.bad(check, found, error.to_string());
        seen.blind = Some(error.code());
        return seen;
    }
    permissions(home, &mut seen);
    room(home, &mut seen);
    match Issuer::open(home, clock, valid_for).await {
        Ok(issuer) => {
            seen.good("keystore", "readable, and that of the newest keyring");
            restored(&issuer, witnesses, &mut seen).await;
            if let Err(error) = within(&issuer, &mut seen).await {
                seen.bad("database", error.chain(), error.to_string());
                seen.blind = Some(error.code());
            }
            issuer.store().close().await;
        }
        Err(error) => {
            let of_files = matches!(
                error,
                Error::Keystore(KeystoreError::Unusable { .. })
                    | Error::File(FileError::Permissions { .. })
            );
            let check = if of_files { "keystore" } else { "database" };
            seen.bad(check, error.chain(), error.to_string());
            // A named fault is a finding. An unreachable server hides the database's state.
            if matches!(
                error,
                Error::Store(StoreError::Unreachable(_)) | Error::Store(StoreError::Busy)
            ) {
                seen.blind = Some(error.code());
            }
        }
    }
    seen
}

fn permissions(home: &Home, seen: &mut Diagnosis) {
    let before = seen.checks.len();
    check_mode(home.path(), 0o700, seen);
    let mut files = vec![home.keystore(), home.root_key()];
    if let Database::File(path) = home.database() {
        files.push(path);
    }
    for path in files.iter().filter(|path| path.exists()) {
        check_mode(path, 0o600, seen);
    }
    if seen.checks.len() == before {
        seen.good("permissions", "folder, keystore and database are for their owner alone");
    }
}

#[cfg(unix)]
fn check_mode(path: &Path, wanted: u32, seen: &mut Diagnosis) {
    use std::os::unix::fs::PermissionsExt as _;
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
            let mode = metadata.permissions().mode() & 0o777;
            let found =
                format!("{} can be entered or read by others (mode {mode:03o})", path.display());
            seen.bad("permissions", found, format!("run: chmod {wanted:o} {}", path.display()));
        }
        Ok(_) => {}
        Err(error) => {
            let found = format!("{} can't be looked at: {error}", path.display());
            seen.bad("permissions", found, "run this as the user that runs the issuer");
        }
    }
}

fn room(home: &Home, seen: &mut Diagnosis) {
    let Some(room) = reserve::room(home) else { return };
    let told = format!("{} MiB are free in {}", room / (1024 * 1024), home.path().display());
    if room < LEAST_ROOM {
        let mend = "make room: when it is used up no key is created, and the list and revocations go \
                    on from the reserve alone (`.reserve`, 8 MiB, where the records are in this \
                    folder and a server runs); when that is used up, gates refuse every key from \
                    the list's next update on";
        seen.bad("disk", told, mend);
    } else {
        seen.good("disk", told);
    }
}

async fn restored(issuer: &Issuer, witnesses: &[Target], seen: &mut Diagnosis) {
    // The mark set by an earlier check counts even if no witness can be read now.
    let marked = async {
        match issuer.check_witnesses(witnesses).await {
            Ok(asked) => {
                let mut reading = issuer.store().read().await?;
                store::targets::check_not_restored(&mut reading).await?;
                Ok(asked)
            }
            error => error,
        }
    };
    match marked.await {
        Ok(0) if witnesses.is_empty() => {
            let mend = "name a folder, bucket or mirror that carries the list with --target or \
                        --witness (PORTCULLIS_WITNESSES): else a backup that is restored brings \
                        back what was revoked since, and nobody notices";
            seen.warn("backup", "nobody is named who could tell whether one was restored", mend);
        }
        Ok(0) => {
            let mend = "mend the targets, or name another with --witness";
            seen.bad("backup", "no target or witness could be read", mend);
        }
        Ok(asked) => seen.good("backup", format!("none was restored, say {asked} witnesses")),
        Err(error @ Error::Store(StoreError::ClockImplausible { .. })) => {
            let mend = "set the clock right; if it is right, say --trust-clock, or name another \
                        witness";
            seen.bad("clock", error.to_string(), mend);
        }
        Err(error) => {
            let mend = "run `portcullis recover --witness …`, or `portcullis recover --no-witness` \
                        if nobody carries the list";
            seen.bad("backup", error.to_string(), mend);
        }
    }
}

#[cfg(not(unix))]
fn check_mode(_: &Path, _: u32, _: &mut Diagnosis) {}

async fn within(issuer: &Issuer, seen: &mut Diagnosis) -> Result<(), Error> {
    let mut reading = issuer.store().read().await?;
    integrity(issuer, &mut reading, seen).await?;
    clock(issuer, &mut reading, seen).await?;
    list(issuer.now(), &mut reading, seen).await?;
    signers(&issuer.keystore(), seen);
    revoked_signers(issuer, &mut reading, seen).await?;
    let view = issuer.view_in(&mut reading).await?;
    let ends = view.verifier().keyring().not_after();
    let days = ends.millis_since(issuer.now()) / DAY_MILLIS;
    keyring(issuer.home(), ends, days, seen);
    work(issuer, &mut reading, seen).await?;
    asked(issuer, &mut reading, seen).await?;
    drop(reading);
    let report = issuer.verify_tail(TAIL).await?;
    match report.findings.first() {
        None => seen.good("audit trail", format!("the newest {} events are sound", report.events)),
        Some(first) => {
            let mend = "run `portcullis audit verify`, keep the database as it is, and find out who \
                        could write it";
            seen.bad("audit trail", first.message.clone(), mend);
        }
    }
    Ok(())
}

/// Only the root can sign another keyring, and it is often stored elsewhere, so warn early.
fn keyring(home: &Home, ends: Time, days: u64, seen: &mut Diagnosis) {
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
async fn revoked_signers(
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

async fn integrity(
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

async fn clock(
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

async fn list(now: Time, connection: &mut Connection, seen: &mut Diagnosis) -> Result<(), Error> {
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

fn signers(keystore: &Keystore, seen: &mut Diagnosis) {
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

/// Finds keys that don't meet the settings for new ones, and gaps in the reports of uses.
async fn asked(
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
    for (class, idle) in issuer.preview_idle().await? {
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

async fn work(
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
