//! The loop that writes notes on orders in Vendure: each event once, even if a response is lost or the
//! process dies.

use std::{sync::Arc, time::Duration};

use tracing::Instrument as _;

use super::{
    note_text::{note_marker, note_text},
    retry::{MAX_DELAY, after_note, after_note_lookup},
};
use crate::{
    clock::SharedClock,
    domain::text::one_line,
    http::Circuit,
    ledger::{ClaimedNote, Ledger, LedgerError, NoteOutcome, Topic},
    lifecycle::TaskGroup,
    telemetry::LogOnce,
    telemetry::order_span,
    vendure::Storefront,
};

/// The longest sleep while the ledger cannot notify of notes.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Durations, derived from the timeout of a call to Vendure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoteSettings {
    /// How long Vendure may still process a call whose response was lost.
    pub quiet_period: Duration,
    /// Covers a lookup and a call, with their waits for a permit.
    pub lease_ttl: Duration,
}

impl NoteSettings {
    pub fn from_timeout(timeout: Duration) -> Self {
        let quiet_period = timeout * 2;
        Self {
            quiet_period,
            lease_ttl: timeout * 8 + Duration::from_secs(60),
        }
    }
}

/// Writes notes.
#[derive(Clone)]
pub struct NoteWriter {
    storefront: Arc<dyn Storefront>,
    ledger: Ledger,
    clock: SharedClock,
    settings: NoteSettings,
}

impl NoteWriter {
    pub const fn new(
        storefront: Arc<dyn Storefront>,
        ledger: Ledger,
        clock: SharedClock,
        settings: NoteSettings,
    ) -> Self {
        Self {
            storefront,
            ledger,
            clock,
            settings,
        }
    }

    /// Claims a due note.
    pub async fn lease_due(&self) -> Result<Option<ClaimedNote>, LedgerError> {
        self.ledger
            .claim_due_note(self.settings.lease_ttl, MAX_DELAY)
            .await
    }

    /// Writes the note, unless Vendure has it. `None`: the lease was lost.
    pub async fn write(&self, note: &ClaimedNote) -> Result<Option<NoteOutcome>, LedgerError> {
        let noted = self.try_write(note).await?;
        if let Some(noted) = &noted {
            self.ledger.record_note_outcome(note, noted).await?;
        }
        Ok(noted)
    }

    async fn try_write(&self, note: &ClaimedNote) -> Result<Option<NoteOutcome>, LedgerError> {
        if let Some(intended_at) = note.intended_at {
            let quiet = chrono::TimeDelta::from_std(self.settings.quiet_period).unwrap_or_default();
            let now = self.clock.now();
            // Do not wait for a future intent: the clock was set back.
            if intended_at <= now && now < intended_at + quiet {
                return Ok(Some(NoteOutcome::InDoubt {
                    at: intended_at + quiet,
                    problem: "the response was lost; checking later".into(),
                }));
            }
            match self
                .storefront
                .has_note(&note.order_id, &note_marker(note.event_id))
                .await
            {
                Ok(true) => return Ok(Some(NoteOutcome::Written)),
                Ok(false) => {}
                Err(error) => return Ok(Some(after_note_lookup(note, &error, self.clock.now()))),
            }
        }
        if !self
            .ledger
            .record_note_intent(note, self.settings.lease_ttl)
            .await?
        {
            return Ok(None);
        }
        let outcome = self
            .storefront
            .add_note(&note.order_id, &note_text(note))
            .await;
        let now = self.clock.now();
        Ok(Some(after_note(
            note,
            &outcome,
            self.settings.quiet_period,
            now,
        )))
    }
}

/// Writes notes until the stop, one after another.
pub async fn write_notes(notes: NoteWriter, shop: Circuit, tasks: TaskGroup) {
    let mut ledger = LogOnce::new("order notes cannot be read from the ledger");
    let mut failing = LogOnce::new("order notes cannot be written in Vendure");
    while !tasks.is_stopping() {
        let mut nap = POLL_INTERVAL;
        if shop.is_closed() {
            let next = write_next(&notes, &mut failing).await;
            match next {
                Ok(true) => continue,
                Ok(false) => {
                    ledger.log_recovery();
                    nap = match notes.ledger.next_note_due_at().await {
                        Ok(next) => notes.ledger.poll_delay(next, POLL_INTERVAL),
                        Err(_) => POLL_INTERVAL,
                    };
                }
                Err(error) => ledger.log_failure(&error),
            }
        }
        tokio::select! {
            () = tasks.wait_for_stop() => {}
            () = notes.ledger.wait_for(Topic::Notes, nap) => {}
        }
    }
}

/// Whether there was one.
async fn write_next(notes: &NoteWriter, failing: &mut LogOnce) -> Result<bool, LedgerError> {
    let Some(note) = notes.lease_due().await? else {
        return Ok(false);
    };
    let written = notes.write(&note);
    match written.instrument(order_span(&note.code)).await? {
        Some(NoteOutcome::Written) => failing.log_recovery(),
        Some(NoteOutcome::Retry { problem, .. } | NoteOutcome::InDoubt { problem, .. }) => {
            failing.log_failure(&problem);
        }
        Some(NoteOutcome::Dropped { problem }) => {
            let problem = one_line(&problem, 200);
            tracing::warn!(order = %note.code, problem, "VeraCore note not written on the order in Vendure; dropped");
        }
        None => {}
    }
    Ok(true)
}
