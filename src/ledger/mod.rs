//! The ledger: all SQL, and the only owner of the connection pool.
//!
//! Records each order with its leases, attempts and parcels, the stock that was written, the runs of
//! the jobs, webhooks and events. Times come from the clock that is passed in. The ledger calls no
//! other system and makes no decisions: it records results, if the caller still has the lease.

mod db;
mod handle;
mod inbox;
mod jobs;
mod open_orders;
mod orders;
mod outbox;
mod post_send;
mod privacy;
mod sessions;
mod settings;
mod shipments;
mod stock;
mod views;

pub use db::error::LedgerError;
pub use db::notify::Topic;
pub use handle::Ledger;
pub use inbox::webhooks::{ClaimedWebhook, WebhookIntake, WebhookOutcome};
pub use jobs::leases::{JOB_LEASE_TTL, Lease, LeaseKey};
pub use jobs::runs::{
    LatestOccurrence, OccurrenceState, Run, RunId, RunOrigin, RunOutcome, RunReport, RunStart,
};
pub use open_orders::{SentLine, SentOrder};
pub use orders::attempts::{Attempt, AttemptEnd, AttemptId, AttemptKind, AttemptRecord};
pub use orders::backlog::Backlog;
pub use orders::discovery::{Baseline, KnownStatus};
pub use orders::leases::{ClaimedOrder, SendIntent, SendIntentLine};
pub use orders::operator::{OperatorOutcome, RetryMode};
pub use orders::outcome::{FailureReason, OrderDisposition, SkipReason};
pub use orders::queries::{OrderFilter, OrderGroup, StatusCounts, SyncRecord};
pub use orders::reconcile::{KnownOrder, KnownOrderCount, KnownOrderPage, UnrecordedOrder};
pub use outbox::deliveries::{
    ClaimedEvent, DeliveryOutcome, EventState, RecordedEvent, ResendOutcome,
};
pub use outbox::events::UpstreamEvent;
pub use outbox::notes::{ClaimedNote, NoteOutcome};
pub use post_send::cancellations::{CancelStep, Cancellation, MAX_CANCEL_CHECK_DELAY};
pub use post_send::changes::{
    ChangedPart, PartDigests, PostSendCounts, PostSendLine, PostSendOrder, PostSendState,
};
pub use post_send::provider_cancellations::ProviderCancellation;
pub use sessions::SealedToken;
pub use settings::{StoredSettings, StoredValue};
pub use shipments::{ParcelItem, ParcelReport, RecordedShipment, ShipmentStatus};
pub use stock::{RecordedStockChange, StockChange, StockOutcome};
pub use views::dashboard::{HourlyOrders, OrderEvent, ParcelProblem};
pub use views::metrics::{LastSuccess, LedgerMetrics};
pub use views::summary::{SentItem, SentSummary};
