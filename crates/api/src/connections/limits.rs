//! The limits of connections, from the operator's settings and the descriptors of the process.

use std::time::Duration;

use portcullis_core::policy::Network;
use portcullis_issuer::error::Error;

/// The most connections if no limit is set and the descriptors allow more.
pub const DEFAULT_MAX: usize = 8192;
/// No server starts with fewer descriptors than this.
pub const LEAST_DESCRIPTORS: u64 = 128;

/// The operator's limits of connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// The most connections at a time. By default as many as the descriptors allow, up to
    /// [`DEFAULT_MAX`].
    pub max: Option<usize>,
    /// The most connections of one client address (IPv6: of one /64). By default a quarter of all.
    pub max_per_address: Option<usize>,
    /// The networks of proxies. They forward many clients' requests, so they have no limit per
    /// address.
    pub trusted_proxies: Vec<Network>,
    /// How long a client may take.
    pub patience: Patience,
}

/// How long a client may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Until a request's head is complete: from the connection's start, or from the head's first
    /// byte.
    pub head: Duration,
    /// Until a request's body is complete, from the end of its head.
    pub body: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// Without accepting any byte of an answer.
    pub write: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            body: Duration::from_secs(60),
            idle: Duration::from_secs(75),
            write: Duration::from_secs(30),
        }
    }
}

/// The limits that follow from the settings and the descriptors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) max: usize,
    pub(crate) max_per_address: usize,
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) patience: Patience,
}

impl Default for Plan {
    /// The plan for a process that may have any number of descriptors.
    fn default() -> Self {
        let (max, patience) = (DEFAULT_MAX, Patience::default());
        Self { max, max_per_address: max / 4, trusted_proxies: Vec::new(), patience }
    }
}

/// How many of `descriptors` are reserved for publishing and the database: a quarter, at least 64
/// and at most 256. SQLite takes up to 30; each target, and each webhook that is being sent, takes
/// a few.
const fn reserve(descriptors: u64) -> u64 {
    let quarter = descriptors / 4;
    if quarter < 64 {
        64
    } else if quarter > 256 {
        256
    } else {
        quarter
    }
}

impl Connections {
    /// The limits for a process that may have this many descriptors; `None` for any number.
    ///
    /// # Errors
    /// [`Error::Descriptors`] if there are too few.
    pub(crate) fn plan(&self, descriptors: Option<u64>) -> Result<Plan, Error> {
        let room = match descriptors {
            None => usize::MAX,
            Some(limit) => {
                let room = usize::try_from(limit.saturating_sub(reserve(limit)));
                let room = room.unwrap_or(usize::MAX);
                let wanted = self.max.unwrap_or(0);
                if limit < LEAST_DESCRIPTORS || wanted > room {
                    let wanted = u64::try_from(wanted).unwrap_or(u64::MAX);
                    let needed = wanted.saturating_add(256).max(LEAST_DESCRIPTORS);
                    return Err(Error::Descriptors { limit, needed });
                }
                room
            }
        };
        let max = self.max.unwrap_or_else(|| room.min(DEFAULT_MAX)).max(1);
        let max_per_address = self.max_per_address.unwrap_or_else(|| (max / 4).max(1));
        Ok(Plan {
            max,
            max_per_address,
            trusted_proxies: self.trusted_proxies.clone(),
            patience: self.patience,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_publishing() {
        let by_default = Connections::default();
        for (descriptors, max) in [(128, 64), (256, 192), (1024, 768), (4096, 3840)] {
            let plan = by_default.plan(Some(descriptors)).unwrap();
            assert_eq!((plan.max, plan.max_per_address), (max, max / 4), "{descriptors}");
        }
        assert_eq!(by_default.plan(Some(524_288)).unwrap().max, DEFAULT_MAX);
        assert_eq!(by_default.plan(None).unwrap().max, DEFAULT_MAX);
        let few = by_default.plan(Some(127)).unwrap_err();
        assert!(matches!(few, Error::Descriptors { limit: 127, needed: 256 }), "{few}");
        let many = Connections { max: Some(769), ..Connections::default() };
        let error = many.plan(Some(1024)).unwrap_err();
        assert!(matches!(error, Error::Descriptors { limit: 1024, needed: 1025 }), "{error}");
        assert_eq!(many.plan(Some(1025)).unwrap().max, 769);
        assert_eq!(many.plan(None).unwrap().max, 769);
    }
}
