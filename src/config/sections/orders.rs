//! Orders: which are sent, when, and how often sending is retried.

use std::time::Duration;

use globset::GlobSet;

use crate::{
    config::{
        forms::{
            choices::{ExistingOrders, UnitPriceBasis},
            names::glob_set,
        },
        layers::values::Values,
        table,
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
    pub skip_skus: GlobSet,
    pub send_delay: Duration,
    pub poll_interval: Duration,
    pub sweep_interval: Duration,
    pub max_attempts: u32,
    pub retry_initial: Duration,
    /// The longest delay, at least `retry_initial`.
    pub retry_max: Duration,
    pub vendure_order_notes: bool,
    pub cancel_in_vendure: bool,
}

pub fn build(values: &Values) -> Option<OrdersConfig> {
    Some(OrdersConfig {
        trigger_states: values.get(&table::ORDER_SYNC_TRIGGER_STATES)?,
        existing_orders: values.get(&table::ORDER_SYNC_EXISTING)?,
        unit_price: values.get(&table::ORDER_UNIT_PRICE)?,
        shipping_methods: values.get(&table::ORDER_SHIPPING_METHODS),
        skip_skus: glob_set(values.get(&table::ORDER_SKIP_SKUS).unwrap_or_default()).ok()?,
        send_delay: values.get(&table::ORDER_HOLD_MINUTES)?,
        poll_interval: values.get(&table::ORDER_POLL_INTERVAL_SECONDS)?,
        sweep_interval: values.get(&table::ORDER_SWEEP_INTERVAL_SECONDS)?,
        max_attempts: values.get(&table::ORDER_SYNC_MAX_ATTEMPTS)?,
        retry_initial: values.get(&table::RETRY_INITIAL_SECONDS)?,
        retry_max: values.get(&table::RETRY_MAX_SECONDS)?,
        vendure_order_notes: values.get(&table::VENDURE_ORDER_NOTES)?,
        cancel_in_vendure: values.get(&table::CANCEL_IN_VENDURE)?,
    })
}
