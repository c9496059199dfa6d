//! Walking through a provider's list, page by page. Must not know what is listed.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::{fulfillment::PageCursor, vendure::StorefrontError};

/// Which page comes next, and which were there: a provider that leads in circles is noticed. Of those
/// that were there only digests are kept, since a provider may put a whole list into a reference.
#[derive(Default)]
pub(super) struct PageTracker {
    current: Option<PageCursor>,
    seen: BTreeSet<[u8; 32]>,
}

impl PageTracker {
    /// The page to ask for; `None` for the first.
    pub(super) const fn current(&self) -> Option<&PageCursor> {
        self.current.as_ref()
    }

    /// Goes on to the page that follows.
    pub(super) fn advance(&mut self, next: PageCursor) -> Result<(), u64> {
        if !self.seen.insert(Sha256::digest(next.as_str()).into()) {
            return Err(self.seen.len() as u64 + 1);
        }
        self.current = Some(next);
        Ok(())
    }
}

/// Halves a page that the shop finds too large: its `adminListQueryLimit` may be lower than
/// Vendure's default. Whether there is anything left to halve.
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
