//! Operations that read, create and ship fulfillments, and write tracking fields.

use super::{
    Channel, CreateFulfillmentError, DateTime, EmptyOrderLineSelectionError,
    FulfillmentStateTransitionError, InsufficientStockOnHandError, InvalidFulfillmentHandlerError,
    ItemsAlreadyFulfilledError, OrderId, OrdersVariablesFields, schema,
};

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Query", variables = "OrdersVariables")]
pub struct Progress {
    pub active_channel: Channel,
    #[arguments(options: $options)]
    pub orders: ProgressList,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "OrderList")]
pub struct ProgressList {
    pub total_items: i32,
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

/// Has a variant for each member of the union: the interface of the errors does not say which one
/// it is.
#[derive(cynic::InlineFragments, Debug)]
#[cynic(graphql_type = "AddFulfillmentToOrderResult")]
pub enum AddFulfillmentResult {
    Fulfillment(CreatedFulfillment),
    CreateFulfillmentError(CreateFulfillmentError),
    EmptyOrderLineSelectionError(EmptyOrderLineSelectionError),
    FulfillmentStateTransitionError(FulfillmentStateTransitionError),
    InsufficientStockOnHandError(InsufficientStockOnHandError),
    InvalidFulfillmentHandlerError(InvalidFulfillmentHandlerError),
    ItemsAlreadyFulfilledError(ItemsAlreadyFulfilledError),
    #[cynic(fallback)]
    Other,
}

/// Only columns of its own: a relation is resolved after the mutation, and could fail after it.
#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Fulfillment")]
pub struct CreatedFulfillment {
    pub id: cynic::Id,
    pub state: String,
}

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
    Fulfillment(CreatedFulfillment),
    FulfillmentStateTransitionError(FulfillmentStateTransitionError),
    #[cynic(fallback)]
    Other,
}

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
