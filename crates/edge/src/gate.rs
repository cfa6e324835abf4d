//! The gate: what it holds, and how it judges one request.

use portcullis_core::keyring::{KeyringError, Purpose};
use portcullis_core::list::{ListError, Mark};
use portcullis_core::memo::Memo;
use portcullis_core::replica::{Replica, Update};
use portcullis_core::time::Time;
use portcullis_core::token::Name;
use portcullis_core::verify::{Accepted, Demand, Refusal, Unverified};

use crate::identity::Identity;
use crate::log::Event;
use crate::pace::{Doubt, Job, Pace, Standing, Step};
use crate::settings::Settings;

/// What one isolate holds. It starts empty and therefore closed; so does it after a panic, because
/// the runtime then makes a new instance whose memory is blank.
#[derive(Debug)]
pub struct Gate {
    settings: Settings,
    replica: Option<Replica>,
    memo: Memo,
    pace: Pace,
}

/// Signatures that one isolate remembers to have checked: 150 kB of its 128 MB.
const REMEMBERED: usize = 1024;

/// Between two looks at a refresh, in milliseconds.
const SHORTEST_SLEEP: u64 = 2;

/// One request's way through the gate: what it has waited for so far.
#[derive(Debug)]
pub struct Turn {
    wait: Option<Wait>,
    for_list: Option<Wait>,
    doubt_until: Option<Time>,
    asked: bool,
}

/// A wait for the end of a refresh.
#[derive(Clone, Copy, Debug)]
struct Wait {
    since: Time,
    until: Time,
    seen: u64,
}

impl Wait {
    /// Whether time is up, or the refresh has ended. A clock that was set back ends a wait too.
    const fn is_over(&self, pace: &Pace, now: Time) -> bool {
        let left = now.millis() >= self.since.millis() && now.millis() < self.until.millis();
        pace.ended() != self.seen || !left
    }
}

/// What a request does next.
#[derive(Debug)]
pub struct Judged {
    /// A refresh that this request is to send out, behind itself.
    pub start: Option<Job>,
    /// Its own way.
    pub next: Next,
}

/// A request's own way.
#[derive(Debug)]
pub enum Next {
    /// To sleep for so many milliseconds, then to be judged again.
    Sleep(u64),
    /// The key is accepted.
    Pass(Passage),
    /// The key is refused, or can't be judged.
    Refuse(Refused),
}

/// An accepted key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The key's public name.
    pub name: Name,
    /// What the origin is told.
    pub identity: Identity,
}

/// A refused key, as the log tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The precise reason.
    pub refusal: Refusal,
    /// The key's public name, where it is authentic.
    pub name: Option<Name>,
    /// The list that is held.
    pub list: Option<ListSeen>,
    /// When to come back if the gate is what lacks something, in seconds.
    pub retry_after: u32,
}

/// A list, as the log tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListSeen {
    /// Its number.
    pub number: u64,
    /// How old its knowledge is.
    pub age_millis: u64,
    /// Whether that is fresh.
    pub standing: Standing,
}

impl Turn {
    /// A request that has just arrived.
    #[must_use]
    pub const fn new() -> Self {
        Self { wait: None, for_list: None, doubt_until: None, asked: false }
    }
}

impl Default for Turn {
    fn default() -> Self {
        Self::new()
    }
}

impl Gate {
    /// A gate that holds nothing yet.
    #[must_use]
    pub const fn new(settings: Settings) -> Self {
        let pace = Pace::new(settings.bounds);
        Self { settings, replica: None, memo: Memo::new(REMEMBERED), pace }
    }

    /// Judges a key at `now`. The host does what the answer says and asks again after a sleep.
    #[must_use]
    pub fn judge(&mut self, token: &str, turn: &mut Turn, now: Time) -> Judged {
        if let Some(pause) = self.still_waiting(turn, now) {
            return Judged { start: None, next: Next::Sleep(pause) };
        }
        let mut start = None;
        let next = match self.decide(token, turn, now, &mut start) {
            Ok((accepted, standing)) => Next::Pass(Passage {
                name: accepted.name(),
                identity: Identity::new(&accepted, standing),
            }),
            Err(Stop::Wait) => Next::Sleep(self.still_waiting(turn, now).unwrap_or(SHORTEST_SLEEP)),
            Err(Stop::Refuse(refusal, name)) => Next::Refuse(self.refused(refusal, name, now)),
        };
        Judged { start, next }
    }

    /// The whole path. Keys that need no list to be refused are refused before any wait, so that
    /// only an authentic key makes the gate fetch, or wait, for its sake.
    fn decide(
        &mut self,
        token: &str,
        turn: &mut Turn,
        now: Time,
        start: &mut Option<Job>,
    ) -> Result<(Accepted, Standing), Stop> {
        let held = self.held(now);
        let demand = Demand {
            purpose: Purpose::Token,
            kind: Some(self.settings.kind),
            environment: Some(self.settings.environment),
        };
        let unverified = Unverified::parse(token).map_err(|error| Stop::because(error.into()))?;
        let Some(replica) = &self.replica else {
            // Without a keyring nothing at all can be said of a key.
            self.pace_list(held.ok(), turn, now, start)?;
            return Err(Stop::because(ListError::Missing.into()));
        };
        let authentic =
            match unverified.authenticate_with(&mut self.memo, replica.keyring(), demand.purpose) {
                Ok(authentic) => authentic,
                Err(refusal) => {
                    self.settle(doubt_of(refusal), turn, now, start)?;
                    return Err(Stop::because(refusal));
                }
            };
        let name = authentic.name();
        let stop = |refusal| Stop::Refuse(refusal, Some(name));
        let fresh = replica.at(now);
        let judged = match &fresh {
            Ok(fresh) => authentic.current(fresh).and_then(|current| current.accept(&demand)),
            Err(error) => Err((*error).into()),
        };
        // The bound comes first: a verdict by an old list is none, whichever way it went.
        self.pace_list(held.ok(), turn, now, start)?;
        match judged {
            Ok(accepted) => {
                let standing = self.pace.standing(accepted.list(), now);
                Ok((accepted, standing))
            }
            Err(refusal) => {
                self.settle(doubt_of(refusal), turn, now, start)?;
                Err(stop(refusal))
            }
        }
    }

    /// Applies the two bounds. `Ok` where waiting is over, or was not needed: what is held decides.
    fn pace_list(
        &mut self,
        held: Option<Mark>,
        turn: &mut Turn,
        now: Time,
        start: &mut Option<Job>,
    ) -> Result<(), Stop> {
        match self.pace.look(held, now) {
            Step::Go { refresh, .. } => {
                if refresh {
                    *start = Some(self.pace.start(held, None, now));
                }
                Ok(())
            }
            Step::Wait { at_most, refresh } => {
                let first = self.wait(now, now.plus_millis(at_most));
                let wait = *turn.for_list.get_or_insert(first);
                if wait.is_over(&self.pace, now) {
                    return Ok(());
                }
                if refresh {
                    *start = Some(self.pace.start(held, None, now));
                }
                turn.wait = Some(wait);
                Err(Stop::Wait)
            }
            Step::Closed => Ok(()),
        }
    }

    /// Fetches once where that may tell more of this key.
    fn settle(
        &mut self,
        doubt: Option<Doubt>,
        turn: &mut Turn,
        now: Time,
        start: &mut Option<Job>,
    ) -> Result<(), Stop> {
        let Some(doubt) = doubt else { return Ok(()) };
        let deadline = now.plus_millis(self.pace.bounds().deadline);
        let until = *turn.doubt_until.get_or_insert(deadline);
        if turn.asked || now >= until {
            return Ok(());
        }
        if self.pace.may_settle(doubt, now) {
            turn.asked = true;
            *start = Some(self.pace.start(self.held(now).ok(), Some(doubt), now));
        } else if !self.pace.is_in_flight(now) {
            return Ok(());
        }
        turn.wait = Some(self.wait(now, until));
        Err(Stop::Wait)
    }

    const fn wait(&self, since: Time, until: Time) -> Wait {
        Wait { since, until, seen: self.pace.ended() }
    }

    /// How long to sleep before looking again, while the refresh that is waited for is out. It is
    /// all that a waiter costs: the key is judged again only after.
    fn still_waiting(&self, turn: &mut Turn, now: Time) -> Option<u64> {
        let waiting =
            turn.wait.filter(|wait| !wait.is_over(&self.pace, now) && self.pace.is_in_flight(now));
        turn.wait = waiting;
        waiting.map(|wait| {
            let pause = (now.millis_since(wait.since) / 4).clamp(SHORTEST_SLEEP, 25);
            pause.min(wait.until.millis_since(now))
        })
    }

    fn held(&self, now: Time) -> Result<Mark, ListError> {
        let replica = self.replica.as_ref().ok_or(ListError::Missing)?;
        replica.at(now).map(|fresh| fresh.mark())
    }

    fn refused(&self, refusal: Refusal, name: Option<Name>, now: Time) -> Refused {
        let list = self.replica.as_ref().and_then(Replica::list).map(|list| {
            let mark = list.mark();
            let standing = self.pace.standing(mark, now);
            ListSeen { number: mark.number, age_millis: mark.age_millis(now), standing }
        });
        let seconds = self.pace.pause_left(now).div_ceil(1000).max(1);
        let retry_after = u32::try_from(seconds).unwrap_or(u32::MAX);
        Refused { refusal, name, list, retry_after }
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The refreshes.
    pub const fn pace_mut(&mut self) -> &mut Pace {
        &mut self.pace
    }

    /// What is held of keyring and list.
    #[must_use]
    pub const fn replica(&self) -> Option<&Replica> {
        self.replica.as_ref()
    }

    /// Ends a refresh.
    pub fn end_refresh(&mut self, job: &Job, good: bool, now: Time, random: u32) {
        let held = self.held(now).ok();
        self.pace.end(job, good, held, now, random);
    }

    /// Takes a keyring; says what the operator should know of its secrets.
    ///
    /// # Errors
    /// See [`KeyringError`]. What is held stays as it is.
    pub fn adopt_keyring(&mut self, document: &[u8]) -> Result<Vec<Event>, KeyringError> {
        let is_new = match &mut self.replica {
            Some(replica) => replica.offer_keyring(document)?,
            none => {
                *none = Some(Replica::new(self.settings.root, document)?);
                true
            }
        };
        Ok(if is_new { self.hold_secrets() } else { Vec::new() })
    }

    /// A secret that does not fit stays unheld, and its kid's keys stay refused.
    fn hold_secrets(&mut self) -> Vec<Event> {
        let (Some(replica), Some(secrets)) = (&mut self.replica, &self.settings.secrets) else {
            return Vec::new();
        };
        if !secrets.are_of(replica.issuer()) {
            return vec![Event::ForeignSecrets];
        }
        let refused = secrets
            .keys()
            .filter_map(|(kid, secret)| replica.hold_secret(kid, secret).err().map(Event::Secret));
        refused.collect()
    }

    /// Weighs a stamp. See [`Replica::offer_stamp`].
    ///
    /// # Errors
    /// See [`ListError`]. What is held stays as it is.
    pub fn offer_stamp(&mut self, file: &[u8], now: Time) -> Result<Option<Update>, ListError> {
        self.replica.as_mut().ok_or(ListError::Missing)?.offer_stamp(file, now)
    }

    /// Hands a head to an update.
    ///
    /// # Errors
    /// See [`ListError`].
    pub fn offer_head(&self, update: &mut Update, file: &[u8], now: Time) -> Result<(), ListError> {
        let replica = self.replica.as_ref().ok_or(ListError::Missing)?;
        update.offer_head(file, replica.keyring(), now)
    }

    /// Takes the list that an update has gathered.
    ///
    /// # Errors
    /// See [`ListError`]. What is held stays as it is.
    pub fn commit(&mut self, update: Update) -> Result<(), ListError> {
        self.replica.as_mut().ok_or(ListError::Missing)?.commit(update)
    }
}

/// Why the path ends before acceptance.
enum Stop {
    Wait,
    Refuse(Refusal, Option<Name>),
}

impl Stop {
    const fn because(refusal: Refusal) -> Self {
        Self::Refuse(refusal, None)
    }
}

/// What a fetch may change about a refusal.
const fn doubt_of(refusal: Refusal) -> Option<Doubt> {
    match refusal {
        Refusal::NotCovered => Some(Doubt::NotCovered),
        Refusal::UnknownKid(_) => Some(Doubt::UnknownSigner),
        Refusal::Malformed(_)
        | Refusal::ForeignLabel
        | Refusal::SignerNotAllowed(_)
        | Refusal::SecretNotHeld(_)
        | Refusal::BadSignature
        | Refusal::ForeignList
        | Refusal::List(_)
        | Refusal::Revoked
        | Refusal::Suspended
        | Refusal::Expired
        | Refusal::WrongKind { .. }
        | Refusal::WrongEnvironment { .. } => None,
    }
}
