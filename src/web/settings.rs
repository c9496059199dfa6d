//! The desk at which settings are shown and changed. What stands behind it is `app`'s: nobody here
//! knows the configuration.

use async_trait::async_trait;
use secrecy::SecretString;

/// A setting as it is in force by what is stored now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingView {
    /// The environment variable's name.
    pub key: String,
    /// What it is for, in Markdown.
    pub meaning: &'static str,
    /// Masked, if it is a secret.
    pub value: Option<String>,
    /// `default`, `file`, `database` or `environment`.
    pub origin: String,
    /// The file's path, or the variable that named a file with the value.
    pub source: Option<String>,
    pub is_secret: bool,
    /// Whether it can be stored, and nothing in the environment wins over that.
    pub is_changeable: bool,
    /// Whether it takes `API_TOKEN` to change it.
    pub is_guarded: bool,
    /// Whether a change of it is heeded at the next start only.
    pub at_start: bool,
}

/// The setting that pauses everything.
pub const SYNC_ENABLED: &str = "SYNC_ENABLED";

/// Whether anything is moved, by these settings.
#[must_use]
pub fn is_sync_enabled(settings: &[SettingView]) -> bool {
    let enabled = settings.iter().find(|setting| setting.key == SYNC_ENABLED);
    let value = enabled.and_then(|setting| setting.value.as_deref());
    let off = ["false", "no", "off", "0"];
    !value.is_some_and(|value| off.iter().any(|off| off.eq_ignore_ascii_case(value)))
}

/// Why settings were not shown or changed, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingsError {
    /// What was asked for cannot be.
    Rejected(String),
    /// It may work later.
    Unavailable(String),
}

#[async_trait]
pub trait SettingsService: Send + Sync {
    /// Every setting, in the order of the documentation, and what is wrong with them.
    ///
    /// # Errors
    /// See [`DeskError`].
    async fn list(&self) -> Result<(Vec<SettingView>, Vec<String>), SettingsError>;

    /// Stores settings (`None`: no more), all of them or none. Where credentials are sent to, and
    /// what they are, only somebody with `all` rights may change.
    ///
    /// # Errors
    /// See [`DeskError`]; nothing is changed then.
    async fn store(
        &self,
        changes: Vec<(String, Option<SecretString>)>,
        all: bool,
    ) -> Result<(), SettingsError>;
}
