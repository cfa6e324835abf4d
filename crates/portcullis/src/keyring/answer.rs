//! A changed keyring, and its labels, as commands show them.

use portcullis_core::token::Label;
use portcullis_issuer::Publication;
use portcullis_issuer::names::labels::told;

use crate::exit::Exit;
use crate::output::Out;

/// The outcome of a stored keyring, which a stamp names or does not name yet.
pub(super) fn unpublished(publication: &Publication, out: &Out) -> Exit {
    let Some(error) = publication.error() else { return Exit::Done };
    let message = format!(
        "the keyring is stored but no stamp names it yet ({}); run `portcullis list publish`",
        error.chain()
    );
    out.error(error.code(), &message);
    Exit::Unfinished
}

/// The labels as shown to people.
pub(super) fn listed(labels: &[Label]) -> String {
    let name = |(at, label): (usize, &Label)| {
        let default = if at == 0 { " (default)" } else { "" };
        format!("{}{default}", told(label))
    };
    labels.iter().enumerate().map(name).collect::<Vec<_>>().join(", ")
}
