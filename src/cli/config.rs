//! `config show`: each effective setting and where it came from.

use clap::{Args, Subcommand};

use super::{Outcome, Output, output::table};
use crate::{app, config::Sources};

#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print each setting, its value (secrets masked) and where it came from
    Show,
}

pub(super) async fn execute(
    sources: Sources,
    output: Output,
    args: &ConfigArgs,
) -> anyhow::Result<Outcome> {
    let ConfigCommand::Show = args.command;
    let (config, database) = app::load_config(sources).await?;
    output.print(&serde_json::json!({
        "settings": config.settings(),
        "databaseProblem": database.as_ref().err().map(ToString::to_string),
    }), || {
        let rows: Vec<Vec<String>> = config
            .settings()
            .iter()
            .map(|setting| {
                let value = setting.value.clone().unwrap_or_else(|| "(unset)".into());
                vec![setting.key.clone(), value, setting.place.to_string()]
            })
            .collect();
        let mut text = table(&["SETTING", "VALUE", "FROM"], &rows);
        if let Err(problem) = &database {
            text.push_str(&format!(
                "\nnote: settings stored in the database are left out, since it could not be read: {problem}\n"
            ));
        }
        text
    })?;
    Ok(Outcome::Done)
}
