//! The paths of docs/veracore-rest.md below the base URL.
//!
//! No value from an order or a response can lead elsewhere: credentials go to this host only.

use url::Url;

use super::{
    super::common::{
        base_url::{ClientBuildError, check_base_url},
        invalid_page_cursor,
    },
    order,
};
use crate::{
    domain::{OrderCode, Sku, text::one_line},
    fulfillment::{PageCursor, ProviderError},
};

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

    /// Encodes each segment, including slashes and percent signs.
    fn join(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        // Only a URL like `mailto:` has no segments, and `new` refuses those.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// The cursor of the page that the response to `page` names as `next`.
    pub(super) fn next(&self, page: &Url, next: &str) -> Result<PageCursor, String> {
        let mut url = page
            .join(next.trim())
            .map_err(|_| "NextPage is not a URL".to_owned())?;
        url.set_fragment(None);
        if url.origin() != self.0.origin() {
            return Err(format!(
                "NextPage leads to {}, but credentials go only to {}",
                origin(&url),
                origin(&self.0)
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("NextPage contains credentials".into());
        }
        if url == *page {
            return Err("NextPage is the same page again".into());
        }
        Ok(PageCursor::new(url))
    }

    /// The URL of a cursor from [`BaseUrl::next`].
    pub(super) fn page(&self, page: &PageCursor) -> Result<Url, ProviderError> {
        Url::parse(page.as_str())
            .ok()
            .filter(|url| url.origin() == self.0.origin())
            .ok_or_else(invalid_page_cursor)
    }
}

/// Checks a path segment: URLs resolve `.` and `..` as steps, in any encoding.
fn segment<'a>(what: &str, name: &'a str) -> Result<&'a str, ProviderError> {
    if matches!(name, "." | "..") {
        return Err(ProviderError::NotSendable {
            problem: format!("{what} \"{name}\" cannot be part of a URL"),
        });
    }
    Ok(name)
}

/// Scheme, host and port: the rest of a foreign URL may contain anything.
fn origin(url: &Url) -> String {
    one_line(&url.origin().ascii_serialization(), 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(url: &str) -> Result<BaseUrl, ClientBuildError> {
        BaseUrl::new(url.parse().unwrap())
    }

    #[test]
    fn the_path_of_the_base_url_is_kept() {
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
    fn credentials_go_only_to_encrypted_or_local_urls() {
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
