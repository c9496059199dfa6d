//! Working on one order's packages, under its hold: look at the shop, write down, do, write down.

use super::{
    TrackingError, TrackingSync,
    order_fields::OrderTracking,
    parcels::{Parcel, UNIDENTIFIED_KEY, merge_reports},
    plan::{OrderCompletion, ParcelStep, needs_order_status, plan_fulfillments},
};
use crate::{
    domain::{
        FailureClass, FulfillmentId, OrderCode,
        text::{is_sentence, one_line},
    },
    ledger::{FulfillmentIntentLine, Lease, LeaseKey, ParcelReport, SentOrder, ShipmentStatus},
    sync::leases,
    vendure::{
        FulfillmentProgress, LineUnits, NewFulfillment, StorefrontError, SupportedTrackingFields,
        TrackingFields,
    },
};

/// What became of an order's packages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TrackingOutcome {
    /// Fulfillments that were made.
    pub fulfilled: u64,
    /// Fulfillments that were there, and recognized.
    pub linked: u64,
    pub covered: u64,
    pub void: u64,
    pub waiting: u64,
    /// What a person must see to: which package, and what.
    pub problems: Vec<(String, String)>,
    /// Whether the order's tracking fields were written.
    pub fields_written: bool,
    /// What could not be done now, and is tried again by the next pass.
    pub failures: Vec<String>,
    /// Why the tracking fields could not be written.
    fields_error: Option<String>,
    /// A write may still be worked on by the shop: holds run out by themselves.
    call_in_flight: bool,
}

/// A package with its row in the ledger.
struct StoredParcel {
    id: i64,
    parcel: Parcel,
}

impl TrackingSync {
    /// Works on an order. `None`: somebody else does.
    pub(super) async fn process_order(
        &self,
        order: &SentOrder,
        news: Vec<ParcelReport>,
        known: SupportedTrackingFields,
    ) -> Result<Option<TrackingOutcome>, TrackingError> {
        // Most of what waits goes on waiting; that needs no hold.
        if let Some(outcome) = self.outcome_if_idle(order, &news).await? {
            return Ok(Some(outcome));
        }
        let held = [LeaseKey::Fulfillments(&order.order_id)];
        let Some(hold) = self
            .ledger
            .acquire_lease(&held, self.settings.lease_ttl)
            .await?
        else {
            return Ok(None);
        };
        let outcome = self.process_under_lease(order, news, known, &hold).await?;
        if !outcome.call_in_flight {
            self.ledger.release_lease(&hold).await?;
        }
        Ok(Some(outcome))
    }

    async fn process_under_lease(
        &self,
        order: &SentOrder,
        news: Vec<ParcelReport>,
        known: SupportedTrackingFields,
        hold: &Lease,
    ) -> Result<TrackingOutcome, TrackingError> {
        let mut outcome = TrackingOutcome::default();
        let tracked = self.record_parcels(order, news).await?;
        let Some(shop) = self.fetch_progress(order).await? else {
            let problem = "Vendure does not have the order any more, or another one under its id";
            let settled = |tracked: &&StoredParcel| tracked.parcel.is_settled();
            for tracked in tracked.iter().filter(|tracked| !settled(tracked)) {
                self.set_parcel_status(order, tracked, ShipmentStatus::Problem, Some(problem))
                    .await?;
            }
            outcome.problems.push((String::new(), problem.into()));
            return Ok(outcome);
        };
        let packages: Vec<Parcel> = tracked.iter().map(|t| t.parcel.clone()).collect();
        let completion = self.fetch_completion(&order.code, &packages).await;
        let steps = plan_fulfillments(&shop, &order.lines, &packages, &completion);
        let mut left = RemainingUnits::new(order, &shop);
        let mut gone = Vec::new();
        for (tracked, step) in tracked.iter().zip(steps) {
            let done = self
                .apply_step(order, &shop, hold, tracked, step, &mut outcome)
                .await?;
            left.subtract(&done.fulfilled_lines);
            if let Some(settled) = done.final_status {
                gone.push((tracked, settled));
            }
            if outcome.call_in_flight {
                return Ok(outcome);
            }
        }
        let tracking = OrderTracking::from_parcels(gone.iter().map(|(tracked, _)| &tracked.parcel));
        self.write_tracking_fields(order, &tracking, known, &mut outcome)
            .await?;
        // Last of all, since nobody looks at a package again that is settled.
        for (tracked, settled) in gone {
            let message = outcome
                .fields_error
                .as_deref()
                .or(settled.message.as_deref());
            let status = match outcome.fields_error {
                None => settled.status,
                Some(_) => ShipmentStatus::Pending,
            };
            self.set_parcel_status(order, tracked, status, message)
                .await?;
        }
        if left.is_empty() {
            self.ledger.close_orders(&[order.id]).await?;
        } else {
            self.ledger.reopen_order(order.id).await?;
        }
        Ok(outcome)
    }

    /// What is to be said of an order about whose packages nothing has to be done.
    async fn outcome_if_idle(
        &self,
        order: &SentOrder,
        news: &[ParcelReport],
    ) -> Result<Option<TrackingOutcome>, TrackingError> {
        let codes = std::slice::from_ref(&order.code);
        let mut recorded = self.ledger.shipments_of_orders(codes).await?;
        recorded.retain(|shipment| shipment.order == order.id);
        let packages = merge_reports(recorded, news.to_vec());
        let waiting = packages
            .iter()
            .filter(|p| p.waiting_reason().is_some())
            .count();
        Ok(packages
            .iter()
            .all(Parcel::is_idle)
            .then(|| TrackingOutcome {
                waiting: waiting as u64,
                ..TrackingOutcome::default()
            }))
    }

    /// Puts what is told and what is known together, and records what is new.
    async fn record_parcels(
        &self,
        order: &SentOrder,
        news: Vec<ParcelReport>,
    ) -> Result<Vec<StoredParcel>, TrackingError> {
        let codes = std::slice::from_ref(&order.code);
        let mut recorded = self.ledger.shipments_of_orders(codes).await?;
        recorded.retain(|shipment| shipment.order == order.id);
        let rows: Vec<(String, i64)> = recorded
            .iter()
            .map(|shipment| (shipment.package_key.clone(), shipment.id))
            .collect();
        let mut tracked = Vec::new();
        for package in merge_reports(recorded, news) {
            let known = rows.iter().find(|(key, _)| *key == package.key);
            let row = match known {
                Some((_, row)) if !package.changed => *row,
                _ => {
                    self.ledger
                        .record_shipment(order.id, &package.key, &package.report)
                        .await?
                }
            };
            tracked.push(StoredParcel {
                id: row,
                parcel: package,
            });
        }
        let named = |tracked: &StoredParcel| tracked.parcel.key != UNIDENTIFIED_KEY;
        if rows.iter().any(|(key, _)| key == UNIDENTIFIED_KEY) && tracked.iter().all(named) {
            self.ledger
                .delete_unnamed_shipment(order.id, UNIDENTIFIED_KEY)
                .await?;
        }
        Ok(tracked)
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

    /// How far VeraCore is with the order, where a package does not say what is in it.
    pub(super) async fn fetch_completion(
        &self,
        code: &OrderCode,
        packages: &[Parcel],
    ) -> OrderCompletion {
        if !needs_order_status(packages) {
            return OrderCompletion::NotChecked;
        }
        match self.provider.find_order(code).await {
            Ok(Some(found)) => OrderCompletion::from_status(&found.status),
            Ok(None) => OrderCompletion::Partial("unknown to VeraCore".into()),
            Err(error) => {
                let problem = error.redacted_message();
                tracing::warn!(order = %code, problem, "VeraCore did not say how far the order is");
                OrderCompletion::NotChecked
            }
        }
    }

    async fn apply_step(
        &self,
        order: &SentOrder,
        shop: &FulfillmentProgress,
        hold: &Lease,
        tracked: &StoredParcel,
        step: ParcelStep,
        outcome: &mut TrackingOutcome,
    ) -> Result<StepResult, TrackingError> {
        match step {
            ParcelStep::Void => {
                outcome.void += 1;
                self.set_parcel_status(order, tracked, ShipmentStatus::Void, None)
                    .await?;
                Ok(StepResult::unfinished())
            }
            ParcelStep::Wait { reason: why } => {
                outcome.waiting += 1;
                self.set_parcel_status(order, tracked, ShipmentStatus::Waiting, Some(&why))
                    .await?;
                Ok(StepResult::unfinished())
            }
            ParcelStep::Covered { reason: how } => {
                outcome.covered += 1;
                Ok(StepResult::with_status(ShipmentStatus::Covered, Some(how)))
            }
            ParcelStep::Problem { problem } => {
                self.set_parcel_status(order, tracked, ShipmentStatus::Problem, Some(&problem))
                    .await?;
                outcome
                    .problems
                    .push((parcel_label(&tracked.parcel), problem));
                Ok(StepResult::unfinished())
            }
            ParcelStep::Existing {
                fulfillment,
                needs_shipping: ship,
            } => {
                if tracked.parcel.fulfillment.as_ref() != Some(&fulfillment) {
                    outcome.linked += 1;
                    self.ledger
                        .record_fulfillment(tracked.id, &fulfillment)
                        .await?;
                }
                self.ship_fulfillment(order, tracked, &fulfillment, ship, outcome)
                    .await
            }
            ParcelStep::Fulfill { lines } => {
                let made = self
                    .create_fulfillment(order, shop, hold, tracked, &lines, outcome)
                    .await?;
                let Some(fulfillment) = made else {
                    return Ok(StepResult::unfinished());
                };
                outcome.fulfilled += 1;
                let done = self
                    .ship_fulfillment(order, tracked, &fulfillment, true, outcome)
                    .await?;
                Ok(StepResult {
                    fulfilled_lines: lines,
                    ..done
                })
            }
        }
    }

    /// Makes the fulfillment of a package, with the stock of its goods held; `None` when that did
    /// not come about, or is not known to have.
    async fn create_fulfillment(
        &self,
        order: &SentOrder,
        shop: &FulfillmentProgress,
        hold: &Lease,
        tracked: &StoredParcel,
        lines: &[LineUnits],
        outcome: &mut TrackingOutcome,
    ) -> Result<Option<FulfillmentId>, TrackingError> {
        let time = self.settings.lease_ttl;
        let goods: Vec<LeaseKey<'_>> = shop
            .lines
            .iter()
            .filter(|line| lines.iter().any(|units| units.line == line.id))
            .map(|line| LeaseKey::Stock(&line.variant))
            .collect();
        let Some(stock) =
            leases::acquire_within(&self.ledger, &goods, time, self.settings.lease_wait).await?
        else {
            let why = "its stock is being written; the next pass makes the fulfillment";
            outcome.failures.push(why.into());
            self.set_parcel_status(order, tracked, ShipmentStatus::Pending, Some(why))
                .await?;
            return Ok(None);
        };
        let intended: Vec<FulfillmentIntentLine> = lines.iter().map(intended_line).collect();
        let ours = self
            .ledger
            .record_fulfillment_intent(tracked.id, &intended, [hold, &stock], time)
            .await?;
        if !ours {
            outcome
                .failures
                .push("the order was no longer held; the next pass looks into it".into());
            outcome.call_in_flight = true;
            return Ok(None);
        }
        let told = &tracked.parcel.report;
        let new = NewFulfillment {
            lines: lines.to_vec(),
            method: tracked.parcel.shipping_method(),
            tracking_code: told.tracking_number.clone().unwrap_or_default(),
        };
        match self.storefront.add_fulfillment(&new).await {
            Ok(id) => {
                self.ledger.record_fulfillment(tracked.id, &id).await?;
                self.ledger.release_lease(&stock).await?;
                Ok(Some(id))
            }
            Err(error) if error.class() == FailureClass::Ambiguous && !error.has_response() => {
                // It may be made yet: nobody touches the order or its stock until the holds are over.
                tracing::warn!(order = %order.code, package = parcel_label(&tracked.parcel), %error, "VeraCore: it is not known whether the shop made the fulfillment; it is looked for later");
                outcome.failures.push(one_line(&error.to_string(), 300));
                outcome.call_in_flight = true;
                Ok(None)
            }
            Err(error) => {
                self.ledger.release_lease(&stock).await?;
                self.record_failure(order, tracked, &error, outcome).await?;
                Ok(None)
            }
        }
    }

    /// Moves a fulfillment on, if it was not.
    async fn ship_fulfillment(
        &self,
        order: &SentOrder,
        tracked: &StoredParcel,
        fulfillment: &FulfillmentId,
        ship: bool,
        outcome: &mut TrackingOutcome,
    ) -> Result<StepResult, TrackingError> {
        if ship {
            // Not known whether it was done is as good as not done: the next pass sees its state.
            if let Err(error) = self.storefront.ship_fulfillment(fulfillment).await {
                self.record_failure(order, tracked, &error, outcome).await?;
                return Ok(StepResult::unfinished());
            }
            tracing::info!(order = %order.code, package = parcel_label(&tracked.parcel), %fulfillment, "VeraCore shipped it, and so says the shop");
        }
        Ok(StepResult::with_status(ShipmentStatus::Fulfilled, None))
    }

    /// The shop did not do something. It is tried again by the next pass; what will not pass by
    /// itself is for a person, too.
    async fn record_failure(
        &self,
        order: &SentOrder,
        tracked: &StoredParcel,
        error: &StorefrontError,
        outcome: &mut TrackingOutcome,
    ) -> Result<(), TrackingError> {
        let message = one_line(&error.to_string(), 300);
        if error.class() == FailureClass::Permanent {
            self.set_parcel_status(order, tracked, ShipmentStatus::Problem, Some(&message))
                .await?;
            let package = parcel_label(&tracked.parcel);
            outcome.problems.push((package, message));
            return Ok(());
        }
        self.set_parcel_status(order, tracked, ShipmentStatus::Pending, Some(&message))
            .await?;
        outcome.failures.push(message);
        Ok(())
    }

    /// Records where a package stands, and says what a person must see to, once.
    async fn set_parcel_status(
        &self,
        order: &SentOrder,
        tracked: &StoredParcel,
        status: ShipmentStatus,
        message: Option<&str>,
    ) -> Result<(), TrackingError> {
        if status == ShipmentStatus::Problem && tracked.parcel.status != Some(status) {
            tracing::error!(order = %order.code, package = parcel_label(&tracked.parcel), problem = message, "VeraCore: a package needs a person");
        }
        Ok(self
            .ledger
            .set_shipment_status(tracked.id, status, message)
            .await?)
    }

    /// Writes the order's tracking fields, if they are not as they were last written.
    async fn write_tracking_fields(
        &self,
        order: &SentOrder,
        tracking: &OrderTracking,
        known: SupportedTrackingFields,
        outcome: &mut TrackingOutcome,
    ) -> Result<(), TrackingError> {
        let fields = tracking.fields(known);
        if fields == TrackingFields::default() {
            return Ok(());
        }
        let text = serde_json::to_string(&(tracking, writable_fields(known))).unwrap_or_default();
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
                tracing::error!(order = %order.code, problem = message, "VeraCore: the shop did not take the tracking fields; the next pass tries again");
                outcome.failures.push(message.clone());
                outcome.fields_error = Some(message);
            }
        }
        Ok(())
    }
}

/// Units of the order's sent lines that are not fulfilled.
struct RemainingUnits(Vec<LineUnits>);

impl RemainingUnits {
    fn new(order: &SentOrder, shop: &FulfillmentProgress) -> Self {
        let left = order.lines.iter().map(|sent| LineUnits {
            line: sent.line.clone(),
            quantity: shop.unfulfilled_units(&sent.line),
        });
        Self(left.collect())
    }

    fn subtract(&mut self, lines: &[LineUnits]) {
        for units in lines {
            for left in self.0.iter_mut().filter(|left| left.line == units.line) {
                left.quantity = left.quantity.saturating_sub(units.quantity);
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(|left| left.quantity == 0)
    }
}

/// What came of a step.
struct StepResult {
    /// What was fulfilled just now.
    fulfilled_lines: Vec<LineUnits>,
    /// The package left, so that its tracking is for the customer to see; and where it stands once
    /// that is written.
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

/// When the shop gets a field later, it is written then.
const fn writable_fields(known: SupportedTrackingFields) -> [bool; 3] {
    [known.tracking_code, known.carrier, known.ship_date]
}

/// A package, for people.
pub(super) fn parcel_label(package: &Parcel) -> String {
    let told = &package.report;
    let number = told
        .tracking_number
        .as_ref()
        .filter(|number| !is_sentence(number));
    let name = number.or(told.shipment_id.as_ref().filter(|id| !is_sentence(id)));
    name.map_or_else(|| "without a number".into(), |name| one_line(name, 80))
}

/// Numbers as others may read them: a note of the warehouse's is for the shop alone.
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
