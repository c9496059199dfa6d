//! An order's page: status, sent data, parcels, history and actions.

use askama::Template;

use super::{
    confirmation::Confirmation,
    error_page::{ErrorPage, PageResult, with_action_timeout, with_timeout},
    labels::{order_path, status_class, status_label},
    page::PageFrame,
    session_context::{PathParams, SessionContext, SubmittedForm},
    time_format::TimeFormat,
    timeline::{self, TimelineStep},
};
use crate::{
    domain::{CancelStatus, OrderCode, ShopOrderId, SyncStatus},
    ledger::{RecordedShipment, SentSummary, ShipmentStatus, SyncRecord},
    web::{
        access::UPDATE_ORDERS,
        actions::{self, ActionResult},
    },
};

#[derive(Template)]
#[template(path = "order.html")]
struct OrderPage {
    frame: PageFrame,
    times: TimeFormat,
    record: SyncRecord,
    warnings: Vec<String>,
    sent: Option<SentSummary>,
    was_sent: bool,
    parcels: Vec<RecordedShipment>,
    steps: Vec<TimelineStep>,
    actions: &'static [OrderAction],
    may_act: bool,
}

fn parse_code(text: String) -> Result<OrderCode, ErrorPage> {
    OrderCode::parse(text).map_err(|_| ErrorPage::not_found("This is not a valid order code."))
}

async fn find_order(session: &SessionContext, code: &OrderCode) -> Result<SyncRecord, ErrorPage> {
    let record = with_timeout(session.services.ledger.order(code)).await?;
    record.ok_or_else(|| {
        ErrorPage::not_found(
            "Order not found. An order appears here when it reaches a trigger state in Vendure.",
        )
    })
}

pub(super) async fn show(
    session: SessionContext,
    PathParams(code): PathParams<String>,
) -> PageResult {
    session.require_reader()?;
    let code = parse_code(code)?;
    let record = find_order(&session, &code).await?;
    let ledger = &session.services.ledger;
    let attempts = with_timeout(ledger.attempts(record.id)).await?;
    let mut parcels = with_timeout(ledger.shipments_of_orders(std::slice::from_ref(&code))).await?;
    parcels.retain(|parcel| parcel.order == record.id);
    let events = with_timeout(ledger.events_of_order(record.id)).await?;
    let page = OrderPage {
        frame: session.frame("orders", format!("Order {code}")),
        times: session.time_format(),
        warnings: warnings(&record),
        sent: with_timeout(ledger.sent_summary(record.id)).await?,
        was_sent: attempts.iter().any(|attempt| attempt.kind == "send"),
        steps: timeline::build(&record, &attempts, &parcels, &events),
        parcels,
        actions: available_actions(&record),
        may_act: session.is_permitted(UPDATE_ORDERS),
        record,
    };
    Ok(session.render(&page))
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
            Some("left_trigger_state") => {
                "It left the trigger states. It is sent when it returns to one.".into()
            }
            _ => "Not for VeraCore; the message says why. Retry the order to check it again.".into(),
        },
        SyncStatus::Cancelled => "Cancelled in Vendure before it was sent.".into(),
    }
}

fn warnings(record: &SyncRecord) -> Vec<String> {
    let post_send = &record.post_send;
    let reason = post_send.cancel_message.as_deref().unwrap_or_default();
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
        warnings.push(format!(
            "Cancelled in Vendure; {}. {reason}",
            status.label()
        ));
    } else if post_send.cancelled_at_veracore.is_some() {
        warnings.push(format!(
            "Cancelled at VeraCore but not in Vendure. {reason}"
        ));
    }
    for part in &post_send.changed_since_sent {
        warnings.push(format!("Edited in Vendure after being sent: {part}."));
    }
    warnings
}

/// The CSS class and the label of a parcel's status.
const fn parcel_status(status: ShipmentStatus) -> (&'static str, &'static str) {
    match status {
        ShipmentStatus::Waiting => ("warn", "waiting"),
        ShipmentStatus::Pending => ("info", "being sent to Vendure"),
        ShipmentStatus::Fulfilled => ("good", "fulfilled in Vendure"),
        ShipmentStatus::Covered => ("good", "its goods are in another fulfillment"),
        ShipmentStatus::Void => ("dim", "withdrawn"),
        ShipmentStatus::Problem => ("bad", "needs attention"),
    }
}

/// The actions that the order's status allows.
fn available_actions(record: &SyncRecord) -> &'static [OrderAction] {
    use OrderAction::{Cancel, Retry, Send, Skip};
    match (record.sync_status, record.post_send.cancel_status) {
        (SyncStatus::Success, Some(CancelStatus::ByHand)) => &[Cancel],
        (SyncStatus::Success | SyncStatus::Syncing, _) => &[],
        (_, Some(CancelStatus::Stopped)) => &[],
        (SyncStatus::Skipped, _) => &[Retry, Send],
        _ => &[Retry, Send, Skip],
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, serde::Deserialize)]
#[strum(serialize_all = "lowercase", const_into_str)]
#[serde(rename_all = "lowercase")]
pub(super) enum OrderAction {
    Retry,
    Send,
    Skip,
    /// Repeats the cancellation at VeraCore.
    Cancel,
}

impl OrderAction {
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
    session: SessionContext,
    PathParams((code, action)): PathParams<(String, OrderAction)>,
) -> PageResult {
    session.require(UPDATE_ORDERS)?;
    let code = parse_code(code)?;
    let record = find_order(&session, &code).await?;
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
    Ok(page.render(&session))
}

pub(super) async fn perform(
    PathParams((code, action)): PathParams<(String, OrderAction)>,
    SubmittedForm(session): SubmittedForm,
) -> PageResult {
    session.require(UPDATE_ORDERS)?;
    let code = parse_code(code)?;
    let (services, by) = (&session.services, session.principal.name.as_str());
    let outcome = match action {
        OrderAction::Retry => actions::retry(services, &code, by).await,
        OrderAction::Cancel => actions::retry(services, &code, by)
            .await
            .map(|_| "Cancellation requested from VeraCore.".into()),
        OrderAction::Skip => actions::skip(services, &code, by).await,
        OrderAction::Send => send_now(&session, &code).await?,
    };
    session.redirect_with_message(&order_path(code.as_str()), outcome)
}

async fn send_now(session: &SessionContext, code: &OrderCode) -> Result<ActionResult, ErrorPage> {
    let record = find_order(session, code).await?;
    let id = ShopOrderId::parse(record.vendure_order_id)
        .map_err(|_| ErrorPage::not_found("The order's Vendure ID is invalid."))?;
    let sending = actions::force(&session.services, id, &session.principal.name);
    let outcome = with_action_timeout(sending).await;
    Ok(outcome.map(|message| message.unwrap_or_else(|| "Sending. This takes a moment.".into())))
}
