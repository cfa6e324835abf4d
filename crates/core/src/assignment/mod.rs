//! Assignments: what a key may do, whom it belongs to and when it ends, changed while it lives.
//!
//! ```text
//! set        in a shard's body: the slots whose keys have an assignment
//! directory  named by the head: maps ranges of serials to bodies, or to narrower directories
//! bodies     the assignments of one range; private ones begin with a salt
//! ```
//!
//! [`Policies`](crate::policy::Policies) holds these files too, and finds an [`Assignment`] under a
//! head. A verification looks for one only if the list says that there is one.
//!
//! Specified in `docs/assignment.md`.
//!
//! ```
//! use core::num::NonZeroU32;
//!
//! use portcullis_core::assignment::{Assignment, Change};
//!
//! // Another policy, no owner, and the end that the token says.
//! let assignment = Assignment {
//!     policy: Change::To(NonZeroU32::new(11)),
//!     owner: Change::To(None),
//!     expires_at: Change::Unchanged,
//! };
//! assert_eq!(assignment.policy.or(NonZeroU32::new(9)), NonZeroU32::new(11));
//! assert_eq!(assignment.owner.or(NonZeroU32::new(7)), None);
//! assert_eq!(assignment.expires_at.or(Some(1_767_225_600)), Some(1_767_225_600));
//! ```

mod body;
mod changes;
mod record;

pub use body::AssignmentBody;
pub use changes::Changes;
pub use record::{Assignment, AssignmentTooNew, Change};

pub(crate) use body::LETTER as BODY_LETTER;

use crate::file_name::FileName;
use crate::token::{Kind, Serial};

/// Why a key that has an assignment is refused. Nothing of what its token says may be used in the
/// assignment's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAssignment {
    /// The list says that the key has an assignment, and its head leads to none.
    #[error("the list lacks the key's assignment; the issuer must publish it")]
    Missing,
    /// The file that leads to the assignment is not held: fetch it and try again. For secret keys it
    /// is private; a verifier without a credential for it can't verify such keys.
    #[error("the key's assignment is not held; fetch its file")]
    Unavailable(MissedAssignment),
    /// The assignment has a field that this version doesn't know.
    #[error(transparent)]
    TooNew(#[from] AssignmentTooNew),
    /// The assignment changes what the keyring does not allow the list's signer to change, or it is
    /// that of an admin key.
    #[error("the keyring does not allow the list's signer to assign this; ask the issuer")]
    NotAllowed,
}

/// The next file on the way to an assignment, and the key whose assignment it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissedAssignment {
    /// The file.
    pub file: FileName,
    /// The key's kind.
    pub kind: Kind,
    /// The key's serial.
    pub serial: Serial,
}

impl NoAssignment {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "assignment_missing",
            Self::Unavailable(_) => "assignment_unavailable",
            Self::TooNew(_) => "assignment_too_new",
            Self::NotAllowed => "assignment_not_allowed",
        }
    }
}
