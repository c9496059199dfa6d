//! The values of a layer, or of all layers merged.

use std::fmt;

use ::config::{Map, Value, ValueKind};

use crate::config::{provenance::Provenance, setting::Setting, spec::SettingSpec};

/// Values by their key in a file.
///
/// Contains known settings only: the layering crate splits a key at dots and brackets, which an
/// unknown key might contain.
#[derive(Clone, Default)]
pub struct Values(Map<String, Value>);

impl Values {
    pub fn new(values: Map<String, Value>) -> Self {
        Self(values)
    }

    /// Adds a value; an empty one counts as not set, so that the layers below apply.
    pub fn insert(
        &mut self,
        setting: &SettingSpec,
        value: impl Into<ValueKind>,
        place: &Provenance,
    ) {
        let value = value.into();
        let is_empty = match &value {
            ValueKind::Nil => true,
            ValueKind::String(text) => text.trim().is_empty(),
            ValueKind::Array(items) => items.is_empty(),
            _ => false,
        };
        if !is_empty {
            self.0
                .insert(setting.file_key(), with_tag(value, &place.tag()));
        }
    }

    /// The value as its layer has it.
    pub fn raw(&self, setting: &SettingSpec) -> Option<&Value> {
        self.0.get(&setting.file_key())
    }

    /// The typed value, if the setting is set and valid.
    pub fn get<T>(&self, setting: &Setting<T>) -> Option<T> {
        setting.read(&self.raw(&setting.spec)?.kind).ok()
    }
}

/// The value with the tag of its provenance, also on everything in it.
fn with_tag(kind: ValueKind, tag: &String) -> Value {
    let kind = match kind {
        ValueKind::Table(entries) => ValueKind::Table(
            entries
                .into_iter()
                .map(|(key, value)| (key, with_tag(value.kind, tag)))
                .collect(),
        ),
        other => other,
    };
    Value::new(Some(tag), kind)
}

/// Shows nothing: a value may be a secret.
impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Values")
    }
}

impl ::config::Source for Values {
    fn clone_into_box(&self) -> Box<dyn ::config::Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ::config::ConfigError> {
        Ok(self.0.clone())
    }
}
