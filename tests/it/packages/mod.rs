//! The deployment files (systemd unit, image, compose, pm2) match the code: settings, secrets and
//! timeouts.
//!
//! `scripts/prove-service` and `scripts/prove-dockerfile` test what needs a booted Debian or half an
//! hour.

mod compose;
mod image;
mod pm2;
mod settings;
mod unit;

use std::{collections::BTreeMap, fs, path::PathBuf, process::Command};

use veracore_sync::config::SETTINGS;

/// The maximum number of seconds that the daemon takes to stop.
const SHUTDOWN_TIMEOUT: u64 = 30;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Whether the program reads a variable of this name.
fn is_setting(name: &str) -> bool {
    let beside = ["CONFIG_FILE", "RUST_LOG"];
    let mut names = SETTINGS
        .iter()
        .filter(|key| key.name != key.file_key())
        .flat_map(|key| [Some(key.name.to_owned()), key.file_variable()]);
    beside.contains(&name) || names.any(|known| known.as_deref() == Some(name))
}

/// `KEY=VALUE` lines.
fn pairs(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_once('=').unwrap_or_else(|| panic!("{line}")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Whether a program is installed on this machine.
fn is_installed(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}
