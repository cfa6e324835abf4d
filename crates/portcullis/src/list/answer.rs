//! The list and its targets as commands show them.

use std::io::Write;

use portcullis_api::view::MarkView;
use portcullis_api::view::targets::TargetView;
use portcullis_issuer::time_format::rfc3339_millis;

use crate::output::{field, table};

pub(crate) fn write_list_version(
    out: &mut dyn Write,
    list_version: &MarkView,
) -> std::io::Result<()> {
    field(
        out,
        "List",
        format_args!("number {}, epoch {}", list_version.number, list_version.epoch),
    )?;
    let age =
        format!("{}.{:03} s ago", list_version.age_millis / 1000, list_version.age_millis % 1000);
    field(
        out,
        "This update",
        format_args!("{}  ({age})", rfc3339_millis(list_version.this_update.0)),
    )?;
    field(out, "Next update", rfc3339_millis(list_version.next_update.0))
}

/// Writes a table of the targets and their lists.
pub(crate) fn write_targets(out: &mut dyn Write, targets: &[TargetView]) -> std::io::Result<()> {
    let mut rows = vec![["TARGET", "LIST", "VISIBLE", "PROBLEM"].map(String::from)];
    rows.extend(targets.iter().map(|target| {
        let number = target.number.map_or_else(|| "-".into(), |number| number.to_string());
        let error = target.error.clone().unwrap_or_else(|| "-".into());
        [target.name.clone(), number, target.visible.into(), error]
    }));
    table(out, &rows)
}
