//! Parcels: VeraCore's reports merged with what the ledger has recorded. Pure.

use crate::{
    domain::{FulfillmentId, LineUnits, text::one_line},
    fulfillment::{Shipment, is_cancelled_status, is_not_shipped_status},
    ledger::{ParcelItem, ParcelReport, RecordedShipment, ShipmentStatus},
};

/// The key of a parcel without an id or tracking number. It has not left; VeraCore will report it
/// again with one of them.
pub const UNIDENTIFIED_KEY: &str = "unnamed";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// Unique in its order.
    pub key: String,
    pub report: ParcelReport,
    /// The status after the last run; `None` for a new parcel.
    pub status: Option<ShipmentStatus>,
    /// The recorded intent, if a fulfillment was started.
    pub intended: Option<Vec<LineUnits>>,
    pub fulfillment: Option<FulfillmentId>,
    /// VeraCore's report differs from the last one.
    pub changed: bool,
}

impl Parcel {
    pub fn is_void(&self) -> bool {
        is_cancelled_status(&self.report.provider_status)
    }

    pub fn has_shipped(&self) -> bool {
        !self.is_void() && self.waiting_reason().is_none()
    }

    /// The reason why it does not count as shipped.
    pub fn waiting_reason(&self) -> Option<String> {
        if self.report.tracking_number.is_none() {
            return Some("it has no tracking number yet".into());
        }
        is_not_shipped_status(&self.report.provider_status)
            .then(|| format!("its status is {}", self.report.provider_status))
    }

    pub fn is_idle(&self) -> bool {
        self.is_settled() || !self.changed && self.waiting_reason().is_some()
    }

    /// The parcel was processed, and did not change since.
    pub fn is_settled(&self) -> bool {
        !self.changed && self.status.is_some_and(ShipmentStatus::is_settled)
    }

    pub fn shipping_method(&self) -> String {
        let names: Vec<&str> = [&self.report.carrier, &self.report.service]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        if names.is_empty() {
            "VeraCore".into()
        } else {
            names.join(" ")
        }
    }
}

/// Converts VeraCore's shipment to the ledger's report.
pub fn parcel_report(shipment: Shipment) -> ParcelReport {
    let items = shipment.items.map(|items| {
        let mut items: Vec<ParcelItem> = items
            .into_iter()
            .map(|item| ParcelItem {
                sku: item.sku.to_string(),
                quantity: item.quantity.get(),
            })
            .collect();
        items.sort();
        items
    });
    ParcelReport {
        shipment_id: shipment.id,
        tracking_number: shipment.tracking_number,
        carrier: shipment.carrier,
        service: shipment.service,
        shipped_at: shipment.shipped_at,
        provider_status: one_line(&shipment.status, 100),
        items,
    }
}

/// Updates an order's recorded parcels with new reports. A parcel is recognized by its id, or by its
/// tracking number if either report has no id.
pub fn merge_reports(recorded: Vec<RecordedShipment>, reports: Vec<ParcelReport>) -> Vec<Parcel> {
    let mut parcels: Vec<Parcel> = recorded.into_iter().map(recorded_parcel).collect();
    if !reports.is_empty() {
        // If it still exists, one of the reports is about it.
        parcels.retain(|parcel| parcel.key != UNIDENTIFIED_KEY || parcel.fulfillment.is_some());
    }
    for report in reports {
        let same = parcels
            .iter_mut()
            .find(|parcel| is_same_parcel(&parcel.report, &report));
        match same {
            Some(parcel) => {
                let report = fill_from_earlier(report, &parcel.report);
                parcel.changed |= parcel.report != report;
                parcel.report = report;
            }
            None => parcels.push(Parcel {
                key: parcel_key(&report),
                report,
                status: None,
                intended: None,
                fulfillment: None,
                changed: true,
            }),
        }
    }
    parcels
}

fn recorded_parcel(recorded: RecordedShipment) -> Parcel {
    Parcel {
        key: recorded.package_key,
        report: recorded.report,
        status: Some(recorded.status),
        intended: recorded.intended,
        fulfillment: recorded.fulfillment,
        changed: false,
    }
}

fn parcel_key(report: &ParcelReport) -> String {
    match (&report.shipment_id, &report.tracking_number) {
        (Some(id), _) => format!("id:{id}"),
        (None, Some(number)) => format!("tracking:{number}"),
        (None, None) => UNIDENTIFIED_KEY.into(),
    }
}

fn is_same_parcel(old: &ParcelReport, new: &ParcelReport) -> bool {
    match (&old.shipment_id, &new.shipment_id) {
        (Some(old), Some(new)) => old == new,
        _ => match (&old.tracking_number, &new.tracking_number) {
            (Some(old), Some(new)) => old == new,
            (None, None) => old.shipment_id.is_none() && new.shipment_id.is_none(),
            _ => false,
        },
    }
}

/// Fills fields that the new report lacks from the earlier one.
fn fill_from_earlier(new: ParcelReport, old: &ParcelReport) -> ParcelReport {
    ParcelReport {
        shipment_id: new.shipment_id.or_else(|| old.shipment_id.clone()),
        tracking_number: new.tracking_number.or_else(|| old.tracking_number.clone()),
        carrier: new.carrier.or_else(|| old.carrier.clone()),
        service: new.service.or_else(|| old.service.clone()),
        shipped_at: new.shipped_at.or(old.shipped_at),
        items: new.items.or_else(|| old.items.clone()),
        provider_status: new.provider_status,
    }
}

#[cfg(test)]
mod tests;
