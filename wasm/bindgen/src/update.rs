//! Brings a verifier up to date from files that its host fetches. Nothing here fetches or waits:
//! [`Session::update`] takes the files that the host has and names those that it still needs.
//!
//! ```text
//! nothing held      bundle; keyring and stamp if there is none
//! a list held       stamp, each time; the keyring, once a minute
//! a newer stamp     its head, then bodies, then the policies that replace those in use
//! at last           policies and assignments that a verification missed
//! ```
//!
//! Files stay with the host between two calls, so an update that is given up leaves nothing behind.

use portcullis_core::keyring::KeyringError;
use portcullis_core::list::{FileName, ListError};
use portcullis_core::time::Time;
use portcullis_core::token::{Kind, Serial};
use portcullis_wasm::{Engine, Fault, Folder, Wanted};

const KEYRING_EVERY_MS: u64 = 60_000;
/// The most files on the way to one policy or assignment.
const POLICY_LEVELS: usize = 5;
/// How many missed policies and assignments are remembered.
const POLICIES_REMEMBERED: usize = 64;
// The most bytes of files that no list has named. A stamp has 154; a keyring with every possible
// kid has 3.6 million. The bundle's bound is the one of the core.
const LONGEST_STAMP: u32 = 1024;
const LONGEST_KEYRING: u32 = 4 << 20;
const LONGEST_BUNDLE: u32 = 32 << 20;

pub(crate) const STAMP: &str = "stamp";
pub(crate) const KEYRING: &str = "keyring";
pub(crate) const BUNDLE: &str = "bundle";

/// The host's files by name. `None` is a file that it can't get.
#[derive(Default)]
pub(crate) struct Files(Vec<(String, Option<Vec<u8>>)>);

impl Files {
    pub(crate) fn push(&mut self, name: String, file: Option<Vec<u8>>) {
        self.0.push((name, file));
    }

    /// Lists have a handful of parts: a map would only make the module larger.
    fn get(&self, name: &str) -> Option<Option<&[u8]>> {
        let (_, file) = self.0.iter().find(|(known, _)| known == name)?;
        Some(file.as_deref())
    }
}

/// A file to fetch, and the most bytes that it may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Needed {
    pub(crate) name: String,
    pub(crate) longest: u32,
}

/// Why an update failed.
#[derive(Debug)]
pub(crate) enum UpdateError {
    /// A file is refused. What was held stays in use.
    Refused(Fault),
    /// The host can't get a file without which there is no update.
    Missing(String),
}

impl<E: Into<Fault>> From<E> for UpdateError {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

/// What a verification needed and what was not held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missed {
    /// The policy with this number.
    Policy(Kind, u32),
    /// The assignment of the key with this serial.
    Assignment(Kind, Serial),
}

impl Missed {
    /// The next file on the way to it.
    fn wanted(self, engine: &Engine) -> Option<Wanted> {
        match self {
            Self::Policy(kind, number) => engine.wants_policy(kind, number),
            Self::Assignment(kind, serial) => engine.wants_assignment(kind, serial),
        }
    }
}

/// A verifier, and what its updates remember.
pub(crate) struct Session {
    pub(crate) engine: Engine,
    /// When the host's keyring was last looked at.
    keyring_at: Option<Time>,
    /// What verifications needed and what was not held.
    missed: Vec<Missed>,
}

impl Session {
    pub(crate) const fn new(engine: Engine) -> Self {
        Self { engine, keyring_at: None, missed: Vec::new() }
    }

    /// Remembers a policy or an assignment for the next update.
    pub(crate) fn miss(&mut self, missed: Missed) {
        if self.missed.len() < POLICIES_REMEMBERED && !self.missed.contains(&missed) {
            self.missed.push(missed);
        }
    }

    /// Returns the files that are still needed, none once everything is in force.
    pub(crate) fn update(&mut self, files: &Files, now: Time) -> Result<Vec<Needed>, UpdateError> {
        // Cold start: one bundle instead of keyring, stamp and list, if the issuer serves one.
        if self.engine.list(now, 0).is_none() {
            match files.get(BUNDLE) {
                None => return Ok(vec![needed(BUNDLE, LONGEST_BUNDLE)]),
                Some(Some(bundle)) => match self.engine.adopt_bundle(bundle, now) {
                    Ok(_) => {
                        self.keyring_at = Some(now);
                        return Ok(self.missed_policies(files));
                    }
                    // An old cache served it: the single files may still work.
                    Err(Fault::List(ListError::PastNextUpdate)) => {}
                    Err(fault) => return Err(fault.into()),
                },
                Some(None) => {}
            }
        }
        let mut wanted = self.keyring(files, now)?;
        match files.get(STAMP) {
            None => wanted.push(needed(STAMP, LONGEST_STAMP)),
            Some(None) => return Err(UpdateError::Missing(STAMP.to_owned())),
            Some(Some(stamp)) if wanted.is_empty() => wanted = self.list(stamp, files, now)?,
            Some(Some(_)) => {}
        }
        if wanted.is_empty() {
            wanted = self.missed_policies(files);
        }
        Ok(wanted)
    }

    /// Adopts the host's keyring, or asks for it if it is due.
    fn keyring(&mut self, files: &Files, now: Time) -> Result<Vec<Needed>, UpdateError> {
        let is_held = self.engine.keyring().is_some();
        match files.get(KEYRING) {
            Some(Some(document)) => {
                match self.engine.offer_keyring(document) {
                    // A cache served an older copy. That is neither news nor an error.
                    Ok(_) | Err(Fault::Keyring(KeyringError::Older { .. })) => {}
                    Err(fault) => return Err(fault.into()),
                }
                self.keyring_at = Some(now);
                Ok(Vec::new())
            }
            // The held one is used for another minute.
            Some(None) if is_held => {
                self.keyring_at = Some(now);
                Ok(Vec::new())
            }
            Some(None) => Err(UpdateError::Missing(KEYRING.to_owned())),
            None => {
                let is_recent = self.keyring_at.is_some_and(|at| {
                    // A clock that was set back makes it due.
                    now >= at && now.millis_since(at) < KEYRING_EVERY_MS
                });
                let wanted = (!is_held || !is_recent).then(|| needed(KEYRING, LONGEST_KEYRING));
                Ok(wanted.into_iter().collect())
            }
        }
    }

    /// Adopts the list of a stamp, or returns the parts that are missing.
    fn list(&mut self, stamp: &[u8], files: &Files, now: Time) -> Result<Vec<Needed>, UpdateError> {
        let mut parts: Vec<&[u8]> = Vec::new();
        let mut offered: Vec<String> = Vec::new();
        let mut without_policies = false;
        loop {
            // Offer what there is; the engine answers with what it still needs.
            let wanted = match self.engine.offer_list(stamp, &parts, now, without_policies) {
                Ok(wanted) if wanted.is_empty() => return Ok(Vec::new()),
                Ok(wanted) => wanted,
                Err(fault) if keyring_may_help(&fault) && files.get(KEYRING).is_none() => {
                    return Ok(vec![needed(KEYRING, LONGEST_KEYRING)]);
                }
                Err(fault) => return Err(fault.into()),
            };
            let missing: Vec<Needed> = wanted
                .iter()
                .map(needed_part)
                .filter(|part| files.get(&part.name).is_none())
                .collect();
            if !missing.is_empty() {
                return Ok(missing);
            }
            for part in wanted {
                let name = needed_part(&part).name;
                let file = files.get(&name).flatten();
                match (part.folder, file) {
                    (Folder::Heads | Folder::Bodies, Some(file)) => parts.push(file),
                    (Folder::Heads | Folder::Bodies, None) => {
                        return Err(UpdateError::Missing(name));
                    }
                    // A revocation must not wait for a policy: if a policy file can't be had, or
                    // is not the one that was named, adopt the list without it.
                    (Folder::Policies | Folder::Private, file) => {
                        let adopted = file
                            .is_some_and(|file| self.engine.offer_policy(part.name, file).is_ok());
                        without_policies |= !adopted || offered.contains(&name);
                        offered.push(name);
                    }
                }
            }
        }
    }

    /// Adopts what verifications missed, or returns their missing files. One that
    /// can't be had is forgotten until a verification misses it again.
    fn missed_policies(&mut self, files: &Files) -> Vec<Needed> {
        let mut wanted = Vec::new();
        let engine = &mut self.engine;
        self.missed.retain(|missed| {
            for _ in 0..POLICY_LEVELS {
                let Some(part) = missed.wanted(engine) else { return false };
                let file = needed_part(&part);
                match files.get(&file.name) {
                    None => {
                        if !wanted.contains(&file) {
                            wanted.push(file);
                        }
                        return true;
                    }
                    Some(Some(bytes)) if engine.offer_policy(part.name, bytes).is_ok() => {}
                    Some(_) => return false,
                }
            }
            false
        });
        wanted
    }
}

fn needed(name: &str, longest: u32) -> Needed {
    Needed { name: name.to_owned(), longest }
}

fn needed_part(part: &Wanted) -> Needed {
    let FileName { digest, len } = part.name;
    let digit = |four: u8| char::from_digit(four.into(), 16).unwrap_or_default();
    let digest = digest.0.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xF)]);
    let name = part.folder.name().chars().chain(['/']).chain(digest).collect();
    Needed { name, longest: len }
}

/// Whether `name` is one that an issuer's file can have.
pub(crate) fn is_file_name(name: &str) -> bool {
    match name.split_once('/') {
        None => [STAMP, KEYRING, BUNDLE].contains(&name),
        Some((folder, digest)) => {
            Folder::ALL.iter().any(|known| known.name() == folder)
                && digest.len() == 64
                && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        }
    }
}

fn keyring_may_help(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::List(
            ListError::KeyringBehind { .. }
                | ListError::KeyringExpired
                | ListError::NotAListKey(_)
                | ListError::WrongEpoch { .. }
        )
    )
}
