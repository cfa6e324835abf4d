//! Committed changes as answers of commands.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::Result;
use portcullis_api::view::committed::CommittedView;
use portcullis_api::view::targets::waited;
use portcullis_issuer::{Committed, Issuer, Publication};
use serde::Serialize;

use super::exit::Exit;
use super::list::answer::write_targets;
use super::output::{Out, field};

/// Prints the result of a committed change, and whether it is published; `text` writes the result
/// as text. With `patience`, waits until every target has the list, for at most that long.
pub(super) async fn answer<T: Serialize>(
    issuer: &Issuer,
    out: &Out,
    change: Committed<T>,
    patience: Option<Duration>,
    text: impl FnOnce(&mut dyn Write, &T) -> io::Result<()>,
) -> Result<Exit> {
    let Committed { value, publication } = change;
    let targets = waited(issuer, &publication, patience).await?;
    let view = CommittedView::new(value, &publication, issuer.now()).with_targets(targets);
    out.answer(&view, |o| {
        text(o, &view.value)?;
        write_published(o, &publication)?;
        view.targets().map_or(Ok(()), |targets| write_targets(o, targets))
    })?;
    Ok(exit(out, &publication))
}

/// How a command ends whose change is committed, published or not.
fn exit(out: &Out, publication: &Publication) -> Exit {
    let Some(error) = publication.error() else { return Exit::Done };
    let message = format!(
        "the change is committed but not yet published ({}); run `portcullis list publish`",
        error.chain()
    );
    out.error(error.code(), &message);
    Exit::Unfinished
}

pub(super) fn write_published(out: &mut dyn Write, publication: &Publication) -> io::Result<()> {
    match publication {
        Publication::Published(list) => {
            field(out, "Published in", format_args!("list {}", list.number))
        }
        Publication::NotYet(_) => field(out, "Published in", "no list yet"),
        Publication::NotNeeded => Ok(()),
    }
}
