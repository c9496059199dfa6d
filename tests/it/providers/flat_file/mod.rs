//! A third provider: a warehouse that reads orders from files in a folder, and writes its stock and
//! shipments to CSV files.
//!
//! The worked example of `docs/adding-a-provider.md`. `folder` reads and writes the files.
//!
//! ```text
//! orders/A-1.json     an order; stays, so that its number stays taken
//! cancelled/A-1.json  the order is not to be shipped; written by either side
//! stock.csv           sku,available
//! shipments.csv       package,order,tracking,carrier,service,shipped,status,sku,quantity
//! ```

mod depot;
mod folder;
mod lists;
mod order_file;

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use tokio::task::spawn_blocking;
use veracore_sync::{
    domain::{NoticeKind, OrderCode, ProviderOrderId, Sku, WebhookNotice},
    fulfillment::{
        CancelResponse, FeedPage, FeedRow, FoundOrder, FulfillmentProvider, NewOrder, PageCursor,
        ProviderError, RowSink, Shipment, StockItem, SubmitReceipt, WebhookBodyError,
    },
    http::{CallError, CallErrorKind},
};

pub use self::depot::Depot;
use self::folder::{Folder, Placed, file_name};

/// The provider's name in errors.
const NAME: &str = "The depot";

const ORDERS: &str = "orders";
const CANCELLED: &str = "cancelled";
const STOCK: &str = "stock.csv";
const SHIPMENTS: &str = "shipments.csv";

/// The provider's settings.
pub struct Settings {
    pub root: PathBuf,
    /// The time zone of the warehouse's times.
    pub timezone: Tz,
    /// Rows per page.
    pub page: usize,
}

pub struct FlatFiles(Arc<Inner>);

struct Inner {
    folder: Folder,
    timezone: Tz,
    page: usize,
}

impl FlatFiles {
    pub fn new(settings: Settings) -> Self {
        Self(Arc::new(Inner {
            folder: Folder::new(settings.root),
            timezone: settings.timezone,
            page: settings.page,
        }))
    }

    /// Runs file operations on a blocking thread. They complete even if the caller is cancelled.
    async fn run<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Inner) -> Result<T, ProviderError> + Send + 'static,
    ) -> Result<T, ProviderError> {
        let inner = Arc::clone(&self.0);
        let done = spawn_blocking(move || work(&inner)).await;
        // The outcome is unknown.
        done.unwrap_or_else(|_| Err(folder::unknown(operation, "it was broken off").into()))
    }
}

#[async_trait]
impl FulfillmentProvider for FlatFiles {
    async fn submit_order(&self, order: &NewOrder) -> Result<SubmitReceipt, ProviderError> {
        const OPERATION: &str = "submit_order";
        let name = file_name(&order.number)?;
        let number = order.number.clone();
        let text = order_file::write(order);
        self.run(OPERATION, move |depot| {
            match depot.folder.place(OPERATION, ORDERS, &name, &text)? {
                Placed::New => Ok(SubmitReceipt {
                    // The depot has no ids of its own; the order number serves as one.
                    provider_order_id: ProviderOrderId::parse(number.as_str()).map_err(
                        |error| ProviderError::NotSendable {
                            problem: error.to_string(),
                        },
                    )?,
                }),
                Placed::There => Err(ProviderError::DuplicateOrder {
                    number,
                    message: "there is a file of this name".into(),
                }),
            }
        })
        .await
    }

    async fn find_order(&self, number: &OrderCode) -> Result<Option<FoundOrder>, ProviderError> {
        let number = number.clone();
        self.run("find_order", move |depot| depot.find(&number))
            .await
    }

    async fn stream_inventory_page(
        &self,
        page: Option<&PageCursor>,
        take: RowSink<'_, StockItem>,
    ) -> Result<Option<PageCursor>, ProviderError> {
        const OPERATION: &str = "inventory";
        let page = page.cloned();
        let read = self.run(OPERATION, move |depot| {
            let list = depot.folder.read_list(OPERATION, STOCK)?;
            let rows = lists::stock(&list).map_err(folder::malformed(OPERATION))?;
            let page = lists::page(rows, &list, page.as_ref(), depot.page);
            Ok(page.map_err(folder::malformed(OPERATION))?)
        });
        let FeedPage { rows, next } = read.await?;
        rows.into_iter().for_each(take);
        Ok(next)
    }

    async fn find_stock_item(
        &self,
        sku: &Sku,
    ) -> Result<Option<FeedRow<StockItem>>, ProviderError> {
        const OPERATION: &str = "inventory_of";
        let sku = sku.clone();
        self.run(OPERATION, move |depot| {
            let list = depot.folder.read_list(OPERATION, STOCK)?;
            let rows = lists::stock(&list).map_err(folder::malformed(OPERATION))?;
            Ok(rows.into_iter().find(|row| match row {
                Ok(item) => item.sku == sku,
                Err(bad) => bad.key.as_deref() == Some(sku.as_str()),
            }))
        })
        .await
    }

    /// The whole list, regardless of the time: it has no times of voids.
    async fn shipments_page(
        &self,
        _: DateTime<Utc>,
        page: Option<&PageCursor>,
    ) -> Result<FeedPage<Shipment>, ProviderError> {
        const OPERATION: &str = "shipments";
        let page = page.cloned();
        self.run(OPERATION, move |depot| {
            let list = depot.folder.read_list(OPERATION, SHIPMENTS)?;
            let rows = lists::packages(&list, depot.timezone);
            let rows = rows.map_err(folder::malformed(OPERATION))?;
            let page = lists::page(rows, &list, page.as_ref(), depot.page);
            Ok(page.map_err(folder::malformed(OPERATION))?)
        })
        .await
    }

    fn parse_webhook(&self, kind: NoticeKind, _: &[u8]) -> Result<WebhookNotice, WebhookBodyError> {
        Err(WebhookBodyError(format!(
            "{NAME} sends no {}",
            kind.as_str()
        )))
    }

    fn supports_cancellation(&self) -> bool {
        true
    }

    async fn cancel_order(&self, number: &OrderCode) -> Result<CancelResponse, ProviderError> {
        let number = number.clone();
        self.run("cancel_order", move |depot| depot.cancel(&number))
            .await
    }
}

impl Inner {
    fn find(&self, number: &OrderCode) -> Result<Option<FoundOrder>, ProviderError> {
        const OPERATION: &str = "find_order";
        let name = file_name(number)?;
        let Some(text) = self.folder.read(OPERATION, ORDERS, &name)? else {
            return Ok(None);
        };
        let placed = order_file::read(&text).map_err(folder::malformed(OPERATION))?;
        if placed.number != *number {
            return Err(ProviderError::WrongOrder {
                requested: number.clone(),
                returned: placed.number.to_string(),
            });
        }
        let packages = self.live_packages(OPERATION, number)?;
        let cancelled = self.folder.read(OPERATION, CANCELLED, &name)?.is_some();
        let shipped: u32 = packages.iter().map(units).sum();
        let status = match shipped {
            0 if cancelled => "Cancelled",
            0 => "Received",
            // A shipped order stays shipped, even with a cancellation file.
            _ if cancelled => "Shipped, the rest cancelled",
            _ if shipped < placed.units => "Partially shipped",
            _ => "Shipped",
        };
        let first = packages.into_iter().next();
        Ok(Some(FoundOrder {
            number: number.clone(),
            provider_order_id: ProviderOrderId::parse(number.as_str()).ok(),
            status: status.into(),
            tracking_number: first.as_ref().and_then(|p| p.tracking_number.clone()),
            carrier: first.as_ref().and_then(|p| p.carrier.clone()),
            shipped_at: first.and_then(|p| p.shipped_at),
        }))
    }

    /// An order's packages that are not void.
    fn live_packages(
        &self,
        operation: &'static str,
        number: &OrderCode,
    ) -> Result<Vec<Shipment>, CallError> {
        let list = self.folder.read_list(operation, SHIPMENTS)?;
        let rows = lists::packages(&list, self.timezone).map_err(folder::malformed(operation))?;
        let mut packages: Vec<Shipment> = rows.into_iter().flatten().collect();
        packages.retain(|package| {
            package.order_number == *number && !package.status.eq_ignore_ascii_case("void")
        });
        Ok(packages)
    }

    fn cancel(&self, number: &OrderCode) -> Result<CancelResponse, ProviderError> {
        const OPERATION: &str = "cancel_order";
        let refused = |message: &str| {
            Ok(CancelResponse::Refused {
                message: message.into(),
            })
        };
        let name = file_name(number)?;
        if self.folder.read(OPERATION, ORDERS, &name)?.is_none() {
            return refused("there is no such order");
        }
        if !self.live_packages(OPERATION, number)?.is_empty() {
            return refused("it was shipped, at least in part");
        }
        match self.folder.place(OPERATION, CANCELLED, &name, b"{}") {
            Ok(Placed::New | Placed::There) => Ok(CancelResponse::Accepted),
            Err(error) if matches!(error.kind, CallErrorKind::ConnectionLost { .. }) => {
                Ok(CancelResponse::Ambiguous {
                    problem: error.to_string(),
                })
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn units(package: &Shipment) -> u32 {
    let items = package.items.iter().flatten();
    items.map(|item| item.quantity.get()).sum()
}
