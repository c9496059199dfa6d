//! An order's page: status, sent data, parcels, history and actions.

use askama::Template;
use axum::{body::Body, http::HeaderMap};

use super::{
    confirmation::Confirmation,
    error_page::{ErrorPage, PageResult, no_such_page, with_action_timeout, with_timeout},
    labels::{order_path, status_class, status_label},
    page::PageFrame,
    session_context::{PathParams, SessionContext},
    time_format::TimeFormat,
    timeline,
};
use crate::{
    domain::{CancelStatus, OrderCode, ShopOrderId, SyncStatus},
    ledger::{RecordedShipment, SentSummary, ShipmentStatus, SyncRecord},
    web::{
        access::UPDATE_ORDERS,
        actions::{self, ActionResult},
    },
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
    reported_at: String,
    items: String,
}

struct ActionLink {
    path: String,
    label: &'static str,
    hint: &'static str,
}

#[derive(Template)]
#[template(path = "order.html")]
struct OrderPage {
    frame: PageFrame,
    record: SyncRecord,
    kind: &'static str,
    status_label: &'static str,
    next: String,
    why_next: String,
    found: String,
    last_try: String,
    acknowledged: String,
    warnings: Vec<String>,
    sent: Option<SentSummary>,
    was_sent: bool,
    parcels: Vec<ParcelView>,
    steps: Vec<TimelineRow>,
    actions: Vec<ActionLink>,
    may_act: bool,
}

fn parse_code(text: String) -> Result<OrderCode, ErrorPage> {
    OrderCode::parse(text).map_err(|_| ErrorPage::not_found("This is not a valid order code."))
}

async fn find_order(visit: &SessionContext, code: &OrderCode) -> Result<SyncRecord, ErrorPage> {
    let record = with_timeout(visit.services.ledger.order(code)).await?;
    record.ok_or_else(|| {
        ErrorPage::not_found(
            "Order not found. An order appears here when it reaches a trigger state in Vendure.",
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
    let mut parcels = with_timeout(ledger.shipments_of_orders(std::slice::from_ref(&code))).await?;
    parcels.retain(|parcel| parcel.order == record.id);
    let events = with_timeout(ledger.events_of_order(record.id)).await?;
    let reader = visit.time_format();
    let steps = timeline::build(&record, &attempts, &parcels, &events);
    let may_act = visit.is_permitted(UPDATE_ORDERS);
    let page = OrderPage {
        frame: visit.frame("orders", format!("Order {code}")),
        kind: status_class(record.sync_status),
        status_label: status_label(record.sync_status),
        next: reader.time_tag_or_dash(record.next_attempt),
        why_next: next_attempt_reason(&record),
        found: reader.time_tag(record.created_at),
        last_try: reader.time_tag_or_dash(record.last_sync_attempt),
        acknowledged: reader.time_tag_or_dash(record.last_successful_sync),
        warnings: warnings(&record),
        sent: with_timeout(ledger.sent_summary(record.id)).await?,
        was_sent: attempts.iter().any(|attempt| attempt.kind == "send"),
        parcels: parcels
            .iter()
            .map(|parcel| parcel_view(parcel, &reader))
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
        actions: available_actions(&record),
        may_act,
        record,
    };
    Ok(visit.render(&page))
}

/// Explains the next attempt, or why there is none.
fn next_attempt_reason(record: &SyncRecord) -> String {
    match record.sync_status {
        SyncStatus::Pending => "Waiting for the send delay (ORDER_HOLD_MINUTES) or for orders before it.".into(),
        SyncStatus::Syncing => "Being processed now.".into(),
        SyncStatus::InDoubt => {
            "The order was sent and the response was lost. veracore-sync looks the order up at VeraCore, and sends it again only after two lookups did not find it.".into()
        }
        SyncStatus::Retrying if record.retry_count == 0 => {
            "The last attempt failed for a reason outside the order. It does not count as a failed attempt.".into()
        }
        SyncStatus::Retrying => format!(
            "Failed attempts: {}. The delay grows with each.",
            record.retry_count
        ),
        SyncStatus::Success => "Nothing more to send. Shipments appear under Parcels.".into(),
        SyncStatus::Error => {
            "Not retried automatically. Fix the problem, then retry or skip the order.".into()
        }
        SyncStatus::Skipped => match record.skip_reason.as_deref() {
            Some("existing") => {
                "Placed before the first start. `veracore-sync orders backfill` sends such orders.".into()
            }
            Some("person") => "Skipped manually.".into(),
            _ => "Nothing in the order is for VeraCore. It is checked again when it changes in Vendure.".into(),
        },
        SyncStatus::Cancelled => "Cancelled in Vendure before it was sent.".into(),
    }
}

fn warnings(record: &SyncRecord) -> Vec<String> {
    let post_send = &record.post_send;
    let why = post_send.cancel_message.as_deref().unwrap_or_default();
    let mut warnings = Vec::new();
    let is_final = matches!(
        record.sync_status,
        SyncStatus::Skipped | SyncStatus::Cancelled | SyncStatus::Error
    );
    if record.in_doubt_since.is_some() && is_final {
        warnings.push(
            "The order was sent and the response was lost: VeraCore may have it. Check at VeraCore, or retry: a retry looks it up there first.".into(),
        );
    }
    if let Some(status) = post_send.cancel_status {
        warnings.push(format!("Cancelled in Vendure; {}. {why}", status.label()));
    } else if post_send.cancelled_at_veracore.is_some() {
        warnings.push(format!("Cancelled at VeraCore but not in Vendure. {why}"));
    }
    for part in &post_send.changed_since_sent {
        warnings.push(format!("Edited in Vendure after being sent: {part}."));
    }
    warnings
}

fn parcel_view(parcel: &RecordedShipment, reader: &TimeFormat) -> ParcelView {
    let report = &parcel.report;
    let (kind, status) = match parcel.status {
        ShipmentStatus::Waiting => ("warn", "waiting"),
        ShipmentStatus::Pending => ("info", "being sent to Vendure"),
        ShipmentStatus::Fulfilled => ("good", "fulfilled in Vendure"),
        ShipmentStatus::Covered => ("good", "covered by a manual fulfillment"),
        ShipmentStatus::Void => ("dim", "withdrawn"),
        ShipmentStatus::Problem => ("bad", "needs attention"),
    };
    let items = report.items.as_ref().map_or_else(
        || "not reported".to_owned(),
        |items| {
            let items: Vec<String> = items
                .iter()
                .map(|item| format!("{} × {}", item.quantity, item.sku))
                .collect();
            items.join(", ")
        },
    );
    ParcelView {
        carrier: report.carrier.clone().unwrap_or_default(),
        tracking: report.tracking_number.clone().unwrap_or_default(),
        status,
        kind,
        reported_at: reader.time_tag(parcel.first_seen_at),
        items,
    }
}

/// The actions that the order's status allows.
fn available_actions(record: &SyncRecord) -> Vec<ActionLink> {
    let path = order_path(&record.vendure_order_code);
    let link = |action: OrderAction| ActionLink {
        path: format!("{path}/{}", action.as_str()),
        label: action.label(),
        hint: action.hint(),
    };
    match record.sync_status {
        SyncStatus::Success if record.post_send.cancel_status == Some(CancelStatus::ByHand) => {
            vec![link(OrderAction::Cancel)]
        }
        SyncStatus::Success | SyncStatus::Syncing => Vec::new(),
        _ if record.post_send.cancel_status == Some(CancelStatus::Stopped) => Vec::new(),
        SyncStatus::Skipped => vec![link(OrderAction::Retry), link(OrderAction::Send)],
        _ => [OrderAction::Retry, OrderAction::Send, OrderAction::Skip]
            .into_iter()
            .map(link)
            .collect(),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase", const_into_str)]
enum OrderAction {
    Retry,
    Send,
    Skip,
    /// Repeats the cancellation at VeraCore.
    Cancel,
}

impl OrderAction {
    fn parse(text: &str) -> Result<Self, ErrorPage> {
        [Self::Retry, Self::Send, Self::Skip, Self::Cancel]
            .into_iter()
            .find(|action| action.as_str() == text)
            .ok_or_else(no_such_page)
    }

    const fn as_str(self) -> &'static str {
        self.into_str()
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Retry => "Retry",
            Self::Send => "Send now",
            Self::Skip => "Skip",
            Self::Cancel => "Cancel at VeraCore",
        }
    }

    const fn hint(self) -> &'static str {
        match self {
            Self::Retry => {
                "The order is tried again at once, and its failure count starts at zero. An unconfirmed order is looked up at VeraCore first, so it is never sent twice."
            }
            Self::Send => {
                "The order is sent at once, and you see the result. An order that VeraCore already has is not sent again."
            }
            Self::Skip => {
                "The order is not sent, whatever its state in Vendure. Retry undoes this."
            }
            Self::Cancel => {
                "The order was cancelled in Vendure. veracore-sync requests the cancellation from VeraCore again. If VeraCore cannot cancel it by a call, cancel it there manually."
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
            "The order was sent before and the response was lost: VeraCore may have it. Check at VeraCore, too."
                .into(),
        );
    }
    let path = order_path(code.as_str());
    let page = Confirmation {
        nav_entry: "orders",
        title: format!("{} order {code}?", action.label()),
        consequences,
        form_action: format!("{path}/{}", action.as_str()),
        label: action.label().to_owned(),
        is_destructive: action == OrderAction::Skip,
        back: path,
    };
    Ok(page.render(&visit))
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
    let outcome = match action {
        OrderAction::Retry => actions::retry(services, &code, by).await,
        OrderAction::Cancel => actions::retry(services, &code, by)
            .await
            .map(|_| "Cancellation requested from VeraCore.".into()),
        OrderAction::Skip => actions::skip(services, &code, by).await,
        OrderAction::Send => send_now(&visit, &code).await?,
    };
    visit.redirect_with_message(&order_path(code.as_str()), outcome)
}

async fn send_now(visit: &SessionContext, code: &OrderCode) -> Result<ActionResult, ErrorPage> {
    let record = find_order(visit, code).await?;
    let id = ShopOrderId::parse(record.vendure_order_id)
        .map_err(|_| ErrorPage::not_found("The order's Vendure ID is invalid."))?;
    let sending = actions::force(&visit.services, id, &visit.principal.name);
    let outcome = with_action_timeout(sending).await;
    Ok(outcome.map(|message| message.unwrap_or_else(|| "Sending. This takes a moment.".into())))
}
