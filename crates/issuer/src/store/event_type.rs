//! The types of events.

/// The type of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// A key was made.
    Created,
    /// A key's revocation was committed or brought forward.
    Revoked,
    /// A stored property of a key was changed.
    Updated,
    /// A key was rolled.
    Rolled,
    /// A key was suspended.
    Suspended,
    /// A key was resumed.
    Resumed,
    /// A key's record was deleted.
    Deleted,
    /// A key will expire soon.
    Expiring,
    /// A gate was sent a canary.
    CanaryUsed,
    /// A list with a new number was committed.
    ListPublished,
    /// A list could not be published at a target, or could not be made.
    ListFailed,
    /// A restored backup was brought up to date with the last publication.
    ListRecovered,
    /// Many keys were revoked at once.
    ManyRevoked,
    /// Many keys were suspended at once.
    ManySuspended,
    /// A suspension of many keys was lifted.
    ManyResumed,
    /// A policy was made.
    PolicyCreated,
    /// A policy was changed.
    PolicyUpdated,
    /// A policy was deleted.
    PolicyDeleted,
    /// An owner was made.
    OwnerCreated,
    /// An owner was changed.
    OwnerUpdated,
    /// An owner was deleted.
    OwnerDeleted,
    /// A new version of the keyring was signed.
    KeyringChanged,
    /// A webhook endpoint was made, changed or deleted.
    WebhookChanged,
    /// The issuer's settings were changed.
    SettingsChanged,
    /// The trail's oldest events were removed.
    TrailTrimmed,
}

impl EventType {
    /// All types.
    pub const ALL: [Self; 25] = [
        Self::Created,
        Self::Revoked,
        Self::Updated,
        Self::Rolled,
        Self::Suspended,
        Self::Resumed,
        Self::Deleted,
        Self::Expiring,
        Self::CanaryUsed,
        Self::ListPublished,
        Self::ListFailed,
        Self::ListRecovered,
        Self::ManyRevoked,
        Self::ManySuspended,
        Self::ManyResumed,
        Self::PolicyCreated,
        Self::PolicyUpdated,
        Self::PolicyDeleted,
        Self::OwnerCreated,
        Self::OwnerUpdated,
        Self::OwnerDeleted,
        Self::KeyringChanged,
        Self::WebhookChanged,
        Self::SettingsChanged,
        Self::TrailTrimmed,
    ];

    /// The type's name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "api-key.created",
            Self::Revoked => "api-key.revoked",
            Self::Updated => "api-key.updated",
            Self::Rolled => "api-key.rolled",
            Self::Suspended => "api-key.suspended",
            Self::Resumed => "api-key.resumed",
            Self::Deleted => "api-key.deleted",
            Self::Expiring => "api-key.expiring",
            Self::CanaryUsed => "canary.used",
            Self::ListPublished => "list.published",
            Self::ListFailed => "list.failed",
            Self::ListRecovered => "list.recovered",
            Self::ManyRevoked => "keys.revoked",
            Self::ManySuspended => "keys.suspended",
            Self::ManyResumed => "keys.resumed",
            Self::PolicyCreated => "policy.created",
            Self::PolicyUpdated => "policy.updated",
            Self::PolicyDeleted => "policy.deleted",
            Self::OwnerCreated => "owner.created",
            Self::OwnerUpdated => "owner.updated",
            Self::OwnerDeleted => "owner.deleted",
            Self::KeyringChanged => "keyring.changed",
            Self::WebhookChanged => "webhook.changed",
            Self::SettingsChanged => "settings.changed",
            Self::TrailTrimmed => "trail.trimmed",
        }
    }

    /// Whether the event's operation requires a reason under the settings.
    pub(super) const fn asks_reason(self) -> bool {
        matches!(
            self,
            Self::Revoked
                | Self::Rolled
                | Self::Suspended
                | Self::Deleted
                | Self::ManyRevoked
                | Self::ManySuspended
        )
    }

    /// Whether the event carries the reason given.
    pub(super) const fn tells_reason(self) -> bool {
        let undoes = matches!(self, Self::Resumed | Self::ManyResumed | Self::SettingsChanged);
        self.asks_reason() || undoes
    }

    /// The type with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }
}
