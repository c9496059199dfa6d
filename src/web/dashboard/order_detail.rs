//! One order's page: where it stands and why, what was sent, and its whole history.

use askama::Template;
use axum::{body::Body, http::HeaderMap, response::Response};

use super::{
    ACTION_TIMEOUT, UPDATE_ORDERS,
    confirmation::Confirmation,
    labels::{order_path, status_class, status_label},
    page::{ErrorPage, PageFrame, PageResult},
    session_context::{PathParams, SessionContext},
    time_format::TimeFormat,
    timeline, with_timeout,
};
use crate::{
    domain::{CancelStatus, OrderCode, ShopOrderId, SyncStatus},
    ledger::{SentSummary, SyncRecord},
    web::actions::{self, ActionResult},
};

struct TimelineRow {
    at: String,
    kind: &'static str,
    what: String,
    detail: Option<String>,
}

struct ParcelView {
    carrier: String,
    tracking: String,
    status: &'static str,
    kind: &'static str,
    told: String,
    items: String,
}

/// A button that may be there.
struct ActionLink {
    path: String,
    words: &'static str,
    hint: &'static str,
}

#[derive(Template)]
#[template(path = "order.html")]
struct OrderPage {
    frame: PageFrame,
    record: SyncRecord,
    kind: &'static str,
    meaning: &'static str,
    next: String,
    why_next: String,
    found: String,
    last_try: String,
    acknowledged: String,
    warnings: Vec<String>,
    sent: Option<SentSummary>,
    was_sent: bool,
    packages: Vec<ParcelView>,
    steps: Vec<TimelineRow>,
    deeds: Vec<ActionLink>,
    may_act: bool,
}

fn parse_code(text: String) -> Result<OrderCode, ErrorPage> {
    OrderCode::parse(text).map_err(|_| ErrorPage::not_found("No order has such a code."))
}

async fn find_order(visit: &SessionContext, code: &OrderCode) -> Result<SyncRecord, ErrorPage> {
    let record = with_timeout(visit.services.ledger.order(code)).await?;
    record.ok_or_else(|| {
        ErrorPage::not_found(
            "The ledger has no such order. It is taken in when it is in a trigger state in Vendure.",
        )
    })
}

pub(super) async fn show(
    visit: SessionContext,
    PathParams(code): PathParams<String>,
) -> PageResult {
    visit.require_reader()?;
    let code = parse_code(code)?;
    let record = find_order(&visit, &code).await?;
    let ledger = &visit.services.ledger;
    let attempts = with_timeout(ledger.attempts(record.id)).await?;
    let packages = with_timeout(ledger.shipments_of_orders(std::slice::from_ref(&code))).await?;
    let packages: Vec<_> = packages
        .into_iter()
        .filter(|package| package.order == record.id)
        .collect();
    let events = with_timeout(ledger.events_of_order(record.id)).await?;
    let reader = visit.time_format();
    let steps = timeline::build(&record, &attempts, &packages, &events);
    let may_act = visit.is_permitted(UPDATE_ORDERS);
    let page = OrderPage {
        frame: visit.frame("orders", format!("Order {code}")),
        kind: status_class(record.sync_status),
        meaning: status_label(record.sync_status),
        next: reader.time_tag_or_dash(record.next_attempt),
        why_next: next_attempt_reason(&record),
        found: reader.time_tag(record.created_at),
        last_try: reader.time_tag_or_dash(record.last_sync_attempt),
        acknowledged: reader.time_tag_or_dash(record.last_successful_sync),
        warnings: warnings(&record),
        sent: with_timeout(ledger.sent_summary(record.id)).await?,
        was_sent: attempts.iter().any(|attempt| attempt.kind == "send"),
        packages: packages
            .iter()
            .map(|package| parcel_view(package, &reader))
            .collect(),
        steps: steps
            .into_iter()
            .map(|step| TimelineRow {
                at: format!(
                    "{} <small>{}</small>",
                    reader.time_tag(step.at),
                    reader.short(step.at)
                ),
                kind: step.kind,
                what: step.what,
                detail: step.detail,
            })
            .collect(),
        deeds: available_actions(&record),
        may_act,
        record,
    };
    Ok(visit.render(&page))
}

/// Why something happens at the next attempt, or nothing does.
fn next_attempt_reason(record: &SyncRecord) -> String {
    match record.sync_status {
        SyncStatus::Pending => "It waits for its turn, or for the end of ORDER_HOLD_MINUTES.".into(),
        SyncStatus::Syncing => "It is being worked on at this moment.".into(),
        SyncStatus::InDoubt => {
            "It was sent and the answer was lost. VeraCore is asked whether it has the order; it is sent again only after VeraCore has said twice that it does not.".into()
        }
        SyncStatus::Retrying if record.retry_count == 0 => {
            "The last try failed for a reason that is not the order's own; it does not count.".into()
        }
        SyncStatus::Retrying => format!(
            "{} tries have failed; the pauses between them get longer.",
            record.retry_count
        ),
        SyncStatus::Success => "VeraCore has it. What it ships is told by tracking.".into(),
        SyncStatus::Error => {
            "Nothing more happens by itself. Correct what the message says, then try again, or take it out.".into()
        }
        SyncStatus::Skipped => match record.skip_reason.as_deref() {
            Some("existing") => {
                "It was there before the first start. `veracore-sync orders backfill` sends such orders.".into()
            }
            Some("person") => "A person took it out.".into(),
            _ => "It is not VeraCore's; should that change in Vendure, it is looked at again.".into(),
        },
        SyncStatus::Cancelled => "It was cancelled in Vendure before it was sent.".into(),
    }
}

fn warnings(record: &SyncRecord) -> Vec<String> {
    let care = &record.post_send;
    let why = care.cancel_message.as_deref().unwrap_or_default();
    let mut warnings = Vec::new();
    let is_left = matches!(
        record.sync_status,
        SyncStatus::Skipped | SyncStatus::Cancelled | SyncStatus::Error
    );
    if record.in_doubt_since.is_some() && is_left {
        warnings.push(
            "It was sent and the answer was lost: VeraCore may have it. Look there, or retry: then VeraCore is asked first.".into(),
        );
    }
    if let Some(status) = care.cancel_status {
        warnings.push(format!("Cancelled in Vendure; {}. {why}", status.label()));
    } else if care.cancelled_at_veracore.is_some() {
        warnings.push(format!(
            "Cancelled at VeraCore, though not in Vendure. {why}"
        ));
    }
    for part in &care.changed_since_sent {
        warnings.push(format!("Edited in Vendure since it was sent: {part}."));
    }
    warnings
}

fn parcel_view(package: &crate::ledger::RecordedShipment, reader: &TimeFormat) -> ParcelView {
    use crate::ledger::ShipmentStatus as Status;
    let told = &package.report;
    let (kind, status) = match package.status {
        Status::Waiting => ("warn", "waiting"),
        Status::Pending => ("info", "being told to Vendure"),
        Status::Fulfilled => ("good", "fulfilled in Vendure"),
        Status::Covered => ("good", "covered by a fulfillment made by hand"),
        Status::Void => ("dim", "taken back"),
        Status::Problem => ("bad", "needs a person"),
    };
    let items = told.items.as_ref().map_or_else(
        || "not told".to_owned(),
        |items| {
            let items: Vec<String> = items
                .iter()
                .map(|item| format!("{} × {}", item.quantity, item.sku))
                .collect();
            items.join(", ")
        },
    );
    ParcelView {
        carrier: told.carrier.clone().unwrap_or_default(),
        tracking: told.tracking_number.clone().unwrap_or_default(),
        status,
        kind,
        told: reader.time_tag(package.first_seen_at),
        items,
    }
}

/// What can be asked for, as the order stands.
fn available_actions(record: &SyncRecord) -> Vec<ActionLink> {
    let path = order_path(&record.vendure_order_code);
    let deed = |action: OrderAction| ActionLink {
        path: format!("{path}/{}", action.as_str()),
        words: action.label(),
        hint: action.hint(),
    };
    match record.sync_status {
        SyncStatus::Success if record.post_send.cancel_status == Some(CancelStatus::ByHand) => {
            vec![deed(OrderAction::Cancel)]
        }
        SyncStatus::Success | SyncStatus::Syncing => Vec::new(),
        _ if record.post_send.cancel_status == Some(CancelStatus::Stopped) => Vec::new(),
        SyncStatus::Skipped => vec![deed(OrderAction::Retry), deed(OrderAction::Send)],
        _ => [OrderAction::Retry, OrderAction::Send, OrderAction::Skip]
            .into_iter()
            .map(deed)
            .collect(),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase", const_into_str)]
enum OrderAction {
    Retry,
    Send,
    Skip,
    /// Has VeraCore asked once more to cancel it.
    Cancel,
}

impl OrderAction {
    fn parse(text: &str) -> Result<Self, ErrorPage> {
        [Self::Retry, Self::Send, Self::Skip, Self::Cancel]
            .into_iter()
            .find(|action| action.as_str() == text)
            .ok_or_else(|| ErrorPage::not_found("There is no such page."))
    }

    const fn as_str(self) -> &'static str {
        self.into_str()
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Retry => "Retry",
            Self::Send => "Send now",
            Self::Skip => "Skip",
            Self::Cancel => "Ask VeraCore to cancel",
        }
    }

    const fn hint(self) -> &'static str {
        match self {
            Self::Retry => {
                "It is tried again at once, with a fresh count of failures. What is in doubt is looked up first, so that it cannot be sent twice."
            }
            Self::Send => {
                "It is sent at once, and you are told how it stands then. An order that VeraCore has already is not sent again."
            }
            Self::Skip => {
                "It is taken out and not sent, whatever Vendure says. Retry takes it in again."
            }
            Self::Cancel => {
                "It was cancelled in Vendure. VeraCore is told once more to cancel it, where a call can do that; else it stays to be stopped there by hand."
            }
        }
    }
}

pub(super) async fn confirm(
    visit: SessionContext,
    PathParams((code, action)): PathParams<(String, String)>,
) -> PageResult {
    visit.require(UPDATE_ORDERS)?;
    let action = OrderAction::parse(&action)?;
    let code = parse_code(code)?;
    let record = find_order(&visit, &code).await?;
    let mut consequences = vec![action.hint().to_owned()];
    if action == OrderAction::Skip && record.in_doubt_since.is_some() {
        consequences.push(
            "It was sent before and the answer was lost: VeraCore may have it. Look there, too."
                .into(),
        );
    }
    let path = order_path(code.as_str());
    let question = Confirmation {
        place: "orders",
        title: format!("{} order {code}?", action.label()),
        consequences,
        act: format!("{path}/{}", action.as_str()),
        words: action.label().to_owned(),
        is_grave: action == OrderAction::Skip,
        back: path,
    };
    Ok(question.render(&visit))
}

pub(super) async fn perform(
    visit: SessionContext,
    PathParams((code, action)): PathParams<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> PageResult {
    visit.require(UPDATE_ORDERS)?;
    visit.read_form(&headers, body).await?;
    let action = OrderAction::parse(&action)?;
    let code = parse_code(code)?;
    let (services, by) = (&visit.services, visit.principal.name.as_str());
    let told = match action {
        OrderAction::Retry => actions::retry(services, &code, by).await?,
        OrderAction::Cancel => actions::retry(services, &code, by)
            .await?
            .map(|_| "VeraCore is told once more to cancel it.".into()),
        OrderAction::Skip => actions::skip(services, &code, by).await?,
        OrderAction::Send => send_now(&visit, &code).await?,
    };
    Ok(redirect_to_order(&visit, &code, told))
}

/// Sends it, and waits for what comes of it as long as a person would.
async fn send_now(visit: &SessionContext, code: &OrderCode) -> Result<ActionResult, ErrorPage> {
    let record = find_order(visit, code).await?;
    let id = ShopOrderId::parse(record.vendure_order_id)
        .map_err(|_| ErrorPage::not_found("Its id in Vendure cannot be read."))?;
    let work = actions::force(&visit.services, id, &visit.principal.name);
    match tokio::time::timeout(ACTION_TIMEOUT, work).await {
        Ok(told) => Ok(told?),
        Err(_) => Ok(Ok("It is being sent; this takes a little.".into())),
    }
}

fn redirect_to_order(visit: &SessionContext, code: &OrderCode, told: ActionResult) -> Response {
    visit.redirect_with_message(&order_path(code.as_str()), told)
}
