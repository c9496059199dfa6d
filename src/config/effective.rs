//! The effective settings with their origins, to show to people.
//!
//! Must not contain a secret in plain text: values are masked when an [`EffectiveSetting`] is made.

use ::config::{Value, ValueKind};
use serde::Serialize;

use super::{
    layers::values::Values,
    provenance::Provenance,
    spec::{SettingKind, SettingSpec},
    table::SETTINGS,
    value_text::display_text,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EffectiveSetting {
    /// The variable's name, or `[table]`.
    pub key: String,
    /// The value as text, masked if it is a secret; a table as a JSON object. `None`: not set.
    pub value: Option<String>,
    #[serde(flatten)]
    pub provenance: Provenance,
    /// On one line, in Markdown without links.
    pub meaning: String,
}

impl EffectiveSetting {
    fn new(values: &Values, setting: &SettingSpec) -> Self {
        let raw = values.raw(setting);
        let text = raw.and_then(|value| display_text(setting.kind, &value.kind));
        // A merged table has no origin of its own, but its entries have: all the file's.
        let with_origin = match raw.map(|value| &value.kind) {
            Some(ValueKind::Table(entries)) => entries.values().next(),
            _ => raw,
        };
        Self {
            key: match setting.kind {
                SettingKind::Table => format!("[{}]", setting.name),
                _ => setting.name.to_owned(),
            },
            value: text.map(|text| match setting.is_secret() {
                true => (setting.mask)(&text),
                false => text,
            }),
            provenance: Provenance::from_tag(with_origin.and_then(Value::origin)),
            meaning: setting.meaning(),
        }
    }
}

/// Every setting, in the order of the documentation.
pub(super) fn effective_settings(values: &Values) -> Vec<EffectiveSetting> {
    let settings = SETTINGS.iter().map(|s| EffectiveSetting::new(values, s));
    settings.collect()
}
