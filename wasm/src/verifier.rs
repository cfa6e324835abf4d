//! A verifier as a host holds it for life: root, keyring, list, and secrets that wait for theirs.

use portcullis_core::crypto::{HmacKey, PublicKey};
use portcullis_core::keyring::Purpose;
use portcullis_core::list::{Bundle, FileName, ListError};
use portcullis_core::replica::Replica;
use portcullis_core::time::Time;
use portcullis_core::token::{Environment, Kind};
use portcullis_core::verify::{Demand, Refusal, Unverified};
use zeroize::Zeroizing;

use crate::fault::Fault;
use crate::verdict::{KeyFacts, ListFacts, Status, Verdict};

type Secret = Zeroizing<[u8; HmacKey::SECRET_LEN]>;

/// Judges keys of the one issuer whose root it pins.
pub struct Verifier {
    root: PublicKey,
    /// `None` until the first keyring.
    replica: Option<Replica>,
    /// Secrets of kids that no keyring has named yet: a gate may be given tomorrow's secret
    /// before it sees tomorrow's keyring.
    waiting: Vec<(u16, Secret)>,
}

/// A file that is needed to put a list together.
#[derive(Clone, Copy, Debug)]
pub enum Wanted {
    /// The head.
    Head(FileName),
    /// One of the bodies.
    Body(FileName),
}

/// What is asked of a key, and when.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// What the door asks of a key.
    pub demand: Demand,
    /// The instant to judge at.
    pub now: Time,
    /// Up to this age in milliseconds a list is called fresh.
    pub fresh_for: u64,
}

impl Ask {
    /// An ask in numbers: the `code()` of a kind and of an environment, 0 for any.
    #[must_use]
    pub fn from_codes(kind: u8, environment: u8, now: Time, fresh_for: u64) -> Self {
        let demand = Demand {
            purpose: Purpose::Token,
            kind: Kind::ALL.into_iter().find(|k| k.code() == kind),
            environment: Environment::ALL.into_iter().find(|e| e.code() == environment),
        };
        Self { demand, now, fresh_for }
    }
}

impl Verifier {
    /// A verifier that pins `root` and refuses every key.
    ///
    /// # Errors
    /// [`Fault::Root`].
    pub fn new(root: &str) -> Result<Self, Fault> {
        let root = PublicKey::from_text(root)?;
        Ok(Self { root, replica: None, waiting: Vec::new() })
    }

    /// Holds the secret of an HMAC key, at once or from the first keyring on that names its kid.
    ///
    /// # Errors
    /// [`Fault::SecretLength`]; [`Fault::Keyring`] where the keyring says otherwise of that kid.
    pub fn hold_secret(&mut self, kid: u16, secret: &[u8]) -> Result<(), Fault> {
        let secret: &[u8; HmacKey::SECRET_LEN] =
            secret.try_into().map_err(|_| Fault::SecretLength)?;
        self.waiting.retain(|(waiting, _)| *waiting != kid);
        self.waiting.push((kid, Zeroizing::new(*secret)));
        self.place_secrets()
    }

    /// Takes a keyring; says whether it was news.
    ///
    /// # Errors
    /// [`Fault::Keyring`]. Where it is about a waiting secret the keyring has been taken all the
    /// same: it is that secret which is dropped.
    pub fn offer_keyring(&mut self, document: &[u8]) -> Result<bool, Fault> {
        let news = match &mut self.replica {
            Some(replica) => replica.offer_keyring(document)?,
            None => {
                self.replica = Some(Replica::new(self.root, document)?);
                true
            }
        };
        self.place_secrets()?;
        Ok(news)
    }

    /// Takes keyring and list from a bundle; says whether anything in it was news.
    ///
    /// # Errors
    /// [`Fault::Keyring`] and [`Fault::List`]. A keyring that is good is kept even where the list
    /// beside it is not.
    pub fn adopt_bundle(&mut self, file: &[u8], now: Time) -> Result<bool, Fault> {
        let first = self.replica.is_none();
        if first {
            let error = |error| ListError::Wire { part: "bundle", error };
            self.replica =
                Some(Replica::new(self.root, Bundle::decode(file).map_err(error)?.keyring)?);
        }
        let adopted = match &mut self.replica {
            Some(replica) => replica.adopt_bundle(file, now),
            None => return Err(Fault::NoKeyring),
        };
        let placed = self.place_secrets();
        let news = adopted?;
        placed?;
        Ok(first || news)
    }

    /// Takes a list from its parts; gives what is still to fetch, nothing where it is in force.
    ///
    /// `parts` is the head and then any bodies: none at first, and each time all that was fetched
    /// so far, together. Nothing is kept between two calls, so that two updates under way at once
    /// can't mix.
    ///
    /// # Errors
    /// [`Fault::NoKeyring`] and [`Fault::List`]. The list that was in force stays so.
    pub fn offer_list(
        &mut self,
        stamp: &[u8],
        parts: &[Vec<u8>],
        now: Time,
    ) -> Result<Vec<Wanted>, Fault> {
        let replica = self.replica.as_mut().ok_or(Fault::NoKeyring)?;
        let Some(mut update) = replica.offer_stamp(stamp, now)? else { return Ok(Vec::new()) };
        let mut parts = parts.iter();
        if let Some(head) = parts.next() {
            update.offer_head(head, replica.keyring(), now)?;
        }
        for body in parts {
            update.offer_body(body)?;
        }
        let head = update.wants_head().map(Wanted::Head);
        let wanted: Vec<_> =
            head.into_iter().chain(update.wants_bodies().into_iter().map(Wanted::Body)).collect();
        if wanted.is_empty() {
            replica.commit(update)?;
        }
        Ok(wanted)
    }

    /// Judges a token. A verifier that was never given a keyring still tells noise from keys.
    #[must_use]
    pub fn verify(&self, token: &str, ask: &Ask) -> Verdict {
        let accepted = match &self.replica {
            Some(replica) => replica.verify(token, &ask.demand, ask.now),
            None => Unverified::parse(token)
                .map_err(Refusal::from)
                .and_then(|_| Err(ListError::Missing.into())),
        };
        let list = self.list(ask.now, ask.fresh_for);
        match accepted {
            Ok(accepted) => Verdict::accepted(KeyFacts::of(&accepted), list),
            Err(refusal) => Verdict::refused(refusal, list),
        }
    }

    /// What is held, and whether it may be judged by at `now`.
    #[must_use]
    pub fn status(&self, now: Time, fresh_for: u64) -> Status {
        let waiting = self.waiting.iter().map(|(kid, _)| *kid).collect();
        let keyring = self.replica.as_ref().map(Replica::keyring);
        Status::new(keyring, self.list(now, fresh_for), waiting)
    }

    fn list(&self, now: Time, fresh_for: u64) -> ListFacts {
        self.replica
            .as_ref()
            .map_or(ListFacts::NONE, |replica| ListFacts::of(replica, now, fresh_for))
    }

    /// Gives the keyring the waiting secrets of the kids that it names. All are tried before the
    /// first error is reported.
    fn place_secrets(&mut self) -> Result<(), Fault> {
        let Some(replica) = &mut self.replica else { return Ok(()) };
        let mut outcome = Ok(());
        self.waiting.retain(|(kid, secret)| {
            let named = replica.keyring().entry(*kid).is_some();
            if named && let Err(error) = replica.hold_secret(*kid, secret) {
                outcome = outcome.and(Err(error.into()));
            }
            !named
        });
        outcome
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("root", &self.root).finish_non_exhaustive()
    }
}
