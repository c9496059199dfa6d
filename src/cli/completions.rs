//! `completions`: the completion scripts for shells.

use clap::{Args, Command, builder::PossibleValuesParser};
use clap_complete::aot;
use serde_json::json;

use super::{args::word_parser, context::CommandResult, output::Output};
use crate::config::SETTINGS;

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    #[arg(value_parser = word_parser(["bash", "zsh", "fish"], |word| word.parse::<aot::Shell>().ok()))]
    shell: aot::Shell,
}

pub(super) fn execute(output: Output, cli: Command, args: &CompletionsArgs) -> CommandResult {
    let mut script = Vec::new();
    aot::generate(
        args.shell,
        &mut complete_setting_names(cli),
        "veracore-sync",
        &mut script,
    );
    let script = String::from_utf8(script)?;
    output.print(&json!({ "script": script }), || script.clone())
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
