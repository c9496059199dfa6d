//! Masks a sent order for the ledger and the dashboard: enough to tell two orders apart, too little to
//! identify the customer. Pure.

use crate::{
    fulfillment::{NewOrder, PostalAddress},
    ledger::{SentItem, SentSummary},
};

const MASK: &str = "•••";

pub(super) fn masked_summary(order: &NewOrder) -> SentSummary {
    SentSummary {
        shipping_method: order.shipping_method.clone(),
        currency: order.currency.as_str().to_owned(),
        ship_to: mask_address(&order.ship_to),
        items: order
            .items
            .iter()
            .map(|item| SentItem {
                sku: item.sku.as_str().to_owned(),
                quantity: item.quantity.get(),
                unit_price: item.unit_price.to_string(),
            })
            .collect(),
    }
}

/// Initials, the first letters of city and postal code, and state and country in full.
fn mask_address(to: &PostalAddress) -> Vec<String> {
    let name: Vec<String> = [&to.first_name, &to.last_name]
        .into_iter()
        .flatten()
        .filter_map(|name| name.chars().next())
        .map(|first| format!("{first}."))
        .collect();
    let hidden = |part: &Option<String>| part.as_ref().map(|_| MASK.to_owned());
    let begins = |part: &Option<String>, most: usize| {
        let part = part.as_ref()?;
        // Never more than half of a short one.
        let shown = most.min(part.chars().count() / 2);
        let beginning: String = part.chars().take(shown).collect();
        Some(format!("{beginning}{MASK}"))
    };
    let town: Vec<String> = [begins(&to.city, 1), to.state.clone(), begins(&to.zip, 2)]
        .into_iter()
        .flatten()
        .collect();
    [
        (!name.is_empty()).then(|| name.join(" ")),
        hidden(&to.company).map(|company| format!("{company} (company)")),
        hidden(&to.address_1.clone().or_else(|| to.address_2.clone())),
        (!town.is_empty()).then(|| town.join(" ")),
        to.country.clone(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_finds_a_person_is_left() {
        let text = |text: &str| Some(text.to_owned());
        let to = PostalAddress {
            first_name: text("Ångela"),
            last_name: text("Merkle"),
            company: text("Rare Goods LLC"),
            address_1: text("12 Main Street"),
            address_2: text("Apt 7"),
            city: text("Reno"),
            state: text("NV"),
            zip: text("89501"),
            country: text("US"),
            phone: text("+1 775 555 0100"),
        };
        assert_eq!(
            mask_address(&to),
            ["Å. M.", "••• (company)", "•••", "R••• NV 89•••", "US"]
        );
        let short = PostalAddress {
            zip: text("AB"),
            city: text("Å"),
            ..PostalAddress::default()
        };
        assert_eq!(mask_address(&short), ["••• A•••"]);
        assert_eq!(
            mask_address(&PostalAddress::default()),
            Vec::<String>::new()
        );
    }
}
