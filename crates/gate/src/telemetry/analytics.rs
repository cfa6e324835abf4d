//! Data points for Workers Analytics Engine, if a dataset is bound as `ANALYTICS`: one for each
//! refusal, and one for each key of a report of uses.
//!
//! `docs/gate.md` documents the columns, and operators build dashboards on them: a column in use
//! keeps its position and meaning. No point holds a key or any text of a client.

use portcullis_core::token::Name;

use crate::response::problem::Problem;
use crate::response::refused::{ListSeen, Refused};

/// The platform takes 250 data points per invocation. A report of uses takes at most this many,
/// which leaves room for the other points of the same request.
pub const MAX_POINTS: usize = 200;

/// One call of `writeDataPoint`.
#[derive(Clone, Debug, PartialEq)]
pub struct DataPoint {
    /// The platform's sampling key: the key's public name, or the code if no key is known. At most
    /// 96 bytes.
    pub index: String,
    /// Event, code, the key's public name, the list's freshness, and the answer's type. A missing
    /// one is empty.
    pub blobs: [String; 5],
    /// How many requests, the list's number, and its age in milliseconds. Without a list the latter
    /// two are 0.
    pub doubles: [f64; 3],
}

impl DataPoint {
    /// A refused request, and the type of its answer.
    #[must_use]
    pub fn refused(refused: &Refused, problem: &Problem) -> Self {
        let answer = problem.type_uri().rsplit(':').next().unwrap_or_default();
        Self::new("refused", (refused.reason.code(), answer), refused.name, 1, refused.list)
    }

    /// Forwarded requests of one key, and the list that is held at the time of the report.
    #[must_use]
    pub fn forwarded(name: Name, uses: u32, list: Option<ListSeen>) -> Self {
        Self::new("passed", ("accepted", ""), Some(name), uses, list)
    }

    fn new(
        event: &str,
        (code, answer): (&str, &str),
        name: Option<Name>,
        uses: u32,
        list: Option<ListSeen>,
    ) -> Self {
        let name = name.map(|name| name.to_string());
        let freshness = list.map_or("", |list| list.freshness.name());
        let key = name.clone().unwrap_or_default();
        Self {
            index: name.unwrap_or_else(|| code.to_owned()),
            blobs: [event.into(), code.into(), key, freshness.into(), answer.into()],
            doubles: [
                f64::from(uses),
                list.map_or(0.0, |list| double(list.number)),
                list.map_or(0.0, |list| double(list.age_millis)),
            ],
        }
    }
}

/// Exact up to 2^53, far above any list number or age.
#[expect(clippy::cast_precision_loss, reason = "the platform knows no other numbers")]
const fn double(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refresh::schedule::Freshness;
    use crate::response::refused::Reason;
    use crate::settings::rates::RateClasses;
    use portcullis_core::crypto::IssuerId;
    use portcullis_core::token::Serial;
    use portcullis_core::verify::Refusal;

    fn name() -> Name {
        Name::derive(IssuerId([1; 16]), Serial::at(0, 7).unwrap())
    }

    fn refused(reason: Reason, name: Option<Name>, list: Option<ListSeen>) -> DataPoint {
        let refused = Refused { reason, name, list, retry_after: 1, scopes: None };
        DataPoint::refused(&refused, &Problem::of(&refused, &RateClasses::default()))
    }

    #[test]
    fn a_refusal_names_its_reason_and_its_list() {
        let seen = ListSeen { number: 77, age_millis: 1_250, freshness: Freshness::Stale };
        let point = refused(Reason::Key(Refusal::Revoked), Some(name()), Some(seen));
        let key = name().to_string();
        assert_eq!(point.index, key);
        assert_eq!(point.blobs, ["refused", "revoked", key.as_str(), "stale", "invalid_key"]);
        assert_eq!(point.doubles, [1.0, 77.0, 1250.0]);
    }

    #[test]
    fn without_a_key_the_code_is_the_index() {
        let point = refused(Reason::NoRoute, None, None);
        assert_eq!(point.index, "no_route");
        assert_eq!(point.blobs, ["refused", "no_route", "", "", "no_route"]);
        assert_eq!(point.doubles, [1.0, 0.0, 0.0]);
    }

    #[test]
    fn uses_are_told_as_a_count() {
        let seen = ListSeen { number: 1 << 52, age_millis: 9, freshness: Freshness::Fresh };
        let point = DataPoint::forwarded(name(), 12, Some(seen));
        assert_eq!(point.blobs[..2], ["passed", "accepted"]);
        assert_eq!((&point.blobs[3], point.blobs[4].as_str()), (&"fresh".to_owned(), ""));
        assert_eq!(point.doubles, [12.0, 4_503_599_627_370_496.0, 9.0]);
        assert!(point.index.len() <= 96);
    }
}
