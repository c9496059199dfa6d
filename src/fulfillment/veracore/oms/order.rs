//! `AddOrder`: the order as XML, and the receipt.
//!
//! The elements are in the WSDL's order. A value that does not fit its element is refused here, by
//! its field's name: VeraCore would cut an address short, or fail.

use super::{
    super::common::fields::ParseProblem,
    settings::OmsSettings,
    xml::{Element, XmlWriter, is_xml_char},
};
use crate::{
    domain::{OrderCode, ProviderOrderId, ShipVia, UnmappedFreight},
    fulfillment::{NewOrder, PostalAddress, ProviderError},
};

/// Lengths of ProMail's order schema (docs/veracore-oms.md), in UTF-16 units like its database's.
const MAX_OFFER_LENGTH: usize = 50;
const MAX_EMAIL_LENGTH: usize = 255;
const MAX_COMMENTS_LENGTH: usize = 8000;

/// The key of the order's one address, which its lines refer to.
const KEY: &str = "1";

const MAX_REPORTED_PROBLEMS: usize = 5;

/// Writes the arguments of `AddOrder`, or returns [`ProviderError::NotSendable`] with the fields
/// that do not fit.
pub(super) fn write_order(
    settings: &OmsSettings,
    order: &NewOrder,
) -> Result<String, ProviderError> {
    let mut draft = OrderDraft::default();
    let freight = freight_for(settings, order, &mut draft);
    draft.xml.open("order");
    write_header(settings, order, &mut draft);
    write_shipping(freight, &mut draft.xml);
    write_addresses(order, freight, &mut draft);
    write_offers(order, &mut draft);
    draft.xml.close("order");
    if draft.problems.is_empty() {
        return Ok(draft.xml.into_string());
    }
    draft.problems.truncate(MAX_REPORTED_PROBLEMS);
    Err(ProviderError::NotSendable {
        problem: draft.problems.join("; "),
    })
}

fn freight_for<'a>(
    settings: &'a OmsSettings,
    order: &NewOrder,
    draft: &mut OrderDraft,
) -> Option<&'a ShipVia> {
    let found = settings.freight.get(&order.shipping_method);
    if found.is_none() {
        match settings.unmapped_freight {
            UnmappedFreight::Send => tracing::warn!(
                order = %order.number,
                method = order.shipping_method,
                "VeraCore: sending an order without a shipping method: it is not in [freight]"
            ),
            UnmappedFreight::Refuse => draft.problems.push(format!(
                "the shipping method '{}' is not in the table [freight] of the settings file",
                order.shipping_method
            )),
        }
    }
    found
}

fn write_header(settings: &OmsSettings, order: &NewOrder, draft: &mut OrderDraft) {
    let (number, max) = (order.number.as_str(), settings.max_order_id_length);
    let entered = order.placed_at.with_timezone(&settings.timezone);
    let entered = entered.format("%Y-%m-%dT%H:%M:%S").to_string();
    draft.xml.open("Header");
    draft.exact_field("Header.ID", "ID", number, max);
    draft.xml.text_element("EntryDate", &entered);
    if let Some(comments) = &order.comments {
        draft.comments(comments);
    }
    draft.xml.close("Header");
}

/// The XML of an order under construction, and the problems found so far.
#[derive(Default)]
struct OrderDraft {
    xml: XmlWriter,
    problems: Vec<String>,
}

impl OrderDraft {
    /// Writes a value that must arrive unchanged.
    fn exact_field(&mut self, path: &str, element: &str, value: &str, max: usize) {
        if value.chars().any(|c| !is_xml_char(c)) {
            self.problems.push(format!(
                "{path} contains a character that XML does not allow"
            ));
            return;
        }
        self.check_length(path, value, max);
        self.xml.text_element(element, value);
    }

    /// Writes a value without its invisible characters, unless it is blank.
    fn optional_field(&mut self, path: &str, element: &str, value: Option<&String>, max: usize) {
        let Some(value) = value else { return };
        let value = visible(value, false);
        let value = value.trim();
        if !value.is_empty() {
            self.check_length(&format!("{path}.{element}"), value, max);
            self.xml.text_element(element, value);
        }
    }

    /// Writes comments, cut at the maximum length.
    fn comments(&mut self, comments: &str) {
        let comments = visible(comments, true);
        let mut units = 0;
        let kept: String = comments
            .trim()
            .chars()
            .take_while(|c| {
                units += c.len_utf16();
                units <= MAX_COMMENTS_LENGTH
            })
            .collect();
        if !kept.is_empty() {
            self.xml.text_element("Comments", &kept);
        }
    }

    fn check_length(&mut self, path: &str, value: &str, max: usize) {
        let units = value.encode_utf16().count();
        if units > max {
            self.problems.push(format!(
                "{path} is {units} characters long; VeraCore accepts {max}"
            ));
        }
    }
}

/// Removes characters that XML does not allow, and replaces control characters.
fn visible(text: &str, keep_lines: bool) -> String {
    let text = text.replace("\r\n", "\n");
    let shown = |c: char| match c {
        '\n' | '\r' if keep_lines => Some('\n'),
        _ if !is_xml_char(c) => None,
        _ if c.is_control() => Some(' '),
        _ => Some(c),
    };
    text.chars().filter_map(shown).collect()
}

fn write_shipping(freight: Option<&ShipVia>, xml: &mut XmlWriter) {
    match freight {
        // Written with the address.
        None | Some(ShipVia::SpecialHandling(_)) => return,
        Some(_) => xml.open("Shipping"),
    }
    match freight {
        Some(ShipVia::FreightCode { code, description }) => {
            xml.text_element("FreightCode", code);
            if let Some(description) = description {
                xml.text_element("FreightCodeDescription", description);
            }
        }
        Some(ShipVia::CarrierService { carrier, service }) => {
            xml.nested_text("FreightCarrier", "Name", carrier);
            xml.nested_text("FreightService", "Description", service);
        }
        Some(ShipVia::ShippingOption(option)) => {
            xml.nested_text("ShippingOption", "Description", option);
        }
        None | Some(ShipVia::SpecialHandling(_)) => {}
    }
    xml.close("Shipping");
}

/// `OrderedBy` has the billing address, if there is one.
fn write_addresses(order: &NewOrder, freight: Option<&ShipVia>, draft: &mut OrderDraft) {
    let (customer, ship_to) = (&order.customer, &order.ship_to);
    let payer = order.bill_to.as_ref().filter(|to| !is_blank_address(to));
    let mut buyer = payer.unwrap_or(ship_to).clone();
    if !all_blank(&[&customer.first_name, &customer.last_name]) {
        buyer.first_name.clone_from(&customer.first_name);
        buyer.last_name.clone_from(&customer.last_name);
    }
    draft.xml.open("OrderedBy");
    let phone = customer.phone.as_ref().or(buyer.phone.as_ref());
    write_contact("OrderedBy", &buyer, phone, draft);
    let email = customer.email.as_ref();
    draft.optional_field("OrderedBy", "Email", email, MAX_EMAIL_LENGTH);
    draft.xml.close("OrderedBy");

    draft.xml.open("ShipTo");
    draft.xml.open("OrderShipTo");
    write_contact("OrderShipTo", ship_to, ship_to.phone.as_ref(), draft);
    draft.xml.text_element("Flag", "Other");
    draft.xml.text_element("Key", KEY);
    if let Some(ShipVia::SpecialHandling(handling)) = freight {
        let xml = &mut draft.xml;
        xml.nested_text("SpecialHandling", "Description", handling);
    }
    draft.xml.close("OrderShipTo");
    draft.xml.close("ShipTo");

    draft.xml.open("BillTo");
    match payer {
        Some(payer) if !same_except_phone(payer, &buyer) => {
            write_contact("BillTo", payer, payer.phone.as_ref(), draft);
            draft.xml.text_element("Flag", "Other");
        }
        _ => draft.xml.text_element("Flag", "OrderedBy"),
    }
    draft.xml.close("BillTo");
}

fn is_blank_address(to: &PostalAddress) -> bool {
    all_blank(&[
        &to.address_1,
        &to.address_2,
        &to.city,
        &to.zip,
        &to.company,
        &to.last_name,
    ])
}

fn all_blank(values: &[&Option<String>]) -> bool {
    let mut values = values.iter().copied().flatten();
    values.all(|value| value.trim().is_empty())
}

fn same_except_phone(one: &PostalAddress, other: &PostalAddress) -> bool {
    let without = |to: &PostalAddress| PostalAddress {
        phone: None,
        ..to.clone()
    };
    without(one) == without(other)
}

/// Writes a name and an address, without the e-mail address.
fn write_contact(path: &str, to: &PostalAddress, phone: Option<&String>, draft: &mut OrderDraft) {
    let fields = [
        ("FirstName", to.first_name.as_ref(), 50),
        ("LastName", to.last_name.as_ref(), 50),
        // VeraCore ignores `Company`.
        ("CompanyName", to.company.as_ref(), 50),
        ("Address1", to.address_1.as_ref(), 255),
        ("Address2", to.address_2.as_ref(), 255),
        ("City", to.city.as_ref(), 50),
        ("State", to.state.as_ref(), 20),
        ("PostalCode", to.zip.as_ref(), 15),
        ("Country", to.country.as_ref(), 50),
        ("Phone", phone, 20),
    ];
    for (element, value, max_length) in fields {
        draft.optional_field(path, element, value, max_length);
    }
}

fn write_offers(order: &NewOrder, draft: &mut OrderDraft) {
    draft.xml.open("Offers");
    for (at, item) in order.items.iter().enumerate() {
        draft.xml.open("OfferOrdered");
        draft.xml.open("Offer");
        draft.xml.open("Header");
        let path = format!("Offers[{at}].Offer.Header.ID");
        draft.exact_field(&path, "ID", item.sku.as_str(), MAX_OFFER_LENGTH);
        let xml = &mut draft.xml;
        xml.close("Header");
        xml.close("Offer");
        xml.text_element("Quantity", &item.quantity.get().to_string());
        xml.nested_text("OrderShipTo", "Key", KEY);
        xml.text_element("UnitPrice", &item.unit_price.to_string());
        xml.close("OfferOrdered");
    }
    draft.xml.close("Offers");
}

/// Reads the id of an accepted order: its number, or VeraCore's sequence number.
pub(super) fn receipt(
    response: &Element,
    number: &OrderCode,
) -> Result<ProviderOrderId, ParseProblem> {
    let result = response
        .child("AddOrderResult")
        .ok_or("AddOrderResult is missing")?;
    let id = result.child_text("OrderID");
    if id.is_some_and(|id| id != number.as_str().trim()) {
        // Not an error: the order is accepted, and an error could send it again.
        tracing::error!(order = %number, "VeraCore accepted the order under a different number, so its shipments will not be found: look it up in VeraCore");
    }
    let id = id
        .or_else(|| result.child_text("OrderSeqID"))
        .ok_or("OrderID is missing")?;
    ProviderOrderId::parse(id).map_err(|error| format!("OrderID: {error}"))
}
