//! Maps a Vendure order to a VeraCore order, or decides why it is not sent. Pure.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{mask, part_digests::part_digests};
use crate::{
    domain::{
        Address, Contact, Order, OrderLine, OrderState, PriceBasis, Quantity, ShippingMethodCode,
        Sku, SkuRules, text::hex,
    },
    fulfillment::{NewOrder, NewOrderItem, PostalAddress},
    ledger::{SendIntent, SendIntentLine, SkipReason},
};

/// Which orders and lines VeraCore gets, and under which names.
#[derive(Debug, Clone)]
pub struct MappingRules {
    pub unit_price: PriceBasis,
    /// `None`: orders with any shipping method.
    pub shipping_methods: Option<Vec<ShippingMethodCode>>,
    pub skus: SkuRules,
    /// Vendure's shipping method code to VeraCore's. Others are sent unchanged.
    pub shipping_method_map: BTreeMap<ShippingMethodCode, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MappingDecision {
    Send {
        order: Box<NewOrder>,
        intent: SendIntent,
    },
    Skip {
        reason: SkipReason,
        message: String,
    },
    Cancelled,
    /// Not sendable; each problem names its field.
    Invalid {
        problems: Vec<String>,
    },
}

/// Countries whose addresses need a state and a postal code.
const STATE_AND_ZIP_COUNTRIES: [&str; 3] = ["US", "CA", "AU"];

pub fn map_order(
    order: &Order,
    trigger_states: &[OrderState],
    rules: &MappingRules,
) -> MappingDecision {
    if order.state.is_cancelled() {
        return MappingDecision::Cancelled;
    }
    if !trigger_states.contains(&order.state) {
        let message = format!(
            "the order is now in state {}, which is no trigger state",
            order.state
        );
        return MappingDecision::Skip {
            reason: SkipReason::LeftTriggerState,
            message,
        };
    }
    let method = match (&rules.shipping_methods, order.shipping_methods.as_slice()) {
        (None, methods) => methods.first(),
        (Some(ours), methods) => match methods.iter().find(|method| ours.contains(method)) {
            Some(method) => Some(method),
            None => return skip_shipping_method(methods),
        },
    };
    let live: Vec<&OrderLine> = order
        .lines
        .iter()
        .filter(|line| line.quantity > 0)
        .collect();
    let lines: Vec<&OrderLine> = live
        .iter()
        .copied()
        .filter(|line| !rules.skus.skips(&line.sku))
        .collect();
    if lines.is_empty() && !live.is_empty() {
        let message = "all its lines match ORDER_SKIP_SKUS".into();
        return MappingDecision::Skip {
            reason: SkipReason::SkipSkus,
            message,
        };
    }
    match build_order(order, method, &lines, rules) {
        Ok((new_order, lines)) => {
            let intent = SendIntent {
                digest: order_digest(&new_order),
                lines,
                part_digests: part_digests(order),
                summary: mask::masked_summary(&new_order),
            };
            MappingDecision::Send {
                order: Box::new(new_order),
                intent,
            }
        }
        Err(problems) => MappingDecision::Invalid { problems },
    }
}

fn skip_shipping_method(methods: &[ShippingMethodCode]) -> MappingDecision {
    let names: Vec<&str> = methods.iter().map(ShippingMethodCode::as_str).collect();
    let message = if names.is_empty() {
        "the order has no shipping method, and ORDER_SHIPPING_METHODS is set".into()
    } else {
        format!(
            "its shipping method {} is not in ORDER_SHIPPING_METHODS",
            names.join(", ")
        )
    };
    MappingDecision::Skip {
        reason: SkipReason::ShippingMethod,
        message,
    }
}

fn build_order(
    order: &Order,
    method: Option<&ShippingMethodCode>,
    lines: &[&OrderLine],
    rules: &MappingRules,
) -> Result<(NewOrder, Vec<SendIntentLine>), Vec<String>> {
    let mut problems = Vec::new();
    if method.is_none() {
        problems.push("shippingLines: the order has no shipping method".into());
    }
    if lines.is_empty() {
        problems.push("lines: the order has no lines that are not cancelled".into());
    }
    let customer = order.customer.clone().unwrap_or_default();
    let ship_to = order
        .shipping_address
        .as_ref()
        .map(|a| map_address(a, Some(&customer)));
    match &ship_to {
        None => problems.push("shippingAddress: the order has none".into()),
        Some(address) => check_address(address, &mut problems),
    }
    let mut items = Vec::new();
    let mut intent = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if lines[..at].iter().any(|earlier| earlier.id == line.id) {
            problems.push(format!(
                "lines[{at}].id: the line {} is there twice",
                line.id
            ));
        }
        match map_item(at, line, rules) {
            Ok((sku, quantity)) => {
                let unit_price = match rules.unit_price {
                    PriceBasis::Gross => line.unit_price_gross,
                    PriceBasis::Net => line.unit_price_net,
                };
                intent.push(SendIntentLine {
                    line_id: line.id.to_string(),
                    vendure_sku: line.sku.clone(),
                    veracore_sku: sku.clone(),
                    quantity,
                });
                items.push(NewOrderItem {
                    sku,
                    quantity,
                    unit_price,
                });
            }
            Err(problem) => problems.push(problem),
        }
    }
    let (Some(ship_to), Some(method), true) = (ship_to, method, problems.is_empty()) else {
        return Err(problems);
    };
    let shipping_method = rules
        .shipping_method_map
        .get(method)
        .cloned()
        .unwrap_or_else(|| method.to_string());
    let new_order = NewOrder {
        number: order.code.clone(),
        // Null on some paid orders (Vendure issue 4686): use the creation instead.
        placed_at: order.placed_at.unwrap_or(order.created_at),
        currency: order.currency.clone(),
        shipping_method,
        comments: None,
        customer,
        ship_to,
        bill_to: order
            .billing_address
            .as_ref()
            .map(|address| map_address(address, None)),
        items,
    };
    Ok((new_order, intent))
}

fn map_item(at: usize, line: &OrderLine, rules: &MappingRules) -> Result<(Sku, Quantity), String> {
    let sku = Sku::parse(line.sku.clone())
        .map_err(|problem| format!("lines[{at}].productVariant.sku: {problem}"))?;
    let sku = rules.skus.warehouse_sku(sku);
    let quantity = Quantity::new(line.quantity)
        .map_err(|problem| format!("lines[{at}].quantity: {problem}"))?;
    Ok((sku, quantity))
}

fn check_address(address: &PostalAddress, problems: &mut Vec<String>) {
    let mut need = |value: &Option<String>, field: &str| {
        if value.is_none() {
            problems.push(format!("shippingAddress.{field} is missing"));
        }
    };
    if address.last_name.is_none() && address.first_name.is_none() && address.company.is_none() {
        need(&None, "fullName");
    }
    need(&address.address_1, "streetLine1");
    need(&address.city, "city");
    need(&address.country, "countryCode");
    if address
        .country
        .as_deref()
        .is_some_and(|c| STATE_AND_ZIP_COUNTRIES.contains(&c))
    {
        need(&address.state, "province");
        need(&address.zip, "postalCode");
    }
    if let Some(country) = &address.country
        && (country.len() != 2 || !country.bytes().all(|b| b.is_ascii_uppercase()))
    {
        problems.push("shippingAddress.countryCode is not a two-letter code".into());
    }
}

/// `fallback` provides the name if the address has none.
fn map_address(address: &Address, fallback: Option<&Contact>) -> PostalAddress {
    let (first_name, last_name) = match (&address.full_name, &address.company, fallback) {
        (Some(name), ..) => split_name(name),
        (None, None, Some(contact)) => (contact.first_name.clone(), contact.last_name.clone()),
        _ => (None, None),
    };
    PostalAddress {
        first_name,
        last_name,
        company: address.company.clone(),
        address_1: address.street_line_1.clone(),
        address_2: address.street_line_2.clone(),
        city: address.city.clone(),
        state: address.province.clone(),
        zip: address.postal_code.clone(),
        country: address
            .country_code
            .as_ref()
            .map(|code| code.to_ascii_uppercase()),
        phone: address.phone.clone(),
    }
}

/// Vendure has one name field, VeraCore two: the last word becomes the last name. Joined on a label,
/// they read the same.
fn split_name(full: &str) -> (Option<String>, Option<String>) {
    let words: Vec<&str> = full.split_whitespace().collect();
    match words.as_slice() {
        [] => (None, None),
        [only] => (Some((*only).to_owned()), None),
        [first @ .., last] => (Some(first.join(" ")), Some((*last).to_owned())),
    }
}

/// The SHA-256 of everything that is sent, in hex.
fn order_digest(order: &NewOrder) -> String {
    let bytes = serde_json::to_vec(order).unwrap_or_default();
    hex(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests;
