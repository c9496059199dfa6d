//! Walking through a provider's list, page by page. Must not know what is listed.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::fulfillment::PageRef;

/// Which page comes next, and which were there: a provider that leads in circles is noticed. Of those
/// that were there only digests are kept, since a provider may put a whole list into a reference.
#[derive(Default)]
pub(super) struct Pages {
    next: Option<PageRef>,
    seen: BTreeSet<[u8; 32]>,
}

impl Pages {
    /// The page to ask for; `None` for the first.
    pub(super) const fn current(&self) -> Option<&PageRef> {
        self.next.as_ref()
    }

    /// Goes on to the page that follows.
    ///
    /// # Errors
    /// When it was there before: how many pages were.
    pub(super) fn turn(&mut self, next: PageRef) -> Result<(), u64> {
        if !self.seen.insert(Sha256::digest(next.as_str()).into()) {
            return Err(self.seen.len() as u64 + 1);
        }
        self.next = Some(next);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_comes_again_is_noticed() {
        let mut pages = Pages::default();
        assert_eq!(pages.current(), None);
        for name in ["a", "b"] {
            assert_eq!(pages.turn(PageRef::new(name)), Ok(()));
            assert_eq!(pages.current(), Some(&PageRef::new(name)));
        }
        assert_eq!(pages.turn(PageRef::new("a")), Err(3));
    }
}
