//! Cancelling an order.

use super::{EmptyOrderLineSelectionError, ErrorCode, schema};

#[derive(cynic::QueryVariables)]
pub struct CancelOrderVariables {
    pub input: CancelOrderInput,
}

/// Without lines: all of it.
#[derive(cynic::InputObject, Debug)]
pub struct CancelOrderInput {
    pub order_id: cynic::Id,
    pub reason: Option<String>,
    pub cancel_shipping: Option<bool>,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Mutation", variables = "CancelOrderVariables")]
pub struct CancelOrder {
    #[arguments(input: $input)]
    pub cancel_order: CancelOrderResult,
}

#[derive(cynic::InlineFragments, Debug)]
#[cynic(graphql_type = "CancelOrderResult")]
pub enum CancelOrderResult {
    Order(CancelledOrder),
    CancelActiveOrderError(CancelActiveOrderError),
    EmptyOrderLineSelectionError(EmptyOrderLineSelectionError),
    MultipleOrderError(MultipleOrderError),
    OrderStateTransitionError(OrderStateTransitionError),
    QuantityTooGreatError(QuantityTooGreatError),
    #[cynic(fallback)]
    Other,
}

/// Only columns of its own: whatever is resolved after the work could fail after it.
#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Order")]
pub struct CancelledOrder {
    pub state: String,
}

#[derive(cynic::QueryFragment, Debug)]
pub struct CancelActiveOrderError {
    pub error_code: ErrorCode,
    pub message: String,
}

#[derive(cynic::QueryFragment, Debug)]
pub struct MultipleOrderError {
    pub error_code: ErrorCode,
    pub message: String,
}

#[derive(cynic::QueryFragment, Debug)]
pub struct OrderStateTransitionError {
    pub error_code: ErrorCode,
    /// Its `message` has no text in Vendure.
    pub transition_error: String,
}

#[derive(cynic::QueryFragment, Debug)]
pub struct QuantityTooGreatError {
    pub error_code: ErrorCode,
    pub message: String,
}
