//! Server-sent events for open pages: each makes the page reload itself.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, header},
    response::Response,
};
use http_body_util::channel::{Channel, Sender};
use tokio::{
    sync::{Mutex, OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::web::services::Services;

/// Interval between checks for changes, while a page is open.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// Proxies close silent connections.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(15);

/// Then the browser reconnects, and is authenticated again.
const MAX_STREAM_TIME: Duration = Duration::from_secs(60);

/// Further pages show the state of the time they were loaded.
const MAX_STREAMS: usize = 64;

/// The open event streams. Cheap to clone.
#[derive(Clone)]
pub(in crate::web) struct LiveUpdates {
    slots: Arc<Semaphore>,
    /// The ledger's version and when it was read, shared by all streams.
    ledger_version: Arc<Mutex<Option<(Instant, String)>>>,
}

impl Default for LiveUpdates {
    fn default() -> Self {
        Self {
            slots: Arc::new(Semaphore::new(MAX_STREAMS)),
            ledger_version: Arc::default(),
        }
    }
}

impl LiveUpdates {
    /// Changes whenever a page would show something else, also when the database becomes unavailable.
    async fn state_version(&self, services: &Services) -> String {
        let upstreams = &services.upstreams;
        format!(
            "{} {} {} {}",
            self.ledger_version(services).await,
            upstreams.shop_circuit.state().as_str(),
            upstreams.warehouse_circuit.state().as_str(),
            services.paused_reason().is_some()
        )
    }

    async fn ledger_version(&self, services: &Services) -> String {
        let mut cached = self.ledger_version.lock().await;
        if let Some((at, version)) = &*cached
            && at.elapsed() < POLL_INTERVAL / 2
        {
            return version.clone();
        }
        let version = services.ledger.change_token().await.unwrap_or_default();
        *cached = Some((Instant::now(), version.clone()));
        version
    }

    /// Starts an event stream. `None`: too many are open.
    pub(super) async fn stream(&self, services: &Arc<Services>) -> Option<Response> {
        let slot = Arc::clone(&self.slots).try_acquire_owned().ok()?;
        let (sender, body) = Channel::<Bytes, Infallible>::new(1);
        // Before the response, after which the page reloads itself once: no change is missed.
        let version = self.state_version(services).await;
        let sending = send_changes(self.clone(), Arc::clone(services), sender, slot, version);
        services.tasks.spawn("send_changes", sending);
        let mut response = Response::new(Body::new(body));
        let kind = HeaderValue::from_static("text/event-stream");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        Some(response)
    }
}

/// Sends changes until the browser is gone, the time is up, or the stop.
async fn send_changes(
    updates: LiveUpdates,
    services: Arc<Services>,
    mut sender: Sender<Bytes>,
    _slot: OwnedSemaphorePermit,
    mut last: String,
) {
    let started = Instant::now();
    let mut sent = started;
    // A short delay: the stream also ends when the settings change.
    let mut next = Bytes::from_static(b"retry: 1000\n\n");
    loop {
        if sender.send_data(next).await.is_err() {
            return;
        }
        next = loop {
            services.tasks.sleep(POLL_INTERVAL).await;
            if services.tasks.is_stopping() || started.elapsed() > MAX_STREAM_TIME {
                return;
            }
            let now = updates.state_version(&services).await;
            if now != last {
                last = now;
                sent = Instant::now();
                break Bytes::from_static(b"event: changed\ndata: \n\n");
            }
            if sent.elapsed() > HEARTBEAT_INTERVAL {
                sent = Instant::now();
                break Bytes::from_static(b": still here\n\n");
            }
        };
    }
}
