//! The check of `VERACORE_API_URL`: credentials go only to an encrypted or local address.

use url::{Host, Url};

/// A reason why a client cannot be built from its settings.
#[derive(Debug, thiserror::Error)]
pub enum ClientBuildError {
    #[error("VERACORE_API_URL must begin with https:// (http:// only for this machine)")]
    InsecureUrl,
    #[error("VERACORE_API_URL must not contain a user or password: set VERACORE_CLIENT_ID instead")]
    CredentialsInUrl,
    #[error("VERACORE_API_URL must not have a query: paths are appended to it")]
    QueryInUrl,
    #[error("VERACORE_CLIENT_ID must not contain a colon: HTTP Basic cannot encode it")]
    ColonInClientId,
    #[error("HTTPS cannot be set up on this machine: {0}")]
    Tls(#[from] reqwest::Error),
}

/// Checks that credentials may go to `url`, and removes its query and fragment.
pub(crate) fn check_base_url(mut url: Url) -> Result<Url, ClientBuildError> {
    let secure = match url.scheme() {
        "https" => true,
        "http" => is_loopback(&url),
        _ => false,
    };
    if !secure || !url.has_host() {
        return Err(ClientBuildError::InsecureUrl);
    }
    // reqwest would send them in place of VERACORE_CLIENT_ID, and messages would show them.
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ClientBuildError::CredentialsInUrl);
    }
    if url.query().is_some_and(|query| !query.is_empty()) {
        return Err(ClientBuildError::QueryInUrl);
    }
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}
