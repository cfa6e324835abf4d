//! The fields that errors tell of.

use crate::names::worded;

worded! {
    /// A field of a file or record that is out of range or not in its canonical form.
    Field:
    /// The length of a policy body.
    Length = "length",
    /// A policy's number: not 0, and ascending in a body.
    PolicyNumber = "policy number",
    /// How many policies a body holds.
    PolicyCount = "number of policies",
    /// A policy's length, or the lists that it has.
    Policy = "policy",
    /// A policy directory's level.
    Level = "level",
    /// How many ranges a policy directory has.
    RangeCount = "number of ranges",
    /// A range of a policy directory.
    Range = "range",
    /// Who may read a policy file.
    Visibility = "visibility",
    /// The text of a network.
    Network = "network",
    /// A policy's networks.
    Networks = "networks",
    /// A policy's origins.
    Origins = "origins",
    /// A policy's methods.
    Methods = "methods",
    /// A policy's paths.
    Paths = "paths",
    /// A policy's scopes.
    Scopes = "scopes",
    /// A policy's sales channels.
    SalesChannels = "sales channels",
    /// A policy's rate class.
    RateClass = "rate class",
    /// How many assignments a body holds.
    AssignmentCount = "number of assignments",
    /// The order of a body's assignments.
    Serial = "serial",
    /// An assignment: the fields that it has, and the others, which are 0.
    Assignment = "assignment",
    /// What a list signer's assignments may change.
    Changes = "changes",
    /// An assertion's texts.
    Texts = "texts",
    /// An assertion's kind.
    Kind = "kind",
    /// An assertion's environment.
    Environment = "environment",
    /// An assertion's freshness.
    Freshness = "freshness",
    /// A keyring's kids, which ascend.
    Kid = "kid",
    /// A keyring's labels.
    Labels = "labels",
    /// How many signers a keyring has.
    Keys = "keys",
    /// A signer's algorithm.
    Algorithm = "algorithm",
    /// A signer's purpose.
    Purpose = "purpose",
    /// A signer's environments.
    Environments = "environments",
    /// A signer's kinds.
    Kinds = "kinds",
    /// A signer's environments and kinds, which its purpose must need.
    EnvironmentsAndKinds = "environments and kinds",
    /// A signer's state.
    State = "state",
    /// A signer's public key.
    PublicKey = "public key",
    /// The successor root.
    Successor = "successor",
    /// The directories that a head announces beside its shards.
    Directories = "directories",
    /// A shard's number in a head.
    Shard = "shard",
    /// The order of a head's bulk entries.
    BulkEntries = "bulk entries",
    /// A bulk entry.
    BulkEntry = "bulk entry",
    /// The name of a head's policy directory.
    Policies = "policies",
    /// A body's capacity.
    Capacity = "capacity",
    /// The sets that a body announces beside its own.
    FurtherSets = "further sets",
    /// A body's revoked slots.
    Revoked = "revoked",
    /// A body's suspended slots.
    Suspended = "suspended",
    /// A body's assigned slots.
    Assigned = "assigned",
    /// A body's timed slots.
    Timed = "timed",
    /// How many slots a set has.
    Count = "count",
    /// A gap between two slots of a set.
    Gap = "gap",
    /// The bits after a set's last code.
    Padding = "padding",
    /// A set of more than a quarter of the slots.
    DenseSet = "dense set",
}
