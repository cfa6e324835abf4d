//! Rate classes: what the labels in policies mean at this gate.

use portcullis_core::policy::is_rate_class;
use serde_json::Value;

use super::routes::Fields;
use super::{Fault, SettingsError};

/// The classes by name.
#[derive(Clone, Debug, Default)]
pub struct RateClasses(Vec<RateClass>);

/// How many requests a key of this class may make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateClass {
    /// The label, or `*` for keys whose policy has none, or one that is not listed.
    pub name: String,
    /// So many requests
    pub limit: u32,
    /// in so many seconds.
    pub period: u32,
    /// The platform's rate-limit binding that counts, by its name. It counts per location, and its
    /// limit and period stand in `wrangler.toml`. Without one each isolate counts for itself.
    pub binding: Option<String>,
}

/// A policy names a class that this gate does not have, and there is none for all: it would limit
/// nothing, and nobody would know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownClass;

impl RateClasses {
    /// Reads the setting: an object with a class under each name.
    ///
    /// # Errors
    /// Names the field that is wrong.
    pub(super) fn parse(
        text: &str,
        is_bound: impl Fn(&str) -> bool,
    ) -> Result<Self, SettingsError> {
        const FORM: Fault = Fault::Word("a JSON object of rate classes");
        let value: Value = serde_json::from_str(text).unwrap_or_default();
        let object = value.as_object().ok_or_else(|| SettingsError::new("RATE_CLASSES", FORM))?;
        let mut classes = Vec::new();
        for (name, value) in object {
            let field = format!("RATE_CLASSES.{name}");
            if name != "*" && !is_rate_class(name) {
                let expected = "named `*`, or by 1 to 32 of a-z, 0-9 and `-`";
                return Err(SettingsError::new(field, Fault::Word(expected)));
            }
            let mut fields = Fields::of(&field, value)?;
            let limit = fields.number("limit", "requests", 1_000_000)?;
            let period = fields.number("period", "seconds", 3600)?;
            let expected = "the name of a binding";
            let binding = fields.text("binding", |name| !name.is_empty(), expected)?;
            let missing =
                |name: &'static str| SettingsError::new(format!("{field}.{name}"), Fault::Missing);
            let class = RateClass {
                name: name.clone(),
                limit: limit.ok_or_else(|| missing("limit"))?,
                period: period.ok_or_else(|| missing("period"))?,
                binding,
            };
            if class.binding.as_deref().is_some_and(|binding| !is_bound(binding)) {
                return Err(fields.error("binding", Fault::NotBound));
            }
            fields.finish()?;
            classes.push(class);
        }
        Ok(Self(classes))
    }

    /// The class that a policy's label means here, with its place; `None` for a policy without one,
    /// if there is no class for all.
    ///
    /// # Errors
    /// [`UnknownClass`].
    pub fn find(&self, label: Option<&str>) -> Result<Option<(usize, &RateClass)>, UnknownClass> {
        let named = |name: &str| self.0.iter().enumerate().find(|(_, class)| class.name == name);
        match (label.and_then(named).or_else(|| named("*")), label) {
            (None, Some(_)) => Err(UnknownClass),
            (found, _) => Ok(found),
        }
    }

    /// The class at a place.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<&RateClass> {
        self.0.get(at)
    }
}
