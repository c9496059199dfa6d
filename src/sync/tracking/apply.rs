//! Working on one order's packages, under its hold: look at the shop, write down, do, write down.

use super::{
    TrackingError, TrackingSync,
    fields::Tracking,
    package::{Package, UNNAMED, together},
    plan::{Completion, Step, must_ask, plan},
};
use crate::{
    domain::{
        Class, FulfillmentId, OrderCode,
        text::{is_sentence, one_line},
    },
    ledger::{Held, Hold, IntendedLine, SentOrder, ShipmentStatus, Told},
    sync::holding,
    vendure::{
        LineUnits, NewFulfillment, Progress, StorefrontError, TrackingFields, TrackingFieldsKnown,
    },
};

/// What became of an order's packages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Fulfillments that were made.
    pub fulfilled: u64,
    /// Fulfillments that were there, and recognized.
    pub recognized: u64,
    pub covered: u64,
    pub void: u64,
    pub waiting: u64,
    /// What a person must see to: which package, and what.
    pub problems: Vec<(String, String)>,
    /// Whether the order's tracking fields were written.
    pub tracking: bool,
    /// What could not be done now, and is tried again by the next pass.
    pub failures: Vec<String>,
    /// Why the tracking fields could not be written.
    unwritten: Option<String>,
    /// A write may still be worked on by the shop: holds run out by themselves.
    open_ended: bool,
}

/// A package with its row in the ledger.
struct Tracked {
    row: i64,
    package: Package,
}

impl TrackingSync {
    /// Works on an order. `None`: somebody else does.
    pub(super) async fn carry(
        &self,
        order: &SentOrder,
        news: Vec<Told>,
        known: TrackingFieldsKnown,
    ) -> Result<Option<Outcome>, TrackingError> {
        // Most of what waits goes on waiting; that needs no hold.
        if let Some(outcome) = self.at_rest(order, &news).await? {
            return Ok(Some(outcome));
        }
        let held = [Held::Fulfillments(&order.order_id)];
        let Some(hold) = self.ledger.hold(&held, self.settings.hold).await? else {
            return Ok(None);
        };
        let outcome = self.under_hold(order, news, known, &hold).await?;
        if !outcome.open_ended {
            self.ledger.let_go(&hold).await?;
        }
        Ok(Some(outcome))
    }

    async fn under_hold(
        &self,
        order: &SentOrder,
        news: Vec<Told>,
        known: TrackingFieldsKnown,
        hold: &Hold,
    ) -> Result<Outcome, TrackingError> {
        let mut outcome = Outcome::default();
        let tracked = self.record(order, news).await?;
        let Some(shop) = self.progress_of(order).await? else {
            let problem = "Vendure does not have the order any more, or another one under its id";
            let settled = |tracked: &&Tracked| tracked.package.is_settled();
            for tracked in tracked.iter().filter(|tracked| !settled(tracked)) {
                self.settle(order, tracked, ShipmentStatus::Problem, Some(problem))
                    .await?;
            }
            outcome.problems.push((String::new(), problem.into()));
            return Ok(outcome);
        };
        let packages: Vec<Package> = tracked.iter().map(|t| t.package.clone()).collect();
        let completion = self.completion(&order.code, &packages).await;
        let steps = plan(&shop, &order.lines, &packages, &completion);
        let mut left = Left::of(order, &shop);
        let mut gone = Vec::new();
        for (tracked, step) in tracked.iter().zip(steps) {
            let done = self
                .step(order, &shop, hold, tracked, step, &mut outcome)
                .await?;
            left.take(&done.lines);
            if let Some(settled) = done.settled {
                gone.push((tracked, settled));
            }
            if outcome.open_ended {
                return Ok(outcome);
            }
        }
        let tracking = Tracking::of(gone.iter().map(|(tracked, _)| &tracked.package));
        self.write_fields(order, &tracking, known, &mut outcome)
            .await?;
        // Last of all, since nobody looks at a package again that is settled.
        for (tracked, settled) in gone {
            let message = outcome.unwritten.as_deref().or(settled.message.as_deref());
            let status = match outcome.unwritten {
                None => settled.status,
                Some(_) => ShipmentStatus::Pending,
            };
            self.settle(order, tracked, status, message).await?;
        }
        if left.is_empty() {
            self.ledger.close_orders(&[order.id]).await?;
        } else {
            self.ledger.reopen_order(order.id).await?;
        }
        Ok(outcome)
    }

    /// What is to be said of an order about whose packages nothing has to be done.
    async fn at_rest(
        &self,
        order: &SentOrder,
        news: &[Told],
    ) -> Result<Option<Outcome>, TrackingError> {
        let codes = std::slice::from_ref(&order.code);
        let mut recorded = self.ledger.shipments_of(codes).await?;
        recorded.retain(|shipment| shipment.order == order.id);
        let packages = together(recorded, news.to_vec());
        let waiting = packages.iter().filter(|p| p.waits().is_some()).count();
        Ok(packages.iter().all(Package::is_at_rest).then(|| Outcome {
            waiting: waiting as u64,
            ..Outcome::default()
        }))
    }

    /// Puts what is told and what is known together, and records what is new.
    async fn record(
        &self,
        order: &SentOrder,
        news: Vec<Told>,
    ) -> Result<Vec<Tracked>, TrackingError> {
        let codes = std::slice::from_ref(&order.code);
        let mut recorded = self.ledger.shipments_of(codes).await?;
        recorded.retain(|shipment| shipment.order == order.id);
        let rows: Vec<(String, i64)> = recorded
            .iter()
            .map(|shipment| (shipment.package_key.clone(), shipment.id))
            .collect();
        let mut tracked = Vec::new();
        for package in together(recorded, news) {
            let known = rows.iter().find(|(key, _)| *key == package.key);
            let row = match known {
                Some((_, row)) if !package.changed => *row,
                _ => {
                    self.ledger
                        .record_shipment(order.id, &package.key, &package.told)
                        .await?
                }
            };
            tracked.push(Tracked { row, package });
        }
        let named = |tracked: &Tracked| tracked.package.key != UNNAMED;
        if rows.iter().any(|(key, _)| key == UNNAMED) && tracked.iter().all(named) {
            self.ledger.forget_unnamed(order.id, UNNAMED).await?;
        }
        Ok(tracked)
    }

    pub(super) async fn progress_of(
        &self,
        order: &SentOrder,
    ) -> Result<Option<Progress>, TrackingError> {
        let ids = std::slice::from_ref(&order.order_id);
        let page = self.storefront.progress(ids).await?;
        if let Some(bad) = page.unreadable.first() {
            return Err(StorefrontError::Field {
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
    pub(super) async fn completion(&self, code: &OrderCode, packages: &[Package]) -> Completion {
        if !must_ask(packages) {
            return Completion::NotAsked;
        }
        match self.provider.find_order(code).await {
            Ok(Some(found)) => Completion::of(&found.status),
            Ok(None) => Completion::Partial("unknown to VeraCore".into()),
            Err(error) => {
                let problem = error.without_its_words();
                tracing::warn!(order = %code, problem, "VeraCore did not say how far the order is");
                Completion::NotAsked
            }
        }
    }

    async fn step(
        &self,
        order: &SentOrder,
        shop: &Progress,
        hold: &Hold,
        tracked: &Tracked,
        step: Step,
        outcome: &mut Outcome,
    ) -> Result<Done, TrackingError> {
        match step {
            Step::Void => {
                outcome.void += 1;
                self.settle(order, tracked, ShipmentStatus::Void, None)
                    .await?;
                Ok(Done::nothing())
            }
            Step::Wait { why } => {
                outcome.waiting += 1;
                self.settle(order, tracked, ShipmentStatus::Waiting, Some(&why))
                    .await?;
                Ok(Done::nothing())
            }
            Step::Covered { how } => {
                outcome.covered += 1;
                Ok(Done::settled(ShipmentStatus::Covered, Some(how)))
            }
            Step::Problem { problem } => {
                self.settle(order, tracked, ShipmentStatus::Problem, Some(&problem))
                    .await?;
                outcome.problems.push((name_of(&tracked.package), problem));
                Ok(Done::nothing())
            }
            Step::Is { fulfillment, ship } => {
                if tracked.package.fulfillment.as_ref() != Some(&fulfillment) {
                    outcome.recognized += 1;
                    self.ledger
                        .found_fulfillment(tracked.row, &fulfillment)
                        .await?;
                }
                self.ship(order, tracked, &fulfillment, ship, outcome).await
            }
            Step::Fulfill { lines } => {
                let made = self
                    .fulfill(order, shop, hold, tracked, &lines, outcome)
                    .await?;
                let Some(fulfillment) = made else {
                    return Ok(Done::nothing());
                };
                outcome.fulfilled += 1;
                let done = self
                    .ship(order, tracked, &fulfillment, true, outcome)
                    .await?;
                Ok(Done { lines, ..done })
            }
        }
    }

    /// Makes the fulfillment of a package, with the stock of its goods held; `None` when that did
    /// not come about, or is not known to have.
    async fn fulfill(
        &self,
        order: &SentOrder,
        shop: &Progress,
        hold: &Hold,
        tracked: &Tracked,
        lines: &[LineUnits],
        outcome: &mut Outcome,
    ) -> Result<Option<FulfillmentId>, TrackingError> {
        let time = self.settings.hold;
        let goods: Vec<Held<'_>> = shop
            .lines
            .iter()
            .filter(|line| lines.iter().any(|units| units.line == line.id))
            .map(|line| Held::Stock(&line.variant))
            .collect();
        let Some(stock) =
            holding::wait_for(&self.ledger, &goods, time, self.settings.patience).await?
        else {
            let why = "its stock is being written; the next pass makes the fulfillment";
            outcome.failures.push(why.into());
            self.settle(order, tracked, ShipmentStatus::Pending, Some(why))
                .await?;
            return Ok(None);
        };
        let intended: Vec<IntendedLine> = lines.iter().map(intended).collect();
        let ours = self
            .ledger
            .intend_fulfillment(tracked.row, &intended, [hold, &stock], time)
            .await?;
        if !ours {
            outcome
                .failures
                .push("the order was no longer held; the next pass looks into it".into());
            outcome.open_ended = true;
            return Ok(None);
        }
        let told = &tracked.package.told;
        let new = NewFulfillment {
            lines: lines.to_vec(),
            method: tracked.package.method(),
            tracking_code: told.tracking_number.clone().unwrap_or_default(),
        };
        match self.storefront.add_fulfillment(&new).await {
            Ok(id) => {
                self.ledger.found_fulfillment(tracked.row, &id).await?;
                self.ledger.let_go(&stock).await?;
                Ok(Some(id))
            }
            Err(error) if error.class() == Class::Ambiguous && !error.was_answered() => {
                // It may be made yet: nobody touches the order or its stock until the holds are over.
                tracing::warn!(order = %order.code, package = name_of(&tracked.package), %error, "VeraCore: it is not known whether the shop made the fulfillment; it is looked for later");
                outcome.failures.push(one_line(&error.to_string(), 300));
                outcome.open_ended = true;
                Ok(None)
            }
            Err(error) => {
                self.ledger.let_go(&stock).await?;
                self.not_done(order, tracked, &error, outcome).await?;
                Ok(None)
            }
        }
    }

    /// Moves a fulfillment on, if it was not.
    async fn ship(
        &self,
        order: &SentOrder,
        tracked: &Tracked,
        fulfillment: &FulfillmentId,
        ship: bool,
        outcome: &mut Outcome,
    ) -> Result<Done, TrackingError> {
        if ship {
            // Not known whether it was done is as good as not done: the next pass sees its state.
            if let Err(error) = self.storefront.ship_fulfillment(fulfillment).await {
                self.not_done(order, tracked, &error, outcome).await?;
                return Ok(Done::nothing());
            }
            tracing::info!(order = %order.code, package = name_of(&tracked.package), %fulfillment, "VeraCore shipped it, and so says the shop");
        }
        Ok(Done::settled(ShipmentStatus::Fulfilled, None))
    }

    /// The shop did not do something. It is tried again by the next pass; what will not pass by
    /// itself is for a person, too.
    async fn not_done(
        &self,
        order: &SentOrder,
        tracked: &Tracked,
        error: &StorefrontError,
        outcome: &mut Outcome,
    ) -> Result<(), TrackingError> {
        let message = one_line(&error.to_string(), 300);
        if error.class() == Class::Permanent {
            self.settle(order, tracked, ShipmentStatus::Problem, Some(&message))
                .await?;
            let package = name_of(&tracked.package);
            outcome.problems.push((package, message));
            return Ok(());
        }
        self.settle(order, tracked, ShipmentStatus::Pending, Some(&message))
            .await?;
        outcome.failures.push(message);
        Ok(())
    }

    /// Records where a package stands, and says what a person must see to, once.
    async fn settle(
        &self,
        order: &SentOrder,
        tracked: &Tracked,
        status: ShipmentStatus,
        message: Option<&str>,
    ) -> Result<(), TrackingError> {
        if status == ShipmentStatus::Problem && tracked.package.status != Some(status) {
            tracing::error!(order = %order.code, package = name_of(&tracked.package), problem = message, "VeraCore: a package needs a person");
        }
        Ok(self
            .ledger
            .settle_shipment(tracked.row, status, message)
            .await?)
    }

    /// Writes the order's tracking fields, if they are not as they were last written.
    async fn write_fields(
        &self,
        order: &SentOrder,
        tracking: &Tracking,
        known: TrackingFieldsKnown,
        outcome: &mut Outcome,
    ) -> Result<(), TrackingError> {
        let fields = tracking.fields(known);
        if fields == TrackingFields::default() {
            return Ok(());
        }
        let text = serde_json::to_string(&(tracking, known_digits(known))).unwrap_or_default();
        if self.ledger.tracking_written(order.id).await?.as_deref() == Some(text.as_str()) {
            return Ok(());
        }
        match self.storefront.set_tracking(&order.order_id, &fields).await {
            Ok(()) => {
                let event = serde_json::json!({
                    "order": order.code, "trackingNumbers": shown(&tracking.numbers),
                    "carriers": tracking.carriers, "shipDate": tracking.ship_date,
                });
                self.ledger.wrote_tracking(order.id, &text, &event).await?;
                outcome.tracking = true;
            }
            Err(error) => {
                let message = one_line(&error.to_string(), 300);
                tracing::error!(order = %order.code, problem = message, "VeraCore: the shop did not take the tracking fields; the next pass tries again");
                outcome.failures.push(message.clone());
                outcome.unwritten = Some(message);
            }
        }
        Ok(())
    }
}

/// Units of the order's sent lines that are not fulfilled.
struct Left(Vec<LineUnits>);

impl Left {
    fn of(order: &SentOrder, shop: &Progress) -> Self {
        let left = order.lines.iter().map(|sent| LineUnits {
            line: sent.line.clone(),
            quantity: shop.left(&sent.line),
        });
        Self(left.collect())
    }

    fn take(&mut self, lines: &[LineUnits]) {
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
struct Done {
    /// What was fulfilled just now.
    lines: Vec<LineUnits>,
    /// The package left, so that its tracking is for the customer to see; and where it stands once
    /// that is written.
    settled: Option<Settled>,
}

struct Settled {
    status: ShipmentStatus,
    message: Option<String>,
}

impl Done {
    const fn nothing() -> Self {
        Self {
            lines: Vec::new(),
            settled: None,
        }
    }

    const fn settled(status: ShipmentStatus, message: Option<String>) -> Self {
        Self {
            lines: Vec::new(),
            settled: Some(Settled { status, message }),
        }
    }
}

fn intended(units: &LineUnits) -> IntendedLine {
    IntendedLine {
        line: units.line.clone(),
        quantity: units.quantity,
    }
}

/// When the shop gets a field later, it is written then.
const fn known_digits(known: TrackingFieldsKnown) -> [bool; 3] {
    [known.tracking_code, known.carrier, known.ship_date]
}

/// A package, for people.
pub(super) fn name_of(package: &Package) -> String {
    let told = &package.told;
    let number = told
        .tracking_number
        .as_ref()
        .filter(|number| !is_sentence(number));
    let name = number.or(told.shipment_id.as_ref().filter(|id| !is_sentence(id)));
    name.map_or_else(|| "without a number".into(), |name| one_line(name, 80))
}

/// Numbers as others may read them: a note of the warehouse's is for the shop alone.
fn shown(numbers: &[String]) -> Vec<&str> {
    let shown = numbers.iter().map(|number| {
        if is_sentence(number) {
            "(a note; see the order in Vendure)"
        } else {
            number.as_str()
        }
    });
    shown.collect()
}
