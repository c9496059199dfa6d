//! `AddOrder`: how an order is written, and what its answer says.
//!
//! Owns the order of the elements (the WSDL's) and what fits into them: an order that does not is
//! refused here, by the field's name, before VeraCore cuts an address or stumbles. Must not change
//! what is in the order.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::{
    super::rest::values::Problem,
    Unmapped,
    xml::{Element, Xml, is_allowed},
};
use crate::{
    domain::{Freight, OrderCode, ProviderOrderId},
    fulfillment::{Destination, NewOrder, ProviderError},
};

/// Lengths of ProMail's own order schema (reference, A3), in UTF-16 units as its database counts.
mod longest {
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
const MOST_PROBLEMS: usize = 5;

/// How orders are written.
pub(super) struct Form {
    pub freight: BTreeMap<String, Freight>,
    pub unmapped: Unmapped,
    pub max_order_id: usize,
    pub timezone: Tz,
}

impl Form {
    /// The arguments of `AddOrder`.
    ///
    /// # Errors
    /// [`ProviderError::Unsendable`] with the fields that do not fit.
    pub(super) fn write(&self, order: &NewOrder) -> Result<String, ProviderError> {
        let mut draft = Draft::default();
        let freight = self.freight(order, &mut draft);
        draft.xml.open("order");
        self.header(order, &mut draft);
        shipping(freight, &mut draft);
        addresses(order, freight, &mut draft);
        offers(order, &mut draft);
        draft.xml.close("order");
        if draft.problems.is_empty() {
            return Ok(draft.xml.into_string());
        }
        draft.problems.truncate(MOST_PROBLEMS);
        Err(ProviderError::Unsendable {
            problem: draft.problems.join("; "),
        })
    }

    fn freight(&self, order: &NewOrder, draft: &mut Draft) -> Option<&Freight> {
        let found = self.freight.get(&order.shipping_method);
        if found.is_none() {
            match self.unmapped {
                Unmapped::Send => tracing::warn!(
                    order = %order.number,
                    method = order.shipping_method,
                    "VeraCore: the shipping method is not in [freight]; the order is sent without one"
                ),
                Unmapped::Refuse => draft.problems.push(format!(
                    "the shipping method '{}' is not in the table [freight] of the settings file",
                    order.shipping_method
                )),
            }
        }
        found
    }

    fn header(&self, order: &NewOrder, draft: &mut Draft) {
        let entered = order.placed_at.with_timezone(&self.timezone);
        draft.xml.open("Header");
        draft.name("Header.ID", "ID", order.number.as_str(), self.max_order_id);
        draft.xml.text(
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
struct Draft {
    xml: Xml,
    problems: Vec<String>,
}

impl Draft {
    /// A value that must arrive as it is, or not at all.
    fn name(&mut self, place: &str, element: &str, name: &str, max: usize) {
        if name.chars().any(|c| !is_allowed(c)) {
            self.problems
                .push(format!("{place} holds a character that XML cannot carry"));
            return;
        }
        self.measure(place, name, max);
        self.xml.text(element, name);
    }

    /// A value in which what cannot be seen does not matter. Blank, it is left out.
    fn field(&mut self, place: &str, element: &str, value: Option<&String>, max: usize) {
        let Some(value) = value else { return };
        let value = visible(value, false);
        let value = value.trim();
        if !value.is_empty() {
            self.measure(&format!("{place}.{element}"), value, max);
            self.xml.text(element, value);
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
                units <= longest::COMMENTS
            })
            .collect();
        if !kept.is_empty() {
            self.xml.text("Comments", &kept);
        }
    }

    fn measure(&mut self, place: &str, value: &str, max: usize) {
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
        _ if !is_allowed(c) => None,
        _ if c.is_control() => Some(' '),
        _ => Some(c),
    };
    text.chars().filter_map(shown).collect()
}

fn shipping(freight: Option<&Freight>, draft: &mut Draft) {
    let xml = &mut draft.xml;
    let within = |xml: &mut Xml, outer: &str, inner: &str, text: &str| {
        xml.open(outer);
        xml.text(inner, text);
        xml.close(outer);
    };
    match freight {
        // It is said with the address.
        None | Some(Freight::Handling(_)) => return,
        Some(_) => xml.open("Shipping"),
    }
    match freight {
        Some(Freight::Code { code, description }) => {
            xml.text("FreightCode", code);
            if let Some(description) = description {
                xml.text("FreightCodeDescription", description);
            }
        }
        Some(Freight::Service { carrier, service }) => {
            within(xml, "FreightCarrier", "Name", carrier);
            within(xml, "FreightService", "Description", service);
        }
        Some(Freight::Option(option)) => within(xml, "ShippingOption", "Description", option),
        None | Some(Freight::Handling(_)) => {}
    }
    xml.close("Shipping");
}

/// Who ordered is who pays, where somebody else does than who gets the goods.
fn addresses(order: &NewOrder, freight: Option<&Freight>, draft: &mut Draft) {
    let pays = order.bill_to.as_ref().filter(|to| !is_blank(to));
    let buyer = Destination {
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
    mailer("OrderedBy", &buyer, phone, draft);
    draft.field(
        "OrderedBy",
        "Email",
        order.customer.email.as_ref(),
        longest::EMAIL,
    );
    draft.xml.close("OrderedBy");

    draft.xml.open("ShipTo");
    draft.xml.open("OrderShipTo");
    mailer(
        "OrderShipTo",
        &order.ship_to,
        order.ship_to.phone.as_ref(),
        draft,
    );
    draft.xml.text("Flag", "Other");
    draft.xml.text("Key", KEY);
    if let Some(Freight::Handling(handling)) = freight {
        draft.xml.open("SpecialHandling");
        draft.xml.text("Description", handling);
        draft.xml.close("SpecialHandling");
    }
    draft.xml.close("OrderShipTo");
    draft.xml.close("ShipTo");

    draft.xml.open("BillTo");
    match pays {
        Some(pays) if !same_but_phone(pays, &buyer) => {
            mailer("BillTo", pays, pays.phone.as_ref(), draft);
            draft.xml.text("Flag", "Other");
        }
        _ => draft.xml.text("Flag", "OrderedBy"),
    }
    draft.xml.close("BillTo");
}

fn is_blank(to: &Destination) -> bool {
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

fn named(to: &Destination) -> bool {
    [&to.first_name, &to.last_name]
        .into_iter()
        .flatten()
        .any(|name| !name.trim().is_empty())
}

fn same_but_phone(one: &Destination, other: &Destination) -> bool {
    let without = |to: &Destination| Destination {
        phone: None,
        ..to.clone()
    };
    without(one) == without(other)
}

/// The fields of a name and an address, but for the e-mail address that would follow.
fn mailer(place: &str, to: &Destination, phone: Option<&String>, draft: &mut Draft) {
    let fields = [
        ("FirstName", to.first_name.as_ref(), longest::NAME),
        ("LastName", to.last_name.as_ref(), longest::NAME),
        // Not `Company`, which VeraCore would read past.
        ("CompanyName", to.company.as_ref(), longest::COMPANY),
        ("Address1", to.address_1.as_ref(), longest::ADDRESS),
        ("Address2", to.address_2.as_ref(), longest::ADDRESS),
        ("City", to.city.as_ref(), longest::CITY),
        ("State", to.state.as_ref(), longest::STATE),
        ("PostalCode", to.zip.as_ref(), longest::POSTAL_CODE),
        ("Country", to.country.as_ref(), longest::COUNTRY),
        ("Phone", phone, longest::PHONE),
    ];
    for (element, value, max) in fields {
        draft.field(place, element, value, max);
    }
}

fn offers(order: &NewOrder, draft: &mut Draft) {
    draft.xml.open("Offers");
    for (at, item) in order.items.iter().enumerate() {
        draft.xml.open("OfferOrdered");
        draft.xml.open("Offer");
        draft.xml.open("Header");
        let place = format!("Offers[{at}].Offer.Header.ID");
        draft.name(&place, "ID", item.sku.as_str(), longest::OFFER);
        draft.xml.close("Header");
        draft.xml.close("Offer");
        draft.xml.text("Quantity", &item.quantity.get().to_string());
        draft.xml.open("OrderShipTo");
        draft.xml.text("Key", KEY);
        draft.xml.close("OrderShipTo");
        draft.xml.text("UnitPrice", &item.unit_price.to_string());
        draft.xml.close("OfferOrdered");
    }
    draft.xml.close("Offers");
}

/// The id that VeraCore gave to an order it took: ours, or its own sequence number.
pub(super) fn receipt(response: &Element, ours: &OrderCode) -> Result<ProviderOrderId, Problem> {
    let result = response
        .child("AddOrderResult")
        .ok_or("AddOrderResult is missing")?;
    let id = result.text("OrderID");
    if id.is_some_and(|id| id != ours.as_str().trim()) {
        // Taken it is, under whatever name; to say otherwise would have it sent again.
        tracing::error!(order = %ours, "VeraCore took the order under another number than ours: its shipments will not be found. Look it up in VeraCore");
    }
    let id = id
        .or_else(|| result.text("OrderSeqID"))
        .ok_or("OrderID is missing")?;
    ProviderOrderId::parse(id).map_err(|error| format!("OrderID: {error}"))
}
