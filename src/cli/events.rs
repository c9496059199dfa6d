//! `events`: lists the outbox, and sends events again.

use clap::{Args, Subcommand};
use serde_json::json;
use uuid::Uuid;

use super::{
    args::word_parser,
    context::{CommandResult, load_app},
    output::{Output, local_time},
    terminal::Column,
};
use crate::{
    app::{App, SetupError},
    config::Sources,
    domain::text::one_line,
    ledger::{EventState, RecordedEvent, ResendOutcome},
};

#[derive(Debug, Args)]
pub(super) struct EventsArgs {
    #[command(subcommand)]
    command: EventsCommand,
}

#[derive(Debug, Subcommand)]
enum EventsCommand {
    /// List events, newest first
    List {
        /// Only events in this state (kept: no receiver was configured)
        #[arg(long, value_parser = word_parser(EventState::ALL.iter().map(|known| known.into_str()), EventState::parse))]
        state: Option<EventState>,
        /// At most this many
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Send events again, whatever their state, with a fresh attempt count
    Resend {
        /// Event IDs as printed by `events list`
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

pub(super) async fn execute(sources: Sources, output: Output, args: EventsArgs) -> CommandResult {
    let app = load_app(sources).await?;
    match args.command {
        EventsCommand::List { state, limit } => list(&app, output, state, limit).await,
        EventsCommand::Resend { ids } => resend(&app, output, &ids).await,
    }
}

async fn list(app: &App, output: Output, state: Option<EventState>, limit: u32) -> CommandResult {
    let events = app.ledger.events(state, limit).await?;
    let zone = app.config.schedule.timezone;
    output.print(&json!({ "events": events }), || {
        let rows = events.iter().map(|event| {
            [
                event.id.to_string(),
                event.event_type.clone(),
                local_time(Some(event.occurred_at), zone),
                event.state.into_str().to_owned(),
                event.tries.to_string(),
                local_time(event.next_try, zone),
                event_detail(event),
            ]
        });
        let columns = [
            Column::Key("ID"),
            Column::Text("TYPE"),
            Column::Text("OCCURRED"),
            Column::Status("STATE"),
            Column::Number("TRIES"),
            Column::Text("NEXT TRY"),
            Column::LongText(""),
        ];
        output.terminal.table(&columns, rows)
    })
}

/// The subject of the event, and why it is not delivered.
fn event_detail(event: &RecordedEvent) -> String {
    let about = ["order", "upstream", "run", "job"]
        .into_iter()
        .find_map(|field| event.data.get(field))
        .map(|value| {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            one_line(&text, 60)
        });
    let parts = [about, event.problem.clone()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(": ")
}

async fn resend(app: &App, output: Output, ids: &[String]) -> CommandResult {
    // All are checked before one is sent.
    let ids = ids
        .iter()
        .map(|text| {
            text.parse::<Uuid>().map_err(|_| {
                SetupError(format!(
                    "'{}' is not an event ID; `veracore-sync events list` prints them",
                    one_line(text, 60)
                ))
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    if app.config.server.event_webhook.is_none() {
        return Err(SetupError(
            "EVENT_WEBHOOK_URL is not set, so there is no receiver for events".into(),
        )
        .into());
    }
    let mut outcomes = Vec::new();
    for id in ids {
        let (done, message) = match app.ledger.resend_event(id).await? {
            ResendOutcome::Requeued => (true, "queued: the daemon sends it again now"),
            ResendOutcome::Expedited => (true, "it was waiting; the daemon sends it now"),
            ResendOutcome::NotFound => {
                (false, "refused: event not found (it may have been deleted)")
            }
        };
        outcomes.push((id.to_string(), done, message.to_owned()));
    }
    output.print_outcomes(("events", "id"), &outcomes)
}
