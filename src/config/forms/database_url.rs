//! The URL of Postgres. Pure.

use secrecy::SecretString;
use url::Url;

use crate::config::spec::MASK;

/// Errors do not repeat any of it.
pub fn parse_database_url(text: &str) -> Result<SecretString, String> {
    let url = Url::parse(text).map_err(|error| format!("is not a URL: {error}"))?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err("does not begin with postgres:// or postgresql://".into());
    }
    if url.cannot_be_a_base() {
        return Err("has no // after postgres:".into());
    }
    // A password with one of these characters would end too early; the rest of it would be read as
    // the host or the database's name, which are shown.
    let rest = text.rsplit_once('@').map_or("", |(before, _)| before);
    let credentials = rest.split_once("//").map_or(rest, |(_, c)| c);
    if credentials.contains(['/', '?', '#', '@']) || url.fragment().is_some() {
        return Err(
            "has an @, /, ? or # in the user or password; write them as %40, %2F, %3F and %23"
                .into(),
        );
    }
    Ok(text.into())
}

/// The URL with its passwords masked.
pub fn masked_url(text: &str) -> String {
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
            assert!(parse_database_url(url).is_ok(), "{url}");
            assert_eq!(masked_url(url), expected);
        }
    }

    #[test]
    fn a_password_that_ends_too_early_is_refused() {
        for url in [
            "postgres://user:hun@ter2@host/db",
            "postgres://user:hun/ter2@host/db",
            "postgres://user:12?ter2@host/db",
            "postgres://user:12#ter2@host/db",
            "mysql://user:hunter2@host/db",
            "postgres:user:hunter2@host/db",
            "hunter2",
        ] {
            let problem = parse_database_url(url).unwrap_err();
            assert!(!problem.contains("ter2"), "{problem}");
        }
    }
}
