//! Operations that change orders: cancellations and notes.

use super::{
    CancelActiveOrderError, Channel, EmptyOrderLineSelectionError, MultipleOrderError, OrderId,
    OrderStateTransitionError, QuantityTooGreatError, SortOrder, StringOperators, schema,
};

#[derive(cynic::QueryVariables)]
pub struct CancelOrderVariables {
    pub input: CancelOrderInput,
}

/// Without lines: the whole order.
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

/// Only columns of its own: a relation is resolved after the mutation, and could fail after it.
#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Order")]
pub struct CancelledOrder {
    pub state: String,
}

#[derive(cynic::Scalar, Debug, Clone)]
#[cynic(graphql_type = "JSON")]
pub struct Json(pub serde_json::Value);

#[derive(cynic::QueryVariables)]
pub struct AddNoteVariables {
    pub input: AddNoteToOrderInput,
}

#[derive(cynic::InputObject, Debug)]
pub struct AddNoteToOrderInput {
    pub id: cynic::Id,
    pub note: String,
    pub is_public: bool,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Mutation", variables = "AddNoteVariables")]
pub struct AddNote {
    #[arguments(input: $input)]
    pub add_note_to_order: OrderId,
}

#[derive(cynic::QueryVariables)]
pub struct NotesVariables {
    pub id: cynic::Id,
    pub options: HistoryEntryListOptions,
}

#[derive(cynic::InputObject, Debug)]
pub struct HistoryEntryListOptions {
    pub take: Option<i32>,
    pub sort: Option<HistoryEntrySortParameter>,
    pub filter: Option<HistoryEntryFilterParameter>,
}

#[derive(cynic::InputObject, Debug)]
pub struct HistoryEntrySortParameter {
    pub created_at: Option<SortOrder>,
}

#[derive(cynic::InputObject, Debug)]
pub struct HistoryEntryFilterParameter {
    #[cynic(rename = "type")]
    pub of_type: Option<StringOperators>,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Query", variables = "NotesVariables")]
pub struct Notes {
    pub active_channel: Channel,
    #[arguments(id: $id)]
    pub order: Option<NotedOrder>,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Order", variables = "NotesVariables")]
pub struct NotedOrder {
    #[arguments(options: $options)]
    pub history: HistoryEntryList,
}

#[derive(cynic::QueryFragment, Debug)]
pub struct HistoryEntryList {
    pub items: Vec<HistoryEntry>,
}

#[derive(cynic::QueryFragment, Debug)]
pub struct HistoryEntry {
    pub data: Json,
}
