//! Processes one order's parcels under its lease: read the shop, record the intent, write, record the
//! outcome.

use super::{
    order_fields::OrderTracking,
    parcels::{Parcel, UNIDENTIFIED_KEY, merge_reports},
    plan::{OrderCompletion, ParcelStep, needs_order_status, plan_fulfillments},
    service::{TrackingSettings, TrackingSync},
    summary::{ParcelIssue, TrackingOutcome},
};
use crate::{
    domain::{
        FailureClass, FulfillmentId, LineUnits, OrderCode,
        text::{is_sentence, one_line},
    },
    ledger::{Lease, LeaseKey, ParcelReport, RecordedShipment, SentOrder, ShipmentStatus},
    sync::{error::SyncError, leases},
    vendure::{
        FulfillmentProgress, NewFulfillment, StorefrontError, SupportedTrackingFields,
        TrackingFields,
    },
};

struct StoredParcel {
    id: i64,
    parcel: Parcel,
}

/// A parcel that has left, and its status once the customer can see its tracking.
struct ShippedParcel<'a> {
    stored: &'a StoredParcel,
    status: ShipmentStatus,
    message: Option<String>,
}

/// The processing of an order's parcels under its lease.
struct OrderRun<'a> {
    service: &'a TrackingSync,
    order: &'a SentOrder,
    lease: &'a Lease,
    shipped: Vec<ShippedParcel<'a>>,
    /// Lines fulfilled by this run.
    fulfilled: Vec<LineUnits>,
    outcome: TrackingOutcome,
}

impl TrackingSync {
    /// Processes an order's parcels. `None` if another process has leased the order.
    pub(super) async fn process_order(
        &self,
        order: &SentOrder,
        reports: Vec<ParcelReport>,
        fields: SupportedTrackingFields,
    ) -> Result<Option<TrackingOutcome>, SyncError> {
        // Most waiting parcels just keep waiting, which needs no lease.
        let parcels = merge_reports(self.recorded_shipments(order).await?, reports.clone());
        if parcels.iter().all(Parcel::is_idle) {
            let waiting = parcels.iter().filter(|p| p.waiting_reason().is_some());
            return Ok(Some(TrackingOutcome {
                waiting: waiting.count() as u64,
                ..TrackingOutcome::default()
            }));
        }
        let key = [LeaseKey::Fulfillments(&order.order_id)];
        let ttl = self.settings.lease_ttl;
        let Some(lease) = self.ledger.acquire_lease(&key, ttl).await? else {
            return Ok(None);
        };
        let outcome = self
            .process_under_lease(order, reports, fields, &lease)
            .await?;
        if !outcome.call_in_flight {
            self.ledger.release_lease(&lease).await?;
        }
        Ok(Some(outcome))
    }

    async fn process_under_lease(
        &self,
        order: &SentOrder,
        reports: Vec<ParcelReport>,
        fields: SupportedTrackingFields,
        lease: &Lease,
    ) -> Result<TrackingOutcome, SyncError> {
        let stored = self.record_parcels(order, reports).await?;
        let mut run = OrderRun {
            service: self,
            order,
            lease,
            shipped: Vec::new(),
            fulfilled: Vec::new(),
            outcome: TrackingOutcome::default(),
        };
        let Some(shop) = self.fetch_progress(order).await? else {
            let problem = "Vendure no longer has the order, or has a different one under its id";
            for stored in stored.iter().filter(|stored| !stored.parcel.is_settled()) {
                run.set_status(stored, ShipmentStatus::Problem, Some(problem))
                    .await?;
            }
            run.add_problem(String::new(), problem.into());
            return Ok(run.outcome);
        };
        let parcels: Vec<Parcel> = stored.iter().map(|stored| stored.parcel.clone()).collect();
        let completion = self.fetch_completion(&order.code, &parcels).await;
        let steps = plan_fulfillments(&shop, &order.lines, &parcels, &completion);
        for (stored, step) in stored.iter().zip(steps) {
            run.apply_step(&shop, stored, step).await?;
            if run.outcome.call_in_flight {
                return Ok(run.outcome);
            }
        }
        run.finish(&shop, fields).await
    }

    async fn recorded_shipments(
        &self,
        order: &SentOrder,
    ) -> Result<Vec<RecordedShipment>, SyncError> {
        let codes = std::slice::from_ref(&order.code);
        let mut recorded = self.ledger.shipments_of_orders(codes).await?;
        recorded.retain(|shipment| shipment.order == order.id);
        Ok(recorded)
    }

    /// Merges the reports into the recorded parcels, and records the changes.
    async fn record_parcels(
        &self,
        order: &SentOrder,
        reports: Vec<ParcelReport>,
    ) -> Result<Vec<StoredParcel>, SyncError> {
        let recorded = self.recorded_shipments(order).await?;
        let rows: Vec<(String, i64)> = recorded
            .iter()
            .map(|shipment| (shipment.package_key.clone(), shipment.id))
            .collect();
        let mut stored = Vec::new();
        for parcel in merge_reports(recorded, reports) {
            let row = rows.iter().find(|(key, _)| *key == parcel.key);
            let id = match row {
                Some((_, id)) if !parcel.changed => *id,
                _ => {
                    self.ledger
                        .record_shipment(order.id, &parcel.key, &parcel.report)
                        .await?
                }
            };
            stored.push(StoredParcel { id, parcel });
        }
        let identified = |stored: &StoredParcel| stored.parcel.key != UNIDENTIFIED_KEY;
        if rows.iter().any(|(key, _)| key == UNIDENTIFIED_KEY) && stored.iter().all(identified) {
            self.ledger
                .delete_unnamed_shipment(order.id, UNIDENTIFIED_KEY)
                .await?;
        }
        Ok(stored)
    }

    pub(super) async fn fetch_progress(
        &self,
        order: &SentOrder,
    ) -> Result<Option<FulfillmentProgress>, SyncError> {
        let ids = std::slice::from_ref(&order.order_id);
        let page = self.storefront.fulfillment_progress(ids).await?;
        if let Some(bad) = page.unreadable.first() {
            return Err(StorefrontError::InvalidField {
                operation: "progress",
                field: bad.key.clone(),
                problem: bad.problem.clone(),
            }
            .into());
        }
        let found = page.orders.into_iter().next();
        Ok(found.filter(|shop| shop.id == order.order_id && shop.code == order.code))
    }

    /// Looks up the order's status at VeraCore if a parcel does not list its items.
    pub(super) async fn fetch_completion(
        &self,
        code: &OrderCode,
        parcels: &[Parcel],
    ) -> OrderCompletion {
        if !needs_order_status(parcels) {
            return OrderCompletion::NotChecked;
        }
        match self.provider.find_order(code).await {
            Ok(Some(found)) => OrderCompletion::from_status(&found.status),
            Ok(None) => OrderCompletion::Partial("unknown to VeraCore".into()),
            Err(error) => {
                let problem = error.redacted_message();
                tracing::warn!(order = %code, problem, "cannot look up the order's status at VeraCore");
                OrderCompletion::NotChecked
            }
        }
    }
}

impl<'a> OrderRun<'a> {
    async fn apply_step(
        &mut self,
        shop: &FulfillmentProgress,
        stored: &'a StoredParcel,
        step: ParcelStep,
    ) -> Result<(), SyncError> {
        match step {
            ParcelStep::Void => {
                self.outcome.void += 1;
                self.set_status(stored, ShipmentStatus::Void, None).await
            }
            ParcelStep::Wait { reason } => {
                self.outcome.waiting += 1;
                self.set_status(stored, ShipmentStatus::Waiting, Some(&reason))
                    .await
            }
            ParcelStep::Covered { reason } => {
                self.outcome.covered += 1;
                self.shipped.push(ShippedParcel {
                    stored,
                    status: ShipmentStatus::Covered,
                    message: Some(reason),
                });
                Ok(())
            }
            ParcelStep::Problem { problem } => self.record_problem(stored, problem).await,
            ParcelStep::Existing {
                fulfillment,
                needs_shipping,
            } => {
                if stored.parcel.fulfillment.as_ref() != Some(&fulfillment) {
                    self.outcome.linked += 1;
                    let ledger = &self.service.ledger;
                    ledger.record_fulfillment(stored.id, &fulfillment).await?;
                }
                self.ship_fulfillment(stored, &fulfillment, needs_shipping)
                    .await
            }
            ParcelStep::Fulfill { lines } => {
                let created = self.create_fulfillment(shop, stored, &lines).await?;
                let Some(fulfillment) = created else {
                    return Ok(());
                };
                self.outcome.fulfilled += 1;
                self.fulfilled.extend(lines);
                self.ship_fulfillment(stored, &fulfillment, true).await
            }
        }
    }

    /// Creates a parcel's fulfillment while the stock of its goods is leased. `None` if it was not
    /// created, or may not have been.
    async fn create_fulfillment(
        &mut self,
        shop: &FulfillmentProgress,
        stored: &StoredParcel,
        lines: &[LineUnits],
    ) -> Result<Option<FulfillmentId>, SyncError> {
        let TrackingSettings {
            lease_ttl,
            lease_wait,
            ..
        } = *self.service.settings;
        let (ledger, order) = (&self.service.ledger, self.order);
        let goods: Vec<LeaseKey<'_>> = shop
            .lines
            .iter()
            .filter(|line| lines.iter().any(|units| units.line == line.id))
            .map(|line| LeaseKey::Stock(&line.variant))
            .collect();
        let stock = leases::acquire_within(ledger, &goods, lease_ttl, lease_wait).await?;
        let Some(stock) = stock else {
            let reason =
                "an inventory run is writing its stock; the next run creates the fulfillment";
            self.outcome.failures.push(reason.into());
            self.set_status(stored, ShipmentStatus::Pending, Some(reason))
                .await?;
            return Ok(None);
        };
        let recorded = ledger
            .record_fulfillment_intent(stored.id, lines, [self.lease, &stock], lease_ttl)
            .await?;
        if !recorded {
            let reason = "the lease on the order was lost; the next run checks it";
            self.outcome.failures.push(reason.into());
            self.outcome.call_in_flight = true;
            return Ok(None);
        }
        let number = &stored.parcel.report.tracking_number;
        let new = NewFulfillment {
            lines: lines.to_vec(),
            method: stored.parcel.shipping_method(),
            tracking_code: number.clone().unwrap_or_default(),
        };
        match self.service.storefront.add_fulfillment(&new).await {
            Ok(id) => {
                ledger.record_fulfillment(stored.id, &id).await?;
                ledger.release_lease(&stock).await?;
                Ok(Some(id))
            }
            Err(error) if error.class() == FailureClass::Ambiguous && !error.has_response() => {
                // Vendure may still create it: the order and its stock stay leased until then.
                tracing::warn!(order = %order.code, package = parcel_label(&stored.parcel), %error, "the response was lost; the next run checks whether Vendure fulfilled VeraCore's parcel");
                let failure = one_line(&error.to_string(), 300);
                self.outcome.failures.push(failure);
                self.outcome.call_in_flight = true;
                Ok(None)
            }
            Err(error) => {
                ledger.release_lease(&stock).await?;
                self.record_failure(stored, &error).await?;
                Ok(None)
            }
        }
    }

    /// Moves a fulfillment to `Shipped` if it needs that.
    async fn ship_fulfillment(
        &mut self,
        stored: &'a StoredParcel,
        fulfillment: &FulfillmentId,
        needs_shipping: bool,
    ) -> Result<(), SyncError> {
        if needs_shipping {
            // A lost response counts as a failure: the next run reads the state.
            if let Err(error) = self.service.storefront.ship_fulfillment(fulfillment).await {
                return self.record_failure(stored, &error).await;
            }
            tracing::info!(order = %self.order.code, package = parcel_label(&stored.parcel), %fulfillment, "fulfilled in Vendure what VeraCore shipped");
        }
        self.shipped.push(ShippedParcel {
            stored,
            status: ShipmentStatus::Fulfilled,
            message: None,
        });
        Ok(())
    }

    /// Writes the tracking of the shipped parcels, settles them, and closes or reopens the order.
    async fn finish(
        mut self,
        shop: &FulfillmentProgress,
        fields: SupportedTrackingFields,
    ) -> Result<TrackingOutcome, SyncError> {
        let parcels = self.shipped.iter().map(|shipped| &shipped.stored.parcel);
        let tracking = OrderTracking::from_parcels(parcels);
        let fields_error = self.write_tracking_fields(&tracking, fields).await?;
        // Last, since a settled parcel is not processed again.
        for shipped in &self.shipped {
            let (status, message) = match &fields_error {
                None => (shipped.status, &shipped.message),
                Some(_) => (ShipmentStatus::Pending, &fields_error),
            };
            self.set_status(shipped.stored, status, message.as_deref())
                .await?;
        }
        let (ledger, order) = (&self.service.ledger, self.order);
        let is_fulfilled = order.lines.iter().all(|sent| {
            let fulfilled = self.fulfilled.iter().filter(|line| line.line == sent.line);
            let fulfilled: u32 = fulfilled.map(|line| line.quantity).sum();
            shop.unfulfilled_units(&sent.line) <= fulfilled
        });
        if is_fulfilled {
            ledger.close_orders(&[order.id]).await?;
        } else {
            ledger.reopen_order(order.id).await?;
        }
        Ok(self.outcome)
    }

    /// Writes the order's tracking fields if they changed since the last write. Returns the error of
    /// a failed write.
    async fn write_tracking_fields(
        &mut self,
        tracking: &OrderTracking,
        supported: SupportedTrackingFields,
    ) -> Result<Option<String>, SyncError> {
        let (ledger, order) = (&self.service.ledger, self.order);
        let fields = tracking.fields(supported);
        if fields == TrackingFields::default() {
            return Ok(None);
        }
        // The supported fields as well, so that a field added to the shop later gets written.
        let writable = [
            supported.tracking_code,
            supported.carrier,
            supported.ship_date,
        ];
        let text = serde_json::to_string(&(tracking, writable)).unwrap_or_default();
        if ledger.last_written_tracking(order.id).await?.as_ref() == Some(&text) {
            return Ok(None);
        }
        let storefront = &self.service.storefront;
        let Err(error) = storefront.set_tracking(&order.order_id, &fields).await else {
            let event = serde_json::json!({
                "order": order.code, "trackingNumbers": public_numbers(&tracking.numbers),
                "carriers": tracking.carriers, "shipDate": tracking.ship_date,
            });
            ledger.record_tracking(order.id, &text, &event).await?;
            self.outcome.fields_written = true;
            return Ok(None);
        };
        let message = one_line(&error.to_string(), 300);
        tracing::error!(order = %order.code, problem = message, "cannot write VeraCore's tracking to the order's custom fields; the next run retries");
        self.outcome.failures.push(message.clone());
        Ok(Some(message))
    }

    /// Records a failed call to the shop. The next run retries it; a permanent failure also needs
    /// attention.
    async fn record_failure(
        &mut self,
        stored: &StoredParcel,
        error: &StorefrontError,
    ) -> Result<(), SyncError> {
        let message = one_line(&error.to_string(), 300);
        if error.class() == FailureClass::Permanent {
            return self.record_problem(stored, message).await;
        }
        self.set_status(stored, ShipmentStatus::Pending, Some(&message))
            .await?;
        self.outcome.failures.push(message);
        Ok(())
    }

    async fn record_problem(
        &mut self,
        stored: &StoredParcel,
        problem: String,
    ) -> Result<(), SyncError> {
        self.set_status(stored, ShipmentStatus::Problem, Some(&problem))
            .await?;
        self.add_problem(parcel_label(&stored.parcel), problem);
        Ok(())
    }

    fn add_problem(&mut self, parcel: String, problem: String) {
        let order = self.order.code.to_string();
        self.outcome.problems.push(ParcelIssue {
            order,
            parcel,
            problem,
        });
    }

    /// Records a parcel's status. Logs a new problem once.
    async fn set_status(
        &self,
        stored: &StoredParcel,
        status: ShipmentStatus,
        message: Option<&str>,
    ) -> Result<(), SyncError> {
        if status == ShipmentStatus::Problem && stored.parcel.status != Some(status) {
            tracing::error!(order = %self.order.code, package = parcel_label(&stored.parcel), problem = message, "VeraCore's parcel needs attention");
        }
        let ledger = &self.service.ledger;
        Ok(ledger
            .set_shipment_status(stored.id, status, message)
            .await?)
    }
}

/// A parcel's number or id for messages.
pub(super) fn parcel_label(parcel: &Parcel) -> String {
    let report = &parcel.report;
    let names = [&report.tracking_number, &report.shipment_id];
    let name = names.into_iter().flatten().find(|name| !is_sentence(name));
    name.map_or_else(|| "without a number".into(), |name| one_line(name, 80))
}

/// Tracking numbers for events. A note of the warehouse's in place of a number is only for the shop.
fn public_numbers(numbers: &[String]) -> Vec<&str> {
    let shown = numbers.iter().map(|number| {
        if is_sentence(number) {
            "(a note; see the order in Vendure)"
        } else {
            number.as_str()
        }
    });
    shown.collect()
}
