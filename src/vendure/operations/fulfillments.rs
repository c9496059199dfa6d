//! Reading how far orders are fulfilled, making fulfillments, and writing tracking.

use super::{ChannelToken, DateTime, OrderListOptions, schema};

#[derive(cynic::QueryVariables)]
pub(in crate::vendure) struct ProgressVariables {
    pub options: OrderListOptions,
}

#[derive(cynic::QueryFragment)]
#[cynic(graphql_type = "Query", variables = "ProgressVariables")]
pub(in crate::vendure) struct Progresses {
    #[expect(dead_code, reason = "read by the channel check, before this is")]
    pub active_channel: ChannelToken,
    #[arguments(options: $options)]
    #[expect(dead_code, reason = "read item by item instead")]
    pub orders: ProgressList,
}

#[derive(cynic::QueryFragment)]
#[cynic(graphql_type = "OrderList")]
pub(in crate::vendure) struct ProgressList {
    #[expect(dead_code, reason = "read item by item instead")]
    pub total_items: i32,
    #[expect(dead_code, reason = "read item by item instead")]
    pub items: Vec<ProgressItem>,
}

#[derive(cynic::QueryFragment)]
#[cynic(graphql_type = "Order")]
pub(in crate::vendure) struct ProgressItem {
    pub id: cynic::Id,
    pub code: String,
    pub state: String,
    pub lines: Vec<Line>,
    pub fulfillments: Option<Vec<Fulfillment>>,
}

#[derive(cynic::QueryFragment)]
#[cynic(graphql_type = "OrderLine")]
pub(in crate::vendure) struct Line {
    pub id: cynic::Id,
    pub quantity: i32,
    pub product_variant: LineVariant,
}

#[derive(cynic::QueryFragment)]
#[cynic(graphql_type = "ProductVariant")]
pub(in crate::vendure) struct LineVariant {
    pub id: cynic::Id,
    pub sku: String,
}

#[derive(cynic::QueryFragment)]
pub(in crate::vendure) struct Fulfillment {
    pub id: cynic::Id,
    pub state: String,
    pub tracking_code: Option<String>,
    pub lines: Vec<FulfillmentLine>,
}

#[derive(cynic::QueryFragment)]
pub(in crate::vendure) struct FulfillmentLine {
    pub order_line_id: cynic::Id,
    pub quantity: i32,
}

#[derive(cynic::Scalar, Debug, Clone)]
pub(in crate::vendure) struct ErrorCode(pub String);

/// The errors that a mutation's union names; all have the same fields.
macro_rules! refusals {
    ($($name:ident),+) => {
        $(
            #[derive(cynic::QueryFragment)]
            pub(in crate::vendure) struct $name {
                pub error_code: ErrorCode,
                pub message: String,
            }
        )+
    };
}

refusals!(
    CreateFulfillmentError,
    EmptyOrderLineSelectionError,
    FulfillmentStateTransitionError,
    InsufficientStockOnHandError,
    InvalidFulfillmentHandlerError,
    ItemsAlreadyFulfilledError
);

#[derive(cynic::QueryVariables)]
pub(in crate::vendure) struct AddFulfillmentVariables {
    pub input: FulfillOrderInput,
}

#[derive(cynic::QueryFragment)]
#[cynic(graphql_type = "Mutation", variables = "AddFulfillmentVariables")]
pub(in crate::vendure) struct AddFulfillment {
    #[arguments(input: $input)]
    pub add_fulfillment_to_order: AddFulfillmentResult,
}

#[derive(cynic::InlineFragments)]
#[cynic(graphql_type = "AddFulfillmentToOrderResult")]
pub(in crate::vendure) enum AddFulfillmentResult {
    Fulfillment(FulfillmentId),
    CreateFulfillmentError(CreateFulfillmentError),
    EmptyOrderLineSelectionError(EmptyOrderLineSelectionError),
    FulfillmentStateTransitionError(FulfillmentStateTransitionError),
    InsufficientStockOnHandError(InsufficientStockOnHandError),
    InvalidFulfillmentHandlerError(InvalidFulfillmentHandlerError),
    ItemsAlreadyFulfilledError(ItemsAlreadyFulfilledError),
    #[cynic(fallback)]
    Other,
}

#[derive(cynic::QueryFragment)]
#[cynic(graphql_type = "Fulfillment")]
pub(in crate::vendure) struct FulfillmentId {
    pub id: cynic::Id,
}

#[derive(cynic::QueryVariables)]
pub(in crate::vendure) struct ShipVariables {
    pub id: cynic::Id,
}

#[derive(cynic::QueryFragment)]
#[cynic(graphql_type = "Mutation", variables = "ShipVariables")]
pub(in crate::vendure) struct Ship {
    #[arguments(id: $id, state: "Shipped")]
    pub transition_fulfillment_to_state: ShipResult,
}

#[derive(cynic::InlineFragments)]
#[cynic(graphql_type = "TransitionFulfillmentToStateResult")]
pub(in crate::vendure) enum ShipResult {
    Fulfillment(#[expect(dead_code, reason = "a fragment needs a field")] FulfillmentId),
    FulfillmentStateTransitionError(FulfillmentStateTransitionError),
    #[cynic(fallback)]
    Other,
}

#[derive(cynic::InputObject, Debug)]
pub(in crate::vendure) struct FulfillOrderInput {
    pub lines: Vec<OrderLineInput>,
    pub handler: ConfigurableOperationInput,
}

#[derive(cynic::InputObject, Debug)]
pub(in crate::vendure) struct OrderLineInput {
    pub order_line_id: cynic::Id,
    pub quantity: i32,
}

#[derive(cynic::InputObject, Debug)]
pub(in crate::vendure) struct ConfigurableOperationInput {
    pub code: String,
    pub arguments: Vec<ConfigArgInput>,
}

#[derive(cynic::InputObject, Debug)]
pub(in crate::vendure) struct ConfigArgInput {
    pub name: String,
    pub value: String,
}

#[derive(cynic::QueryVariables)]
pub(in crate::vendure) struct SetTrackingVariables {
    pub input: UpdateOrderInput,
}

#[derive(cynic::QueryFragment)]
#[cynic(graphql_type = "Mutation", variables = "SetTrackingVariables")]
pub(in crate::vendure) struct SetTracking {
    #[arguments(input: $input)]
    #[expect(dead_code, reason = "that it came is enough")]
    pub set_order_custom_fields: Option<super::OrderId>,
}

#[derive(cynic::InputObject, Debug)]
pub(in crate::vendure) struct UpdateOrderInput {
    pub id: cynic::Id,
    pub custom_fields: Option<UpdateOrderCustomFieldsInput>,
}

#[derive(cynic::InputObject, Debug)]
pub(in crate::vendure) struct UpdateOrderCustomFieldsInput {
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub tracking_code: Option<String>,
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub ship_date: Option<DateTime>,
}
