//! Changes orders: cancels them, and writes and finds private notes.

use async_trait::async_trait;
use cynic::{MutationBuilder, QueryBuilder};
use serde::Deserialize;

use super::{
    client::VendureClient,
    error::StorefrontError,
    operations::{
        self, AddNoteToOrderInput, AddNoteVariables, CancelOrderInput, CancelOrderResult,
        CancelOrderVariables, HistoryEntryFilterParameter, HistoryEntryListOptions,
        HistoryEntrySortParameter, NotesVariables, SortOrder, StringOperators,
    },
    storefront::OrderTarget,
};
use crate::domain::{OrderState, ShopOrderId, text::one_line};

const CANCEL_ORDER: &str = "cancel_order";
const ADD_NOTE: &str = "add_note";
const READ_NOTES: &str = "notes";

const NOTE_TYPE: &str = "ORDER_NOTE";

/// Notes to search. The note searched for is at most minutes old.
const MAX_NOTES: i32 = 100;

#[derive(Deserialize)]
struct NoteEntry {
    #[serde(default)]
    note: String,
}

#[async_trait]
impl OrderTarget for VendureClient {
    async fn cancel_order(&self, order: &ShopOrderId, reason: &str) -> Result<(), StorefrontError> {
        let operation = operations::CancelOrder::build(CancelOrderVariables {
            input: CancelOrderInput {
                order_id: cynic::Id::new(order.as_str()),
                reason: Some(reason.to_owned()),
                cancel_shipping: Some(true),
            },
        });
        let data = self.mutate(CANCEL_ORDER, &operation).await?;
        Err(
            match data.parse::<operations::CancelOrder>()?.cancel_order {
                CancelOrderResult::Order(order) if order.state == OrderState::CANCELLED => {
                    return Ok(());
                }
                CancelOrderResult::Order(order) => data.malformed(format!(
                    "cancelOrder.state is '{}', not {}",
                    one_line(&order.state, 60),
                    OrderState::CANCELLED
                )),
                CancelOrderResult::OrderStateTransitionError(error) => error.rejected(CANCEL_ORDER),
                CancelOrderResult::CancelActiveOrderError(error) => error.rejected(CANCEL_ORDER),
                CancelOrderResult::EmptyOrderLineSelectionError(error) => {
                    error.rejected(CANCEL_ORDER)
                }
                CancelOrderResult::MultipleOrderError(error) => error.rejected(CANCEL_ORDER),
                CancelOrderResult::QuantityTooGreatError(error) => error.rejected(CANCEL_ORDER),
                CancelOrderResult::Other => {
                    data.malformed("cancelOrder is of an unknown type".into())
                }
            },
        )
    }

    async fn add_note(&self, order: &ShopOrderId, note: &str) -> Result<(), StorefrontError> {
        let operation = operations::AddNote::build(AddNoteVariables {
            input: AddNoteToOrderInput {
                id: cynic::Id::new(order.as_str()),
                note: note.to_owned(),
                is_public: false,
            },
        });
        let data = self.mutate(ADD_NOTE, &operation).await?;
        let noted = data.parse::<operations::AddNote>()?.add_note_to_order;
        if noted.id.inner() == order.as_str() {
            return Ok(());
        }
        Err(data.malformed(format!("addNoteToOrder is not order {order}")))
    }

    async fn has_note(&self, order: &ShopOrderId, text: &str) -> Result<bool, StorefrontError> {
        let operation = operations::Notes::build(NotesVariables {
            id: cynic::Id::new(order.as_str()),
            options: HistoryEntryListOptions {
                take: Some(MAX_NOTES),
                sort: Some(HistoryEntrySortParameter {
                    created_at: Some(SortOrder::Desc),
                }),
                filter: Some(HistoryEntryFilterParameter {
                    of_type: Some(StringOperators {
                        any_of: Some(vec![NOTE_TYPE.into()]),
                    }),
                }),
            },
        });
        let data = match self.query(READ_NOTES, &operation).await {
            Err(error) if error.is_not_found() => return Ok(false),
            other => other?,
        };
        let Some(order) = data.parse::<operations::Notes>()?.order else {
            return Ok(false);
        };
        // An entry of another shape is not one of the daemon's notes.
        let notes = order.history.items.into_iter();
        let mut notes =
            notes.filter_map(|item| serde_json::from_value::<NoteEntry>(item.data.0).ok());
        Ok(notes.any(|entry| entry.note.contains(text)))
    }
}
