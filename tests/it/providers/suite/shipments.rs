//! Shipments: each package once, with its contents and whether it is void (I6).

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use veracore_sync::{
    clock::Clock as _,
    fulfillment::{FeedRow, Shipment, is_not_shipped_status},
};

use super::{all_shipments, good, submitted};
use crate::providers::{
    bench::{Bench, Parcel, RawPackage},
    sample::{item, order, with_items},
};

fn is_void(shipment: &Shipment) -> bool {
    let status = shipment.status.to_ascii_lowercase();
    status.starts_with("void") || status.starts_with("cancel")
}

fn contents(shipment: &Shipment) -> BTreeMap<&str, u32> {
    let mut units = BTreeMap::new();
    for item in shipment.items.iter().flatten() {
        *units.entry(item.sku.as_str()).or_default() += item.quantity.get();
    }
    units
}

/// The ids and tracking numbers by which packages are recognized.
fn identities(rows: &[FeedRow<Shipment>]) -> BTreeSet<(Option<String>, Option<String>)> {
    good(rows)
        .into_iter()
        .map(|shipment| (shipment.id, shipment.tracking_number))
        .collect()
}

pub async fn a_package_is_listed_with_its_contents<B: Bench>() {
    let bench = B::open().await;
    let items = vec![item("MUG-1", 3, 1_000), item("CAP", 1, 1_000)];
    submitted(&bench, &with_items("a/b é", items)).await;
    let since = bench.clock().now();
    assert_eq!(all_shipments(bench.provider(), since).await, []);
    bench.clock().advance(TimeDelta::minutes(90));
    let at = bench.clock().now();
    let inside = [("CAP", 1), ("MUG-1", 2)];
    bench.ship(
        "a/b é",
        &[Parcel {
            tracking: "1Z 1",
            items: &inside,
        }],
    );
    let listed = good(&all_shipments(bench.provider(), since).await);
    assert_eq!(listed.len(), 1, "{listed:?}");
    let package = &listed[0];
    assert_eq!(package.order_number.as_str(), "a/b é");
    assert_eq!(package.tracking_number.as_deref(), Some("1Z 1"));
    assert_eq!(package.carrier.as_deref(), Some("UPS"));
    assert_eq!(package.service.as_deref(), Some("Ground"));
    assert_eq!(package.shipped_at, Some(at));
    assert_eq!(contents(package), inside.into());
    // Its status counts as shipped.
    assert!(
        !is_void(package) && !is_not_shipped_status(&package.status),
        "{package:?}"
    );
}

pub async fn all_shipments_since_a_time_are_listed_once<B: Bench>() {
    let bench = B::open().await;
    let numbers: Vec<String> = (0..12).map(|at| format!("A-{at}")).collect();
    let mut moments = Vec::new();
    for number in &numbers {
        submitted(&bench, &order(number)).await;
    }
    for number in &numbers {
        moments.push(bench.clock().now());
        bench.ship(
            number,
            &[Parcel {
                tracking: number,
                items: &[("MUG-1", 2)],
            }],
        );
        bench.clock().advance(TimeDelta::hours(31));
    }
    // The time is inclusive. Older shipments may be listed, too.
    for from in [0, 5, 11] {
        let rows = all_shipments(bench.provider(), moments[from]).await;
        let listed = good(&rows);
        for number in &numbers[from..] {
            let of = listed.iter().filter(|s| s.order_number.as_str() == number);
            let live = of.clone().count();
            assert!(live > 0, "{number} since {} is missing", moments[from]);
            // A package listed on two pages must be the same.
            let names: BTreeSet<_> = of.map(|s| (&s.id, &s.tracking_number)).collect();
            assert_eq!(names.len(), 1, "{number}: {names:?}");
        }
        assert_eq!(listed.len(), rows.len());
    }
}

pub async fn packages_of_one_order_do_not_overlap<B: Bench>() {
    let bench = B::open().await;
    let items = vec![item("MUG-1", 3, 1_000), item("CAP", 2, 1_000)];
    submitted(&bench, &with_items("A-1", items)).await;
    let since = bench.clock().now();
    let parcels = [
        Parcel {
            tracking: "1Z 1",
            items: &[("MUG-1", 2)],
        },
        Parcel {
            tracking: "1Z 2",
            items: &[("MUG-1", 1), ("CAP", 1)],
        },
    ];
    bench.ship("A-1", &parcels);
    bench.clock().advance(TimeDelta::hours(1));
    bench.ship(
        "A-1",
        &[Parcel {
            tracking: "1Z 3",
            items: &[("CAP", 1)],
        }],
    );
    let rows = all_shipments(bench.provider(), since).await;
    let listed = good(&rows);
    assert_eq!(listed.len(), 3, "{listed:?}");
    // However the units are distributed, each is listed exactly once.
    let mut sum: BTreeMap<&str, u32> = BTreeMap::new();
    for (sku, units) in listed.iter().flat_map(contents) {
        *sum.entry(sku).or_default() += units;
    }
    assert_eq!(sum, [("CAP", 2), ("MUG-1", 3)].into());
    let names = identities(&rows);
    assert_eq!(names.len(), 3);
    bench.clock().advance(TimeDelta::hours(5));
    let again = all_shipments(bench.provider(), since).await;
    assert_eq!(identities(&again), names);
}

pub async fn a_voided_package_is_void_or_gone<B: Bench>() {
    let bench = B::open().await;
    submitted(&bench, &order("A-1")).await;
    let since = bench.clock().now();
    bench.ship(
        "A-1",
        &[Parcel {
            tracking: "1Z 1",
            items: &[("MUG-1", 2)],
        }],
    );
    let before = good(&all_shipments(bench.provider(), since).await);
    bench.clock().advance(TimeDelta::hours(1));
    bench.void("A-1", "1Z 1");
    for package in good(&all_shipments(bench.provider(), since).await) {
        assert!(is_void(&package), "{package:?}");
        // It has the same identity as before.
        assert_eq!(package.tracking_number, before[0].tracking_number);
        if let (Some(now), Some(then)) = (&package.id, &before[0].id) {
            assert_eq!(now, then);
        }
    }
    // The goods are shipped after all.
    bench.ship(
        "A-1",
        &[Parcel {
            tracking: "1Z 2",
            items: &[("MUG-1", 2)],
        }],
    );
    let mut live = good(&all_shipments(bench.provider(), since).await);
    live.retain(|package| !is_void(package));
    assert_eq!(live.len(), 1, "{live:?}");
    assert_eq!(live[0].tracking_number.as_deref(), Some("1Z 2"));
    assert_eq!(contents(&live[0]), [("MUG-1", 2)].into());
}

pub async fn an_invalid_row_hides_no_other<B: Bench>() {
    let bench = B::open().await;
    let row = |order, tracking, shipped| RawPackage {
        order,
        tracking,
        shipped,
    };
    let day = "2026-11-20T08:00:00";
    bench.set_package_rows(&[
        row("A-1", "1Z 1", day),
        row("", "1Z 2", day),
        row("A-3", "1Z 3", "soon"),
        row("A-4", "1Z 4", day),
    ]);
    let since = bench.clock().now() - TimeDelta::hours(12);
    let page = bench.provider().shipments_page(since, None).await.unwrap();
    let numbers: BTreeSet<String> = good(&page.rows)
        .into_iter()
        .map(|package| package.order_number.to_string())
        .collect();
    assert_eq!(numbers, ["A-1", "A-4"].map(str::to_owned).into());
    let bad: Vec<_> = page
        .rows
        .iter()
        .filter_map(|row| row.as_ref().err())
        .collect();
    assert_eq!(bad.len(), 2, "{bad:?}");
    assert!(bad.iter().all(|row| !row.problem.is_empty()));
    assert!(
        bad.iter().any(|row| row.key.as_deref() == Some("A-3")),
        "{bad:?}"
    );
}

pub async fn tracking_numbers_can_be_any_text_or_absent<B: Bench>() {
    const TRACKING_NUMBERS: [(&str, Option<&str>); 5] = [
        (
            "Left with the neighbour, 2nd floor; call \"Zoë\"",
            Some("Left with the neighbour, 2nd floor; call \"Zoë\""),
        ),
        ("", None),
        ("   ", None),
        (" 1Z 999 ", Some("1Z 999")),
        ("<a href='x'>1Z&amp;</a>", Some("<a href='x'>1Z&amp;</a>")),
    ];
    let bench = B::open().await;
    let since = bench.clock().now();
    for ((tracking, _), at) in TRACKING_NUMBERS.iter().zip(0..) {
        let number = format!("A-{at}");
        submitted(&bench, &order(&number)).await;
        bench.ship(
            &number,
            &[Parcel {
                tracking,
                items: &[("MUG-1", 2)],
            }],
        );
    }
    let listed = good(&all_shipments(bench.provider(), since).await);
    assert_eq!(listed.len(), TRACKING_NUMBERS.len(), "{listed:?}");
    for ((_, expected), at) in TRACKING_NUMBERS.iter().zip(0..) {
        let number = format!("A-{at}");
        let package = listed.iter().find(|s| s.order_number.as_str() == number);
        assert_eq!(package.unwrap().tracking_number.as_deref(), *expected);
    }
}

pub async fn times_without_a_zone_are_in_the_warehouses_zone<B: Bench>() {
    // In standard time and in daylight saving time.
    for days in [0, -130] {
        let bench = B::open().await;
        bench.clock().advance(TimeDelta::days(days));
        submitted(&bench, &order("A-1")).await;
        let at = bench.clock().now();
        bench.ship(
            "A-1",
            &[Parcel {
                tracking: "1Z 1",
                items: &[("MUG-1", 2)],
            }],
        );
        bench.clock().advance(TimeDelta::hours(3));
        let listed = good(&all_shipments(bench.provider(), at).await);
        assert_eq!(listed[0].shipped_at, Some(at));
    }
}
