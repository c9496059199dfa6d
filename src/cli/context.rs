//! What every command shares: its outcome, and the app that it works on.

use crate::{app::App, config::Sources, lifecycle::TaskGroup, telemetry};

pub(super) type CommandResult = anyhow::Result<CommandOutcome>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CommandOutcome {
    Done,
    /// It did its work, and found or left something wrong.
    Failed,
}

impl CommandOutcome {
    pub(super) const fn from_ok(is_ok: bool) -> Self {
        if is_ok { Self::Done } else { Self::Failed }
    }
}

/// The app of a one-shot command: it logs to stderr, and the ledger's tables are up to date.
pub(super) async fn load_app(sources: Sources) -> anyhow::Result<App> {
    let app = App::load(sources, TaskGroup::new()).await?;
    app.init_log(telemetry::LogTarget::Stderr);
    app.ledger.ensure_migrated().await?;
    Ok(app)
}
