//! Reads the fulfillments of orders, and creates and ships fulfillments.

use std::collections::HashSet;

use async_trait::async_trait;
use cynic::{MutationBuilder, QueryBuilder};

use super::{
    client::VendureClient,
    error::StorefrontError,
    model::{
        Fulfillment, FulfillmentProgress, FulfillmentProgressLine, FulfillmentProgressPage,
        NewFulfillment, TrackingFields,
    },
    operations::{
        self, AddFulfillmentResult, AddFulfillmentVariables, ConfigArgInput,
        ConfigurableOperationInput, FulfillOrderInput, OrderLineInput, OrderListOptions,
        OrdersVariables, ProgressItem, SetFieldsVariables, ShipResult, ShipVariables,
        UpdateOrderCustomFieldsInput, UpdateOrderInput,
    },
    orders::{RawOrders, format_date, id_filter},
    raw_list::{batch_len, batches, field_error, parse_item},
    storefront::FulfillmentTarget,
};
use crate::domain::{
    FulfillmentId, LineId, LineUnits, OrderCode, OrderState, ShopOrderId, VariantId, text::one_line,
};

const READ: &str = "progress";
const ADD: &str = "add_fulfillment";
const SHIP: &str = "ship_fulfillment";
const SET_TRACKING: &str = "set_tracking";

const SHIPPED: &str = "Shipped";

#[async_trait]
impl FulfillmentTarget for VendureClient {
    async fn fulfillment_progress(
        &self,
        orders: &[ShopOrderId],
    ) -> Result<FulfillmentProgressPage, StorefrontError> {
        let mut page = FulfillmentProgressPage::default();
        for group in batches(orders.iter().map(ShopOrderId::as_str)) {
            let options = OrderListOptions {
                take: i32::try_from(group.len()).ok(),
                filter: Some(id_filter(&group)),
                ..OrderListOptions::default()
            };
            let operation = operations::Progress::build(OrdersVariables { options });
            let data = self.query(READ, &operation).await?;
            let list = data.parse::<RawOrders<'_>>()?.orders;
            list.check_len(&data, "orders", batch_len(&group))?;
            for item in list.items {
                match parse_item(item, "code", parse_progress) {
                    Ok(order) if group.contains(&order.id.as_str()) => page.orders.push(order),
                    Ok(order) => {
                        return Err(data.malformed(format!(
                            "orders.items.id was not requested: {}",
                            order.id
                        )));
                    }
                    Err(unreadable) => page.unreadable.push(unreadable),
                }
            }
        }
        Ok(page)
    }

    async fn add_fulfillment(
        &self,
        fulfillment: &NewFulfillment,
    ) -> Result<FulfillmentId, StorefrontError> {
        let operation = operations::AddFulfillment::build(AddFulfillmentVariables {
            input: fulfill_order_input(fulfillment)?,
        });
        let data = self.mutate(ADD, &operation).await?;
        let created = data.parse::<operations::AddFulfillment>()?;
        Err(match created.add_fulfillment_to_order {
            AddFulfillmentResult::Fulfillment(created) => {
                return FulfillmentId::parse(created.id.into_inner()).map_err(|problem| {
                    data.malformed(format!("addFulfillmentToOrder.id: {problem}"))
                });
            }
            // The fulfillment was created, but its transition out of `Created` failed.
            AddFulfillmentResult::FulfillmentStateTransitionError(error) => {
                StorefrontError::Ambiguous {
                    operation: ADD,
                    code: one_line(&error.error_code.0, 60),
                    message: one_line(&error.transition_error, 300),
                }
            }
            AddFulfillmentResult::CreateFulfillmentError(error) => error.rejected(ADD),
            AddFulfillmentResult::EmptyOrderLineSelectionError(error) => error.rejected(ADD),
            AddFulfillmentResult::InsufficientStockOnHandError(error) => error.rejected(ADD),
            AddFulfillmentResult::InvalidFulfillmentHandlerError(error) => error.rejected(ADD),
            AddFulfillmentResult::ItemsAlreadyFulfilledError(error) => error.rejected(ADD),
            AddFulfillmentResult::Other => {
                data.malformed("addFulfillmentToOrder is of an unknown type".into())
            }
        })
    }

    async fn ship_fulfillment(&self, id: &FulfillmentId) -> Result<(), StorefrontError> {
        let operation = operations::Ship::build(ShipVariables {
            id: cynic::Id::new(id.as_str()),
        });
        let data = self.mutate(SHIP, &operation).await?;
        let shipped = data.parse::<operations::Ship>()?;
        Err(match shipped.transition_fulfillment_to_state {
            ShipResult::Fulfillment(moved) if moved.state == SHIPPED => return Ok(()),
            ShipResult::Fulfillment(moved) => data.malformed(format!(
                "transitionFulfillmentToState.state is '{}', not {SHIPPED}",
                one_line(&moved.state, 60)
            )),
            ShipResult::FulfillmentStateTransitionError(error) => error.rejected(SHIP),
            ShipResult::Other => {
                data.malformed("transitionFulfillmentToState is of an unknown type".into())
            }
        })
    }

    async fn set_tracking(
        &self,
        order: &ShopOrderId,
        fields: &TrackingFields,
    ) -> Result<(), StorefrontError> {
        if *fields == TrackingFields::default() {
            return Ok(());
        }
        let operation = operations::SetFields::build(SetFieldsVariables {
            input: UpdateOrderInput {
                id: cynic::Id::new(order.as_str()),
                custom_fields: Some(UpdateOrderCustomFieldsInput {
                    tracking_code: fields.tracking_code.clone(),
                    carrier: fields.carrier.clone(),
                    ship_date: fields.ship_date.map(format_date),
                }),
            },
        });
        let data = self.mutate(SET_TRACKING, &operation).await?;
        let updated = data
            .parse::<operations::SetFields>()?
            .set_order_custom_fields;
        if updated.is_some_and(|updated| updated.id.inner() == order.as_str()) {
            return Ok(());
        }
        Err(data.malformed(format!("setOrderCustomFields is not order {order}")))
    }
}

/// Vendure checks each line alone: for a line that is listed twice, or with a negative quantity, it
/// would fulfill more than was ordered.
fn fulfill_order_input(fulfillment: &NewFulfillment) -> Result<FulfillOrderInput, StorefrontError> {
    let invalid = |line: &LineId, problem: &str| StorefrontError::InvalidField {
        operation: ADD,
        field: "lines".into(),
        problem: format!("line {line} {problem}"),
    };
    let mut seen = HashSet::new();
    let mut lines = Vec::with_capacity(fulfillment.lines.len());
    for LineUnits { line, quantity } in &fulfillment.lines {
        if !seen.insert(line) {
            return Err(invalid(line, "is listed twice"));
        }
        match i32::try_from(*quantity) {
            Ok(0) => return Err(invalid(line, "has no units")),
            Ok(quantity) => lines.push(OrderLineInput {
                order_line_id: cynic::Id::new(line.as_str()),
                quantity,
            }),
            Err(_) => return Err(invalid(line, "has more units than Vendure's maximum")),
        }
    }
    let argument = |name: &str, value: &str| ConfigArgInput {
        name: name.into(),
        value: value.into(),
    };
    Ok(FulfillOrderInput {
        lines,
        handler: ConfigurableOperationInput {
            code: "manual-fulfillment".into(),
            arguments: vec![
                argument("method", &fulfillment.method),
                argument("trackingCode", &fulfillment.tracking_code),
            ],
        },
    })
}

fn parse_progress(order: ProgressItem) -> Result<FulfillmentProgress, StorefrontError> {
    let mut fulfillments = order
        .fulfillments
        .unwrap_or_default()
        .into_iter()
        .map(parse_fulfillment)
        .collect::<Result<Vec<_>, _>>()?;
    // Vendure returns them in no defined order.
    fulfillments.sort_by_cached_key(|fulfillment| {
        let id = fulfillment.id.as_str();
        (id.parse::<u64>().unwrap_or(u64::MAX), id.to_owned())
    });
    Ok(FulfillmentProgress {
        id: ShopOrderId::parse(order.id.into_inner()).map_err(field_error(READ, "id"))?,
        code: OrderCode::parse(order.code).map_err(field_error(READ, "code"))?,
        state: OrderState::parse(order.state).map_err(field_error(READ, "state"))?,
        lines: order
            .lines
            .into_iter()
            .map(parse_line)
            .collect::<Result<_, _>>()?,
        fulfillments,
    })
}

fn parse_line(line: operations::ProgressLine) -> Result<FulfillmentProgressLine, StorefrontError> {
    let variant = line.product_variant;
    Ok(FulfillmentProgressLine {
        id: LineId::parse(line.id.into_inner()).map_err(field_error(READ, "lines.id"))?,
        variant: VariantId::parse(variant.id.into_inner())
            .map_err(field_error(READ, "lines.productVariant.id"))?,
        sku: variant.sku,
        quantity: parse_units("lines.quantity", line.quantity)?,
    })
}

fn parse_fulfillment(fulfillment: operations::Fulfillment) -> Result<Fulfillment, StorefrontError> {
    let lines = fulfillment.lines.into_iter().map(|units_of| {
        Ok(LineUnits {
            line: LineId::parse(units_of.order_line_id.into_inner())
                .map_err(field_error(READ, "fulfillments.lines.orderLineId"))?,
            quantity: parse_units("fulfillments.lines.quantity", units_of.quantity)?,
        })
    });
    Ok(Fulfillment {
        id: FulfillmentId::parse(fulfillment.id.into_inner())
            .map_err(field_error(READ, "fulfillments.id"))?,
        state: one_line(&fulfillment.state, 60),
        tracking_code: fulfillment
            .tracking_code
            .filter(|code| !code.trim().is_empty()),
        lines: lines.collect::<Result<_, StorefrontError>>()?,
    })
}

fn parse_units(field: &'static str, quantity: i32) -> Result<u32, StorefrontError> {
    u32::try_from(quantity).map_err(|_| StorefrontError::InvalidField {
        operation: READ,
        field: field.into(),
        problem: format!("{quantity} is negative"),
    })
}

#[cfg(test)]
mod tests;
