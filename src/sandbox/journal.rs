//! The request log and the subscribers to events.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::orders::ArrivedOrder;

/// A sandbox that runs for weeks drops the oldest requests.
const MAX_REQUESTS: usize = 50_000;

/// One call to the VeraCore APIs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoggedRequest {
    pub id: u64,
    pub at: DateTime<Utc>,
    pub method: String,
    /// The path after the base path, as sent: percent-encoded, without the query.
    pub path: String,
    /// The operation of `oms`; `None` for `rest`.
    pub operation: Option<String>,
    pub query: Option<String>,
    /// The body, with passwords in SOAP redacted.
    pub body: String,
    /// The status of the response, sent or dropped. `None` while the call is in progress, and if it
    /// was dropped without being executed.
    pub status: Option<u16>,
    /// Whether the client did not receive the whole response.
    pub dropped: bool,
    /// The kind of the injected fault.
    pub fault: Option<&'static str>,
}

/// An event for subscribers: an order arrived, or a request was handled.
#[derive(Debug, Clone)]
pub enum SandboxEvent {
    Order(ArrivedOrder),
    Request(LoggedRequest),
}

#[derive(Default)]
pub(super) struct Journal {
    requests: VecDeque<LoggedRequest>,
    last_id: u64,
    subscribers: Vec<UnboundedSender<SandboxEvent>>,
}

impl Journal {
    /// Logs a call before it is executed, and returns its id.
    pub fn open(&mut self, mut request: LoggedRequest) -> u64 {
        self.last_id += 1;
        request.id = self.last_id;
        if self.requests.len() == MAX_REQUESTS {
            self.requests.pop_front();
        }
        self.requests.push_back(request);
        self.last_id
    }

    /// Updates a logged call, unless it has been cleared.
    pub fn update(&mut self, id: u64, change: impl FnOnce(&mut LoggedRequest)) {
        if let Some(request) = self.find(id) {
            change(request);
        }
    }

    pub fn all(&self) -> Vec<LoggedRequest> {
        self.requests.iter().cloned().collect()
    }

    pub fn clear(&mut self) {
        self.requests.clear();
    }

    pub fn subscribe(&mut self) -> UnboundedReceiver<SandboxEvent> {
        let (sender, receiver) = unbounded_channel();
        self.subscribers.push(sender);
        receiver
    }

    pub fn publish_order(&mut self, order: &ArrivedOrder) {
        self.publish(|| SandboxEvent::Order(order.clone()));
    }

    pub fn publish_request(&mut self, id: u64) {
        if let Some(request) = self.find(id).cloned() {
            self.publish(|| SandboxEvent::Request(request.clone()));
        }
    }

    fn publish(&mut self, event: impl Fn() -> SandboxEvent) {
        self.subscribers
            .retain(|subscriber| subscriber.send(event()).is_ok());
    }

    fn find(&mut self, id: u64) -> Option<&mut LoggedRequest> {
        let index = self
            .requests
            .binary_search_by_key(&id, |request| request.id)
            .ok()?;
        self.requests.get_mut(index)
    }
}
