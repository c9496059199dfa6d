//! What tells others of events: the receiver of EVENT_WEBHOOK_URL, and notes on the shop's orders.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;

use super::App;
use crate::{
    ledger::{Ledger, LedgerError},
    lifecycle::TaskGroup,
    sync::outbox::{self, EventDeliverer, EventReceiver, NoteSettings, NoteWriter},
    telemetry::LogOnce,
};

/// How long the receiver has for its answer.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(10);

/// After the ledger could not be told of a receiver.
const LEDGER_RETRY_DELAY: Duration = Duration::from_secs(3);

/// Delivers events, if there is a receiver; also where nothing is moved between the two ends.
pub(super) fn spawn_event_delivery(app: &App, tasks: &TaskGroup) -> anyhow::Result<()> {
    let delivering = build_event_delivery(app)?;
    let (ledger, wanted) = (app.ledger.clone(), app.config.orders.vendure_order_notes);
    let working = tasks.clone();
    tasks.spawn_critical("deliver_events", async move {
        // What happened before is sorted out first, however many events that are and however long
        // the database is away: nothing else waits for it.
        let mut outage = LogOnce::new("the ledger cannot be told whether events have a receiver");
        while let Err(error) = record_receiver(&ledger, delivering.is_some(), wanted).await {
            outage.log_failure(&error);
            working.sleep(LEDGER_RETRY_DELAY).await;
            if working.is_stopping() {
                return;
            }
        }
        outage.log_recovery();
        match delivering {
            Some(delivering) => outbox::deliver_events(delivering, working).await,
            None => working.wait_for_stop().await,
        }
    });
    Ok(())
}

async fn record_receiver(ledger: &Ledger, is_there: bool, notes: bool) -> Result<(), LedgerError> {
    let kept = ledger.set_receiver_configured(is_there).await?;
    if kept > 0 {
        tracing::info!(
            events = kept,
            "what happened before there was a receiver of events is not delivered; `veracore-sync events resend` does"
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
    Ok(Some(EventDeliverer::new(
        Arc::new(receiver),
        app.ledger.clone(),
        Arc::clone(&app.clock),
    )))
}

/// Writes notes on the shop's orders, if they are wanted.
pub(super) fn spawn_note_writer(app: &App, tasks: &TaskGroup) {
    if !app.config.orders.vendure_order_notes {
        return;
    }
    let notes = NoteWriter::new(
        Arc::clone(&app.storefront),
        app.ledger.clone(),
        Arc::clone(&app.clock),
        NoteSettings::from_timeout(app.config.vendure.timeout),
    );
    tasks.spawn_critical(
        "write_notes",
        outbox::write_notes(notes, app.upstreams.shop_circuit.clone(), tasks.clone()),
    );
}
