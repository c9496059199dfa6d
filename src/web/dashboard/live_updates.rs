//! `/live`: tells an open page that something changed, as server-sent events. The page then fetches
//! itself once more.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderValue, header},
    response::Response,
};
use http_body_util::channel::{Channel, Sender};
use tokio::{
    sync::{Mutex, OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::{
    page::{ErrorPage, PageResult},
    session_context::SessionContext,
};
use crate::{
    http::{Circuit, CircuitState},
    web::{WebState, services::Services},
};

/// How often it is looked whether something changed, while anybody watches.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// After so long without news something is said all the same: proxies end what is silent.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(15);

/// A stream ends by itself after so long. The browser comes back, and is asked who it is.
const MAX_STREAM_TIME: Duration = Duration::from_secs(60);

/// So many pages are told at once; others are up to date when they are loaded.
const MAX_STREAMS: usize = 64;

/// Places for those who watch.
#[derive(Clone)]
pub(in crate::web) struct LiveUpdates {
    stream_slots: Arc<Semaphore>,
    /// The ledger's mark of late, and when it was asked for: one question serves all who watch.
    ledger_version: Arc<Mutex<Option<(Instant, String)>>>,
}

impl Default for LiveUpdates {
    fn default() -> Self {
        Self {
            stream_slots: Arc::new(Semaphore::new(MAX_STREAMS)),
            ledger_version: Arc::default(),
        }
    }
}

impl LiveUpdates {
    /// Something that is another when what is shown has changed; the database's absence counts, too.
    async fn state_version(&self, services: &Services) -> String {
        let circuit = |circuit: &Circuit| match circuit.state() {
            CircuitState::Closed => 'c',
            CircuitState::Open { .. } => 'o',
            CircuitState::HalfOpen { .. } => 'h',
        };
        format!(
            "{} {}{} {}",
            self.ledger_version(services).await,
            circuit(&services.upstreams.shop_circuit),
            circuit(&services.upstreams.warehouse_circuit),
            services.paused_reason().is_some()
        )
    }

    /// The ledger's part of it, at most a step old.
    async fn ledger_version(&self, services: &Services) -> String {
        let mut kept = self.ledger_version.lock().await;
        if let Some((at, mark)) = &*kept
            && at.elapsed() < POLL_INTERVAL / 2
        {
            return mark.clone();
        }
        let mark = services.ledger.change_token().await.unwrap_or_default();
        *kept = Some((Instant::now(), mark.clone()));
        mark
    }
}

pub(super) async fn stream(State(state): State<WebState>, visit: SessionContext) -> PageResult {
    visit.require_reader()?;
    let Ok(place) = Arc::clone(&state.live_updates.stream_slots).try_acquire_owned() else {
        return Err(ErrorPage::unavailable("Too many pages are open at once."));
    };
    let (sender, body) = Channel::<Bytes, Infallible>::new(1);
    let services = Arc::clone(&visit.services);
    let tasks = services.tasks.clone();
    // Before the answer, upon which the page looks once more: nothing is missed in between.
    let viewers = state.live_updates.clone();
    let last = viewers.state_version(&services).await;
    let telling = send_changes(viewers, services, sender, place, last);
    tasks.spawn("tell_of_changes", telling);
    let mut response = Response::new(Body::new(body));
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

/// Tells of changes until the browser is gone, the time is up, or the stop.
async fn send_changes(
    viewers: LiveUpdates,
    services: Arc<Services>,
    mut sender: Sender<Bytes>,
    _place: OwnedSemaphorePermit,
    mut last: String,
) {
    let began = Instant::now();
    let mut said = began;
    // It ends when the settings change, too: then the page is to come back soon.
    let mut next = Bytes::from_static(b"retry: 1000\n\n");
    loop {
        if sender.send_data(next).await.is_err() {
            return;
        }
        next = loop {
            services.tasks.sleep(POLL_INTERVAL).await;
            if services.tasks.is_stopping() || began.elapsed() > MAX_STREAM_TIME {
                return;
            }
            let now = viewers.state_version(&services).await;
            if now != last {
                last = now;
                said = Instant::now();
                break Bytes::from_static(b"event: changed\ndata: \n\n");
            }
            if said.elapsed() > HEARTBEAT_INTERVAL {
                said = Instant::now();
                break Bytes::from_static(b": still here\n\n");
            }
        };
    }
}
