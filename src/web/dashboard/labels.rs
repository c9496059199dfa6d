//! The words, colours and addresses that several pages have in common. Pure.

use crate::domain::SyncStatus;

/// How a status looks: the class of its colour.
pub(super) const fn status_class(status: SyncStatus) -> &'static str {
    match status {
        SyncStatus::Success => "good",
        SyncStatus::Error => "bad",
        SyncStatus::InDoubt | SyncStatus::Retrying => "warn",
        SyncStatus::Pending | SyncStatus::Syncing => "info",
        SyncStatus::Skipped | SyncStatus::Cancelled => "dim",
    }
}

/// What a status means, in few words.
pub(super) const fn status_plural_label(status: SyncStatus) -> &'static str {
    match status {
        SyncStatus::Pending => "wait for their turn",
        SyncStatus::Syncing => "are being worked on",
        SyncStatus::InDoubt => "sent, answer lost",
        SyncStatus::Retrying => "failed, tried again",
        SyncStatus::Success => "VeraCore has them",
        SyncStatus::Error => "need a person",
        SyncStatus::Skipped => "are not sent",
        SyncStatus::Cancelled => "cancelled before",
    }
}

/// What its status says of one order.
pub(super) const fn status_label(status: SyncStatus) -> &'static str {
    match status {
        SyncStatus::Pending => "it waits for its turn",
        SyncStatus::Syncing => "it is being worked on",
        SyncStatus::InDoubt => "it was sent, and the answer was lost",
        SyncStatus::Retrying => "it failed, and is tried again",
        SyncStatus::Success => "VeraCore has it",
        SyncStatus::Error => "it needs a person",
        SyncStatus::Skipped => "it is not sent",
        SyncStatus::Cancelled => "it was cancelled before it was sent",
    }
}

/// The path of an order's page.
pub(super) fn order_path(code: &str) -> String {
    let code = askama::filters::urlencode_strict(code);
    code.map_or_else(|_| "/orders".into(), |code| format!("/orders/{code}"))
}

/// A text from outside within our own markup.
pub(super) fn escape_html(text: &str) -> String {
    askama::filters::escape(text, askama::filters::Html)
        .map_or_else(|_| String::new(), |text| text.to_string())
}
