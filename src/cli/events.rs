//! `events …`: looks at the outbox, and has events sent again.

use clap::{
    Args, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};
use serde_json::json;
use uuid::Uuid;

use super::{Outcome, Output, one_shot, output::local, screen::Column};
use crate::{
    app::{App, Refused},
    config::Sources,
    domain::text::one_line,
    ledger::{EventState, RecordedEvent, Resent},
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
        /// Only those in this state; kept: nobody was to be told
        #[arg(long, value_parser = a_state())]
        state: Option<EventState>,
        /// At most this many
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Deliver events again, whatever became of them, with a fresh count of tries
    Resend {
        /// As `events list` prints them
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

fn a_state() -> impl TypedValueParser<Value = EventState> {
    PossibleValuesParser::new(EventState::ALL.map(EventState::as_str))
        .try_map(|text| EventState::parse(&text).ok_or("there is no such state"))
}

pub(super) async fn execute(
    sources: Sources,
    output: Output,
    args: EventsArgs,
) -> anyhow::Result<Outcome> {
    let app = one_shot(sources).await?;
    app.ledger.ensure_migrated().await?;
    match args.command {
        EventsCommand::List { state, limit } => list(&app, output, state, limit).await,
        EventsCommand::Resend { ids } => resend(&app, output, &ids).await,
    }
}

async fn list(
    app: &App,
    output: Output,
    state: Option<EventState>,
    limit: u32,
) -> anyhow::Result<Outcome> {
    let events = app.ledger.events(state, limit).await?;
    let zone = app.config.schedule.timezone;
    output.print(&json!({ "events": events }), || {
        let rows: Vec<Vec<String>> = events
            .iter()
            .map(|event| {
                vec![
                    event.id.to_string(),
                    event.event_type.clone(),
                    local(Some(event.occurred_at), zone),
                    event.state.as_str().to_owned(),
                    event.tries.to_string(),
                    local(event.next_try, zone),
                    about(event),
                ]
            })
            .collect();
        let columns = [
            Column::Key("ID"),
            Column::Text("TYPE"),
            Column::Text("HAPPENED"),
            Column::Word("STATE"),
            Column::Number("TRIES"),
            Column::Text("NEXT TRY"),
            Column::Sentence(""),
        ];
        output.screen.table(&columns, &rows)
    })?;
    Ok(Outcome::Done)
}

/// What it is about, and why it is not delivered.
fn about(event: &RecordedEvent) -> String {
    let about = ["order", "upstream", "run", "job"]
        .into_iter()
        .find_map(|field| event.data.get(field))
        .map(|value| match value.as_str() {
            Some(text) => one_line(text, 60),
            None => one_line(&value.to_string(), 60),
        });
    let parts = [about, event.problem.clone()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(": ")
}

async fn resend(app: &App, output: Output, ids: &[String]) -> anyhow::Result<Outcome> {
    // All of them are looked at before one is sent.
    let ids = ids
        .iter()
        .map(|text| {
            text.parse::<Uuid>().map_err(|_| {
                Refused(format!(
                    "'{}' is not an event's id; `veracore-sync events list` prints them",
                    one_line(text, 60)
                ))
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    if app.config.server.event_webhook.is_none() {
        return Err(Refused(
            "EVENT_WEBHOOK_URL is not set: there is nobody to send events to".into(),
        )
        .into());
    }
    let mut results = Vec::new();
    for id in ids {
        results.push((id, app.ledger.resend_event(id).await?));
    }
    let words = |resent: Resent| match resent {
        Resent::Again => "the daemon delivers it again now",
        Resent::Sooner => "it was waiting; the daemon tries it now",
        Resent::Unknown => "refused: there is no such event (any more)",
    };
    let found = |resent: Resent| resent != Resent::Unknown;
    let documents: Vec<_> = results
        .iter()
        .map(|(id, resent)| json!({ "id": id, "done": found(*resent), "message": words(*resent) }))
        .collect();
    output.print(&json!({ "events": documents }), || {
        let lines: Vec<String> = results
            .iter()
            .map(|(id, resent)| format!("{id}: {}", words(*resent)))
            .collect();
        lines.join("\n")
    })?;
    let all = results.iter().all(|(_, resent)| found(*resent));
    Ok(if all { Outcome::Done } else { Outcome::Failed })
}
