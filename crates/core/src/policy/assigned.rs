//! Finding a key's assignment in the held files.

use crate::assignment::{Assignment, MissedAssignment, NoAssignment};
use crate::file_name::FileName;
use crate::list::Head;
use crate::policy::held::Held;
use crate::policy::{Holds, Policies};
use crate::policy_file::Visibility;
use crate::token::{Kind, Serial};

impl Policies {
    /// The assignment of the key of this kind with this serial, under the current head. The list
    /// says whether there is one.
    ///
    /// # Errors
    /// See [`NoAssignment`].
    pub fn find_assignment(
        &self,
        head: &Head,
        kind: Kind,
        serial: Serial,
    ) -> Result<Assignment, NoAssignment> {
        self.find_assignment_under(head.assignments(Visibility::of(kind)), kind, serial)
    }

    /// [`find_assignment`](Self::find_assignment) under the directory with this name.
    ///
    /// # Errors
    /// See [`NoAssignment`].
    pub fn find_assignment_under(
        &self,
        directory: FileName,
        kind: Kind,
        serial: Serial,
    ) -> Result<Assignment, NoAssignment> {
        if directory == FileName::NONE {
            return Err(NoAssignment::Missing);
        }
        let visibility = Visibility::of(kind);
        let mut name = directory;
        let mut above: Option<u8> = None;
        // Each step goes down exactly one level, or ends: any other tree is refused.
        loop {
            let missed = MissedAssignment { file: name, kind, serial };
            match self.get(name).ok_or(NoAssignment::Unavailable(missed))? {
                Held::Directory(directory)
                    if directory.holds() == Holds::Assignments
                        && directory.visibility() == visibility
                        && above.is_none_or(|above| {
                            above.checked_sub(1) == Some(directory.level())
                        }) =>
                {
                    name = directory.find(serial.get()).ok_or(NoAssignment::Missing)?;
                    above = Some(directory.level());
                }
                Held::Assignments(body) if body.visibility() == visibility && above == Some(0) => {
                    return Ok(body.find(serial).ok_or(NoAssignment::Missing)??);
                }
                Held::Directory(_) | Held::Body(_) | Held::Assignments(_) => {
                    return Err(NoAssignment::Missing);
                }
            }
        }
    }
}
