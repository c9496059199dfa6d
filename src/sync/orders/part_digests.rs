//! Digests of an order's parts, by which a later edit shows. Pure.
//!
//! The ledger keeps these instead of addresses and names.

use sha2::{Digest, Sha256};

use crate::{
    domain::{Address, Order, ShippingMethodCode, text::hex},
    ledger::PartDigests,
};

/// The digests of the order's parts. The customer has none: they may change their name and e-mail
/// address in the account.
pub(in crate::sync) fn part_digests(order: &Order) -> PartDigests {
    let address = |address: Option<&Address>| address.map_or_else(String::new, address_text);
    let methods = order.shipping_methods.iter();
    let mut methods: Vec<&str> = methods.map(ShippingMethodCode::as_str).collect();
    // Their order means nothing.
    methods.sort_unstable();
    [
        ("shippingAddress", address(order.shipping_address.as_ref())),
        ("billingAddress", address(order.billing_address.as_ref())),
        ("shippingMethod", methods.join("\u{1f}")),
    ]
    .map(|(part, text)| (part.to_owned(), part_digest(part, &text)))
    .into()
}

/// Includes the part's name: two parts with the same text have different digests.
fn part_digest(part: &str, text: &str) -> String {
    let digest = Sha256::new()
        .chain_update(part)
        .chain_update([0x1e])
        .chain_update(text)
        .finalize();
    hex(&digest[..16])
}

fn address_text(address: &Address) -> String {
    [
        &address.full_name,
        &address.company,
        &address.street_line_1,
        &address.street_line_2,
        &address.city,
        &address.province,
        &address.postal_code,
        &address.country_code,
        &address.phone,
    ]
    .map(|field| field.as_deref().unwrap_or(""))
    .join("\u{1f}")
}
