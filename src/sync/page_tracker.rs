//! Reading a list page by page.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::{fulfillment::PageCursor, vendure::StorefrontError};

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

    /// Moves to the next page. An error is the number of the repeated page.
    pub(super) fn advance(&mut self, next: PageCursor) -> Result<(), u64> {
        if !self.seen.insert(Sha256::digest(next.as_str()).into()) {
            return Err(self.seen.len() as u64 + 1);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_comes_again_is_noticed() {
        let mut pages = PageTracker::default();
        assert_eq!(pages.current(), None);
        for name in ["a", "b"] {
            assert_eq!(pages.advance(PageCursor::new(name)), Ok(()));
            assert_eq!(pages.current(), Some(&PageCursor::new(name)));
        }
        assert_eq!(pages.advance(PageCursor::new("a")), Err(3));
    }
}
