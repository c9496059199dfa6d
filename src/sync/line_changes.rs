//! Descriptions of order lines that changed after the order was sent. Pure.

use crate::domain::text::one_line;

/// The most lines that one description names.
const MAX_DIFFERENCES: usize = 10;

/// Describes a line whose quantity in Vendure differs from the one sent.
pub fn describe_difference(sku: &str, sent: u32, now: u32) -> String {
    let sku = one_line(sku, 80);
    match (sent, now) {
        (0, now) => format!("{sku}: not sent, {now} in Vendure now"),
        (sent, 0) => format!("{sku}: {sent} sent, not in Vendure any more"),
        (sent, now) => format!("{sku}: {sent} sent, {now} in Vendure now"),
    }
}

/// Joins the first differences and counts the rest; `None` when there are none.
pub fn join_differences(mut differences: Vec<String>) -> Option<String> {
    if differences.is_empty() {
        return None;
    }
    let more = differences.len().saturating_sub(MAX_DIFFERENCES);
    differences.truncate(MAX_DIFFERENCES);
    let mut text = differences.join("; ");
    if more > 0 {
        text.push_str(&format!("; and {more} more"));
    }
    Some(text)
}
