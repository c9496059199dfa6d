//! What tells others of events: the receiver of EVENT_WEBHOOK_URL, and notes on the shop's orders.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;

use super::App;
use crate::{
    ledger::{Ledger, LedgerError},
    lifecycle::Tasks,
    sync::{
        events::{self, Delivering, NoteSettings, Notes, Receiver},
        outage::Outage,
    },
};

/// How long the receiver has for its answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// After the ledger could not be told of a receiver.
const PAUSE: Duration = Duration::from_secs(3);

/// Delivers events, if there is a receiver; also where nothing is moved between the two ends.
pub(super) fn deliver_events(app: &App, tasks: &Tasks) -> anyhow::Result<()> {
    let delivering = delivering(app)?;
    let (ledger, wanted) = (app.ledger.clone(), app.config.orders.vendure_order_notes);
    let working = tasks.clone();
    tasks.spawn_vital("deliver_events", async move {
        // What happened before is sorted out first, however many events that are and however long
        // the database is away: nothing else waits for it.
        let mut outage = Outage::of("the ledger cannot be told whether events have a receiver");
        while let Err(error) = note_receiver(&ledger, delivering.is_some(), wanted).await {
            outage.goes_on(&error);
            working.sleep(PAUSE).await;
            if working.stopping() {
                return;
            }
        }
        outage.is_over();
        match delivering {
            Some(delivering) => events::deliver_events(delivering, working).await,
            None => working.stopped().await,
        }
    });
    Ok(())
}

async fn note_receiver(ledger: &Ledger, is_there: bool, notes: bool) -> Result<(), LedgerError> {
    let kept = ledger.note_receiver(is_there).await?;
    if kept > 0 {
        tracing::info!(
            events = kept,
            "what happened before there was a receiver of events is not delivered; `veracore-sync events resend` does"
        );
    }
    ledger.want_notes(notes).await
}

fn delivering(app: &App) -> anyhow::Result<Option<Delivering>> {
    let Some(webhook) = app.config.server.event_webhook.as_ref() else {
        return Ok(None);
    };
    let receiver = Receiver::new(
        webhook.url.clone(),
        webhook.secret.clone(),
        PATIENCE,
        Arc::clone(&app.clock),
    )
    .context("HTTPS cannot be set up on this machine")?;
    Ok(Some(Delivering::new(
        Arc::new(receiver),
        app.ledger.clone(),
        Arc::clone(&app.clock),
    )))
}

/// Writes notes on the shop's orders, if they are wanted.
pub(super) fn write_notes(app: &App, tasks: &Tasks) {
    if !app.config.orders.vendure_order_notes {
        return;
    }
    let notes = Notes::new(
        Arc::clone(&app.storefront),
        app.ledger.clone(),
        Arc::clone(&app.clock),
        NoteSettings::of(app.config.vendure.timeout),
    );
    tasks.spawn_vital(
        "write_notes",
        events::write_notes(notes, app.upstreams.shop.clone(), tasks.clone()),
    );
}
