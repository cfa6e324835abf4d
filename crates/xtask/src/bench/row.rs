//! One line of the table of targets.

/// A target and its measurement.
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) peer: String,
    pub(crate) ours: String,
    pub(crate) theirs: String,
    pub(crate) ratio: String,
    pub(crate) target: String,
    /// `None` if the row has no target.
    pub(crate) met: Option<bool>,
}
