//! Reading a list page by page.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::error::SyncError;
use crate::{
    domain::ShopOrderId,
    fulfillment::PageCursor,
    vendure::{FulfillmentProgressPage, Storefront, StorefrontError},
};

/// The next page, and digests of the earlier ones, to detect a list that repeats itself. Digests,
/// because a provider may put a whole list into a cursor.
#[derive(Default)]
pub(super) struct PageTracker {
    current: Option<PageCursor>,
    seen: BTreeSet<[u8; 32]>,
}

impl PageTracker {
    /// `None`: the first page.
    pub(super) const fn current(&self) -> Option<&PageCursor> {
        self.current.as_ref()
    }

    /// Moves to the next page of `list`, unless it is a repeated one.
    pub(super) fn advance(
        &mut self,
        next: PageCursor,
        list: &'static str,
    ) -> Result<(), SyncError> {
        if !self.seen.insert(Sha256::digest(next.as_str()).into()) {
            let page = self.seen.len() as u64 + 1;
            return Err(SyncError::RepeatedPage { list, page });
        }
        self.current = Some(next);
        Ok(())
    }
}

/// Halves a page size that Vendure refuses: the shop's `adminListQueryLimit` may be lower than the
/// default. Returns `false` if the error is another one or the size is 1.
pub(super) fn halve_if_too_large(error: &StorefrontError, take: &mut u32) -> bool {
    let too_large =
        matches!(error, StorefrontError::Graphql { code, .. } if code == "USER_INPUT_ERROR");
    if too_large && *take > 1 {
        *take /= 2;
        return true;
    }
    false
}

/// Reads the fulfillment progress of orders, `take` of them per request or as many as Vendure allows.
pub(super) async fn fetch_progress(
    storefront: &dyn Storefront,
    orders: &[ShopOrderId],
    take: u32,
) -> Result<FulfillmentProgressPage, StorefrontError> {
    let mut all = FulfillmentProgressPage::default();
    let mut take = take.min(u32::try_from(orders.len()).unwrap_or(u32::MAX));
    let mut rest = orders;
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(rest.len().min(take as usize));
        let page = match storefront.fulfillment_progress(chunk).await {
            Err(error) if halve_if_too_large(&error, &mut take) => continue,
            other => other?,
        };
        all.orders.extend(page.orders);
        all.unreadable.extend(page.unreadable);
        rest = after;
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_comes_again_is_noticed() {
        let mut pages = PageTracker::default();
        assert_eq!(pages.current(), None);
        for name in ["a", "b"] {
            pages.advance(PageCursor::new(name), "a list").unwrap();
            assert_eq!(pages.current(), Some(&PageCursor::new(name)));
        }
        assert!(matches!(
            pages.advance(PageCursor::new("a"), "a list"),
            Err(SyncError::RepeatedPage { page: 3, .. })
        ));
    }
}
