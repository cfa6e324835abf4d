//! Confirmation of changes that can't be undone: a preview, a question on a terminal, `--yes` in
//! scripts.

use std::io::{IsTerminal as _, Write as _};

use anyhow::Result;
use portcullis_issuer::Error;
use portcullis_issuer::actions::{Care, Preview};

use super::output::Out;

/// The confirmation of a change that can't be undone
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Confirm {
    /// Only show what would be done
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Don't ask for confirmation. Without a terminal and without --yes, nothing is done (exit code
    /// 2)
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
    /// Allow the change to affect the last admin key that can create others
    #[arg(long)]
    last_admin: bool,
}

/// The result of the confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Confirmed {
    /// Do it, with these safeguards.
    Yes(Care),
    /// Don't do it.
    No,
}

impl Confirm {
    /// The safeguards of a change that needs no confirmation.
    pub(super) const fn care(self) -> Care {
        Care { confirm: None, last_admin: self.last_admin }
    }

    /// Requests confirmation, unless `--yes` was given. `what` names the change in a few words.
    ///
    /// # Errors
    /// [`Error::NotConfirmed`] if there is no terminal to ask at.
    pub(super) fn ask(self, out: &Out, what: &str, preview: &Preview) -> Result<Confirmed> {
        self.ask_with(out, &preview_sentence(what, preview), "It can't be undone.", preview.count)
    }

    /// Like [`Confirm::ask`], with another sentence for the preview, and `end` after it.
    ///
    /// # Errors
    /// Like [`Confirm::ask`].
    pub(super) fn ask_with(
        self,
        out: &Out,
        sentence: &str,
        end: &str,
        count: u64,
    ) -> Result<Confirmed> {
        if self.yes {
            return Ok(Confirmed::Yes(self.care()));
        }
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return Err(Error::NotConfirmed { what: sentence.into() }.into());
        }
        let mut stderr = anstream::stderr();
        writeln!(stderr, "{sentence}. {end}")?;
        write!(stderr, "Type the number of keys to go on: ")?;
        stderr.flush()?;
        let mut line = String::new();
        std::io::stdin().read_line(&mut line)?;
        if line.trim() != count.to_string() {
            out.note("Nothing was changed.");
            return Ok(Confirmed::No);
        }
        let confirm = Some(count);
        Ok(Confirmed::Yes(Care { confirm, ..self.care() }))
    }
}

/// The preview as a sentence.
pub(super) fn preview_sentence(what: &str, preview: &Preview) -> String {
    let Preview { count, admins, admins_left } = *preview;
    let keys = if count == 1 { "key" } else { "keys" };
    let mut text = format!("this {what} {count} {keys}");
    if admins > 0 {
        let are = if admins == 1 {
            "1 is an admin key".into()
        } else {
            format!("{admins} are admin keys")
        };
        text.push_str(&format!(", of which {are}"));
        if admins_left == 0 {
            text.push_str("; no admin key that can make others is left");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_done_is_a_sentence() {
        let preview = |count, admins, admins_left| Preview { count, admins, admins_left };
        assert_eq!(
            preview_sentence("revokes for good", &preview(1, 0, 1)),
            "this revokes for good 1 key"
        );
        assert_eq!(
            preview_sentence("revokes for good", &preview(3, 1, 0)),
            "this revokes for good 3 keys, of which 1 is an admin key; no admin key that can make \
             others is left"
        );
    }
}
