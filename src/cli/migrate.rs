//! `migrate`: applies the database migrations.

use serde_json::json;

use super::{context::CommandResult, output::Output};
use crate::{app, config::Sources};

pub(super) async fn execute(sources: &Sources, output: Output) -> CommandResult {
    let ledger = app::ledger_only(sources)?;
    ledger.migrate().await?;
    output.print(&json!({ "migrated": true }), || {
        "the ledger's tables are up to date".into()
    })
}
