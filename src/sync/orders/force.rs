//! One order now, because a person wishes it: found in the shop if need be, made due, and worked on
//! to the end of a try. Whatever keeps an order from being sent twice holds here, too.

use super::{OrderSync, discover::DiscoverError};
use crate::{
    domain::{OrderCode, OrderRef, ShopOrderId, SyncStatus},
    ledger::{RetryMode, SyncRecord, Verdict},
    sync::runner::{self, Worked},
};

/// What came of it.
#[derive(Debug)]
pub enum Forced {
    /// Neither the shop nor the ledger has such an order.
    Unknown,
    /// The shop has it, in a state from which orders are not sent.
    NotInTriggerState(String),
    /// VeraCore had it before.
    AlreadyThere(Box<SyncRecord>),
    /// It was cancelled in the shop, and stopped at VeraCore.
    Stopped,
    /// Somebody works on it at this moment.
    Busy,
    /// How it stands after the try.
    Tried(Box<SyncRecord>),
}

impl OrderSync {
    /// Sends an order now, or tells why not.
    ///
    /// # Errors
    /// When the shop or the database does not answer.
    pub async fn force(&self, id: &ShopOrderId) -> Result<Forced, DiscoverError> {
        let known = match self.ledger.order_of_shop(id).await? {
            Some(known) => known,
            None => match self.take_in_one(id).await? {
                Ok(known) => known,
                Err(not) => return Ok(not),
            },
        };
        let Ok(code) = OrderCode::parse(known.vendure_order_code.clone()) else {
            return Ok(Forced::Unknown);
        };
        match self.ledger.retry_order(&code, RetryMode::Again).await? {
            Verdict::Done | Verdict::DoneInDoubt => {}
            Verdict::Unknown => return Ok(Forced::Unknown),
            Verdict::AlreadyThere { .. } => return Ok(Forced::AlreadyThere(Box::new(known))),
            Verdict::Stopped => return Ok(Forced::Stopped),
            Verdict::Busy => return Ok(Forced::Busy),
        }
        let Some(claimed) = self.claim(1, Some(&code)).await?.pop() else {
            return Ok(match self.ledger.order_of_shop(id).await? {
                // Its cancellation was what could be tried again.
                Some(now) if now.sync_status == SyncStatus::Success => {
                    Forced::AlreadyThere(Box::new(now))
                }
                _ => Forced::Busy,
            });
        };
        if let Worked::Away(error) = runner::work(self, &claimed).await {
            return Err(error.into());
        }
        let now = self.ledger.order_of_shop(id).await?;
        Ok(Forced::Tried(Box::new(now.unwrap_or(known))))
    }

    async fn take_in_one(
        &self,
        id: &ShopOrderId,
    ) -> Result<Result<SyncRecord, Forced>, DiscoverError> {
        let Some(order) = self.storefront.order(id).await? else {
            return Ok(Err(Forced::Unknown));
        };
        if !self.settings.trigger_states.contains(&order.state) {
            return Ok(Err(Forced::NotInTriggerState(order.state.to_string())));
        }
        let order = OrderRef {
            id: order.id.clone(),
            code: order.code.clone(),
            state: order.state.clone(),
            placed_at: order.placed_at,
            created_at: Some(order.created_at),
        };
        self.ledger
            .take_in(std::slice::from_ref(&order), std::time::Duration::ZERO)
            .await?;
        let known = self.ledger.order_of_shop(id).await?;
        Ok(known.ok_or(Forced::Unknown))
    }
}
