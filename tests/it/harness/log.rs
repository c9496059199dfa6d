//! Reads the logs: one file of JSON lines per process, including this one.

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

/// Writes this thread's log to `file` until the guard is dropped. Each test's runtime has one
/// thread, so the file has everything that the test logs in this process.
pub fn capture(file: &Path) -> tracing::subscriber::DefaultGuard {
    let writer = Mutex::new(File::create(file).unwrap());
    let lines = LogLayer::new(LineFormat::Json, false, BoxMakeWriter::new(writer));
    let filter = EnvFilter::new("info");
    tracing::subscriber::set_default(tracing_subscriber::registry().with(filter).with(lines))
}

/// The complete lines of a log, as JSON objects.
pub fn lines(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let complete = text.rfind('\n').map_or("", |end| &text[..end]);
    complete
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

/// All files of a folder, sorted by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The ERROR lines in all logs of a folder that contain none of the `expected` texts.
pub fn unexpected_errors(folder: &Path, expected: &[String]) -> Vec<String> {
    files(folder)
        .iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "log"))
        .flat_map(|file| lines(file))
        .filter(|line| line["level"] == "ERROR")
        .map(|line| line.to_string())
        .filter(|line| !expected.iter().any(|text| line.contains(text)))
        .collect()
}

/// Asserts that no log contains a secret or an address (I9).
pub fn assert_no_private_data(folder: &Path, secrets: &[&str]) {
    for file in files(folder) {
        let text = fs::read_to_string(&file).unwrap();
        for secret in secrets
            .iter()
            .chain(&["sandbox-secret", "12 Desert Way", "Apt 3"])
        {
            assert!(
                !text.contains(secret),
                "{} contains '{secret}'",
                file.display()
            );
        }
    }
}
