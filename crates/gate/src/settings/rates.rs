//! Rate classes: the limits behind the labels in policies.

use portcullis_core::policy::is_rate_class;
use serde_json::Value;

use crate::settings::error::{Fault, SettingsError};
use crate::settings::fields::Fields;

/// The classes by name.
#[derive(Clone, Debug, Default)]
pub struct RateClasses(Vec<RateClass>);

/// The limit of a key of this class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateClass {
    /// The label, or `*` for keys whose policy has no label or one that isn't listed.
    pub name: String,
    /// This many requests
    pub limit: u32,
    /// in this many seconds.
    pub period: u32,
    /// The name of the platform's rate-limit binding that counts. It counts per location, by the
    /// limit and period in `wrangler.toml`. Without a binding each isolate counts for itself.
    pub binding: Option<String>,
}

/// A policy names a class that the gate doesn't have, and there is no class `*`. Passing the key
/// would silently leave it unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownClass;

impl RateClasses {
    /// Reads the setting: an object with a class under each name.
    ///
    /// # Errors
    /// Names the invalid field.
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
            // Limit and period are required; a binding must exist.
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

    /// The class of a policy's label, with its index. `None` for a policy without a label, if there
    /// is no class `*`.
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

    /// The class with this index.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<&RateClass> {
        self.0.get(at)
    }
}
