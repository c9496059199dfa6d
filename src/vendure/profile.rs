//! Reads the shop's channel and stock locations, and probes the login's permissions with the
//! operations that need them: the query `me` is forbidden to the user of an API key.

use cynic::{MutationBuilder, QueryBuilder};
use serde::{Deserialize, Serialize};

use super::{
    client::VendureClient,
    error::{StorefrontError, is_ambiguous_code},
    model::{MissingPermission, ShopProfile, StockLocation, SupportedTrackingFields},
    operations,
    response::ResponseData,
    transport::request_body,
};
use crate::http::CallKind;

const TRACKING_CODE: &str = "trackingCode";
const CARRIER: &str = "carrier";
const SHIP_DATE: &str = "shipDate";

/// A query outside the schema that operations are checked against: introspection, custom fields.
#[derive(Serialize)]
struct RawQuery<'a> {
    query: &'a str,
}

#[derive(Deserialize)]
struct Introspection {
    #[serde(rename = "__type")]
    input: Option<InputType>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InputType {
    input_fields: Option<Vec<Named>>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

impl VendureClient {
    pub(super) async fn read_profile(&self) -> Result<ShopProfile, StorefrontError> {
        let shop: operations::Shop = self
            .query("profile", &operations::Shop::build(()))
            .await?
            .parse()?;
        let mut missing = Vec::new();
        let mut need = |permission, needed_for, allowed: bool| {
            if !allowed {
                missing.push(MissingPermission {
                    permission,
                    needed_for,
                });
            }
        };
        let orders = self
            .query("probe_orders", &operations::ProbeOrders::build(()))
            .await;
        need(
            "ReadOrder",
            "finding orders and reading them",
            is_permitted(orders)?,
        );
        let note = self
            .query(
                "probe_order_update",
                &operations::ProbeUpdateOrder::build(()),
            )
            .await;
        need(
            "UpdateOrder",
            "recording shipments and tracking numbers",
            is_permitted(note)?,
        );
        let variants = self
            .query("probe_variants", &operations::ProbeVariants::build(()))
            .await;
        need(
            "ReadCatalog",
            "reading stock levels",
            is_permitted(variants)?,
        );
        let update = self
            .query(
                "probe_variant_update",
                &operations::ProbeUpdateVariants::build(()),
            )
            .await;
        need(
            "UpdateCatalog",
            "writing stock levels",
            is_permitted(update)?,
        );
        let locations = match self.read_stock_locations().await {
            Err(StorefrontError::Forbidden { .. }) => {
                need("ReadStockLocation", "finding the stock location", false);
                Vec::new()
            }
            other => other?,
        };
        Ok(ShopProfile {
            channel_code: shop.active_channel.code,
            channel_token: shop.active_channel.token,
            missing_permissions: missing,
            stock_locations: locations,
            tracking_fields: self.read_tracking_fields().await?,
        })
    }

    pub(super) async fn read_stock_locations(&self) -> Result<Vec<StockLocation>, StorefrontError> {
        let answer: operations::Locations = self
            .query("stock_locations", &operations::Locations::build(()))
            .await?
            .parse()?;
        let locations = answer.stock_locations.items.into_iter();
        let locations = locations.map(|location| StockLocation {
            id: location.id.into_inner(),
            name: location.name,
        });
        Ok(locations.collect())
    }

    pub(super) async fn read_tracking_fields(
        &self,
    ) -> Result<SupportedTrackingFields, StorefrontError> {
        let document =
            "query { __type(name: \"UpdateOrderCustomFieldsInput\") { inputFields { name } } }";
        let data = match self.query_fields(document).await {
            // Production shops often disable introspection.
            Err(StorefrontError::Graphql { .. }) => return self.probe_tracking_fields().await,
            other => other?,
        };
        let fields = data
            .parse::<Introspection>()?
            .input
            .and_then(|input| input.input_fields)
            .unwrap_or_default();
        let has = |name: &str| fields.iter().any(|field| field.name == name);
        Ok(SupportedTrackingFields {
            tracking_code: has(TRACKING_CODE),
            carrier: has(CARRIER),
            ship_date: has(SHIP_DATE),
        })
    }

    /// Tries all fields at once first: a shop prepared for tracking has all of them.
    async fn probe_tracking_fields(&self) -> Result<SupportedTrackingFields, StorefrontError> {
        let all = [TRACKING_CODE, CARRIER, SHIP_DATE];
        if self.is_readable(&all.join(" ")).await? {
            return Ok(SupportedTrackingFields {
                tracking_code: true,
                carrier: true,
                ship_date: true,
            });
        }
        Ok(SupportedTrackingFields {
            tracking_code: self.is_readable(TRACKING_CODE).await?,
            carrier: self.is_readable(CARRIER).await?,
            ship_date: self.is_readable(SHIP_DATE).await?,
        })
    }

    async fn is_readable(&self, fields: &str) -> Result<bool, StorefrontError> {
        let document = format!(
            "query {{ activeChannel {{ code token }} orders(options: {{ take: 1 }}) {{ items {{ customFields {{ {fields} }} }} }} }}"
        );
        match self.query_fields(&document).await {
            Ok(_) => Ok(true),
            // An unknown field fails the whole query before it starts. A missing permission to read
            // orders is reported elsewhere.
            Err(StorefrontError::Graphql { code, .. }) if !is_ambiguous_code(&code) => Ok(false),
            Err(StorefrontError::Forbidden { .. }) => Ok(false),
            Err(other) => Err(other),
        }
    }

    async fn query_fields(&self, query: &str) -> Result<ResponseData, StorefrontError> {
        const NAME: &str = "tracking_fields";
        self.execute(
            NAME,
            CallKind::Read,
            request_body(NAME, &RawQuery { query })?,
        )
        .await
    }
}

/// True if Vendure permitted the probe, whatever its result.
fn is_permitted<T>(outcome: Result<T, StorefrontError>) -> Result<bool, StorefrontError> {
    match outcome {
        Ok(_) | Err(StorefrontError::Graphql { .. }) => Ok(true),
        Err(StorefrontError::Forbidden { .. }) => Ok(false),
        Err(other) => Err(other),
    }
}
