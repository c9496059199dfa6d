//! The desk at which the API shows and changes settings.

use async_trait::async_trait;
use secrecy::SecretString;

use super::settings::{self, ChangeError};
use crate::{
    config::{self, Config, ConfigError, Setting, Sources},
    ledger::Ledger,
    web::{DeskError, SettingsDesk, ShownSetting},
};

pub(super) struct Desk {
    sources: Sources,
    ledger: Ledger,
}

impl Desk {
    pub(super) const fn new(sources: Sources, ledger: Ledger) -> Self {
        Self { sources, ledger }
    }

    fn shown(&self, setting: &Setting) -> ShownSetting {
        let key = config::find_key(setting.key.trim_matches(['[', ']']));
        let is = |what: fn(&config::Key) -> bool| key.is_some_and(what);
        ShownSetting {
            key: setting.key.clone(),
            value: setting.value.clone(),
            origin: setting.place.origin.as_str().to_owned(),
            source: setting.place.source.clone(),
            is_secret: is(config::Key::is_secret),
            is_changeable: key
                .is_some_and(|key| key.is_storable() && self.sources.fixed_by(key).is_none()),
            at_start: is(config::Key::is_read_at_start),
        }
    }
}

#[async_trait]
impl SettingsDesk for Desk {
    async fn show(&self) -> Result<Vec<ShownSetting>, DeskError> {
        let stored = self.ledger.stored_settings().await;
        let stored = stored.map_err(|error| DeskError::Away(error.to_string()))?;
        let config: Result<Config, ConfigError> =
            settings::with_stored(self.sources.clone(), &stored);
        let config = config.map_err(|error| DeskError::Refused(error.to_string()))?;
        Ok(config.settings().iter().map(|s| self.shown(s)).collect())
    }

    async fn store(&self, changes: Vec<(String, Option<SecretString>)>) -> Result<(), DeskError> {
        settings::change(&self.sources, &self.ledger, &changes)
            .await
            .map_err(|error| match error {
                ChangeError::Ledger(_) | ChangeError::Contended => {
                    DeskError::Away(error.to_string())
                }
                other => DeskError::Refused(other.to_string()),
            })
    }
}
