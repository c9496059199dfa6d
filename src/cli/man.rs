//! `man`: the man page, or one for each command.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Args, Command};
use clap_mangen::{
    Man,
    roff::{Roff, bold, italic, roman},
};
use serde_json::json;

use super::{context::CommandResult, output::Output};
use crate::config::SETTINGS;

#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// Write a page for the program and one for each command into this folder
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn execute(output: Output, cli: Command, args: &ManArgs) -> CommandResult {
    let mut command = cli.disable_help_subcommand(true);
    command.build();
    let Some(dir) = &args.dir else {
        let page = page(&command, true)?;
        return output.print(&json!({ "page": page }), || page.clone());
    };
    fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let mut files = Vec::new();
    write_pages(&command, true, dir, &mut files)?;
    output.print(&json!({ "files": files }), || files.join("\n"))
}

fn write_pages(
    command: &Command,
    is_root: bool,
    dir: &Path,
    files: &mut Vec<String>,
) -> anyhow::Result<()> {
    let path = dir.join(Man::new(command.clone()).get_filename());
    fs::write(&path, page(command, is_root)?)
        .with_context(|| format!("cannot write {}", path.display()))?;
    files.push(path.display().to_string());
    for subcommand in command.get_subcommands() {
        write_pages(subcommand, false, dir, files)?;
    }
    Ok(())
}

fn page(command: &Command, is_root: bool) -> anyhow::Result<String> {
    let mut page = Vec::new();
    Man::new(command.clone())
        // An empty date is left out, and the next field would take its place.
        .date(" ")
        .render(&mut page)?;
    if is_root {
        extra_sections().to_writer(&mut page)?;
    }
    Ok(String::from_utf8(page)?)
}

/// Sections that clap does not generate.
fn extra_sections() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for (status, meaning) in [
        ("0", "done"),
        ("1", "failed, or found a problem"),
        ("2", "wrong usage or configuration; nothing was changed"),
    ] {
        roff.control("TP", []);
        roff.text([bold(status)]);
        roff.text([roman(meaning)]);
    }
    roff.control("SH", ["ENVIRONMENT"]);
    roff.text([roman(
        "Each setting is also a lower-case key of the file named by --config or CONFIG_FILE. Each secret X can be read from the file that X_FILE names.",
    )]);
    for key in SETTINGS.iter().filter(|key| !key.is_table()) {
        roff.control("TP", []);
        roff.text([bold(key.name), roman("="), italic(key.example)]);
        roff.text([roman(key.meaning().replace('`', ""))]);
    }
    roff.control("SH", ["FILES"]);
    roff.text([roman("Tables of the configuration file:")]);
    for key in SETTINGS.iter().filter(|key| key.is_table()) {
        roff.control("TP", []);
        roff.text([
            bold(format!("[{}]", key.name)),
            roman(" "),
            italic(key.example),
        ]);
        roff.text([roman(key.meaning().replace('`', ""))]);
    }
    roff
}
