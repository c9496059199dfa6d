//! `GetShippingCharge`: a row for each package shipped between two dates.

use super::{
    super::{
        config::SandboxConfig,
        details::Contact,
        orders::{ArrivedOrder, Package},
        shared::Shared,
    },
    dates,
    order_info::slip_id,
    tree::Node,
    xml::Xml,
};

/// Both dates are inclusive, to the second. An `EndDate` without a time is the first second of that
/// day.
pub(super) fn run(shared: &Shared, request: &Node) -> Result<String, String> {
    let config = &shared.config;
    let date = |name: &str| {
        request
            .text_at(&[name])
            .and_then(|text| dates::read(config.timezone, text))
            .ok_or_else(|| format!("{name} is missing"))
    };
    let (start, end) = (date("StartDate")?, date("EndDate")?);
    if end < start {
        return Err("EndDate is before StartDate".into());
    }
    let mut xml = Xml::default();
    shared.read(|state| {
        let mut packages = state.warehouse.packages_since(None);
        packages.retain(|(_, package)| {
            let hidden = package.voided && config.omit_void_charges;
            !hidden && (start..=end).contains(&dates::shipped(config.timezone, package))
        });
        packages
            .sort_by_key(|(_, package)| (dates::shipped(config.timezone, package), package.serial));
        xml.group("GetShippingChargeResult", |xml| {
            for (order, package) in packages {
                xml.group("ShippingCharges", |xml| row(xml, config, order, package));
            }
        });
    });
    Ok(xml.into_string())
}

fn row(xml: &mut Xml, config: &SandboxConfig, order: &ArrivedOrder, package: &Package) {
    let service = package.service.as_deref().unwrap_or_default();
    let shipped = dates::shipped(config.timezone, package);
    xml.value("PPSlip", slip_id(package.slip));
    xml.value("OrderId", &order.number);
    xml.value("DateShipped", dates::text(shipped));
    xml.value("FreightCarrier", &package.carrier);
    xml.value("FreightDescription", service);
    xml.value("TrackingID", &package.tracking_number);
    xml.value("PackageType", "Carton");
    xml.all(&["PackageWeight", "FreightCost"], 0);
    xml.value("PickupNumber", "");
    contact(xml, "OrderedBY", &order.details.ordered_by);
    contact(xml, "ShippedTo", &order.details.ship_to);
    xml.value("Ref", &order.details.reference);
    xml.value("Po", &order.details.po_number);
    xml.value("PackCost", 0);
    xml.value("ShipHyperlink", "");
    xml.value("ShippingOrderType", "Order");
    xml.value("CarrierCode", &order.details.freight_code);
    xml.value("FreightService", service);
    if package.voided {
        xml.value("DateVoided", dates::voided(config.timezone, package));
    }
}

fn contact(xml: &mut Xml, prefix: &str, contact: &Contact) {
    for (name, text) in [
        ("Name", &contact.name),
        ("Company", &contact.company),
        ("Address1", &contact.address[0]),
        ("City", &contact.city),
        ("State", &contact.state),
        ("PostalCode", &contact.postal_code),
        ("Country", &contact.country),
    ] {
        xml.value(&format!("{prefix}{name}"), text);
    }
}
