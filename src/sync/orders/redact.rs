//! Removes customer data from VeraCore's messages, which may quote the address. Pure.

use crate::fulfillment::{NewOrder, PostalAddress};

/// Replaces the order's personal data. Whole words only: a customer called "An" must not remove every
/// "an".
pub(super) fn redact(message: &str, order: &NewOrder) -> String {
    let mut personal: Vec<&str> = [
        &order.customer.first_name,
        &order.customer.last_name,
        &order.customer.email,
        &order.customer.phone,
    ]
    .into_iter()
    .flatten()
    .map(String::as_str)
    .chain(address_fields(&order.ship_to))
    .chain(order.bill_to.iter().flat_map(address_fields))
    .filter(|text| text.chars().count() > 1)
    .collect();
    // The longest first: "12 Main Street" before "12".
    personal.sort_unstable_by_key(|text| std::cmp::Reverse(text.len()));
    personal.dedup();
    personal.iter().fold(message.to_owned(), |message, text| {
        replace_words(&message, text)
    })
}

fn address_fields(address: &PostalAddress) -> impl Iterator<Item = &str> {
    // Not state and country: they explain an error and identify nobody.
    [
        &address.first_name,
        &address.last_name,
        &address.company,
        &address.address_1,
        &address.address_2,
        &address.city,
        &address.zip,
        &address.phone,
    ]
    .into_iter()
    .flatten()
    .map(String::as_str)
}

fn replace_words(message: &str, text: &str) -> String {
    let needle = text.to_lowercase();
    let mut out = String::with_capacity(message.len());
    let mut rest = message;
    let mut before: Option<char> = None;
    while let Some(c) = rest.chars().next() {
        if !before.is_some_and(char::is_alphanumeric)
            && let Some(len) = prefix_len_ignoring_case(rest, &needle)
            && !rest[len..]
                .chars()
                .next()
                .is_some_and(char::is_alphanumeric)
        {
            out.push_str("[…]");
            before = rest[..len].chars().next_back();
            rest = &rest[len..];
            continue;
        }
        out.push(c);
        before = Some(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// The length in bytes of the prefix of `text` that equals `needle` (lower case), ignoring case.
fn prefix_len_ignoring_case(text: &str, needle: &str) -> Option<usize> {
    let mut wanted = needle.chars();
    let mut next = wanted.next();
    for (at, c) in text.char_indices() {
        for lower in c.to_lowercase() {
            match next {
                None => return Some(at),
                Some(w) if w == lower => next = wanted.next(),
                Some(_) => return None,
            }
        }
        if next.is_none() {
            return Some(at + c.len_utf8());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::Contact, fulfillment::NewOrder};

    fn order() -> NewOrder {
        NewOrder {
            number: crate::domain::OrderCode::parse("A").unwrap(),
            placed_at: chrono::DateTime::UNIX_EPOCH,
            currency: crate::domain::CurrencyCode::parse("USD").unwrap(),
            shipping_method: "ground".into(),
            comments: None,
            customer: Contact {
                first_name: Some("An".into()),
                email: Some("an@example.com".into()),
                ..Contact::default()
            },
            ship_to: PostalAddress {
                address_1: Some("12 Große Straße".into()),
                zip: Some("89501".into()),
                ..PostalAddress::default()
            },
            bill_to: None,
            items: Vec::new(),
        }
    }

    #[test]
    fn personal_words_are_replaced_and_others_are_not() {
        assert_eq!(
            redact(
                "Zip 89501 and an invalid street 12 GROSSE strasse / 12 große STRASSE",
                &order()
            ),
            "Zip […] and […] invalid street 12 GROSSE strasse / 12 große STRASSE"
        );
        assert_eq!(
            redact(
                "ship to 12 Große Straße, mail AN@example.com, not 895012",
                &order()
            ),
            "ship to […], mail […], not 895012"
        );
    }
}
