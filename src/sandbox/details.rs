//! The parts of an order besides its lines: addresses, shipping method, comments.
//!
//! Stored to be returned by a later call; nothing here affects the warehouse.

/// Each field as received; empty if absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Details {
    pub entry_date: String,
    pub view: String,
    pub reference: String,
    pub po_number: String,
    pub campaign: String,
    pub comments: String,
    pub carrier: String,
    pub service: String,
    pub freight_code: String,
    pub shipping_option: String,
    pub ship_comments: String,
    pub needed_by: String,
    pub rush: bool,
    pub ordered_by: Contact,
    pub ship_to: Contact,
    pub bill_to: Contact,
}

/// A person or a place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Contact {
    pub uid: String,
    pub name: String,
    pub company: String,
    pub address: [String; 3],
    pub city: String,
    pub state: String,
    pub postal_code: String,
    pub country: String,
    pub phone: String,
    pub fax: String,
    pub email: String,
}
