//! `AddOrder`: how an order is written, and what its answer says.
//!
//! Owns the order of the elements (the WSDL's) and what fits into them: an order that does not is
//! refused here, by the field's name, before VeraCore cuts an address or stumbles. Must not change
//! what is in the order.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::{
    super::common::fields::ParseProblem,
    UnmappedFreight,
    xml::{Element, XmlWriter, is_xml_char},
};
use crate::{
    domain::{OrderCode, ProviderOrderId, ShipVia},
    fulfillment::{NewOrder, PostalAddress, ProviderError},
};

/// Lengths of ProMail's own order schema (reference, A3), in UTF-16 units as its database counts.
mod max_length {
    pub const OFFER: usize = 50;
    pub const NAME: usize = 50;
    pub const COMPANY: usize = 50;
    pub const ADDRESS: usize = 255;
    pub const CITY: usize = 50;
    pub const STATE: usize = 20;
    pub const POSTAL_CODE: usize = 15;
    pub const COUNTRY: usize = 50;
    pub const PHONE: usize = 20;
    pub const EMAIL: usize = 255;
    pub const COMMENTS: usize = 8000;
}

/// The one address of an order; its lines name it.
const KEY: &str = "1";

/// Of more fields than these nobody is told at once.
const MAX_REPORTED_PROBLEMS: usize = 5;

/// How orders are written.
pub(super) struct OrderWriter {
    pub freight: BTreeMap<String, ShipVia>,
    pub unmapped_freight: UnmappedFreight,
    pub max_order_id_length: usize,
    pub timezone: Tz,
}

impl OrderWriter {
    /// The arguments of `AddOrder`.
    ///
    /// # Errors
    /// [`ProviderError::Unsendable`] with the fields that do not fit.
    pub(super) fn write_order(&self, order: &NewOrder) -> Result<String, ProviderError> {
        let mut draft = OrderDraft::default();
        let freight = self.freight_for(order, &mut draft);
        draft.xml.open("order");
        self.write_header(order, &mut draft);
        write_shipping(freight, &mut draft);
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

    fn freight_for(&self, order: &NewOrder, draft: &mut OrderDraft) -> Option<&ShipVia> {
        let found = self.freight.get(&order.shipping_method);
        if found.is_none() {
            match self.unmapped_freight {
                UnmappedFreight::Send => tracing::warn!(
                    order = %order.number,
                    method = order.shipping_method,
                    "VeraCore: the shipping method is not in [freight]; the order is sent without one"
                ),
                UnmappedFreight::Refuse => draft.problems.push(format!(
                    "the shipping method '{}' is not in the table [freight] of the settings file",
                    order.shipping_method
                )),
            }
        }
        found
    }

    fn write_header(&self, order: &NewOrder, draft: &mut OrderDraft) {
        let entered = order.placed_at.with_timezone(&self.timezone);
        draft.xml.open("Header");
        draft.exact_field(
            "Header.ID",
            "ID",
            order.number.as_str(),
            self.max_order_id_length,
        );
        draft.xml.text_element(
            "EntryDate",
            &entered.format("%Y-%m-%dT%H:%M:%S").to_string(),
        );
        if let Some(comments) = &order.comments {
            draft.comments(comments);
        }
        draft.xml.close("Header");
    }
}

/// An order as far as it is written, and what is wrong with it.
#[derive(Default)]
struct OrderDraft {
    xml: XmlWriter,
    problems: Vec<String>,
}

impl OrderDraft {
    /// A value that must arrive as it is, or not at all.
    fn exact_field(&mut self, place: &str, element: &str, name: &str, max: usize) {
        if name.chars().any(|c| !is_xml_char(c)) {
            self.problems
                .push(format!("{place} holds a character that XML cannot carry"));
            return;
        }
        self.check_length(place, name, max);
        self.xml.text_element(element, name);
    }

    /// A value in which what cannot be seen does not matter. Blank, it is left out.
    fn optional_field(&mut self, place: &str, element: &str, value: Option<&String>, max: usize) {
        let Some(value) = value else { return };
        let value = visible(value, false);
        let value = value.trim();
        if !value.is_empty() {
            self.check_length(&format!("{place}.{element}"), value, max);
            self.xml.text_element(element, value);
        }
    }

    /// Words for people, of which the end may be missing.
    fn comments(&mut self, comments: &str) {
        let comments = visible(comments, true);
        let mut units = 0;
        let kept: String = comments
            .trim()
            .chars()
            .take_while(|c| {
                units += c.len_utf16();
                units <= max_length::COMMENTS
            })
            .collect();
        if !kept.is_empty() {
            self.xml.text_element("Comments", &kept);
        }
    }

    fn check_length(&mut self, place: &str, value: &str, max: usize) {
        let units = value.encode_utf16().count();
        if units > max {
            self.problems.push(format!(
                "{place} is {units} characters long, of which VeraCore takes {max}"
            ));
        }
    }
}

/// The text without what XML cannot carry or nobody can see.
fn visible(text: &str, lines: bool) -> String {
    let text = text.replace("\r\n", "\n");
    let shown = |c: char| match c {
        '\n' | '\r' if lines => Some('\n'),
        _ if !is_xml_char(c) => None,
        _ if c.is_control() => Some(' '),
        _ => Some(c),
    };
    text.chars().filter_map(shown).collect()
}

fn write_shipping(freight: Option<&ShipVia>, draft: &mut OrderDraft) {
    let xml = &mut draft.xml;
    let within = |xml: &mut XmlWriter, outer: &str, inner: &str, text: &str| {
        xml.open(outer);
        xml.text_element(inner, text);
        xml.close(outer);
    };
    match freight {
        // It is said with the address.
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
            within(xml, "FreightCarrier", "Name", carrier);
            within(xml, "FreightService", "Description", service);
        }
        Some(ShipVia::ShippingOption(option)) => {
            within(xml, "ShippingOption", "Description", option)
        }
        None | Some(ShipVia::SpecialHandling(_)) => {}
    }
    xml.close("Shipping");
}

/// Who ordered is who pays, where somebody else does than who gets the goods.
fn write_addresses(order: &NewOrder, freight: Option<&ShipVia>, draft: &mut OrderDraft) {
    let pays = order.bill_to.as_ref().filter(|to| !is_blank_address(to));
    let buyer = PostalAddress {
        first_name: order.customer.first_name.clone(),
        last_name: order.customer.last_name.clone(),
        ..pays.unwrap_or(&order.ship_to).clone()
    };
    let buyer = if named(&buyer) {
        buyer
    } else {
        pays.unwrap_or(&order.ship_to).clone()
    };
    draft.xml.open("OrderedBy");
    let phone = order.customer.phone.as_ref().or(buyer.phone.as_ref());
    write_contact("OrderedBy", &buyer, phone, draft);
    draft.optional_field(
        "OrderedBy",
        "Email",
        order.customer.email.as_ref(),
        max_length::EMAIL,
    );
    draft.xml.close("OrderedBy");

    draft.xml.open("ShipTo");
    draft.xml.open("OrderShipTo");
    write_contact(
        "OrderShipTo",
        &order.ship_to,
        order.ship_to.phone.as_ref(),
        draft,
    );
    draft.xml.text_element("Flag", "Other");
    draft.xml.text_element("Key", KEY);
    if let Some(ShipVia::SpecialHandling(handling)) = freight {
        draft.xml.open("SpecialHandling");
        draft.xml.text_element("Description", handling);
        draft.xml.close("SpecialHandling");
    }
    draft.xml.close("OrderShipTo");
    draft.xml.close("ShipTo");

    draft.xml.open("BillTo");
    match pays {
        Some(pays) if !same_except_phone(pays, &buyer) => {
            write_contact("BillTo", pays, pays.phone.as_ref(), draft);
            draft.xml.text_element("Flag", "Other");
        }
        _ => draft.xml.text_element("Flag", "OrderedBy"),
    }
    draft.xml.close("BillTo");
}

fn is_blank_address(to: &PostalAddress) -> bool {
    [
        &to.address_1,
        &to.address_2,
        &to.city,
        &to.zip,
        &to.company,
        &to.last_name,
    ]
    .into_iter()
    .flatten()
    .all(|value| value.trim().is_empty())
}

fn named(to: &PostalAddress) -> bool {
    [&to.first_name, &to.last_name]
        .into_iter()
        .flatten()
        .any(|name| !name.trim().is_empty())
}

fn same_except_phone(one: &PostalAddress, other: &PostalAddress) -> bool {
    let without = |to: &PostalAddress| PostalAddress {
        phone: None,
        ..to.clone()
    };
    without(one) == without(other)
}

/// The fields of a name and an address, but for the e-mail address that would follow.
fn write_contact(place: &str, to: &PostalAddress, phone: Option<&String>, draft: &mut OrderDraft) {
    let fields = [
        ("FirstName", to.first_name.as_ref(), max_length::NAME),
        ("LastName", to.last_name.as_ref(), max_length::NAME),
        // Not `Company`, which VeraCore would read past.
        ("CompanyName", to.company.as_ref(), max_length::COMPANY),
        ("Address1", to.address_1.as_ref(), max_length::ADDRESS),
        ("Address2", to.address_2.as_ref(), max_length::ADDRESS),
        ("City", to.city.as_ref(), max_length::CITY),
        ("State", to.state.as_ref(), max_length::STATE),
        ("PostalCode", to.zip.as_ref(), max_length::POSTAL_CODE),
        ("Country", to.country.as_ref(), max_length::COUNTRY),
        ("Phone", phone, max_length::PHONE),
    ];
    for (element, value, max) in fields {
        draft.optional_field(place, element, value, max);
    }
}

fn write_offers(order: &NewOrder, draft: &mut OrderDraft) {
    draft.xml.open("Offers");
    for (at, item) in order.items.iter().enumerate() {
        draft.xml.open("OfferOrdered");
        draft.xml.open("Offer");
        draft.xml.open("Header");
        let place = format!("Offers[{at}].Offer.Header.ID");
        draft.exact_field(&place, "ID", item.sku.as_str(), max_length::OFFER);
        draft.xml.close("Header");
        draft.xml.close("Offer");
        draft
            .xml
            .text_element("Quantity", &item.quantity.get().to_string());
        draft.xml.open("OrderShipTo");
        draft.xml.text_element("Key", KEY);
        draft.xml.close("OrderShipTo");
        draft
            .xml
            .text_element("UnitPrice", &item.unit_price.to_string());
        draft.xml.close("OfferOrdered");
    }
    draft.xml.close("Offers");
}

/// The id that VeraCore gave to an order it took: ours, or its own sequence number.
pub(super) fn receipt(
    response: &Element,
    ours: &OrderCode,
) -> Result<ProviderOrderId, ParseProblem> {
    let result = response
        .child("AddOrderResult")
        .ok_or("AddOrderResult is missing")?;
    let id = result.child_text("OrderID");
    if id.is_some_and(|id| id != ours.as_str().trim()) {
        // Taken it is, under whatever name; to say otherwise would have it sent again.
        tracing::error!(order = %ours, "VeraCore took the order under another number than ours: its shipments will not be found. Look it up in VeraCore");
    }
    let id = id
        .or_else(|| result.child_text("OrderSeqID"))
        .ok_or("OrderID is missing")?;
    ProviderOrderId::parse(id).map_err(|error| format!("OrderID: {error}"))
}
