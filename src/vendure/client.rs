//! The client of the Admin API: queries and mutations with the daemon's session.

use serde::Serialize;

use super::{
    error::StorefrontError,
    response::ResponseData,
    session::Session,
    transport::{Transport, VendureSettings, request_body},
};
use crate::{
    clock::SharedClock,
    http::{CallKind, Circuit},
};

/// A shop, through its Admin API.
pub struct VendureClient {
    pub(super) transport: Transport,
    session: Session,
}

/// Vendure's default limit. Its response to a larger request is an HTTP 500 without a reason.
const MAX_REQUEST_BYTES: usize = 100 * 1024;

impl VendureClient {
    /// `name` is the shop's name in errors and in the log.
    pub fn new(
        name: &'static str,
        settings: VendureSettings,
        clock: SharedClock,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self {
            transport: Transport::new(name, settings, clock)?,
            session: Session::default(),
        })
    }

    pub fn circuit(&self) -> Circuit {
        self.transport.upstream.circuit()
    }

    /// Runs a query; logs in again once if the session was refused.
    pub(super) async fn query<T: Sync, V: Serialize + Sync>(
        &self,
        name: &'static str,
        operation: &cynic::Operation<T, V>,
    ) -> Result<ResponseData, StorefrontError> {
        self.execute(name, CallKind::Read, request_body(name, operation)?)
            .await
    }

    /// Runs a mutation in the same way. If it may have been done in spite of an error, the error is
    /// [`StorefrontError::Ambiguous`].
    pub(super) async fn mutate<T: Sync, V: Serialize + Sync>(
        &self,
        name: &'static str,
        operation: &cynic::Operation<T, V>,
    ) -> Result<ResponseData, StorefrontError> {
        self.execute(name, CallKind::Write, request_body(name, operation)?)
            .await
    }

    pub(super) async fn execute(
        &self,
        name: &'static str,
        kind: CallKind,
        body: Vec<u8>,
    ) -> Result<ResponseData, StorefrontError> {
        if body.len() > MAX_REQUEST_BYTES {
            return Err(StorefrontError::InvalidField {
                operation: name,
                field: "request".into(),
                problem: format!(
                    "{} bytes are more than Vendure accepts ({MAX_REQUEST_BYTES})",
                    body.len()
                ),
            });
        }
        let token = self.session.token(&self.transport).await?;
        match self
            .transport
            .post(name, kind, body.clone(), Some(&token.credential))
            .await
        {
            // Vendure returns FORBIDDEN both for an expired session and for a missing permission, so
            // log in again once. A refused call did nothing, so mutations may be repeated too.
            Err(StorefrontError::Forbidden { .. }) if token.is_renewable() => {
                let fresh = self.session.renew(&self.transport, &token).await?;
                self.transport
                    .post(name, kind, body, Some(&fresh.credential))
                    .await
            }
            other => other,
        }
    }
}
