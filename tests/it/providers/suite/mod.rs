//! The suite: the guarantees of every [`FulfillmentProvider`], one function per case.
//!
//! Uses only the trait and the [`Bench`](super::bench::Bench), never a specific provider.

pub mod arriving;
pub mod cancelling;
pub mod failing;
pub mod looking_up;
pub mod shipments;
pub mod stock;
pub mod submitting;
pub mod webhooks;

use chrono::{DateTime, Utc};
use veracore_sync::fulfillment::{
    FeedRow, FoundOrder, FulfillmentProvider, NewOrder, PageCursor, Shipment, StockItem,
};

use super::{bench::Bench, sample};

/// More pages than any list has.
const ENDLESS: usize = 100;

async fn submitted<B: Bench>(bench: &B, order: &NewOrder) {
    bench.provider().submit_order(order).await.unwrap();
}

async fn found(provider: &dyn FulfillmentProvider, number: &str) -> FoundOrder {
    let number = sample::code(number);
    let found = provider.find_order(&number).await.unwrap();
    found.unwrap_or_else(|| panic!("{number} is not found"))
}

/// All rows of the stock feed.
async fn whole_feed(provider: &dyn FulfillmentProvider) -> Vec<FeedRow<StockItem>> {
    let mut rows = Vec::new();
    let mut page: Option<PageCursor> = None;
    for _ in 0..ENDLESS {
        let found = provider.inventory_page(page.as_ref()).await.unwrap();
        rows.extend(found.rows);
        page = found.next;
        if page.is_none() {
            return rows;
        }
    }
    panic!("the feed does not end");
}

/// All shipments since a time.
async fn all_shipments(
    provider: &dyn FulfillmentProvider,
    since: DateTime<Utc>,
) -> Vec<FeedRow<Shipment>> {
    let mut rows = Vec::new();
    let mut page: Option<PageCursor> = None;
    for _ in 0..ENDLESS {
        let found = provider.shipments_page(since, page.as_ref()).await.unwrap();
        rows.extend(found.rows);
        page = found.next;
        if page.is_none() {
            return rows;
        }
    }
    panic!("the list of shipments does not end");
}

/// The valid rows.
fn good<T: Clone>(rows: &[FeedRow<T>]) -> Vec<T> {
    rows.iter().flatten().cloned().collect()
}
