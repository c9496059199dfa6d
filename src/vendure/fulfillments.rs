//! What of an order is fulfilled, and recording more of it.

use chrono::{DateTime, Utc};
use cynic::{MutationBuilder, QueryBuilder};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    ProgressPage, StorefrontError, VendureClient,
    operations::{IdOperators, OrderFilterParameter, OrderListOptions, fulfillments as ops},
};
use crate::domain::{FulfillmentId, LineId, OrderCode, OrderState, ShopOrderId, VariantId};
use crate::http::parse_json;

/// How far an order is fulfilled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    pub id: ShopOrderId,
    pub code: OrderCode,
    pub state: OrderState,
    /// Cancelled lines, whose quantity is zero, are still among them.
    pub lines: Vec<ProgressLine>,
    /// In the order of their ids; cancelled ones are still among them.
    pub fulfillments: Vec<Fulfillment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgressLine {
    pub id: LineId,
    pub variant: VariantId,
    /// As the shop has it now, possibly blank.
    pub sku: String,
    /// What is still ordered; zero when the line was cancelled.
    pub quantity: u32,
}

/// A fulfillment of the shop's, whoever made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fulfillment {
    pub id: FulfillmentId,
    /// `Created`, `Pending`, `Shipped`, `Delivered`, `Cancelled`; shops may define their own.
    pub state: String,
    pub tracking_code: Option<String>,
    pub lines: Vec<LineUnits>,
}

/// Units of an order line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct LineUnits {
    pub line: LineId,
    pub quantity: u32,
}

impl Fulfillment {
    /// Whether its units are taken back: then they are allocated again.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.state == "Cancelled"
    }
}

impl Progress {
    /// Units of a line that no fulfillment holds; none of a line that there is not.
    #[must_use]
    pub fn left(&self, line: &LineId) -> u32 {
        let ordered = self
            .lines
            .iter()
            .find(|candidate| candidate.id == *line)
            .map_or(0, |line| line.quantity);
        let fulfilled: u32 = self
            .fulfillments
            .iter()
            .filter(|fulfillment| !fulfillment.is_cancelled())
            .flat_map(|fulfillment| &fulfillment.lines)
            .filter(|units| units.line == *line)
            .fold(0, |sum, units| sum.saturating_add(units.quantity));
        ordered.saturating_sub(fulfilled)
    }
}

/// A fulfillment that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFulfillment {
    /// Of one order.
    pub lines: Vec<LineUnits>,
    /// What the customer reads as the way of shipping: carrier and service.
    pub method: String,
    pub tracking_code: String,
}

/// The custom fields that an order's tracking goes into; what is `None` is left as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrackingFields {
    pub tracking_code: Option<String>,
    pub carrier: Option<String>,
    pub ship_date: Option<DateTime<Utc>>,
}

/// Which of these fields the shop's orders have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrackingFieldsKnown {
    pub tracking_code: bool,
    pub carrier: bool,
    pub ship_date: bool,
}

#[derive(Deserialize)]
struct Loose<'a> {
    #[serde(borrow)]
    orders: LooseList<'a>,
}

#[derive(Deserialize)]
struct LooseList<'a> {
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
}

impl VendureClient {
    pub(super) async fn read_progress(
        &self,
        orders: &[ShopOrderId],
    ) -> Result<ProgressPage, StorefrontError> {
        let options = OrderListOptions {
            take: i32::try_from(orders.len().max(1)).ok(),
            filter: Some(OrderFilterParameter {
                id: Some(IdOperators {
                    any_of: Some(orders.iter().map(ToString::to_string).collect()),
                }),
                ..OrderFilterParameter::default()
            }),
            ..OrderListOptions::default()
        };
        let operation = ops::Progresses::build(ops::ProgressVariables { options });
        let data = self.run("progress", &operation).await?;
        let loose: Loose<'_> = data.parse()?;
        let mut page = ProgressPage::default();
        for item in loose.orders.items {
            match parse_json(item.get().as_bytes())
                .and_then(|i| progress(i).map_err(|e| e.to_string()))
            {
                Ok(found) => page.orders.push(found),
                Err(problem) => page.unreadable.push(super::UnreadableItem {
                    key: String::new(),
                    problem,
                }),
            }
        }
        Ok(page)
    }

    pub(super) async fn make_fulfillment(
        &self,
        new: &NewFulfillment,
    ) -> Result<FulfillmentId, StorefrontError> {
        let argument = |name: &str, value: &str| ops::ConfigArgInput {
            name: name.into(),
            value: value.into(),
        };
        let operation = ops::AddFulfillment::build(ops::AddFulfillmentVariables {
            input: ops::FulfillOrderInput {
                lines: new
                    .lines
                    .iter()
                    .map(|l| ops::OrderLineInput {
                        order_line_id: cynic::Id::new(l.line.as_str()),
                        quantity: i32::try_from(l.quantity).unwrap_or(i32::MAX),
                    })
                    .collect(),
                handler: ops::ConfigurableOperationInput {
                    code: "manual-fulfillment".into(),
                    arguments: vec![
                        argument("method", &new.method),
                        argument("trackingCode", &new.tracking_code),
                    ],
                },
            },
        });
        let answer: ops::AddFulfillment = self.run("add_fulfillment", &operation).await?.parse()?;
        let (code, message) = match answer.add_fulfillment_to_order {
            ops::AddFulfillmentResult::Fulfillment(f) => {
                return FulfillmentId::parse(f.id.into_inner())
                    .map_err(|p| StorefrontError::field("add_fulfillment", "id", &p));
            }
            ops::AddFulfillmentResult::CreateFulfillmentError(e) => (e.error_code.0, e.message),
            ops::AddFulfillmentResult::EmptyOrderLineSelectionError(e) => {
                (e.error_code.0, e.message)
            }
            ops::AddFulfillmentResult::FulfillmentStateTransitionError(e) => {
                (e.error_code.0, e.message)
            }
            ops::AddFulfillmentResult::InsufficientStockOnHandError(e) => {
                (e.error_code.0, e.message)
            }
            ops::AddFulfillmentResult::InvalidFulfillmentHandlerError(e) => {
                (e.error_code.0, e.message)
            }
            ops::AddFulfillmentResult::ItemsAlreadyFulfilledError(e) => (e.error_code.0, e.message),
            ops::AddFulfillmentResult::Other => ("UNKNOWN".into(), String::new()),
        };
        Err(StorefrontError::Refused {
            operation: "add_fulfillment",
            code,
            message,
        })
    }

    pub(super) async fn move_to_shipped(&self, id: &FulfillmentId) -> Result<(), StorefrontError> {
        let operation = ops::Ship::build(ops::ShipVariables {
            id: cynic::Id::new(id.as_str()),
        });
        let answer: ops::Ship = self.run("ship_fulfillment", &operation).await?.parse()?;
        match answer.transition_fulfillment_to_state {
            ops::ShipResult::Fulfillment(_) => Ok(()),
            ops::ShipResult::FulfillmentStateTransitionError(e) => Err(StorefrontError::Refused {
                operation: "ship_fulfillment",
                code: e.error_code.0,
                message: e.message,
            }),
            ops::ShipResult::Other => Err(StorefrontError::Refused {
                operation: "ship_fulfillment",
                code: "UNKNOWN".into(),
                message: String::new(),
            }),
        }
    }

    pub(super) async fn write_tracking(
        &self,
        order: &ShopOrderId,
        fields: &TrackingFields,
    ) -> Result<(), StorefrontError> {
        let operation = ops::SetTracking::build(ops::SetTrackingVariables {
            input: ops::UpdateOrderInput {
                id: cynic::Id::new(order.as_str()),
                custom_fields: Some(ops::UpdateOrderCustomFieldsInput {
                    tracking_code: fields.tracking_code.clone(),
                    carrier: fields.carrier.clone(),
                    ship_date: fields.ship_date.map(|at| {
                        super::operations::DateTime(
                            at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
                        )
                    }),
                }),
            },
        });
        let _: ops::SetTracking = self.run("set_tracking", &operation).await?.parse()?;
        Ok(())
    }
}

fn progress(item: ops::ProgressItem) -> Result<Progress, StorefrontError> {
    let bad = |field: &'static str| {
        move |p: crate::domain::BadText| StorefrontError::field("progress", field, &p)
    };
    let units = |n: i32| u32::try_from(n).unwrap_or(0);
    let mut fulfillments = Vec::new();
    for f in item.fulfillments.unwrap_or_default() {
        let mut lines = Vec::new();
        for l in f.lines {
            lines.push(LineUnits {
                line: LineId::parse(l.order_line_id.into_inner()).map_err(bad("line"))?,
                quantity: units(l.quantity),
            });
        }
        fulfillments.push(Fulfillment {
            id: FulfillmentId::parse(f.id.into_inner()).map_err(bad("fulfillment"))?,
            state: f.state,
            tracking_code: f.tracking_code,
            lines,
        });
    }
    let mut lines = Vec::new();
    for l in item.lines {
        lines.push(ProgressLine {
            id: LineId::parse(l.id.into_inner()).map_err(bad("line"))?,
            variant: VariantId::parse(l.product_variant.id.into_inner()).map_err(bad("variant"))?,
            sku: l.product_variant.sku,
            quantity: units(l.quantity),
        });
    }
    Ok(Progress {
        id: ShopOrderId::parse(item.id.into_inner()).map_err(bad("id"))?,
        code: OrderCode::parse(item.code).map_err(bad("code"))?,
        state: OrderState::parse(item.state).map_err(bad("state"))?,
        lines,
        fulfillments,
    })
}
