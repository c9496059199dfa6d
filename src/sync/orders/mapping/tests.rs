use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use globset::{Glob, GlobSet, GlobSetBuilder};
use proptest::prelude::*;

use super::*;
use crate::domain::{CurrencyCode, LineId, Money, OrderCode, ShopOrderId};

fn line(id: &str, sku: &str, quantity: u32) -> OrderLine {
    OrderLine {
        id: LineId::parse(id).unwrap(),
        sku: sku.into(),
        quantity,
        unit_price_gross: Money::from_minor(1099, 2).unwrap(),
        unit_price_net: Money::from_minor(999, 2).unwrap(),
    }
}

fn order() -> Order {
    let at: DateTime<Utc> = "2026-11-21T10:00:00Z".parse().unwrap();
    Order {
        id: ShopOrderId::parse("1").unwrap(),
        code: OrderCode::parse("ABC").unwrap(),
        state: OrderState::parse("PaymentSettled").unwrap(),
        created_at: at,
        placed_at: None,
        currency: CurrencyCode::parse("USD").unwrap(),
        customer: Some(Contact {
            first_name: Some("Ann".into()),
            last_name: Some("Lee".into()),
            email: Some("ann@example.com".into()),
            phone: None,
        }),
        shipping_address: Some(Address {
            full_name: Some("Maria de la Cruz".into()),
            street_line_1: Some("12 Desert Way".into()),
            city: Some("Reno".into()),
            province: Some("NV".into()),
            postal_code: Some("89501".into()),
            country_code: Some("us".into()),
            ..Address::default()
        }),
        billing_address: None,
        shipping_methods: vec![ShippingMethodCode::parse("ground").unwrap()],
        lines: vec![line("10", "SKU-1", 2)],
    }
}

fn rules() -> MappingRules {
    MappingRules {
        unit_price: PriceBasis::Gross,
        shipping_methods: None,
        skus: SkuRules::default(),
        shipping_method_map: BTreeMap::new(),
    }
}

fn globs(patterns: &[&str]) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(Glob::new(pattern).unwrap());
    }
    set.build().unwrap()
}

fn decided(order: &Order, rules: &MappingRules) -> MappingDecision {
    map_order(
        order,
        &[OrderState::parse("PaymentSettled").unwrap()],
        rules,
    )
}

fn sent(order: &Order, rules: &MappingRules) -> (NewOrder, SendIntent) {
    match decided(order, rules) {
        MappingDecision::Send { order, intent } => (*order, intent),
        other => panic!("{other:?}"),
    }
}

fn problems(order: &Order) -> Vec<String> {
    match decided(order, &rules()) {
        MappingDecision::Invalid { problems } => problems,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_order_is_told_in_the_warehouses_words() {
    let (new, intent) = sent(&order(), &rules());
    assert_eq!(new.number.as_str(), "ABC");
    assert_eq!(
        new.placed_at,
        order().created_at,
        "orderPlacedAt is null on some paid orders"
    );
    assert_eq!(new.ship_to.first_name.as_deref(), Some("Maria de la"));
    assert_eq!(new.ship_to.last_name.as_deref(), Some("Cruz"));
    assert_eq!(new.ship_to.country.as_deref(), Some("US"));
    assert_eq!(new.shipping_method, "ground");
    assert_eq!(new.items[0].unit_price.to_string(), "10.99");
    assert_eq!(new.bill_to, None);
    assert_eq!(intent.lines.len(), 1);
    assert_eq!(intent.digest.len(), 64);
}

#[test]
fn net_prices_and_maps_are_used_where_set() {
    let rules = MappingRules {
        unit_price: PriceBasis::Net,
        shipping_method_map: BTreeMap::from([(
            ShippingMethodCode::parse("ground").unwrap(),
            "U11".to_owned(),
        )]),
        skus: SkuRules {
            map: BTreeMap::from([(Sku::parse("SKU-1").unwrap(), Sku::parse("OFFER-1").unwrap())]),
            ..SkuRules::default()
        },
        ..rules()
    };
    let (new, intent) = sent(&order(), &rules);
    assert_eq!(new.items[0].unit_price.to_string(), "9.99");
    assert_eq!(new.items[0].sku.as_str(), "OFFER-1");
    assert_eq!(new.shipping_method, "U11");
    assert_eq!(intent.lines[0].vendure_sku, "SKU-1");
    assert_eq!(intent.lines[0].veracore_sku.as_str(), "OFFER-1");
}

#[test]
fn cancelled_and_foreign_lines_are_left_out() {
    let mut order = order();
    order.lines = vec![
        line("1", "SKU-1", 0),
        line("2", "GIFT-7", 1),
        line("3", "SKU-3", 3),
    ];
    let rules = MappingRules {
        skus: SkuRules {
            skip: globs(&["GIFT-*"]),
            ..SkuRules::default()
        },
        ..rules()
    };
    let (new, intent) = sent(&order, &rules);
    assert_eq!(new.items.len(), 1);
    assert_eq!(new.items[0].quantity.get(), 3);
    assert_eq!(intent.lines[0].line_id, "3");
    order.lines.pop();
    assert!(matches!(
        decided(&order, &rules),
        MappingDecision::Skip {
            reason: SkipReason::SkipSkus,
            ..
        }
    ));
}

#[test]
fn only_the_orders_of_our_shipping_methods_are_ours() {
    let ours = |code: &str| MappingRules {
        shipping_methods: Some(vec![ShippingMethodCode::parse(code).unwrap()]),
        ..rules()
    };
    assert!(matches!(
        decided(&order(), &ours("ground")),
        MappingDecision::Send { .. }
    ));
    let MappingDecision::Skip {
        reason: SkipReason::ShippingMethod,
        message,
    } = decided(&order(), &ours("air"))
    else {
        panic!("an order of another shipping method was taken");
    };
    assert!(message.contains("ground"), "{message}");
}

#[test]
fn an_order_that_is_not_ready_any_more_is_not_sent() {
    let mut order = order();
    order.state = OrderState::parse("Cancelled").unwrap();
    assert_eq!(decided(&order, &rules()), MappingDecision::Cancelled);
    order.state = OrderState::parse("Modifying").unwrap();
    assert!(matches!(
        decided(&order, &rules()),
        MappingDecision::Skip {
            reason: SkipReason::LeftTriggerState,
            ..
        }
    ));
}

#[test]
fn everything_that_is_missing_is_named_at_once() {
    let mut order = order();
    order.lines = vec![line("1", " ", 1)];
    order.shipping_methods.clear();
    let address = order.shipping_address.as_mut().unwrap();
    address.city = None;
    address.postal_code = None;
    insta::assert_snapshot!(problems(&order).join("\n"), @r"
    shippingLines: the order has no shipping method
    shippingAddress.city is missing
    shippingAddress.postalCode is missing
    lines[0].productVariant.sku: the SKU is empty
    ");
    order.shipping_address = None;
    assert!(problems(&order).contains(&"shippingAddress: the order has none".into()));
    order.lines.clear();
    assert!(problems(&order).iter().any(|p| p.starts_with("lines: ")));
}

#[test]
fn a_line_that_is_there_twice_is_not_guessed_about() {
    let mut order = order();
    order.lines.push(order.lines[0].clone());
    assert_eq!(
        problems(&order),
        ["lines[1].id: the line 10 is there twice"]
    );
}

#[test]
fn a_name_comes_from_the_address_its_company_or_the_customer() {
    let mut order = order();
    order.shipping_address.as_mut().unwrap().full_name = None;
    let (new, _) = sent(&order, &rules());
    assert_eq!(new.ship_to.last_name.as_deref(), Some("Lee"));
    order.shipping_address.as_mut().unwrap().company = Some("Acme".into());
    let (new, _) = sent(&order, &rules());
    assert_eq!(
        (new.ship_to.last_name, new.ship_to.company.as_deref()),
        (None, Some("Acme"))
    );
    order.shipping_address.as_mut().unwrap().company = None;
    order.customer = None;
    assert_eq!(problems(&order), ["shippingAddress.fullName is missing"]);
}

#[test]
fn the_digest_changes_with_what_is_sent() {
    let (_, first) = sent(&order(), &rules());
    let (_, again) = sent(&order(), &rules());
    let mut other = order();
    other.lines[0].quantity = 3;
    let (_, changed) = sent(&other, &rules());
    assert_eq!(first.digest, again.digest);
    assert_ne!(first.digest, changed.digest);
}

proptest! {
    #[test]
    fn units_are_never_lost_or_made_up(quantities in prop::collection::vec(0u32..5, 1..8)) {
        let mut order = order();
        order.lines = quantities
            .iter()
            .enumerate()
            .map(|(at, quantity)| line(&at.to_string(), &format!("S{}", at % 3), *quantity))
            .collect();
        let total: u32 = quantities.iter().sum();
        match decided(&order, &rules()) {
            MappingDecision::Send { order, intent } => {
                prop_assert_eq!(order.items.iter().map(|i| i.quantity.get()).sum::<u32>(), total);
                prop_assert_eq!(intent.lines.iter().map(|l| l.quantity.get()).sum::<u32>(), total);
            }
            MappingDecision::Invalid { .. } => prop_assert_eq!(total, 0),
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn a_name_put_together_again_reads_the_same(name in "[A-Za-z]{1,8}( [A-Za-z]{1,8}){0,4}") {
        let (first, last) = split_name(&name);
        let together = [first, last].into_iter().flatten().collect::<Vec<_>>().join(" ");
        prop_assert_eq!(together, name);
    }
}
