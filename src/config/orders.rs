//! Which orders are sent, when and how often it is tried.

use std::time::Duration;

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::{problem::ReadResult, reader::SettingReader};
use crate::domain::{OrderState, ShippingMethodCode};

/// What becomes of the orders that are due already at the very first start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExistingOrders {
    /// They are recorded and left alone.
    Skip,
    Send,
}

/// Which price of a unit VeraCore is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitPriceBasis {
    /// What the customer pays, discounts and tax included.
    Gross,
    /// Without tax.
    Net,
}

#[derive(Debug, Clone)]
pub struct OrdersConfig {
    /// One at least.
    pub trigger_states: Vec<OrderState>,
    pub existing_orders: ExistingOrders,
    pub unit_price: UnitPriceBasis,
    /// `None`: orders of all shipping methods are VeraCore's.
    pub shipping_methods: Option<Vec<ShippingMethodCode>>,
    /// Matches the SKUs that VeraCore does not ship; case counts. Empty: it ships all.
    pub skip_skus: GlobSet,
    /// How long a found order waits before it is sent.
    pub send_delay: Duration,
    pub poll_interval: Duration,
    pub sweep_interval: Duration,
    pub max_attempts: u32,
    /// The delay after the first failure; doubled for each further one.
    pub retry_initial: Duration,
    /// The longest delay; not below `retry_initial`.
    pub retry_max: Duration,
    /// Whether private notes are left on the Vendure order.
    pub vendure_order_notes: bool,
    /// Whether an order cancelled at VeraCore is cancelled in Vendure.
    pub cancel_in_vendure: bool,
}

const MONTH_IN_MINUTES: u32 = 30 * 24 * 60;
const DAY_IN_SECONDS: u32 = 24 * 60 * 60;

pub(super) fn read(reader: &mut SettingReader) -> ReadResult<OrdersConfig> {
    let states = reader.parse_list("ORDER_SYNC_TRIGGER_STATES", |text| {
        OrderState::parse(text).map_err(|why| format!("is not a state: {why}"))
    });
    let trigger_states = reader.require("ORDER_SYNC_TRIGGER_STATES", states);
    let existing = [
        ("skip", ExistingOrders::Skip),
        ("send", ExistingOrders::Send),
    ];
    let existing = reader.choice("ORDER_SYNC_EXISTING", &existing);
    let existing = reader.require("ORDER_SYNC_EXISTING", existing);
    let prices = [
        ("gross", UnitPriceBasis::Gross),
        ("net", UnitPriceBasis::Net),
    ];
    let unit_price = reader.choice("ORDER_UNIT_PRICE", &prices);
    let unit_price = reader.require("ORDER_UNIT_PRICE", unit_price);
    let shipping_methods = reader.parse_list("ORDER_SHIPPING_METHODS", |text| {
        ShippingMethodCode::parse(text).map_err(|why| format!("is not a code: {why}"))
    });
    let skip_skus = read_skip_skus(reader);
    let hold = reader.minutes("ORDER_HOLD_MINUTES", 0..=MONTH_IN_MINUTES);
    let poll_interval = reader.seconds("ORDER_POLL_INTERVAL_SECONDS", 1..=DAY_IN_SECONDS);
    let sweep_interval = reader.seconds("ORDER_SWEEP_INTERVAL_SECONDS", 1..=DAY_IN_SECONDS);
    let max_attempts = reader.number("ORDER_SYNC_MAX_ATTEMPTS", 1..=1000);
    let delays = read_retry_delays(reader);
    let vendure_order_notes = reader.boolean("VENDURE_ORDER_NOTES");
    let cancel_in_vendure = reader.boolean("CANCEL_IN_VENDURE");
    let (retry_initial, retry_max) = delays?;
    Ok(OrdersConfig {
        trigger_states: trigger_states?,
        existing_orders: existing?,
        unit_price: unit_price?,
        shipping_methods: shipping_methods?,
        skip_skus: skip_skus?,
        send_delay: hold?,
        poll_interval: poll_interval?,
        sweep_interval: sweep_interval?,
        max_attempts: max_attempts?,
        retry_initial,
        retry_max,
        vendure_order_notes: vendure_order_notes?,
        cancel_in_vendure: cancel_in_vendure?,
    })
}

fn read_skip_skus(reader: &mut SettingReader) -> ReadResult<GlobSet> {
    let globs = reader.parse_list("ORDER_SKIP_SKUS", |text| {
        Glob::new(text).map_err(|error| format!("is not a SKU or glob: {}", error.kind()))
    })?;
    let mut set = GlobSetBuilder::new();
    for glob in globs.unwrap_or_default() {
        set.add(glob);
    }
    set.build().map_err(|error| {
        let problem = format!("its globs are too much together: {}", error.kind());
        reader.reject("ORDER_SKIP_SKUS", problem)
    })
}

fn read_retry_delays(reader: &mut SettingReader) -> ReadResult<(Duration, Duration)> {
    let initial = reader.seconds("RETRY_INITIAL_SECONDS", 1..=DAY_IN_SECONDS);
    let max = reader.seconds("RETRY_MAX_SECONDS", 1..=7 * DAY_IN_SECONDS);
    let (initial, max) = (initial?, max?);
    if initial > max {
        let problem = format!(
            "{} is less than RETRY_INITIAL_SECONDS, which is {}",
            max.as_secs(),
            initial.as_secs()
        );
        return Err(reader.reject("RETRY_MAX_SECONDS", problem));
    }
    Ok((initial, max))
}
