//! Settings in the API.

use async_graphql::{InputObject, SimpleObject};
use secrecy::SecretString;

use super::errors;
use crate::web::settings::{SYNC_ENABLED, SettingView, is_sync_enabled};

#[derive(SimpleObject)]
#[graphql(name = "VeraCoreConfig")]
pub(super) struct ConfigObject {
    /// Whether anything is moved
    sync_enabled: bool,
    settings: Vec<SettingView>,
    /// What is wrong with them; where anything is, the settings from before stay in force
    problems: Vec<String>,
}

#[derive(InputObject)]
#[graphql(name = "VeraCoreSettingInput")]
pub(super) struct SettingInput {
    /// The environment variable's name, such as SYNC_INVENTORY_TIME
    pub key: String,
    pub value: String,
}

/// All of it is stored or nothing is.
#[derive(InputObject)]
#[graphql(name = "VeraCoreConfigInput")]
pub(super) struct ConfigInput {
    /// Pause and resume; the same as SYNC_ENABLED in `set`
    sync_enabled: Option<bool>,
    set: Option<Vec<SettingInput>>,
    /// Names of settings that are no longer to be stored
    unset: Option<Vec<String>>,
}

/// More than there are settings.
const MAX_CHANGES: usize = 100;

impl ConfigInput {
    pub(super) fn changes(self) -> async_graphql::Result<Vec<(String, Option<SecretString>)>> {
        let enabled = self
            .sync_enabled
            .map(|enabled| (SYNC_ENABLED.to_owned(), Some(enabled.to_string().into())));
        let set = self.set.unwrap_or_default().into_iter();
        let set = set.map(|setting| (setting.key, Some(setting.value.into())));
        let unset = self.unset.unwrap_or_default().into_iter();
        let unset = unset.map(|key| (key, None));
        let changes: Vec<_> = enabled.into_iter().chain(set).chain(unset).collect();
        if changes.is_empty() {
            return Err(errors::bad_input("Nothing to change: the input is empty."));
        }
        if changes.len() > MAX_CHANGES {
            return Err(errors::bad_input(format!(
                "The input changes more than {MAX_CHANGES} settings."
            )));
        }
        Ok(changes)
    }
}

impl ConfigObject {
    pub(super) fn of((settings, problems): (Vec<SettingView>, Vec<String>)) -> Self {
        Self {
            sync_enabled: is_sync_enabled(&settings),
            settings,
            problems,
        }
    }
}
