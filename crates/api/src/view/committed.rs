//! The JSON for a committed change: its result, and whether it is published.

use std::borrow::Cow;

use portcullis_core::time::Time;
use portcullis_issuer::committed::Publication;
use serde::Serialize;
use utoipa::openapi::schema::{AllOfBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::MarkView;
use super::problem::Problem;
use super::targets::{TargetView, Waited};

const NOTE: &str = "the change is committed but not yet published; verifiers learn of it with the \
                    next list";

/// Whether a committed change is published.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CommittedAnswer {
    /// Whether a published list contains the change.
    pub published: bool,
    /// The list that contains the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<MarkView>,
    /// The consequence, if the change is not yet published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'static str>,
    /// The reason why the change is not yet published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// Whether every target has the list. Present only if the request had `wait`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub everywhere: Option<bool>,
    /// The targets. Present only if the request had `wait`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<TargetView>>,
}

impl CommittedAnswer {
    /// The answer as of `now`; `None` if no list carries what was changed.
    #[must_use]
    pub fn new(publication: &Publication, now: Time) -> Option<Self> {
        let none = Self {
            published: false,
            list: None,
            note: None,
            problem: None,
            everywhere: None,
            targets: None,
        };
        match publication {
            Publication::Published(published) => {
                let list = Some(MarkView::of(published, now));
                Some(Self { published: true, list, ..none })
            }
            Publication::NotYet(error) => {
                Some(Self { note: Some(NOTE), problem: Some(Problem::of(error)), ..none })
            }
            Publication::NotNeeded => None,
        }
    }
}

/// The result of a committed change, and whether it is published.
#[derive(Clone, Debug, Serialize)]
pub struct CommittedView<T> {
    /// The result.
    #[serde(flatten)]
    pub value: T,
    /// Whether it is published; `None` if no list carries what was changed.
    #[serde(flatten)]
    pub committed: Option<CommittedAnswer>,
}

impl<T> CommittedView<T> {
    /// The view as of `now`.
    #[must_use]
    pub fn new(value: T, publication: &Publication, now: Time) -> Self {
        Self { value, committed: CommittedAnswer::new(publication, now) }
    }

    /// This view with the targets that the caller waited for.
    #[must_use]
    pub fn with_targets(mut self, waited: Option<Waited>) -> Self {
        if let (Some(committed), Some(waited)) = (&mut self.committed, waited) {
            committed.everywhere = Some(waited.everywhere);
            committed.targets = Some(waited.targets);
        }
        self
    }

    /// The targets that the caller waited for.
    #[must_use]
    pub fn targets(&self) -> Option<&[TargetView]> {
        self.committed.as_ref()?.targets.as_deref()
    }

    /// Whether a list has to carry the change and none does yet.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.committed.as_ref().is_some_and(|committed| !committed.published)
    }
}

/// The result of a change, as the API's description names the answer.
pub trait CommittedValue: ToSchema {
    /// The name of the whole answer.
    const ANSWER: &'static str;
    /// What the whole answer is.
    const WHAT: &'static str;
    /// Whether lists carry every such change.
    const ALWAYS_LISTED: bool = true;

    /// The part of the answer that is this value: a type of the description's own, or else its
    /// fields.
    #[must_use]
    fn part() -> RefOr<Schema> {
        Ref::from_schema_name(Self::name()).into()
    }
}

impl<T: CommittedValue> PartialSchema for CommittedView<T> {
    fn schema() -> RefOr<Schema> {
        let mut committed = RefOr::from(Ref::from_schema_name(CommittedAnswer::name()));
        if !T::ALWAYS_LISTED
            && let RefOr::T(Schema::Object(mut fields)) = CommittedAnswer::schema()
        {
            // Nothing waits for such changes, and some of them need no publication at all.
            fields.required.clear();
            fields.description = None;
            fields.properties.retain(|name, _| !["everywhere", "targets"].contains(&name.as_str()));
            committed = RefOr::T(Schema::Object(fields));
        }
        let parts = AllOfBuilder::new().item(T::part()).item(committed);
        RefOr::T(Schema::AllOf(parts.description(Some(T::WHAT)).build()))
    }
}

impl<T: CommittedValue> ToSchema for CommittedView<T> {
    fn name() -> Cow<'static, str> {
        T::ANSWER.into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        if T::part() == Ref::from_schema_name(T::name()).into() {
            schemas.push((T::name().into(), T::schema()));
        }
        T::schemas(schemas);
        schemas.push((CommittedAnswer::name().into(), CommittedAnswer::schema()));
        CommittedAnswer::schemas(schemas);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use portcullis_issuer::error::Error;

    #[derive(Serialize)]
    struct Value {
        id: u8,
    }

    #[test]
    fn a_change_that_is_not_published_says_why_and_what_follows() {
        let view = |publication| {
            let view = CommittedView::new(Value { id: 7 }, &publication, Time::from_millis(0));
            (view.is_awaited(), serde_json::to_value(view).unwrap())
        };
        assert_eq!(view(Publication::NotNeeded), (false, json!({ "id": 7 })));
        let (awaited, answer) = view(Publication::NotYet(Error::NoSigner));
        assert!(awaited);
        assert_eq!((&answer["id"], &answer["published"]), (&json!(7), &json!(false)));
        assert_eq!(answer["note"], NOTE);
        assert_eq!(answer["problem"]["code"], "no_signer");
        assert_eq!(answer["problem"]["status"], 409);
        assert_eq!(answer["list"], json!(null));
    }
}
