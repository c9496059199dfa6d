//! `AddOrder`, and the rules for an order beyond the WSDL's types.
//!
//! Refuses some orders that the real VeraCore may accept: a mistake should fail here rather than
//! there.

use super::{
    super::{
        details::{Contact, Details},
        orders::OrderedItem,
        shared::Shared,
        warehouse::IncomingOrder,
    },
    tree::Node,
    xml::Xml,
};

/// `body` is the envelope to store with the order.
pub(super) fn run(shared: &Shared, request: &Node, body: String) -> Result<String, String> {
    let order = request.child("order").ok_or("order is missing")?;
    let number = order
        .text_at(&["Header", "ID"])
        .ok_or("order/Header/ID is missing")?;
    let incoming = IncomingOrder {
        number: number.to_owned(),
        items: read_lines(order)?,
        body: Some(body),
        details: read_details(order)?,
    };
    let now = shared.clock.now();
    let created = shared.change(|state| {
        let order = state.warehouse.accept(incoming, now)?;
        state.journal.publish_order(order);
        Ok::<_, super::super::Refusal>((order.order_id.clone(), order.number.clone()))
    });
    let (id, number) = created.map_err(|duplicate| format!("{duplicate}."))?;
    let mut xml = Xml::default();
    xml.group("AddOrderResult", |xml| {
        xml.value(
            "OrderSeqID",
            id.trim_start_matches(|c: char| !c.is_ascii_digit()),
        );
        xml.value("OrderID", number);
    });
    Ok(xml.into_string())
}

/// The order's only address. VeraCore allows more than one, but veracore-sync sends one.
fn ship_to(order: &Node) -> Result<&Node, String> {
    let list = order.child("ShipTo").ok_or("order/ShipTo is missing")?;
    match list.children.as_slice() {
        [one] => Ok(one),
        more => Err(format!(
            "order/ShipTo holds {} OrderShipTo, not one",
            more.len()
        )),
    }
}

fn read_lines(order: &Node) -> Result<Vec<OrderedItem>, String> {
    let key = ship_to(order)?
        .text_at(&["Key"])
        .ok_or("order/ShipTo/OrderShipTo/Key is missing")?;
    let lines = order.child("Offers").map_or(&[][..], |list| &list.children);
    if lines.is_empty() {
        return Err("order/Offers is empty".into());
    }
    lines
        .iter()
        .enumerate()
        .map(|(index, line)| {
            read_line(line, key)
                .map_err(|message| format!("order/Offers/OfferOrdered[{index}]: {message}"))
        })
        .collect()
}

fn read_line(line: &Node, key: &str) -> Result<OrderedItem, String> {
    let need = |path: &[&str]| {
        line.text_at(path)
            .ok_or_else(|| format!("{} is missing", path.join("/")))
    };
    let sku = need(&["Offer", "Header", "ID"])?;
    let quantity = need(&["Quantity"])?;
    let quantity = match quantity.parse() {
        Ok(units) if units > 0 => units,
        _ => return Err(format!("Quantity {quantity} is not above zero")),
    };
    let price = need(&["UnitPrice"])?;
    let keys = [["OrderShipTo", "Key"], ["OrderShipToKey", "Key"]].map(|path| line.text_at(&path));
    let mut keys = keys.into_iter().flatten().peekable();
    if keys.peek().is_none() {
        return Err("OrderShipTo/Key is missing".into());
    }
    if let Some(other) = keys.find(|other| *other != key) {
        return Err(format!(
            "OrderShipTo/Key {other} is no OrderShipTo of the order"
        ));
    }
    Ok(OrderedItem {
        sku: sku.to_owned(),
        quantity,
        unit_price: Some(price.to_owned()),
    })
}

fn read_details(order: &Node) -> Result<Details, String> {
    let text = |path: &[&str]| order.text_at(path).unwrap_or_default().to_owned();
    let buyer = order
        .child("OrderedBy")
        .ok_or("order/OrderedBy is missing")?;
    let ordered_by = contact(buyer);
    if ordered_by.name.is_empty() && ordered_by.company.is_empty() {
        return Err("order/OrderedBy has neither a name nor a CompanyName".into());
    }
    let recipient = ship_to(order)?;
    // The address overrides the order.
    let shipping = |name: &str| {
        recipient
            .text_at(&[name])
            .or_else(|| order.text_at(&["Shipping", name]))
            .unwrap_or_default()
            .to_owned()
    };
    let option = recipient
        .text_at(&["SpecialHandling", "Description"])
        .or_else(|| order.text_at(&["Shipping", "ShippingOption", "Description"]));
    Ok(Details {
        entry_date: text(&["Header", "EntryDate"]),
        view: text(&["Header", "OrderEntryView", "Description"]),
        reference: text(&["Header", "ReferenceNumber"]),
        po_number: text(&["Header", "PONumber"]),
        campaign: text(&["Classification", "CampaignID"]),
        comments: text(&["Header", "Comments"]),
        carrier: text(&["Shipping", "FreightCarrier", "Name"]),
        service: text(&["Shipping", "FreightService", "Description"]),
        freight_code: shipping("FreightCode"),
        shipping_option: option.unwrap_or_default().to_owned(),
        ship_comments: text(&["Shipping", "ShipComments"]),
        needed_by: shipping("NeededBy"),
        rush: matches!(order.text_at(&["Shipping", "Rush"]), Some("true" | "1")),
        ship_to: shipping_address(recipient, buyer)?,
        bill_to: billing_address(order, buyer, recipient),
        ordered_by,
    })
}

/// The shipping address; it must be complete and its country a two-letter code.
fn shipping_address(recipient: &Node, buyer: &Node) -> Result<Contact, String> {
    let (node, path) = if recipient.text_at(&["Flag"]) == Some("OrderedBy") {
        (buyer, "order/OrderedBy")
    } else {
        (recipient, "order/ShipTo/OrderShipTo")
    };
    for name in ["Address1", "City", "Country"] {
        if node.text_at(&[name]).is_none() {
            return Err(format!("{path}/{name} is missing"));
        }
    }
    let address = contact(node);
    if address.country.len() != 2 || !address.country.bytes().all(|c| c.is_ascii_uppercase()) {
        return Err(format!(
            "{path}/Country {} is not a two-letter code",
            address.country
        ));
    }
    Ok(address)
}

fn billing_address(order: &Node, buyer: &Node, recipient: &Node) -> Contact {
    let Some(bill_to) = order.child("BillTo") else {
        return Contact::default();
    };
    match bill_to.text_at(&["Flag"]) {
        Some("OrderedBy") => contact(buyer),
        Some("ShipTo") => contact(recipient),
        Some("DoNotUse") => Contact::default(),
        _ => contact(bill_to),
    }
}

fn contact(node: &Node) -> Contact {
    let text = |name: &str| node.text_at(&[name]).unwrap_or_default().to_owned();
    let names = ["FirstName", "MiddleInitial", "LastName"];
    let names: Vec<_> = names
        .iter()
        .filter_map(|name| node.text_at(&[name]))
        .collect();
    Contact {
        uid: text("UID"),
        name: names.join(" "),
        company: text("CompanyName"),
        address: ["Address1", "Address2", "Address3"].map(text),
        city: text("City"),
        state: text("State"),
        postal_code: text("PostalCode"),
        country: text("Country"),
        phone: text("Phone"),
        fax: text("Fax"),
        email: text("Email"),
    }
}
