//! Verifies exports without a database.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;

use portcullis_core::crypto::Digest;

use super::anchor::Anchor;
use super::archive::ExportLine;
use super::walk::{Report, Walk};
use crate::error::Error;
use crate::files::FileError;
use crate::store::events::Line;

/// Verifies an export line by line, without a database. A complete export starts at the first
/// event. A partial one is verified from its second line, with a digest that covers the first.
///
/// # Errors
/// The errors of `lines`. An invalid line is a finding.
pub fn check_export(
    lines: impl Iterator<Item = std::io::Result<String>>,
    anchors: &[Anchor],
) -> std::io::Result<Report> {
    let mut walk = Walk::new(anchors);
    check_lines(&mut walk, lines)?;
    Ok(walk.end())
}

/// Verifies exports as one chain. The files must be in the order of their events. A file may begin
/// with events that the previous one ends with.
pub fn check_files(files: &[PathBuf], anchors: &[Anchor]) -> Result<Report, Error> {
    let mut walk = Walk::new(anchors);
    for path in files {
        let failed = |source| FileError::Io { path: path.clone(), source };
        let lines = BufReader::new(File::open(path).map_err(failed)?).lines();
        let ended = walk.last;
        check_lines(&mut walk, lines).map_err(failed)?;
        let (Some((before, _)), Some((ends, _))) = (ended, walk.last) else { continue };
        if ends < before {
            let message = format!(
                "{} ends with the event {ends}, and the file before it with {before}: give the \
                 files in the order of their events",
                path.display()
            );
            walk.report.find(ends, "reordered", message);
            walk.last = ended;
        }
    }
    Ok(walk.end())
}

fn check_lines(
    walk: &mut Walk,
    lines: impl Iterator<Item = std::io::Result<String>>,
) -> std::io::Result<()> {
    for (number, text) in (1_i64..).zip(lines) {
        let text = text?;
        let line: Option<(ExportLine, Digest)> = serde_json::from_str(&text)
            .ok()
            .and_then(|line: ExportLine| line.digest.parse().ok().map(|digest| (line, digest)));
        let Some((line, digest)) = line else {
            let message = format!("the line {number} is none of an export");
            walk.report.find(number, "changed", message);
            continue;
        };
        if number == 1 && walk.begin_file(line.id, digest) {
            continue;
        }
        // Lines that predate principals have the caller's name in `actor`.
        let (actor, on_behalf_of) = match &line.on_behalf_of {
            Some(on_behalf_of) => (line.actor.as_deref(), on_behalf_of.as_deref()),
            None => (None, line.actor.as_deref()),
        };
        let event = Line {
            at_ms: line.at_ms,
            event: &line.r#type,
            key_id: line.key_id.as_deref(),
            actor,
            on_behalf_of,
            data: &line.data,
        };
        walk.step(line.id, event, digest);
    }
    Ok(())
}
