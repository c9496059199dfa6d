//! `GetOrderInfo`: where an order stands, in the twelve flags, lines, goods, slips and packages of
//! VeraCore's order inquiry.
//!
//! Owns the shape of that answer. Must not change anything.

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
    tree::Node,
    when,
    xml::Xml,
};

/// What stands where a real answer has a card's number. A test that finds it anywhere in the
/// daemon has found a leak.
pub const FAKE_CARD: &str = "0000-FAKE-CARD-0000";
/// The same for the card's end date.
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
    let number = request.words(&["orderId"]).ok_or("orderId is missing")?;
    let config = &shared.config;
    let found = shared.read(|state| {
        let order = state.warehouse.order(number)?;
        let mut xml = Xml::default();
        xml.group("GetOrderInfoResult", |xml| tell(xml, order, config));
        Some(xml.into_string())
    });
    match (found, config.unknown_order) {
        (Some(told), _) => Ok(told),
        (None, UnknownOrder::Fault) => Err(format!("Order {number} was not found")),
        (None, UnknownOrder::Empty) => {
            Ok("<GetOrderInfoResult><OrdHead /></GetOrderInfoResult>".to_owned())
        }
        (None, UnknownOrder::Blank) => {
            let mut xml = Xml::default();
            xml.group("GetOrderInfoResult", |xml| {
                xml.group("OrdHead", |xml| {
                    xml.all(&["EntryDate", "UploadDate"], when::UNSET);
                    status(xml, &[]);
                    charges(xml);
                });
            });
            Ok(xml.into_string())
        }
    }
}

fn tell(xml: &mut Xml, order: &ArrivedOrder, config: &SandboxConfig) {
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
    xml.group("BillOfMaterials", |xml| goods(xml, order));
    xml.group("ShippingOrders", |xml| {
        for slip in &order.slips {
            pick_slip(xml, order, slip, config);
        }
        if let Some(slip) = order.open_slip() {
            pick_slip(xml, order, &slip, config);
        }
    });
}

/// In the WSDL's sequence; strings that are nothing are left out, as .NET does.
fn head(xml: &mut Xml, order: &ArrivedOrder, zone: Tz) {
    let details = &order.details;
    let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let received = when::local(zone, order.received_at);
    let entered = when::read(zone, &details.entry_date).unwrap_or(received);
    xml.value("OrderId", &order.number);
    xml.value("EntryDate", when::text(entered));
    xml.value("UploadDate", when::text(received));
    xml.some("View", known(&details.view));
    xml.some("ReferenceNo", known(&details.reference));
    xml.some("CampaignId", known(&details.campaign));
    xml.some("PoNum", known(&details.po_number));
    xml.some("OrderComment", known(&details.comments));
    xml.some("Carrier", known(&details.carrier));
    xml.some("Service", known(&details.service));
    xml.some("ShipComment", known(&details.ship_comments));
    xml.some("NeedBy", known(&details.needed_by));
    xml.value("RushFlag", if details.rush { "Y" } else { "N" });
    status(xml, &flags(order));
    xml.value("CCNumber", FAKE_CARD);
    xml.value("ExpirationDate", FAKE_EXPIRATION);
    charges(xml);
    xml.some("ShippingOption", known(&details.shipping_option));
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

/// All twelve, of which these are true.
fn status(xml: &mut Xml, set: &[&str]) {
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

/// The combinations that real orders were seen in: P, S C, X C and S X C; an order of which a part
/// was shipped and the rest is awaited is P and S.
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

/// Products are told once each, however many lines ask for them. An offer is its own product here.
fn goods(xml: &mut Xml, order: &ArrivedOrder) {
    let mut ordered = Units::new();
    for item in &order.items {
        let sum = ordered.entry(item.sku.clone()).or_default();
        *sum = sum.saturating_add(item.quantity);
    }
    let left = order.left_to_ship();
    let pulled = units_of(order.live_packages().flat_map(|package| &package.items));
    for (sku, units) in &ordered {
        let left = left.get(sku).copied().unwrap_or(0);
        let (waiting, cancelled) = if order.cancelled {
            (0, left)
        } else {
            (left, 0)
        };
        let (reserved, marked, backordered) = if order.picking {
            (0, waiting, 0)
        } else if order.backordered {
            (0, 0, waiting)
        } else {
            (waiting, 0, 0)
        };
        xml.group("BOMProductType", |xml| {
            xml.value("ProductId", sku);
            xml.value("ProductDesc", format!("Product {sku}"));
            xml.value("OrderQty", units);
            xml.value("ReservedQty", reserved);
            xml.value("MarkedQty", marked);
            xml.value("PulledQty", pulled.get(sku).copied().unwrap_or(0));
            xml.value("CanceledQty", cancelled);
            xml.value("BackorderQty", backordered);
        });
    }
}

/// What a slip is called everywhere.
pub(super) const fn slip_id(number: u32) -> u32 {
    300_000 + number
}

fn pick_slip(xml: &mut Xml, order: &ArrivedOrder, slip: &Slip, config: &SandboxConfig) {
    let zone = config.timezone;
    let packages: Vec<&Package> = order.packages_of(slip.number).collect();
    let live = packages.iter().any(|package| !package.voided);
    let picked = packages.first().map_or_else(
        || when::local(zone, order.received_at),
        |package| when::shipped(zone, package),
    );
    xml.group("PickPackType", |xml| {
        xml.value("PickSlipID", slip_id(slip.number));
        xml.value("PickPackId", slip_id(slip.number));
        xml.value("Status", if live { "Shipped" } else { "Picked" });
        xml.value("DatePicked", when::text(picked));
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
                one_package(xml, package, zone);
            }
        });
    });
}

fn one_package(xml: &mut Xml, package: &Package, zone: Tz) {
    let shipped = when::text(when::shipped(zone, package));
    let service = package.service.as_deref().unwrap_or_default();
    xml.group("PackagesType", |xml| {
        xml.value("PackageType", "Carton");
        xml.all(&["DatePacked", "DateShipped"], shipped);
        xml.value("DateVoided", when::voided(zone, package));
        xml.value("Carrier", &package.carrier);
        xml.all(&["Service", "ActualService"], service);
        xml.all(&["Weight", "ActualFreight", "ActualAdditionalChg"], 0);
        xml.value("TrackingId", &package.tracking_number);
        xml.value("PickUpId", "");
        xml.value("InsuredValue", 0);
    });
}
