//! A model of Vendure and VeraCore, with orders, stock and the runs that keep both in step.

use std::collections::BTreeSet;

use chrono::DateTime;

use crate::{
    domain::{
        FulfillmentId, LineId, LineUnits, OrderCode, OrderState, ShopOrderId, Sku, Units, VariantId,
    },
    fulfillment::StockItem,
    ledger::{ParcelItem, ParcelReport, SentLine, SentOrder, StockChange},
    sync::{
        inventory::{
            AcknowledgedUnits, StockBaseline,
            feed::Feed,
            plan::{ShopStock, StockRules, plan_levels},
        },
        tracking::{
            parcels::{Parcel, merge_reports},
            plan::{OrderCompletion, ParcelStep, plan_fulfillments},
        },
    },
    vendure::{Fulfillment, FulfillmentProgress, FulfillmentProgressLine, StockLevel, Variant},
};

pub const SKUS: usize = 2;

/// An event. Numbers choose among the existing orders and SKUs.
#[derive(Debug, Clone)]
pub enum Event {
    Place {
        sku: usize,
        units: u32,
    },
    /// VeraCore accepts an order; its response may be lost.
    Accept {
        order: usize,
    },
    /// The ledger records VeraCore's acceptance.
    Acknowledge {
        order: usize,
    },
    Ship {
        order: usize,
        units: u32,
    },
    Track {
        order: usize,
    },
    Cancel {
        order: usize,
    },
    CancelAtVeraCore {
        order: usize,
    },
    FulfillByHand {
        order: usize,
    },
    Restock {
        sku: usize,
        units: u32,
    },
    Shrink {
        sku: usize,
        units: u32,
    },
    /// The next step of a run: read the ledger, the levels, the orders, the feed; then write.
    StockRunStep,
    /// The run dies; its leases expire.
    StockRunCrash,
}

#[derive(Debug, Clone, Default)]
pub struct Order {
    pub sku: usize,
    pub ordered: u32,
    /// Units of each live fulfillment in the shop.
    pub fulfilled: Vec<(FulfillmentId, String, u32)>,
    pub accepted: bool,
    pub acknowledged: bool,
    cancelled_at_veracore: bool,
    pub sent: u32,
    shipped: Vec<u32>,
}

/// The shop's levels and the acknowledged units, as read.
type ShopSnapshot = (Vec<Variant>, AcknowledgedUnits);

/// The progress of a run, in the order of its reads.
#[derive(Debug, Default)]
enum StockRun {
    #[default]
    None,
    Ledger(Vec<usize>),
    Levels(Vec<usize>, Vec<Variant>),
    Orders(Vec<usize>, ShopSnapshot),
    /// Planned; the stock that changes is leased from here on.
    Planned(Vec<usize>, Feed, StockBaseline, BTreeSet<usize>),
    FreshLevels(
        Vec<usize>,
        Feed,
        StockBaseline,
        BTreeSet<usize>,
        Vec<Variant>,
    ),
    FreshOrders(
        Vec<usize>,
        Feed,
        StockBaseline,
        BTreeSet<usize>,
        ShopSnapshot,
    ),
}

#[derive(Debug, Default)]
pub struct World {
    pub orders: Vec<Order>,
    /// The shop: on hand, allocated.
    pub shop: [StockLevel; SKUS],
    /// VeraCore: on hand, reserved.
    warehouse_stock: [(u32, u32); SKUS],
    stock_run: StockRun,
    /// SKUs with a change in the shop that only a later read shows.
    unread_changes: BTreeSet<usize>,
    /// The same at VeraCore.
    unread_warehouse_changes: BTreeSet<usize>,
    /// The same, from before the current run's read.
    changes_being_read: BTreeSet<usize>,
    fulfillments: u32,
    /// A write must be checked again, since the shop changed meanwhile.
    rewriting: bool,
    /// Events of a SKU between the read under the lease and the write: placed, fulfilled.
    window: [(bool, bool); SKUS],
}

fn sku(at: usize) -> Sku {
    Sku::parse(format!("S{at}")).unwrap()
}

fn line(order: usize) -> LineId {
    LineId::parse(format!("l{order}")).unwrap()
}

impl Order {
    fn left(&self) -> u32 {
        let fulfilled: u32 = self.fulfilled.iter().map(|(_, _, units)| units).sum();
        self.ordered.saturating_sub(fulfilled)
    }

    fn unshipped(&self) -> u32 {
        self.sent - self.shipped.iter().sum::<u32>()
    }

    fn progress(&self, at: usize) -> FulfillmentProgress {
        FulfillmentProgress {
            id: ShopOrderId::parse(at.to_string()).unwrap(),
            code: OrderCode::parse(format!("O{at}")).unwrap(),
            state: OrderState::parse("PaymentSettled").unwrap(),
            lines: vec![FulfillmentProgressLine {
                id: line(at),
                variant: VariantId::parse(self.sku.to_string()).unwrap(),
                sku: sku(self.sku).to_string(),
                quantity: self.ordered,
            }],
            fulfillments: self
                .fulfilled
                .iter()
                .map(|(id, number, units)| Fulfillment {
                    id: id.clone(),
                    state: "Shipped".into(),
                    tracking_code: Some(number.clone()),
                    lines: vec![LineUnits {
                        line: line(at),
                        quantity: *units,
                    }],
                })
                .collect(),
        }
    }

    fn sent(&self, at: usize) -> SentOrder {
        SentOrder {
            id: i64::try_from(at).unwrap(),
            order_id: ShopOrderId::parse(at.to_string()).unwrap(),
            code: OrderCode::parse(format!("O{at}")).unwrap(),
            acknowledged_at: None,
            is_cancelled_at_provider: false,
            lines: vec![SentLine {
                line: line(at),
                sku: sku(self.sku),
                quantity: self.sent,
            }],
        }
    }
}

impl World {
    pub fn with_stock(units: [u32; SKUS]) -> Self {
        Self {
            warehouse_stock: units.map(|units| (units, 0)),
            ..Self::default()
        }
    }

    pub fn free(&self, sku: usize) -> i64 {
        let (on_hand, reserved) = self.warehouse_stock[sku];
        i64::from(on_hand.saturating_sub(reserved))
    }

    pub fn sellable(&self, sku: usize) -> i64 {
        self.shop[sku].on_hand - self.shop[sku].allocated
    }

    /// Units of a SKU that the shop promised to orders for which `known` does not hold.
    pub fn promised(&self, sku: usize, known: impl Fn(&Order) -> bool) -> i64 {
        let orders = self.orders.iter().filter(|o| o.sku == sku && !known(o));
        orders.map(|order| i64::from(order.left())).sum()
    }

    fn pick(&self, at: usize) -> Option<usize> {
        (!self.orders.is_empty()).then(|| at % self.orders.len())
    }

    pub fn apply_event(&mut self, event: &Event) {
        self.dispatch_event(event);
        // Vendure has no compare-and-set. If one person fulfills by hand and another orders the same
        // goods, both between the read and the write, the sums look unchanged. Only the next run sees
        // that.
        let in_window = matches!(
            self.stock_run,
            StockRun::FreshLevels(..) | StockRun::FreshOrders(..)
        );
        for sku in 0..SKUS {
            if !in_window {
                self.window[sku] = (false, false);
            } else if self.window[sku] == (true, true) {
                self.unread_changes.insert(sku);
            }
        }
    }

    fn dispatch_event(&mut self, event: &Event) {
        match *event {
            Event::Place { sku, units } => {
                if self.sellable(sku) >= i64::from(units) {
                    self.shop[sku].allocated += i64::from(units);
                    self.window[sku].0 = true;
                    self.orders.push(Order {
                        sku,
                        ordered: units,
                        ..Order::default()
                    });
                }
            }
            Event::Restock { sku, units } => self.warehouse_stock[sku].0 += units,
            Event::Shrink { sku, units } => {
                let on_hand = &mut self.warehouse_stock[sku].0;
                *on_hand = on_hand.saturating_sub(units);
                self.unread_warehouse_changes.insert(sku);
            }
            Event::StockRunStep => self.step_stock_run(),
            Event::StockRunCrash => {
                self.unread_changes
                    .extend(std::mem::take(&mut self.changes_being_read));
                if std::mem::take(&mut self.rewriting) {
                    // Only a new read corrects that; another process restarts the run.
                    let leased: Vec<usize> = (0..SKUS).filter(|sku| self.is_leased(*sku)).collect();
                    self.unread_changes.extend(leased);
                }
                self.stock_run = StockRun::None;
            }
            Event::Accept { order }
            | Event::Acknowledge { order }
            | Event::Ship { order, .. }
            | Event::Track { order }
            | Event::Cancel { order }
            | Event::CancelAtVeraCore { order }
            | Event::FulfillByHand { order } => {
                if let Some(at) = self.pick(order) {
                    self.apply_to_order(at, event);
                }
            }
        }
    }

    fn apply_to_order(&mut self, at: usize, event: &Event) {
        let order = &mut self.orders[at];
        let (sku, left) = (order.sku, order.left());
        match *event {
            Event::Accept { .. } if !order.accepted && left > 0 => {
                order.accepted = true;
                order.sent = order.ordered;
                self.warehouse_stock[sku].1 += order.sent;
            }
            Event::Acknowledge { .. } if order.accepted => order.acknowledged = true,
            Event::Ship { units, .. } if order.accepted && !order.cancelled_at_veracore => {
                let units = units
                    .min(order.unshipped())
                    .min(self.warehouse_stock[sku].0);
                if units > 0 {
                    order.shipped.push(units);
                    self.warehouse_stock[sku].0 -= units;
                    self.warehouse_stock[sku].1 -= units;
                }
            }
            Event::Track { .. } if order.acknowledged => self.track(at),
            Event::Cancel { .. } if left > 0 => {
                order.ordered -= left;
                if order.accepted {
                    // VeraCore still reserves the goods for it.
                    self.unread_changes.insert(sku);
                }
                self.shop[sku].allocated -= i64::from(left);
            }
            Event::CancelAtVeraCore { .. } if order.accepted && !order.cancelled_at_veracore => {
                order.cancelled_at_veracore = true;
                self.warehouse_stock[sku].1 -= order.unshipped();
            }
            Event::FulfillByHand { .. } if left > 0 && self.shop[sku].on_hand >= left.into() => {
                self.window[sku].1 = true;
                self.fulfill(at, "by hand".into(), left);
            }
            _ => {}
        }
    }

    fn fulfill(&mut self, at: usize, number: String, units: u32) {
        self.fulfillments += 1;
        let id = FulfillmentId::parse(self.fulfillments.to_string()).unwrap();
        let order = &mut self.orders[at];
        order.fulfilled.push((id, number, units));
        self.shop[order.sku].on_hand -= i64::from(units);
        self.shop[order.sku].allocated -= i64::from(units);
    }

    /// A tracking run for one order without any recorded state, as after a crash.
    fn track(&mut self, at: usize) {
        // The inventory run that writes this stock has leased it.
        if self.is_leased(self.orders[at].sku) {
            return;
        }
        let order = &self.orders[at];
        let reports = order
            .shipped
            .iter()
            .enumerate()
            .map(|(n, units)| ParcelReport {
                shipment_id: Some(n.to_string()),
                tracking_number: Some(format!("1Z{n}")),
                carrier: None,
                service: None,
                shipped_at: None,
                provider_status: "Shipped".into(),
                items: Some(vec![ParcelItem {
                    sku: sku(order.sku).to_string(),
                    quantity: *units,
                }]),
            });
        let parcels: Vec<Parcel> = merge_reports(Vec::new(), reports.collect());
        let sent = order.sent(at).lines;
        let steps = plan_fulfillments(
            &order.progress(at),
            &sent,
            &parcels,
            &OrderCompletion::NotChecked,
        );
        for (parcel, step) in parcels.iter().zip(steps) {
            if let ParcelStep::Fulfill { lines } = step {
                let units = lines.iter().map(|line| line.quantity).sum();
                if self.shop[self.orders[at].sku].on_hand >= i64::from(units) {
                    self.fulfill(at, parcel.report.tracking_number.clone().unwrap(), units);
                }
            }
        }
    }

    fn feed(&self) -> Feed {
        let mut feed = Feed::new(DateTime::UNIX_EPOCH);
        for at in 0..SKUS {
            feed.add_row(Ok(StockItem {
                sku: sku(at),
                available: Units::new(u32::try_from(self.free(at)).unwrap()).unwrap(),
                reserved: None,
                on_hand: None,
            }));
        }
        feed
    }

    fn levels(&self) -> Vec<Variant> {
        (0..SKUS)
            .map(|at| Variant {
                id: VariantId::parse(at.to_string()).unwrap(),
                sku: sku(at).to_string(),
                is_tracked: true,
                level: self.shop[at],
                allocated_elsewhere: 0,
            })
            .collect()
    }

    fn known(&self, open: &[usize]) -> AcknowledgedUnits {
        let sent: Vec<SentOrder> = open.iter().map(|at| self.orders[*at].sent(*at)).collect();
        let shop: Vec<FulfillmentProgress> = open
            .iter()
            .map(|at| self.orders[*at].progress(*at))
            .collect();
        AcknowledgedUnits::from_orders(&sent, &shop)
    }

    fn step_stock_run(&mut self) {
        self.stock_run = match std::mem::take(&mut self.stock_run) {
            StockRun::None => {
                let open = self.orders.iter().enumerate();
                StockRun::Ledger(
                    open.filter(|(_, o)| o.acknowledged)
                        .map(|(at, _)| at)
                        .collect(),
                )
            }
            StockRun::Ledger(open) => {
                self.changes_being_read.append(&mut self.unread_changes);
                StockRun::Levels(open, self.levels())
            }
            StockRun::Levels(open, variants) => {
                let known = self.known(&open);
                StockRun::Orders(open, (variants, known))
            }
            StockRun::Orders(open, (variants, known)) => {
                self.changes_being_read
                    .append(&mut self.unread_warehouse_changes);
                let feed = self.feed();
                let plan =
                    plan_levels(&feed, shop(&variants, &known, None), &StockRules::default());
                let changing = plan
                    .changes
                    .iter()
                    .map(|c| c.variant.id.as_str().parse().unwrap());
                let changing = changing.collect();
                StockRun::Planned(open, feed, StockBaseline::new(variants, known), changing)
            }
            StockRun::Planned(_, _, _, changing) if changing.is_empty() => {
                self.changes_being_read.clear();
                StockRun::None
            }
            StockRun::Planned(open, feed, earlier, changing) => {
                let mut variants = self.levels();
                variants.retain(|v| changing.contains(&v.id.as_str().parse().unwrap()));
                StockRun::FreshLevels(open, feed, earlier, changing, variants)
            }
            StockRun::FreshLevels(open, feed, earlier, changing, variants) => {
                let known = self.known(&open);
                StockRun::FreshOrders(open, feed, earlier, changing, (variants, known))
            }
            StockRun::FreshOrders(open, feed, earlier, changing, look) => {
                self.write(open, feed, &earlier, changing, look)
            }
        };
    }

    /// Writes a plan made from a fresh read; plans again if the shop changed meanwhile.
    fn write(
        &mut self,
        open: Vec<usize>,
        feed: Feed,
        earlier: &StockBaseline,
        changing: BTreeSet<usize>,
        (variants, known): ShopSnapshot,
    ) -> StockRun {
        let fresh = shop(&variants, &known, Some(earlier));
        let changes = plan_levels(&feed, fresh, &StockRules::default()).changes;
        let changes: Vec<StockChange> = changes.iter().map(StockChange::from).collect();
        let mut now = Vec::new();
        let mut moved = false;
        for change in &changes {
            let at: usize = change.variant.as_str().parse().unwrap();
            self.shop[at].on_hand = change.after.into();
            moved |= self.shop[at].allocated < change.allocated;
            now.push((change.variant.clone(), self.shop[at]));
        }
        self.rewriting = moved;
        if moved {
            let earlier = earlier.after_write(&variants, known, &changes, &now);
            return StockRun::Planned(open, feed, earlier, changing);
        }
        self.changes_being_read.clear();
        StockRun::None
    }

    fn is_leased(&self, sku: usize) -> bool {
        match &self.stock_run {
            StockRun::Planned(.., changing)
            | StockRun::FreshLevels(.., changing, _)
            | StockRun::FreshOrders(.., changing, _) => changing.contains(&sku),
            _ => false,
        }
    }

    /// A complete run without other events in between.
    pub fn complete_stock_run(&mut self) {
        self.apply_event(&Event::StockRunCrash);
        self.step_stock_run();
        while !matches!(self.stock_run, StockRun::None) {
            self.step_stock_run();
        }
    }

    /// The shop offers too much of a SKU.
    pub fn oversells(&self, sku: usize) -> bool {
        let unknown = self.promised(sku, |order| order.accepted);
        self.sellable(sku) > (self.free(sku) - unknown).max(0)
    }

    /// Something changed that no finished run can have read.
    pub fn has_unread_changes(&self, sku: usize) -> bool {
        let unseen = [
            &self.unread_changes,
            &self.unread_warehouse_changes,
            &self.changes_being_read,
        ];
        unseen.iter().any(|skus| skus.contains(&sku)) || self.is_leased(sku)
    }
}

fn shop<'a>(
    variants: &'a [Variant],
    known: &'a AcknowledgedUnits,
    earlier: Option<&'a StockBaseline>,
) -> ShopStock<'a> {
    ShopStock {
        variants,
        acknowledged: known,
        baseline: earlier,
    }
}
