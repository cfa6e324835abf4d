//! A long-lived verifier of a host: root, keyring, list, and secrets without a keyring yet.

use alloc::vec::Vec;
use core::fmt;
use core::num::NonZeroU32;

use portcullis_core::assignment::NoAssignment;
use portcullis_core::crypto::{HmacKey, PublicKey};
use portcullis_core::keyring::{Keyring, Purpose};
use portcullis_core::list::{Bundle, FileName, ListError, Part};
use portcullis_core::policy::{Grant, NoPolicy, Policies, RequestFacts, Visibility, decide};
use portcullis_core::signature_cache::{PendingSignature, SignatureCache, VerifiedSignature};
use portcullis_core::time::Time;
use portcullis_core::token::{Environment, Kind, MalformedToken, Name, Serial};
use portcullis_core::verifier::Verifier;
use portcullis_core::verify::{Accepted, Refusal, Requirements, Unverified};
use zeroize::Zeroizing;

use crate::facts::Denied;
use crate::fault::Fault;
use crate::folder::{Folder, Wanted, folder_of};
use crate::shared_memory::ListFacts;

type Secret = Zeroizing<[u8; HmacKey::SECRET_LEN]>;

/// Verifies keys of the one issuer whose root it pins.
pub struct Engine {
    root: PublicKey,
    /// `None` until the first keyring.
    verifier: Option<Verifier>,
    /// Secrets of kids that no keyring has named yet: a secret may be deployed before the keyring
    /// that names it.
    waiting: Vec<(u16, Secret)>,
    signature_cache: SignatureCache,
    policies: Policies,
}

/// Ed25519 signatures remembered as good: 150 kB, allocated with the first one.
const REMEMBERED: usize = 1024;
/// Bytes of policy files: about 60,000 policies of an origin and a sales channel.
const POLICY_BYTES: usize = 4 << 20;

/// The requirements on a key, and the time.
#[derive(Clone, Copy, Debug)]
pub struct VerifyOptions {
    /// What the caller requires of a key.
    pub requirements: Requirements,
    /// The instant of the verification.
    pub now: Time,
}

impl VerifyOptions {
    /// From numbers: the `code()` of a kind and of an environment, 0 for any.
    #[must_use]
    pub fn from_codes(kind: u8, environment: u8, now: Time) -> Self {
        let requirements = Requirements {
            purpose: Purpose::Token,
            kind: Kind::ALL.into_iter().find(|k| k.code() == kind),
            environment: Environment::ALL.into_iter().find(|e| e.code() == environment),
        };
        Self { requirements, now }
    }
}

impl Engine {
    /// A verifier that pins `root` and refuses every key.
    #[must_use]
    pub fn new(root: PublicKey) -> Self {
        let (signature_cache, policies) =
            (SignatureCache::new(REMEMBERED), Policies::new(POLICY_BYTES));
        Self { root, verifier: None, waiting: Vec::new(), signature_cache, policies }
    }

    /// Adds the secret of an HMAC key, at once or with the first keyring that names its kid.
    ///
    /// # Errors
    /// [`Fault::SecretLength`]; [`Fault::Keyring`] if the keyring doesn't match it.
    pub fn hold_secret(&mut self, kid: u16, secret: &[u8]) -> Result<(), Fault> {
        let secret: &[u8; HmacKey::SECRET_LEN] =
            secret.try_into().map_err(|_| Fault::SecretLength)?;
        self.waiting.retain(|(waiting, _)| *waiting != kid);
        self.waiting.push((kid, Zeroizing::new(*secret)));
        self.place_secrets()
    }

    /// Adopts a keyring; returns whether it was new.
    ///
    /// # Errors
    /// [`Fault::Keyring`]. If the error is about a waiting secret, the keyring has been adopted all
    /// the same, and the secret was dropped.
    pub fn offer_keyring(&mut self, document: &[u8]) -> Result<bool, Fault> {
        let news = match &mut self.verifier {
            Some(verifier) => verifier.offer_keyring(document)?,
            None => {
                self.verifier = Some(Verifier::new(self.root, document)?);
                true
            }
        };
        self.place_secrets()?;
        Ok(news)
    }

    /// Adopts keyring and list from a bundle; returns whether either was new.
    ///
    /// # Errors
    /// [`Fault::Keyring`] and [`Fault::List`]. A valid keyring is kept even if the list in the
    /// bundle is not.
    pub fn adopt_bundle(&mut self, file: &[u8], now: Time) -> Result<bool, Fault> {
        let first = self.verifier.is_none();
        if first {
            let error = |error| ListError::Wire { part: Part::Bundle, error };
            self.verifier =
                Some(Verifier::new(self.root, Bundle::decode(file).map_err(error)?.keyring)?);
        }
        let adopted = match &mut self.verifier {
            Some(verifier) => verifier.adopt_bundle(file, now),
            None => return Err(Fault::NoKeyring),
        };
        self.retain_policies();
        let placed = self.place_secrets();
        let news = adopted?;
        placed?;
        Ok(first || news)
    }

    /// Adopts a list from its parts. Returns the files still to fetch, none once the list is in
    /// force. While `parts` is empty that is the head, then the bodies, and at last, unless
    /// `without_policies`, the policy files that replace those in use.
    ///
    /// `parts` is the head, then any bodies: empty at first, and on each further call everything
    /// fetched so far. Nothing is kept between two calls, so that concurrent updates can't mix.
    /// Policy files go to [`offer_policy`](Self::offer_policy).
    ///
    /// # Errors
    /// [`Fault::NoKeyring`] and [`Fault::List`]. The held list then stays in force.
    pub fn offer_list(
        &mut self,
        stamp: &[u8],
        parts: &[&[u8]],
        now: Time,
        without_policies: bool,
    ) -> Result<Vec<Wanted>, Fault> {
        let verifier = self.verifier.as_mut().ok_or(Fault::NoKeyring)?;
        let Some(mut update) = verifier.offer_stamp(stamp, now)? else { return Ok(Vec::new()) };
        let mut parts = parts.iter();
        let head = parts.next();
        if let Some(head) = head {
            update.offer_head(head, verifier.keyring(), now)?;
        }
        for body in parts {
            update.offer_body(body)?;
        }
        // Name the missing head or bodies, then the policy files to replace.
        let heads = update.wants_head().into_iter().map(|name| (Folder::Heads, name));
        let bodies = update.wants_bodies().into_iter().map(|name| (Folder::Bodies, name));
        let mut wanted: Vec<Wanted> =
            heads.chain(bodies).map(|(folder, name)| Wanted { folder, name }).collect();
        if let (true, false, Some(next)) = (wanted.is_empty(), without_policies, update.head())
            && let Some(list) = verifier.list()
        {
            let pairs = list.head().directories().into_iter().zip(next.directories());
            for ((visibility, old), (_, new)) in pairs {
                let names = self.policies.wants(old, new).into_iter();
                wanted.extend(names.map(|name| Wanted { folder: folder_of(visibility), name }));
            }
        }
        if wanted.is_empty() {
            verifier.commit(update)?;
            self.retain_policies();
        }
        Ok(wanted)
    }

    /// Adopts a policy file.
    ///
    /// # Errors
    /// [`Fault::List`].
    pub fn offer_policy(&mut self, name: FileName, file: &[u8]) -> Result<(), Fault> {
        Ok(self.policies.offer(name, file)?)
    }

    /// The file to fetch before the policy with this number, for keys of this kind, can be found.
    /// `None` if it can be found already, or doesn't exist.
    #[must_use]
    pub fn wants_policy(&self, kind: Kind, number: u32) -> Option<Wanted> {
        let head = self.verifier.as_ref()?.list()?.head();
        match self.policies.find(head, kind, number) {
            Err(NoPolicy::Unavailable(name)) => {
                Some(Wanted { folder: folder_of(Visibility::of(kind)), name })
            }
            Ok(_) | Err(NoPolicy::Missing | NoPolicy::TooNew(_)) => None,
        }
    }

    /// The file to fetch before the assignment of the key of this kind with this serial can be found.
    /// `None` if it can be found already, or doesn't exist.
    #[must_use]
    pub fn wants_assignment(&self, kind: Kind, serial: Serial) -> Option<Wanted> {
        let head = self.verifier.as_ref()?.list()?.head();
        match self.policies.find_assignment(head, kind, serial) {
            Err(NoAssignment::Unavailable(missed)) => {
                Some(Wanted { folder: folder_of(Visibility::of(kind)), name: missed.file })
            }
            Ok(_)
            | Err(NoAssignment::Missing | NoAssignment::TooNew(_) | NoAssignment::NotAllowed) => {
                None
            }
        }
    }

    /// Checks a request against the policy of an accepted key.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn admit(
        &self,
        accepted: &Accepted,
        request: &RequestFacts<'_>,
    ) -> Result<Grant<'_>, Denied> {
        let list = self.verifier.as_ref().and_then(Verifier::list);
        let head = list.ok_or(NoPolicy::Missing)?.head();
        let claims = accepted.claims();
        let number = claims.policy.map_or(0, NonZeroU32::get);
        Ok(decide(&self.policies.find(head, claims.kind, number)?, request)?)
    }

    fn retain_policies(&mut self) {
        if let Some(list) = self.verifier.as_ref().and_then(Verifier::list) {
            let head = list.head();
            self.policies.retain(&head.directories().map(|(_, directory)| directory));
        }
    }

    /// The signature of a token that JavaScript may verify natively and
    /// [`remember`](Self::remember) if it is good. `None` if that would save nothing: the signature
    /// is known, or the key is refused anyway.
    #[must_use]
    pub fn signature_to_check(&self, token: &[u8]) -> Option<PendingSignature> {
        let keyring = self.keyring()?;
        let unverified = Unverified::parse(core::str::from_utf8(token).ok()?).ok()?;
        unverified.signature_to_check(keyring, Purpose::Token, &self.signature_cache).ok()?
    }

    /// Remembers a signature that the caller has verified.
    pub fn remember(&mut self, signature: VerifiedSignature) {
        self.signature_cache.insert(signature);
    }

    /// Verifies a token; `None` means a text that is too long. Without a keyring, malformed texts
    /// are still recognized as such.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn verify(
        &mut self,
        token: Option<&[u8]>,
        options: &VerifyOptions,
    ) -> Result<Accepted, Refusal> {
        let token = token.ok_or(MalformedToken::TooLong)?;
        let text = core::str::from_utf8(token).map_err(|_| MalformedToken::Character)?;
        match &self.verifier {
            Some(verifier) => verifier.verify_with(
                &mut self.signature_cache,
                &self.policies,
                text,
                &options.requirements,
                options.now,
            ),
            None => {
                Unverified::parse(text)?;
                Err(ListError::Missing.into())
            }
        }
    }

    /// The held keyring.
    #[must_use]
    pub fn keyring(&self) -> Option<&Keyring> {
        self.verifier.as_ref().map(Verifier::keyring)
    }

    /// The held list, and whether it is valid at `now`.
    #[must_use]
    pub fn list(&self, now: Time, fresh_for: u64) -> Option<ListFacts> {
        let verifier = self.verifier.as_ref()?;
        let list_version = verifier.list()?.list_version();
        Some(ListFacts::of(list_version, now, fresh_for, verifier.list_at(now).is_ok()))
    }

    /// The kids of secrets that no keyring has named yet.
    pub fn waiting(&self) -> impl Iterator<Item = u16> {
        self.waiting.iter().map(|(kid, _)| *kid)
    }

    /// The public name of the key with this serial.
    #[must_use]
    pub fn name(&self, serial: u64) -> Option<Name> {
        Some(Name::derive(self.verifier.as_ref()?.issuer(), Serial::new(serial)?))
    }

    /// Gives the keyring the waiting secrets of the kids that it names. All are tried before the
    /// first error is returned.
    fn place_secrets(&mut self) -> Result<(), Fault> {
        let Some(verifier) = &mut self.verifier else { return Ok(()) };
        let mut outcome = Ok(());
        self.waiting.retain(|(kid, secret)| {
            let named = verifier.keyring().entry(*kid).is_some();
            if named && let Err(error) = verifier.hold_secret(*kid, secret) {
                outcome = outcome.and(Err(error.into()));
            }
            !named
        });
        outcome
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("root", &self.root).finish_non_exhaustive()
    }
}
