//! Lists and changes settings for the API and the dashboard.

use async_trait::async_trait;
use secrecy::SecretString;

use super::stored_settings::{self, SettingChangeError};
use crate::{
    config::{self, EffectiveSetting, Sources},
    ledger::Ledger,
    web::{SettingView, SettingsError, SettingsService},
};

/// Its path is a secret for many receivers, such as chat services: readers of orders do not see it.
const PRIVATE_URL_KEY: &str = "EVENT_WEBHOOK_URL";

fn without_path(url: &str) -> String {
    let origin = url::Url::parse(url).map(|url| url.origin().ascii_serialization());
    origin.map_or_else(|_| "…".into(), |origin| format!("{origin}/…"))
}

pub(super) struct StoredSettingsService {
    pub sources: Sources,
    pub ledger: Ledger,
}

impl StoredSettingsService {
    fn setting_view(&self, setting: &EffectiveSetting) -> SettingView {
        let key = config::find_setting(setting.key.trim_matches(['[', ']']));
        let is = |property: fn(&config::SettingSpec) -> bool| key.is_some_and(property);
        SettingView {
            key: setting.key.clone(),
            meaning: setting.meaning.clone(),
            value: match key {
                Some(key) if key.name == PRIVATE_URL_KEY => {
                    setting.value.as_deref().map(without_path)
                }
                _ => setting.value.clone(),
            },
            origin: setting.provenance.origin.into_str().to_owned(),
            source: setting.provenance.source.clone(),
            is_secret: is(config::SettingSpec::is_secret),
            is_guarded: is(config::SettingSpec::is_guarded),
            is_changeable: key
                .is_some_and(|key| key.is_storable() && self.sources.env_override(key).is_none()),
            is_read_at_start: is(config::SettingSpec::is_read_at_start),
        }
    }
}

#[async_trait]
impl SettingsService for StoredSettingsService {
    async fn list(&self) -> Result<(Vec<SettingView>, Vec<String>), SettingsError> {
        let stored = self.ledger.stored_settings().await;
        let stored = stored.map_err(|error| SettingsError::Unavailable(error.to_string()))?;
        let (settings, problems) = stored_settings::list_settings(&self.sources, &stored);
        let settings = settings
            .iter()
            .map(|setting| self.setting_view(setting))
            .collect();
        Ok((settings, problems.iter().map(ToString::to_string).collect()))
    }

    async fn store(
        &self,
        changes: Vec<(String, Option<SecretString>)>,
        all: bool,
    ) -> Result<(), SettingsError> {
        let guarded = changes
            .iter()
            .filter_map(|(name, _)| config::find_setting(name))
            .find(|key| key.is_guarded());
        if let Some(key) = guarded.filter(|_| !all) {
            return Err(SettingsError::Rejected(format!(
                "{} is a credential, or decides where credentials are sent. Change it with API_TOKEN or `veracore-sync config set`.",
                key.name
            )));
        }
        stored_settings::store_changes(&self.sources, &self.ledger, &changes)
            .await
            .map_err(|error| match error {
                SettingChangeError::Ledger(_) | SettingChangeError::Conflict => {
                    SettingsError::Unavailable(error.to_string())
                }
                other => SettingsError::Rejected(other.to_string()),
            })
    }
}
