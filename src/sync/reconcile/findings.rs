//! What can be off about an order, and what the three say of one. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::{
    domain::SyncStatus, fulfillment::FoundOrder, ledger::KnownOrder,
    sync::tracking::parcels::Parcel, vendure::FulfillmentProgress,
};

/// What can be off about an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum FindingKind {
    /// In a trigger state in the shop for long, and the ledger does not know it.
    MissingInLedger,
    /// The ledger carries it, and the shop does not have it, or has another one under its id.
    MissingInVendure,
    /// VeraCore took it, and says now that it has no such order.
    MissingInVeracore,
    CancelledInVeracore,
    /// The order was edited after it was sent.
    DifferentLines,
    /// VeraCore shipped what was cancelled in the shop.
    ShippedAfterCancel,
    /// Cancelled in the shop, and VeraCore still means to ship it.
    CancelledAfterSend,
    /// VeraCore shipped all of it, and the shop does not know after days.
    ShippedNotFulfilled,
    /// Nothing has left VeraCore for long.
    NeverShipped,
    StuckInDoubt,
}

impl FindingKind {
    /// As in the JSON.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

/// Something that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    pub kind: FindingKind,
    /// Its code in the shop.
    pub order: String,
    pub detail: String,
    /// What to do about it.
    pub advice: String,
}

/// What VeraCore says of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WarehouseAnswer {
    NotChecked,
    Missing,
    Found(FoundOrder),
}

/// What the three say of an order of the ledger's.
#[derive(Debug, Clone)]
pub struct OrderFacts {
    pub known: KnownOrder,
    /// `None`: the shop does not have it.
    pub shop: Option<FulfillmentProgress>,
    /// As tracking last recorded them.
    pub parcels: Vec<Parcel>,
    pub warehouse: WarehouseAnswer,
}

/// What counts as long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReconcileLimits {
    pub now: DateTime<Utc>,
    /// After this, orders in a trigger state are in the ledger.
    pub discovery_grace: TimeDelta,
    /// After this, something of an order has left VeraCore.
    pub never_shipped_days: u32,
}

/// Whether VeraCore must be asked about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookupReason {
    NotNeeded,
    /// It is open: whether it is still there, and how far.
    OpenOrder,
    /// It was cancelled in the shop: whether VeraCore knows.
    CancelledOrder,
}

impl Finding {
    pub(super) fn new(kind: FindingKind, order: &str, detail: String, advice: String) -> Self {
        Self {
            kind,
            order: order.to_owned(),
            detail,
            advice,
        }
    }
}

impl OrderFacts {
    /// The shop's order, if it is the one that was sent.
    pub(super) fn matching_shop_order(&self) -> Option<&FulfillmentProgress> {
        self.shop
            .as_ref()
            .filter(|shop| shop.code == self.known.code)
    }

    pub fn lookup_reason(&self) -> LookupReason {
        let Some(shop) = self.matching_shop_order() else {
            return LookupReason::NotNeeded;
        };
        if self.known.status != SyncStatus::Success {
            LookupReason::NotNeeded
        } else if shop.state.is_cancelled() && self.units_never_fulfilled(shop) > 0 {
            LookupReason::CancelledOrder
        } else if self.known.is_open && self.units_to_fulfill(shop) > 0 {
            LookupReason::OpenOrder
        } else {
            LookupReason::NotNeeded
        }
    }

    /// What VeraCore says of an order that the shop has not cancelled.
    pub(super) fn status_unless_cancelled(&self) -> Option<&FoundOrder> {
        let shop = self.matching_shop_order()?;
        match &self.warehouse {
            WarehouseAnswer::Found(found) if !shop.state.is_cancelled() => Some(found),
            _ => None,
        }
    }

    /// Units that were sent and that no fulfillment ever took, cancelled or not.
    pub(super) fn units_never_fulfilled(&self, shop: &FulfillmentProgress) -> u64 {
        let lines = self.known.lines.iter();
        lines
            .map(|sent| {
                u64::from(
                    sent.quantity
                        .saturating_sub(shop.fulfilled_units(&sent.line)),
                )
            })
            .sum()
    }

    /// Units that were sent and that the shop still waits for.
    pub(super) fn units_to_fulfill(&self, shop: &FulfillmentProgress) -> u64 {
        let lines = self.known.lines.iter();
        lines
            .map(|sent| u64::from(shop.unfulfilled_units(&sent.line)))
            .sum()
    }
}
