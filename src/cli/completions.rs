//! `completions`: the completion scripts for shells.

use clap::{Args, Command, ValueEnum, builder::PossibleValuesParser};
use clap_complete::aot;
use serde_json::json;

use super::{context::CommandOutcome, output::Output};
use crate::config::SETTINGS;

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    shell: Shell,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

pub(super) fn execute(
    output: Output,
    cli: Command,
    args: &CompletionsArgs,
) -> anyhow::Result<CommandOutcome> {
    let shell = match args.shell {
        Shell::Bash => aot::Shell::Bash,
        Shell::Zsh => aot::Shell::Zsh,
        Shell::Fish => aot::Shell::Fish,
    };
    let mut script = Vec::new();
    aot::generate(
        shell,
        &mut complete_setting_names(cli),
        "veracore-sync",
        &mut script,
    );
    let script = String::from_utf8(script)?;
    output.print(&json!({ "script": script }), || script.clone())?;
    Ok(CommandOutcome::Done)
}

/// `config set` accepts any name, to explain what is wrong with it; a shell offers the valid ones.
fn complete_setting_names(cli: Command) -> Command {
    let with_names = |command: Command| {
        command.mut_arg("key", |key| {
            let names = SETTINGS.iter().filter(|key| key.is_storable());
            key.value_parser(PossibleValuesParser::new(names.map(|key| key.name)))
        })
    };
    cli.mut_subcommand("config", |config| {
        config
            .mut_subcommand("set", with_names)
            .mut_subcommand("unset", with_names)
    })
}
