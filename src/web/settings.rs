//! The interface to the settings. `app` implements it: handlers do not know the configuration.

use async_trait::async_trait;
use secrecy::SecretString;

/// A setting and its effective value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingView {
    /// The environment variable's name.
    pub key: String,
    /// Its purpose, in Markdown.
    pub meaning: String,
    /// Masked for a secret.
    pub value: Option<String>,
    /// `default`, `file`, `database` or `environment`.
    pub origin: String,
    /// The file's path, or the variable that named a file with the value.
    pub source: Option<String>,
    pub is_secret: bool,
    /// It can be stored, and no environment variable overrides it.
    pub is_changeable: bool,
    /// Changing it needs `API_TOKEN`.
    pub is_guarded: bool,
    /// A change takes effect at the next start.
    pub at_start: bool,
}

/// The setting that pauses sync.
pub const SYNC_ENABLED: &str = "SYNC_ENABLED";

pub fn is_sync_enabled(settings: &[SettingView]) -> bool {
    let enabled = settings.iter().find(|setting| setting.key == SYNC_ENABLED);
    let value = enabled.and_then(|setting| setting.value.as_deref());
    let off = ["false", "no", "off", "0"];
    !value.is_some_and(|value| off.iter().any(|off| off.eq_ignore_ascii_case(value)))
}

/// An error message for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingsError {
    Rejected(String),
    /// A retry may succeed.
    Unavailable(String),
}

#[async_trait]
pub trait SettingsService: Send + Sync {
    /// Every setting in the order of the documentation, and every problem.
    async fn list(&self) -> Result<(Vec<SettingView>, Vec<String>), SettingsError>;

    /// Stores all changes or none; `None` removes a stored value. Guarded settings need `all` rights.
    async fn store(
        &self,
        changes: Vec<(String, Option<SecretString>)>,
        all: bool,
    ) -> Result<(), SettingsError>;
}
