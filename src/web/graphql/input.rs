//! Parses arguments.

use async_graphql::Result;

use super::errors;
use crate::domain::{ShopOrderId, SyncStatus};

const MAX_SEARCH_CHARS: usize = 100;

pub(super) fn parse_order_id(text: &str) -> Result<ShopOrderId> {
    ShopOrderId::parse(text).map_err(|problem| errors::bad_input(format!("orderId: {problem}.")))
}

pub(super) fn parse_status(text: &str) -> Result<SyncStatus> {
    SyncStatus::parse(text).ok_or_else(|| {
        let all: Vec<&str> = SyncStatus::ALL.iter().map(|s| s.as_str()).collect();
        errors::bad_input(format!("status: use one of {}.", all.join(", ")))
    })
}

/// `None` for a blank search.
pub(super) fn parse_search(text: &str) -> Result<Option<String>> {
    if text.chars().count() > MAX_SEARCH_CHARS || text.chars().any(char::is_control) {
        return Err(errors::bad_input(format!(
            "search: use at most {MAX_SEARCH_CHARS} characters and no control characters."
        )));
    }
    let text = text.trim();
    Ok((!text.is_empty()).then(|| text.to_owned()))
}
