//! The permitted changes of a keyring's signers. They keep every signer that verifiers need.

use portcullis_core::keyring::{KeyEntry, Purpose, State};
use portcullis_core::token::Label;

use crate::names::labels;

/// Why a keyring change is refused. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RotationError {
    /// The keyring lists no signer under this kid.
    #[error("no signer has the kid {0}; `portcullis keyring show` lists those that there are")]
    NoSuchKid(u16),
    /// Only a signer that is next can be promoted.
    #[error("kid {kid} is {}; only a signer that is next can be promoted", state.name())]
    NotNext {
        /// The signer.
        kid: u16,
        /// Its state.
        state: State,
    },
    /// The signer is retired already.
    #[error("kid {0} is retired already")]
    Retired(u16),
    /// Nothing else could sign in its place.
    #[error(
        "kid {kid} is the only active signer of its work ({}); rotate, and promote another first",
        purpose.name()
    )]
    LastSigner {
        /// The signer.
        kid: u16,
        /// What it does.
        purpose: Purpose,
    },
    /// Keys in force would be refused.
    #[error(
        "{live} keys in force are signed by kid {kid} and would be refused at once; roll them \
         first, or confirm with --yes"
    )]
    LiveKeys {
        /// The signer.
        kid: u16,
        /// How many.
        live: u64,
    },
    /// Status lists in force would be refused.
    #[error(
        "status lists that kid {kid} signed are in force for another {secs} s and would be refused \
         at once; wait, or confirm with --yes"
    )]
    ListsInForce {
        /// The signer.
        kid: u16,
        /// For how long.
        secs: u64,
    },
    /// The local keystore lacks the signer's key.
    #[error("the keystore here does not hold kid {0}; bring it from where it was made")]
    NotHere(u16),
    /// No such signer can exist.
    #[error("{0}")]
    Impossible(&'static str),
    /// No kid is left.
    #[error("all 65535 kids are used")]
    NoKidLeft,
    /// The keyring does not list the label that was to be its first.
    #[error(
        "{} is to be the default and is not listed; add it too: `portcullis keyring labels {}`",
        labels::told(.0), labels::to_add(.0)
    )]
    LabelNotThere(Label),
    /// A keyring without a label could vouch for no key.
    #[error(
        "a keyring lists one label at least, \"no label\" counts as one; add another with the same \
         command"
    )]
    LastLabel,
    /// No keyring lists more labels than four.
    #[error(
        "a keyring lists 4 labels at most, \"no label\" counts as one; remove one that no key has"
    )]
    TooManyLabels,
    /// The keyring's validity is out of range.
    #[error("a keyring must be valid for a while: for a day at least and ten years at most")]
    Validity,
}

impl RotationError {
    /// A stable code for programs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoSuchKid(_) => "no_such_signer",
            Self::NotNext { .. } => "signer_not_next",
            Self::Retired(_) => "signer_retired",
            Self::LastSigner { .. } => "last_signer",
            Self::LiveKeys { .. } => "signer_has_keys",
            Self::ListsInForce { .. } => "signer_has_lists",
            Self::NotHere(_) => "signer_not_here",
            Self::Impossible(_) => "signer_impossible",
            Self::NoKidLeft => "no_kid_left",
            Self::Validity => "keyring_validity",
            Self::LabelNotThere(_) => "label_not_listed",
            Self::LastLabel => "last_label",
            Self::TooManyLabels => "too_many_labels",
        }
    }
}

/// Activates the signer, and sets the signers it can fully replace to retiring. Returns their kids.
pub(super) fn promote(entries: &mut [KeyEntry], kid: u16) -> Result<Vec<u16>, RotationError> {
    let entry = entries.iter_mut().find(|entry| entry.kid == kid);
    let entry = entry.ok_or(RotationError::NoSuchKid(kid))?;
    if entry.state != State::Next {
        return Err(RotationError::NotNext { kid, state: entry.state });
    }
    entry.state = State::Active;
    let promoted = entry.clone();
    let mut retiring = Vec::new();
    for entry in entries.iter_mut().filter(|entry| entry.state == State::Active) {
        if entry.kid != kid && takes_over(&promoted, entry) {
            entry.state = State::Retiring;
            retiring.push(entry.kid);
        }
    }
    Ok(retiring)
}

/// Retires the signer. `live` keys in force are signed by it; `anyway` permits refusing them.
pub(super) fn retire(
    entries: &mut [KeyEntry],
    kid: u16,
    live: u64,
    anyway: bool,
) -> Result<(), RotationError> {
    let entry = entries.iter().find(|entry| entry.kid == kid);
    let entry = entry.ok_or(RotationError::NoSuchKid(kid))?.clone();
    if entry.state == State::Retired {
        return Err(RotationError::Retired(kid));
    }
    let is_replaced = entries
        .iter()
        .any(|other| other.kid != kid && other.state == State::Active && takes_over(other, &entry));
    let is_needed = entry.state == State::Active && !is_replaced;
    // Without a list signer, verifiers refuse everything. `anyway` doesn't override that.
    if is_needed && (!anyway || entry.purpose == Purpose::List) {
        return Err(RotationError::LastSigner { kid, purpose: entry.purpose });
    }
    if live > 0 && !anyway {
        return Err(RotationError::LiveKeys { kid, live });
    }
    for entry in entries.iter_mut().filter(|entry| entry.kid == kid) {
        entry.state = State::Retired;
    }
    Ok(())
}

/// Whether `new` could sign everything that `old` signs.
pub(crate) fn takes_over(new: &KeyEntry, old: &KeyEntry) -> bool {
    new.purpose == old.purpose
        && new.algorithm() == old.algorithm()
        && old.kinds.iter().all(|kind| new.kinds.contains(kind))
        && old.environments.iter().all(|environment| new.environments.contains(environment))
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_core::assignment::Changes;
    use portcullis_core::keyring::{Material, Validity};
    use portcullis_core::token::{Environment, Kind};
    use proptest::prelude::*;

    fn entry(kid: u16, purpose: Purpose, state: State, environments: &[Environment]) -> KeyEntry {
        let kinds = if environments.is_empty() { vec![] } else { vec![Kind::Secret] };
        KeyEntry {
            kid,
            purpose,
            environments: environments.to_vec(),
            kinds,
            changes: Changes::NONE,
            state,
            validity: Validity::ALWAYS,
            material: Material::Hmac { check: [0; 32] },
        }
    }

    #[test]
    fn a_promoted_signer_takes_over_what_it_can_do_whole() {
        use Environment::{Live, Test};
        let mut entries = vec![
            entry(1, Purpose::Token, State::Active, &[Live]),
            entry(2, Purpose::Token, State::Active, &[Live, Test]),
            entry(3, Purpose::List, State::Active, &[]),
            entry(4, Purpose::Token, State::Next, &[Live]),
        ];
        assert_eq!(promote(&mut entries, 4), Ok(vec![1]));
        assert_eq!(entries[0].state, State::Retiring);
        let again = RotationError::NotNext { kid: 4, state: State::Active };
        assert_eq!(promote(&mut entries, 4), Err(again));
        assert_eq!(
            retire(&mut entries, 1, 3, false),
            Err(RotationError::LiveKeys { kid: 1, live: 3 })
        );
        assert_eq!(retire(&mut entries, 1, 3, true), Ok(()));
        assert_eq!(retire(&mut entries, 1, 0, true), Err(RotationError::Retired(1)));
        assert_eq!(promote(&mut entries, 9), Err(RotationError::NoSuchKid(9)));
        assert!(matches!(retire(&mut entries, 2, 0, false), Err(RotationError::LastSigner { .. })));
    }

    proptest! {
        /// Any sequence of operations leaves an active list signer, and retired signers stay
        /// retired.
        #[test]
        fn a_list_signer_is_always_left(acts in proptest::collection::vec((0_u8..3, 1_u16..9), 1..40)) {
            let mut entries = vec![entry(1, Purpose::List, State::Active, &[])];
            for (act, kid) in acts {
                let retired: Vec<u16> = of(&entries, State::Retired);
                let _ = match act {
                    0 => {
                        let kid = u16::try_from(entries.len()).unwrap() + 1;
                        entries.push(entry(kid, Purpose::List, State::Next, &[]));
                        Ok(())
                    }
                    1 => promote(&mut entries, kid).map(|_| ()),
                    _ => retire(&mut entries, kid, 0, true),
                };
                prop_assert_eq!(of(&entries, State::Active).len(), 1);
                prop_assert!(retired.iter().all(|kid| of(&entries, State::Retired).contains(kid)));
            }
        }
    }

    fn of(entries: &[KeyEntry], state: State) -> Vec<u16> {
        entries.iter().filter(|entry| entry.state == state).map(|entry| entry.kid).collect()
    }
}
