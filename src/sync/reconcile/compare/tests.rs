use globset::{Glob, GlobSetBuilder};

use super::*;
use crate::domain::LineUnits;
use crate::{
    domain::{
        FulfillmentId, LineId, OrderCode, OrderState, ProviderOrderId, ShopOrderId, Sku, VariantId,
    },
    fulfillment::FoundOrder,
    ledger::{ParcelReport, SentLine},
    sync::reconcile::findings::LookupReason,
    vendure::{Fulfillment, FulfillmentProgressLine},
};
use chrono::{DateTime, Utc};

fn now() -> DateTime<Utc> {
    "2026-11-25T12:00:00Z".parse().unwrap()
}

fn limits() -> ReconcileLimits {
    ReconcileLimits {
        now: now(),
        discovery_grace: TimeDelta::minutes(20),
        never_shipped_days: 7,
    }
}

fn line(id: &str) -> LineId {
    LineId::parse(id).unwrap()
}

fn at_veracore_with(status: &str) -> WarehouseAnswer {
    WarehouseAnswer::Found(FoundOrder {
        number: OrderCode::parse("O1").unwrap(),
        provider_order_id: Some(ProviderOrderId::parse("VC-1").unwrap()),
        status: status.into(),
        tracking_number: None,
        carrier: None,
        shipped_at: None,
    })
}

/// A consistent order with lines `(id, SKU, quantity)`, sent two days ago.
fn healthy(lines: &[(&str, &str, u32)]) -> OrderFacts {
    let shop = FulfillmentProgress {
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
    let sent = lines.iter().map(|(id, sku, quantity)| SentLine {
        line: line(id),
        sku: Sku::parse(*sku).unwrap(),
        quantity: *quantity,
    });
    OrderFacts {
        known: KnownOrder {
            id: 1,
            order_id: shop.id.clone(),
            code: shop.code.clone(),
            status: SyncStatus::Success,
            acknowledged_at: Some(now() - TimeDelta::days(2)),
            is_open: true,
            in_doubt_since: None,
            is_cancel_requested: false,
            lines: sent.collect(),
        },
        shop: Some(shop),
        parcels: Vec::new(),
        warehouse: at_veracore_with("Received"),
    }
}

fn one() -> OrderFacts {
    healthy(&[("1", "A-0", 2)])
}

impl OrderFacts {
    fn shop(&mut self) -> &mut FulfillmentProgress {
        self.shop.as_mut().unwrap()
    }

    fn cancelled(mut self) -> Self {
        self.shop().state = OrderState::parse("Cancelled").unwrap();
        for line in &mut self.shop().lines {
            line.quantity = 0;
        }
        self
    }

    fn fulfilled(mut self, lines: &[(&str, u32)]) -> Self {
        self.shop().fulfillments.push(Fulfillment {
            id: FulfillmentId::parse("1").unwrap(),
            state: "Shipped".into(),
            tracking_code: None,
            lines: lines
                .iter()
                .map(|(id, quantity)| LineUnits {
                    line: line(id),
                    quantity: *quantity,
                })
                .collect(),
        });
        self
    }

    fn found(mut self, change: impl FnOnce(&mut FoundOrder)) -> Self {
        let WarehouseAnswer::Found(found) = &mut self.warehouse else {
            panic!("VeraCore does not have it");
        };
        change(found);
        self
    }

    fn says(self, status: &str) -> Self {
        self.found(|found| found.status = status.into())
    }

    fn package(mut self, status: &str) -> Self {
        self.parcels.push(Parcel {
            key: "id:1".into(),
            report: ParcelReport {
                shipment_id: Some("1".into()),
                tracking_number: Some("1Z".into()),
                carrier: None,
                service: None,
                shipped_at: None,
                provider_status: status.into(),
                items: None,
            },
            status: Some(ShipmentStatus::Problem),
            intended: None,
            fulfillment: None,
            changed: false,
        });
        self
    }

    fn acknowledged(mut self, ago: TimeDelta) -> Self {
        self.known.acknowledged_at = Some(now() - ago);
        self
    }
}

fn kinds(facts: &OrderFacts) -> Vec<FindingKind> {
    compare_order(facts, &SkuRules::default(), &limits())
        .into_iter()
        .map(|finding| {
            assert_eq!(finding.order, "O1");
            assert!(!finding.detail.is_empty() && !finding.advice.is_empty());
            finding.kind
        })
        .collect()
}

#[test]
fn a_consistent_order_has_no_finding() {
    let day = TimeDelta::days;
    let partly = one().fulfilled(&[("1", 1)]).acknowledged(day(20));
    let mut pending = one();
    pending.known.status = SyncStatus::Pending;
    pending.known.is_open = false;
    pending.warehouse = WarehouseAnswer::NotChecked;
    let mut asked_in_vain = one().acknowledged(day(20));
    asked_in_vain.warehouse = WarehouseAnswer::NotChecked;
    let healthy = [
        one(),
        one().says("Shipped"),
        one()
            .found(|found| found.shipped_at = Some(now() - day(1)))
            .says("Shipped"),
        one().acknowledged(day(7)),
        // Something has shipped.
        one().acknowledged(day(20)).says("PartiallyShipped"),
        one().acknowledged(day(20)).package("Shipped"),
        partly,
        one().fulfilled(&[("1", 2)]).acknowledged(day(20)),
        // Cancelled in both.
        one().cancelled().says("Cancelled"),
        pending,
        asked_in_vain,
    ];
    for (at, facts) in healthy.iter().enumerate() {
        assert_eq!(kinds(facts), [], "{at}");
    }
    let mut gone = one().cancelled();
    gone.warehouse = WarehouseAnswer::Missing;
    assert_eq!(kinds(&gone), []);
}

#[test]
fn goods_that_were_returned_are_no_difference() {
    let returned = one().fulfilled(&[("1", 2)]).cancelled().says("Shipped");
    assert_eq!(kinds(&returned), []);
    assert_eq!(returned.lookup_reason(), None);
    let mut part = one().fulfilled(&[("1", 2)]);
    part.shop().lines[0].quantity = 1;
    assert_eq!(kinds(&part), []);
}

#[test]
fn an_order_of_the_shops_that_is_not_in_the_ledger() {
    let order = |ago: TimeDelta| OrderRef {
        id: ShopOrderId::parse("1").unwrap(),
        code: OrderCode::parse("O1").unwrap(),
        state: OrderState::parse("PaymentSettled").unwrap(),
        created_at: Some(now() - TimeDelta::days(9)),
        placed_at: Some(now() - ago),
    };
    let (young, old) = (order(TimeDelta::minutes(19)), order(TimeDelta::minutes(20)));
    assert_eq!(missing_in_ledger(&young, None, &limits()), None);
    let found = missing_in_ledger(&old, None, &limits()).unwrap();
    assert_eq!(found.kind, FindingKind::MissingInLedger);
    assert!(found.advice.contains("sync orders --order O1"));
    let undated = OrderRef {
        created_at: None,
        placed_at: None,
        ..young
    };
    assert!(missing_in_ledger(&undated, None, &limits()).is_some());
    let mistaken = missing_in_ledger(&old, Some("O2"), &limits()).unwrap();
    assert!(mistaken.detail.contains("O2"), "{}", mistaken.detail);
}

#[test]
fn an_order_that_the_shop_does_not_have() {
    let mut gone = one();
    gone.shop = None;
    assert_eq!(kinds(&gone), [FindingKind::MissingInVendure]);
    assert_eq!(gone.lookup_reason(), None);
    let mut other = one();
    other.shop().code = OrderCode::parse("O2").unwrap();
    let found = compare_order(&other, &SkuRules::default(), &limits());
    assert!(found[0].detail.contains("order O2"), "{found:?}");
    gone.known.status = SyncStatus::Pending;
    let found = compare_order(&gone, &SkuRules::default(), &limits());
    assert!(found[0].advice.contains("orders skip O1"), "{found:?}");
}

#[test]
fn an_order_that_veracore_lost_or_cancelled() {
    let mut lost = one();
    lost.warehouse = WarehouseAnswer::Missing;
    assert_eq!(kinds(&lost), [FindingKind::MissingInVeracore]);
    assert_eq!(
        kinds(&one().says("Cancelled")),
        [FindingKind::CancelledInVeracore]
    );
    // Irrelevant once the shop has fulfilled all of it.
    assert_eq!(kinds(&one().says("Cancelled").fulfilled(&[("1", 2)])), []);
}

#[test]
fn an_order_that_was_edited_after_it_was_sent() {
    let mut edited = healthy(&[("1", "A-0", 2), ("2", "A-1", 1), ("3", "A-2", 1)]);
    edited.shop().lines[0].quantity = 3;
    edited.shop().lines[1].quantity = 0;
    let added = |id, sku: &str| FulfillmentProgressLine {
        id: line(id),
        variant: VariantId::parse(sku).unwrap(),
        sku: sku.into(),
        quantity: 4,
    };
    edited.shop().lines.push(added("4", "A-3"));
    edited.shop().lines.push(added("5", "GIFT-CARD"));
    let mut skip = GlobSetBuilder::new();
    skip.add(Glob::new("GIFT-*").unwrap());
    let rules = SkuRules {
        skip: skip.build().unwrap(),
        ..SkuRules::default()
    };
    let found = compare_order(&edited, &rules, &limits());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].kind, FindingKind::DifferentLines);
    assert_eq!(
        found[0].detail,
        "A-0: 2 sent, 3 in Vendure now; A-1: 1 sent, not in Vendure any more; A-3: not sent, 4 in Vendure now"
    );
    // Not while someone is editing it.
    edited.shop().state = OrderState::parse("Modifying").unwrap();
    assert_eq!(compare_order(&edited, &rules, &limits()), []);
    // A renamed SKU is the same line.
    let mut renamed = one();
    renamed.shop().lines[0].sku = "A-0-NEW".into();
    assert_eq!(kinds(&renamed), []);
}

#[test]
fn an_order_that_was_cancelled_after_it_was_sent() {
    assert_eq!(kinds(&one().cancelled()), [FindingKind::CancelledAfterSend]);
    // A cancellation in progress needs no manual one.
    let mut being_stopped = one().cancelled();
    being_stopped.known.is_cancel_requested = true;
    assert_eq!(kinds(&being_stopped), []);
    assert_eq!(
        one().cancelled().lookup_reason(),
        Some(LookupReason::CancelledOrder)
    );
    assert_eq!(
        kinds(&one().cancelled().says("Shipped")),
        [FindingKind::ShippedAfterCancel]
    );
    assert_eq!(
        kinds(&one().cancelled().says("PartiallyShipped")),
        [FindingKind::ShippedAfterCancel]
    );
    // A part shipped before, and the rest was cancelled in time.
    let rest = one()
        .fulfilled(&[("1", 1)])
        .cancelled()
        .says("PartiallyShipped");
    assert_eq!(kinds(&rest), [FindingKind::CancelledAfterSend]);
    // A recorded parcel that tracking could not fulfill.
    let mut shipped = one().cancelled().package("Shipped");
    shipped.warehouse = WarehouseAnswer::NotChecked;
    assert_eq!(kinds(&shipped), [FindingKind::ShippedAfterCancel]);
    let mut void = one().cancelled().package("Voided");
    void.warehouse = WarehouseAnswer::NotChecked;
    assert_eq!(kinds(&void), []);
}

#[test]
fn an_order_that_is_stuck() {
    let day = TimeDelta::days;
    for status in ["Received", "InWarehouse", "unknown"] {
        let facts = one()
            .says(status)
            .acknowledged(day(7) + TimeDelta::seconds(1));
        assert_eq!(kinds(&facts), [FindingKind::NeverShipped], "{status}");
    }
    // A tracking number from the label, before anything shipped.
    let label = one()
        .says("Label printed")
        .found(|found| found.tracking_number = Some("1Z".into()))
        .acknowledged(day(8));
    assert_eq!(kinds(&label), [FindingKind::NeverShipped]);
    let void = one().acknowledged(day(8)).package("Voided");
    assert_eq!(kinds(&void), [FindingKind::NeverShipped]);
    let unknown_to_shop = one()
        .says("Shipped")
        .found(|found| found.shipped_at = Some(now() - day(5)));
    assert_eq!(kinds(&unknown_to_shop), [FindingKind::ShippedNotFulfilled]);
}

#[test]
fn an_order_in_doubt_for_long() {
    let mut doubt = one();
    doubt.known.status = SyncStatus::InDoubt;
    doubt.known.in_doubt_since = Some(now() - TimeDelta::hours(1));
    doubt.warehouse = WarehouseAnswer::NotChecked;
    assert_eq!(kinds(&doubt), []);
    doubt.known.in_doubt_since = Some(now() - TimeDelta::hours(3));
    assert_eq!(kinds(&doubt), [FindingKind::StuckInDoubt]);
    assert_eq!(doubt.lookup_reason(), None);
}

#[test]
fn only_open_or_cancelled_orders_are_looked_up() {
    assert_eq!(one().lookup_reason(), Some(LookupReason::OpenOrder));
    assert_eq!(one().fulfilled(&[("1", 2)]).lookup_reason(), None);
    let mut closed = one();
    closed.known.is_open = false;
    assert_eq!(closed.lookup_reason(), None);
}

#[test]
fn kinds_are_spelled_alike_everywhere() {
    for kind in [
        FindingKind::MissingInLedger,
        FindingKind::CancelledInVeracore,
    ] {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
}
