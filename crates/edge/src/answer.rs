//! What the gate answers itself: few and fixed problems (RFC 9457), whatever the reason inside.

use portcullis_core::verify::Refusal;

use crate::credential::CredentialError;

const REALM: &str = r#"Bearer realm="portcullis""#;

/// An answer that the gate gives in the origin's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// No key was sent.
    NoKey,
    /// The key could not be read from the request.
    InvalidRequest(CredentialError),
    /// The key is refused; the client is not told why.
    InvalidKey,
    /// No key can be judged now; `retry_after` is in seconds.
    Unavailable {
        /// When to come back.
        retry_after: u32,
    },
    /// The gate's own settings are wrong; its log says which.
    Misconfigured,
    /// The key was accepted and the origin could not be reached.
    OriginUnreachable,
}

impl Problem {
    /// The answer to a key that is refused. What tells one reason from another is in the log alone.
    #[must_use]
    pub const fn of_refusal(refusal: Refusal, retry_after: u32) -> Self {
        match refusal {
            Refusal::List(_) => Self::Unavailable { retry_after },
            Refusal::Malformed(_)
            | Refusal::ForeignLabel
            | Refusal::UnknownKid(_)
            | Refusal::SignerNotAllowed(_)
            | Refusal::SecretNotHeld(_)
            | Refusal::BadSignature
            | Refusal::ForeignList
            | Refusal::NotCovered
            | Refusal::Revoked
            | Refusal::Suspended
            | Refusal::Expired
            | Refusal::WrongKind { .. }
            | Refusal::WrongEnvironment { .. } => Self::InvalidKey,
        }
    }

    /// The answer to a request that no key could be read from.
    #[must_use]
    pub const fn of_credential(error: CredentialError) -> Self {
        match error {
            CredentialError::Missing => Self::NoKey,
            CredentialError::BearerForm | CredentialError::Empty | CredentialError::Conflict => {
                Self::InvalidRequest(error)
            }
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::NoKey | Self::InvalidKey => 401,
            Self::InvalidRequest(_) => 400,
            Self::Unavailable { .. } | Self::Misconfigured => 503,
            Self::OriginUnreachable => 502,
        }
    }

    /// The problem's type: a URN, since no host need answer for it.
    #[must_use]
    pub const fn urn(self) -> &'static str {
        match self {
            Self::NoKey => "urn:portcullis:problem:no-key",
            Self::InvalidRequest(_) => "urn:portcullis:problem:invalid-request",
            Self::InvalidKey => "urn:portcullis:problem:invalid-key",
            Self::Unavailable { .. } => "urn:portcullis:problem:unavailable",
            Self::Misconfigured => "urn:portcullis:problem:misconfigured",
            Self::OriginUnreachable => "urn:portcullis:problem:origin-unreachable",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::NoKey => "An API key is needed",
            Self::InvalidRequest(_) => "The API key can't be read from the request",
            Self::InvalidKey => "The API key is not accepted",
            Self::Unavailable { .. } => "API keys can't be judged at the moment",
            Self::Misconfigured => "The gate is not configured",
            Self::OriginUnreachable => "The origin can't be reached",
        }
    }

    fn detail(self) -> String {
        match self {
            Self::NoKey => {
                "Send your API key as `Authorization: Bearer <key>` or `X-API-Key: <key>`.".into()
            }
            Self::InvalidRequest(error) => error.to_string(),
            Self::InvalidKey => {
                "Check the key with whoever issued it; the gate's operator finds the reason in the \
                 gate's log."
                    .into()
            }
            Self::Unavailable { .. } => "Try again after the seconds in Retry-After.".into(),
            Self::Misconfigured => "The gate's operator finds the field in the gate's log.".into(),
            Self::OriginUnreachable => "The key was accepted. Try again later.".into(),
        }
    }

    /// The headers.
    #[must_use]
    pub fn headers(self) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("content-type", "application/problem+json".to_owned()),
            ("cache-control", "no-store".to_owned()),
        ];
        match self {
            // RFC 6750, section 3.1: no error code where no authentication was attempted.
            Self::NoKey => headers.push(("www-authenticate", REALM.to_owned())),
            Self::InvalidRequest(_) => {
                headers.push(("www-authenticate", format!(r#"{REALM}, error="invalid_request""#)));
            }
            Self::InvalidKey => {
                headers.push(("www-authenticate", format!(r#"{REALM}, error="invalid_token""#)));
            }
            Self::Unavailable { retry_after } => {
                headers.push(("retry-after", retry_after.max(1).to_string()));
            }
            Self::Misconfigured | Self::OriginUnreachable => {}
        }
        headers
    }

    /// The body: a problem document.
    #[must_use]
    pub fn body(self) -> String {
        serde_json::json!({
            "type": self.urn(),
            "title": self.title(),
            "status": self.status(),
            "detail": self.detail(),
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_core::list::ListError;
    use portcullis_core::token::{Environment, Kind, Malformed};

    const REFUSALS: [Refusal; 15] = [
        Refusal::Malformed(Malformed::Checksum),
        Refusal::ForeignLabel,
        Refusal::UnknownKid(1),
        Refusal::SignerNotAllowed(1),
        Refusal::SecretNotHeld(1),
        Refusal::BadSignature,
        Refusal::ForeignList,
        Refusal::NotCovered,
        Refusal::Revoked,
        Refusal::Suspended,
        Refusal::Expired,
        Refusal::WrongKind { needed: Kind::Secret, given: Kind::Publishable },
        Refusal::WrongEnvironment { needed: Environment::Live, given: Environment::Test },
        Refusal::List(ListError::Missing),
        Refusal::List(ListError::PastNextUpdate),
    ];

    fn header(problem: Problem, name: &str) -> Option<String> {
        problem.headers().into_iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    #[test]
    fn a_refusal_is_unavailable_exactly_where_the_core_says_so() {
        for refusal in REFUSALS {
            let problem = Problem::of_refusal(refusal, 3);
            if refusal.is_unavailable() {
                assert_eq!(problem.status(), 503);
                assert_eq!(header(problem, "retry-after").as_deref(), Some("3"));
                assert_eq!(header(problem, "www-authenticate"), None);
            } else {
                assert_eq!(problem.status(), 401);
                let challenge = r#"Bearer realm="portcullis", error="invalid_token""#;
                assert_eq!(header(problem, "www-authenticate").as_deref(), Some(challenge));
            }
        }
    }

    #[test]
    fn every_refused_key_gets_the_same_bytes() {
        let answers = REFUSALS.iter().filter(|refusal| !refusal.is_unavailable()).map(|refusal| {
            let problem = Problem::of_refusal(*refusal, 3);
            (problem.status(), problem.headers(), problem.body())
        });
        let answers: Vec<_> = answers.collect();
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn the_table_of_answers() {
        let rows = [
            (Problem::NoKey, 401, Some(r#"Bearer realm="portcullis""#)),
            (
                Problem::of_credential(CredentialError::Conflict),
                400,
                Some(r#"Bearer realm="portcullis", error="invalid_request""#),
            ),
            (Problem::InvalidKey, 401, Some(r#"Bearer realm="portcullis", error="invalid_token""#)),
            (Problem::Unavailable { retry_after: 0 }, 503, None),
            (Problem::Misconfigured, 503, None),
            (Problem::OriginUnreachable, 502, None),
        ];
        for (problem, status, challenge) in rows {
            assert_eq!(problem.status(), status);
            assert_eq!(header(problem, "www-authenticate").as_deref(), challenge);
            assert_eq!(header(problem, "cache-control").as_deref(), Some("no-store"));
            let body: serde_json::Value = serde_json::from_str(&problem.body()).unwrap();
            assert_eq!(body["status"], status);
            assert!(body["type"].as_str().unwrap().starts_with("urn:portcullis:problem:"));
        }
        assert_eq!(Problem::of_credential(CredentialError::Missing), Problem::NoKey);
        let now = Problem::Unavailable { retry_after: 0 };
        assert_eq!(header(now, "retry-after").as_deref(), Some("1"));
    }
}
