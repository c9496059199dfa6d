//! Packages: what VeraCore tells now, put together with what is known from before. Pure.

use crate::{
    domain::{FulfillmentId, text::one_line},
    fulfillment::{Shipment, is_cancelled_status, is_not_shipped_status},
    ledger::{FulfillmentIntentLine, ParcelItem, ParcelReport, RecordedShipment, ShipmentStatus},
};

/// The key of a package that has neither an id nor a tracking number: it is not on its way yet, and
/// will be told of again with a name.
pub const UNIDENTIFIED_KEY: &str = "unnamed";

/// One package of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// Unique in its order.
    pub key: String,
    pub report: ParcelReport,
    /// Where it stood when we last saw to it; `None` for a new one.
    pub status: Option<ShipmentStatus>,
    /// What was meant to be fulfilled, if that was begun.
    pub intended: Option<Vec<FulfillmentIntentLine>>,
    /// Which fulfillment of the shop's it is.
    pub fulfillment: Option<FulfillmentId>,
    /// Whether VeraCore says something else of it than before.
    pub changed: bool,
}

impl Parcel {
    pub fn is_void(&self) -> bool {
        is_cancelled_status(&self.report.provider_status)
    }

    pub fn has_shipped(&self) -> bool {
        !self.is_void() && self.waiting_reason().is_none()
    }

    /// Why it is not taken for shipped yet.
    pub fn waiting_reason(&self) -> Option<String> {
        if self.report.tracking_number.is_none() {
            return Some("it has no tracking number yet".into());
        }
        is_not_shipped_status(&self.report.provider_status)
            .then(|| format!("its status is {}", self.report.provider_status))
    }

    /// Whether nothing has to be done about it.
    pub fn is_idle(&self) -> bool {
        self.is_settled() || !self.changed && self.waiting_reason().is_some()
    }

    /// Whether it was seen to, and is as it was then.
    pub fn is_settled(&self) -> bool {
        !self.changed && self.status.is_some_and(ShipmentStatus::is_settled)
    }

    /// What the customer reads as the way of shipping.
    pub fn shipping_method(&self) -> String {
        let words: Vec<&str> = [&self.report.carrier, &self.report.service]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        if words.is_empty() {
            "VeraCore".into()
        } else {
            words.join(" ")
        }
    }
}

/// What VeraCore tells, in the ledger's words.
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

/// The packages of an order: what the ledger has, changed by what VeraCore tells now. A package is
/// recognized by its id; one without an id, now or before, by its tracking number.
pub fn merge_reports(recorded: Vec<RecordedShipment>, news: Vec<ParcelReport>) -> Vec<Parcel> {
    let mut packages: Vec<Parcel> = recorded.into_iter().map(recorded_parcel).collect();
    if !news.is_empty() {
        // If it is still there, it is told of again.
        packages.retain(|package| package.key != UNIDENTIFIED_KEY || package.fulfillment.is_some());
    }
    for told in news {
        let same = packages
            .iter_mut()
            .find(|package| is_same_parcel(&package.report, &told));
        match same {
            Some(package) => {
                let told = fill_from_earlier(told, &package.report);
                package.changed |= package.report != told;
                package.report = told;
            }
            None => packages.push(Parcel {
                key: parcel_key(&told),
                report: told,
                status: None,
                intended: None,
                fulfillment: None,
                changed: true,
            }),
        }
    }
    packages
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

fn parcel_key(told: &ParcelReport) -> String {
    match (&told.shipment_id, &told.tracking_number) {
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

/// What is told now, with what only an earlier, fuller answer told.
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
