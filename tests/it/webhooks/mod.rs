//! VeraCore's webhooks: authentication, storage, and their effects in a real shop.

mod durability;
mod orders;
mod refused;
mod stock;
mod tracking;

use crate::harness::{Service, WebhookSender, World};
use veracore_sync::sync::inbox::{InboxQueue, InboxWorker};

/// A server for webhooks and their worker, run step by step.
struct Office {
    worker: InboxWorker,
    sender: WebhookSender,
}

impl Office {
    async fn of(service: &Service, world: &World) -> Self {
        let worker = service.worker();
        let sender = WebhookSender::to_inbox(worker.inbox.clone(), world).await;
        Self { worker, sender }
    }

    /// Processes all due webhooks. Returns their number.
    async fn work(&self) -> usize {
        let mut count = 0;
        for queue in InboxQueue::ALL {
            loop {
                match self.worker.process_due(queue).await.unwrap() {
                    0 => break,
                    more => count += more,
                }
            }
        }
        count
    }
}

/// The recorded kind, state, attempts and message of each webhook.
async fn webhooks(world: &World) -> Vec<(String, String, i32, String)> {
    sqlx::query_as(
        "select kind, webhook_status, attempts, coalesce(message, '') from veracore_webhook order by id",
    )
    .fetch_all(&world.tables)
    .await
    .unwrap()
}

async fn states(world: &World) -> Vec<String> {
    let all = webhooks(world).await;
    all.into_iter().map(|(_, state, ..)| state).collect()
}
