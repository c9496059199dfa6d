//! `config`: shows each effective setting and its origin; changes the settings in the database.

use std::io::Read as _;

use clap::{Args, Subcommand};
use secrecy::SecretString;

use super::{context::CommandResult, output::Output, terminal::Column};
use crate::{
    app::{
        self, SetupError,
        stored_settings::{self, SettingChangeError},
    },
    config::{self, SettingSpec, Sources},
};

#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print each setting, its value (secrets masked) and its origin
    Show,
    /// Store a setting in the database; running daemons apply it within seconds
    Set {
        /// The environment variable's name
        key: String,
        /// The value; '-' reads it from standard input, where other users cannot see it
        value: String,
    },
    /// Remove a stored setting
    Unset {
        /// The environment variable's name
        key: String,
    },
    /// Seal every stored secret again with the first key of CONFIG_ENCRYPTION_KEY
    RotateKey,
}

/// The longest value read from standard input.
const MAX_VALUE_BYTES: u64 = 64 * 1024;

pub(super) async fn execute(sources: Sources, output: Output, args: ConfigArgs) -> CommandResult {
    match args.command {
        ConfigCommand::Show => show(sources, output).await,
        ConfigCommand::Set { key, value } => {
            let value = match value.as_str() {
                "-" => read_stdin_value()?,
                _ => value,
            };
            change_setting(&sources, output, key, Some(value.into())).await
        }
        ConfigCommand::Unset { key } => change_setting(&sources, output, key, None).await,
        ConfigCommand::RotateKey => rotate_key(&sources, output).await,
    }
}

fn read_stdin_value() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .take(MAX_VALUE_BYTES)
        .read_to_string(&mut text)?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

async fn change_setting(
    sources: &Sources,
    output: Output,
    key: String,
    value: Option<SecretString>,
) -> CommandResult {
    let ledger = app::ledger_only(sources)?;
    ledger.ensure_migrated().await?;
    let stored = value.is_some();
    let name = key.to_ascii_uppercase();
    stored_settings::store_changes(sources, &ledger, &[(key, value)])
        .await
        .map_err(map_change_error)?;
    let at_start = config::find_setting(&name).is_some_and(SettingSpec::is_read_at_start);
    output.print(
        &serde_json::json!({ "setting": name, "stored": stored, "atNextStart": at_start }),
        || {
            let done = if stored {
                "is stored"
            } else {
                "is no longer stored"
            };
            let when = if at_start {
                "it takes effect at the next start"
            } else {
                "running daemons apply it within seconds"
            };
            format!("{name} {done}; {when}")
        },
    )
}

async fn rotate_key(sources: &Sources, output: Output) -> CommandResult {
    let ledger = app::ledger_only(sources)?;
    ledger.ensure_migrated().await?;
    let rotated = stored_settings::rotate_key(sources, &ledger)
        .await
        .map_err(map_change_error)?;
    output.print(&serde_json::json!({ "sealedAnew": rotated }), || {
        if rotated.is_empty() {
            "every stored secret is already sealed with the first key of CONFIG_ENCRYPTION_KEY"
                .into()
        } else {
            format!(
                "sealed again: {}. The other keys of CONFIG_ENCRYPTION_KEY are no longer needed",
                rotated.join(", ")
            )
        }
    })
}

/// Errors that the user must correct exit with status 2, as a wrong configuration does.
fn map_change_error(error: SettingChangeError) -> anyhow::Error {
    match error {
        SettingChangeError::Config(error) => error.into(),
        SettingChangeError::Ledger(_) | SettingChangeError::Conflict => error.into(),
        other => SetupError(other.to_string()).into(),
    }
}

async fn show(sources: Sources, output: Output) -> CommandResult {
    let (config, database) = app::load_config(sources).await?;
    output.print(
        &serde_json::json!({
            "settings": config.settings,
            "databaseProblem": database.as_ref().err().map(ToString::to_string),
        }),
        || {
            let rows = config.settings.iter().map(|setting| {
                let value = setting.value.clone().unwrap_or_else(|| "(unset)".into());
                [setting.key.clone(), value, setting.provenance.to_string()]
            });
            let columns = [
                Column::Key("SETTING"),
                Column::LongText("VALUE"),
                Column::Text("FROM"),
            ];
            let mut text = output.terminal.table(&columns, rows);
            if let Err(problem) = &database {
                text.push_str(&format!(
                "\nnote: the database could not be read, so its settings are left out: {problem}\n"
            ));
            }
            text
        },
    )
}
