//! Postgres: where the ledger is kept.

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{problem::ReadResult, reader::SettingReader, setting::MASK};

#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// Begins with `postgres://` or `postgresql://`. Holds the password.
    pub url: SecretString,
    pub max_connections: u32,
}

/// The settings of this section.
pub(super) const DATABASE_SETTINGS: [&str; 2] = ["DATABASE_URL", "DATABASE_MAX_CONNECTIONS"];

pub(super) fn read(reader: &mut SettingReader) -> ReadResult<DatabaseConfig> {
    let url = read_database_url(reader);
    // The runner, the listener and the migrations' lock each hold one at times.
    let max_connections = reader.number("DATABASE_MAX_CONNECTIONS", 2..=1000);
    Ok(DatabaseConfig {
        url: url?,
        max_connections: max_connections?,
    })
}

fn read_database_url(reader: &mut SettingReader) -> ReadResult<SecretString> {
    let url = reader.secret("DATABASE_URL");
    let url = reader.require("DATABASE_URL", url)?;
    match check_database_url(url.expose_secret()) {
        Ok(()) => Ok(url),
        Err(why) => Err(reader.reject("DATABASE_URL", why)),
    }
}

/// Says what is wrong without repeating any of it.
fn check_database_url(text: &str) -> Result<(), String> {
    let url = Url::parse(text).map_err(|error| format!("is not a URL: {error}"))?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err("does not begin with postgres:// or postgresql://".into());
    }
    if url.cannot_be_a_base() {
        return Err("has no // after postgres:".into());
    }
    // A password with one of these signs ends too early, and the rest of it would pass for the
    // host or the database's name.
    let rest = text.rsplit_once('@').map_or("", |(before, _)| before);
    let credentials = rest.split_once("//").map_or(rest, |(_, c)| c);
    if credentials.contains(['/', '?', '#', '@']) || url.fragment().is_some() {
        return Err(
            "has an @, /, ? or # in the user or password; write them as %40, %2F, %3F and %23"
                .into(),
        );
    }
    Ok(())
}

/// The URL for people to read, its password masked.
pub(super) fn masked_url(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else {
        return MASK.into();
    };
    if url.password().is_some() && url.set_password(Some(MASK)).is_err() {
        return MASK.into();
    }
    // Postgres also takes `?password=` and `?sslpassword=`.
    let hidden = |name: &str| name.to_ascii_lowercase().contains("password");
    if url.query_pairs().any(|(name, _)| hidden(&name)) {
        let masked: Vec<(String, String)> = url
            .query_pairs()
            .map(|(name, value)| {
                let value = if hidden(&name) { MASK.into() } else { value };
                (name.into_owned(), value.into_owned())
            })
            .collect();
        url.query_pairs_mut().clear().extend_pairs(masked);
    }
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_never_shown() {
        for (url, expected) in [
            (
                "postgres://user:hunter2@host/db",
                "postgres://user:********@host/db",
            ),
            (
                "postgresql://user:hunter2@host:5433/db?sslmode=require&password=hunter2",
                "postgresql://user:********@host:5433/db?sslmode=require&password=********",
            ),
            (
                "postgres:///db?host=%2Frun%2Fpostgresql",
                "postgres:///db?host=%2Frun%2Fpostgresql",
            ),
        ] {
            assert_eq!(check_database_url(url), Ok(()), "{url}");
            assert_eq!(masked_url(url), expected);
        }
    }

    #[test]
    fn a_password_that_would_spill_is_refused() {
        for url in [
            "postgres://user:hun@ter2@host/db",
            "postgres://user:hun/ter2@host/db",
            "postgres://user:12?ter2@host/db",
            "postgres://user:12#ter2@host/db",
            "mysql://user:hunter2@host/db",
            "postgres:user:hunter2@host/db",
            "hunter2",
        ] {
            let problem = check_database_url(url).unwrap_err();
            assert!(!problem.contains("ter2"), "{problem}");
        }
    }
}
