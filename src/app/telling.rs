//! What tells others of events: the receiver of EVENT_WEBHOOK_URL, and notes on the shop's orders.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;

use super::App;
use crate::{
    lifecycle::Tasks,
    sync::events::{self, Delivering, NoteSettings, Notes, Receiver},
};

/// How long the receiver has for its answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Delivers events, if there is a receiver; also where nothing is moved between the two ends.
pub(super) async fn deliver_events(app: &App, tasks: &Tasks) -> anyhow::Result<()> {
    let webhook = app.config.server.event_webhook.as_ref();
    let kept = app.ledger.note_receiver(webhook.is_some()).await?;
    if kept > 0 {
        tracing::info!(
            events = kept,
            "what happened before there was a receiver of events is not delivered; `veracore-sync events resend` does"
        );
    }
    let wanted = app.config.orders.vendure_order_notes;
    app.ledger.want_notes(wanted).await?;
    let Some(webhook) = webhook else {
        return Ok(());
    };
    let receiver = Receiver::new(
        webhook.url.clone(),
        webhook.secret.clone(),
        PATIENCE,
        Arc::clone(&app.clock),
    )
    .context("HTTPS cannot be set up on this machine")?;
    let delivering = Delivering::new(
        Arc::new(receiver),
        app.ledger.clone(),
        Arc::clone(&app.clock),
    );
    tasks.spawn_vital(
        "deliver_events",
        events::deliver_events(delivering, tasks.clone()),
    );
    Ok(())
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
