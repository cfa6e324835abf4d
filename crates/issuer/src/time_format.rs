//! Times as RFC 3339, as the API, the command line and events show them.

use jiff::Timestamp;
use portcullis_core::time::Time;
use serde::Serialize;

/// An instant that is written as RFC 3339 with milliseconds.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
pub struct Instant(pub Time);

impl Serialize for Instant {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&rfc3339_millis(self.0))
    }
}

/// Formats as `2026-01-31T12:00:00Z`.
#[must_use]
pub fn seconds(seconds: u32) -> String {
    Timestamp::from_second(i64::from(seconds)).map_or_else(|_| String::new(), |t| t.to_string())
}

/// Formats as `2026-01-31T12:00:00.250Z`.
#[must_use]
pub fn rfc3339_millis(time: Time) -> String {
    let timestamp =
        i64::try_from(time.millis()).ok().and_then(|m| Timestamp::from_millisecond(m).ok());
    timestamp.map_or_else(|| "9999-12-31T23:59:59.999Z".into(), |t| format!("{t:.3}"))
}

/// Parses an RFC 3339 instant.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<Time> {
    let timestamp: Timestamp = text.parse().ok()?;
    u64::try_from(timestamp.as_millisecond()).ok().map(Time::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read_as_rfc_3339() {
        assert_eq!(seconds(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339_millis(Time::from_millis(1_250)), "1970-01-01T00:00:01.250Z");
        assert_eq!(parse_rfc3339("1970-01-01T01:00:01.5+01:00"), Some(Time::from_millis(1_500)));
        for bad in ["", "tomorrow", "1970-01-01", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00"] {
            assert_eq!(parse_rfc3339(bad), None, "{bad}");
        }
    }
}
