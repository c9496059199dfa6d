//! Values as plain text, whatever form their layer has them in. Pure.

use std::collections::BTreeMap;

use ::config::ValueKind;

use super::keys::SettingKind;

/// A setting's value on one line, secrets in the clear: [`super::setting`] masks them.
pub(super) fn display_text(form: SettingKind, kind: &ValueKind) -> Option<String> {
    match (form, kind) {
        (SettingKind::Table, ValueKind::Table(entries)) => {
            let texts: BTreeMap<&str, String> = entries
                .iter()
                .map(|(entry, value)| (entry.as_str(), value.kind.to_string()))
                .collect();
            (!texts.is_empty()).then(|| serde_json::json!(texts).to_string())
        }
        (SettingKind::List, kind) => Some(list_items(kind)?.join(",")),
        (_, kind) => Some(scalar_text(kind)?.trim().to_owned()),
    }
}

/// A single value as it is written.
pub(super) fn scalar_text(kind: &ValueKind) -> Option<String> {
    match kind {
        ValueKind::Nil | ValueKind::Table(_) | ValueKind::Array(_) => None,
        single => Some(single.to_string()),
    }
}

/// The items of a list, none of them blank.
pub(super) fn list_items(kind: &ValueKind) -> Option<Vec<String>> {
    let items: Vec<String> = match kind {
        ValueKind::Array(items) => items
            .iter()
            .map(|item| scalar_text(&item.kind))
            .collect::<Option<_>>()?,
        single => scalar_text(single)?.split(',').map(str::to_owned).collect(),
    };
    let trimmed = items.iter().map(|item| item.trim().to_owned());
    Some(trimmed.filter(|item| !item.is_empty()).collect())
}
