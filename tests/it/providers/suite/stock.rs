//! The stock feed, and the stock of one SKU (I4, I5).

use std::collections::BTreeMap;

use veracore_sync::fulfillment::PageCursor;

use super::{good, submitted, whole_feed};
use crate::providers::{
    bench::Bench,
    sample::{item, placed_at, sku, with_items},
};

pub async fn the_feed_lists_each_sku_once<B: Bench>() {
    let bench = B::open().await;
    // An empty stock list is not an error.
    bench.stock(&[]);
    assert_eq!(whole_feed(bench.provider()).await, []);
    bench.stock(&[("ONE", 7)]);
    let rows = good(&whole_feed(bench.provider()).await);
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].sku.as_str(), rows[0].available.get()), ("ONE", 7));

    let names: Vec<String> = (0..249).map(|at| format!("SKU {at}, \"x\" & é")).collect();
    let levels: Vec<(&str, u32)> = names.iter().map(String::as_str).zip(0..).collect();
    bench.stock(&levels);
    let rows = whole_feed(bench.provider()).await;
    assert_eq!(rows.len(), 250);
    let mut listed: BTreeMap<String, u32> = good(&rows)
        .into_iter()
        .map(|item| (item.sku.to_string(), item.available.get()))
        .collect();
    assert_eq!(listed.remove("ONE"), Some(7));
    let expected = levels.iter().map(|(sku, n)| ((*sku).to_owned(), *n));
    assert_eq!(listed, expected.collect());
}

pub async fn reserved_units_are_not_available<B: Bench>() {
    let bench = B::open().await;
    bench.stock(&[("MUG-1", 10), ("CAP", 3)]);
    submitted(&bench, &with_items("A-1", vec![item("MUG-1", 4, 1_000)])).await;
    bench.catch_up();
    let level = bench.provider().find_stock_item(&sku("MUG-1")).await;
    let level = level.unwrap().unwrap().unwrap();
    assert_eq!(level.available.get(), 6);
    let feed = good(&whole_feed(bench.provider()).await);
    let of = |name: &str| feed.iter().find(|item| item.sku.as_str() == name);
    assert_eq!(of("MUG-1").unwrap().available.get(), 6);
    assert_eq!(of("CAP").unwrap().available.get(), 3);
}

pub async fn an_invalid_quantity_spoils_only_its_row<B: Bench>() {
    const BAD: [&str; 9] = [
        "-3",
        "1.5",
        "many",
        "-",
        "5 pcs",
        "1,000",
        "99999999999",
        "0x10",
        "NaN",
    ];
    let bench = B::open().await;
    let names: Vec<String> = (0..BAD.len()).map(|at| format!("BAD-{at}")).collect();
    let mut rows = vec![("FIRST", "5")];
    rows.extend(names.iter().map(String::as_str).zip(BAD));
    rows.extend([("ZERO", "0"), ("BLANK", ""), ("LAST", "7")]);
    bench.set_stock_rows(&rows);
    let listed = whole_feed(bench.provider()).await;
    let levels: Vec<(String, u32)> = good(&listed)
        .into_iter()
        .map(|item| (item.sku.to_string(), item.available.get()))
        .collect();
    let expected = [("FIRST", 5), ("ZERO", 0), ("LAST", 7)];
    assert_eq!(levels, expected.map(|(sku, n)| (sku.to_owned(), n)));
    let bad: Vec<_> = listed.iter().filter_map(|row| row.as_ref().err()).collect();
    for (name, quantity) in names.iter().zip(BAD) {
        let row = bad.iter().find(|row| row.key.as_ref() == Some(name));
        let row = row.unwrap_or_else(|| panic!("{quantity} is not listed of: {bad:?}"));
        assert!(row.is_quantity_error, "{quantity}: {row}");
    }
    // A blank quantity is an invalid row or an absent SKU, as the provider decides; it is never zero.
    assert_eq!(bad.len(), BAD.len() + 1, "{bad:?}");
    // The same for a single SKU.
    for (name, quantity) in names.iter().zip(BAD) {
        let row = bench.provider().find_stock_item(&sku(name)).await.unwrap();
        let row = row.unwrap().unwrap_err();
        assert!(row.is_quantity_error, "{quantity}: {row}");
    }
    let level = bench
        .provider()
        .find_stock_item(&sku("LAST"))
        .await
        .unwrap();
    assert_eq!(level.unwrap().unwrap().available.get(), 7);
}

pub async fn one_sku_can_be_read_alone<B: Bench>() {
    const LEVELS: [(&str, u32); 8] = [
        ("AB", 1),
        ("ab", 2),
        ("A/B", 4),
        ("A%", 5),
        ("A & <B>", 6),
        ("[AB]", 7),
        ("É-日本", 8),
        ("..x", 9),
    ];
    let bench = B::open().await;
    bench.stock(&LEVELS);
    for (name, units) in &LEVELS {
        let level = bench.provider().find_stock_item(&sku(name)).await.unwrap();
        let level = level
            .unwrap_or_else(|| panic!("{name} is not known"))
            .unwrap();
        assert_eq!((level.sku.as_str(), level.available.get()), (*name, *units));
    }
    for unknown in ["A", "ABC", "Ab", "%", "A_", "a/b", "日本"] {
        let level = bench.provider().find_stock_item(&sku(unknown)).await;
        assert_eq!(level, Ok(None), "{unknown}");
    }
}

pub async fn a_foreign_page_cursor_is_refused<B: Bench>() {
    let bench = B::open().await;
    bench.stock(&[("MUG-1", 10)]);
    for page in ["page 2", "https://elsewhere.example/2", "-1"].map(PageCursor::new) {
        let listed = bench.provider().inventory_page(Some(&page)).await;
        assert!(listed.is_err(), "{page:?}: {listed:?}");
        let listed = bench
            .provider()
            .shipments_page(placed_at(), Some(&page))
            .await;
        assert!(listed.is_err(), "{page:?}: {listed:?}");
    }
}
