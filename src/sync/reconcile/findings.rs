//! Findings of the reconciliation, and the facts about an order that they come from. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::{
    domain::{OrderCode, SyncStatus},
    fulfillment::FoundOrder,
    ledger::KnownOrder,
    sync::tracking::parcels::Parcel,
    vendure::FulfillmentProgress,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum FindingKind {
    /// In a trigger state in the shop for a while, but not in the ledger.
    MissingInLedger,
    /// In the ledger, but not in the shop, or the shop has a different order under its id.
    MissingInVendure,
    /// VeraCore accepted it, but no longer has it.
    MissingInVeracore,
    CancelledInVeracore,
    /// The order was edited after it was sent.
    DifferentLines,
    /// VeraCore shipped an order that was cancelled in the shop.
    ShippedAfterCancel,
    /// Cancelled in the shop, but VeraCore will still ship it.
    CancelledAfterSend,
    /// VeraCore shipped all of it days ago, but it is not fulfilled in the shop.
    ShippedNotFulfilled,
    /// VeraCore has shipped nothing of it for days.
    NeverShipped,
    StuckInDoubt,
}

impl FindingKind {
    /// As in the JSON.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

/// A difference that needs attention.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    pub kind: FindingKind,
    /// The order's code in the shop.
    pub order: String,
    pub detail: String,
    pub advice: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WarehouseAnswer {
    NotChecked,
    Missing,
    Found(FoundOrder),
}

/// An order of the ledger's, in the shop and at VeraCore.
#[derive(Debug, Clone)]
pub struct OrderFacts {
    pub known: KnownOrder,
    /// `None`: the shop does not have it.
    pub shop: Option<FulfillmentProgress>,
    /// The parcels that tracking recorded.
    pub parcels: Vec<Parcel>,
    pub warehouse: WarehouseAnswer,
}

/// The periods after which a state becomes a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReconcileLimits {
    pub now: DateTime<Utc>,
    /// Within this, discovery records orders in a trigger state.
    pub discovery_grace: TimeDelta,
    /// Within this, VeraCore ships something of each order.
    pub never_shipped_days: u32,
}

/// The reason to look up an order at VeraCore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookupReason {
    /// It is open: VeraCore should still have it.
    OpenOrder,
    /// It was cancelled in the shop: VeraCore should not ship it.
    CancelledOrder,
}

impl Finding {
    pub(super) fn new(
        order: &OrderCode,
        (kind, detail, advice): (FindingKind, String, String),
    ) -> Self {
        Self {
            kind,
            order: order.to_string(),
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

    /// `None`: no lookup is needed.
    pub fn lookup_reason(&self) -> Option<LookupReason> {
        let shop = self.matching_shop_order()?;
        if self.known.status != SyncStatus::Success {
            None
        } else if shop.state.is_cancelled() && self.units_never_fulfilled(shop) > 0 {
            Some(LookupReason::CancelledOrder)
        } else if self.known.is_open && self.units_to_fulfill(shop) > 0 {
            Some(LookupReason::OpenOrder)
        } else {
            None
        }
    }

    pub(super) fn has_fulfilled_units(&self, shop: &FulfillmentProgress) -> bool {
        let mut lines = self.known.lines.iter();
        lines.any(|sent| shop.fulfilled_units(&sent.line) > 0)
    }

    /// VeraCore's status of an order that the shop has not cancelled.
    pub(super) fn status_unless_cancelled(&self) -> Option<&FoundOrder> {
        let shop = self.matching_shop_order()?;
        match &self.warehouse {
            WarehouseAnswer::Found(found) if !shop.state.is_cancelled() => Some(found),
            _ => None,
        }
    }

    /// Units that were sent and never fulfilled, cancelled or not.
    pub(super) fn units_never_fulfilled(&self, shop: &FulfillmentProgress) -> u64 {
        let lines = self.known.lines.iter();
        let missing = lines.map(|sent| {
            let fulfilled = shop.fulfilled_units(&sent.line);
            u64::from(sent.quantity.saturating_sub(fulfilled))
        });
        missing.sum()
    }

    /// Units that were sent and are still to be fulfilled.
    pub(super) fn units_to_fulfill(&self, shop: &FulfillmentProgress) -> u64 {
        let lines = self.known.lines.iter();
        let open = lines.map(|sent| u64::from(shop.unfulfilled_units(&sent.line)));
        open.sum()
    }
}
