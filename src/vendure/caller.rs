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
    operations::{
        self, PermissionName, ProbeOrders, ProbeUpdateOrder, ProbeUpdateStockLocation,
        ProbeUpdateTag, ProbeUpdateTaxCategory, ProbeUpdateVariants, ProbeUpdateZone,
    },
    response::ResponseData,
    session::{LoginOutcome, send_login},
    transport::{Credential, request_body},
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

    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

/// A caller that the shop knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The administrator's login name, safe to log.
    pub name: String,
    /// In the configured channel.
    pub permissions: BTreeSet<Permission>,
}

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
        credential: &Credential,
    ) -> Result<Option<Caller>, StorefrontError> {
        match credential {
            Credential::Session(_) => self.identify_session(credential).await,
            Credential::ApiKey(_) => self.identify_key(credential).await,
        }
    }

    async fn identify_session(
        &self,
        credential: &Credential,
    ) -> Result<Option<Caller>, StorefrontError> {
        let me = operations::Me::build(());
        let me: Option<operations::Me> = self.query_as_caller(&me, credential).await?;
        let Some(user) = me.and_then(|me| me.me) else {
            return Ok(None);
        };
        let mut caller = Caller {
            name: one_line(&user.identifier, 80),
            permissions: BTreeSet::new(),
        };
        // Forbidden for a caller without a role in the channel.
        let Some(shop) = self.shop_as_caller(credential).await? else {
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

    async fn identify_key(
        &self,
        credential: &Credential,
    ) -> Result<Option<Caller>, StorefrontError> {
        if self.shop_as_caller(credential).await?.is_none() {
            return Ok(None);
        }
        let mut permissions = BTreeSet::new();
        for &permission in Permission::ALL {
            if self.key_has_permission(credential, permission).await? {
                permissions.insert(permission);
            }
        }
        Ok(Some(Caller {
            name: "an API key".into(),
            permissions,
        }))
    }

    async fn shop_as_caller(
        &self,
        credential: &Credential,
    ) -> Result<Option<operations::Shop>, StorefrontError> {
        let shop = operations::Shop::build(());
        self.query_as_caller(&shop, credential).await
    }

    async fn key_has_permission(
        &self,
        credential: &Credential,
        permission: Permission,
    ) -> Result<bool, StorefrontError> {
        let kind = match permission {
            Permission::ReadOrder => CallKind::Read,
            _ => CallKind::Write,
        };
        for body in probe_bodies(permission)? {
            let probe = self
                .post_as_caller("probe_caller", kind, body, credential)
                .await;
            match probe {
                Ok(Some(_)) => {}
                Ok(None) => return Ok(false),
                // Vendure looked for the entity, so the call was permitted. Other errors say nothing
                // about permissions.
                Err(error) if error.is_not_found() => {}
                Err(other) => return Err(other),
            }
        }
        Ok(true)
    }

    /// Runs a query with the caller's credential; `None` if it is forbidden.
    async fn query_as_caller<T: Sync, A: serde::de::DeserializeOwned>(
        &self,
        query: &cynic::Operation<T, ()>,
        credential: &Credential,
    ) -> Result<Option<A>, StorefrontError> {
        const NAME: &str = "identify_caller";
        let body = request_body(NAME, query)?;
        let data = self
            .post_as_caller(NAME, CallKind::Read, body, credential)
            .await;
        data?.map(|data| data.parse()).transpose()
    }

    /// Sends one operation with the caller's credential; `None` if it is forbidden. This does not
    /// affect the daemon's own session.
    async fn post_as_caller(
        &self,
        name: &'static str,
        kind: CallKind,
        body: Vec<u8>,
        credential: &Credential,
    ) -> Result<Option<ResponseData>, StorefrontError> {
        match self
            .transport
            .post(name, kind, body, Some(credential))
            .await
        {
            Ok(data) => Ok(Some(data)),
            Err(StorefrontError::Forbidden { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }
}

/// The operations that need a permission; a caller has it if Vendure permits all of them.
fn probe_bodies(permission: Permission) -> Result<Vec<Vec<u8>>, StorefrontError> {
    fn body<T>(probe: &cynic::Operation<T, ()>) -> Result<Vec<u8>, StorefrontError> {
        request_body("probe_caller", probe)
    }
    Ok(match permission {
        Permission::ReadOrder => vec![body(&ProbeOrders::build(()))?],
        Permission::UpdateOrder => vec![body(&ProbeUpdateOrder::build(()))?],
        Permission::UpdateCatalog => vec![body(&ProbeUpdateVariants::build(()))?],
        Permission::UpdateStockLocation => vec![body(&ProbeUpdateStockLocation::build(()))?],
        // No operation requires this permission alone. A caller who may change each of these has
        // it, or equivalent permissions.
        Permission::UpdateSettings => vec![
            body(&ProbeUpdateZone::build(()))?,
            body(&ProbeUpdateTag::build(()))?,
            body(&ProbeUpdateTaxCategory::build(()))?,
        ],
    })
}
