//! Orders: which are sent, when, and how often sending is retried.

use std::time::Duration;

use globset::GlobSet;

use crate::{
    config::{
        check::{Checked, Rule},
        forms::{
            choices::{ExistingOrders, UnitPriceBasis},
            names::glob_set,
        },
        layers::values::Values,
        setting::Flaw,
        spec::SettingSpec,
        table::{
            CANCEL_IN_VENDURE, ORDER_HOLD_MINUTES, ORDER_POLL_INTERVAL_SECONDS,
            ORDER_SHIPPING_METHODS, ORDER_SKIP_SKUS, ORDER_SWEEP_INTERVAL_SECONDS,
            ORDER_SYNC_EXISTING, ORDER_SYNC_MAX_ATTEMPTS, ORDER_SYNC_TRIGGER_STATES,
            ORDER_UNIT_PRICE, RETRY_INITIAL_SECONDS, RETRY_MAX_SECONDS, VENDURE_ORDER_NOTES,
        },
    },
    domain::{OrderState, ShippingMethodCode},
};

#[derive(Debug, Clone)]
pub struct OrdersConfig {
    /// At least one.
    pub trigger_states: Vec<OrderState>,
    pub existing_orders: ExistingOrders,
    pub unit_price: UnitPriceBasis,
    /// `None`: orders of all shipping methods are sent.
    pub shipping_methods: Option<Vec<ShippingMethodCode>>,
    /// Matches the SKUs that VeraCore does not ship; case-sensitive.
    pub skip_skus: GlobSet,
    /// The delay between finding an order and sending it.
    pub send_delay: Duration,
    pub poll_interval: Duration,
    pub sweep_interval: Duration,
    pub max_attempts: u32,
    /// The delay after the first failure; each further failure doubles it.
    pub retry_initial: Duration,
    /// The longest delay, at least `retry_initial`.
    pub retry_max: Duration,
    /// Whether to leave private notes on the Vendure order.
    pub vendure_order_notes: bool,
    /// Whether to cancel an order in Vendure if it is cancelled at VeraCore.
    pub cancel_in_vendure: bool,
}

pub const RULES: [Rule; 2] = [find_short_retry_max, find_large_globs];

pub fn build(values: &Values) -> Option<OrdersConfig> {
    Some(OrdersConfig {
        trigger_states: values.get(&ORDER_SYNC_TRIGGER_STATES)?,
        existing_orders: values.get(&ORDER_SYNC_EXISTING)?,
        unit_price: values.get(&ORDER_UNIT_PRICE)?,
        shipping_methods: values.get(&ORDER_SHIPPING_METHODS),
        skip_skus: glob_set(values.get(&ORDER_SKIP_SKUS).unwrap_or_default()).ok()?,
        send_delay: values.get(&ORDER_HOLD_MINUTES)?,
        poll_interval: values.get(&ORDER_POLL_INTERVAL_SECONDS)?,
        sweep_interval: values.get(&ORDER_SWEEP_INTERVAL_SECONDS)?,
        max_attempts: values.get(&ORDER_SYNC_MAX_ATTEMPTS)?,
        retry_initial: values.get(&RETRY_INITIAL_SECONDS)?,
        retry_max: values.get(&RETRY_MAX_SECONDS)?,
        vendure_order_notes: values.get(&VENDURE_ORDER_NOTES)?,
        cancel_in_vendure: values.get(&CANCEL_IN_VENDURE)?,
    })
}

fn find_short_retry_max(checked: &Checked<'_>) -> Option<(&'static SettingSpec, Flaw)> {
    let initial = checked.get(&RETRY_INITIAL_SECONDS)?.as_secs();
    let max = checked.get(&RETRY_MAX_SECONDS)?.as_secs();
    let why = format!("{max} is less than RETRY_INITIAL_SECONDS, which is {initial}");
    (initial > max).then_some((&RETRY_MAX_SECONDS.spec, Flaw::Whole(why)))
}

fn find_large_globs(checked: &Checked<'_>) -> Option<(&'static SettingSpec, Flaw)> {
    let error = glob_set(checked.get(&ORDER_SKIP_SKUS)?).err()?;
    let why = format!("its globs are too large together: {}", error.kind());
    Some((&ORDER_SKIP_SKUS.spec, Flaw::Whole(why)))
}
