//! `GetOrderInfo`: an order's status flags, lines, products, pick slips and packages.

use chrono_tz::Tz;

use super::{
    super::{
        UnknownOrder,
        config::SandboxConfig,
        details::Contact,
        orders::{ArrivedOrder, Package},
        orders::{Slip, Units},
        shared::Shared,
        slips::units_of,
    },
    dates,
    tree::Node,
    xml::Xml,
};

/// Replaces the card number of a real response. It must never appear anywhere in the daemon.
pub const FAKE_CARD: &str = "0000-FAKE-CARD-0000";
/// Replaces the card's expiration date.
pub const FAKE_EXPIRATION: &str = "FAKE-0101";

const AMOUNTS: [&str; 6] = [
    "MerchAmt",
    "ShipHandAmt",
    "TaxAmt",
    "DiscountAmt",
    "SpecialHandling",
    "AdditionalCharge",
];

pub(super) fn run(shared: &Shared, request: &Node) -> Result<String, String> {
    let number = request.text_at(&["orderId"]).ok_or("orderId is missing")?;
    let config = &shared.config;
    let found = shared.read(|state| {
        let order = state.warehouse.order(number)?;
        let mut xml = Xml::default();
        xml.group("GetOrderInfoResult", |xml| write_order(xml, order, config));
        Some(xml.into_string())
    });
    match (found, config.unknown_order) {
        (Some(xml), _) => Ok(xml),
        (None, UnknownOrder::Fault) => Err(format!("Order {number} was not found")),
        (None, UnknownOrder::Empty) => {
            Ok("<GetOrderInfoResult><OrdHead /></GetOrderInfoResult>".to_owned())
        }
        (None, UnknownOrder::Blank) => {
            let mut xml = Xml::default();
            xml.group("GetOrderInfoResult", |xml| {
                xml.group("OrdHead", |xml| {
                    xml.all(&["EntryDate", "UploadDate"], dates::UNSET);
                    status_flags(xml, &[]);
                    charges(xml);
                });
            });
            Ok(xml.into_string())
        }
    }
}

fn write_order(xml: &mut Xml, order: &ArrivedOrder, config: &SandboxConfig) {
    xml.group("OrdHead", |xml| head(xml, order, config.timezone));
    xml.group("ShipToInfo", |xml| contact(xml, &order.details.ship_to));
    xml.group("OrderedBy", |xml| contact(xml, &order.details.ordered_by));
    xml.group("BillToInfo", |xml| contact(xml, &order.details.bill_to));
    xml.group("OfferInfo", |xml| {
        for item in &order.items {
            xml.group("OfferType", |xml| {
                xml.value("OfferId", &item.sku);
                xml.value("OfferDesc", format!("Offer {}", item.sku));
                xml.value("OrderQty", item.quantity);
                xml.value("UnitPrice", item.unit_price.as_deref().unwrap_or("0"));
            });
        }
    });
    xml.group("BillOfMaterials", |xml| products(xml, order));
    xml.group("ShippingOrders", |xml| {
        for slip in &order.slips {
            pick_slip(xml, order, slip, config);
        }
        if let Some(slip) = order.open_slip() {
            pick_slip(xml, order, &slip, config);
        }
    });
}

/// In the WSDL's sequence; like .NET, omits empty strings.
fn head(xml: &mut Xml, order: &ArrivedOrder, zone: Tz) {
    let details = &order.details;
    let non_empty = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let received = dates::local(zone, order.received_at);
    let entered = dates::read(zone, &details.entry_date).unwrap_or(received);
    xml.value("OrderId", &order.number);
    xml.value("EntryDate", dates::text(entered));
    xml.value("UploadDate", dates::text(received));
    xml.some("View", non_empty(&details.view));
    xml.some("ReferenceNo", non_empty(&details.reference));
    xml.some("CampaignId", non_empty(&details.campaign));
    xml.some("PoNum", non_empty(&details.po_number));
    xml.some("OrderComment", non_empty(&details.comments));
    xml.some("Carrier", non_empty(&details.carrier));
    xml.some("Service", non_empty(&details.service));
    xml.some("ShipComment", non_empty(&details.ship_comments));
    xml.some("NeedBy", non_empty(&details.needed_by));
    xml.value("RushFlag", if details.rush { "Y" } else { "N" });
    status_flags(xml, &flags(order));
    xml.value("CCNumber", FAKE_CARD);
    xml.value("ExpirationDate", FAKE_EXPIRATION);
    charges(xml);
    xml.some("ShippingOption", non_empty(&details.shipping_option));
    xml.value("ShippingOptionCharge", 0);
}

fn charges(xml: &mut Xml) {
    let names = [
        "ShipHandCharge",
        "AdditionalCharge",
        "DiscountPct",
        "TaxPct",
        "SpecialHandCharge",
    ];
    xml.all(&names, 0);
}

/// Writes all twelve flags; those in `set` are true.
fn status_flags(xml: &mut Xml, set: &[&str]) {
    const FLAGS: [&str; 12] = [
        "Unapproved",
        "Unprocessed",
        "Accepted",
        "Hold",
        "DeniedCredit",
        "Processed",
        "Pending",
        "Picked",
        "Backordered",
        "Shipped",
        "Canceled",
        "Complete",
    ];
    xml.group("Status", |xml| {
        for flag in FLAGS {
            xml.value(flag, set.contains(&flag));
        }
    });
}

/// The combinations seen on real orders, by initial letter (X is `Canceled`): P, S C, X C and S X C.
/// A partly shipped order that waits for the rest is P and S.
fn flags(order: &ArrivedOrder) -> Vec<&'static str> {
    let shipped = order.live_packages().next().is_some();
    let mut set = match order.status() {
        "Cancelled" if shipped => vec!["Processed", "Shipped", "Canceled", "Complete"],
        "Cancelled" => vec!["Canceled", "Complete"],
        "Shipped" => vec!["Processed", "Shipped", "Complete"],
        "PartiallyShipped" => vec!["Processed", "Pending", "Shipped"],
        "InWarehouse" => vec!["Processed", "Pending", "Picked"],
        _ => vec!["Unprocessed", "Accepted"],
    };
    if order.backordered && !set.contains(&"Complete") {
        set.push("Backordered");
    }
    set
}

fn contact(xml: &mut Xml, contact: &Contact) {
    let [first, second, third] = &contact.address;
    for (name, text) in [
        ("UniqueId", &contact.uid),
        ("Contact", &contact.name),
        ("Company", &contact.company),
        ("Address1", first),
        ("Address2", second),
        ("Address3", third),
        ("City", &contact.city),
        ("State", &contact.state),
        ("PostalCode", &contact.postal_code),
        ("Country", &contact.country),
        ("Phone", &contact.phone),
        ("Fax", &contact.fax),
        ("Email", &contact.email),
    ] {
        xml.value(name, text);
    }
}

/// One element per product, even if several lines order it.
fn products(xml: &mut Xml, order: &ArrivedOrder) {
    let mut ordered = Units::new();
    for item in &order.items {
        let sum = ordered.entry(item.sku.clone()).or_default();
        *sum = sum.saturating_add(item.quantity);
    }
    let left = order.left_to_ship();
    let shipped = units_of(order.live_packages().flat_map(|package| &package.items));
    for (sku, units) in &ordered {
        let left = left.get(sku).copied().unwrap_or(0);
        let (pending, cancelled) = if order.cancelled {
            (0, left)
        } else {
            (left, 0)
        };
        let (reserved, marked, backordered) = if order.picking {
            (0, pending, 0)
        } else if order.backordered {
            (0, 0, pending)
        } else {
            (pending, 0, 0)
        };
        xml.group("BOMProductType", |xml| {
            xml.value("ProductId", sku);
            xml.value("ProductDesc", format!("Product {sku}"));
            xml.value("OrderQty", units);
            xml.value("ReservedQty", reserved);
            xml.value("MarkedQty", marked);
            xml.value("PulledQty", shipped.get(sku).copied().unwrap_or(0));
            xml.value("CanceledQty", cancelled);
            xml.value("BackorderQty", backordered);
        });
    }
}

/// The id of a pick slip on the wire.
pub(super) const fn slip_id(number: u32) -> u32 {
    300_000 + number
}

fn pick_slip(xml: &mut Xml, order: &ArrivedOrder, slip: &Slip, config: &SandboxConfig) {
    let zone = config.timezone;
    let packages: Vec<&Package> = order.packages_of(slip.number).collect();
    let live = packages.iter().any(|package| !package.voided);
    let picked = packages.first().map_or_else(
        || dates::local(zone, order.received_at),
        |package| dates::shipped(zone, package),
    );
    xml.group("PickPackType", |xml| {
        xml.value("PickSlipID", slip_id(slip.number));
        xml.value("PickPackId", slip_id(slip.number));
        xml.value("Status", if live { "Shipped" } else { "Picked" });
        xml.value("DatePicked", dates::text(picked));
        xml.all(&AMOUNTS[..4], 0);
        xml.value("HoldFlag", "N");
        xml.all(&AMOUNTS[4..], 0);
        xml.group("PickPackProducts", |xml| {
            for (sku, units) in slip.goods.iter().filter(|_| !config.sparse) {
                xml.group("PickPackProductType", |xml| {
                    xml.value("ProductId", sku);
                    xml.value("ProductDesc", format!("Product {sku}"));
                    xml.value("Revision", "");
                    xml.value("ToShipQty", units);
                });
            }
        });
        xml.group("Packages", |xml| {
            for package in packages {
                write_package(xml, package, zone);
            }
        });
    });
}

fn write_package(xml: &mut Xml, package: &Package, zone: Tz) {
    let shipped = dates::text(dates::shipped(zone, package));
    let service = package.service.as_deref().unwrap_or_default();
    xml.group("PackagesType", |xml| {
        xml.value("PackageType", "Carton");
        xml.all(&["DatePacked", "DateShipped"], shipped);
        xml.value("DateVoided", dates::voided(zone, package));
        xml.value("Carrier", &package.carrier);
        xml.all(&["Service", "ActualService"], service);
        xml.all(&["Weight", "ActualFreight", "ActualAdditionalChg"], 0);
        xml.value("TrackingId", &package.tracking_number);
        xml.value("PickUpId", "");
        xml.value("InsuredValue", 0);
    });
}
