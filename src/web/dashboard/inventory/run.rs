//! An inventory run: its result, and the decision about a held feed.

use askama::Template;
use serde::Deserialize;

use super::{
    super::{
        confirmation::Confirmation,
        error_page::{ErrorPage, PageResult, with_action_timeout, with_timeout},
        page::PageFrame,
        session_context::{PathParams, SessionContext, SubmittedForm},
        time_format::TimeFormat,
    },
    rows::{MAX_CHANGES, RunView, stock_run_message},
};
use crate::{
    ledger::RecordedStockChange,
    sync::inventory,
    web::{access::UPDATE_STOCK, actions},
};

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage {
    frame: PageFrame,
    times: TimeFormat,
    view: RunView,
    /// The feed is held and not decided on.
    is_held: bool,
    changes: Vec<RecordedStockChange>,
    may_act: bool,
}

pub(in crate::web::dashboard) async fn show(
    session: SessionContext,
    PathParams(id): PathParams<i64>,
) -> PageResult {
    session.require_reader()?;
    let ledger = &session.services.ledger;
    let run = with_timeout(ledger.run(id)).await?;
    let run = run.filter(|run| run.job == inventory::JOB);
    let run = run.ok_or_else(|| {
        ErrorPage::not_found("This inventory run does not exist. Runs are kept for 90 days.")
    })?;
    let page = RunPage {
        frame: session.frame("inventory", format!("Inventory run {id}")),
        times: session.time_format(),
        view: run.into(),
        is_held: is_awaiting_decision(&session, id).await?,
        changes: with_timeout(ledger.stock_changes(None, Some(id), MAX_CHANGES)).await?,
        may_act: session.is_permitted(UPDATE_STOCK),
    };
    Ok(session.render(&page))
}

/// The run's feed is held and not decided on.
async fn is_awaiting_decision(session: &SessionContext, id: i64) -> Result<bool, ErrorPage> {
    let ledger = &session.services.ledger;
    let found =
        with_timeout(ledger.undecided_quarantined_runs(inventory::JOB, Some(id), 1)).await?;
    Ok(!found.is_empty())
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::web::dashboard) enum FeedDecision {
    Accept,
    Discard,
}

pub(in crate::web::dashboard) async fn confirm(
    session: SessionContext,
    PathParams((run, decision)): PathParams<(i64, FeedDecision)>,
) -> PageResult {
    session.require(UPDATE_STOCK)?;
    if !is_awaiting_decision(&session, run).await? {
        return Err(ErrorPage::not_found(
            "There is nothing to decide: this feed is not held, was decided on, or a newer feed was applied.",
        ));
    }
    let back = format!("/inventory/runs/{run}");
    let (verb, consequences) = match decision {
        FeedDecision::Accept => ("Accept", vec![
            "VeraCore's inventory is read again and applied, although it failed the safety checks shown on the run's page.".into(),
            "If the new feed got worse, it is held again and nothing is written.".into(),
        ]),
        FeedDecision::Discard => ("Discard", vec![
            "Nothing is written. The next run reads a new feed, and holds it if it fails the safety checks, too.".into(),
        ]),
    };
    let page = Confirmation {
        nav_entry: "inventory",
        title: format!("{verb} the feed held by run {run}?"),
        consequences,
        form_action: format!("{back}/{}", verb.to_ascii_lowercase()),
        label: format!("{verb} feed"),
        is_destructive: matches!(decision, FeedDecision::Accept),
        back,
    };
    Ok(page.render(&session))
}

pub(in crate::web::dashboard) async fn decide(
    PathParams((run, decision)): PathParams<(i64, FeedDecision)>,
    SubmittedForm(session): SubmittedForm,
) -> PageResult {
    session.require(UPDATE_STOCK)?;
    let (services, by) = (&session.services, session.principal.name.as_str());
    let outcome = match decision {
        FeedDecision::Discard => actions::discard_quarantined_feed(services, run, by).await,
        FeedDecision::Accept => {
            let accept = actions::accept_quarantined_feed(services, run, by);
            with_action_timeout(accept)
                .await
                .and_then(stock_run_message)
        }
    };
    session.redirect_with_message("/inventory", outcome)
}
