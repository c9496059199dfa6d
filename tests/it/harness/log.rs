//! Logs as the tests read them: JSON lines in a file, one file a process. What happens in this
//! process is written to such a file too.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Mutex,
};

use serde_json::Value;
use tracing_subscriber::{EnvFilter, fmt::writer::BoxMakeWriter, layer::SubscriberExt as _};
use veracore_sync::telemetry::{LineFormat, LogLayer};

/// The folder for a world's logs.
pub fn folder(world: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("it")
        .join(world);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Writes what this thread logs to `file`, until the guard is dropped. The tests' runtimes have
/// one thread each, so that is all that a test does in this process.
pub fn capture(file: &Path) -> tracing::subscriber::DefaultGuard {
    let writer = Mutex::new(File::create(file).unwrap());
    let lines = LogLayer::new(LineFormat::Json, false, BoxMakeWriter::new(writer));
    let filter = EnvFilter::new("info");
    tracing::subscriber::set_default(tracing_subscriber::registry().with(filter).with(lines))
}

/// The whole lines of a log, as objects.
pub fn lines(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole
        .lines()
        .map(|line| {
            serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON in the log: {line}"))
        })
        .collect()
}

/// A line's message.
pub fn message(line: &Value) -> &str {
    line["message"].as_str().unwrap_or("")
}

/// All files of a folder, by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The lines of the level ERROR in all logs of a folder that none of `expected` is part of.
pub fn unexpected_errors(folder: &Path, expected: &[String]) -> Vec<String> {
    files(folder)
        .iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "log"))
        .flat_map(|file| lines(file))
        .filter(|line| line["level"] == "ERROR")
        .map(|line| line.to_string())
        .filter(|line| !expected.iter().any(|words| line.contains(words)))
        .collect()
}

/// Nothing that was written tells a secret or where somebody lives (I9).
pub fn assert_discreet(folder: &Path, secrets: &[&str]) {
    for file in files(folder) {
        let text = fs::read_to_string(&file).unwrap();
        for secret in secrets
            .iter()
            .chain(&["sandbox-secret", "12 Desert Way", "Apt 3"])
        {
            assert!(
                !text.contains(secret),
                "{} tells '{secret}'",
                file.display()
            );
        }
    }
}
