//! The desk at which the API and the dashboard show and change settings.

use async_trait::async_trait;
use secrecy::SecretString;

use super::settings::{self, ChangeError};
use crate::{
    config::{self, Setting, Sources},
    ledger::Ledger,
    web::{DeskError, SettingsDesk, ShownSetting},
};

/// Receivers such as chats know us by the path: whoever may read orders need not see it.
const PRIVATE_PATH: &str = "EVENT_WEBHOOK_URL";

fn without_path(url: &str) -> String {
    let origin = url::Url::parse(url).map(|url| url.origin().ascii_serialization());
    origin.map_or_else(|_| "…".into(), |origin| format!("{origin}/…"))
}

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
            meaning: setting.meaning,
            value: match key {
                Some(key) if key.name == PRIVATE_PATH => setting.value.as_deref().map(without_path),
                _ => setting.value.clone(),
            },
            origin: setting.place.origin.as_str().to_owned(),
            source: setting.place.source.clone(),
            is_secret: is(config::Key::is_secret),
            is_guarded: is(config::Key::is_guarded),
            is_changeable: key
                .is_some_and(|key| key.is_storable() && self.sources.fixed_by(key).is_none()),
            at_start: is(config::Key::is_read_at_start),
        }
    }
}

#[async_trait]
impl SettingsDesk for Desk {
    async fn show(&self) -> Result<(Vec<ShownSetting>, Vec<String>), DeskError> {
        let stored = self.ledger.stored_settings().await;
        let stored = stored.map_err(|error| DeskError::Away(error.to_string()))?;
        let (settings, problems) = settings::shown(&self.sources, &stored);
        let settings = settings.iter().map(|setting| self.shown(setting)).collect();
        Ok((settings, problems.iter().map(ToString::to_string).collect()))
    }

    async fn store(
        &self,
        changes: Vec<(String, Option<SecretString>)>,
        all: bool,
    ) -> Result<(), DeskError> {
        let guarded = changes
            .iter()
            .filter_map(|(name, _)| config::find_key(name))
            .find(|key| key.is_guarded());
        if let Some(key) = guarded.filter(|_| !all) {
            return Err(DeskError::Refused(format!(
                "{} decides where credentials are sent to, or is one: it is changed with API_TOKEN, or by `veracore-sync config set`.",
                key.name
            )));
        }
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
