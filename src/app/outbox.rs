//! Tasks that deliver events to EVENT_WEBHOOK_URL and write notes on orders in Vendure.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;

use super::assembly::App;
use crate::{
    ledger::{Ledger, LedgerError},
    lifecycle::TaskGroup,
    sync::{
        context::SyncContext,
        outbox::{self, EventDeliverer, EventReceiver, NoteSettings, NoteWriter},
    },
    telemetry::LogOnce,
};

const DELIVERY_TIMEOUT: Duration = Duration::from_secs(10);

const LEDGER_RETRY_DELAY: Duration = Duration::from_secs(3);

/// Starts event delivery, also while sync is paused.
pub(super) fn spawn_event_delivery(app: &App, tasks: &TaskGroup) -> anyhow::Result<()> {
    let deliverer = build_event_delivery(app)?;
    let (ledger, notes) = (app.ledger.clone(), app.config.orders.vendure_order_notes);
    let working = tasks.clone();
    tasks.spawn_critical("deliver_events", async move {
        // Earlier events are settled first. Nothing else waits for this, however long it takes.
        let mut outage = LogOnce::new("event delivery cannot start: the ledger is unavailable");
        while let Err(error) = record_receiver(&ledger, deliverer.is_some(), notes).await {
            outage.log_failure(&error);
            working.sleep(LEDGER_RETRY_DELAY).await;
            if working.is_stopping() {
                return;
            }
        }
        outage.log_recovery();
        match deliverer {
            Some(deliverer) => outbox::deliver_events(deliverer, working).await,
            None => working.wait_for_stop().await,
        }
    });
    Ok(())
}

async fn record_receiver(
    ledger: &Ledger,
    is_configured: bool,
    notes: bool,
) -> Result<(), LedgerError> {
    let undelivered = ledger.set_receiver_configured(is_configured).await?;
    if undelivered > 0 {
        tracing::info!(
            events = undelivered,
            "events from before EVENT_WEBHOOK_URL was set are not delivered; `veracore-sync events resend` delivers them"
        );
    }
    ledger.set_notes_enabled(notes).await
}

fn build_event_delivery(app: &App) -> anyhow::Result<Option<EventDeliverer>> {
    let Some(webhook) = app.config.server.event_webhook.as_ref() else {
        return Ok(None);
    };
    let receiver = EventReceiver::new(
        webhook.url.clone(),
        webhook.secret.clone(),
        DELIVERY_TIMEOUT,
        Arc::clone(&app.clock),
    )
    .context("HTTPS cannot be set up on this machine")?;
    Ok(Some(EventDeliverer {
        receiver: Arc::new(receiver),
        ledger: app.ledger.clone(),
        clock: Arc::clone(&app.clock),
    }))
}

/// Starts writing notes on orders in Vendure, if enabled.
pub(super) fn spawn_note_writer(app: &App, tasks: &TaskGroup) {
    if !app.config.orders.vendure_order_notes {
        return;
    }
    let settings = NoteSettings::from_timeout(app.config.vendure.timeout);
    let notes = NoteWriter::new(SyncContext::clone(&app.orders), settings);
    let shop = app.upstreams.shop_circuit.clone();
    tasks.spawn_critical("write_notes", outbox::write_notes(notes, shop));
}
