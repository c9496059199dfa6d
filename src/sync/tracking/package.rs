//! Packages: what VeraCore tells now, put together with what is known from before. Pure.

use crate::{
    domain::{FulfillmentId, text::one_line},
    fulfillment::Shipment,
    ledger::{IntendedLine, RecordedShipment, ShipmentStatus, Told, ToldItem},
};

/// The key of a package that has neither an id nor a tracking number: it is not on its way yet, and
/// will be told of again with a name.
pub const UNNAMED: &str = "unnamed";

/// One package of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Unique in its order.
    pub key: String,
    pub told: Told,
    /// Where it stood when we last saw to it; `None` for a new one.
    pub status: Option<ShipmentStatus>,
    /// What was meant to be fulfilled, if that was begun.
    pub intended: Option<Vec<IntendedLine>>,
    /// Which fulfillment of the shop's it is.
    pub fulfillment: Option<FulfillmentId>,
    /// Whether VeraCore says something else of it than before.
    pub changed: bool,
}

/// Words that VeraCore may use for a package that has not left; its tracking number was made
/// beforehand, with the label.
const NOT_YET: [&str; 10] = [
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

/// Whether VeraCore's word says that it is still in the warehouse, tracking number or not.
#[must_use]
pub fn has_not_left(status: &str) -> bool {
    let status = status.to_ascii_lowercase();
    NOT_YET.iter().any(|word| status.starts_with(word))
}

impl Package {
    #[must_use]
    pub fn is_void(&self) -> bool {
        let status = self.told.provider_status.to_ascii_lowercase();
        status.starts_with("void") || status.starts_with("cancel")
    }

    /// Why it is not taken for shipped yet.
    #[must_use]
    pub fn waits(&self) -> Option<String> {
        if self.told.tracking_number.is_none() {
            return Some("it has no tracking number yet".into());
        }
        has_not_left(&self.told.provider_status)
            .then(|| format!("its status is {}", self.told.provider_status))
    }

    /// Whether nothing has to be done about it.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.is_settled() || !self.changed && self.waits().is_some()
    }

    /// Whether it was seen to, and is as it was then.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        !self.changed && self.status.is_some_and(ShipmentStatus::is_settled)
    }

    /// What the customer reads as the way of shipping.
    #[must_use]
    pub fn method(&self) -> String {
        let words: Vec<&str> = [&self.told.carrier, &self.told.service]
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
#[must_use]
pub fn told(shipment: Shipment) -> Told {
    let items = shipment.items.map(|items| {
        let mut items: Vec<ToldItem> = items
            .into_iter()
            .map(|item| ToldItem {
                sku: item.sku.to_string(),
                quantity: item.quantity.get(),
            })
            .collect();
        items.sort();
        items
    });
    Told {
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
#[must_use]
pub fn together(recorded: Vec<RecordedShipment>, news: Vec<Told>) -> Vec<Package> {
    let mut packages: Vec<Package> = recorded.into_iter().map(known).collect();
    if !news.is_empty() {
        // If it is still there, it is told of again.
        packages.retain(|package| package.key != UNNAMED || package.fulfillment.is_some());
    }
    for told in news {
        let same = packages
            .iter_mut()
            .find(|package| is_same(&package.told, &told));
        match same {
            Some(package) => {
                let told = completed(told, &package.told);
                package.changed |= package.told != told;
                package.told = told;
            }
            None => packages.push(Package {
                key: key(&told),
                told,
                status: None,
                intended: None,
                fulfillment: None,
                changed: true,
            }),
        }
    }
    packages
}

fn known(recorded: RecordedShipment) -> Package {
    Package {
        key: recorded.package_key,
        told: recorded.told,
        status: Some(recorded.status),
        intended: recorded.intended,
        fulfillment: recorded.fulfillment,
        changed: false,
    }
}

fn key(told: &Told) -> String {
    match (&told.shipment_id, &told.tracking_number) {
        (Some(id), _) => format!("id:{id}"),
        (None, Some(number)) => format!("tracking:{number}"),
        (None, None) => UNNAMED.into(),
    }
}

fn is_same(old: &Told, new: &Told) -> bool {
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
fn completed(new: Told, old: &Told) -> Told {
    Told {
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
#[path = "package_tests.rs"]
mod tests;
