//! What the ledger is asked often, and what of it reads much: each once.

use std::time::Duration;

use chrono::TimeDelta;
use veracore_sync::{
    domain::{NoticeKind, OrderCode, OrderRef, OrderState, Quantity, ShopOrderId, Sku, SyncStatus},
    ledger::{
        AttemptEnd, AttemptRecord, DeliveryOutcome, JOB_LEASE_TTL, LeaseKey, NoteOutcome,
        OrderDisposition, OrderFilter, OrderGroup, ParcelReport, PartDigests, RetryMode, RunReport,
        RunStart, SendIntent, SendIntentLine, SentSummary, ShipmentStatus, UpstreamEvent,
        WebhookOutcome,
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

fn intent() -> SendIntent {
    let line = |id: u32| SendIntentLine {
        line_id: id.to_string(),
        vendure_sku: format!("SKU-{id}"),
        veracore_sku: Sku::parse(format!("SKU-{id}")).unwrap(),
        quantity: Quantity::new(2).unwrap(),
    };
    SendIntent {
        digest: "d".repeat(64),
        part_digests: PartDigests::default(),
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
            .of(
                "record_send_intent",
                l.record_send_intent(order, &intent(), LEASE),
            )
            .await;
        let trace = AttemptRecord::End(attempt, AttemptEnd::without_error("accepted"));
        let next = OrderDisposition::Acknowledged {
            provider_order_id: None,
        };
        self.of("finish_order", l.finish_order(order, Some(&trace), &next))
            .await;
        self.of(
            "record_order_lines",
            l.record_order_lines(&claimed[1], &intent()),
        )
        .await;
        for order in &claimed[1..] {
            self.of("release_order", l.release_order(order)).await;
        }
    }

    pub(super) async fn finding(&mut self) {
        let l = &self.ledger.clone();
        let known = &orders(1000, 100);
        self.of(
            "take_in known",
            l.insert_discovered_orders(known, Duration::ZERO),
        )
        .await;
        let new = &orders(90_000_000, 10);
        self.of(
            "take_in new",
            l.insert_discovered_orders(new, Duration::ZERO),
        )
        .await;
        self.of("has_baseline", l.has_baseline()).await;
        self.of("standing", l.known_statuses(known)).await;
        self.of("strangers", l.unrecorded_orders(known)).await;
        self.of("backfill_orders", l.backfill_orders(known)).await;
        let id = &ShopOrderId::parse("1000").unwrap();
        self.of("order_of_shop", l.order_by_shop_id(id)).await;
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
        self.of("shipments_of", l.shipments_of_orders(codes)).await;
        self.of("awaits_any", l.is_any_in_progress(codes)).await;
        let since = self.now - TimeDelta::days(60);
        self.of(
            "unsettled_shipments",
            l.orders_with_unsettled_shipments(since),
        )
        .await;
        let read_at = Some(self.now - TimeDelta::minutes(30));
        self.of(
            "shipments_needed_since",
            l.shipments_lookback_start(since, read_at),
        )
        .await;
        self.of("longest_unasked", l.tracking_check_candidates(50))
            .await;
        self.of("record_tracking_check", l.record_tracking_check(codes))
            .await;
        let told = &ParcelReport {
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
        let settled = l.set_shipment_status(shipment, ShipmentStatus::Covered, None);
        self.of("set_shipment_status", settled).await;
        self.of("tracking_written", l.last_written_tracking(order.id))
            .await;
        let event = serde_json::json!({});
        self.of("record_tracking", l.record_tracking(order.id, "1Z", &event))
            .await;
        self.of("close_orders", l.close_orders(&[order.id])).await;
        self.of("stock_changes", l.stock_changes(Some("SKU-7"), None, 20))
            .await;
        let latest = l.stock_changes(None, None, 50);
        self.of("latest_stock_changes", latest).await;
        let hold = self
            .of(
                "acquire_lease",
                l.acquire_lease(&[LeaseKey::Job("plans")], HOLD),
            )
            .await;
        let hold = hold.expect("nobody else holds it");
        self.of("renew_lease", l.renew_lease(&hold, HOLD)).await;
        self.of("release_lease", l.release_lease(&hold)).await;
    }

    pub(super) async fn care(&mut self) {
        let l = &self.ledger.clone();
        let ids: &Vec<ShopOrderId> = &orders(1000, 50).into_iter().map(|o| o.id).collect();
        self.of("in_care_of", l.post_send_orders(Some(ids), None))
            .await;
        let care = self
            .of("orders_in_care", l.post_send_orders(None, Some(50)))
            .await;
        let ids: &Vec<i64> = &care.iter().map(|order| order.id).collect();
        self.of("record_check", l.record_check(ids)).await;
        self.of("count_in_care", l.count_post_send()).await;
        self.of("due_cancellations", l.due_cancellations(50)).await;
        self.of("due_for_the_shop", l.due_provider_cancellations(50))
            .await;
        let before = self.now - TimeDelta::days(30);
        self.of("end_closed_post_send", l.end_closed_post_send(before))
            .await;
        let codes = &[code(1000), code(1001)];
        self.of(
            "record_shipped_after_stop",
            l.record_shipped_after_stop(codes),
        )
        .await;
        self.of(
            "clear_provider_cancellations",
            l.clear_provider_cancellations(codes),
        )
        .await;
        self.of(
            "record_provider_cancellation",
            l.record_provider_cancellation(&codes[0], "Cancelled"),
        )
        .await;
    }

    pub(super) async fn telling(&mut self) {
        let l = &self.ledger.clone();
        let longest = Duration::from_secs(6 * 3600);
        self.of("next_event", l.next_event_due_at()).await;
        let due = self
            .of("claim_due_events", l.claim_due_events(4, LEASE, longest))
            .await;
        self.of(
            "record_delivery_outcome",
            l.record_delivery_outcome(&due[0], &DeliveryOutcome::Delivered),
        )
        .await;
        self.of("has_failing_events", l.has_failing_events()).await;
        self.of("count_dead_events", l.count_dead_events()).await;
        self.of("events", l.events(None, 50)).await;
        self.of("next_note", l.next_note_due_at()).await;
        let note = self
            .of("claim_due_note", l.claim_due_note(LEASE, longest))
            .await;
        let note = note.expect("one is due");
        self.of("record_note_intent", l.record_note_intent(&note, LEASE))
            .await;
        self.of(
            "record_note_outcome",
            l.record_note_outcome(&note, &NoteOutcome::Written),
        )
        .await;
        let kinds = &[NoticeKind::Order, NoticeKind::Tracking];
        self.of("next_news", l.next_webhook_due_at(kinds)).await;
        let news = self
            .of("claim_webhooks", l.claim_webhooks(kinds, 10, LEASE))
            .await;
        self.of("renew_webhook_leases", l.renew_webhook_leases(&news, LEASE))
            .await;
        let order = code(1000);
        let hastened = l.expedite_order(&order, &news[0], Duration::from_secs(60));
        self.of("expedite_order", hastened).await;
        self.of(
            "finish_webhook",
            l.finish_webhook(&news[0], WebhookOutcome::Done, None),
        )
        .await;
        let since = self.now - TimeDelta::minutes(10);
        self.of("skus_told_of", l.count_reported_skus(since)).await;
        self.of("last_told_pass", l.last_webhook_run_at("sync_inventory"))
            .await;
        let (down, data) = (
            UpstreamEvent::Down,
            serde_json::json!({"upstream": "veracore"}),
        );
        self.of(
            "record_upstream_event",
            l.record_upstream_event(down, "veracore", &data),
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
        let lease = self
            .of(
                "acquire_lease",
                l.acquire_lease(&[LeaseKey::Job("sync_tracking")], JOB_LEASE_TTL),
            )
            .await
            .expect("nobody else has it");
        let start = RunStart::Occurrence {
            scheduled_for: now,
            missed: None,
        };
        let run = self
            .of(
                "start_run",
                l.start_run(Some(&lease), "sync_tracking", start),
            )
            .await
            .expect("nobody else has it");
        let report = RunReport::done(serde_json::json!({}));
        self.of("finish_run", l.finish_run(run, &report)).await;
        self.of("release_lease", l.release_lease(&lease)).await;
        self.of("last_runs", l.last_runs()).await;
        self.of("runs_of", l.runs_of_job("sync_inventory", 20))
            .await;
        self.of(
            "undecided_runs",
            l.undecided_quarantined_runs("sync_inventory", None, 20),
        )
        .await;
        self.of("standing_of_job", l.job_status("sync_inventory"))
            .await;
    }

    pub(super) async fn watching(&mut self) {
        let l = &self.ledger.clone();
        let jobs = &["sync_inventory", "sync_tracking", "sweep_orders"];
        self.of("measures", l.metrics(jobs, "sync_inventory")).await;
        self.of("mark", l.change_token()).await;
        self.of("day_of_orders", l.hourly_orders()).await;
        self.of("oldest_waiting", l.oldest_waiting_at()).await;
        let since = self.now - TimeDelta::days(30);
        self.of("package_problems", l.parcel_problems(since, 20))
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
            before_id: Some(10_000),
            ..page.clone()
        };
        self.of("orders deep", l.orders(deep)).await;
        for &status in SyncStatus::ALL {
            let of_status = &OrderFilter {
                status: Some(status),
                ..page.clone()
            };
            self.of("orders of a status", l.orders(of_status)).await;
        }
        for group in [OrderGroup::Waiting, OrderGroup::NeedsAttention] {
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
        self.rarely(
            "count_known",
            why,
            l.count_known_orders(now - TimeDelta::days(7)),
        )
        .await;
        self.rarely(
            "known_orders",
            why,
            l.known_orders(now - TimeDelta::days(7), 0, 500),
        )
        .await;
        self.rarely("clear_personal_data", why, l.clear_personal_data(before))
            .await;
        self.rarely("delete_old_runs", why, l.delete_old_runs(before))
            .await;
        self.rarely(
            "delete_old_stock_changes",
            why,
            l.delete_old_stock_changes(before),
        )
        .await;
        self.rarely("delete_old_events", why, l.delete_old_events(before))
            .await;
        self.rarely(
            "delete_old_webhooks",
            why,
            l.delete_old_webhooks(before, before),
        )
        .await;
        self.rarely("delete_expired_leases", why, l.delete_expired_leases())
            .await;
    }
}
