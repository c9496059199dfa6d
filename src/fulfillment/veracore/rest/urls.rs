//! Where things are: the paths of CONTRACT section 6 below the base URL.
//!
//! Owns that nothing from an order or an answer leads anywhere else, and that credentials go to no
//! other host.

use url::{Host, Url};

use super::{ClientBuildError, order};
use crate::{
    domain::{OrderCode, Sku},
    fulfillment::{PageCursor, ProviderError},
};

/// The base URL, checked.
pub(super) struct BaseUrl(Url);

impl BaseUrl {
    pub(super) fn new(url: Url) -> Result<Self, ClientBuildError> {
        check_base_url(url).map(Self)
    }

    pub(super) fn token(&self) -> Url {
        self.join(&["api", "token"])
    }

    pub(super) fn orders(&self) -> Url {
        self.join(&["api", "orders"])
    }

    pub(super) fn order_status(&self, number: &OrderCode) -> Result<Url, ProviderError> {
        let number = segment("the order number", number.as_str())?;
        Ok(self.join(&["api", "orders", number, "status"]))
    }

    pub(super) fn inventory(&self) -> Url {
        self.join(&["api", "inventory"])
    }

    pub(super) fn inventory_of(&self, sku: &Sku) -> Result<Url, ProviderError> {
        let sku = segment("the SKU", sku.as_str())?;
        Ok(self.join(&["api", "inventory", sku]))
    }

    pub(super) fn shipments(&self, since: chrono::DateTime<chrono::Utc>) -> Url {
        let mut url = self.join(&["api", "shipments"]);
        url.query_pairs_mut()
            .append_pair("from", &order::format_utc(since));
        url
    }

    /// Each segment is encoded as one, slashes and percent signs included.
    fn join(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        // Only a URL like `mailto:` has no segments, and `new` takes none.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// The page after `page`, whose answer called it `next`.
    pub(super) fn next(&self, page: &Url, next: &str) -> Result<PageCursor, String> {
        let mut url = page
            .join(next.trim())
            .map_err(|_| "NextPage is not a URL".to_owned())?;
        url.set_fragment(None);
        if url.origin() != self.0.origin() {
            return Err(format!(
                "NextPage leads to {}, and our credentials go only to {}",
                origin(&url),
                origin(&self.0)
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("NextPage has credentials of its own".into());
        }
        if url == *page {
            return Err("NextPage is the same page again".into());
        }
        Ok(PageCursor::new(url))
    }

    /// The page that [`Base::next`] named.
    pub(super) fn page(&self, page: &PageCursor) -> Result<Url, ProviderError> {
        Url::parse(page.as_str())
            .ok()
            .filter(|url| url.origin() == self.0.origin())
            .ok_or_else(|| ProviderError::NotSendable {
                problem: "the page asked for is none of this VeraCore's".into(),
            })
    }
}

/// A URL to which credentials may go, without what no path may be appended to.
pub(in crate::fulfillment::veracore) fn check_base_url(
    mut url: Url,
) -> Result<Url, ClientBuildError> {
    let secure = match url.scheme() {
        "https" => true,
        "http" => is_loopback(&url),
        _ => false,
    };
    if !secure || !url.has_host() {
        return Err(ClientBuildError::InsecureUrl);
    }
    // reqwest would send them in place of VERACORE_CLIENT_ID, and they would be shown.
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

/// A name as a part of a path. `.` and `..` cannot be one, however they are encoded: URLs take
/// them for steps.
fn segment<'a>(what: &str, name: &'a str) -> Result<&'a str, ProviderError> {
    if matches!(name, "." | "..") {
        return Err(ProviderError::NotSendable {
            problem: format!("{what} \"{name}\" cannot be a part of a URL"),
        });
    }
    Ok(name)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// Scheme, host and port alone: the rest of a foreign URL may hold anything.
fn origin(url: &Url) -> String {
    crate::domain::text::one_line(&url.origin().ascii_serialization(), 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(url: &str) -> Result<BaseUrl, ClientBuildError> {
        BaseUrl::new(url.parse().unwrap())
    }

    #[test]
    fn the_bases_own_path_is_kept() {
        for (url, orders) in [
            ("https://v.example", "https://v.example/api/orders"),
            ("https://v.example/", "https://v.example/api/orders"),
            (
                "https://v.example/vc/x",
                "https://v.example/vc/x/api/orders",
            ),
            (
                "https://v.example/vc/x/",
                "https://v.example/vc/x/api/orders",
            ),
            ("http://[::1]:8/#f", "http://[::1]:8/api/orders"),
        ] {
            assert_eq!(base(url).unwrap().orders().as_str(), orders);
        }
    }

    #[test]
    fn names_stay_one_segment() {
        let base = base("https://v.example/vc").unwrap();
        for (name, encoded) in [
            ("../x", "..%2Fx"),
            ("a/b c", "a%2Fb%20c"),
            ("a?b#c", "a%3Fb%23c"),
            ("100%", "100%25"),
            ("%2e%2e", "%252e%252e"),
            (r"..\x", "..%5Cx"),
            ("é", "%C3%A9"),
            ("...", "..."),
            (" a ", "%20a%20"),
        ] {
            let status = base.order_status(&OrderCode::parse(name).unwrap()).unwrap();
            let expected = format!("https://v.example/vc/api/orders/{encoded}/status");
            assert_eq!(status.as_str(), expected);
            let sku = base.inventory_of(&Sku::parse(name).unwrap()).unwrap();
            assert_eq!(sku.path(), format!("/vc/api/inventory/{encoded}"));
        }
        for step in [".", ".."] {
            let refused = base.order_status(&OrderCode::parse(step).unwrap());
            assert!(matches!(refused, Err(ProviderError::NotSendable { .. })));
            assert!(base.inventory_of(&Sku::parse(step).unwrap()).is_err());
        }
    }

    #[test]
    fn credentials_travel_only_encrypted_or_at_home() {
        for url in [
            "http://v.example",
            "ftp://v.example",
            "http://localhost.example",
        ] {
            assert!(
                matches!(base(url), Err(ClientBuildError::InsecureUrl)),
                "{url}"
            );
        }
        assert!(matches!(
            base("https://me:pw@v.example"),
            Err(ClientBuildError::CredentialsInUrl)
        ));
        assert!(matches!(
            base("https://v.example?key=1"),
            Err(ClientBuildError::QueryInUrl)
        ));
        assert!(base("http://localhost:9100/vc").is_ok());
    }

    #[test]
    fn the_next_page_is_another_page_of_the_same_server() {
        let base = base("https://v.example/vc").unwrap();
        let page = base.inventory();
        let next = |next: &str| base.next(&page, next).map(|page| page.as_str().to_owned());
        for (given, resolved) in [
            ("?page=2", "https://v.example/vc/api/inventory?page=2"),
            (
                "/vc/api/inventory?p=2#x",
                "https://v.example/vc/api/inventory?p=2",
            ),
            ("https://v.example:443/2", "https://v.example/2"),
        ] {
            assert_eq!(next(given), Ok(resolved.into()));
        }
        for foreign in [
            "https://evil.example/2?x=SECRET",
            "//evil.example/2",
            "http://v.example/2",
            "https://v.example:8443/2",
            "https://v.example.evil.example/2",
            "data:text/plain,x",
        ] {
            let error = next(foreign).unwrap_err();
            assert!(error.contains("NextPage leads to "), "{error}");
            assert!(!error.contains("SECRET"), "{error}");
        }
        assert!(next("https://u:p@v.example/2").is_err());
        assert_eq!(
            next("/vc/api/inventory#again"),
            Err("NextPage is the same page again".into())
        );
        assert!(next("https://").is_err());
        assert!(
            base.page(&PageCursor::new("https://evil.example/2"))
                .is_err()
        );
    }
}
