//! Values as plain text, in whatever form their layer has them. Pure.

use std::collections::BTreeMap;

use ::config::ValueKind;

use super::spec::SettingKind;

/// A setting's value on one line, secrets included: [`super::effective`] masks them.
pub(super) fn display_text(kind: SettingKind, value: &ValueKind) -> Option<String> {
    match (kind, value) {
        (SettingKind::Table, ValueKind::Table(entries)) => {
            let texts: BTreeMap<&str, String> = entries
                .iter()
                .map(|(entry, value)| (entry.as_str(), value.kind.to_string()))
                .collect();
            (!texts.is_empty()).then(|| serde_json::json!(texts).to_string())
        }
        (SettingKind::List, value) => Some(list_items(value)?.join(",")),
        (_, value) => Some(scalar_text(value)?.trim().to_owned()),
    }
}

/// A single value as it is written.
pub(super) fn scalar_text(value: &ValueKind) -> Option<String> {
    match value {
        ValueKind::Nil | ValueKind::Table(_) | ValueKind::Array(_) => None,
        single => Some(single.to_string()),
    }
}

/// The items of a list, trimmed, without blank ones.
pub(super) fn list_items(value: &ValueKind) -> Option<Vec<String>> {
    let items: Vec<String> = match value {
        ValueKind::Array(items) => items
            .iter()
            .map(|item| scalar_text(&item.kind))
            .collect::<Option<_>>()?,
        single => scalar_text(single)?.split(',').map(str::to_owned).collect(),
    };
    let trimmed = items.iter().map(|item| item.trim().to_owned());
    Some(trimmed.filter(|item| !item.is_empty()).collect())
}
