use chrono::{DateTime, TimeDelta, Utc};

use super::*;
use crate::{
    domain::{OrderCode, OrderState, ShopOrderId, Sku, VariantId},
    ledger::{ParcelItem, ParcelReport, ShipmentStatus},
    vendure::FulfillmentProgressLine,
};

fn line(id: &str) -> LineId {
    LineId::parse(id).unwrap()
}

fn fulfillment_id(id: u32) -> FulfillmentId {
    FulfillmentId::parse(id.to_string()).unwrap()
}

/// An order with lines `(id, SKU, quantity)`.
fn shop(lines: &[(&str, &str, u32)]) -> (FulfillmentProgress, Vec<SentLine>) {
    let progress = FulfillmentProgress {
        id: ShopOrderId::parse("1").unwrap(),
        code: OrderCode::parse("O1").unwrap(),
        state: OrderState::parse("PaymentSettled").unwrap(),
        lines: lines
            .iter()
            .map(|(id, sku, quantity)| FulfillmentProgressLine {
                id: line(id),
                variant: VariantId::parse(*sku).unwrap(),
                sku: (*sku).into(),
                quantity: *quantity,
            })
            .collect(),
        fulfillments: Vec::new(),
    };
    let sent = lines
        .iter()
        .map(|(id, sku, quantity)| SentLine {
            line: line(id),
            sku: Sku::parse(*sku).unwrap(),
            quantity: *quantity,
        })
        .collect();
    (progress, sent)
}

fn fulfilled(id: u32, state: &str, tracking: Option<&str>, lines: &[(&str, u32)]) -> Fulfillment {
    Fulfillment {
        id: fulfillment_id(id),
        state: state.into(),
        tracking_code: tracking.map(Into::into),
        lines: units(lines),
    }
}

fn units(lines: &[(&str, u32)]) -> Vec<LineUnits> {
    lines
        .iter()
        .map(|(id, quantity)| LineUnits {
            line: line(id),
            quantity: *quantity,
        })
        .collect()
}

/// Parcels ship an hour apart, in the order of their numbers.
fn package(number: u32, items: Option<&[(&str, u32)]>) -> Parcel {
    let at: DateTime<Utc> = "2026-11-20T10:00:00Z".parse().unwrap();
    Parcel {
        key: format!("id:{number}"),
        report: ParcelReport {
            shipment_id: Some(number.to_string()),
            tracking_number: Some(format!("1Z{number}")),
            carrier: Some("UPS".into()),
            service: None,
            shipped_at: Some(at + TimeDelta::hours(i64::from(number))),
            provider_status: "Shipped".into(),
            items: items.map(|items| {
                items
                    .iter()
                    .map(|(sku, quantity)| ParcelItem {
                        sku: (*sku).into(),
                        quantity: *quantity,
                    })
                    .collect()
            }),
        },
        status: None,
        intended: None,
        fulfillment: None,
        changed: true,
    }
}

fn plan_of(
    shop: &(FulfillmentProgress, Vec<SentLine>),
    packages: &[Parcel],
    completion: &OrderCompletion,
) -> Vec<ParcelStep> {
    plan_fulfillments(&shop.0, &shop.1, packages, completion)
}

fn fulfill(lines: &[(&str, u32)]) -> ParcelStep {
    ParcelStep::Fulfill {
        lines: units(lines),
    }
}

fn is(id: u32, ship: bool) -> ParcelStep {
    ParcelStep::Existing {
        fulfillment: fulfillment_id(id),
        needs_shipping: ship,
    }
}

fn problem_of(step: &ParcelStep) -> &str {
    match step {
        ParcelStep::Problem { problem } => problem,
        other => panic!("{other:?}"),
    }
}

const ASKED: OrderCompletion = OrderCompletion::NotChecked;

#[test]
fn parcels_fulfill_their_own_lines() {
    let order = shop(&[("a", "A", 3), ("b", "B", 1), ("c", "A", 2)]);
    let packages = [
        package(1, Some(&[("A", 4)])),
        package(2, Some(&[("B", 1), ("A", 1)])),
    ];
    let steps = plan_of(&order, &packages, &ASKED);
    assert_eq!(
        steps,
        [
            fulfill(&[("a", 3), ("c", 1)]),
            fulfill(&[("c", 1), ("b", 1)])
        ]
    );
}

#[test]
fn a_parcel_is_recognized_among_the_shops_fulfillments() {
    let mut order = shop(&[("a", "A", 3)]);
    // Created here before a crash and not shipped yet; and one with another number, by hand.
    order.0.fulfillments = vec![
        fulfilled(7, "Delivered", Some("other"), &[("a", 1)]),
        fulfilled(8, "Pending", Some("1Z1"), &[("a", 2)]),
    ];
    let mut begun = package(1, Some(&[("A", 2)]));
    begun.intended = Some(vec![LineUnits {
        line: line("a"),
        quantity: 2,
    }]);
    assert_eq!(plan_of(&order, &[begun], &ASKED), [is(8, true)]);
    // By its number alone, as created by hand; and with the recorded link.
    let by_hand = package(1, Some(&[("A", 2)]));
    assert_eq!(
        plan_of(&order, std::slice::from_ref(&by_hand), &ASKED),
        [is(8, true)]
    );
    order.0.fulfillments[1].state = "Shipped".into();
    let mut linked = by_hand.clone();
    linked.fulfillment = Some(fulfillment_id(8));
    assert_eq!(plan_of(&order, &[linked.clone()], &ASKED), [is(8, false)]);
    // A second parcel with the same number is not the same fulfillment.
    let mut twin = package(2, Some(&[("A", 1)]));
    twin.report.tracking_number = Some("1Z1".into());
    order.0.fulfillments.remove(0);
    assert_eq!(
        plan_of(&order, &[linked, twin], &ASKED),
        [is(8, false), fulfill(&[("a", 1)])]
    );
}

#[test]
fn the_same_lines_are_preferred_where_numbers_are_the_same() {
    let mut order = shop(&[("a", "A", 3)]);
    order.0.fulfillments = vec![
        fulfilled(7, "Shipped", Some("1Z1"), &[("a", 1)]),
        fulfilled(8, "Pending", Some("1Z1"), &[("a", 2)]),
    ];
    let mut begun = package(1, Some(&[("A", 2)]));
    begun.intended = Some(vec![LineUnits {
        line: line("a"),
        quantity: 2,
    }]);
    assert_eq!(plan_of(&order, &[begun], &ASKED), [is(8, true)]);
}

/// A fulfillment started under a number that VeraCore corrected since is not created again.
#[test]
fn an_intended_fulfillment_is_recognized_under_its_old_number_unless_another_parcel_has_it() {
    let mut order = shop(&[("a", "A", 5)]);
    order.0.fulfillments = vec![fulfilled(8, "Pending", Some("1Z-OLD"), &[("a", 1)])];
    let mut begun = package(1, Some(&[("A", 1)]));
    begun.intended = Some(vec![LineUnits {
        line: line("a"),
        quantity: 1,
    }]);
    assert_eq!(plan_of(&order, &[begun.clone()], &ASKED), [is(8, true)]);
    // Lines other than intended, or the number of another parcel: no match.
    let mut other = package(2, Some(&[("A", 1)]));
    other.report.tracking_number = Some("1Z-OLD".into());
    assert_eq!(
        plan_of(&order, &[begun.clone(), other], &ASKED),
        [fulfill(&[("a", 1)]), is(8, true)]
    );
    order.0.fulfillments[0].lines = units(&[("a", 2)]);
    assert_eq!(plan_of(&order, &[begun], &ASKED), [fulfill(&[("a", 1)])]);
}

#[test]
fn an_order_being_edited_keeps_its_settled_parcels() {
    let mut order = shop(&[("a", "A", 3)]);
    order.0.state = OrderState::parse("Modifying").unwrap();
    order.0.fulfillments = vec![fulfilled(8, "Shipped", Some("1Z1"), &[("a", 1)])];
    let seen = |status| Parcel {
        status: Some(status),
        changed: false,
        ..package(1, Some(&[("A", 1)]))
    };
    let done = Parcel {
        fulfillment: Some(fulfillment_id(8)),
        ..seen(ShipmentStatus::Fulfilled)
    };
    let changed = Parcel {
        changed: true,
        ..done.clone()
    };
    let steps = plan_of(
        &order,
        &[
            done,
            seen(ShipmentStatus::Void),
            seen(ShipmentStatus::Covered),
            changed,
            package(2, Some(&[("A", 1)])),
        ],
        &ASKED,
    );
    assert_eq!(steps[..2], [is(8, false), ParcelStep::Void]);
    assert!(matches!(steps[2], ParcelStep::Covered { .. }));
    assert!(matches!(
        steps[3..],
        [ParcelStep::Wait { .. }, ParcelStep::Wait { .. }]
    ));
}

#[test]
fn goods_fulfilled_by_hand_are_not_fulfilled_again() {
    let mut order = shop(&[("a", "A", 2), ("b", "B", 1)]);
    order.0.fulfillments = vec![fulfilled(7, "Shipped", None, &[("a", 2)])];
    let steps = plan_of(
        &order,
        &[
            package(1, Some(&[("A", 2)])),
            package(2, Some(&[("A", 1), ("B", 1)])),
        ],
        &ASKED,
    );
    assert!(matches!(steps[0], ParcelStep::Covered { .. }), "{steps:?}");
    assert!(problem_of(&steps[1]).contains("already"));
    // Cancelled units can be fulfilled again.
    order.0.fulfillments[0].state = "Cancelled".into();
    assert_eq!(
        plan_of(&order, &[package(1, Some(&[("A", 2)]))], &ASKED),
        [fulfill(&[("a", 2)])]
    );
}

#[test]
fn a_mismatch_is_reported_and_stops_no_other_parcel() {
    let order = shop(&[("a", "A", 2), ("b", "B", 0)]);
    let packages = [
        package(1, Some(&[("X", 1)])),
        package(2, Some(&[("A", 3)])),
        package(3, Some(&[("B", 1)])),
        package(4, Some(&[])),
        package(5, Some(&[("A", 2)])),
        package(6, Some(&[("A", 1)])),
    ];
    let steps = plan_of(&order, &packages, &ASKED);
    assert!(problem_of(&steps[0]).contains("1 of X"));
    assert!(problem_of(&steps[1]).contains("3 of A"));
    assert!(problem_of(&steps[2]).contains("cancelled"));
    assert!(problem_of(&steps[3]).contains("no items"));
    assert_eq!(steps[4], fulfill(&[("a", 2)]));
    assert!(matches!(steps[5], ParcelStep::Covered { .. }));
}

#[test]
fn parcels_that_have_not_left_wait() {
    let order = shop(&[("a", "A", 2)]);
    let mut unnamed = package(1, Some(&[("A", 2)]));
    unnamed.report.tracking_number = None;
    let mut labelled = package(2, Some(&[("A", 2)]));
    labelled.report.provider_status = "InWarehouse".into();
    let steps = plan_of(&order, &[unnamed, labelled], &ASKED);
    assert!(
        steps
            .iter()
            .all(|step| matches!(step, ParcelStep::Wait { .. }))
    );
}

#[test]
fn void_parcels_become_nothing_or_a_problem() {
    let mut order = shop(&[("a", "A", 2)]);
    let mut void = package(1, Some(&[("A", 2)]));
    void.report.provider_status = "Voided".into();
    assert_eq!(plan_of(&order, &[void.clone()], &ASKED), [ParcelStep::Void]);
    // Started, but not created in the shop.
    void.intended = Some(vec![LineUnits {
        line: line("a"),
        quantity: 2,
    }]);
    assert_eq!(plan_of(&order, &[void.clone()], &ASKED), [ParcelStep::Void]);
    // Started, and created in the shop before a crash.
    order.0.fulfillments = vec![fulfilled(7, "Shipped", Some("1Z1"), &[("a", 2)])];
    let steps = plan_of(&order, &[void.clone()], &ASKED);
    assert!(problem_of(&steps[0]).contains("fulfillment 7"));
    void.fulfillment = Some(fulfillment_id(7));
    let steps = plan_of(&order, &[void.clone()], &ASKED);
    assert!(problem_of(&steps[0]).contains("fulfillment 7"));
    order.0.fulfillments[0].state = "Cancelled".into();
    assert_eq!(plan_of(&order, &[void], &ASKED), [ParcelStep::Void]);
}

#[test]
fn a_cancelled_fulfillment_is_not_created_again() {
    let mut order = shop(&[("a", "A", 2)]);
    order.0.fulfillments = vec![fulfilled(7, "Cancelled", Some("1Z1"), &[("a", 2)])];
    let mut linked = package(1, Some(&[("A", 2)]));
    linked.fulfillment = Some(fulfillment_id(7));
    linked.status = Some(ShipmentStatus::Fulfilled);
    let steps = plan_of(&order, &[linked], &ASKED);
    assert!(problem_of(&steps[0]).contains("cancelled in Vendure"));
}

#[test]
fn a_parcel_without_items_takes_the_rest_once_the_order_is_complete() {
    let order = shop(&[("a", "A", 2), ("b", "B", 1)]);
    let only = [package(1, None)];
    let complete = OrderCompletion::from_status("Shipped");
    assert_eq!(
        plan_of(&order, &only, &complete),
        [fulfill(&[("a", 2), ("b", 1)])]
    );
    for unclear in [ASKED, OrderCompletion::from_status("PartiallyShipped")] {
        let steps = plan_of(&order, &only, &unclear);
        assert!(matches!(steps[0], ParcelStep::Wait { .. }), "{steps:?}");
    }
    let two = [package(2, None), package(1, None)];
    let steps = plan_of(&order, &two, &complete);
    assert_eq!(steps[0], fulfill(&[("a", 2), ("b", 1)]));
    assert!(matches!(steps[1], ParcelStep::Covered { .. }));
    let mixed = [package(1, Some(&[("B", 1)])), package(2, None)];
    assert_eq!(
        plan_of(&order, &mixed, &complete),
        [fulfill(&[("b", 1)]), fulfill(&[("a", 2)])]
    );
    let unclear = [package(1, Some(&[("X", 1)])), package(2, None)];
    let steps = plan_of(&order, &unclear, &complete);
    assert!(matches!(steps[1], ParcelStep::Wait { .. }), "{steps:?}");
}

#[test]
fn an_order_being_edited_waits() {
    let mut order = shop(&[("a", "A", 2)]);
    order.0.state = OrderState::parse("Modifying").unwrap();
    let steps = plan_of(&order, &[package(1, Some(&[("A", 2)]))], &ASKED);
    assert!(matches!(steps[..], [ParcelStep::Wait { .. }]), "{steps:?}");
}

#[test]
fn the_plan_does_not_depend_on_the_order_of_reports() {
    let order = shop(&[("a", "A", 3), ("c", "A", 1)]);
    let one = [package(1, Some(&[("A", 2)])), package(2, Some(&[("A", 2)]))];
    let other = [one[1].clone(), one[0].clone()];
    let mut steps = plan_of(&order, &other, &ASKED);
    steps.reverse();
    assert_eq!(plan_of(&order, &one, &ASKED), steps);
}
