//! Implements both upstreams' traits over the simulated world.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use std::sync::Arc;
use veracore_sync::{
    domain::{
        Address, Contact, CurrencyCode, FulfillmentId, LineId, LineUnits, LocationId, Money,
        NoticeKind, Order, OrderCode, OrderLine, OrderRef, OrderState, ProviderOrderId, Quantity,
        ShippingMethodCode, ShopOrderId, Sku, Units, VariantId, WebhookNotice,
    },
    fulfillment::{
        CancelResponse, FeedPage, FeedRow, FoundOrder, FulfillmentProvider, NewOrder, PageCursor,
        ProviderError, RowSink, Shipment, ShipmentItem, StockItem, SubmitReceipt, WebhookBodyError,
    },
    vendure::{
        Fulfillment, FulfillmentProgress, FulfillmentProgressLine, FulfillmentProgressPage,
        FulfillmentTarget, NewFulfillment, NewStockLevel, OrderPage, OrderSource, OrderTarget,
        ShopProfile, ShopSetup, StockLevel, StockLocation, StockTarget, StorefrontError,
        SupportedTrackingFields, SweepPosition, TrackingFields, Variant, VariantPage,
        VariantSelection,
    },
};

use super::{
    wire::Wire,
    world::{SKUS, ShopOrder, World},
};

const VENDURE: &str = "Vendure";
const VERACORE: &str = "VeraCore";

/// Both upstreams, over a replica's connection.
pub struct SimulatedUpstreams(pub Arc<Wire>);

fn sku(at: usize) -> Sku {
    Sku::parse(format!("S{at}")).unwrap()
}

fn sku_at(sku: &str) -> usize {
    sku[1..].parse().unwrap()
}

fn code(at: usize) -> OrderCode {
    OrderCode::parse(format!("O{at}")).unwrap()
}

pub fn number_at(code: &str) -> Option<usize> {
    code.strip_prefix('O')?.parse().ok()
}

fn id(at: usize) -> ShopOrderId {
    ShopOrderId::parse(at.to_string()).unwrap()
}

/// The id of a line: its order and SKU.
fn line(order: usize, sku: usize) -> LineId {
    LineId::parse(format!("{order}:{sku}")).unwrap()
}

fn line_at(line: &LineId) -> (usize, usize) {
    let (order, sku) = line.as_str().split_once(':').unwrap();
    (order.parse().unwrap(), sku.parse().unwrap())
}

fn state(order: &ShopOrder) -> OrderState {
    OrderState::parse(order.state()).unwrap()
}

fn reference(at: usize, order: &ShopOrder) -> OrderRef {
    OrderRef {
        id: id(at),
        code: code(at),
        state: state(order),
        created_at: Some(order.placed_at),
        placed_at: Some(order.placed_at),
    }
}

fn in_states(world: &World, states: &[OrderState]) -> Vec<OrderRef> {
    let orders = world.orders.iter().enumerate();
    orders
        .map(|(at, order)| reference(at, order))
        .filter(|order| states.contains(&order.state))
        .collect()
}

fn page(total: usize, orders: Vec<OrderRef>) -> OrderPage {
    OrderPage {
        total: total as u64,
        len: orders.len(),
        last_created_at: orders.last().and_then(|order| order.created_at),
        orders,
        unreadable: Vec::new(),
    }
}

fn whole(at: usize, order: &ShopOrder) -> Order {
    let money = |minor| Money::from_minor(minor, 2).unwrap();
    Order {
        id: id(at),
        code: code(at),
        state: state(order),
        created_at: order.placed_at,
        placed_at: Some(order.placed_at),
        currency: CurrencyCode::parse("USD").unwrap(),
        customer: Some(Contact {
            first_name: Some("Ann".into()),
            last_name: Some("Lee".into()),
            email: Some("ann@example.com".into()),
            phone: None,
        }),
        shipping_address: Some(Address {
            full_name: Some("Ann Lee".into()),
            street_line_1: Some("12 Desert Way".into()),
            city: Some("Reno".into()),
            province: Some("NV".into()),
            postal_code: Some("89501".into()),
            country_code: Some("US".into()),
            ..Address::default()
        }),
        billing_address: None,
        shipping_methods: vec![ShippingMethodCode::parse("ground").unwrap()],
        lines: (0..SKUS)
            .map(|sku| OrderLine {
                id: line(at, sku),
                sku: format!("S{sku}"),
                quantity: order.ordered[sku],
                unit_price_gross: money(1099),
                unit_price_net: money(999),
            })
            .collect(),
    }
}

fn progress(at: usize, order: &ShopOrder) -> FulfillmentProgress {
    let units = |units: &[u32; SKUS]| -> Vec<LineUnits> {
        (0..SKUS)
            .filter(|sku| units[*sku] > 0)
            .map(|sku| LineUnits {
                line: line(at, sku),
                quantity: units[sku],
            })
            .collect()
    };
    FulfillmentProgress {
        id: id(at),
        code: code(at),
        state: state(order),
        lines: (0..SKUS)
            .map(|sku| FulfillmentProgressLine {
                id: line(at, sku),
                variant: VariantId::parse(sku.to_string()).unwrap(),
                sku: format!("S{sku}"),
                quantity: order.ordered[sku],
            })
            .collect(),
        fulfillments: order
            .fulfillments
            .iter()
            .map(|fulfillment| Fulfillment {
                id: FulfillmentId::parse(fulfillment.id.to_string()).unwrap(),
                state: if fulfillment.shipped {
                    "Shipped"
                } else {
                    "Pending"
                }
                .into(),
                tracking_code: Some(fulfillment.tracking.clone()),
                lines: units(&fulfillment.units),
            })
            .collect(),
    }
}

fn level(world: &World, sku: usize) -> StockLevel {
    let (on_hand, allocated) = world.levels[sku];
    StockLevel { on_hand, allocated }
}

fn variant(world: &World, sku: usize) -> Variant {
    Variant {
        id: VariantId::parse(sku.to_string()).unwrap(),
        sku: format!("S{sku}"),
        is_tracked: true,
        level: level(world, sku),
        allocated_elsewhere: 0,
    }
}

fn refused() -> StorefrontError {
    StorefrontError::Rejected {
        operation: "add_fulfillment",
        code: "INSUFFICIENT_STOCK_ON_HAND_ERROR".into(),
        message: "insufficient stock on hand".into(),
    }
}

impl SimulatedUpstreams {
    async fn read<T: Send + 'static>(
        &self,
        look: impl Fn(&World) -> T + Send + Sync + 'static,
    ) -> Result<T, StorefrontError> {
        Ok(self
            .0
            .call(VENDURE, false, move |world, _| look(world))
            .await?)
    }

    /// The shop executes a repeated request again: it has no idempotency keys.
    async fn write<T: Send + 'static>(
        &self,
        deed: impl Fn(&mut World) -> T + Send + Sync + 'static,
    ) -> Result<T, StorefrontError> {
        let deed = move |world: &mut World, _| deed(world);
        Ok(self.0.call(VENDURE, true, deed).await?)
    }
}

#[async_trait]
impl ShopSetup for SimulatedUpstreams {
    async fn profile(&self) -> Result<ShopProfile, StorefrontError> {
        unreachable!("no job calls it")
    }

    async fn stock_locations(&self) -> Result<Vec<StockLocation>, StorefrontError> {
        self.read(|_| {
            vec![StockLocation {
                id: "1".into(),
                name: "Main".into(),
            }]
        })
        .await
    }

    async fn supported_tracking_fields(&self) -> Result<SupportedTrackingFields, StorefrontError> {
        self.read(|_| SupportedTrackingFields {
            tracking_code: true,
            carrier: true,
            ship_date: true,
        })
        .await
    }
}

#[async_trait]
impl OrderSource for SimulatedUpstreams {
    async fn newest_orders(
        &self,
        states: &[OrderState],
        take: u32,
    ) -> Result<OrderPage, StorefrontError> {
        let states = states.to_vec();
        self.read(move |world| {
            let mut orders = in_states(world, &states);
            let total = orders.len();
            orders.sort_by_key(|order| std::cmp::Reverse(order.placed_at));
            orders.truncate(take as usize);
            page(total, orders)
        })
        .await
    }

    async fn orders_from(
        &self,
        states: &[OrderState],
        from: SweepPosition,
        take: u32,
    ) -> Result<OrderPage, StorefrontError> {
        let states = states.to_vec();
        self.read(move |world| {
            let mut orders = in_states(world, &states);
            orders.sort_by_key(|order| order.created_at);
            orders.retain(|order| order.created_at >= from.created_from);
            let total = orders.len();
            let orders = orders.into_iter().skip(from.skip as usize);
            page(total, orders.take(take as usize).collect())
        })
        .await
    }

    async fn cancelled_orders(
        &self,
        _: DateTime<Utc>,
        take: u32,
    ) -> Result<OrderPage, StorefrontError> {
        self.newest_orders(&[OrderState::cancelled()], take).await
    }

    async fn order(&self, id: &ShopOrderId) -> Result<Option<Order>, StorefrontError> {
        let at: usize = id.as_str().parse().unwrap();
        self.read(move |world| world.orders.get(at).map(|order| whole(at, order)))
            .await
    }

    async fn orders_by_id(&self, ids: &[ShopOrderId]) -> Result<Vec<Order>, StorefrontError> {
        let at: Vec<usize> = ids.iter().map(|id| id.as_str().parse().unwrap()).collect();
        self.read(move |world| {
            let known = at
                .iter()
                .filter_map(|at| Some((*at, world.orders.get(*at)?)));
            known.map(|(at, order)| whole(at, order)).collect()
        })
        .await
    }
}

#[async_trait]
impl OrderTarget for SimulatedUpstreams {
    async fn cancel_order(&self, _: &ShopOrderId, _: &str) -> Result<(), StorefrontError> {
        unreachable!("no job cancels")
    }

    async fn add_note(&self, _: &ShopOrderId, _: &str) -> Result<(), StorefrontError> {
        self.write(|_| ()).await
    }

    async fn has_note(&self, _: &ShopOrderId, _: &str) -> Result<bool, StorefrontError> {
        self.read(|_| false).await
    }
}

#[async_trait]
impl StockTarget for SimulatedUpstreams {
    async fn variants(
        &self,
        which: VariantSelection<'_>,
        _: &LocationId,
    ) -> Result<VariantPage, StorefrontError> {
        let skus: Vec<usize> = match which {
            VariantSelection::Page { skip, take } => {
                (0..SKUS).skip(skip as usize).take(take as usize).collect()
            }
            VariantSelection::Ids(ids) => {
                ids.iter().map(|id| id.as_str().parse().unwrap()).collect()
            }
            VariantSelection::Skus(skus) => skus.iter().map(|sku| sku_at(sku.as_str())).collect(),
        };
        self.read(move |world| {
            let ends = skus.first().zip(skus.last());
            VariantPage {
                total: SKUS as u64,
                variants: skus.iter().map(|sku| variant(world, *sku)).collect(),
                unreadable: Vec::new(),
                len: skus.len(),
                end_ids: ends.map(|(first, last)| (first.to_string(), last.to_string())),
            }
        })
        .await
    }

    async fn set_stock(
        &self,
        _: &LocationId,
        levels: &[NewStockLevel],
    ) -> Result<Vec<(VariantId, StockLevel)>, StorefrontError> {
        let levels = levels.to_vec();
        self.write(move |world| {
            let write = |new: &NewStockLevel| {
                let sku: usize = new.variant.as_str().parse().unwrap();
                world.levels[sku].0 = new.on_hand.into();
                (new.variant.clone(), level(world, sku))
            };
            levels.iter().map(write).collect()
        })
        .await
    }
}

#[async_trait]
impl FulfillmentTarget for SimulatedUpstreams {
    async fn fulfillment_progress(
        &self,
        orders: &[ShopOrderId],
    ) -> Result<FulfillmentProgressPage, StorefrontError> {
        let orders: Vec<usize> = orders
            .iter()
            .map(|id| id.as_str().parse().unwrap())
            .collect();
        self.read(move |world| FulfillmentProgressPage {
            orders: orders
                .iter()
                .filter_map(|at| Some(progress(*at, world.orders.get(*at)?)))
                .collect(),
            unreadable: Vec::new(),
        })
        .await
    }

    async fn add_fulfillment(
        &self,
        fulfillment: &NewFulfillment,
    ) -> Result<FulfillmentId, StorefrontError> {
        let mut units = [0; SKUS];
        let mut order = 0;
        for line in &fulfillment.lines {
            let (of, sku) = line_at(&line.line);
            order = of;
            units[sku] = line.quantity;
        }
        let tracking = fulfillment.tracking_code.clone();
        // The real shop cannot tell a repetition from another fulfillment while units are left, so
        // the network does not repeat this call.
        let deed = move |world: &mut World, repeated: bool| {
            if repeated {
                return None;
            }
            world.fulfill(order, units, &tracking)
        };
        match self.0.call(VENDURE, true, deed).await? {
            Some(id) => Ok(FulfillmentId::parse(id.to_string()).unwrap()),
            None => Err(refused()),
        }
    }

    async fn ship_fulfillment(&self, id: &FulfillmentId) -> Result<(), StorefrontError> {
        let id: u32 = id.as_str().parse().unwrap();
        self.write(move |world| {
            let all = world.orders.iter_mut().flat_map(|o| &mut o.fulfillments);
            for fulfillment in all.filter(|fulfillment| fulfillment.id == id) {
                fulfillment.shipped = true;
            }
        })
        .await
    }

    async fn set_tracking(
        &self,
        order: &ShopOrderId,
        fields: &TrackingFields,
    ) -> Result<(), StorefrontError> {
        let at: usize = order.as_str().parse().unwrap();
        let tracking = fields.tracking_code.clone();
        self.write(move |world| world.orders[at].tracking.clone_from(&tracking))
            .await
    }
}

#[async_trait]
impl FulfillmentProvider for SimulatedUpstreams {
    async fn submit_order(&self, order: &NewOrder) -> Result<SubmitReceipt, ProviderError> {
        let at = number_at(order.number.as_str()).unwrap();
        let mut items = [0; SKUS];
        for item in &order.items {
            items[sku_at(item.sku.as_str())] += item.quantity.get();
        }
        let taken = self
            .0
            .call(VERACORE, true, move |world, repeated| {
                world.submit(at, items, repeated)
            })
            .await?;
        if taken {
            let provider_order_id = ProviderOrderId::parse(format!("VC-{at}")).unwrap();
            return Ok(SubmitReceipt { provider_order_id });
        }
        Err(ProviderError::DuplicateOrder {
            number: order.number.clone(),
            message: "it exists".into(),
        })
    }

    async fn find_order(&self, number: &OrderCode) -> Result<Option<FoundOrder>, ProviderError> {
        let at = number_at(number.as_str()).unwrap();
        let number = number.clone();
        let found = self
            .0
            .call(VERACORE, false, move |world, _| {
                world.looked_up.insert(at, true);
                let order = world.warehouse.get(&at)?;
                let status = if order.cancelled {
                    "Cancelled"
                } else if order.unshipped() == [0; SKUS] {
                    "Shipped"
                } else {
                    "Processing"
                };
                Some(FoundOrder {
                    number: number.clone(),
                    provider_order_id: Some(ProviderOrderId::parse(format!("VC-{at}")).unwrap()),
                    status: status.into(),
                    tracking_number: None,
                    carrier: None,
                    shipped_at: None,
                })
            })
            .await?;
        Ok(found)
    }

    async fn stream_inventory_page(
        &self,
        _: Option<&PageCursor>,
        take: RowSink<'_, StockItem>,
    ) -> Result<Option<PageCursor>, ProviderError> {
        let items: Vec<_> = self
            .0
            .call(VERACORE, false, |world, _| {
                let item = |at| StockItem {
                    sku: sku(at),
                    available: Units::new(world.free(at)).unwrap(),
                    reserved: None,
                    on_hand: None,
                };
                (0..SKUS).map(item).collect()
            })
            .await?;
        items.into_iter().map(Ok).for_each(take);
        Ok(None)
    }

    async fn find_stock_item(&self, _: &Sku) -> Result<Option<FeedRow<StockItem>>, ProviderError> {
        unreachable!("full inventory syncs only")
    }

    async fn shipments_page(
        &self,
        since: DateTime<Utc>,
        _: Option<&PageCursor>,
    ) -> Result<FeedPage<Shipment>, ProviderError> {
        let rows = self
            .0
            .call(VERACORE, false, move |world, _| {
                let mut rows = Vec::new();
                for (order, found) in &world.warehouse {
                    for (at, package) in found.packages.iter().enumerate() {
                        if package.shipped_at < since {
                            continue;
                        }
                        let items = (0..SKUS).filter(|sku| package.units[*sku] > 0);
                        rows.push(Ok(Shipment {
                            id: Some(format!("{order}-{at}")),
                            order_number: code(*order),
                            tracking_number: Some(format!("1Z{order}-{at}")),
                            carrier: Some("UPS".into()),
                            service: None,
                            shipped_at: Some(package.shipped_at),
                            status: "Shipped".into(),
                            items: Some(
                                items
                                    .map(|at| ShipmentItem {
                                        sku: sku(at),
                                        quantity: Quantity::new(package.units[at]).unwrap(),
                                    })
                                    .collect(),
                            ),
                        }));
                    }
                }
                rows
            })
            .await?;
        Ok(FeedPage { rows, next: None })
    }

    /// The simulation has no webhooks.
    fn parse_webhook(&self, kind: NoticeKind, _: &[u8]) -> Result<WebhookNotice, WebhookBodyError> {
        Err(WebhookBodyError(kind.as_str().into()))
    }

    fn supports_cancellation(&self) -> bool {
        false
    }

    async fn cancel_order(&self, _: &OrderCode) -> Result<CancelResponse, ProviderError> {
        unreachable!("cancellation is not supported")
    }
}
