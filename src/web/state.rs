//! The state that the handlers share.

use std::{net::IpAddr, sync::Arc};

use axum::extract::FromRef;
use tokio::{sync::Mutex, time::Instant};

use super::{
    access::FailedAttempts, dashboard::live_updates::LiveUpdates, graphql::schema::Api,
    services::CurrentServices, settings::SettingsService, veracore_webhooks::CurrentInbox,
};
use crate::ledger::Ledger;

/// The rendered metrics of the ledger. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct LedgerMetricsCache(pub Arc<Mutex<Option<CachedMetrics>>>);

pub(super) struct CachedMetrics {
    pub expires_at: Instant,
    pub text: Arc<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PeerIp(pub IpAddr);

#[derive(Clone)]
pub struct WebState {
    /// For readiness, before there are services.
    pub(super) ledger: Ledger,
    pub services: CurrentServices,
    /// Accepts webhooks from the start, and asks senders to retry while nothing can be stored.
    pub inbox: CurrentInbox,
    pub(super) settings: Arc<dyn SettingsService>,
    pub(super) failed_credentials: Arc<FailedAttempts>,
    /// Counted apart, so that a program with a wrong token does not lock people out.
    pub(super) failed_logins: Arc<FailedAttempts>,
    pub(super) live_updates: LiveUpdates,
    pub(super) api: Api,
    pub(super) ledger_metrics: LedgerMetricsCache,
}

impl WebState {
    pub fn new(ledger: Ledger, settings: Arc<dyn SettingsService>) -> Self {
        Self {
            ledger,
            services: CurrentServices::default(),
            inbox: CurrentInbox::default(),
            settings,
            failed_credentials: Arc::default(),
            failed_logins: Arc::default(),
            live_updates: LiveUpdates::default(),
            api: Api::default(),
            ledger_metrics: LedgerMetricsCache::default(),
        }
    }
}

impl FromRef<WebState> for CurrentInbox {
    fn from_ref(state: &WebState) -> Self {
        state.inbox.clone()
    }
}
