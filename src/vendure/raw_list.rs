//! Lists in responses, parsed item by item so that an invalid item does not affect the others; and
//! names to filter by, split so that no request exceeds Vendure's limit.

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{error::StorefrontError, model::UnreadableItem, response::ResponseData};
use crate::{
    domain::{InvalidIdentifier, text::one_line},
    http::parse_json,
};

/// Vendure's default limit for a page.
const MAX_PAGE: usize = 1000;

/// Bytes of names in a request, some thousand below Vendure's limit for the whole request.
const MAX_NAME_BYTES: usize = 90_000;

/// A list whose items are still text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawList<'a> {
    pub total_items: u64,
    #[serde(borrow)]
    pub items: Vec<&'a RawValue>,
}

impl RawList<'_> {
    /// Fails if the list has more items than requested: the shop ignored the filter.
    pub(super) fn check_len(
        &self,
        data: &ResponseData,
        list_name: &str,
        take: u32,
    ) -> Result<(), StorefrontError> {
        let len = self.items.len();
        if len > take as usize {
            return Err(data.malformed(format!(
                "{list_name}.items has {len} items, {take} were requested"
            )));
        }
        Ok(())
    }
}

/// Parses an item. An error carries the item's id and its field `name`.
pub(super) fn parse_item<'a, T: Deserialize<'a>, R>(
    item: &'a RawValue,
    name: &str,
    convert: impl FnOnce(T) -> Result<R, StorefrontError>,
) -> Result<R, UnreadableItem> {
    parse_json(item.get().as_bytes())
        .and_then(|item| convert(item).map_err(|error| error.to_string()))
        .map_err(|problem| UnreadableItem {
            key: item_key(item, name),
            problem,
        })
}

/// The id and the field `name` of an invalid item, as far as readable.
fn item_key(item: &RawValue, name: &str) -> String {
    let item: Value = serde_json::from_str(item.get()).unwrap_or_default();
    let part = |name| item.get(name).unwrap_or(&Value::Null);
    one_line(&format!("id {}, {name} {}", part("id"), part(name)), 120)
}

/// An item's id, even if the item is invalid.
pub(super) fn item_id(item: &RawValue) -> String {
    let item: Value = serde_json::from_str(item.get()).unwrap_or_default();
    match item.get("id") {
        Some(Value::String(id)) => one_line(id, 255),
        Some(Value::Null) | None => String::new(),
        Some(other) => one_line(&other.to_string(), 255),
    }
}

pub(super) fn field_error(
    operation: &'static str,
    field: &'static str,
) -> impl Fn(InvalidIdentifier) -> StorefrontError {
    move |problem| StorefrontError::invalid_field(operation, field, &problem)
}

/// Splits names into groups that fit into one request and one page.
pub(super) fn batches<'a>(names: impl Iterator<Item = &'a str>) -> Vec<Vec<&'a str>> {
    let mut groups: Vec<Vec<&str>> = Vec::new();
    let mut bytes = 0;
    for name in names {
        // JSON escapes quotation marks and backslashes, and adds two quotation marks and a comma.
        let size = name.len() + name.matches(['"', '\\']).count() + 3;
        match groups.last_mut() {
            Some(group) if group.len() < MAX_PAGE && bytes + size <= MAX_NAME_BYTES => {
                bytes += size;
                group.push(name);
            }
            _ => {
                bytes = size;
                groups.push(vec![name]);
            }
        }
    }
    groups
}

pub(super) fn batch_len(group: &[&str]) -> u32 {
    u32::try_from(group.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_names_stay_below_what_the_shop_takes() {
        let long = "\"é".repeat(127);
        for names in [
            vec!["1234567890"; 2500],
            vec![long.as_str(); 1000],
            vec!["\\\\\\\\"; 30_000],
        ] {
            let groups = batches(names.iter().copied());
            assert_eq!(groups.concat(), names);
            for group in &groups {
                assert!(group.len() <= MAX_PAGE);
                let json = serde_json::to_vec(group).unwrap();
                assert!(json.len() <= MAX_NAME_BYTES + 2, "{} bytes", json.len());
            }
        }
        assert!(batches(std::iter::empty()).is_empty());
    }
}
