//! Reads orders: pages of references, and whole orders.

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use cynic::QueryBuilder;
use serde::{Deserialize, Serialize};

use super::{
    client::VendureClient,
    error::StorefrontError,
    model::{OrderPage, SweepPosition},
    operations::{
        self, DateOperators, IdOperators, NewestVariables, OrderFilterParameter, OrderListOptions,
        OrderSortParameter, OrderVariables, OrdersVariables, SortOrder, StringOperators,
    },
    raw_list::{RawList, field_error, parse_item},
    response::ResponseData,
    storefront::OrderSource,
};
use crate::domain::{
    Address, Contact, CurrencyCode, LineId, Money, Order, OrderCode, OrderLine, OrderRef,
    OrderState, ShippingMethodCode, ShopOrderId,
    text::{non_blank, one_line},
};

const LIST_ORDERS: &str = "orders";
const READ_ORDER: &str = "order";
const READ_ORDERS_BY_ID: &str = "whole_orders";

/// Lists of orders whose items are still text.
#[derive(Deserialize)]
pub(super) struct RawOrders<'a> {
    #[serde(borrow)]
    pub orders: RawList<'a>,
    /// The count of a wider filter than the list's.
    #[serde(default)]
    all: Option<TotalCount>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TotalCount {
    total_items: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawWholeOrders<'a> {
    #[serde(borrow)]
    orders: RawList<'a>,
    global_settings: operations::GlobalSettings,
}

#[async_trait]
impl OrderSource for VendureClient {
    async fn newest_orders(
        &self,
        states: &[OrderState],
        take: u32,
    ) -> Result<OrderPage, StorefrontError> {
        let sort = OrderSortParameter {
            order_placed_at: Some(SortOrder::Desc),
            code: Some(SortOrder::Desc),
            ..OrderSortParameter::default()
        };
        // Postgres sorts nulls first, which could hide new orders. The sweep finds orders without
        // a date.
        let dated = DateOperators {
            is_null: Some(false),
            ..DateOperators::default()
        };
        let filter = OrderFilterParameter {
            order_placed_at: Some(dated),
            ..state_filter(states)
        };
        let operation = operations::Newest::build(NewestVariables {
            options: list_options(filter, sort, take, 0),
            all: list_options(state_filter(states), OrderSortParameter::default(), 1, 0),
        });
        self.query_order_page(&operation, take).await
    }

    async fn orders_from(
        &self,
        states: &[OrderState],
        from: SweepPosition,
        take: u32,
    ) -> Result<OrderPage, StorefrontError> {
        let filter = OrderFilterParameter {
            // `after` is exclusive.
            created_at: from.created_from.map(|at| DateOperators {
                after: Some(format_date(at - TimeDelta::milliseconds(1))),
                ..DateOperators::default()
            }),
            ..state_filter(states)
        };
        let sort = OrderSortParameter {
            created_at: Some(SortOrder::Asc),
            code: Some(SortOrder::Asc),
            ..OrderSortParameter::default()
        };
        self.read_order_page(filter, sort, take, from.skip).await
    }

    /// Sorted by `updatedAt`, which a cancellation updates, unlike other changes of the state.
    async fn cancelled_orders(
        &self,
        since: DateTime<Utc>,
        take: u32,
    ) -> Result<OrderPage, StorefrontError> {
        let sort = OrderSortParameter {
            updated_at: Some(SortOrder::Desc),
            code: Some(SortOrder::Desc),
            ..OrderSortParameter::default()
        };
        let filter = OrderFilterParameter {
            updated_at: Some(DateOperators {
                after: Some(format_date(since)),
                ..DateOperators::default()
            }),
            ..state_filter(&[OrderState::cancelled()])
        };
        self.read_order_page(filter, sort, take, 0).await
    }

    async fn order(&self, id: &ShopOrderId) -> Result<Option<Order>, StorefrontError> {
        let operation = operations::OrderQuery::build(OrderVariables {
            id: cynic::Id::new(id.as_str()),
        });
        let data = match self.query(READ_ORDER, &operation).await {
            Err(error) if error.is_not_found() => return Ok(None),
            other => other?,
        };
        let found: operations::OrderQuery = data.parse()?;
        if let Some(order) = &found.order
            && order.id.inner() != id.as_str()
        {
            return Err(data.malformed(format!("order.id is not {id}, which was requested")));
        }
        let precision = found.global_settings.server_config.money_strategy_precision;
        found
            .order
            .map(|order| parse_order(order, precision))
            .transpose()
    }

    async fn orders_by_id(&self, ids: &[ShopOrderId]) -> Result<Vec<Order>, StorefrontError> {
        let take = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        let options = list_options(id_filter(ids), OrderSortParameter::default(), take, 0);
        let operation = operations::WholeOrders::build(OrdersVariables { options });
        let data = self.query(READ_ORDERS_BY_ID, &operation).await?;
        let raw: RawWholeOrders<'_> = data.parse()?;
        raw.orders.check_len(&data, READ_ORDERS_BY_ID, take)?;
        let precision = raw.global_settings.server_config.money_strategy_precision;
        let mut orders = Vec::with_capacity(raw.orders.items.len());
        for item in raw.orders.items {
            match parse_item(item, "code", |order| parse_order(order, precision)) {
                Ok(order) => orders.push(order),
                Err(bad) => {
                    tracing::debug!(
                        order = bad.key,
                        problem = bad.problem,
                        "Vendure order is unreadable"
                    );
                }
            }
        }
        Ok(orders)
    }
}

impl VendureClient {
    async fn read_order_page(
        &self,
        filter: OrderFilterParameter,
        sort: OrderSortParameter,
        take: u32,
        skip: u32,
    ) -> Result<OrderPage, StorefrontError> {
        let options = list_options(filter, sort, take, skip);
        let operation = operations::Orders::build(OrdersVariables { options });
        self.query_order_page(&operation, take).await
    }

    /// A login that may not even list orders is locked out (a revoked key, a removed role): the
    /// circuit opens. Any other missing permission affects only its operation.
    async fn query_order_page<T: Sync, V: Serialize + Sync>(
        &self,
        operation: &cynic::Operation<T, V>,
        take: u32,
    ) -> Result<OrderPage, StorefrontError> {
        let outcome = self.query(LIST_ORDERS, operation).await;
        if let Err(
            error @ StorefrontError::Forbidden {
                operation: LIST_ORDERS,
            },
        ) = &outcome
        {
            self.transport
                .upstream
                .mark_unauthorized(&error.to_string());
        }
        parse_order_page(&outcome?, take)
    }
}

/// Parses a page item by item.
pub(super) fn parse_order_page(
    data: &ResponseData,
    take: u32,
) -> Result<OrderPage, StorefrontError> {
    let raw: RawOrders<'_> = data.parse()?;
    raw.orders.check_len(data, LIST_ORDERS, take)?;
    let len = raw.orders.items.len();
    let mut page = OrderPage {
        total: raw
            .all
            .map_or(raw.orders.total_items, |all| all.total_items),
        orders: Vec::with_capacity(len),
        unreadable: Vec::new(),
        len,
        last_created_at: None,
    };
    for item in raw.orders.items {
        match parse_item(item, "code", parse_order_ref) {
            Ok(order) => {
                page.last_created_at = page.last_created_at.max(order.created_at);
                page.orders.push(order);
            }
            Err(unreadable) => page.unreadable.push(unreadable),
        }
    }
    Ok(page)
}

fn state_filter(states: &[OrderState]) -> OrderFilterParameter {
    let any_of = Some(states.iter().map(ToString::to_string).collect());
    OrderFilterParameter {
        state: Some(StringOperators { any_of }),
        ..OrderFilterParameter::default()
    }
}

pub(super) fn id_filter<T: ToString>(ids: &[T]) -> OrderFilterParameter {
    let any_of = Some(ids.iter().map(ToString::to_string).collect());
    OrderFilterParameter {
        id: Some(IdOperators { any_of }),
        ..OrderFilterParameter::default()
    }
}

fn list_options(
    filter: OrderFilterParameter,
    sort: OrderSortParameter,
    take: u32,
    skip: u32,
) -> OrderListOptions {
    OrderListOptions {
        take: i32::try_from(take).ok(),
        skip: i32::try_from(skip).ok(),
        sort: Some(sort),
        filter: Some(filter),
    }
}

pub(super) fn format_date(at: DateTime<Utc>) -> operations::DateTime {
    operations::DateTime(at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// An invalid date is dropped: finding an order must not depend on it.
fn parse_order_ref(item: operations::OrderItem) -> Result<OrderRef, StorefrontError> {
    Ok(OrderRef {
        id: ShopOrderId::parse(item.id.into_inner()).map_err(field_error(LIST_ORDERS, "id"))?,
        code: OrderCode::parse(item.code).map_err(field_error(LIST_ORDERS, "code"))?,
        state: OrderState::parse(item.state).map_err(field_error(LIST_ORDERS, "state"))?,
        created_at: parse_date(LIST_ORDERS, "createdAt", &item.created_at).ok(),
        placed_at: item
            .order_placed_at
            .and_then(|at| parse_date(LIST_ORDERS, "orderPlacedAt", &at).ok()),
    })
}

fn invalid_order_field(field: impl Into<String>, problem: impl Into<String>) -> StorefrontError {
    StorefrontError::InvalidField {
        operation: READ_ORDER,
        field: field.into(),
        problem: problem.into(),
    }
}

fn parse_date(
    operation: &'static str,
    field: &'static str,
    text: &operations::DateTime,
) -> Result<DateTime<Utc>, StorefrontError> {
    DateTime::parse_from_rfc3339(&text.0)
        .map(|at| at.with_timezone(&Utc))
        .map_err(|_| StorefrontError::InvalidField {
            operation,
            field: field.into(),
            problem: format!("'{}' is not a date", one_line(&text.0, 40)),
        })
}

fn parse_order(order: operations::Order, precision: i32) -> Result<Order, StorefrontError> {
    let precision = u32::try_from(precision).map_err(|_| {
        invalid_order_field(
            "globalSettings.serverConfig.moneyStrategyPrecision",
            "is negative",
        )
    })?;
    let lines = order
        .lines
        .into_iter()
        .enumerate()
        .map(|(at, line)| order_line(at, line, precision))
        .collect::<Result<_, _>>()?;
    let shipping_methods = order
        .shipping_lines
        .into_iter()
        .map(|line| ShippingMethodCode::parse(line.shipping_method.code))
        .collect::<Result<_, _>>()
        .map_err(field_error(READ_ORDER, "shippingLines.shippingMethod.code"))?;
    Ok(Order {
        id: ShopOrderId::parse(order.id.into_inner()).map_err(field_error(READ_ORDER, "id"))?,
        code: OrderCode::parse(order.code).map_err(field_error(READ_ORDER, "code"))?,
        state: OrderState::parse(order.state).map_err(field_error(READ_ORDER, "state"))?,
        created_at: parse_date(READ_ORDER, "createdAt", &order.created_at)?,
        placed_at: order
            .order_placed_at
            .map(|at| parse_date(READ_ORDER, "orderPlacedAt", &at))
            .transpose()?,
        currency: CurrencyCode::parse(&order.currency_code.0)
            .ok_or_else(|| invalid_order_field("currencyCode", "is not three capital letters"))?,
        customer: order.customer.map(contact),
        shipping_address: order
            .shipping_address
            .map(address)
            .filter(|a| !a.is_blank()),
        billing_address: order.billing_address.map(address).filter(|a| !a.is_blank()),
        shipping_methods,
        lines,
    })
}

fn order_line(
    at: usize,
    line: operations::OrderLine,
    precision: u32,
) -> Result<OrderLine, StorefrontError> {
    let money = |name: &str, minor: operations::Money| {
        Money::from_minor(minor.0, precision).ok_or_else(|| {
            invalid_order_field(format!("lines[{at}].{name}"), "has an invalid precision")
        })
    };
    Ok(OrderLine {
        id: LineId::parse(line.id.into_inner()).map_err(field_error(READ_ORDER, "lines.id"))?,
        sku: line.product_variant.sku,
        quantity: u32::try_from(line.quantity)
            .map_err(|_| invalid_order_field(format!("lines[{at}].quantity"), "is negative"))?,
        unit_price_gross: money(
            "proratedUnitPriceWithTax",
            line.prorated_unit_price_with_tax,
        )?,
        unit_price_net: money("proratedUnitPrice", line.prorated_unit_price)?,
    })
}

fn contact(customer: operations::Customer) -> Contact {
    Contact {
        first_name: non_blank(Some(customer.first_name)),
        last_name: non_blank(Some(customer.last_name)),
        email: non_blank(Some(customer.email_address)),
        phone: non_blank(customer.phone_number),
    }
}

fn address(address: operations::OrderAddress) -> Address {
    Address {
        full_name: non_blank(address.full_name),
        company: non_blank(address.company),
        street_line_1: non_blank(address.street_line_1),
        street_line_2: non_blank(address.street_line_2),
        city: non_blank(address.city),
        province: non_blank(address.province),
        postal_code: non_blank(address.postal_code),
        country_code: non_blank(address.country_code),
        phone: non_blank(address.phone_number),
    }
}
