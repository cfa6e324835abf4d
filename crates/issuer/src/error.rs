//! The issuer's errors. Each message names the next step.

use std::path::PathBuf;

use portcullis_core::WireError;
use portcullis_core::crypto::PublicKeyError;
use portcullis_core::keyring::KeyringError;
use portcullis_core::list::ListError;
use portcullis_core::policy::PolicyTooNew;
use portcullis_core::token::Label;
use portcullis_core::verifier::AdoptError;

use crate::actions::rotation::RotationError;
use crate::actor::NoActor;
use crate::conceal::concealed;
use crate::files::FileError;
use crate::invalid::Invalid;
use crate::keystore::KeystoreError;
use crate::moving::error::MoveError;
use crate::names::labels;
use crate::random::NoRandomness;
use crate::sources::chain;
use crate::status::token::SignError;
use crate::store::StoreError;

/// Why the issuer did not carry out a request.
///
/// `Display` is a sentence with the next step. It never repeats its `source()` and never contains a
/// secret. [`Error::code`] is stable.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An argument has an invalid value.
    #[error("`{field}` {reason}")]
    Invalid {
        /// The argument's name in the HTTP API.
        field: &'static str,
        /// The requirement.
        reason: &'static str,
    },
    /// No key has this id.
    #[error("there is no key with this id; `portcullis keys list` shows those that there are")]
    NotFound,
    /// No keys have these ids.
    #[error("API Keys with ids: {} were not found; nothing was changed", some(.0))]
    NoSuchKeys(Vec<String>),
    /// No keys were selected, which never means all of them.
    #[error(
        "You must provide an api key id field, or what the keys are to be like: nothing at all \
         never means every key"
    )]
    NothingSelected,
    /// The field can't change because it is part of the token.
    #[error("`{field}` can't be changed: {advice}")]
    Fixed {
        /// The field.
        field: &'static str,
        /// The advice.
        advice: &'static str,
    },
    /// Some of the selected keys are revoked already.
    #[error("There are {count} {keys} keys that are already revoked.", keys = if *.publishable { "API" } else { "secret" })]
    SomeAlreadyRevoked {
        /// The number of keys.
        count: usize,
        /// Whether publishable keys are among them.
        publishable: bool,
        /// Their ids.
        ids: Vec<String>,
    },
    /// Some of the selected keys have an earlier scheduled revocation.
    #[error(
        "the key is already to be revoked at an earlier moment, and a revocation never moves \
         later; nothing was changed"
    )]
    SomeNotEarlier(Vec<String>),
    /// The last admin key that can make admin keys would end.
    #[error(
        "this would end the last admin key that can make others, {id}; nothing was changed. Make \
         another first, or say that it is meant: `last_admin` over HTTP, --last-admin at the \
         command line"
    )]
    LastAdmin {
        /// The key.
        id: String,
    },
    /// The confirmed number of keys differs from the actual one.
    #[error(
        "{confirmed} keys were confirmed, and there are {count} now; nothing was changed. Look \
         again with a dry run"
    )]
    NotTheCount {
        /// The confirmed number.
        confirmed: u64,
        /// The actual number.
        count: u64,
    },
    /// An irreversible operation wasn't confirmed.
    #[error(
        "{what}; nothing was changed. Say that it is meant with --yes, or look first with --dry-run"
    )]
    NotConfirmed {
        /// The operation.
        what: String,
    },
    /// Some of the keys to delete aren't revoked.
    #[error("Cannot delete api keys that are not revoked - {}", some(.0))]
    NotRevoked(Vec<String>),
    /// The key is not suspended, so it can't be resumed.
    #[error("the key is not suspended; nothing was changed")]
    NotSuspended,
    /// The key is a canary, which nothing accepts.
    #[error(
        "the key is a canary, which nothing accepts, so there is nothing to roll or suspend; revoke \
         it to end its alarms, and create another"
    )]
    Canary,
    /// Sales channels were named for a secret key.
    #[error("Sales channels can only be associated with publishable API keys")]
    NotPublishable,
    /// The key shares its policy with others, so it can't have sales channels of its own.
    #[error(
        "the key was made with a policy that it shares; sales channels go with keys that were made \
         without one"
    )]
    SharedPolicy,
    /// The idempotency key was used for another request.
    #[error("this idempotency key was used for another request; choose a new one")]
    IdempotencyMismatch,
    /// Publishable keys are public, so holding the text gives no right to revoke one.
    #[error("a publishable key is revoked by its id alone, since everybody can read its text")]
    PublicText,
    /// The text to revoke is no key of this issuer.
    #[error("this is no key of this issuer")]
    NotAuthentic,
    /// There is no such owner, policy or entry.
    #[error("there is no {what} with this number")]
    Unknown {
        /// The kind of object.
        what: &'static str,
    },
    /// The object to delete is in use.
    #[error("a key that may still be accepted has this {what}; revoke or roll its keys first")]
    InUse {
        /// The kind of object.
        what: &'static str,
    },
    /// A bulk revocation covers the new key.
    #[error(
        "a revocation of many keys covers this one: it would be refused everywhere; choose another \
         owner, environment or algorithm, or rotate the signer"
    )]
    BulkRevoked,
    /// A target or witness is misconfigured or fails.
    #[error("{target}: {reason}")]
    Target {
        /// Its name.
        target: String,
        /// The fault.
        reason: String,
    },
    /// A target is full.
    #[error("{target} has no room left, make some: {reason}")]
    TargetFull {
        /// Its name.
        target: String,
        /// The write that failed.
        reason: String,
    },
    /// No webhook has this id.
    #[error(
        "there is no webhook with this id; `portcullis webhooks list` shows those that there are"
    )]
    NoWebhook,
    /// The HTTP client for webhooks could not be created.
    #[error("webhooks can't be sent: the system's certificates could not be read")]
    HttpClient(#[source] reqwest::Error),
    /// Another process runs this job.
    #[error("another process runs this job now; nothing was done")]
    JobTaken,
    /// Retention has removed some of the requested events.
    #[error(
        "of the events behind {after}, those up to {through} were removed by retention; read on \
         from {through}, and take what is missing from the archive, if there is one"
    )]
    EventsRemoved {
        /// The position that was requested.
        after: i64,
        /// The last one that was removed.
        through: i64,
    },
    /// The oldest events don't verify, so they aren't removed.
    #[error(
        "the trail is not as it was written at the event {id}: nothing of it is removed; look with \
         `portcullis audit verify`, and keep the database as it is until you know why"
    )]
    TrailBroken {
        /// The event.
        id: i64,
    },
    /// The key is revoked already.
    #[error("the key is already revoked; nothing was changed")]
    AlreadyRevoked,
    /// The key has an earlier scheduled revocation.
    #[error(
        "the key is already to be revoked at an earlier moment, and a revocation never moves \
         later; nothing was changed"
    )]
    NotEarlier,
    /// The key has expired, so nothing is left to roll.
    #[error("the key has expired; create a new one")]
    Expired,
    /// The key is suspended; the operation requires an active key.
    #[error("the key is suspended; resume it first")]
    Suspended,
    /// The keystore holds no active signer for such keys.
    #[error("no active signer may make such keys; choose another algorithm, kind or environment")]
    NoSigner,
    /// A key was to have a label that no verifier knows.
    #[error(
        "`label`: the keyring does not list {}; it lists {}. Choose one of these, or add it with the \
         root key: `portcullis keyring labels {}`",
        labels::told(.label), labels::all(.listed), labels::to_add(.label)
    )]
    LabelNotListed {
        /// The label.
        label: Label,
        /// Those that the keyring lists.
        listed: Vec<Label>,
    },
    /// Status lists are enabled, but no signer of them is active.
    #[error(
        "no signer of status lists is active; make one: `portcullis keyring rotate --purpose \
         status-list --now`"
    )]
    NoStatusSigner,
    /// No shard that every list in force covers has free serials.
    #[error(
        "the shards that every list in force covers are full: publish, and try again once the \
         lists before have run out (`portcullis list show` says when); nothing was changed"
    )]
    ShardFull,

    /// The folder holds no issuer.
    #[error("there is no issuer in {}; make one with `portcullis init`, or name its folder with --home", home.display())]
    NotInitialised {
        /// The folder.
        home: PathBuf,
    },
    /// The keystore is missing, but the issuer's other files exist.
    #[error(
        "the keystore {} is missing, and {beside} is there: nothing can be made, revoked or \
         published without it, and gates verify by the list that is out until that runs out. Put it \
         back from a backup, `portcullis restore --keystore-only FILE`, or from another machine of \
         this issuer. If there is no copy, its signing keys are lost for good: make another issuer \
         with another --home, and give gates its root and callers its keys", keystore.display()
    )]
    KeystoreLost {
        /// Its expected path.
        keystore: PathBuf,
        /// What exists.
        beside: String,
    },
    /// The folder holds an issuer already.
    #[error("{} already holds an issuer, which is left as it is; choose another --home", home.display())]
    AlreadyInitialised {
        /// The folder.
        home: PathBuf,
    },
    /// A root key already exists at the target path.
    #[error("{} already exists and is left as it is; choose another place with --root", path.display())]
    RootExists {
        /// The file.
        path: PathBuf,
    },

    /// A keyring change would be unsafe or have no effect.
    #[error("the keyring was left as it is")]
    Rotation(#[from] RotationError),
    /// The admin key lacks the scope that the operation requires or would grant.
    #[error("this needs the scope `{scope}`, which the admin key does not hold")]
    Scope {
        /// The scope.
        scope: String,
    },
    /// An admin key can't make one that outlives it.
    #[error(
        "an admin key makes none that outlives it: `expires_at` must be {latest} or earlier, when \
         the key that asks ends; or use one that lasts longer"
    )]
    OutlivesMaker {
        /// When the maker expires or is revoked.
        latest: String,
    },
    /// The key's lifetime would exceed the settings' maximum.
    #[error(
        "`expires_at` must be {latest} or earlier: the issuer's settings limit the lifetime of \
         {class} keys (`portcullis settings show`)"
    )]
    LifetimeTooLong {
        /// Secret, publishable or admin.
        class: &'static str,
        /// The latest expiry allowed.
        latest: String,
    },
    /// The key would never expire, which the settings forbid.
    #[error(
        "`expires_at` is missing: the issuer's settings allow no {class} key that never expires; \
         name {latest} or an earlier time"
    )]
    ExpiryRequired {
        /// Secret, publishable or admin.
        class: &'static str,
        /// The latest expiry allowed.
        latest: String,
    },
    /// The settings require an owner.
    #[error(
        "`owner` is missing: the issuer's settings ask for the owner of each {class} key; name its \
         number (`portcullis owners list`)"
    )]
    OwnerRequired {
        /// Secret or publishable.
        class: &'static str,
    },
    /// The settings have changed since the caller read them.
    #[error(
        "the settings are at version {version}, not at the one that was named; nothing was changed. \
         Look again"
    )]
    SettingsChanged {
        /// The current version.
        version: u32,
    },
    /// The file isn't a backup, or not one of this program.
    #[error("{} is no backup that can be restored: {reason}", path.display())]
    Backup {
        /// The file.
        path: PathBuf,
        /// The fault.
        reason: &'static str,
    },

    /// The records were not moved.
    #[error(transparent)]
    Move(#[from] MoveError),

    /// The limit on open files is too low.
    #[error(
        "the process may open {limit} files, and {needed} are needed for the connections, the \
         database and publishing; raise the limit (`ulimit -n {needed}`, systemd: \
         LimitNOFILE={needed}) or lower --max-connections"
    )]
    Descriptors {
        /// The limit.
        limit: u64,
        /// The required limit.
        needed: u64,
    },
    /// A newer program made the last list. This one would leave out what it doesn't know.
    #[error(
        "a newer version of this program made the list that is out, and this one would leave out \
         what it doesn't know: nothing was published. Install that version again, before the list's \
         next update"
    )]
    ListTooNew(#[source] ListError),
    /// A newer program made the policies of a witness.
    #[error(
        "a newer version of this program made policies that the witness carries: nothing was \
         recovered. Recover with that version"
    )]
    PolicyTooNew(#[from] PolicyTooNew),
    /// The clock is behind the last publication.
    #[error(
        "the clock is {behind_millis} ms behind the list that is published: nothing is created or \
         published until it is past that; if the clock is wrong, set it right; if it is right, it \
         was ahead when that list was made: run `portcullis recover --clock`"
    )]
    ClockWentBack {
        /// By how much, in milliseconds.
        behind_millis: u64,
    },
    /// Nothing to recover: the clock isn't behind the last publication.
    #[error("the clock is not behind the list that is published; nothing was changed")]
    ClockNotBehind,
    /// The stamp's validity is zero or exceeds the keyring's maximum.
    #[error(
        "a stamp must be valid for 1 s to {max_secs} s, as the keyring says; change --valid-for"
    )]
    ValidFor {
        /// The longest validity, in seconds.
        max_secs: u64,
    },
    /// What the store refuses.
    #[error(transparent)]
    Store(StoreError),
    /// What the keystore refuses.
    #[error(transparent)]
    Keystore(KeystoreError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(FileError),
    /// A change without an actor.
    #[error(transparent)]
    NoActor(#[from] NoActor),
    /// The system provided no random bytes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// A minted token doesn't pass verification.
    #[error("the new key did not pass its own verification; nothing was changed")]
    SelfCheck,
    /// The verifying half refuses the keyring.
    #[error("the keyring is refused")]
    Keyring(#[from] KeyringError),
    /// The verifying half refuses the list.
    #[error("the list is refused")]
    List(#[from] ListError),
    /// A file could not be encoded.
    #[error("a signed file could not be made")]
    Wire(#[from] WireError),
    /// A public key is refused.
    #[error("a public key is refused")]
    PublicKey(#[from] PublicKeyError),
}

/// A list of names, limited to the first twenty.
fn some(names: &[String]) -> String {
    const MANY: usize = 20;
    let shown = names.iter().take(MANY).map(|name| concealed(name)).collect::<Vec<_>>();
    let mut text = shown.join(", ");
    if let Some(rest) = names.len().checked_sub(MANY).filter(|rest| *rest > 0) {
        text.push_str(&format!(" and {rest} more"));
    }
    text
}

impl Error {
    /// A stable code for programs and logs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "invalid",
            Self::NotFound => "not_found",
            Self::NoSuchKeys(_) => "not_found",
            Self::NothingSelected => "nothing_selected",
            Self::Fixed { .. } => "fixed_field",
            Self::SomeAlreadyRevoked { .. } => "already_revoked",
            Self::SomeNotEarlier(_) => "revocation_not_earlier",
            Self::LastAdmin { .. } => "last_admin_key",
            Self::NotTheCount { .. } => "count_changed",
            Self::NotConfirmed { .. } => "not_confirmed",
            Self::NotRevoked(_) => "not_revoked",
            Self::NotSuspended => "not_suspended",
            Self::Canary => "canary",
            Self::NotPublishable => "not_publishable",
            Self::SharedPolicy => "shared_policy",
            Self::IdempotencyMismatch => "idempotency_key_reused",
            Self::PublicText => "public_text",
            Self::NotAuthentic => "not_authentic",
            Self::Unknown { .. } => "not_found",
            Self::InUse { .. } => "in_use",
            Self::BulkRevoked => "bulk_revoked",
            Self::Target { .. } => "target",
            Self::TargetFull { .. } => "target_full",
            Self::NoWebhook => "webhook_not_found",
            Self::HttpClient(_) => "http_client",
            Self::JobTaken => "job_taken",
            Self::EventsRemoved { .. } => "events_removed",
            Self::TrailBroken { .. } => "trail_broken",
            Self::AlreadyRevoked => "already_revoked",
            Self::NotEarlier => "revocation_not_earlier",
            Self::Expired => "expired",
            Self::Suspended => "suspended",
            Self::NoSigner => "no_signer",
            Self::LabelNotListed { .. } => "label_not_listed",
            Self::NoStatusSigner => "no_status_signer",
            Self::ShardFull => "shard_full",
            Self::NotInitialised { .. } => "not_initialised",
            Self::KeystoreLost { .. } => "keystore_lost",
            Self::AlreadyInitialised { .. } => "already_initialised",
            Self::RootExists { .. } => "root_exists",
            Self::Rotation(error) => error.code(),
            Self::Scope { .. } => "insufficient_scope",
            Self::OutlivesMaker { .. } => "outlives_maker",
            Self::LifetimeTooLong { .. } => "lifetime_too_long",
            Self::ExpiryRequired { .. } => "expiry_required",
            Self::OwnerRequired { .. } => "owner_required",
            Self::SettingsChanged { .. } => "settings_changed",
            Self::Backup { .. } => "backup",
            Self::Move(error) => error.code(),
            Self::Descriptors { .. } => "descriptors",
            Self::ListTooNew(_) => "list_too_new",
            Self::PolicyTooNew(_) => "policy_too_new",
            Self::ClockWentBack { .. } => "clock_went_back",
            Self::ClockNotBehind => "clock_not_behind",
            Self::ValidFor { .. } => "valid_for",
            Self::Store(error) => error.code(),
            Self::Keystore(error) => error.code(),
            Self::File(error) => error.code(),
            Self::NoActor(NoActor) => "no_actor",
            Self::Random(NoRandomness) => "random",
            Self::SelfCheck => "self_check",
            Self::Keyring(_) => "keyring",
            Self::List(error) => error.code(),
            Self::Wire(_) => "encoding",
            Self::PublicKey(_) => "public_key",
        }
    }

    /// The error and its sources in one line, for logs.
    #[must_use]
    pub fn chain(&self) -> String {
        chain(self)
    }
}

impl From<AdoptError> for Error {
    fn from(error: AdoptError) -> Self {
        match error {
            AdoptError::Keyring(error) => Self::Keyring(error),
            AdoptError::List(error) => Self::List(error),
        }
    }
}

// What several layers refuse has one variant here, whichever of them refused it.

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Encoding => Self::SelfCheck,
            StoreError::Invalid(invalid) => invalid.into(),
            StoreError::NoActor(error) => error.into(),
            StoreError::File(error) => error.into(),
            StoreError::Random(error) => error.into(),
            error @ (StoreError::Missing { .. }
            | StoreError::Replaced { .. }
            | StoreError::Corrupt(_)
            | StoreError::Foreign
            | StoreError::Version(_)
            | StoreError::Taken
            | StoreError::Url { .. }
            | StoreError::Unreachable(_)
            | StoreError::Tls(_)
            | StoreError::Busy
            | StoreError::Interrupted(_)
            | StoreError::Pooled
            | StoreError::Full(_)
            | StoreError::SchemaMissing
            | StoreError::Moved { .. }
            | StoreError::Moving { .. }
            | StoreError::HalfMoved
            | StoreError::Database(_)
            | StoreError::ClockImplausible { .. }
            | StoreError::Restored { .. }
            | StoreError::NoList
            | StoreError::ReasonRequired) => Self::Store(error),
        }
    }
}

impl From<KeystoreError> for Error {
    fn from(error: KeystoreError) -> Self {
        match error {
            KeystoreError::Empty => Self::NoSigner,
            KeystoreError::File(error) => error.into(),
            KeystoreError::Random(error) => error.into(),
            KeystoreError::PublicKey(error) => error.into(),
            error @ (KeystoreError::Unusable { .. }
            | KeystoreError::Sealed { .. }
            | KeystoreError::RootMissing { .. }
            | KeystoreError::RootWrong { .. }) => Self::Keystore(error),
        }
    }
}

impl From<FileError> for Error {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Random(error) => error.into(),
            error @ (FileError::Permissions { .. } | FileError::Io { .. }) => Self::File(error),
        }
    }
}

impl From<SignError> for Error {
    fn from(error: SignError) -> Self {
        match error {
            SignError::SelfCheck => Self::SelfCheck,
            SignError::PublicKey(error) => error.into(),
        }
    }
}

impl From<Invalid> for Error {
    fn from(Invalid { field, reason }: Invalid) -> Self {
        Self::Invalid { field, reason }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        StoreError::from(error).into()
    }
}
