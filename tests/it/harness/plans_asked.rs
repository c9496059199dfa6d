//! What the ledger is asked often, and what of it reads much: each once.

use std::time::Duration;

use chrono::TimeDelta;
use veracore_sync::{
    domain::{NewsKind, OrderCode, OrderRef, OrderState, Quantity, ShopOrderId, Sku, SyncStatus},
    ledger::{
        AttemptEnd, Delivery, Held, Intent, IntentLine, NewsEnd, Next, Noted, OrderFilter,
        OrderGroup, Origin, Parts, RetryMode, RunOutcome, SentSummary, ShipmentStatus, Told, Trace,
        UpstreamEvent,
    },
};

use super::Asking;

const HOLD: Duration = Duration::from_secs(60);

const LEASE: Duration = Duration::from_secs(60);

fn code(id: u32) -> OrderCode {
    OrderCode::parse(format!("ORDER-{id}")).unwrap()
}

fn orders(from: u32, count: u32) -> Vec<OrderRef> {
    let order = |id: u32| OrderRef {
        id: ShopOrderId::parse(id.to_string()).unwrap(),
        code: code(id),
        state: OrderState::parse("PaymentSettled").unwrap(),
        created_at: None,
        placed_at: None,
    };
    (from..from + count).map(order).collect()
}

fn intent() -> Intent {
    let line = |id: u32| IntentLine {
        line_id: id.to_string(),
        vendure_sku: format!("SKU-{id}"),
        veracore_sku: Sku::parse(format!("SKU-{id}")).unwrap(),
        quantity: Quantity::new(2).unwrap(),
    };
    Intent {
        digest: "d".repeat(64),
        parts: Parts::default(),
        summary: SentSummary::default(),
        lines: (1..4).map(line).collect(),
    }
}

impl Asking {
    pub(super) async fn sending(&mut self) {
        let l = &self.ledger.clone();
        self.of("backlog", l.backlog()).await;
        let claimed = self
            .of("claim_due_orders", l.claim_due_orders(4, LEASE, None))
            .await;
        let only = &code(1);
        self.of(
            "claim_due_orders only",
            l.claim_due_orders(4, LEASE, Some(only)),
        )
        .await;
        let order = &claimed[0];
        let attempt = self
            .of("begin_send", l.begin_send(order, &intent(), LEASE))
            .await;
        let trace = Trace::Ends(attempt, AttemptEnd::fine("accepted"));
        let next = Next::Acknowledged {
            provider_order_id: None,
        };
        self.of("finish", l.finish(order, Some(&trace), &next))
            .await;
        self.of("note_lines", l.note_lines(&claimed[1], &intent()))
            .await;
        for order in &claimed[1..] {
            self.of("release", l.release(order)).await;
        }
    }

    pub(super) async fn finding(&mut self) {
        let l = &self.ledger.clone();
        let known = &orders(1000, 100);
        self.of("take_in known", l.take_in(known, Duration::ZERO))
            .await;
        let new = &orders(90_000_000, 10);
        self.of("take_in new", l.take_in(new, Duration::ZERO)).await;
        self.of("has_baseline", l.has_baseline()).await;
        self.of("mistaken", l.mistaken(known)).await;
        self.of("standing", l.standing(known)).await;
        self.of("strangers", l.strangers(known)).await;
        self.of("backfill", l.backfill(known)).await;
        let id = &ShopOrderId::parse("1000").unwrap();
        self.of("order_of_shop", l.order_of_shop(id)).await;
        let again = RetryMode::Again;
        self.of("retry_order", l.retry_order(&code(1000), again))
            .await;
        self.of("skip_order", l.skip_order(&code(1000))).await;
    }

    pub(super) async fn stock_and_tracking(&mut self) {
        let l = &self.ledger.clone();
        let open = self
            .rarely(
                "open_orders",
                "once a pass, all that are open",
                l.open_orders(None),
            )
            .await;
        let order = open.last().expect("some are open");
        let skus = &[Sku::parse("SKU-7").unwrap()];
        self.of("open_orders of a SKU", l.open_orders(Some(skus)))
            .await;
        let codes: &Vec<OrderCode> = &open.iter().rev().take(50).map(|o| o.code.clone()).collect();
        self.of("sent_orders", l.sent_orders(codes)).await;
        self.of("shipments_of", l.shipments_of(codes)).await;
        self.of("awaits_any", l.awaits_any(codes)).await;
        let since = self.now - TimeDelta::days(60);
        self.of("unsettled_shipments", l.unsettled_shipments(since))
            .await;
        let read_at = Some(self.now - TimeDelta::minutes(30));
        self.of(
            "shipments_needed_since",
            l.shipments_needed_since(since, read_at),
        )
        .await;
        self.of("longest_unasked", l.longest_unasked(50)).await;
        self.of("asked_for_tracking", l.asked_for_tracking(codes))
            .await;
        let told = &Told {
            shipment_id: Some("P-new".into()),
            tracking_number: Some("1Z".into()),
            carrier: None,
            service: None,
            shipped_at: None,
            provider_status: "Shipped".into(),
            items: None,
        };
        let shipment = self
            .of(
                "record_shipment",
                l.record_shipment(order.id, "id:P-new", told),
            )
            .await;
        let settled = l.settle_shipment(shipment, ShipmentStatus::Covered, None);
        self.of("settle_shipment", settled).await;
        self.of("tracking_written", l.tracking_written(order.id))
            .await;
        let event = serde_json::json!({});
        self.of("wrote_tracking", l.wrote_tracking(order.id, "1Z", &event))
            .await;
        self.of("close_orders", l.close_orders(&[order.id])).await;
        self.of("stock_changes", l.stock_changes("SKU-7", 20)).await;
        let latest = l.latest_stock_changes(None, 50);
        self.of("latest_stock_changes", latest).await;
        let hold = self.of("hold", l.hold(&[Held::Job("plans")], HOLD)).await;
        let hold = hold.expect("nobody else holds it");
        self.of("hold_on", l.hold_on(&hold, HOLD)).await;
        self.of("let_go", l.let_go(&hold)).await;
    }

    pub(super) async fn care(&mut self) {
        let l = &self.ledger.clone();
        let ids: &Vec<ShopOrderId> = &orders(1000, 50).into_iter().map(|o| o.id).collect();
        self.of("in_care_of", l.in_care_of(ids)).await;
        let care = self.of("orders_in_care", l.orders_in_care(50)).await;
        let ids: &Vec<i64> = &care.iter().map(|order| order.id).collect();
        self.of("looked_after", l.looked_after(ids)).await;
        self.of("count_in_care", l.count_in_care()).await;
        self.of("due_cancellations", l.due_cancellations(50)).await;
        self.of("due_for_the_shop", l.due_for_the_shop(50)).await;
        let before = self.now - TimeDelta::days(30);
        self.of("end_care_of_closed", l.end_care_of_closed(before))
            .await;
        let codes = &[code(1000), code(1001)];
        self.of("note_shipped_after_stop", l.note_shipped_after_stop(codes))
            .await;
        self.of("note_revived_there", l.note_revived_there(codes))
            .await;
        self.of(
            "note_cancelled_there",
            l.note_cancelled_there(&codes[0], "Cancelled"),
        )
        .await;
    }

    pub(super) async fn telling(&mut self) {
        let l = &self.ledger.clone();
        let longest = Duration::from_secs(6 * 3600);
        self.of("next_event", l.next_event()).await;
        let due = self
            .of("claim_due_events", l.claim_due_events(4, LEASE, longest))
            .await;
        self.of(
            "finish_event",
            l.finish_event(&due[0], &Delivery::Delivered),
        )
        .await;
        self.of("has_failing_events", l.has_failing_events()).await;
        self.of("count_dead_events", l.count_dead_events()).await;
        self.of("events", l.events(None, 50)).await;
        self.of("next_note", l.next_note()).await;
        let note = self
            .of("claim_due_note", l.claim_due_note(LEASE, longest))
            .await;
        let note = note.expect("one is due");
        self.of("intend_note", l.intend_note(&note, LEASE)).await;
        self.of("finish_note", l.finish_note(&note, &Noted::Written))
            .await;
        let kinds = &[NewsKind::Order, NewsKind::Tracking];
        self.of("next_news", l.next_news(kinds)).await;
        let news = self.of("claim_news", l.claim_news(kinds, 10, LEASE)).await;
        self.of("keep_news", l.keep_news(&news, LEASE)).await;
        let order = code(1000);
        let hastened = l.hasten_order(&order, &news[0], Duration::from_secs(60));
        self.of("hasten_order", hastened).await;
        self.of("end_news", l.end_news(&news[0], NewsEnd::Done, None))
            .await;
        let since = self.now - TimeDelta::minutes(10);
        self.of("skus_told_of", l.skus_told_of(since)).await;
        self.of("last_told_pass", l.last_told_pass("sync_inventory"))
            .await;
        let (down, data) = (
            UpstreamEvent::Down,
            serde_json::json!({"upstream": "veracore"}),
        );
        self.of(
            "raise_upstream_event",
            l.raise_upstream_event(down, "veracore", &data),
        )
        .await;
    }

    pub(super) async fn jobs(&mut self) {
        let l = &self.ledger.clone();
        let now = self.now;
        for job in ["sync_inventory", "sync_tracking"] {
            self.of("occurrence_state", l.occurrence_state(job, now))
                .await;
        }
        let run = self
            .of(
                "begin_run",
                l.begin_run("sync_tracking", now, Origin::Schedule),
            )
            .await
            .expect("nobody else has it");
        self.of(
            "give_up_runs",
            l.give_up_runs("sync_tracking", Some(run), "why"),
        )
        .await;
        let result = serde_json::json!({});
        self.of("end_run", l.end_run(run, RunOutcome::Done, &result, None))
            .await;
        self.of("last_runs", l.last_runs()).await;
        self.of("runs_of", l.runs_of("sync_inventory", 20)).await;
        self.of(
            "undecided_runs",
            l.undecided_runs("sync_inventory", None, 20),
        )
        .await;
        self.of("standing_of_job", l.standing_of_job("sync_inventory"))
            .await;
    }

    pub(super) async fn watching(&mut self) {
        let l = &self.ledger.clone();
        let jobs = &["sync_inventory", "sync_tracking", "sweep_orders"];
        self.of("measures", l.measures(jobs, "sync_inventory"))
            .await;
        self.of("mark", l.mark()).await;
        self.of("day_of_orders", l.day_of_orders()).await;
        self.of("oldest_waiting", l.oldest_waiting()).await;
        let since = self.now - TimeDelta::days(30);
        self.of("package_problems", l.package_problems(since, 20))
            .await;
        self.of("ensure_migrated", l.ensure_migrated()).await;
        self.of("ensure_writable", l.ensure_writable()).await;
    }

    pub(super) async fn pages(&mut self) {
        let l = &self.ledger.clone();
        let page = &OrderFilter {
            limit: 50,
            ..OrderFilter::default()
        };
        self.of("orders", l.orders(page)).await;
        let deep = &OrderFilter {
            before: Some(10_000),
            ..page.clone()
        };
        self.of("orders deep", l.orders(deep)).await;
        for status in SyncStatus::ALL {
            let of_status = &OrderFilter {
                status: Some(status),
                ..page.clone()
            };
            self.of("orders of a status", l.orders(of_status)).await;
        }
        for group in [OrderGroup::Waiting, OrderGroup::Care] {
            let of_group = &OrderFilter {
                group: Some(group),
                ..page.clone()
            };
            self.of("orders of a group", l.orders(of_group)).await;
            self.of("count_orders of a group", l.count_orders(of_group))
                .await;
        }
        self.of("order", l.order(&code(1000))).await;
        self.of("attempts", l.attempts(1000)).await;
        self.of("events_of_order", l.events_of_order(1000)).await;
        let search = &OrderFilter {
            search: Some("no-such".into()),
            ..page.clone()
        };
        let why = "a person searches for a part of a code";
        self.rarely("orders by a part", why, l.orders(search)).await;
        self.rarely("count_orders by a part", why, l.count_orders(search))
            .await;
        let why = "asked for a number of a whole history";
        self.rarely("count_orders", why, l.count_orders(page)).await;
        self.rarely("count_tracked_orders", why, l.count_tracked_orders())
            .await;
    }

    pub(super) async fn tidying(&mut self) {
        let l = &self.ledger.clone();
        let why = "once a day";
        let now = self.now;
        let before = now - TimeDelta::days(90);
        self.rarely("count_known", why, l.count_known(now - TimeDelta::days(7)))
            .await;
        self.rarely(
            "known_orders",
            why,
            l.known_orders(now - TimeDelta::days(7), 0, 500),
        )
        .await;
        self.rarely("clear_personal_data", why, l.clear_personal_data(before))
            .await;
        self.rarely("forget_runs", why, l.forget_runs(before)).await;
        self.rarely("forget_stock", why, l.forget_stock(before))
            .await;
        self.rarely("forget_events", why, l.forget_events(before))
            .await;
        self.rarely("forget_news", why, l.forget_news(before, before))
            .await;
        self.rarely("forget_holds", why, l.forget_holds()).await;
    }
}
