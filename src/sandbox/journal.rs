//! The request log: every call to the VeraCore face, answered or not.
//!
//! Owns what is remembered of calls and who is told of news. Must not decide anything.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::orders::ArrivedOrder;

/// Calls remembered; a sandbox left running for weeks forgets the oldest ones.
const MAX_KEPT: usize = 50_000;

/// One call to the VeraCore face.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoggedRequest {
    pub id: u64,
    pub at: DateTime<Utc>,
    pub method: String,
    /// After the base path, as it was sent: percent-encoded, without the query.
    pub path: String,
    /// Which operation of `oms` was called; `None` in the style `rest`.
    pub operation: Option<String>,
    pub query: Option<String>,
    /// Without the password that a SOAP body holds.
    pub body: String,
    /// The status answered, or the one that would have been had the answer not been dropped.
    /// `None` while the call is being worked on, and when it was dropped undone.
    pub status: Option<u16>,
    /// Whether the client did not get the (whole) answer.
    pub dropped: bool,
    /// The fault that was injected, by its kind.
    pub fault: Option<&'static str>,
}

/// Something to tell whoever watches.
#[derive(Debug, Clone)]
pub enum News {
    Order(ArrivedOrder),
    Request(LoggedRequest),
}

#[derive(Default)]
pub(super) struct Journal {
    kept: VecDeque<LoggedRequest>,
    last_id: u64,
    listeners: Vec<UnboundedSender<News>>,
}

impl Journal {
    /// Writes a call down before anything is done about it, and gives its id.
    pub fn open(&mut self, mut request: LoggedRequest) -> u64 {
        self.last_id += 1;
        request.id = self.last_id;
        if self.kept.len() == MAX_KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(request);
        self.last_id
    }

    /// Adds to what is known of a call; nothing happens when it was cleared meanwhile.
    pub fn amend(&mut self, id: u64, change: impl FnOnce(&mut LoggedRequest)) {
        if let Some(request) = self.find(id) {
            change(request);
        }
    }

    pub fn all(&self) -> Vec<LoggedRequest> {
        self.kept.iter().cloned().collect()
    }

    pub fn clear(&mut self) {
        self.kept.clear();
    }

    pub fn listen(&mut self) -> UnboundedReceiver<News> {
        let (sender, receiver) = unbounded_channel();
        self.listeners.push(sender);
        receiver
    }

    pub fn tell_order(&mut self, order: &ArrivedOrder) {
        self.tell(|| News::Order(order.clone()));
    }

    pub fn tell_request(&mut self, id: u64) {
        if let Some(request) = self.find(id).cloned() {
            self.tell(|| News::Request(request.clone()));
        }
    }

    fn tell(&mut self, news: impl Fn() -> News) {
        self.listeners
            .retain(|listener| listener.send(news()).is_ok());
    }

    fn find(&mut self, id: u64) -> Option<&mut LoggedRequest> {
        // Ids rise, so the place can be searched by halving.
        let place = self
            .kept
            .binary_search_by_key(&id, |request| request.id)
            .ok()?;
        self.kept.get_mut(place)
    }
}
