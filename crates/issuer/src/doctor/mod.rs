//! Diagnoses an issuer. Each finding says how to fix it. Changes nothing, except that it migrates
//! the tables of an older database, as every command does.

mod diagnosis;
mod folder;
mod records;
mod signers;

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::error::Error;
use crate::files::FileError;
use crate::home::Home;
use crate::issuer::Issuer;
use crate::keystore::KeystoreError;
use crate::publish::Target;
use crate::store;
use crate::store::StoreError;

use diagnosis::DAY_MILLIS;
pub use diagnosis::{Check, Diagnosis};
use folder::{permissions, room};
use records::{asked, clock, integrity, list, work};
use signers::{keyring, revoked_signers, signers};

/// How many of the newest events are verified; `audit verify` verifies all.
const TAIL: i64 = 1000;

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

async fn restored(issuer: &Issuer, witnesses: &[Target], seen: &mut Diagnosis) {
    // The mark set by an earlier check counts even if no witness can be read now.
    let marked = async {
        match issuer.recovery().check_witnesses(witnesses).await {
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

async fn within(issuer: &Issuer, seen: &mut Diagnosis) -> Result<(), Error> {
    let mut reading = issuer.store().read().await?;
    integrity(issuer, &mut reading, seen).await?;
    clock(issuer, &mut reading, seen).await?;
    list(issuer.now(), &mut reading, seen).await?;
    signers(&issuer.keystore(), seen);
    revoked_signers(issuer, &mut reading, seen).await?;
    let view = issuer.context().published_state(&mut reading).await?;
    let ends = view.verifier().keyring().not_after();
    let days = ends.millis_since(issuer.now()) / DAY_MILLIS;
    keyring(issuer.home(), ends, days, seen);
    work(issuer, &mut reading, seen).await?;
    asked(issuer, &mut reading, seen).await?;
    drop(reading);
    let report = issuer.trail().verify_tail(TAIL).await?;
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
