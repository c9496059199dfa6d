//! An order reaches the warehouse unchanged: every digit, line and character (I13).

use super::submitted;
use crate::providers::{
    bench::{Arrived, Bench},
    sample::{self, item, with_items},
};

async fn arrives<B: Bench>(order: veracore_sync::fulfillment::NewOrder) -> Arrived {
    let bench = B::open().await;
    submitted(&bench, &order).await;
    let mut arrived = bench.arrived();
    assert_eq!(arrived, [Arrived::of(&order)]);
    arrived.remove(0)
}

pub async fn prices_and_quantities_are_exact<B: Bench>() {
    let thousandths = [0, 7, 70, 10, 19_999, 1_000, 12_345_678_901_230];
    let mut items: Vec<_> = thousandths
        .into_iter()
        .zip(1..)
        .map(|(price, at)| item(&format!("SKU {at}"), 1, price))
        .collect();
    items.push(item("MANY", 9_999_999, 100));
    let arrived = arrives::<B>(with_items("A-1", items)).await;
    let prices: Vec<&str> = arrived.lines.iter().map(|line| line.2.as_str()).collect();
    assert_eq!(
        prices,
        [
            "0.000",
            "0.007",
            "0.070",
            "0.010",
            "19.999",
            "1.000",
            "12345678901.230",
            "0.100"
        ]
    );
    assert_eq!(arrived.lines.last().unwrap().1, 9_999_999);
}

pub async fn sixty_lines_keep_their_sequence<B: Bench>() {
    let items = (1..=60).map(|at| item(&format!("SKU-{}", 61 - at), at, i64::from(at) * 333));
    let arrived = arrives::<B>(with_items("A-1", items.collect())).await;
    assert_eq!(arrived.lines.len(), 60);
}

pub async fn two_lines_of_one_sku_stay_separate<B: Bench>() {
    let items = vec![
        item("MUG-1", 2, 5_000),
        item("CAP", 1, 1_000),
        item("MUG-1", 3, 4_500),
        item("MUG-1", 3, 4_500),
    ];
    let arrived = arrives::<B>(with_items("A-1", items)).await;
    let units: Vec<u32> = arrived.lines.iter().map(|line| line.1).collect();
    assert_eq!(units, [2, 1, 3, 3]);
}

pub async fn shipping_and_billing_address_can_differ<B: Bench>() {
    let arrived = arrives::<B>(sample::gift("A-1")).await;
    assert_ne!(arrived.ship_to, arrived.pays);
    let arrived = arrives::<B>(sample::paid_by_another("A-1")).await;
    assert_eq!(arrived.pays["company"], "Acme");
}

pub async fn absent_fields_stay_absent<B: Bench>() {
    let arrived = arrives::<B>(sample::least("A-1")).await;
    assert_eq!(arrived.ship_to.len(), 4);
    assert_eq!((arrived.email, arrived.comments), (None, None));
    // Blank fields count as absent.
    let mut order = sample::least("A-2");
    order.ship_to.company = Some(String::new());
    order.customer.email = Some(String::new());
    let bench = B::open().await;
    submitted(&bench, &order).await;
    assert_eq!(bench.arrived(), [Arrived::of(&sample::least("A-2"))]);
}

pub async fn special_characters_are_kept<B: Bench>() {
    let arrived = arrives::<B>(sample::hostile("A-1")).await;
    assert!(arrived.ship_to["first name"].contains("\"Søn\""));
    let odd = [
        "a & b", "a<b>", "\"q\"", "o'b", "50%", "日本", "📦", "a/b", "a,b;c", "=1+1",
    ];
    let items = odd.map(|sku| item(sku, 1, 1_000)).to_vec();
    let arrived = arrives::<B>(with_items("A-2", items)).await;
    let skus: Vec<&str> = arrived.lines.iter().map(|line| line.0.as_str()).collect();
    assert_eq!(skus, odd);
}
