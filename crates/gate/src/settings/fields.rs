//! The fields of a JSON object in a setting.

use serde_json::{Map, Value};

use crate::settings::error::{Fault, SettingsError};

/// The fields of a JSON object. Each is taken once; [`finish`](Self::finish) refuses the rest.
pub(super) struct Fields<'v> {
    name: String,
    object: &'v Map<String, Value>,
    known: Vec<&'static str>,
}

impl<'v> Fields<'v> {
    pub(super) fn of(name: &str, value: &'v Value) -> Result<Self, SettingsError> {
        let object = value.as_object();
        let object = object.ok_or_else(|| SettingsError::new(name, Fault::Word("an object")))?;
        Ok(Self { name: name.to_owned(), object, known: Vec::new() })
    }

    pub(super) fn error(&self, field: &str, fault: Fault) -> SettingsError {
        SettingsError::new(format!("{}.{field}", self.name), fault)
    }

    fn take(&mut self, field: &'static str) -> Option<&'v Value> {
        self.known.push(field);
        self.object.get(field)
    }

    pub(super) fn text(
        &mut self,
        field: &'static str,
        is_one: impl Fn(&str) -> bool,
        expected: &'static str,
    ) -> Result<Option<String>, SettingsError> {
        let Some(value) = self.take(field) else { return Ok(None) };
        let text = value.as_str().filter(|text| is_one(text));
        let text = text.ok_or_else(|| self.error(field, Fault::Word(expected)))?;
        Ok(Some(text.to_owned()))
    }

    pub(super) fn texts(
        &mut self,
        field: &'static str,
        is_one: impl Fn(&str) -> bool,
        expected: &'static str,
    ) -> Result<Option<Vec<String>>, SettingsError> {
        let Some(value) = self.take(field) else { return Ok(None) };
        let texts = value.as_array().and_then(|list| {
            let texts = list.iter().map(|one| one.as_str().filter(|text| is_one(text)));
            texts.map(|text| text.map(str::to_owned)).collect::<Option<Vec<_>>>()
        });
        texts.map(Some).ok_or_else(|| self.error(field, Fault::Word(expected)))
    }

    pub(super) fn flag(&mut self, field: &'static str) -> Result<Option<bool>, SettingsError> {
        let Some(value) = self.take(field) else { return Ok(None) };
        let flag = value.as_bool();
        flag.map(Some).ok_or_else(|| self.error(field, Fault::Word("`true` or `false`")))
    }

    pub(super) fn number(
        &mut self,
        field: &'static str,
        unit: &'static str,
        max: u32,
    ) -> Result<Option<u32>, SettingsError> {
        let Some(value) = self.take(field) else { return Ok(None) };
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| (1..=max).contains(number));
        number.map(Some).ok_or_else(|| self.error(field, Fault::Number { unit, min: 1, max }))
    }

    pub(super) fn seconds(&mut self, field: &'static str) -> Result<Option<u32>, SettingsError> {
        self.number(field, "seconds", 7 * 86_400)
    }

    pub(super) fn finish(self) -> Result<(), SettingsError> {
        let unknown = self.object.keys().find(|name| !self.known.contains(&name.as_str()));
        unknown.map_or(Ok(()), |name| Err(self.error(name, Fault::Unknown)))
    }
}
