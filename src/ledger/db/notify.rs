//! Notification topics, and their waiters in this process.
//!
//! Processes on one database notify each other of due work and changed settings, so that they need
//! not poll often. A notification is only a hint: it may be lost, arrive twice, or come from another
//! installation in the same database. Waiters therefore also poll.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::Notify;

use crate::domain::NoticeKind;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    Settings,
    /// Orders became due.
    Orders,
    Webhook(NoticeKind),
    /// Events are due for delivery.
    Events,
    /// Notes on Vendure's orders are due.
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

/// The waiters of this process, one per topic. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct NotifyHub(Arc<HubState>);

#[derive(Debug, Default)]
struct HubState {
    /// Whether notifications of other processes arrive.
    is_listening: AtomicBool,
    settings: Notify,
    orders: Notify,
    inventory_webhooks: Notify,
    order_webhooks: Notify,
    events: Notify,
    notes: Notify,
}

impl NotifyHub {
    /// Wakes the waiter of a topic, or the next one.
    pub(super) fn wake(&self, topic: Topic) {
        self.notify_of(topic).notify_one();
    }

    fn wake_all(&self) {
        for topic in Topic::ALL {
            self.wake(topic);
        }
    }

    pub(super) fn notify_of(&self, topic: Topic) -> &Notify {
        match topic {
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

    /// Wakes every waiter when the state changes: notifications in between are lost, and the poll
    /// interval is another one.
    pub(super) fn set_listening(&self, is_listening: bool) {
        let previous = self.0.is_listening.swap(is_listening, Ordering::Relaxed);
        if previous != is_listening {
            self.wake_all();
        }
    }

    /// Takes a wakeup that nobody in this process waited for.
    pub(super) fn take_pending(&self, topic: Topic) -> bool {
        let mut notified = std::pin::pin!(self.notify_of(topic).notified());
        notified.as_mut().enable()
    }
}
