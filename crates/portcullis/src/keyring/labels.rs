//! `portcullis keyring labels`: the labels that keys begin with.

use anyhow::Result;
use portcullis_api::view::signers::{LabelCountView, LabelsChangedView, LabelsShownView};
use portcullis_core::token::Label;
use portcullis_issuer::actions::{
    KeyringChange, KeyringChanged, LabelChange, Labels as Listed, LabelsPreview, Preview,
};
use portcullis_issuer::time_format::rfc3339_millis;
use portcullis_issuer::{Committed, Issuer};

use super::answer::{listed, unpublished};
use super::root::Root;
use crate::committed::write_published;
use crate::confirm::{Confirm, Confirmed, preview_sentence};
use crate::exit::Exit;
use crate::output::{Out, field, table};

/// Show, add and remove the labels that keys can have (acme_sk_live_…), and choose the default
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The first label is the default for new keys. A keyring lists 1 to 4 labels; \
                  \"no label\" (sk_live_…) counts as one.\n\n\
                  Examples:\n  portcullis keyring labels\n  \
                  portcullis keyring labels --add-unlabelled\n  \
                  portcullis keyring labels --add shop --default shop\n  \
                  portcullis keyring labels --remove acme --dry-run"
)]
pub(crate) struct Labels {
    /// Add this label; repeatable
    #[arg(long, value_name = "WORD", value_parser = word)]
    add: Vec<Label>,
    /// Add "no label": keys can then begin with sk_ and pk_
    #[arg(long)]
    add_unlabelled: bool,
    /// Remove this label: verifiers refuse its keys until it is added again
    #[arg(long, value_name = "WORD", value_parser = word)]
    remove: Vec<Label>,
    /// Remove "no label": verifiers refuse keys without a label until it is added again
    #[arg(long)]
    remove_unlabelled: bool,
    /// Make this label the default
    #[arg(long, value_name = "WORD", value_parser = word)]
    default: Option<Label>,
    /// Make "no label" the default
    #[arg(long, conflicts_with = "default")]
    default_unlabelled: bool,
    #[command(flatten)]
    confirm: Confirm,
    #[command(flatten)]
    root: Root,
}

/// Parses a label and refuses an empty one: a variable that is empty by accident does not mean "no
/// label".
fn word(text: &str) -> Result<Label, String> {
    match Label::new(text) {
        Ok(Label::NONE) => {
            Err("\"no label\" is said with --add-unlabelled, --remove-unlabelled or \
                                --default-unlabelled"
                .into())
        }
        Ok(label) => Ok(label),
        Err(error) => Err(error.to_string()),
    }
}

impl Labels {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        let change = self.change();
        if change == LabelChange::default() {
            return show(&issuer.keyring().labels().await?, out);
        }
        let preview = issuer.keyring().preview_labels(&change).await?;
        if self.confirm.dry_run {
            return dry_run(&preview, out);
        }
        let mut care = self.confirm.care();
        if preview.before == preview.after {
            out.note("The labels are so already.");
        } else if preview.refused.count > 0 {
            let sentence = preview_sentence("lets everybody refuse", &preview.refused);
            let end = "They count again if the label is added again.";
            match self.confirm.ask_with(out, &sentence, end, preview.refused.count)? {
                Confirmed::Yes(confirmed) => care = confirmed,
                Confirmed::No => return Ok(Exit::Refused),
            }
        }
        let change = KeyringChange::Labels { labels: change, care };
        let changed = self.root.change(issuer, &change).await?;
        answer(&preview, &changed, out)
    }

    fn change(&self) -> LabelChange {
        let with = |words: &[Label], unlabelled: bool| {
            words.iter().copied().chain(unlabelled.then_some(Label::NONE)).collect()
        };
        LabelChange {
            add: with(&self.add, self.add_unlabelled),
            remove: with(&self.remove, self.remove_unlabelled),
            first: self.default.or(self.default_unlabelled.then_some(Label::NONE)),
        }
    }
}

fn show(labels: &Listed, out: &Out) -> Result<Exit> {
    let view = LabelsShownView::new(labels);
    out.answer(&view, |o| {
        field(o, "Keyring", format_args!("version {}", view.version))?;
        writeln!(o)?;
        let mut rows = vec![["LABEL", "KEYS", "IN FORCE", ""].map(String::from)];
        rows.extend(view.labels.iter().map(row));
        table(o, &rows)
    })?;
    Ok(Exit::Done)
}

fn row(label: &LabelCountView) -> [String; 4] {
    let name = if label.label.is_empty() { "(no label)" } else { &label.label };
    let note = match (label.default, label.listed) {
        (true, _) => "default",
        (false, true) => "",
        (false, false) => "not listed: its keys are refused",
    };
    [name.into(), label.keys.to_string(), label.in_force.to_string(), note.into()]
}

fn dry_run(preview: &LabelsPreview, out: &Out) -> Result<Exit> {
    let view = LabelsChangedView::dry_run(preview);
    out.answer(&view, |o| {
        field(o, "Labels", listed(&preview.after))?;
        let would = match preview.refused {
            _ if preview.before == preview.after => "nothing would change".into(),
            Preview { count: 0, .. } => "no key would be refused".into(),
            refused => preview_sentence("would let everybody refuse", &refused),
        };
        field(o, "Dry run", format_args!("{would}; nothing was changed"))
    })?;
    Ok(Exit::Done)
}

fn answer(preview: &LabelsPreview, done: &Committed<KeyringChanged>, out: &Out) -> Result<Exit> {
    let changed = &done.value;
    let view = LabelsChangedView::new(preview, done);
    let is_new = |label: &Label| !preview.before.contains(label);
    out.answer(&view, |o| {
        field(o, "Keyring", format_args!("version {}", changed.version))?;
        field(o, "Valid until", rfc3339_millis(changed.not_after))?;
        field(o, "Labels", listed(&changed.labels))?;
        write_published(o, &done.publication)
    })?;
    if changed.labels.iter().any(is_new) {
        out.note(
            "\nGates and verifiers learn of it with the keyring: until then they refuse keys that \
             have the new label.",
        );
    }
    Ok(unpublished(&done.publication, out))
}
