//! What the processes on one database tell each other: that something became due for somebody else,
//! or that the settings were changed. So nobody has to ask the database all the time.
//!
//! A word is only ever a reason to look: it may be lost, come twice, or be about another installation
//! in the same database. Whoever waits for one looks now and then all the same, and often while none
//! can be heard. Must not know what is due.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::Notify;

use crate::domain::NoticeKind;

/// Why to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// Stored settings were changed.
    Settings,
    /// Orders became due.
    Orders,
    /// A webhook came.
    Webhook(NoticeKind),
    /// Events are to be delivered.
    Events,
    /// Events are to be noted on the shop's orders.
    Notes,
}

impl Topic {
    pub(super) const ALL: [Self; 7] = [
        Self::Settings,
        Self::Orders,
        Self::Webhook(NoticeKind::Inventory),
        Self::Webhook(NoticeKind::Order),
        Self::Webhook(NoticeKind::Tracking),
        Self::Events,
        Self::Notes,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Orders => "orders",
            Self::Webhook(kind) => kind.as_str(),
            Self::Events => "events",
            Self::Notes => "notes",
        }
    }
}

/// What this process heard, also of itself. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(in crate::ledger) struct NotifyHub(Arc<HubState>);

#[derive(Debug, Default)]
struct HubState {
    /// Whether words arrive.
    is_listening: AtomicBool,
    settings: Notify,
    orders: Notify,
    inventory_webhooks: Notify,
    order_webhooks: Notify,
    events: Notify,
    notes: Notify,
}

impl NotifyHub {
    /// Wakes whoever waits for the word, or who next does.
    pub(super) fn wake(&self, word: Topic) {
        self.notify_of(word).notify_one();
    }

    fn wake_all(&self) {
        for word in Topic::ALL {
            self.wake(word);
        }
    }

    /// One who waits, for each of these.
    pub(super) fn notify_of(&self, word: Topic) -> &Notify {
        match word {
            Topic::Settings => &self.0.settings,
            Topic::Orders => &self.0.orders,
            Topic::Webhook(NoticeKind::Inventory) => &self.0.inventory_webhooks,
            Topic::Webhook(NoticeKind::Order | NoticeKind::Tracking) => &self.0.order_webhooks,
            Topic::Events => &self.0.events,
            Topic::Notes => &self.0.notes,
        }
    }

    pub(super) fn is_listening(&self) -> bool {
        self.0.is_listening.load(Ordering::Relaxed)
    }

    /// Whoever slept in the belief that the state would be the other one looks now: what was said
    /// before is not told any more, and what will be is not heard.
    pub(super) fn set_listening(&self, is_open: bool) {
        if self.0.is_listening.swap(is_open, Ordering::Relaxed) != is_open {
            self.wake_all();
        }
    }

    /// Whether somebody here was told, and nobody here looked.
    pub(super) fn take_pending(&self, word: Topic) -> bool {
        let mut told = std::pin::pin!(self.notify_of(word).notified());
        told.as_mut().enable()
    }
}
