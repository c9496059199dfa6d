//! The stored layer of the configuration: read, opened, checked and changed, for the command line,
//! the API and the daemon alike.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use secrecy::{ExposeSecret as _, SecretString};

use super::{assembly::App, clients::connect_ledger, sync_settings::calendar};
use crate::{
    clock::SystemClock,
    config::{
        self, Config, ConfigError, ConfigProblem, EffectiveSetting, Keyring, SealError,
        SettingSpec, Sources,
    },
    ledger::{Ledger, LedgerError, StoredSettings, StoredValue},
    lifecycle::TaskGroup,
    sync::jobs::calendar::Calendar,
};

/// What a setting is to be; `None`: not stored any more.
pub type SettingChange = (String, Option<SecretString>);

/// Why stored settings were not changed. Nothing of it repeats a value that may be secret.
#[derive(Debug, thiserror::Error)]
pub enum SettingChangeError {
    #[error("{0}: there is no such setting; `veracore-sync config show` lists them")]
    Unknown(String),
    #[error(
        "{0} cannot be kept in the database: what is needed to read it, and tables, belong to the environment and the file"
    )]
    NotStorable(&'static str),
    #[error(
        "{key} is fixed by the environment variable {variable}, which wins over a stored value; change it there"
    )]
    Fixed { key: &'static str, variable: String },
    #[error("{0}: a value is needed; `config unset` removes a stored one")]
    Empty(&'static str),
    #[error("{0} holds a line break or another control character")]
    ControlCharacter(&'static str),
    #[error("{0} is named twice")]
    Duplicate(&'static str),
    #[error("{key}: {error}")]
    Unsealable { key: &'static str, error: SealError },
    #[error("nothing is stored, for the configuration would not work: {}", listed(.0))]
    Invalid(Vec<ConfigProblem>),
    #[error("nothing is stored, for the configuration would not work: {0}")]
    Unworkable(String),
    #[error("somebody else changes the settings at this moment; try again")]
    Conflict,
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

fn listed(problems: &[ConfigProblem]) -> String {
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

/// The time that loading waits for the stored settings.
const STORED_SETTINGS_TIMEOUT: Duration = Duration::from_secs(3);

/// How often a change is tried anew when somebody else's came first.
const MAX_CONFLICT_RETRIES: usize = 5;

/// The configuration with the database's layer, and whether that layer could be read.
pub async fn load_config(
    sources: Sources,
) -> Result<(Config, Result<StoredSettings, LedgerError>), ConfigError> {
    let database = match config::load_database(&sources) {
        Ok(database) => database,
        // Everything else that is wrong is told along with it.
        Err(error) => return Err(config::load(&sources).err().unwrap_or(error)),
    };
    match read_stored(&database).await {
        Ok(stored) => Ok((config_with_stored(sources, &stored)?, Ok(stored))),
        Err(error) => Ok((config::load(&sources)?, Err(error))),
    }
}

/// The same for a daemon: a database that is away is waited for where it may hold what is not set
/// elsewhere. `waiting` is told of it, once.
pub async fn load_config_when_available(
    sources: Sources,
    waiting: impl Fn(&LedgerError, &ConfigError),
) -> Result<(Config, Result<StoredSettings, LedgerError>), ConfigError> {
    let mut told = false;
    loop {
        let wrong = match load_config(sources.clone()).await {
            Err(wrong) if wrong.problems.iter().all(|problem| problem.is_missing) => wrong,
            other => return other,
        };
        // Where the database itself is missing, the whole list is.
        let Ok(database) = config::load_database(&sources) else {
            return Err(wrong);
        };
        let Err(away) = read_stored(&database).await else {
            // It answers, and does not hold it; or it has come back this moment.
            return load_config(sources).await;
        };
        if !away.is_unavailable() {
            return Err(wrong);
        }
        if !told {
            waiting(&away, &wrong);
        }
        told = true;
        tokio::time::sleep(STORED_SETTINGS_TIMEOUT).await;
    }
}

/// What is stored in this database, if it answers soon.
pub(super) async fn read_stored(
    database: &config::DatabaseConfig,
) -> Result<StoredSettings, LedgerError> {
    let ledger = connect_ledger(database, std::sync::Arc::new(SystemClock))?;
    let settings = tokio::time::timeout(STORED_SETTINGS_TIMEOUT, ledger.stored_settings());
    match settings.await.unwrap_or(Err(LedgerError::Unresponsive)) {
        // Before the first migration nothing is stored.
        Err(error) if error.is_missing_table() => Ok(StoredSettings::default()),
        other => other,
    }
}

/// The calendar alone, and why the stored settings could not be read, if so.
pub async fn load_calendar(
    mut sources: Sources,
) -> Result<(Calendar, Option<String>), ConfigError> {
    let problem = load_stored_schedule(&mut sources).await.err();
    Ok((calendar(&config::load_schedule(&sources)?), problem))
}

async fn load_stored_schedule(sources: &mut Sources) -> Result<(), String> {
    let Ok(database) = config::load_database(sources) else {
        return Err("DATABASE_URL is missing or wrong".into());
    };
    let stored = read_stored(&database).await;
    sources.stored = stored.map_err(|error| error.to_string())?.plain;
    Ok(())
}

/// The configuration with these stored settings.
pub fn config_with_stored(
    mut sources: Sources,
    stored: &StoredSettings,
) -> Result<Config, ConfigError> {
    let keys = match config::load_keyring(&sources) {
        Ok(keys) => keys,
        Err(error) => return Err(config::load(&sources).err().unwrap_or(error)),
    };
    decrypt_into(&mut sources, &keys, stored);
    config::load(&sources)
}

fn decrypt_into(sources: &mut Sources, keys: &Keyring, stored: &StoredSettings) {
    sources.stored.clone_from(&stored.plain);
    sources.unsealable = BTreeMap::new();
    for (name, sealed) in &stored.sealed {
        match keys.open(name, sealed) {
            Ok(secret) => {
                let secret = secret.expose_secret().to_owned();
                sources.stored.insert(name.clone(), secret);
            }
            Err(error) => {
                sources.unsealable.insert(name.clone(), error.to_string());
            }
        }
    }
}

/// Changes stored settings, all of them or none, provided that the configuration works with them.
/// `sources` are those of this process, without the database's.
///
/// # Errors
/// See [`ChangeError`]; nothing is stored then.
pub async fn store_changes(
    sources: &Sources,
    ledger: &Ledger,
    changes: &[SettingChange],
) -> Result<(), SettingChangeError> {
    let keys = config::load_keyring(sources)?;
    let values = validate_changes(sources, &keys, changes)?;
    for _ in 0..MAX_CONFLICT_RETRIES {
        let read = ledger.stored_settings().await?;
        let next = read.with_changes(&values);
        let before = config_problems(sources, &keys, &read);
        let new: Vec<ConfigProblem> = config_problems(sources, &keys, &next)
            .into_iter()
            .filter(|problem| !before.contains(problem))
            .collect();
        if !new.is_empty() {
            return Err(SettingChangeError::Invalid(new));
        }
        // Some things show only when the objects are made; nothing is called for that.
        if let Ok(config) = config_with_stored(sources.clone(), &next) {
            App::build(config, ledger.clone(), TaskGroup::new())
                .map_err(|error| SettingChangeError::Unworkable(format!("{error:#}")))?;
        }
        if ledger.store_settings(&read, &next).await? {
            return Ok(());
        }
    }
    Err(SettingChangeError::Conflict)
}

/// The names of the settings that are stored otherwise.
pub fn changed_names(a: &StoredSettings, b: &StoredSettings) -> Vec<String> {
    let names: BTreeSet<&String> = [a, b]
        .into_iter()
        .flat_map(|stored| stored.plain.keys().chain(stored.sealed.keys()))
        .collect();
    let differs = |name: &&&String| {
        a.plain.get(**name) != b.plain.get(**name) || a.sealed.get(**name) != b.sealed.get(**name)
    };
    names
        .iter()
        .filter(differs)
        .map(|name| crate::domain::text::one_line(name, 60))
        .collect()
}

/// Every setting with these stored, also where the configuration would not work with them, and why.
pub fn list_settings(
    sources: &Sources,
    stored: &StoredSettings,
) -> (Vec<EffectiveSetting>, Vec<ConfigProblem>) {
    let mut sources = sources.clone();
    match config::load_keyring(&sources) {
        Ok(keys) => decrypt_into(&mut sources, &keys, stored),
        Err(_) => sources.stored.clone_from(&stored.plain),
    }
    config::inspect_settings(&sources)
}

/// Whether both hold the same values, however they are sealed.
pub fn has_same_values(sources: &Sources, a: &StoredSettings, b: &StoredSettings) -> bool {
    let Ok(keys) = config::load_keyring(sources) else {
        return false;
    };
    let opened = |stored: &StoredSettings| {
        let mut sources = sources.clone();
        decrypt_into(&mut sources, &keys, stored);
        (sources.stored, sources.unsealable)
    };
    opened(a) == opened(b)
}

/// What is wrong with the configuration when these are stored.
fn config_problems(
    sources: &Sources,
    keys: &Keyring,
    stored: &StoredSettings,
) -> Vec<ConfigProblem> {
    let mut sources = sources.clone();
    decrypt_into(&mut sources, keys, stored);
    config::load(&sources)
        .err()
        .map_or_else(Vec::new, |error| error.problems)
}

fn validate_changes(
    sources: &Sources,
    keys: &Keyring,
    changes: &[SettingChange],
) -> Result<Vec<(&'static str, StoredValue)>, SettingChangeError> {
    let mut values: Vec<(&'static str, StoredValue)> = Vec::new();
    for (name, value) in changes {
        let key = config::find_setting(name)
            .ok_or_else(|| SettingChangeError::Unknown(crate::domain::text::one_line(name, 60)))?;
        if !key.is_storable() {
            return Err(SettingChangeError::NotStorable(key.name));
        }
        if values.iter().any(|(name, _)| *name == key.name) {
            return Err(SettingChangeError::Duplicate(key.name));
        }
        values.push((key.name, stored_value(sources, keys, key, value.as_ref())?));
    }
    Ok(values)
}

fn stored_value(
    sources: &Sources,
    keys: &Keyring,
    key: &'static SettingSpec,
    value: Option<&SecretString>,
) -> Result<StoredValue, SettingChangeError> {
    let Some(value) = value else {
        // Also what the environment hides may be cleared away.
        return Ok(StoredValue::Unset);
    };
    if let Some(variable) = sources.env_override(key) {
        return Err(SettingChangeError::Fixed {
            key: key.name,
            variable,
        });
    }
    if value.expose_secret().chars().any(char::is_control) {
        return Err(SettingChangeError::ControlCharacter(key.name));
    }
    if value.expose_secret().trim().is_empty() {
        return Err(SettingChangeError::Empty(key.name));
    }
    if !key.is_secret() {
        return Ok(StoredValue::Plain(value.expose_secret().to_owned()));
    }
    keys.seal(key.name, value)
        .map(StoredValue::Sealed)
        .map_err(|error| SettingChangeError::Unsealable {
            key: key.name,
            error,
        })
}

/// Seals every stored secret anew with the first key. Returns the names of those that were sealed
/// with another one.
pub async fn rotate_key(
    sources: &Sources,
    ledger: &Ledger,
) -> Result<Vec<String>, SettingChangeError> {
    let keys = config::load_keyring(sources)?;
    for _ in 0..MAX_CONFLICT_RETRIES {
        let read = ledger.stored_settings().await?;
        let mut next = read.clone();
        let mut rotated = Vec::new();
        for (name, sealed) in &mut next.sealed {
            if Some(sealed.key_id.as_str()) == keys.sealing_key_id() {
                continue;
            }
            let unsealable = |error| SettingChangeError::Unsealable {
                key: config::find_setting(name).map_or("a stored secret", |key| key.name),
                error,
            };
            let secret = keys.open(name, sealed).map_err(unsealable)?;
            *sealed = keys.seal(name, &secret).map_err(unsealable)?;
            rotated.push(name.clone());
        }
        if rotated.is_empty() || ledger.store_settings(&read, &next).await? {
            return Ok(rotated);
        }
    }
    Err(SettingChangeError::Conflict)
}
