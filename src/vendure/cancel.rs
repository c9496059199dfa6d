//! Cancellations: reads the latest, and cancels an order.

use chrono::{DateTime, Utc};
use cynic::MutationBuilder;

use super::{
    client::VendureClient,
    error::{StorefrontError, rejected},
    model::OrderPage,
    operations::{
        self, CancelOrderInput, CancelOrderResult, CancelOrderVariables, DateOperators,
        OrderFilterParameter, OrderSortParameter, SortOrder,
    },
    orders::{format_date, list_options, state_filter},
};
use crate::domain::{OrderState, ShopOrderId, text::one_line};

const CANCEL_ORDER: &str = "cancel_order";

impl VendureClient {
    /// Sorted by `updatedAt`, which a cancellation updates, unlike other changes of the state.
    pub(super) async fn read_cancelled_orders(
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
        self.read_order_page(list_options(filter, sort, take, 0))
            .await
    }

    pub(super) async fn send_cancel_order(
        &self,
        order: &ShopOrderId,
        reason: &str,
    ) -> Result<(), StorefrontError> {
        let operation = operations::CancelOrder::build(CancelOrderVariables {
            input: CancelOrderInput {
                order_id: cynic::Id::new(order.as_str()),
                reason: Some(reason.to_owned()),
                cancel_shipping: Some(true),
            },
        });
        let data = self.mutate(CANCEL_ORDER, &operation).await?;
        let (code, message) = match data.parse::<operations::CancelOrder>()?.cancel_order {
            CancelOrderResult::Order(cancelled) if cancelled.state == OrderState::CANCELLED => {
                return Ok(());
            }
            CancelOrderResult::Order(other) => {
                return Err(data.malformed(format!(
                    "cancelOrder.state is '{}', not {}",
                    one_line(&other.state, 60),
                    OrderState::CANCELLED
                )));
            }
            CancelOrderResult::OrderStateTransitionError(error) => {
                (error.error_code, error.transition_error)
            }
            CancelOrderResult::CancelActiveOrderError(error) => (error.error_code, error.message),
            CancelOrderResult::EmptyOrderLineSelectionError(error) => {
                (error.error_code, error.message)
            }
            CancelOrderResult::MultipleOrderError(error) => (error.error_code, error.message),
            CancelOrderResult::QuantityTooGreatError(error) => (error.error_code, error.message),
            CancelOrderResult::Other => {
                return Err(data.malformed("cancelOrder is of an unknown type".into()));
            }
        };
        Err(rejected(CANCEL_ORDER, &code.0, &message))
    }
}
