//! The meaning of VeraCore's status words for orders and parcels. Pure.
//!
//! The words are free text. An unknown word is never taken for one that cannot be undone.

/// Statuses of an order of which everything has left.
const COMPLETE: [&str; 6] = [
    "shipped",
    "complete",
    "completed",
    "closed",
    "fulfilled",
    "delivered",
];

/// First words of statuses before shipment. The parcel may have a tracking number already: it comes
/// with the label.
const NOT_SHIPPED: [&str; 10] = [
    "pending",
    "open",
    "new",
    "created",
    "processing",
    "inwarehouse",
    "in warehouse",
    "picked",
    "packed",
    "label",
];

/// The part of an order that has left VeraCore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShippedExtent {
    Nothing,
    Partial,
    Complete,
}

fn starts_with_any(status: &str, words: &[&str]) -> bool {
    let status = status.to_ascii_lowercase();
    words.iter().any(|word| status.starts_with(word))
}

/// The order or parcel will not be shipped.
pub fn is_cancelled_status(status: &str) -> bool {
    starts_with_any(status, &["cancel", "void"])
}

/// The order or parcel is still in the warehouse.
pub fn is_not_shipped_status(status: &str) -> bool {
    starts_with_any(status, &NOT_SHIPPED)
}

/// All of the order has left.
pub fn is_complete_status(status: &str) -> bool {
    COMPLETE.contains(&status.trim().to_ascii_lowercase().as_str())
}

/// "Partly cancelled" is no shipment; "shipped, the rest cancelled" is one.
pub(super) fn is_partly_shipped_status(status: &str) -> bool {
    let status = status.to_ascii_lowercase();
    status.starts_with("shipped") || status.starts_with("part") && !status.contains("cancel")
}
