//! The loop that writes notes on orders in Vendure: each event once, even if a response is lost or the
//! process dies.

use std::time::Duration;

use tracing::Instrument as _;

use super::{
    note_text::{note_marker, note_text},
    retry::{MAX_DELAY, after_note, after_note_lookup},
};
use crate::{
    clock::time_delta,
    domain::text::one_line,
    http::Circuit,
    ledger::{ClaimedNote, LedgerError, NoteOutcome, Topic},
    sync::context::SyncService,
    telemetry::{LogOnce, order_span},
};

/// The longest sleep while the ledger cannot notify of notes.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Durations, derived from the timeout of a call to Vendure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoteSettings {
    /// Vendure may still process a call for this long after a lost response.
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

pub type NoteWriter = SyncService<NoteSettings>;

impl NoteWriter {
    pub async fn lease_due(&self) -> Result<Option<ClaimedNote>, LedgerError> {
        self.ledger
            .claim_due_note(self.settings.lease_ttl, MAX_DELAY)
            .await
    }

    /// Writes the note, unless Vendure has it. `None`: the lease was lost.
    pub async fn write(&self, note: &ClaimedNote) -> Result<Option<NoteOutcome>, LedgerError> {
        let outcome = self.try_write(note).await?;
        if let Some(outcome) = &outcome {
            self.ledger.record_note_outcome(note, outcome).await?;
        }
        Ok(outcome)
    }

    async fn try_write(&self, note: &ClaimedNote) -> Result<Option<NoteOutcome>, LedgerError> {
        if let Some(intended_at) = note.intended_at {
            let quiet = time_delta(self.settings.quiet_period);
            let now = self.clock.now();
            // Do not wait for a future intent: the clock was set back.
            if intended_at <= now && now < intended_at + quiet {
                return Ok(Some(NoteOutcome::InDoubt {
                    at: intended_at + quiet,
                    problem: "the response was lost; checking later".into(),
                }));
            }
            let marker = note_marker(note.event_id);
            match self.storefront.has_note(&note.order_id, &marker).await {
                Ok(true) => return Ok(Some(NoteOutcome::Written)),
                Ok(false) => {}
                Err(error) => return Ok(Some(after_note_lookup(note, &error, self.clock.now()))),
            }
        }
        let NoteSettings {
            lease_ttl,
            quiet_period,
        } = *self.settings;
        if !self.ledger.record_note_intent(note, lease_ttl).await? {
            return Ok(None);
        }
        let text = note_text(note);
        let outcome = self.storefront.add_note(&note.order_id, &text).await;
        let now = self.clock.now();
        Ok(Some(after_note(note, &outcome, quiet_period, now)))
    }
}

/// Writes notes until the stop, one after another.
pub async fn write_notes(notes: NoteWriter, shop: Circuit) {
    let mut ledger_log = LogOnce::new("order notes cannot be read from the ledger");
    let mut shop_log = LogOnce::new("order notes cannot be written in Vendure");
    while !notes.tasks.is_stopping() {
        let mut delay = POLL_INTERVAL;
        if shop.is_closed() {
            match write_next(&notes, &mut shop_log).await {
                Ok(true) => continue,
                Ok(false) => {
                    ledger_log.log_recovery();
                    if let Ok(next) = notes.ledger.next_note_due_at().await {
                        delay = notes.ledger.poll_delay(next, POLL_INTERVAL);
                    }
                }
                Err(error) => ledger_log.log_failure(&error),
            }
        }
        let work = notes.ledger.wait_for(Topic::Notes, delay);
        notes.tasks.wait_for(work).await;
    }
}

/// Writes a due note. Returns `false` if there is none.
async fn write_next(notes: &NoteWriter, shop_log: &mut LogOnce) -> Result<bool, LedgerError> {
    let Some(note) = notes.lease_due().await? else {
        return Ok(false);
    };
    let write = notes.write(&note).instrument(order_span(&note.code));
    match write.await? {
        Some(NoteOutcome::Written) => shop_log.log_recovery(),
        Some(NoteOutcome::Retry { problem, .. } | NoteOutcome::InDoubt { problem, .. }) => {
            shop_log.log_failure(&problem);
        }
        Some(NoteOutcome::Dropped { problem }) => {
            let problem = one_line(&problem, 200);
            tracing::warn!(order = %note.code, problem, "VeraCore note not written on the order in Vendure; dropped");
        }
        None => {}
    }
    Ok(true)
}
