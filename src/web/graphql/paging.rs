//! Pages of orders: a cursor names the last order of a page.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

pub(super) const DEFAULT_PAGE_SIZE: u32 = 50;
pub(super) const MAX_PAGE_SIZE: u32 = 100;

const CURSOR_PREFIX: &str = "order:";

/// The cursor of an order, by its id in the ledger.
pub(super) fn encode_cursor(id: i64) -> String {
    URL_SAFE_NO_PAD.encode(format!("{CURSOR_PREFIX}{id}"))
}

/// The order's id in the ledger. A cursor stays valid when its order is deleted.
pub(super) fn decode_cursor(cursor: &str) -> Option<i64> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let id = text.strip_prefix(CURSOR_PREFIX)?.parse().ok()?;
    (id > 0).then_some(id)
}

/// The page size; `None` if out of range.
pub(super) fn size(first: Option<i32>) -> Option<u32> {
    match first {
        None => Some(DEFAULT_PAGE_SIZE),
        Some(first) => u32::try_from(first)
            .ok()
            .filter(|n| (1..=MAX_PAGE_SIZE).contains(n)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pages_have_a_size() {
        assert_eq!(size(None), Some(DEFAULT_PAGE_SIZE));
        assert_eq!(size(Some(1)), Some(1));
        assert_eq!(size(Some(100)), Some(100));
        for odd in [0, -1, 101, i32::MAX, i32::MIN] {
            assert_eq!(size(Some(odd)), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn a_cursor_leads_back_to_its_order(id in 1..=i64::MAX) {
            prop_assert_eq!(decode_cursor(&encode_cursor(id)), Some(id));
        }

        #[test]
        fn any_other_text_is_no_cursor(text in "\\PC{0,40}") {
            prop_assert_eq!(decode_cursor(&text).map(encode_cursor).filter(|c| *c != text), None);
        }
    }
}
