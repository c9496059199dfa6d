use std::collections::BTreeMap;

use chrono::DateTime;
use globset::{Glob, GlobSetBuilder};

use super::*;
use crate::domain::LineUnits;
use crate::{
    domain::{LineId, OrderCode, OrderState, ShopOrderId, Units, VariantId},
    fulfillment::{RowError, StockItem},
    ledger::{SentLine, SentOrder},
    vendure::{Fulfillment, FulfillmentProgress, FulfillmentProgressLine, StockLevel},
};

fn sku(text: &str) -> Sku {
    Sku::parse(text).unwrap()
}

/// A plan borrows its input.
fn leaked<T>(value: T) -> &'static mut T {
    Box::leak(Box::new(value))
}

fn units(count: u32) -> Units {
    Units::new(count).unwrap()
}

fn feed(rows: &[(&str, u32)]) -> &'static mut Feed {
    let mut feed = Feed::new(DateTime::UNIX_EPOCH);
    for (name, available) in rows {
        feed.add_row(Ok(StockItem {
            sku: sku(name),
            available: units(*available),
            reserved: None,
            on_hand: None,
        }));
    }
    leaked(feed)
}

fn variant(id: &str, name: &str, on_hand: i64, allocated: i64) -> Variant {
    Variant {
        id: VariantId::parse(id).unwrap(),
        sku: name.into(),
        is_tracked: true,
        level: StockLevel { on_hand, allocated },
        allocated_elsewhere: 0,
    }
}

/// Acknowledged units, by variant.
fn known(units: &[(&str, u32)]) -> &'static AcknowledgedUnits {
    let orders: Vec<(SentOrder, FulfillmentProgress)> = units
        .iter()
        .enumerate()
        .map(|(at, (variant, units))| order(at, variant, *units, *units, &[]))
        .collect();
    leaked(acknowledged(&orders))
}

fn acknowledged(orders: &[(SentOrder, FulfillmentProgress)]) -> AcknowledgedUnits {
    let (sent, shop): (Vec<_>, Vec<_>) = orders.iter().cloned().unzip();
    AcknowledgedUnits::from_orders(&sent, &shop)
}

/// An order of one line: how much was sent, how much is ordered now, and fulfillments of it.
fn order(
    at: usize,
    variant: &str,
    sent: u32,
    ordered: u32,
    fulfilled: &[(u32, &str)],
) -> (SentOrder, FulfillmentProgress) {
    let (id, code) = (
        ShopOrderId::parse(format!("{at}")).unwrap(),
        OrderCode::parse(format!("O{at}")).unwrap(),
    );
    let line = LineId::parse(format!("l{at}")).unwrap();
    let sent = SentOrder {
        id: i64::try_from(at).unwrap(),
        order_id: id.clone(),
        code: code.clone(),
        acknowledged_at: None,
        is_cancelled_at_provider: false,
        lines: vec![SentLine {
            line: line.clone(),
            sku: sku("A"),
            quantity: sent,
        }],
    };
    let shop = FulfillmentProgress {
        id,
        code,
        state: OrderState::parse("PaymentSettled").unwrap(),
        lines: vec![FulfillmentProgressLine {
            id: line.clone(),
            variant: VariantId::parse(variant).unwrap(),
            sku: "A".into(),
            quantity: ordered,
        }],
        fulfillments: fulfilled
            .iter()
            .map(|(quantity, state)| Fulfillment {
                id: crate::domain::FulfillmentId::parse("1").unwrap(),
                state: (*state).into(),
                tracking_code: None,
                lines: vec![LineUnits {
                    line: line.clone(),
                    quantity: *quantity,
                }],
            })
            .collect(),
    };
    (sent, shop)
}

fn shop(variants: &[Variant], known: &'static AcknowledgedUnits) -> ShopStock<'static> {
    ShopStock {
        variants: leaked(variants.to_vec()),
        acknowledged: known,
        baseline: None,
    }
}

fn after<'a>(plan: &StockPlan<'a>) -> Vec<(&'a str, i64, u32)> {
    plan.changes
        .iter()
        .map(|c| (c.variant.id.as_str(), c.variant.level.on_hand, c.after))
        .collect()
}

#[test]
fn the_briefs_timeline_leaves_98_for_sale_all_the_way() {
    let plan_of = |available, on_hand, allocated, ack: u32| {
        let known = if ack == 0 {
            known(&[])
        } else {
            known(&[("1", ack)])
        };
        let rules = StockRules::default();
        plan_levels(
            feed(&[("A", available)]),
            shop(&[variant("1", "A", on_hand, allocated)], known),
            &rules,
        )
    };
    // Placed: not at VeraCore. Sent: VeraCore reserves 2. Shipped, then fulfilled in the shop. No step
    // changes the level.
    for step in [
        plan_of(100, 100, 2, 0),
        plan_of(98, 100, 2, 2),
        plan_of(98, 98, 0, 0),
    ] {
        assert_eq!((step.changes.len(), step.unchanged), (0, 1));
    }
}

#[test]
fn orders_in_flight_count_by_phase() {
    // 5 promised but not at VeraCore, 3 at VeraCore, which has 40 available.
    let variants = [variant("1", "A", 0, 8)];
    let plan = plan_levels(
        feed(&[("A", 40)]),
        shop(&variants, known(&[("1", 3)])),
        &StockRules::default(),
    );
    assert_eq!(after(&plan), [("1", 0, 43)]);
    // Sold from that: 43 - 8 = 40 - 5.
    let change = &plan.changes[0];
    assert_eq!((change.acknowledged, change.waiting_elsewhere), (3, 0));
}

#[test]
fn acknowledged_units_are_never_more_than_the_shop_allocated() {
    let variants = [variant("1", "A", 10, 2)];
    let plan = plan_levels(
        feed(&[("A", 10)]),
        shop(&variants, known(&[("1", 7)])),
        &StockRules::default(),
    );
    assert_eq!(after(&plan), [("1", 10, 12)]);
}

/// Order X (3, at VeraCore) was allocated at another location, order Y (3, not sent yet) at this one.
/// Vendure does not say which is which: of 7 available, 4 can be sold, and 10 on hand is 3 too many.
#[test]
fn what_is_allocated_at_another_location_is_not_given_back_here() {
    let mut both = variant("1", "A", 0, 3);
    both.allocated_elsewhere = 3;
    let known = known(&[("1", 3)]);
    let plan_of = |variant| {
        plan_levels(
            feed(&[("A", 7)]),
            shop(&[variant], known),
            &StockRules::default(),
        )
    };
    assert_eq!(after(&plan_of(both.clone())), [("1", 0, 7)]);
    both.level.allocated = 5;
    both.allocated_elsewhere = 1;
    assert_eq!(after(&plan_of(both)), [("1", 0, 9)]);
}

/// Two variants share 3 units, all reserved for an order of the first; the second sold 3 that are not
/// at VeraCore yet. The first order's parcel must still find its goods on hand.
#[test]
fn what_veracore_is_about_to_ship_stays_on_hand() {
    let variants = [variant("1", "A", 3, 3), variant("2", "A", 0, 3)];
    let plan = plan_levels(
        feed(&[("A", 0)]),
        shop(&variants, known(&[("1", 3)])),
        &StockRules::default(),
    );
    assert_eq!((after(&plan), plan.unchanged), (vec![], 2));
}

#[test]
fn what_was_fulfilled_cancelled_or_added_in_the_shop_is_not_given_back() {
    let units = |sent, ordered, fulfilled: &[(u32, &str)]| {
        let found = acknowledged(&[order(1, "1", sent, ordered, fulfilled)]);
        let id = VariantId::parse("1").unwrap();
        (found.units(&id), found.finished_orders)
    };
    assert_eq!(units(5, 5, &[]), (5, vec![]));
    assert_eq!(units(5, 5, &[(2, "Shipped")]), (3, vec![]));
    assert_eq!(units(5, 5, &[(2, "Cancelled")]), (5, vec![]));
    assert_eq!(
        units(5, 5, &[(2, "Pending"), (3, "Delivered")]),
        (0, vec![1])
    );
    // Partly, then wholly cancelled.
    assert_eq!(units(5, 3, &[]), (3, vec![]));
    assert_eq!(units(5, 0, &[]), (0, vec![1]));
    // Increased after it was sent: VeraCore has 5 of the 9.
    assert_eq!(units(5, 9, &[]), (5, vec![]));
    assert_eq!(units(5, 9, &[(5, "Shipped")]), (0, vec![1]));
}

#[test]
fn an_order_missing_from_the_shops_response_counts_for_nothing_and_stays_open() {
    let (sent, mut shop) = order(1, "1", 5, 5, &[]);
    let id = VariantId::parse("1").unwrap();
    let nothing = AcknowledgedUnits::from_orders(std::slice::from_ref(&sent), &[]);
    assert_eq!((nothing.units(&id), nothing.finished_orders), (0, vec![]));
    shop.code = OrderCode::parse("ANOTHER").unwrap();
    let other = AcknowledgedUnits::from_orders(&[sent], &[shop]);
    assert_eq!((other.units(&id), other.finished_orders), (0, vec![]));
}

#[test]
fn safety_stock_is_kept_from_sale_and_never_below_zero() {
    let rules = StockRules {
        safety: SafetyStock {
            default: units(3),
            per_sku: BTreeMap::from([(sku("B"), units(0))]),
        },
        ..StockRules::default()
    };
    let variants = [
        variant("1", "A", 0, 0),
        variant("2", "B", 0, 0),
        variant("3", "C", 9, 2),
    ];
    let plan = plan_levels(
        feed(&[("A", 10), ("B", 10), ("C", 1)]),
        shop(&variants, known(&[("3", 2)])),
        &rules,
    );
    assert_eq!(after(&plan), [("1", 0, 7), ("2", 0, 10), ("3", 9, 2)]);
}

#[test]
fn variants_that_share_goods_get_the_level_less_what_the_others_promised() {
    let rules = StockRules {
        skus: SkuRules {
            map: BTreeMap::from([(sku("A-RED"), sku("A"))]),
            ..SkuRules::default()
        },
        ..StockRules::default()
    };
    // 10 available. One promised 4 (1 of them at VeraCore), the other 2 (none at VeraCore).
    let variants = [variant("1", "A", 0, 4), variant("2", "A-RED", 0, 2)];
    let plan = plan_levels(
        feed(&[("A", 10)]),
        shop(&variants, known(&[("1", 1)])),
        &rules,
    );
    // Each can sell 10 - 3 - 2 = 5.
    assert_eq!(after(&plan), [("1", 0, 9), ("2", 0, 7)]);
    assert_eq!(plan.shared_skus.len(), 1);
    assert_eq!(plan.shared_skus[0].variants, ["A", "A-RED"]);
}

#[test]
fn unmanaged_variants_keep_their_level_and_are_counted() {
    let mut globs = GlobSetBuilder::new();
    globs.add(Glob::new("GIFT-*").unwrap());
    let rules = StockRules {
        skus: SkuRules {
            skip: globs.build().unwrap(),
            map: BTreeMap::from([(sku("CAP"), sku("OFFER-1"))]),
        },
        ..StockRules::default()
    };
    let mut digital = variant("1", "DIGITAL", 5, 0);
    digital.is_tracked = false;
    let variants = [
        digital,
        variant("2", "GIFT-1", 5, 0),
        variant("3", "  ", 5, 0),
        variant("4", "MUG", 5, 0),
        variant("5", "Hat", 5, 0),
        variant("6", "CAP", 5, 0),
    ];
    let rows = [
        ("DIGITAL", 1),
        ("GIFT-1", 1),
        (" hat ", 1),
        ("SOCK", 1),
        ("offer-1", 1),
    ];
    let plan = plan_levels(feed(&rows), shop(&variants, known(&[])), &rules);
    assert_eq!(plan.changes, []);
    assert_eq!((plan.untracked, plan.skipped), (2, 1));
    assert_eq!(plan.not_in_feed, ["CAP", "Hat", "MUG"]);
    let unmatched: Vec<&str> = plan.unmatched.iter().map(|sku| sku.as_str()).collect();
    assert_eq!(unmatched, [" hat ", "SOCK", "offer-1"]);
    assert_eq!(
        plan.near_misses,
        [
            NearMiss {
                veracore_sku: " hat ".into(),
                vendure_sku: "Hat".into()
            },
            NearMiss {
                veracore_sku: "offer-1".into(),
                vendure_sku: "CAP".into()
            }
        ]
    );
}

#[test]
fn a_drop_is_counted_by_what_can_be_sold() {
    let variants = [
        // Sold out already, though something is on hand for orders.
        variant("1", "A", 2, 2),
        // On sale, then not, though orders in flight keep something on hand.
        variant("2", "B", 9, 2),
        variant("3", "C", 9, 0),
    ];
    let plan = plan_levels(
        feed(&[("A", 0), ("B", 0), ("C", 4)]),
        shop(&variants, known(&[("1", 2), ("2", 2)])),
        &StockRules::default(),
    );
    assert_eq!((plan.in_stock, plan.going_out_of_stock), (2, 1));
    assert_eq!(after(&plan), [("2", 9, 2), ("3", 9, 4)]);
}

#[test]
fn a_feed_separates_invalid_and_contradictory_rows() {
    let feed = feed(&[("A", 1), ("A", 1), ("B", 1), ("B", 2), ("B", 1)]);
    for in_quantity in [true, false] {
        feed.add_row(Err(RowError {
            index: 0,
            key: None,
            problem: "SKU is missing".into(),
            is_quantity_error: in_quantity,
        }));
    }
    assert_eq!(feed.rows, 7);
    assert_eq!(feed.entries.len(), 1);
    assert_eq!(feed.contradictory.len(), 1);
    assert_eq!((feed.bad_quantities, feed.unreadable), (1, 1));
    let plan = plan_levels(
        feed,
        shop(&[variant("1", "B", 5, 0)], known(&[])),
        &StockRules::default(),
    );
    assert_eq!((plan.changes.len(), plan.not_in_feed.len()), (0, 1));
}
