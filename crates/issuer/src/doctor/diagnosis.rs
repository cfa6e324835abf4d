//! What a diagnosis found.

use serde::Serialize;

pub(super) const DAY_MILLIS: u64 = 24 * 60 * 60 * 1000;

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

    pub(super) fn good(&mut self, check: &'static str, found: impl Into<String>) {
        self.checks.push(Check { check, ok: true, found: found.into(), mend: None });
    }

    /// Records a check that passes for now.
    pub(super) fn warn(
        &mut self,
        check: &'static str,
        found: impl Into<String>,
        mend: impl Into<String>,
    ) {
        let mend = Some(mend.into());
        self.checks.push(Check { check, ok: true, found: found.into(), mend });
    }

    pub(super) fn bad(
        &mut self,
        check: &'static str,
        found: impl Into<String>,
        mend: impl Into<String>,
    ) {
        let mend = Some(mend.into());
        self.checks.push(Check { check, ok: false, found: found.into(), mend });
    }
}
