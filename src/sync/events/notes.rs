//! The loop that notes on the shop's orders what became of them: each event once, also where an
//! answer is lost or the process dies.

use std::{sync::Arc, time::Duration};

use tracing::Instrument as _;

use super::{
    decide::{LONGEST, after_note, after_question},
    words::{mark, text_of},
};
use crate::{
    clock::SharedClock,
    domain::text::one_line,
    http::Circuit,
    ledger::{DueNote, Ledger, LedgerError, Noted, Word},
    lifecycle::Tasks,
    sync::outage::Outage,
    telemetry::of_order,
    vendure::Storefront,
};

/// The longest sleep between two looks while nobody can tell of a note, and the shortest before a
/// try.
const STEP: Duration = Duration::from_secs(1);

/// How long things take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoteSettings {
    /// How long the shop may still be working on a call whose answer was lost.
    pub quiet: Duration,
    /// For a question and a call, with their waits for a turn.
    pub lease: Duration,
}

impl NoteSettings {
    /// From the time that one call to the shop may take.
    #[must_use]
    pub fn of(timeout: Duration) -> Self {
        let quiet = timeout * 2;
        Self {
            quiet,
            lease: timeout * 8 + Duration::from_secs(60),
        }
    }
}

/// Writes notes.
#[derive(Clone)]
pub struct Notes {
    storefront: Arc<dyn Storefront>,
    ledger: Ledger,
    clock: SharedClock,
    settings: NoteSettings,
}

impl Notes {
    #[must_use]
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

    /// Takes a note that is due.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn claim(&self) -> Result<Option<DueNote>, LedgerError> {
        self.ledger
            .claim_due_note(self.settings.lease, LONGEST)
            .await
    }

    /// Writes it, unless it is there. Nothing when it is not ours any more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn write(&self, note: &DueNote) -> Result<Option<Noted>, LedgerError> {
        let noted = self.try_to_write(note).await?;
        if let Some(noted) = &noted {
            self.ledger.finish_note(note, noted).await?;
        }
        Ok(noted)
    }

    async fn try_to_write(&self, note: &DueNote) -> Result<Option<Noted>, LedgerError> {
        if let Some(intended_at) = note.intended_at {
            let quiet = chrono::TimeDelta::from_std(self.settings.quiet).unwrap_or_default();
            let now = self.clock.now();
            // A clock that was set back must not make it wait for the future.
            if intended_at <= now && now < intended_at + quiet {
                return Ok(Some(Noted::Unknown {
                    at: intended_at + quiet,
                    problem: "the answer is not known yet".into(),
                }));
            }
            match self
                .storefront
                .has_note(&note.order_id, &mark(note.event))
                .await
            {
                Ok(true) => return Ok(Some(Noted::Written)),
                Ok(false) => {}
                Err(error) => return Ok(Some(after_question(note, &error, self.clock.now()))),
            }
        }
        if !self.ledger.intend_note(note, self.settings.lease).await? {
            return Ok(None);
        }
        let outcome = self
            .storefront
            .add_note(&note.order_id, &text_of(note))
            .await;
        let now = self.clock.now();
        Ok(Some(after_note(note, &outcome, self.settings.quiet, now)))
    }
}

/// Writes notes until the stop, one after another.
pub async fn write_notes(notes: Notes, shop: Circuit, tasks: Tasks) {
    let mut ledger = Outage::of("notes on the shop's orders cannot be worked on");
    let mut failing = Outage::of("notes cannot be written on the shop's orders");
    while !tasks.stopping() {
        let mut nap = STEP;
        if shop.is_closed() {
            let next = next(&notes, &mut failing).await;
            match next {
                Ok(true) => continue,
                Ok(false) => {
                    ledger.is_over();
                    nap = match notes.ledger.next_note().await {
                        Ok(next) => notes.ledger.nap(next, STEP),
                        Err(_) => STEP,
                    };
                }
                Err(error) => ledger.goes_on(&error),
            }
        }
        tokio::select! {
            () = tasks.stopped() => {}
            () = notes.ledger.told(Word::Notes, nap) => {}
        }
    }
}

/// Whether there was one.
async fn next(notes: &Notes, failing: &mut Outage) -> Result<bool, LedgerError> {
    let Some(note) = notes.claim().await? else {
        return Ok(false);
    };
    let written = notes.write(&note);
    match written.instrument(of_order(&note.code)).await? {
        Some(Noted::Written) => failing.is_over(),
        Some(Noted::Again { problem, .. } | Noted::Unknown { problem, .. }) => {
            failing.goes_on(&problem);
        }
        Some(Noted::Dropped { problem }) => {
            let problem = one_line(&problem, 200);
            tracing::warn!(order = %note.code, problem, "VeraCore: a note could not be written on the shop's order, and is left out");
        }
        None => {}
    }
    Ok(true)
}
