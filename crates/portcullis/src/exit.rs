//! How commands end: exit codes and errors.

use std::process::ExitCode;

use portcullis_issuer::Error;
use portcullis_issuer::files::FileError;
use portcullis_issuer::invalid::Invalid;
use portcullis_issuer::keystore::KeystoreError;
use portcullis_issuer::random::NoRandomness;
use portcullis_issuer::store::StoreError;

use super::output::Out;

/// How a command ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or accepted.
    Done,
    /// Refused, or not found.
    Refused,
    /// Something was left undone, and the output says what.
    Unfinished,
}

impl Exit {
    pub(crate) fn code(self) -> ExitCode {
        match self {
            Self::Done => ExitCode::SUCCESS,
            Self::Refused => ExitCode::from(1),
            Self::Unfinished => ExitCode::from(2),
        }
    }
}

/// Reports why a command failed.
pub(crate) fn fail(out: &Out, error: &anyhow::Error) -> ExitCode {
    let known = error.downcast_ref::<Error>();
    let mut message = format!("{error:#}");
    if let Some(Error::SomeAlreadyRevoked { ids, .. } | Error::SomeNotEarlier(ids)) = known {
        message.push_str(&format!("\nWith --if-revoked skip these are left: {}", ids.join(", ")));
    }
    out.error(code_of(error), &message);
    ExitCode::from(if known.is_some_and(is_refusal) { 1 } else { 2 })
}

/// Whether the error is a refusal, and not a failure of the command.
const fn is_refusal(error: &Error) -> bool {
    match error {
        Error::NotFound
        | Error::NoSuchKeys(_)
        | Error::NoWebhook
        | Error::JobTaken
        | Error::AlreadyRevoked
        | Error::SomeAlreadyRevoked { .. }
        | Error::SomeNotEarlier(_)
        | Error::LastAdmin { .. }
        | Error::NotTheCount { .. }
        | Error::SettingsChanged { .. }
        | Error::NotEarlier
        | Error::NotRevoked(_)
        | Error::NotSuspended
        | Error::NotAuthentic
        | Error::Suspended
        | Error::Expired => true,
        Error::Invalid { .. }
        | Error::NothingSelected
        | Error::Fixed { .. }
        | Error::NotConfirmed { .. }
        | Error::Canary
        | Error::NotPublishable
        | Error::SharedPolicy
        | Error::IdempotencyMismatch
        | Error::PublicText
        | Error::Unknown { .. }
        | Error::InUse { .. }
        | Error::BulkRevoked
        | Error::Target { .. }
        | Error::TargetFull { .. }
        | Error::HttpClient(_)
        | Error::EventsRemoved { .. }
        | Error::TrailBroken { .. }
        | Error::NoSigner
        | Error::LabelNotListed { .. }
        | Error::NoStatusSigner
        | Error::ShardFull
        | Error::NotInitialised { .. }
        | Error::KeystoreLost { .. }
        | Error::AlreadyInitialised { .. }
        | Error::RootExists { .. }
        | Error::Rotation(_)
        | Error::Scope { .. }
        | Error::OutlivesMaker { .. }
        | Error::LifetimeTooLong { .. }
        | Error::ExpiryRequired { .. }
        | Error::OwnerRequired { .. }
        | Error::Backup { .. }
        | Error::Move(_)
        | Error::Descriptors { .. }
        | Error::ListTooNew(_)
        | Error::PolicyTooNew(_)
        | Error::ClockWentBack { .. }
        | Error::ClockNotBehind
        | Error::ValidFor { .. }
        | Error::Store(_)
        | Error::Keystore(_)
        | Error::File(_)
        | Error::NoActor(_)
        | Error::Random(_)
        | Error::SelfCheck
        | Error::Keyring(_)
        | Error::List(_)
        | Error::Wire(_)
        | Error::PublicKey(_) => false,
    }
}

/// The code of an error, whichever layer it comes from.
fn code_of(error: &anyhow::Error) -> &'static str {
    None.or_else(|| error.downcast_ref().map(Error::code))
        .or_else(|| error.downcast_ref().map(StoreError::code))
        .or_else(|| error.downcast_ref().map(KeystoreError::code))
        .or_else(|| error.downcast_ref().map(FileError::code))
        .or_else(|| error.downcast_ref().map(|Invalid { .. }| "invalid"))
        .or_else(|| error.downcast_ref().map(|NoRandomness| "random"))
        .unwrap_or("failed")
}
