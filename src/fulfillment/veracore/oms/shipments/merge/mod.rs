//! The merge of the list of shipments with an order's info.
//!
//! The items of a pick slip are reported once, with its first parcel, and become one fulfillment. A
//! void parcel is reported as void.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::{
    super::order_info::{OmsParcel, OrderInfo, PickSlip},
    charge::ShippingCharge,
};
use crate::{
    domain::OrderCode,
    fulfillment::{Shipment, ShipmentItem},
};

const SHIPPED: &str = "Shipped";
const PACKED: &str = "Packed";
const VOID: &str = "Void";

/// Merges the listed parcels of one order with its info.
pub(super) fn merge_shipments(
    order: &OrderCode,
    charges: &[ShippingCharge],
    info: Option<&OrderInfo>,
) -> Vec<Shipment> {
    let slips = info.map(|info| info.slips.as_slice()).unwrap_or_default();
    let mut rows = Vec::new();
    // Indexes of the pick slips whose items are already in a row.
    let mut reported: BTreeSet<usize> = BTreeSet::new();
    let mut listed: BTreeSet<String> = BTreeSet::new();
    for charge in charges {
        let at = find_slip(charge, slips);
        let slip = at.map(|at| &slips[at]);
        let mut parcel = charge.parcel.clone();
        listed.extend(parcel.tracking.clone());
        parcel.is_void |= slip.is_some_and(|slip| is_void_in_slip(&parcel, slip));
        let first = slip.is_some_and(|slip| is_first_parcel(&parcel, slip));
        let items = match (at, slip) {
            (Some(at), Some(slip)) if first && reported.insert(at) => slip.items.clone(),
            _ => None,
        };
        let id = charge.slip_id.as_ref().zip(parcel.tracking.as_ref());
        let id = id.map(|(slip, number)| format!("{slip}:{number}"));
        rows.push(to_shipment(order, id, parcel, items));
    }
    // The list may omit a void parcel that it contained before.
    let parcels = slips.iter().flat_map(|slip| &slip.parcels);
    for parcel in parcels.filter(|parcel| parcel.is_void) {
        let is_unlisted = |number: &String| listed.insert(number.clone());
        if parcel.tracking.as_ref().is_some_and(is_unlisted) {
            rows.push(to_shipment(order, None, parcel.clone(), None));
        }
    }
    rows
}

/// Finds a parcel's pick slip: by its id, by its tracking number, or because there is only one.
fn find_slip(charge: &ShippingCharge, slips: &[PickSlip]) -> Option<usize> {
    let by_id = charge
        .slip_id
        .as_ref()
        .and_then(|id| slips.iter().position(|slip| slip.ids.contains(id)));
    let has = |slip: &PickSlip| {
        let number = charge.parcel.tracking.as_ref();
        number.is_some()
            && slip
                .parcels
                .iter()
                .any(|parcel| parcel.tracking.as_ref() == number)
    };
    by_id
        .or_else(|| slips.iter().position(has))
        .or((slips.len() == 1).then_some(0))
}

/// Whether the order's info contains the listed parcel.
pub(super) fn is_in_order_info(charge: &ShippingCharge, slips: &[PickSlip]) -> bool {
    let slip = find_slip(charge, slips).map(|at| &slips[at]);
    charge.parcel.tracking.is_some()
        && slip.is_some_and(|slip| matching_parcels(&charge.parcel, slip).count() > 0)
}

fn matching_parcels<'a>(
    parcel: &'a OmsParcel,
    slip: &'a PickSlip,
) -> impl Iterator<Item = &'a OmsParcel> {
    slip.parcels
        .iter()
        .filter(|known| known.tracking == parcel.tracking)
}

fn is_void_in_slip(parcel: &OmsParcel, slip: &PickSlip) -> bool {
    parcel.tracking.is_some()
        && matching_parcels(parcel, slip).next().is_some()
        && matching_parcels(parcel, slip).all(|known| known.is_void)
}

/// Whether this is the pick slip's first parcel that is not void and has a tracking number. By the
/// order's info: in the list of shipments, the first one changes when parcels become too old.
fn is_first_parcel(parcel: &OmsParcel, slip: &PickSlip) -> bool {
    let mut tracked = slip
        .parcels
        .iter()
        .filter(|known| !known.is_void && known.tracking.is_some());
    match tracked.next() {
        Some(first) => !parcel.is_void && first.tracking == parcel.tracking,
        // The info has no parcels: any listed one will do.
        None => !parcel.is_void && parcel.tracking.is_some(),
    }
}

/// Neither list has parcel ids, so `id` combines the pick slip and the tracking number. The latter is
/// not unique: parcels of two pick slips can both have "picked up".
fn to_shipment(
    order: &OrderCode,
    id: Option<String>,
    parcel: OmsParcel,
    items: Option<Vec<ShipmentItem>>,
) -> Shipment {
    let status = match (parcel.is_void, parcel.shipped_at) {
        (true, _) => VOID,
        (false, Some(_)) => SHIPPED,
        (false, None) => PACKED,
    };
    Shipment {
        id,
        order_number: order.clone(),
        tracking_number: parcel.tracking,
        carrier: parcel.carrier,
        service: parcel.service,
        shipped_at: parcel.shipped_at,
        status: status.into(),
        items,
    }
}
