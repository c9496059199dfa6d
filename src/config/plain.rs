//! Values as plain text, whatever form their layer has them in. Pure.

use std::collections::BTreeMap;

use ::config::ValueKind;

use super::keys::Form;

/// A setting's value on one line, secrets in the clear: [`super::setting`] masks them.
pub(super) fn line(form: Form, kind: &ValueKind) -> Option<String> {
    match (form, kind) {
        (Form::Table, ValueKind::Table(entries)) => {
            let texts: BTreeMap<&str, String> = entries
                .iter()
                .map(|(entry, value)| (entry.as_str(), value.kind.to_string()))
                .collect();
            (!texts.is_empty()).then(|| serde_json::json!(texts).to_string())
        }
        (Form::List, kind) => Some(items(kind)?.join(",")),
        (_, kind) => Some(scalar(kind)?.trim().to_owned()),
    }
}

/// A single value as it is written.
pub(super) fn scalar(kind: &ValueKind) -> Option<String> {
    match kind {
        ValueKind::Nil | ValueKind::Table(_) | ValueKind::Array(_) => None,
        single => Some(single.to_string()),
    }
}

/// The items of a list, none of them blank.
pub(super) fn items(kind: &ValueKind) -> Option<Vec<String>> {
    let items: Vec<String> = match kind {
        ValueKind::Array(items) => items
            .iter()
            .map(|item| scalar(&item.kind))
            .collect::<Option<_>>()?,
        single => scalar(single)?.split(',').map(str::to_owned).collect(),
    };
    let trimmed = items.iter().map(|item| item.trim().to_owned());
    Some(trimmed.filter(|item| !item.is_empty()).collect())
}
