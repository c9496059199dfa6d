//! The interface to the settings. `app` implements it: handlers do not know the configuration.
//!
//! The comments of [`SettingView`] are part of docs/schema.graphql.

use async_graphql::SimpleObject;
use async_trait::async_trait;
use secrecy::SecretString;

/// A setting by the name of its environment variable.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
#[graphql(name = "VeraCoreSetting")]
pub struct SettingView {
    pub key: String,
    /// Its purpose, in Markdown.
    #[graphql(skip)]
    pub meaning: String,
    /// Masked when it is a secret; absent when it is not set
    pub value: Option<String>,
    /// default, file, database or environment; later ones win
    pub origin: String,
    /// The file's path, or the variable that named a file with the value
    pub source: Option<String>,
    pub is_secret: bool,
    /// Whether it can be changed here: what the environment sets cannot
    pub is_changeable: bool,
    /// Whether it takes API_TOKEN to change it: it decides where credentials are sent to, or is one
    pub is_guarded: bool,
    /// Whether a change is heeded at the next start only
    pub is_read_at_start: bool,
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
