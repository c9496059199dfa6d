//! Orders on their way out: found, then sent, each exactly once.
//!
//! `discover` asks the shop and fills the ledger; `submit` works on one claimed order: read it,
//! decide (`mapping`), ask VeraCore, write down the intent, send, record the outcome. `doubt` and
//! `triage` hold the rules for what follows a lost answer and a failure; both are pure.

pub mod discover;
pub mod discovery_loop;
mod doubt;
pub mod error;
mod failure_streak;
pub mod force_send;
pub mod mapping;
mod mask;
pub mod newest;
pub(super) mod part_digests;
pub mod preview;
mod redact;
pub mod submit;
pub(super) mod sweep_cursor;
mod triage;
pub mod worker;

use std::{sync::Arc, time::Duration};

use self::failure_streak::FailureStreak;
use super::context::SyncContext;
use crate::{
    clock::SharedClock, domain::OrderState, fulfillment::FulfillmentProvider, http::Backoff,
    ledger::Ledger, lifecycle::TaskGroup, vendure::Storefront,
};

/// What becomes of orders that are in a trigger state at the very first start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExistingOrdersPolicy {
    Skip,
    Send,
}

/// How orders are found and sent.
#[derive(Debug, Clone)]
pub struct OrderSettings {
    pub trigger_states: Vec<OrderState>,
    pub existing_orders: ExistingOrdersPolicy,
    /// Which orders and lines are VeraCore's, and in what words.
    pub mapping_rules: mapping::MappingRules,
    /// How long a found order waits before it is sent.
    pub send_delay: Duration,
    /// Failures of its own after which an order is given to a person.
    pub max_attempts: u32,
    pub backoff: Backoff,
    /// How long a lost send may still be worked on by VeraCore; see `doubt`.
    pub quiet_period: Duration,
    /// How long a claimed order is ours; see [`lease`].
    pub lease_ttl: Duration,
    /// Whether an order that VeraCore cancelled is cancelled in the shop, too.
    pub cancel_in_shop: bool,
    /// How many orders are worked on at once.
    pub concurrency: u32,
    /// How many orders a page of a sweep holds; Vendure gives no more than 1000.
    pub sweep_page_size: u32,
    /// How many of the newest orders are looked at.
    pub newest_page_size: u32,
}

/// As many as Vendure gives, unless a shop allows fewer: then pages are halved.
pub const SWEEP_PAGE_SIZE: u32 = 1000;

pub const NEWEST_PAGE_SIZE: u32 = 50;

/// How long a send whose answer was lost may still be worked on by VeraCore, before it is asked
/// for it: twice the time after which we stop waiting for an answer.
pub fn quiet_period(veracore_timeout: Duration) -> Duration {
    veracore_timeout * 2
}

/// How long a claimed order is ours: enough for a try whose calls each take their time (at the shop
/// a login and the order, at VeraCore a token, a look-up, the send and another look-up). Should it
/// not be, as where each of them also waits long for its turn, the ledger refuses the intent, or the
/// outcome is looked up by the next holder.
pub fn lease_ttl(vendure_timeout: Duration, veracore_timeout: Duration) -> Duration {
    vendure_timeout * 2 + veracore_timeout * 4 + Duration::from_secs(5)
}

/// How many orders are in work where VeraCore takes `calls` at once: more of them, since an order also
/// waits for the shop and the ledger, and VeraCore would have nothing to do meanwhile.
pub fn order_concurrency(calls: usize) -> u32 {
    u32::try_from(calls + calls.div_ceil(2)).unwrap_or(u32::MAX)
}

/// The service that carries orders; cheap to clone.
#[derive(Clone)]
pub struct OrderSync {
    pub(crate) storefront: Arc<dyn Storefront>,
    pub(crate) provider: Arc<dyn FulfillmentProvider>,
    pub(crate) ledger: Ledger,
    pub(crate) clock: SharedClock,
    pub(crate) settings: Arc<OrderSettings>,
    /// Nothing is begun once these are told to stop.
    pub(crate) tasks: TaskGroup,
    failure_streak: Arc<FailureStreak>,
}

impl OrderSync {
    pub fn new(context: SyncContext, settings: OrderSettings) -> Self {
        let SyncContext {
            storefront,
            provider,
            ledger,
            clock,
            tasks,
        } = context;
        Self {
            storefront,
            provider,
            ledger,
            clock,
            settings: Arc::new(settings),
            tasks,
            failure_streak: Arc::default(),
        }
    }

    pub fn settings(&self) -> &OrderSettings {
        &self.settings
    }

    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }
}
