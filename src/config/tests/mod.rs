//! Tests of the configuration as a whole.

mod fuzz;
mod layers;
mod names;
mod problems;
mod secrets;
mod values;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use super::{Config, ConfigError, EffectiveSetting, Sources, load};

/// The required variables.
const REQUIRED: [(&str, &str); 8] = [
    ("VERACORE_API_URL", "https://veracore.example.com/v1"),
    ("VERACORE_CLIENT_ID", "acme-api"),
    ("VERACORE_CLIENT_SECRET", "hunter2-client"),
    ("VERACORE_COMPANY_ID", "ACME"),
    ("VENDURE_API_URL", "http://shop:3000/admin-api"),
    ("VENDURE_USERNAME", "veracore-sync"),
    ("VENDURE_PASSWORD", "hunter2-password"),
    ("DATABASE_URL", "postgres://me:hunter2-db@localhost/sync"),
];

/// The required variables, and `more` over them.
fn env(more: &[(&str, &str)]) -> Sources {
    let pairs = REQUIRED.iter().chain(more);
    Sources {
        env: pairs.map(|(k, v)| ((*k).into(), (*v).into())).collect(),
        ..Sources::default()
    }
}

/// The same without one of them.
fn env_without(name: &str, more: &[(&str, &str)]) -> Sources {
    let mut sources = env(more);
    sources.env.remove(name);
    sources
}

fn config(more: &[(&str, &str)]) -> Config {
    load(&env(more)).unwrap()
}

fn error(sources: &Sources) -> ConfigError {
    load(sources).unwrap_err()
}

/// The only problem of the required variables with `more`, as `key: problem`.
fn problem(more: &[(&str, &str)]) -> String {
    let error = error(&env(more));
    let [problem] = error.problems.as_slice() else {
        panic!("{error}");
    };
    format!("{}: {}", problem.key, problem.problem)
}

fn setting<'a>(config: &'a Config, key: &str) -> &'a EffectiveSetting {
    let mut settings = config.settings.iter();
    settings.find(|setting| setting.key == key).unwrap()
}

/// A folder for one test, removed after it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("veracore-sync-config-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// A message without this run's folder in it.
    fn anonymous(&self, text: &str) -> String {
        text.replace(&*self.0.to_string_lossy(), "[folder]")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder left in /tmp is no reason to fail.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn rows(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = pairs.iter();
    pairs.map(|(k, v)| ((*k).into(), (*v).into())).collect()
}
