//! Identifies the callers of our own API by their Vendure credentials, and reads their permissions.
//!
//! The query `me` lists a session's permissions, but is refused to the user of an API key (seen on
//! 3.7.3). A key's permissions are probed with changes of entities that do not exist: Vendure checks
//! permissions before it looks for the entity.

use std::collections::BTreeSet;

use cynic::{MutationBuilder, QueryBuilder};
use secrecy::SecretString;

use super::{
    client::VendureClient,
    error::StorefrontError,
    operations::{self, PermissionName},
    session::{LoginOutcome, send_login},
    transport::{AuthToken, request_body},
};
use crate::{domain::text::one_line, http::CallKind};

/// A Vendure permission that our own API requires.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr, strum::VariantArray,
)]
#[strum(const_into_str)]
pub enum Permission {
    ReadOrder,
    UpdateOrder,
    UpdateCatalog,
    UpdateStockLocation,
    UpdateSettings,
}

impl Permission {
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// Vendure's name.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

/// A caller's credential.
#[derive(Debug, Clone)]
pub enum CallerCredential {
    /// An administrator's session token.
    Session(SecretString),
    ApiKey(SecretString),
}

/// A caller that the shop knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The administrator's login name, safe to log.
    pub name: String,
    /// In the configured channel.
    pub permissions: BTreeSet<Permission>,
}

/// The permission that includes all others.
const SUPER_ADMIN: &str = "SuperAdmin";

impl VendureClient {
    /// Logs a caller in, apart from the daemon's own session.
    pub async fn log_in_caller(
        &self,
        username: &str,
        password: &SecretString,
    ) -> Result<LoginOutcome, StorefrontError> {
        match send_login(&self.transport, username, password).await {
            Err(StorefrontError::Forbidden { .. }) => Ok(LoginOutcome::Rejected(String::new())),
            outcome => outcome,
        }
    }

    /// Identifies a credential; `None` if the shop does not know it.
    pub async fn identify_caller(
        &self,
        credential: &CallerCredential,
    ) -> Result<Option<Caller>, StorefrontError> {
        match credential {
            CallerCredential::Session(token) => {
                let token = AuthToken::Session {
                    token: token.clone(),
                    generation: 0,
                };
                self.identify_session(&token).await
            }
            CallerCredential::ApiKey(key) => {
                self.identify_key(&AuthToken::ApiKey(key.clone())).await
            }
        }
    }

    async fn identify_session(&self, token: &AuthToken) -> Result<Option<Caller>, StorefrontError> {
        let me = self
            .query_as_caller(CallKind::Read, &operations::Me::build(()), token)
            .await?;
        let Some(user) = me.and_then(|me: operations::Me| me.me) else {
            return Ok(None);
        };
        let without_permissions = |name: &str| Caller {
            name: one_line(name, 80),
            permissions: BTreeSet::new(),
        };
        let mut caller = without_permissions(&user.identifier);
        // Forbidden for a caller without a role in the channel.
        let shop: Option<operations::Shop> = self
            .query_as_caller(CallKind::Read, &operations::Shop::build(()), token)
            .await?;
        let Some(shop) = shop else {
            return Ok(Some(caller));
        };
        let has = |wanted: &str| {
            user.channels
                .iter()
                .filter(|channel| channel.token == shop.active_channel.token)
                .flat_map(|channel| &channel.permissions)
                .any(|PermissionName(name)| name == wanted || name == SUPER_ADMIN)
        };
        let permissions = Permission::ALL.iter().filter(|p| has(p.as_str()));
        caller.permissions = permissions.copied().collect();
        Ok(Some(caller))
    }

    async fn identify_key(&self, token: &AuthToken) -> Result<Option<Caller>, StorefrontError> {
        let shop: Option<operations::Shop> = self
            .query_as_caller(CallKind::Read, &operations::Shop::build(()), token)
            .await?;
        if shop.is_none() {
            return Ok(None);
        }
        let mut permissions = BTreeSet::new();
        for &permission in Permission::ALL {
            if self.key_has_permission(token, permission).await? {
                permissions.insert(permission);
            }
        }
        Ok(Some(Caller {
            name: "an API key".into(),
            permissions,
        }))
    }

    async fn key_has_permission(
        &self,
        token: &AuthToken,
        permission: Permission,
    ) -> Result<bool, StorefrontError> {
        match permission {
            Permission::ReadOrder => {
                let probe = operations::ProbeOrders::build(());
                self.is_allowed(CallKind::Read, &probe, token).await
            }
            Permission::UpdateOrder => {
                let probe = operations::ProbeUpdateOrder::build(());
                self.is_allowed(CallKind::Write, &probe, token).await
            }
            Permission::UpdateCatalog => {
                let probe = operations::ProbeUpdateVariants::build(());
                self.is_allowed(CallKind::Write, &probe, token).await
            }
            Permission::UpdateStockLocation => {
                let probe = operations::ProbeUpdateStockLocation::build(());
                self.is_allowed(CallKind::Write, &probe, token).await
            }
            // No operation requires this permission alone. A caller who may change each of these has
            // it, or equivalent permissions.
            Permission::UpdateSettings => {
                let zone = operations::ProbeUpdateZone::build(());
                let tag = operations::ProbeUpdateTag::build(());
                let tax = operations::ProbeUpdateTaxCategory::build(());
                Ok(self.is_allowed(CallKind::Write, &zone, token).await?
                    && self.is_allowed(CallKind::Write, &tag, token).await?
                    && self.is_allowed(CallKind::Write, &tax, token).await?)
            }
        }
    }

    /// True if Vendure permits the probe, whatever its result.
    async fn is_allowed<T, V>(
        &self,
        kind: CallKind,
        probe: &cynic::Operation<T, V>,
        token: &AuthToken,
    ) -> Result<bool, StorefrontError>
    where
        V: serde::Serialize + Sync,
        T: Sync,
    {
        const NAME: &str = "probe_caller";
        match self
            .transport
            .post(NAME, kind, request_body(NAME, probe)?, Some(token))
            .await
        {
            Ok(_) => Ok(true),
            // Vendure looked for the entity, so the call was permitted. Other errors say nothing
            // about permissions.
            Err(error) if error.is_not_found() => Ok(true),
            Err(StorefrontError::Forbidden { .. }) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// Runs a query with the caller's credential; `None` if it is forbidden. This does not affect the
    /// daemon's own session.
    async fn query_as_caller<T, V, A>(
        &self,
        kind: CallKind,
        query: &cynic::Operation<T, V>,
        token: &AuthToken,
    ) -> Result<Option<A>, StorefrontError>
    where
        V: serde::Serialize + Sync,
        T: Sync,
        A: serde::de::DeserializeOwned,
    {
        const NAME: &str = "identify_caller";
        match self
            .transport
            .post(NAME, kind, request_body(NAME, query)?, Some(token))
            .await
        {
            Ok(data) => data.parse().map(Some),
            Err(StorefrontError::Forbidden { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }
}
