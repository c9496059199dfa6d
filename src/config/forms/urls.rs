//! The URLs of other systems. Pure.
//!
//! Errors never repeat a URL: a wrong one may contain a password.

use url::{Host, Url};

/// A URL to which secrets and customers' data are sent: `https`, or `http` on this machine.
pub fn parse_secure_url(text: &str) -> Result<Url, String> {
    let url = parse_base_url(text)?;
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(
            "uses http, which is allowed for this machine only (127.0.0.1, ::1, localhost); use https"
                .into(),
        );
    }
    Ok(url)
}

/// An `http` or `https` URL without credentials, query and fragment.
pub fn parse_base_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("is not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("is not a URL that begins with https://".into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("contains a user or password; set them in their own settings".into());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("has a part after ? or #, which a base URL cannot have".into());
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_is_for_this_machine_only() {
        for url in [
            "https://veracore.example.com/v1",
            "http://127.0.0.1:9000",
            "http://127.8.8.8/pmomsws/oms.asmx",
            "http://[::1]:9000/",
            "http://LOCALHOST:9000",
        ] {
            assert!(parse_secure_url(url).is_ok(), "{url}");
        }
        for url in [
            "http://veracore.example.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://0.0.0.0:9000",
            "http://10.0.0.1",
        ] {
            assert!(
                parse_secure_url(url).unwrap_err().contains("https"),
                "{url}"
            );
            assert!(parse_base_url(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn a_base_url_has_no_credentials_query_or_fragment() {
        for url in [
            "veracore.example.com",
            "",
            "https://",
            "ftp://example.com",
            "file:///etc/passwd",
            "https://user:hunter2@example.com",
            "https://user@example.com",
            "https://example.com/?token=hunter2",
            "https://example.com/#x",
        ] {
            let problem = parse_base_url(url).unwrap_err();
            assert!(!problem.contains("hunter2"), "{url}: {problem}");
        }
    }
}
