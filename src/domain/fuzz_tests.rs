//! Words and numbers from anybody.

use proptest::prelude::*;

use super::{
    CurrencyCode, FulfillmentId, LineId, LocationId, Money, OrderCode, OrderState, ProviderOrderId,
    Quantity, ShippingMethodCode, ShopOrderId, Sku, SyncStatus, Units, VariantId,
    text::{mask_card_numbers, non_blank, one_line},
};
use crate::fuzz_tests::{assert_one_line, mutated_text, oversized_documents};

macro_rules! names {
    ($text:ident: $($type:ty),*) => {
        $(match <$type>::parse($text) {
            Ok(name) => {
                assert_eq!(name.as_str(), $text, "taken as it is");
                assert!(name.as_str().chars().count() <= 255);
                assert!(!name.as_str().chars().any(char::is_control));
            }
            Err(problem) => assert_one_line(&problem.to_string()),
        })*
    };
}

fn read(text: &str) {
    names!(text: ShopOrderId, OrderCode, OrderState, LineId, Sku, VariantId, LocationId,
        FulfillmentId, ShippingMethodCode, ProviderOrderId);
    if let Some(currency) = CurrencyCode::parse(text) {
        assert_eq!(currency.as_str(), text);
    }
    if let Some(status) = SyncStatus::parse(text) {
        assert_eq!(status.as_str(), text);
    }
    if let Ok(number) = text.parse() {
        match Units::new(number) {
            Ok(units) => assert_eq!(number, units.get()),
            Err(problem) => assert_one_line(&problem.to_string()),
        }
    }
    for max in [0, 1, 80, 300] {
        let line = one_line(text, max);
        assert!(line.chars().count() <= max + 1);
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
    assert!(mask_card_numbers(text).len() <= text.len() + "[…]".len());
    let _ = non_blank(Some(text.to_owned()));
}

proptest! {
    #[test]
    fn texts_of_any_kind_are_kept_as_they_are_or_refused_in_one_line(text in mutated_text(&[
        "3HRYTW5VQBHBBMJB",
        "PaymentSettled",
        " a SKU with é and spaces ",
        "USD",
        "in_doubt",
        "45.0",
        "79228162514264337593543950335",
        "card 4111 1111 1111 1111, 4012-8888-8888-1881",
    ])) {
        read(&text);
    }

    #[test]
    fn money_and_counts_are_exact(minor: i64, precision in 0_u32..40, units: u32) {
        if let Some(money) = Money::from_minor(minor, precision) {
            prop_assert!(precision <= 12);
            let factor = rust_decimal::Decimal::from(10_i64.pow(precision));
            prop_assert_eq!(money.as_decimal() * factor, rust_decimal::Decimal::from(minor));
        }
        if let Ok(quantity) = Quantity::new(units) {
            prop_assert_eq!(quantity.get(), units);
            prop_assert!(units > 0);
        }
    }
}

#[test]
fn monsters_are_survived() {
    for monster in oversized_documents() {
        read(&monster);
    }
}
