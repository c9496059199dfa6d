//! Labels, colours and links that several pages share. Pure.

use crate::domain::SyncStatus;

pub(super) const fn status_class(status: SyncStatus) -> &'static str {
    match status {
        SyncStatus::Success => "good",
        SyncStatus::Error => "bad",
        SyncStatus::InDoubt | SyncStatus::Retrying => "warn",
        SyncStatus::Pending | SyncStatus::Syncing => "info",
        SyncStatus::Skipped | SyncStatus::Cancelled => "dim",
    }
}

/// The label of a status in lists and counts.
pub(super) const fn status_plural_label(status: SyncStatus) -> &'static str {
    match status {
        SyncStatus::Pending => "waiting to be sent",
        SyncStatus::Syncing => "being processed",
        SyncStatus::InDoubt => "unconfirmed",
        SyncStatus::Retrying => "failed, will be retried",
        SyncStatus::Success => "accepted by VeraCore",
        SyncStatus::Error => "need action",
        SyncStatus::Skipped => "not sent",
        SyncStatus::Cancelled => "cancelled before sending",
    }
}

/// The label of one order's status.
pub(super) const fn status_label(status: SyncStatus) -> &'static str {
    match status {
        SyncStatus::Pending => "Waiting to be sent",
        SyncStatus::Syncing => "Being processed",
        SyncStatus::InDoubt => "Unconfirmed: checking with VeraCore",
        SyncStatus::Retrying => "Failed, will be retried",
        SyncStatus::Success => "Accepted by VeraCore",
        SyncStatus::Error => "Needs action",
        SyncStatus::Skipped => "Not sent",
        SyncStatus::Cancelled => "Cancelled before sending",
    }
}

pub(super) fn order_path(code: &str) -> String {
    let code = askama::filters::urlencode_strict(code);
    code.map_or_else(|_| "/orders".into(), |code| format!("/orders/{code}"))
}
