//! No response makes the parsers panic, and no number is read inexactly.

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::*;

const ZONE: Tz = chrono_tz::America::Sao_Paulo;

/// Parses a text as every type of response.
fn read_all(text: &str) {
    let parsed = ErrorBody::parse(text.as_bytes());
    let _ = (
        parsed.masked_message(&["secret"]),
        parsed.is_not_found(),
        parsed.is_duplicate_order(),
    );
    let Ok(raw) = serde_json::from_str::<Box<RawValue>>(text) else {
        return;
    };
    let _ = rows::list(&raw, |index, row| {
        let _ = rows::stock_item(index, row);
        let _ = rows::shipment(index, row, ZONE);
    });
    let _ = rows::stock_item(0, &raw);
    let _ = rows::shipment(0, &raw, ZONE);
    let _ = lookup::receipt(&raw);
    let _ = lookup::found_order(&raw, ZONE);
}

/// A value of any type, odd numbers, dates and nested rows among them.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,20})?",
        any::<String>().prop_map(|text| json!(text).to_string()),
        "[0-9]{4}-[01][0-9]-[0-3][0-9](T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](Z|[+-][01][0-9]:?00)?)?"
            .prop_map(|text| json!(text).to_string()),
        Just(r#""\ud800""#.to_owned()),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        let field = prop_oneof![
            Just("SKU"),
            Just("AvailableQuantity"),
            Just("OrderNumber"),
            Just("OrderId"),
            Just("Status"),
            Just("ShipDate"),
            Just("TrackingNumber"),
            Just("Items"),
            Just("Quantity"),
            Just("NextPage"),
            Just("error"),
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6)
                .prop_map(|values| format!("[{}]", values.join(","))),
            proptest::collection::vec((field, inner), 0..8).prop_map(|fields| {
                let fields: Vec<_> = fields
                    .into_iter()
                    .map(|(name, value)| format!("\"{name}\":{value}"))
                    .collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = ErrorBody::parse(&bytes).masked_message(&[]);
        read_all(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn arbitrary_json_never_panics(text in value()) {
        read_all(&text);
    }

    #[test]
    fn counts_are_exact(count in 0_u32..=100_000_000, zeros in 0_usize..12, shift in 0_u32..12) {
        let zeros = "0".repeat(zeros);
        let plain = format!("{count}.0{zeros}");
        let shifted = format!("{count}{}e-{shift}", "0".repeat(shift as usize));
        let item = |number: String| {
            let row = format!(r#"{{"SKU":"A","AvailableQuantity":{number}}}"#);
            let raw = RawValue::from_string(row).unwrap();
            rows::stock_item(0, &raw).map(|item| item.available.get())
        };
        prop_assert_eq!(item(plain), Ok(count));
        prop_assert_eq!(item(shifted), Ok(count));
    }

    #[test]
    fn order_numbers_stay_one_path_segment(number in "[./%?#\\\\a-z é]{1,12}") {
        let base = BaseUrl::new("https://v.example/vc/".parse().unwrap()).unwrap();
        if let Ok(number) = OrderCode::parse(number)
            && let Ok(url) = base.order_status(&number)
        {
            let segments: Vec<_> = url.path_segments().unwrap().collect();
            prop_assert_eq!(segments.len(), 5, "{}", url);
            prop_assert_eq!(&segments[..3], ["vc", "api", "orders"]);
            prop_assert_eq!(url.query(), None);
        }
    }
}
