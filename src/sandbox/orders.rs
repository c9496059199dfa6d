//! An order in the warehouse, its packages, and the status derived from them.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeStruct};
use serde_json::value::RawValue;

use super::details::Details;

pub(super) type Units = BTreeMap<String, u32>;

/// A pick slip. Several packages may come from one slip; a package that replaces a void one does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slip {
    pub number: u32,
    /// Planned units, shipped or not.
    pub goods: Units,
}

/// Units of one SKU in a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    #[serde(rename = "SKU", alias = "sku")]
    pub sku: String,
    #[serde(rename = "Quantity", alias = "quantity")]
    pub quantity: u32,
}

impl From<(String, u32)> for Item {
    fn from((sku, quantity): (String, u32)) -> Self {
        Self { sku, quantity }
    }
}

/// One line of an order as received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct OrderedItem {
    #[serde(rename = "SKU")]
    pub sku: String,
    pub quantity: u32,
    /// The exact digits received; absent in an order recorded through the control API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<String>,
}

/// A package to ship. The default has everything left of the order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewPackage {
    pub tracking_number: Option<String>,
    pub carrier: Option<String>,
    pub service: Option<String>,
    pub items: Option<Vec<Item>>,
    /// Any text, so that tests can send dates without a time zone and the like. Defaults to now.
    pub ship_date: Option<String>,
    /// Any text. Defaults to `Shipped`.
    pub status: Option<String>,
}

impl NewPackage {
    pub(super) fn pack(self, serial: u32, items: Vec<Item>, now: DateTime<Utc>) -> Package {
        Package {
            serial,
            slip: 0,
            shipment_id: format!("SH-{}", 200_000 + serial),
            tracking_number: self
                .tracking_number
                .unwrap_or_else(|| format!("1ZSANDBOX{serial:09}")),
            carrier: self.carrier.unwrap_or_else(|| "UPS".into()),
            service: self.service,
            ship_date: self
                .ship_date
                .unwrap_or_else(|| now.to_rfc3339_opts(SecondsFormat::Secs, true)),
            status: self.status.unwrap_or_else(|| "Shipped".into()),
            items,
            voided: false,
            changed_at: now,
        }
    }
}

/// A shipped package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Package {
    #[serde(skip)]
    pub(super) serial: u32,
    /// The number of the pick slip that it was packed from.
    #[serde(skip)]
    pub(super) slip: u32,
    pub shipment_id: String,
    pub tracking_number: String,
    pub carrier: String,
    pub service: Option<String>,
    pub ship_date: String,
    /// `Shipped`, `Voided`, or the text given to the control API.
    pub status: String,
    pub items: Vec<Item>,
    pub voided: bool,
    /// When it was shipped or voided; `from` compares with this and not with `ship_date`.
    pub changed_at: DateTime<Utc>,
}

impl Package {
    pub(super) fn void(&mut self, now: DateTime<Utc>) {
        self.voided = true;
        self.status = "Voided".into();
        self.changed_at = now;
    }
}

/// An order in the sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrivedOrder {
    pub number: String,
    /// `VC-100001` and so on.
    pub order_id: String,
    pub received_at: DateTime<Utc>,
    /// The exact body received, with passwords redacted; `None` if the control API recorded the
    /// order.
    pub body: Option<String>,
    pub items: Vec<OrderedItem>,
    /// Including void ones.
    pub packages: Vec<Package>,
    /// Whether stock was insufficient when the order arrived.
    pub backordered: bool,
    /// Whether it was recorded as another client's.
    pub foreign: bool,
    pub(super) picking: bool,
    pub(super) cancelled: bool,
    pub(super) details: Box<Details>,
    pub(super) slips: Vec<Slip>,
    /// The number of the slip being picked, until something is shipped on it.
    pub(super) picked_slip: Option<u32>,
}

impl ArrivedOrder {
    /// `Received`, `InWarehouse`, `PartiallyShipped`, `Shipped` or `Cancelled`.
    pub fn status(&self) -> &'static str {
        if self.cancelled {
            "Cancelled"
        } else if self.live_packages().next().is_some() {
            if self.left_to_ship().is_empty() {
                "Shipped"
            } else {
                "PartiallyShipped"
            }
        } else if self.picking {
            "InWarehouse"
        } else {
            "Received"
        }
    }

    /// The packages that are not void.
    pub fn live_packages(&self) -> impl DoubleEndedIterator<Item = &Package> {
        self.packages.iter().filter(|package| !package.voided)
    }

    /// Units per SKU that are in no live package.
    pub(super) fn left_to_ship(&self) -> BTreeMap<String, u32> {
        let mut left = BTreeMap::<String, u32>::new();
        for item in &self.items {
            let units = left.entry(item.sku.clone()).or_default();
            *units = units.saturating_add(item.quantity);
        }
        for item in self.live_packages().flat_map(|package| &package.items) {
            if let Some(units) = left.get_mut(&item.sku) {
                *units = units.saturating_sub(item.quantity);
            }
        }
        left.retain(|_, units| *units > 0);
        left
    }
}

/// An order's body in the control API: JSON with its exact digits, or text.
#[derive(Serialize)]
#[serde(untagged)]
enum DisplayedBody<'a> {
    Json(Box<RawValue>),
    Text(&'a str),
}

impl<'a> DisplayedBody<'a> {
    fn of(body: &'a str) -> Self {
        RawValue::from_string(body.to_owned()).map_or(Self::Text(body), Self::Json)
    }
}

impl Serialize for ArrivedOrder {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let body = self.body.as_deref().map(DisplayedBody::of);
        let mut fields = serializer.serialize_struct("ArrivedOrder", 9)?;
        fields.serialize_field("number", &self.number)?;
        fields.serialize_field("order_id", &self.order_id)?;
        fields.serialize_field("received_at", &self.received_at)?;
        fields.serialize_field("status", self.status())?;
        fields.serialize_field("backordered", &self.backordered)?;
        fields.serialize_field("foreign", &self.foreign)?;
        fields.serialize_field("items", &self.items)?;
        fields.serialize_field("packages", &self.packages)?;
        fields.serialize_field("body", &body)?;
        fields.end()
    }
}
