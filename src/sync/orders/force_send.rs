//! Sends one order at an operator's request: discovers it if necessary, makes it due, and makes one
//! attempt, with every protection against a second send.

use super::OrderSync;
use crate::{
    domain::{OrderCode, OrderRef, ShopOrderId, SyncStatus},
    ledger::{OperatorOutcome, RetryMode, SyncRecord},
    sync::{
        error::SyncError,
        orders::worker::{self, WorkOutcome},
    },
};

#[derive(Debug)]
pub enum ForceSendOutcome {
    /// Neither the shop nor the ledger has such an order.
    NotFound,
    /// Vendure has it, in a state that is no trigger state.
    NotInTriggerState(String),
    AlreadySent(Box<SyncRecord>),
    /// It was cancelled in Vendure and stopped at VeraCore.
    CancelledInShop,
    /// Another worker is processing it.
    Busy,
    /// The order after the attempt.
    Attempted(Box<SyncRecord>),
}

impl OrderSync {
    pub async fn force_send(&self, id: &ShopOrderId) -> Result<ForceSendOutcome, SyncError> {
        let known = match self.ledger.order_by_shop_id(id).await? {
            Some(known) => known,
            None => match self.discover_one(id).await? {
                Ok(known) => known,
                Err(outcome) => return Ok(outcome),
            },
        };
        let Ok(code) = OrderCode::parse(known.vendure_order_code.clone()) else {
            return Ok(ForceSendOutcome::NotFound);
        };
        match self.ledger.retry_order(&code, RetryMode::Again).await? {
            OperatorOutcome::Done | OperatorOutcome::DoneInDoubt => {}
            OperatorOutcome::NotFound => return Ok(ForceSendOutcome::NotFound),
            OperatorOutcome::AlreadySent { .. } => {
                return Ok(ForceSendOutcome::AlreadySent(Box::new(known)));
            }
            OperatorOutcome::Stopped => return Ok(ForceSendOutcome::CancelledInShop),
            OperatorOutcome::Busy => return Ok(ForceSendOutcome::Busy),
        }
        let Some(claimed) = self.lease_due_orders(1, Some(&code)).await?.pop() else {
            return Ok(match self.ledger.order_by_shop_id(id).await? {
                // Only its cancellation could be retried.
                Some(now) if now.sync_status == SyncStatus::Success => {
                    ForceSendOutcome::AlreadySent(Box::new(now))
                }
                _ => ForceSendOutcome::Busy,
            });
        };
        if let WorkOutcome::LedgerUnavailable(error) = worker::process_order(self, &claimed).await {
            return Err(error.into());
        }
        let now = self.ledger.order_by_shop_id(id).await?;
        Ok(ForceSendOutcome::Attempted(Box::new(now.unwrap_or(known))))
    }

    async fn discover_one(
        &self,
        id: &ShopOrderId,
    ) -> Result<Result<SyncRecord, ForceSendOutcome>, SyncError> {
        let Some(order) = self.storefront.order(id).await? else {
            return Ok(Err(ForceSendOutcome::NotFound));
        };
        if !self.settings.trigger_states.contains(&order.state) {
            return Ok(Err(ForceSendOutcome::NotInTriggerState(
                order.state.to_string(),
            )));
        }
        let order = OrderRef {
            id: order.id.clone(),
            code: order.code.clone(),
            state: order.state.clone(),
            placed_at: order.placed_at,
            created_at: Some(order.created_at),
        };
        self.ledger
            .insert_discovered_orders(std::slice::from_ref(&order), std::time::Duration::ZERO)
            .await?;
        let known = self.ledger.order_by_shop_id(id).await?;
        Ok(known.ok_or(ForceSendOutcome::NotFound))
    }
}
