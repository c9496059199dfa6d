//! How far orders are fulfilled, and recording more of it.

use super::{ChannelToken, DateTime, OrderId, OrdersVariablesFields, schema};

// Reading.

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Query", variables = "OrdersVariables")]
pub struct Progress {
    #[expect(dead_code, reason = "read by the channel check, before this is")]
    pub active_channel: ChannelToken,
    #[arguments(options: $options)]
    #[expect(dead_code, reason = "read item by item instead")]
    pub orders: ProgressList,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "OrderList")]
pub struct ProgressList {
    #[expect(dead_code, reason = "read item by item instead")]
    pub total_items: i32,
    #[expect(dead_code, reason = "read item by item instead")]
    pub items: Vec<ProgressItem>,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Order")]
pub struct ProgressItem {
    pub id: cynic::Id,
    pub code: String,
    pub state: String,
    pub lines: Vec<ProgressLine>,
    pub fulfillments: Option<Vec<Fulfillment>>,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "OrderLine")]
pub struct ProgressLine {
    pub id: cynic::Id,
    pub quantity: i32,
    pub product_variant: ProgressVariant,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "ProductVariant")]
pub struct ProgressVariant {
    pub id: cynic::Id,
    pub sku: String,
}

#[derive(cynic::QueryFragment, Debug)]
pub struct Fulfillment {
    pub id: cynic::Id,
    pub state: String,
    pub tracking_code: Option<String>,
    pub lines: Vec<FulfillmentLine>,
}

#[derive(cynic::QueryFragment, Debug)]
pub struct FulfillmentLine {
    pub order_line_id: cynic::Id,
    pub quantity: i32,
}

// Making one.

#[derive(cynic::QueryVariables)]
pub struct AddFulfillmentVariables {
    pub input: FulfillOrderInput,
}

#[derive(cynic::InputObject, Debug)]
pub struct FulfillOrderInput {
    pub lines: Vec<OrderLineInput>,
    pub handler: ConfigurableOperationInput,
}

#[derive(cynic::InputObject, Debug)]
pub struct OrderLineInput {
    pub order_line_id: cynic::Id,
    pub quantity: i32,
}

#[derive(cynic::InputObject, Debug)]
pub struct ConfigurableOperationInput {
    pub code: String,
    pub arguments: Vec<ConfigArgInput>,
}

#[derive(cynic::InputObject, Debug)]
pub struct ConfigArgInput {
    pub name: String,
    pub value: String,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Mutation", variables = "AddFulfillmentVariables")]
pub struct AddFulfillment {
    #[arguments(input: $input)]
    pub add_fulfillment_to_order: AddFulfillmentResult,
}

/// Fragments go by the members of the union: the interface that the errors share tells nothing
/// about which of them it is.
#[derive(cynic::InlineFragments, Debug)]
#[cynic(graphql_type = "AddFulfillmentToOrderResult")]
pub enum AddFulfillmentResult {
    Fulfillment(MadeFulfillment),
    CreateFulfillmentError(CreateFulfillmentError),
    EmptyOrderLineSelectionError(EmptyOrderLineSelectionError),
    FulfillmentStateTransitionError(FulfillmentStateTransitionError),
    InsufficientStockOnHandError(InsufficientStockOnHandError),
    InvalidFulfillmentHandlerError(InvalidFulfillmentHandlerError),
    ItemsAlreadyFulfilledError(ItemsAlreadyFulfilledError),
    #[cynic(fallback)]
    Other,
}

/// Only columns of its own: whatever is resolved after the work could fail after it.
#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Fulfillment")]
pub struct MadeFulfillment {
    pub id: cynic::Id,
    pub state: String,
}

#[derive(cynic::Scalar, Debug, Clone)]
pub struct ErrorCode(pub String);

#[derive(cynic::QueryFragment, Debug)]
pub struct CreateFulfillmentError {
    pub error_code: ErrorCode,
    pub fulfillment_handler_error: String,
}

#[derive(cynic::QueryFragment, Debug)]
pub struct EmptyOrderLineSelectionError {
    pub error_code: ErrorCode,
    pub message: String,
}

#[derive(cynic::QueryFragment, Debug)]
pub struct FulfillmentStateTransitionError {
    pub error_code: ErrorCode,
    /// Says from where to where and why not; its `message` has no text in Vendure.
    pub transition_error: String,
}

#[derive(cynic::QueryFragment, Debug)]
pub struct InsufficientStockOnHandError {
    pub error_code: ErrorCode,
    pub message: String,
}

#[derive(cynic::QueryFragment, Debug)]
pub struct InvalidFulfillmentHandlerError {
    pub error_code: ErrorCode,
    pub message: String,
}

#[derive(cynic::QueryFragment, Debug)]
pub struct ItemsAlreadyFulfilledError {
    pub error_code: ErrorCode,
    pub message: String,
}

// Shipping one.

#[derive(cynic::QueryVariables)]
pub struct ShipVariables {
    pub id: cynic::Id,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Mutation", variables = "ShipVariables")]
pub struct Ship {
    #[arguments(id: $id, state: "Shipped")]
    pub transition_fulfillment_to_state: ShipResult,
}

#[derive(cynic::InlineFragments, Debug)]
#[cynic(graphql_type = "TransitionFulfillmentToStateResult")]
pub enum ShipResult {
    Fulfillment(MadeFulfillment),
    FulfillmentStateTransitionError(FulfillmentStateTransitionError),
    #[cynic(fallback)]
    Other,
}

// The custom fields.

#[derive(cynic::QueryVariables)]
pub struct SetFieldsVariables {
    pub input: UpdateOrderInput,
}

#[derive(cynic::InputObject, Debug)]
pub struct UpdateOrderInput {
    pub id: cynic::Id,
    pub custom_fields: Option<UpdateOrderCustomFieldsInput>,
}

#[derive(cynic::InputObject, Debug)]
pub struct UpdateOrderCustomFieldsInput {
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub tracking_code: Option<String>,
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub ship_date: Option<DateTime>,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Mutation", variables = "SetFieldsVariables")]
pub struct SetFields {
    #[arguments(input: $input)]
    pub set_order_custom_fields: Option<OrderId>,
}
