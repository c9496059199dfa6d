//! The calls to measure: every ledger method that is called often or reads much, once each.

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

use super::Measurement;

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

impl Measurement {
    pub(super) async fn send_orders(&mut self) {
        let l = &self.ledger.clone();
        self.call("backlog", l.backlog()).await;
        let claimed = self
            .call("claim_due_orders", l.claim_due_orders(4, LEASE, None))
            .await;
        let only = &code(1);
        self.call(
            "claim_due_orders only",
            l.claim_due_orders(4, LEASE, Some(only)),
        )
        .await;
        let order = &claimed[0];
        let attempt = self
            .call(
                "record_send_intent",
                l.record_send_intent(order, &intent(), LEASE),
            )
            .await;
        let attempt_record = AttemptRecord::End(attempt, AttemptEnd::without_error("accepted"));
        let next = OrderDisposition::Acknowledged {
            provider_order_id: None,
        };
        self.call(
            "finish_order",
            l.finish_order(order, Some(&attempt_record), &next),
        )
        .await;
        self.call(
            "record_order_lines",
            l.record_order_lines(&claimed[1], &intent()),
        )
        .await;
        for order in &claimed[1..] {
            self.call("release_order", l.release_order(order)).await;
        }
    }

    pub(super) async fn discover_orders(&mut self) {
        let l = &self.ledger.clone();
        let recorded = &orders(1000, 100);
        self.call(
            "insert_discovered_orders known",
            l.insert_discovered_orders(recorded, Duration::ZERO),
        )
        .await;
        let new = &orders(90_000_000, 10);
        self.call(
            "insert_discovered_orders new",
            l.insert_discovered_orders(new, Duration::ZERO),
        )
        .await;
        self.call("has_baseline", l.has_baseline()).await;
        self.call("known_statuses", l.known_statuses(recorded))
            .await;
        self.call("unrecorded_orders", l.unrecorded_orders(recorded))
            .await;
        self.call("backfill_orders", l.backfill_orders(recorded))
            .await;
        let id = &ShopOrderId::parse("1000").unwrap();
        self.call("order_by_shop_id", l.order_by_shop_id(id)).await;
        let again = RetryMode::Again;
        self.call("retry_order", l.retry_order(&code(1000), again))
            .await;
        self.call("skip_order", l.skip_order(&code(1000))).await;
    }

    pub(super) async fn stock_and_tracking(&mut self) {
        let l = &self.ledger.clone();
        let open = self
            .full_scan(
                "open_orders",
                "once per run, all open orders",
                l.open_orders(None),
            )
            .await;
        let order = open.last().expect("an open order");
        let skus = &[Sku::parse("SKU-7").unwrap()];
        self.call("open_orders of a SKU", l.open_orders(Some(skus)))
            .await;
        let codes: &Vec<OrderCode> = &open.iter().rev().take(50).map(|o| o.code.clone()).collect();
        self.call("sent_orders", l.sent_orders(codes)).await;
        self.call("shipments_of_orders", l.shipments_of_orders(codes))
            .await;
        self.call("is_any_in_progress", l.is_any_in_progress(codes))
            .await;
        let since = self.now - TimeDelta::days(60);
        self.call(
            "orders_with_unsettled_shipments",
            l.orders_with_unsettled_shipments(since),
        )
        .await;
        let read_at = Some(self.now - TimeDelta::minutes(30));
        self.call(
            "shipments_lookback_start",
            l.shipments_lookback_start(since, read_at),
        )
        .await;
        self.call("tracking_check_candidates", l.tracking_check_candidates(50))
            .await;
        self.call("record_tracking_check", l.record_tracking_check(codes))
            .await;
        let report = &ParcelReport {
            shipment_id: Some("P-new".into()),
            tracking_number: Some("1Z".into()),
            carrier: None,
            service: None,
            shipped_at: None,
            provider_status: "Shipped".into(),
            items: None,
        };
        let shipment = self
            .call(
                "record_shipment",
                l.record_shipment(order.id, "id:P-new", report),
            )
            .await;
        let settled = l.set_shipment_status(shipment, ShipmentStatus::Covered, None);
        self.call("set_shipment_status", settled).await;
        self.call("last_written_tracking", l.last_written_tracking(order.id))
            .await;
        let event = serde_json::json!({});
        self.call("record_tracking", l.record_tracking(order.id, "1Z", &event))
            .await;
        self.call("close_orders", l.close_orders(&[order.id])).await;
        self.call("stock_changes", l.stock_changes(Some("SKU-7"), None, 20))
            .await;
        let latest = l.stock_changes(None, None, 50);
        self.call("latest stock_changes", latest).await;
        let lease = self
            .call(
                "acquire_lease",
                l.acquire_lease(&[LeaseKey::Job("plans")], LEASE),
            )
            .await;
        let lease = lease.expect("no other lease");
        self.call("renew_lease", l.renew_lease(&lease, LEASE)).await;
        self.call("release_lease", l.release_lease(&lease)).await;
    }

    pub(super) async fn post_send(&mut self) {
        let l = &self.ledger.clone();
        let ids: &Vec<ShopOrderId> = &orders(1000, 50).into_iter().map(|o| o.id).collect();
        self.call(
            "post_send_orders by id",
            l.post_send_orders(Some(ids), None),
        )
        .await;
        let post_send = self
            .call("post_send_orders", l.post_send_orders(None, Some(50)))
            .await;
        let ids: &Vec<i64> = &post_send.iter().map(|order| order.id).collect();
        self.call("record_check", l.record_check(ids)).await;
        self.call("count_post_send", l.count_post_send()).await;
        self.call("due_cancellations", l.due_cancellations(50))
            .await;
        self.call(
            "due_provider_cancellations",
            l.due_provider_cancellations(50),
        )
        .await;
        let before = self.now - TimeDelta::days(30);
        self.call("end_closed_post_send", l.end_closed_post_send(before))
            .await;
        let codes = &[code(1000), code(1001)];
        self.call(
            "record_shipped_after_stop",
            l.record_shipped_after_stop(codes),
        )
        .await;
        self.call(
            "clear_provider_cancellations",
            l.clear_provider_cancellations(codes),
        )
        .await;
        self.call(
            "record_provider_cancellation",
            l.record_provider_cancellation(&codes[0], "Cancelled"),
        )
        .await;
    }

    pub(super) async fn inbox_and_outbox(&mut self) {
        let l = &self.ledger.clone();
        let longest = Duration::from_secs(6 * 3600);
        self.call("next_event_due_at", l.next_event_due_at()).await;
        let due = self
            .call("claim_due_events", l.claim_due_events(4, LEASE, longest))
            .await;
        self.call(
            "record_delivery_outcome",
            l.record_delivery_outcome(&due[0], &DeliveryOutcome::Delivered),
        )
        .await;
        self.call("has_failing_events", l.has_failing_events())
            .await;
        self.call("count_dead_events", l.count_dead_events()).await;
        self.call("events", l.events(None, 50)).await;
        self.call("next_note_due_at", l.next_note_due_at()).await;
        let note = self
            .call("claim_due_note", l.claim_due_note(LEASE, longest))
            .await;
        let note = note.expect("a due note");
        self.call("record_note_intent", l.record_note_intent(&note, LEASE))
            .await;
        self.call(
            "record_note_outcome",
            l.record_note_outcome(&note, &NoteOutcome::Written),
        )
        .await;
        let kinds = &[NoticeKind::Order, NoticeKind::Tracking];
        self.call("next_webhook_due_at", l.next_webhook_due_at(kinds))
            .await;
        let notices = self
            .call("claim_webhooks", l.claim_webhooks(kinds, 10, LEASE))
            .await;
        self.call(
            "renew_webhook_leases",
            l.renew_webhook_leases(&notices, LEASE),
        )
        .await;
        let order = code(1000);
        let expedite = l.expedite_order(&order, &notices[0], Duration::from_secs(60));
        self.call("expedite_order", expedite).await;
        self.call(
            "finish_webhook",
            l.finish_webhook(&notices[0], WebhookOutcome::Done, None),
        )
        .await;
        let since = self.now - TimeDelta::minutes(10);
        self.call("count_reported_skus", l.count_reported_skus(since))
            .await;
        self.call(
            "last_webhook_run_at",
            l.last_webhook_run_at("sync_inventory"),
        )
        .await;
        let (down, data) = (
            UpstreamEvent::Down,
            serde_json::json!({"upstream": "veracore"}),
        );
        self.call(
            "record_upstream_event",
            l.record_upstream_event(down, "veracore", &data),
        )
        .await;
    }

    pub(super) async fn jobs(&mut self) {
        let l = &self.ledger.clone();
        let now = self.now;
        for job in ["sync_inventory", "sync_tracking"] {
            self.call("occurrence_state", l.occurrence_state(job, now))
                .await;
        }
        let lease = self
            .call(
                "acquire_lease",
                l.acquire_lease(&[LeaseKey::Job("sync_tracking")], JOB_LEASE_TTL),
            )
            .await
            .expect("no other lease or run");
        let start = RunStart::Occurrence {
            scheduled_for: now,
            missed: None,
        };
        let run = self
            .call(
                "start_run",
                l.start_run(Some(&lease), "sync_tracking", start),
            )
            .await
            .expect("no other lease or run");
        let report = RunReport::done(serde_json::json!({}));
        self.call("finish_run", l.finish_run(run, &report)).await;
        self.call("release_lease", l.release_lease(&lease)).await;
        self.call("last_runs", l.last_runs()).await;
        self.call("runs_of_job", l.runs_of_job("sync_inventory", 20))
            .await;
        self.call(
            "undecided_quarantined_runs",
            l.undecided_quarantined_runs("sync_inventory", None, 20),
        )
        .await;
        self.call("job_status", l.job_status("sync_inventory"))
            .await;
    }

    pub(super) async fn metrics(&mut self) {
        let l = &self.ledger.clone();
        let jobs = &["sync_inventory", "sync_tracking", "sweep_orders"];
        self.call("metrics", l.metrics(jobs, "sync_inventory"))
            .await;
        self.call("change_token", l.change_token()).await;
        self.call("hourly_orders", l.hourly_orders()).await;
        self.call("oldest_waiting_at", l.oldest_waiting_at()).await;
        let since = self.now - TimeDelta::days(30);
        self.call("parcel_problems", l.parcel_problems(since, 20))
            .await;
        self.call("ensure_migrated", l.ensure_migrated()).await;
        self.call("ensure_writable", l.ensure_writable()).await;
    }

    pub(super) async fn pages(&mut self) {
        let l = &self.ledger.clone();
        let page = &OrderFilter {
            limit: 50,
            ..OrderFilter::default()
        };
        self.call("orders", l.orders(page)).await;
        let deep = &OrderFilter {
            before_id: Some(10_000),
            ..page.clone()
        };
        self.call("orders deep", l.orders(deep)).await;
        for &status in SyncStatus::ALL {
            let of_status = &OrderFilter {
                status: Some(status),
                ..page.clone()
            };
            self.call("orders of a status", l.orders(of_status)).await;
        }
        for group in [OrderGroup::Waiting, OrderGroup::NeedsAttention] {
            let of_group = &OrderFilter {
                group: Some(group),
                ..page.clone()
            };
            self.call("orders of a group", l.orders(of_group)).await;
            self.call("count_orders of a group", l.count_orders(of_group))
                .await;
        }
        self.call("order", l.order(&code(1000))).await;
        self.call("attempts", l.attempts(1000)).await;
        self.call("events_of_order", l.events_of_order(1000)).await;
        let search = &OrderFilter {
            search: Some("no-such".into()),
            ..page.clone()
        };
        let reason = "an operator searches for part of a code";
        self.full_scan("orders by a part", reason, l.orders(search))
            .await;
        self.full_scan("count_orders by a part", reason, l.count_orders(search))
            .await;
        let reason = "counts the whole history";
        self.full_scan("count_orders", reason, l.count_orders(page))
            .await;
        self.full_scan("count_tracked_orders", reason, l.count_tracked_orders())
            .await;
    }

    pub(super) async fn maintenance(&mut self) {
        let l = &self.ledger.clone();
        let reason = "once a day";
        let now = self.now;
        let before = now - TimeDelta::days(90);
        self.full_scan(
            "count_known_orders",
            reason,
            l.count_known_orders(now - TimeDelta::days(7)),
        )
        .await;
        self.full_scan(
            "known_orders",
            reason,
            l.known_orders(now - TimeDelta::days(7), 0, 500),
        )
        .await;
        self.full_scan("clear_personal_data", reason, l.clear_personal_data(before))
            .await;
        self.full_scan("delete_old_runs", reason, l.delete_old_runs(before))
            .await;
        self.full_scan(
            "delete_old_stock_changes",
            reason,
            l.delete_old_stock_changes(before),
        )
        .await;
        self.full_scan("delete_old_events", reason, l.delete_old_events(before))
            .await;
        self.full_scan(
            "delete_old_webhooks",
            reason,
            l.delete_old_webhooks(before, before),
        )
        .await;
        self.full_scan("delete_expired_leases", reason, l.delete_expired_leases())
            .await;
    }
}
