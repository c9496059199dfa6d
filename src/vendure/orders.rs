//! Reading orders: lists of references by the thousand, and whole ones singly.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use cynic::QueryBuilder;
use serde::Deserialize;

use super::{
    OrderPage, StorefrontError, SweepPosition, VendureClient,
    client::Data,
    lists::{LooseList, bad, read_item},
    operations::{
        self, DateOperators, NewestVariables, OrderFilterParameter, OrderListOptions,
        OrderSortParameter, OrderVariables, OrdersVariables, SortOrder, StringOperators,
    },
};
use crate::domain::{
    Address, Contact, CurrencyCode, LineId, Money, Order, OrderCode, OrderLine, OrderRef,
    OrderState, ShippingMethodCode, ShopOrderId,
    text::{non_blank, one_line},
};

pub(super) const LIST: &str = "orders";
const READ: &str = "order";
const WHOLE: &str = "whole_orders";

/// A list with its items still as text, so that a bad one spoils no other.
#[derive(Deserialize)]
struct LooseOrders<'a> {
    #[serde(borrow)]
    orders: LooseList<'a>,
    /// Where the list is only a part of what is counted.
    #[serde(default)]
    all: Option<Count>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Count {
    total_items: u64,
}

impl VendureClient {
    pub(super) async fn newest(
        &self,
        states: &[OrderState],
        take: u32,
    ) -> Result<OrderPage, StorefrontError> {
        let sort = OrderSortParameter {
            order_placed_at: Some(SortOrder::Desc),
            code: Some(SortOrder::Desc),
            ..OrderSortParameter::default()
        };
        // Postgres puts nulls first, and so many of them would hide what is new; orders without a
        // date are the sweep's.
        let dated = DateOperators {
            is_null: Some(false),
            ..DateOperators::default()
        };
        let filter = OrderFilterParameter {
            order_placed_at: Some(dated),
            ..in_states(states)
        };
        let operation = operations::Newest::build(NewestVariables {
            options: options(filter, sort, take, 0),
            all: options(in_states(states), OrderSortParameter::default(), 1, 0),
        });
        read_list(&self.run(LIST, &operation).await?, take)
    }

    pub(super) async fn from(
        &self,
        states: &[OrderState],
        from: SweepPosition,
        take: u32,
    ) -> Result<OrderPage, StorefrontError> {
        let filter = OrderFilterParameter {
            // `after` excludes the moment itself.
            created_at: from.created_from.map(|at| DateOperators {
                after: Some(date(at - TimeDelta::milliseconds(1))),
                ..DateOperators::default()
            }),
            ..in_states(states)
        };
        let sort = OrderSortParameter {
            created_at: Some(SortOrder::Asc),
            code: Some(SortOrder::Asc),
            ..OrderSortParameter::default()
        };
        self.list(options(filter, sort, take, from.skip)).await
    }

    pub(super) async fn list(
        &self,
        options: OrderListOptions,
    ) -> Result<OrderPage, StorefrontError> {
        let take = options
            .take
            .and_then(|take| u32::try_from(take).ok())
            .unwrap_or(0);
        let operation = operations::Orders::build(OrdersVariables { options });
        read_list(&self.run(LIST, &operation).await?, take)
    }

    pub(super) async fn whole(&self, id: &ShopOrderId) -> Result<Option<Order>, StorefrontError> {
        let operation = operations::OrderQuery::build(OrderVariables {
            id: cynic::Id::new(id.as_str()),
        });
        let data = match self.run(READ, &operation).await {
            Err(StorefrontError::Graphql { code, .. }) if code == "ENTITY_NOT_FOUND" => {
                return Ok(None);
            }
            other => other?,
        };
        let answer: operations::OrderQuery = data.parse()?;
        if let Some(order) = &answer.order
            && order.id.inner() != id.as_str()
        {
            return Err(data.malformed(format!(
                "order.id is another one than the one asked for, {id}"
            )));
        }
        let precision = answer
            .global_settings
            .server_config
            .money_strategy_precision;
        answer
            .order
            .map(|order| whole(order, precision))
            .transpose()
    }
}

/// Whole orders, with what the shop's money counts in.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LooseWhole<'a> {
    #[serde(borrow)]
    orders: LooseList<'a>,
    global_settings: Precision,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Precision {
    server_config: PrecisionConfig,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PrecisionConfig {
    money_strategy_precision: i32,
}

impl VendureClient {
    pub(super) async fn read_whole(
        &self,
        ids: &[ShopOrderId],
    ) -> Result<Vec<Order>, StorefrontError> {
        let any_of = Some(ids.iter().map(ToString::to_string).collect());
        let filter = OrderFilterParameter {
            id: Some(operations::IdOperators { any_of }),
            ..OrderFilterParameter::default()
        };
        let take = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        let options = options(filter, OrderSortParameter::default(), take, 0);
        let operation = operations::WholeOrders::build(OrdersVariables { options });
        let data = self.run(WHOLE, &operation).await?;
        let loose: LooseWhole<'_> = data.parse()?;
        loose.orders.check_len(&data, WHOLE, take)?;
        let precision = loose.global_settings.server_config.money_strategy_precision;
        let mut orders = Vec::with_capacity(loose.orders.items.len());
        for item in loose.orders.items {
            match read_item(item, "code", |order| whole(order, precision)) {
                Ok(order) => orders.push(order),
                Err(bad) => {
                    tracing::debug!(
                        order = bad.key,
                        problem = bad.problem,
                        "an order of Vendure's cannot be understood"
                    );
                }
            }
        }
        Ok(orders)
    }
}

/// Reads a page item by item.
pub(super) fn read_list(data: &Data, take: u32) -> Result<OrderPage, StorefrontError> {
    let loose: LooseOrders<'_> = data.parse()?;
    loose.orders.check_len(data, LIST, take)?;
    let len = loose.orders.items.len();
    let mut page = OrderPage {
        total: loose
            .all
            .map_or(loose.orders.total_items, |all| all.total_items),
        orders: Vec::with_capacity(len),
        unreadable: Vec::new(),
        len,
        last_created_at: None,
    };
    for item in loose.orders.items {
        match read_item(item, "code", reference) {
            Ok(order) => {
                page.last_created_at = page.last_created_at.max(order.created_at);
                page.orders.push(order);
            }
            Err(unreadable) => page.unreadable.push(unreadable),
        }
    }
    Ok(page)
}

pub(super) fn in_states(states: &[OrderState]) -> OrderFilterParameter {
    let any_of = Some(states.iter().map(ToString::to_string).collect());
    OrderFilterParameter {
        state: Some(StringOperators { any_of }),
        ..OrderFilterParameter::default()
    }
}

pub(super) fn options(
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

pub(super) fn date(at: DateTime<Utc>) -> operations::DateTime {
    operations::DateTime(at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// Only what an order cannot be found without must be right: a date that is none is left out.
fn reference(item: operations::OrderItem) -> Result<OrderRef, StorefrontError> {
    Ok(OrderRef {
        id: ShopOrderId::parse(item.id.into_inner()).map_err(bad(LIST, "id"))?,
        code: OrderCode::parse(item.code).map_err(bad(LIST, "code"))?,
        state: OrderState::parse(item.state).map_err(bad(LIST, "state"))?,
        created_at: moment(LIST, "createdAt", &item.created_at).ok(),
        placed_at: item
            .order_placed_at
            .and_then(|at| moment(LIST, "orderPlacedAt", &at).ok()),
    })
}

fn wrong(field: impl Into<String>, problem: impl Into<String>) -> StorefrontError {
    StorefrontError::Field {
        operation: READ,
        field: field.into(),
        problem: problem.into(),
    }
}

fn moment(
    operation: &'static str,
    field: &'static str,
    text: &operations::DateTime,
) -> Result<DateTime<Utc>, StorefrontError> {
    DateTime::parse_from_rfc3339(&text.0)
        .map(|at| at.with_timezone(&Utc))
        .map_err(|_| StorefrontError::Field {
            operation,
            field: field.into(),
            problem: format!("'{}' is not a date", one_line(&text.0, 40)),
        })
}

fn whole(order: operations::Order, precision: i32) -> Result<Order, StorefrontError> {
    let precision = u32::try_from(precision).map_err(|_| {
        wrong(
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
        .map_err(bad(READ, "shippingLines.shippingMethod.code"))?;
    Ok(Order {
        id: ShopOrderId::parse(order.id.into_inner()).map_err(bad(READ, "id"))?,
        code: OrderCode::parse(order.code).map_err(bad(READ, "code"))?,
        state: OrderState::parse(order.state).map_err(bad(READ, "state"))?,
        created_at: moment(READ, "createdAt", &order.created_at)?,
        placed_at: order
            .order_placed_at
            .map(|at| moment(READ, "orderPlacedAt", &at))
            .transpose()?,
        currency: CurrencyCode::parse(&order.currency_code.0)
            .ok_or_else(|| wrong("currencyCode", "is not three capital letters"))?,
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
        Money::from_minor(minor.0, precision)
            .ok_or_else(|| wrong(format!("lines[{at}].{name}"), "has an absurd precision"))
    };
    Ok(OrderLine {
        id: LineId::parse(line.id.into_inner()).map_err(bad(READ, "lines.id"))?,
        sku: line.product_variant.sku,
        quantity: u32::try_from(line.quantity)
            .map_err(|_| wrong(format!("lines[{at}].quantity"), "is negative"))?,
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
