use super::*;
use portcullis_core::assignment::{AssignmentTooNew, NoAssignment};
use portcullis_core::list::ListError;
use portcullis_core::token::{Environment, Kind, MalformedToken};

const REFUSALS: [Refusal; 18] = [
    Refusal::Malformed(MalformedToken::Checksum),
    Refusal::ForeignLabel,
    Refusal::UnknownKid(1),
    Refusal::SignerNotAllowed(1),
    Refusal::SecretNotHeld(1),
    Refusal::BadSignature,
    Refusal::ForeignList,
    Refusal::NotCovered,
    Refusal::Revoked,
    Refusal::Suspended,
    Refusal::Assignment(NoAssignment::Missing),
    Refusal::Assignment(NoAssignment::TooNew(AssignmentTooNew)),
    Refusal::Assignment(NoAssignment::NotAllowed),
    Refusal::Expired,
    Refusal::WrongKind { needed: Kind::Secret, given: Kind::Publishable },
    Refusal::WrongEnvironment { needed: Environment::Live, given: Environment::Test },
    Refusal::List(ListError::Missing),
    Refusal::List(ListError::PastNextUpdate),
];

fn of(reason: Reason) -> Problem {
    let scopes = Some("orders:read orders:write".to_owned());
    let refused = Refused { reason, name: None, list: None, retry_after: 3, scopes };
    Problem::of(&refused, &RateClasses::default())
}

fn header(problem: &Problem, name: &str) -> Option<String> {
    problem.headers().into_iter().find(|(known, _)| *known == name).map(|(_, value)| value)
}

#[test]
fn a_refusal_is_unavailable_exactly_where_the_core_says_so() {
    for refusal in REFUSALS {
        let problem = of(Reason::Key(refusal));
        if refusal.is_unavailable() {
            assert_eq!(problem.status(), 503);
            assert_eq!(header(&problem, "retry-after").as_deref(), Some("3"));
            assert_eq!(header(&problem, "www-authenticate"), None);
        } else {
            assert_eq!(problem.status(), 401);
            let challenge = r#"Bearer realm="portcullis", error="invalid_token""#;
            assert_eq!(header(&problem, "www-authenticate").as_deref(), Some(challenge));
        }
    }
}

#[test]
fn every_refused_key_gets_the_same_bytes_and_so_does_a_stolen_one_elsewhere() {
    let refusals = REFUSALS.into_iter().filter(|refusal| !refusal.is_unavailable());
    let reasons =
        refusals.map(Reason::Key).chain([Reason::Denied(Denial::Address), Reason::AdminKey]);
    let answers = reasons.map(|reason| {
        let problem = of(reason);
        (problem.status(), problem.headers(), problem.body())
    });
    let answers: Vec<_> = answers.collect();
    assert_eq!(answers.len(), 17);
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn the_table_of_answers() {
    let realm = |error: &str| Some(format!(r#"Bearer realm="portcullis"{error}"#));
    let scope = r#", error="insufficient_scope", scope="orders:read orders:write""#;
    let file = portcullis_core::list::FileName::NONE;
    let rows = [
        (of(Reason::Credential(CredentialError::Missing)), 401, realm("")),
        (
            of(Reason::Credential(CredentialError::Conflict)),
            400,
            realm(r#", error="invalid_request""#),
        ),
        (of(Reason::Key(Refusal::Revoked)), 401, realm(r#", error="invalid_token""#)),
        (of(Reason::AdminKey), 401, realm(r#", error="invalid_token""#)),
        (of(Reason::Denied(Denial::Scope)), 403, realm(scope)),
        (of(Reason::Denied(Denial::Origin)), 403, None),
        (of(Reason::Denied(Denial::Method)), 403, None),
        (of(Reason::Denied(Denial::Path)), 403, None),
        (of(Reason::Denied(Denial::SalesChannel)), 403, None),
        (of(Reason::Policy(NoPolicy::Missing)), 403, None),
        (of(Reason::PolicyRequired), 403, None),
        (of(Reason::Policy(NoPolicy::Unavailable(file))), 503, None),
        (of(Reason::Stale), 503, None),
        (of(Reason::NoRoute), 404, None),
        (Problem::Unavailable { retry_after: 0 }, 503, None),
        (Problem::Misconfigured, 503, None),
        (Problem::OriginUnreachable, 502, None),
    ];
    for (problem, status, challenge) in rows {
        assert_eq!(problem.status(), status);
        assert_eq!(header(&problem, "www-authenticate"), challenge);
        assert_eq!(header(&problem, "cache-control").as_deref(), Some("no-store"));
        let body: serde_json::Value = serde_json::from_str(&problem.body()).unwrap();
        assert_eq!(body["status"], status);
        assert!(body["type"].as_str().unwrap().starts_with("tag:portcullis,2026:"));
    }
    let now = Problem::Unavailable { retry_after: 0 };
    assert_eq!(header(&now, "retry-after").as_deref(), Some("1"));
}

#[test]
fn a_limit_says_what_it_is_and_when_to_come_back() {
    let class = RateClass { name: "gold".into(), limit: 100, period: 60, binding: None };
    let left = Allowance { allowed: false, remaining: 0, reset: 7 };
    let problem = Problem::RateLimited { class: class.clone(), allowance: Some(left) };
    assert_eq!(problem.status(), 429);
    assert_eq!(header(&problem, "retry-after").as_deref(), Some("7"));
    assert_eq!(header(&problem, "ratelimit-policy").as_deref(), Some(r#""gold";q=100;w=60"#));
    assert_eq!(header(&problem, "ratelimit").as_deref(), Some(r#""gold";r=0;t=7"#));
    // A binding only answers yes or no.
    let problem = Problem::RateLimited { class: class.clone(), allowance: None };
    assert_eq!(header(&problem, "retry-after").as_deref(), Some("60"));
    assert_eq!(header(&problem, "ratelimit").as_deref(), Some(r#""gold";r=0;t=60"#));
    assert_eq!(rate_headers(&class, None, true).len(), 1);
    let left = Allowance { allowed: true, remaining: 41, reset: 36 };
    let headers = rate_headers(&class, Some(left), true);
    assert_eq!(headers[1], ("ratelimit", r#""gold";r=41;t=36"#.to_owned()));
}
