//! The words in front of keys: which ones the keyring lists, and which one a new key gets.
//!
//! A verifier refuses a key whose label its keyring does not list. So a label that is removed ends
//! its keys everywhere, until it is added again: that is previewed, counted and confirmed.

use portcullis_core::keyring::Keyring;
use portcullis_core::time::Time;
use portcullis_core::token::Label;

use super::care::{Admins, Care, Preview};
use super::rotation::RotationError;
use crate::context::Context;
use crate::error::Error;
use crate::store::labels::{self, KeysOfLabel};
use crate::store::{self, Connection};

/// The most labels that a keyring lists (`docs/keyring.md`).
pub const MAX_LABELS: usize = 4;

/// What to do to a keyring's labels: first what is added, then what is removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelChange {
    /// Those that the keyring is to list too.
    pub add: Vec<Label>,
    /// Those that it is to list no longer: their keys are refused from then on.
    pub remove: Vec<Label>,
    /// The one that keys get of which nothing is said.
    pub first: Option<Label>,
}

/// What a change of labels comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelsPreview {
    /// The labels that the keyring lists; the first is the default.
    pub before: Vec<Label>,
    /// Those that it would list.
    pub after: Vec<Label>,
    /// The keys in force that would be refused.
    pub refused: Preview,
}

/// The labels of the newest keyring, and what stands under each.
#[derive(Clone, Debug)]
pub struct Labels {
    /// The keyring's version.
    pub version: u32,
    /// Its labels; the first is the default.
    pub listed: Vec<Label>,
    /// The keys of each label that has any, whether it is listed or not.
    pub keys: Vec<KeysOfLabel>,
}

impl LabelChange {
    /// The labels after the change.
    ///
    /// # Errors
    /// [`RotationError`] for a change that no keyring could list, or that contradicts itself.
    pub(super) fn apply(&self, before: &[Label]) -> Result<Vec<Label>, RotationError> {
        if self.add.iter().any(|label| self.remove.contains(label)) {
            return Err(RotationError::Impossible("a label is to be added and removed at once"));
        }
        let mut after = before.to_vec();
        for label in &self.add {
            if !after.contains(label) {
                after.push(*label);
            }
        }
        after.retain(|label| !self.remove.contains(label));
        if let Some(first) = self.first {
            if !after.contains(&first) {
                return Err(RotationError::LabelNotThere(first));
            }
            // The others keep their order.
            after.retain(|label| *label != first);
            after.insert(0, first);
        }
        match after.len() {
            0 => Err(RotationError::LastLabel),
            1..=MAX_LABELS => Ok(after),
            _ => Err(RotationError::TooManyLabels),
        }
    }
}

/// The label of a new key: the one that is asked for, or the keyring's first.
///
/// # Errors
/// [`Error::LabelNotListed`]: no verifier would accept the key.
pub(super) fn of_new_key(keyring: &Keyring, wanted: Option<Label>) -> Result<Label, Error> {
    let listed = keyring.labels();
    match wanted {
        None => Ok(listed.first().copied().unwrap_or(Label::NONE)),
        Some(label) if listed.contains(&label) => Ok(label),
        Some(label) => Err(Error::LabelNotListed { label, listed: listed.to_vec() }),
    }
}

/// What a change of labels comes to, as of `now`.
pub(super) async fn preview(
    connection: &mut Connection,
    (before, change): (&[Label], &LabelChange),
    now: Time,
) -> Result<(Admins, LabelsPreview), Error> {
    let after = change.apply(before)?;
    let gone = |label: &str| {
        let is = |listed: &Label| listed.as_str() == label;
        before.iter().any(is) && !after.iter().any(is)
    };
    let (mut count, mut admins) = (0, 0);
    for keys in labels::keys_of_labels(connection, now).await? {
        if gone(&keys.label) {
            count += keys.live;
            admins += keys.admins;
        }
    }
    let size = |many: u64| usize::try_from(many).unwrap_or(usize::MAX);
    let in_force = Admins::of(connection, now).await?;
    let refused = in_force.preview((size(count), size(admins)), |key| gone(&key.label));
    Ok((in_force, LabelsPreview { before: before.to_vec(), after, refused }))
}

/// Refuses a change that ends other keys than were confirmed, or the last admin key.
pub(super) async fn check(
    connection: &mut Connection,
    (before, change): (&[Label], &LabelChange),
    care: &Care,
    now: Time,
) -> Result<(), Error> {
    let (admins, preview) = preview(connection, (before, change), now).await?;
    admins.check(&preview.refused, care)
}

/// What a change of the keyring's labels comes to. Nothing is changed.
pub(crate) async fn preview_labels(
    context: &Context,
    change: &LabelChange,
) -> Result<LabelsPreview, Error> {
    let mut reading = context.store().read().await?;
    let now = store::now(&mut reading, context.now()).await?;
    let view = context.published_state(&mut reading).await?;
    let before = view.verifier().keyring().labels();
    Ok(preview(&mut reading, (before, change), now).await?.1)
}

/// The newest keyring's labels, and how many keys stand under each.
pub(crate) async fn labels(context: &Context) -> Result<Labels, Error> {
    let mut reading = context.store().read().await?;
    let now = store::now(&mut reading, context.now()).await?;
    let view = context.published_state(&mut reading).await?;
    let keyring = view.verifier().keyring();
    let keys = labels::keys_of_labels(&mut reading, now).await?;
    Ok(Labels { version: keyring.version(), listed: keyring.labels().to_vec(), keys })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn label(text: &str) -> Label {
        Label::new(text).unwrap()
    }

    #[test]
    fn a_change_adds_then_removes_then_puts_one_first() {
        let (acme, shop, none) = (label("acme"), label("shop"), Label::NONE);
        let change = |add: &[Label], remove: &[Label], first| {
            LabelChange { add: add.to_vec(), remove: remove.to_vec(), first }.apply(&[acme])
        };
        assert_eq!(change(&[none, none, acme], &[], None), Ok(vec![acme, none]));
        assert_eq!(change(&[none, shop], &[], Some(shop)), Ok(vec![shop, acme, none]));
        assert_eq!(change(&[none], &[acme], None), Ok(vec![none]));
        // What is not listed is removed already.
        assert_eq!(change(&[], &[shop], None), Ok(vec![acme]));
        assert_eq!(change(&[], &[acme], None), Err(RotationError::LastLabel));
        assert_eq!(change(&[], &[], Some(shop)), Err(RotationError::LabelNotThere(shop)));
        assert!(matches!(change(&[shop], &[shop], None), Err(RotationError::Impossible(_))));
        let many = [none, shop, label("a"), label("b")];
        assert_eq!(change(&many, &[], None), Err(RotationError::TooManyLabels));
        assert_eq!(change(&many, &[acme], None), Ok(many.to_vec()));
    }

    proptest! {
        /// Whatever is asked for, the labels are such as a keyring may list, and a second time
        /// nothing changes.
        #[test]
        fn what_comes_of_a_change_can_be_listed(
            [before, add, remove] in [Just(()), Just(()), Just(())].prop_flat_map(|_| {
                let some = || proptest::collection::vec(0_usize..6, 0..5);
                [some(), some(), some()]
            }),
            first in proptest::option::of(0_usize..6),
        ) {
            let all = ["", "a", "b", "c", "d", "e"].map(label);
            let of = |places: &[usize]| places.iter().map(|at| all[*at]).collect::<Vec<_>>();
            let change = |add, remove| LabelChange { add, remove, first: first.map(|at| all[at]) };
            let grown = LabelChange { add: of(&before), ..LabelChange::default() }.apply(&[all[0]]);
            let Ok(before) = grown else { return Ok(()) };
            let change = change(of(&add), of(&remove));
            if let Ok(after) = change.apply(&before) {
                prop_assert!((1..=MAX_LABELS).contains(&after.len()));
                let alone = |at: usize| !after[..at].contains(&after[at]);
                prop_assert!((0..after.len()).all(alone));
                prop_assert_eq!(change.apply(&after), Ok(after));
            }
        }
    }
}
