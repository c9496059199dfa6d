//! Processes one order's parcels under its lease: read the shop, record the intent, write, record the
//! outcome.

use super::{
    error::TrackingError,
    order_fields::OrderTracking,
    parcels::{Parcel, UNIDENTIFIED_KEY, merge_reports},
    plan::{OrderCompletion, ParcelStep, needs_order_status, plan_fulfillments},
    service::TrackingSync,
    summary::TrackingOutcome,
};
use crate::{
    domain::{
        FailureClass, FulfillmentId, OrderCode,
        text::{is_sentence, one_line},
    },
    ledger::{
        FulfillmentIntentLine, Lease, LeaseKey, ParcelReport, RecordedShipment, SentOrder,
        ShipmentStatus,
    },
    sync::leases,
    vendure::{
        FulfillmentProgress, LineUnits, NewFulfillment, StorefrontError, SupportedTrackingFields,
        TrackingFields,
    },
};

/// A parcel with its row in the ledger.
struct StoredParcel {
    id: i64,
    parcel: Parcel,
}

impl TrackingSync {
    /// Processes an order's parcels. `None` if another process has leased the order.
    pub(super) async fn process_order(
        &self,
        order: &SentOrder,
        reports: Vec<ParcelReport>,
        fields: SupportedTrackingFields,
    ) -> Result<Option<TrackingOutcome>, TrackingError> {
        // Most waiting parcels just keep waiting, which needs no lease.
        if let Some(outcome) = self.outcome_if_idle(order, &reports).await? {
            return Ok(Some(outcome));
        }
        let key = [LeaseKey::Fulfillments(&order.order_id)];
        let Some(lease) = self
            .ledger
            .acquire_lease(&key, self.settings.lease_ttl)
            .await?
        else {
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
    ) -> Result<TrackingOutcome, TrackingError> {
        let mut outcome = TrackingOutcome::default();
        let stored = self.record_parcels(order, reports).await?;
        let Some(shop) = self.fetch_progress(order).await? else {
            let problem = "Vendure no longer has the order, or has a different one under its id";
            for stored in stored.iter().filter(|stored| !stored.parcel.is_settled()) {
                self.set_parcel_status(order, stored, ShipmentStatus::Problem, Some(problem))
                    .await?;
            }
            outcome.problems.push((String::new(), problem.into()));
            return Ok(outcome);
        };
        let parcels: Vec<Parcel> = stored.iter().map(|stored| stored.parcel.clone()).collect();
        let completion = self.fetch_completion(&order.code, &parcels).await;
        let steps = plan_fulfillments(&shop, &order.lines, &parcels, &completion);
        let mut remaining = RemainingUnits::new(order, &shop);
        let mut shipped = Vec::new();
        for (stored, step) in stored.iter().zip(steps) {
            let done = self
                .apply_step(order, &shop, lease, stored, step, &mut outcome)
                .await?;
            remaining.subtract(&done.fulfilled_lines);
            if let Some(settled) = done.final_status {
                shipped.push((stored, settled));
            }
            if outcome.call_in_flight {
                return Ok(outcome);
            }
        }
        let parcels = shipped.iter().map(|(stored, _)| &stored.parcel);
        let tracking = OrderTracking::from_parcels(parcels);
        self.write_tracking_fields(order, &tracking, fields, &mut outcome)
            .await?;
        // Last, since a settled parcel is not processed again.
        for (stored, settled) in shipped {
            let message = outcome
                .fields_error
                .as_deref()
                .or(settled.message.as_deref());
            let status = match outcome.fields_error {
                None => settled.status,
                Some(_) => ShipmentStatus::Pending,
            };
            self.set_parcel_status(order, stored, status, message)
                .await?;
        }
        if remaining.is_empty() {
            self.ledger.close_orders(&[order.id]).await?;
        } else {
            self.ledger.reopen_order(order.id).await?;
        }
        Ok(outcome)
    }

    async fn recorded_shipments(
        &self,
        order: &SentOrder,
    ) -> Result<Vec<RecordedShipment>, TrackingError> {
        let codes = std::slice::from_ref(&order.code);
        let mut recorded = self.ledger.shipments_of_orders(codes).await?;
        recorded.retain(|shipment| shipment.order == order.id);
        Ok(recorded)
    }

    /// The outcome for an order whose parcels need nothing.
    async fn outcome_if_idle(
        &self,
        order: &SentOrder,
        reports: &[ParcelReport],
    ) -> Result<Option<TrackingOutcome>, TrackingError> {
        let parcels = merge_reports(self.recorded_shipments(order).await?, reports.to_vec());
        if !parcels.iter().all(Parcel::is_idle) {
            return Ok(None);
        }
        let waiting = parcels.iter().filter(|p| p.waiting_reason().is_some());
        Ok(Some(TrackingOutcome {
            waiting: waiting.count() as u64,
            ..TrackingOutcome::default()
        }))
    }

    /// Merges the reports into the recorded parcels, and records the changes.
    async fn record_parcels(
        &self,
        order: &SentOrder,
        reports: Vec<ParcelReport>,
    ) -> Result<Vec<StoredParcel>, TrackingError> {
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
    ) -> Result<Option<FulfillmentProgress>, TrackingError> {
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

    async fn apply_step(
        &self,
        order: &SentOrder,
        shop: &FulfillmentProgress,
        lease: &Lease,
        stored: &StoredParcel,
        step: ParcelStep,
        outcome: &mut TrackingOutcome,
    ) -> Result<StepResult, TrackingError> {
        match step {
            ParcelStep::Void => {
                outcome.void += 1;
                self.set_parcel_status(order, stored, ShipmentStatus::Void, None)
                    .await?;
                Ok(StepResult::unfinished())
            }
            ParcelStep::Wait { reason } => {
                outcome.waiting += 1;
                self.set_parcel_status(order, stored, ShipmentStatus::Waiting, Some(&reason))
                    .await?;
                Ok(StepResult::unfinished())
            }
            ParcelStep::Covered { reason } => {
                outcome.covered += 1;
                Ok(StepResult::with_status(
                    ShipmentStatus::Covered,
                    Some(reason),
                ))
            }
            ParcelStep::Problem { problem } => {
                self.set_parcel_status(order, stored, ShipmentStatus::Problem, Some(&problem))
                    .await?;
                outcome
                    .problems
                    .push((parcel_label(&stored.parcel), problem));
                Ok(StepResult::unfinished())
            }
            ParcelStep::Existing {
                fulfillment,
                needs_shipping,
            } => {
                if stored.parcel.fulfillment.as_ref() != Some(&fulfillment) {
                    outcome.linked += 1;
                    self.ledger
                        .record_fulfillment(stored.id, &fulfillment)
                        .await?;
                }
                self.ship_fulfillment(order, stored, &fulfillment, needs_shipping, outcome)
                    .await
            }
            ParcelStep::Fulfill { lines } => {
                let created = self
                    .create_fulfillment(order, shop, lease, stored, &lines, outcome)
                    .await?;
                let Some(fulfillment) = created else {
                    return Ok(StepResult::unfinished());
                };
                outcome.fulfilled += 1;
                let done = self
                    .ship_fulfillment(order, stored, &fulfillment, true, outcome)
                    .await?;
                Ok(StepResult {
                    fulfilled_lines: lines,
                    ..done
                })
            }
        }
    }

    /// Creates a parcel's fulfillment while the stock of its goods is leased. `None` if it was not
    /// created, or may not have been.
    async fn create_fulfillment(
        &self,
        order: &SentOrder,
        shop: &FulfillmentProgress,
        lease: &Lease,
        stored: &StoredParcel,
        lines: &[LineUnits],
        outcome: &mut TrackingOutcome,
    ) -> Result<Option<FulfillmentId>, TrackingError> {
        let ttl = self.settings.lease_ttl;
        let goods: Vec<LeaseKey<'_>> = shop
            .lines
            .iter()
            .filter(|line| lines.iter().any(|units| units.line == line.id))
            .map(|line| LeaseKey::Stock(&line.variant))
            .collect();
        let Some(stock) =
            leases::acquire_within(&self.ledger, &goods, ttl, self.settings.lease_wait).await?
        else {
            let reason =
                "an inventory run is writing its stock; the next run creates the fulfillment";
            outcome.failures.push(reason.into());
            self.set_parcel_status(order, stored, ShipmentStatus::Pending, Some(reason))
                .await?;
            return Ok(None);
        };
        let intended: Vec<FulfillmentIntentLine> = lines.iter().map(intended_line).collect();
        let recorded = self
            .ledger
            .record_fulfillment_intent(stored.id, &intended, [lease, &stock], ttl)
            .await?;
        if !recorded {
            outcome
                .failures
                .push("the lease on the order was lost; the next run checks it".into());
            outcome.call_in_flight = true;
            return Ok(None);
        }
        let number = &stored.parcel.report.tracking_number;
        let new = NewFulfillment {
            lines: lines.to_vec(),
            method: stored.parcel.shipping_method(),
            tracking_code: number.clone().unwrap_or_default(),
        };
        match self.storefront.add_fulfillment(&new).await {
            Ok(id) => {
                self.ledger.record_fulfillment(stored.id, &id).await?;
                self.ledger.release_lease(&stock).await?;
                Ok(Some(id))
            }
            Err(error) if error.class() == FailureClass::Ambiguous && !error.has_response() => {
                // Vendure may still create it: the order and its stock stay leased until then.
                tracing::warn!(order = %order.code, package = parcel_label(&stored.parcel), %error, "the response was lost; the next run checks whether Vendure fulfilled VeraCore's parcel");
                outcome.failures.push(one_line(&error.to_string(), 300));
                outcome.call_in_flight = true;
                Ok(None)
            }
            Err(error) => {
                self.ledger.release_lease(&stock).await?;
                self.record_failure(order, stored, &error, outcome).await?;
                Ok(None)
            }
        }
    }

    /// Moves a fulfillment to `Shipped` if it needs that.
    async fn ship_fulfillment(
        &self,
        order: &SentOrder,
        stored: &StoredParcel,
        fulfillment: &FulfillmentId,
        needs_shipping: bool,
        outcome: &mut TrackingOutcome,
    ) -> Result<StepResult, TrackingError> {
        if needs_shipping {
            // A lost response counts as a failure: the next run reads the state.
            if let Err(error) = self.storefront.ship_fulfillment(fulfillment).await {
                self.record_failure(order, stored, &error, outcome).await?;
                return Ok(StepResult::unfinished());
            }
            tracing::info!(order = %order.code, package = parcel_label(&stored.parcel), %fulfillment, "fulfilled in Vendure what VeraCore shipped");
        }
        Ok(StepResult::with_status(ShipmentStatus::Fulfilled, None))
    }

    /// Records a failed call to the shop. The next run retries it; a permanent failure also needs
    /// attention.
    async fn record_failure(
        &self,
        order: &SentOrder,
        stored: &StoredParcel,
        error: &StorefrontError,
        outcome: &mut TrackingOutcome,
    ) -> Result<(), TrackingError> {
        let message = one_line(&error.to_string(), 300);
        if error.class() == FailureClass::Permanent {
            self.set_parcel_status(order, stored, ShipmentStatus::Problem, Some(&message))
                .await?;
            outcome
                .problems
                .push((parcel_label(&stored.parcel), message));
            return Ok(());
        }
        self.set_parcel_status(order, stored, ShipmentStatus::Pending, Some(&message))
            .await?;
        outcome.failures.push(message);
        Ok(())
    }

    /// Records a parcel's status. Logs a new problem once.
    async fn set_parcel_status(
        &self,
        order: &SentOrder,
        stored: &StoredParcel,
        status: ShipmentStatus,
        message: Option<&str>,
    ) -> Result<(), TrackingError> {
        if status == ShipmentStatus::Problem && stored.parcel.status != Some(status) {
            tracing::error!(order = %order.code, package = parcel_label(&stored.parcel), problem = message, "VeraCore's parcel needs attention");
        }
        Ok(self
            .ledger
            .set_shipment_status(stored.id, status, message)
            .await?)
    }

    /// Writes the order's tracking fields if they changed since the last write.
    async fn write_tracking_fields(
        &self,
        order: &SentOrder,
        tracking: &OrderTracking,
        supported: SupportedTrackingFields,
        outcome: &mut TrackingOutcome,
    ) -> Result<(), TrackingError> {
        let fields = tracking.fields(supported);
        if fields == TrackingFields::default() {
            return Ok(());
        }
        let text =
            serde_json::to_string(&(tracking, writable_fields(supported))).unwrap_or_default();
        if self
            .ledger
            .last_written_tracking(order.id)
            .await?
            .as_deref()
            == Some(text.as_str())
        {
            return Ok(());
        }
        match self.storefront.set_tracking(&order.order_id, &fields).await {
            Ok(()) => {
                let event = serde_json::json!({
                    "order": order.code, "trackingNumbers": public_numbers(&tracking.numbers),
                    "carriers": tracking.carriers, "shipDate": tracking.ship_date,
                });
                self.ledger.record_tracking(order.id, &text, &event).await?;
                outcome.fields_written = true;
            }
            Err(error) => {
                let message = one_line(&error.to_string(), 300);
                tracing::error!(order = %order.code, problem = message, "cannot write VeraCore's tracking to the order's custom fields; the next run retries");
                outcome.failures.push(message.clone());
                outcome.fields_error = Some(message);
            }
        }
        Ok(())
    }
}

/// Units that were sent and are not fulfilled.
struct RemainingUnits(Vec<LineUnits>);

impl RemainingUnits {
    fn new(order: &SentOrder, shop: &FulfillmentProgress) -> Self {
        let remaining = order.lines.iter().map(|sent| LineUnits {
            line: sent.line.clone(),
            quantity: shop.unfulfilled_units(&sent.line),
        });
        Self(remaining.collect())
    }

    fn subtract(&mut self, lines: &[LineUnits]) {
        for units in lines {
            for remaining in self.0.iter_mut().filter(|own| own.line == units.line) {
                remaining.quantity = remaining.quantity.saturating_sub(units.quantity);
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(|units| units.quantity == 0)
    }
}

/// The result of a step.
struct StepResult {
    /// Units fulfilled by this step.
    fulfilled_lines: Vec<LineUnits>,
    /// For a parcel that has left: its status once the customer can see its tracking.
    final_status: Option<FinalStatus>,
}

struct FinalStatus {
    status: ShipmentStatus,
    message: Option<String>,
}

impl StepResult {
    const fn unfinished() -> Self {
        Self {
            fulfilled_lines: Vec::new(),
            final_status: None,
        }
    }

    const fn with_status(status: ShipmentStatus, message: Option<String>) -> Self {
        Self {
            fulfilled_lines: Vec::new(),
            final_status: Some(FinalStatus { status, message }),
        }
    }
}

fn intended_line(units: &LineUnits) -> FulfillmentIntentLine {
    FulfillmentIntentLine {
        line: units.line.clone(),
        quantity: units.quantity,
    }
}

/// Part of what is compared, so that a field added to the shop later gets written.
const fn writable_fields(supported: SupportedTrackingFields) -> [bool; 3] {
    [
        supported.tracking_code,
        supported.carrier,
        supported.ship_date,
    ]
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
