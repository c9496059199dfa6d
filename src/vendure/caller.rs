//! Who somebody is in the shop that shows us a credential of the shop's, and what he may do there.
//!
//! A session tells its permissions by the query `me`, which is refused to an API key's user (seen on
//! 3.7.3): of a key, what it may do is found by trying, with changes of things that do not exist.
//! Vendure checks permissions before it looks for them.

use std::collections::BTreeSet;

use cynic::{MutationBuilder, QueryBuilder};
use secrecy::SecretString;

use super::{
    StorefrontError, VendureClient,
    client::{OperationKind, request_body},
    operations::{self, PermissionName},
    session::AuthToken,
};
use crate::domain::text::one_line;

/// A permission of the shop's that our own API asks for.
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

    /// As the shop spells it.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

/// What somebody shows us.
#[derive(Debug, Clone)]
pub enum CallerCredential {
    /// The token of an administrator's session.
    Session(SecretString),
    ApiKey(SecretString),
}

/// Somebody whom the shop knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// For the log: the administrator's login, made safe to show.
    pub name: String,
    /// In the configured channel.
    pub permissions: BTreeSet<Permission>,
}

/// What Vendure says of a thing that does not exist, to whoever may change it.
const ENTITY_NOT_FOUND: &str = "ENTITY_NOT_FOUND";

/// The permission that stands for all.
const SUPER_ADMIN: &str = "SuperAdmin";

impl VendureClient {
    /// Asks the shop whose credential this is; `None` when it knows nobody by it.
    pub async fn identify_caller(
        &self,
        credential: &CallerCredential,
    ) -> Result<Option<Caller>, StorefrontError> {
        match credential {
            CallerCredential::Session(token) => {
                let pass = AuthToken::Session {
                    token: token.clone(),
                    generation: 0,
                };
                self.identify_session(&pass).await
            }
            CallerCredential::ApiKey(key) => {
                self.identify_key(&AuthToken::ApiKey(key.clone())).await
            }
        }
    }

    async fn identify_session(&self, pass: &AuthToken) -> Result<Option<Caller>, StorefrontError> {
        let me = self
            .query_as_caller(OperationKind::Read, &operations::Me::build(()), pass)
            .await?;
        let Some(user) = me.and_then(|me: operations::Me| me.me) else {
            return Ok(None);
        };
        let nobody = |name: &str| Caller {
            name: one_line(name, 80),
            permissions: BTreeSet::new(),
        };
        let mut caller = nobody(&user.identifier);
        // Refused to whoever has no role in the channel.
        let shop: Option<operations::Shop> = self
            .query_as_caller(OperationKind::Read, &operations::Shop::build(()), pass)
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

    async fn identify_key(&self, pass: &AuthToken) -> Result<Option<Caller>, StorefrontError> {
        let shop: Option<operations::Shop> = self
            .query_as_caller(OperationKind::Read, &operations::Shop::build(()), pass)
            .await?;
        if shop.is_none() {
            return Ok(None);
        }
        let mut permissions = BTreeSet::new();
        for &permission in Permission::ALL {
            if self.key_has_permission(pass, permission).await? {
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
        pass: &AuthToken,
        permission: Permission,
    ) -> Result<bool, StorefrontError> {
        match permission {
            Permission::ReadOrder => {
                let probe = operations::ProbeOrders::build(());
                self.is_allowed(OperationKind::Read, &probe, pass).await
            }
            Permission::UpdateOrder => {
                let probe = operations::ProbeUpdateOrder::build(());
                self.is_allowed(OperationKind::Write, &probe, pass).await
            }
            Permission::UpdateCatalog => {
                let probe = operations::ProbeUpdateVariants::build(());
                self.is_allowed(OperationKind::Write, &probe, pass).await
            }
            Permission::UpdateStockLocation => {
                let probe = operations::ProbeUpdateStockLocation::build(());
                self.is_allowed(OperationKind::Write, &probe, pass).await
            }
            // Nothing in the shop asks for this permission alone; whoever may change each of these
            // has it, or as much.
            Permission::UpdateSettings => {
                let zone = operations::ProbeUpdateZone::build(());
                let tag = operations::ProbeUpdateTag::build(());
                let tax = operations::ProbeUpdateTaxCategory::build(());
                Ok(self.is_allowed(OperationKind::Write, &zone, pass).await?
                    && self.is_allowed(OperationKind::Write, &tag, pass).await?
                    && self.is_allowed(OperationKind::Write, &tax, pass).await?)
            }
        }
    }

    /// Whether it is let through; what comes of it then does not matter.
    async fn is_allowed<T, V>(
        &self,
        does: OperationKind,
        probe: &cynic::Operation<T, V>,
        pass: &AuthToken,
    ) -> Result<bool, StorefrontError>
    where
        V: serde::Serialize + Sync,
        T: Sync,
    {
        const NAME: &str = "probe_caller";
        match self
            .post(NAME, does, request_body(NAME, probe)?, Some(pass))
            .await
        {
            Ok(_) => Ok(true),
            // Only this says that it was looked for, and so that it was allowed. Whatever else went
            // wrong says nothing about what he may do.
            Err(
                StorefrontError::Graphql { ref code, .. }
                | StorefrontError::Ambiguous { ref code, .. },
            ) if code == ENTITY_NOT_FOUND => Ok(true),
            Err(StorefrontError::Forbidden { .. }) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// A query in the caller's name; `None` when it is refused to him. Whatever is refused to him
    /// says nothing about our own session.
    async fn query_as_caller<T, V, A>(
        &self,
        does: OperationKind,
        query: &cynic::Operation<T, V>,
        pass: &AuthToken,
    ) -> Result<Option<A>, StorefrontError>
    where
        V: serde::Serialize + Sync,
        T: Sync,
        A: serde::de::DeserializeOwned,
    {
        const NAME: &str = "identify_caller";
        match self
            .post(NAME, does, request_body(NAME, query)?, Some(pass))
            .await
        {
            Ok(data) => data.parse().map(Some),
            Err(StorefrontError::Forbidden { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }
}
