//! Reads the shop's channel and stock locations, and probes the login's permissions with the
//! operations that need them: the query `me` is forbidden to the user of an API key.

use async_trait::async_trait;
use cynic::{MutationBuilder, QueryBuilder};
use serde::{Deserialize, Serialize};

use super::{
    client::VendureClient,
    error::{StorefrontError, is_ambiguous_code},
    model::{MissingPermission, ShopProfile, StockLocation, SupportedTrackingFields},
    operations,
    response::ResponseData,
    storefront::ShopSetup,
    transport::request_body,
};
use crate::http::CallKind;

const TRACKING_CODE: &str = "trackingCode";
const CARRIER: &str = "carrier";
const SHIP_DATE: &str = "shipDate";
const TRACKING_FIELDS: [&str; 3] = [TRACKING_CODE, CARRIER, SHIP_DATE];

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

#[async_trait]
impl ShopSetup for VendureClient {
    async fn profile(&self) -> Result<ShopProfile, StorefrontError> {
        let shop: operations::Shop = self
            .query("profile", &operations::Shop::build(()))
            .await?
            .parse()?;
        let mut missing = self.missing_permissions().await?;
        let locations = match self.stock_locations().await {
            Err(StorefrontError::Forbidden { .. }) => {
                missing.push(MissingPermission {
                    permission: "ReadStockLocation",
                    needed_for: "finding the stock location",
                });
                Vec::new()
            }
            other => other?,
        };
        Ok(ShopProfile {
            channel_code: shop.active_channel.code,
            channel_token: shop.active_channel.token,
            missing_permissions: missing,
            stock_locations: locations,
            tracking_fields: self.supported_tracking_fields().await?,
        })
    }

    async fn stock_locations(&self) -> Result<Vec<StockLocation>, StorefrontError> {
        let found: operations::Locations = self
            .query("stock_locations", &operations::Locations::build(()))
            .await?
            .parse()?;
        let locations = found.stock_locations.items.into_iter();
        let locations = locations.map(|location| StockLocation {
            id: location.id.into_inner(),
            name: location.name,
        });
        Ok(locations.collect())
    }

    async fn supported_tracking_fields(&self) -> Result<SupportedTrackingFields, StorefrontError> {
        let document =
            "query { __type(name: \"UpdateOrderCustomFieldsInput\") { inputFields { name } } }";
        let names = match self.query_fields(document).await {
            // Production shops often disable introspection.
            Err(StorefrontError::Graphql { .. }) => self.probe_tracking_fields().await?,
            other => {
                let input = other?.parse::<Introspection>()?.input;
                let fields = input.and_then(|input| input.input_fields);
                let fields = fields.unwrap_or_default().into_iter();
                fields.map(|field| field.name).collect()
            }
        };
        let has = |name: &str| names.iter().any(|field| field == name);
        Ok(SupportedTrackingFields {
            tracking_code: has(TRACKING_CODE),
            carrier: has(CARRIER),
            ship_date: has(SHIP_DATE),
        })
    }
}

impl VendureClient {
    /// Probes the permissions that the daemon needs, except for that of the stock locations, which
    /// are read anyway.
    async fn missing_permissions(&self) -> Result<Vec<MissingPermission>, StorefrontError> {
        let orders = operations::ProbeOrders::build(());
        let order_update = operations::ProbeUpdateOrder::build(());
        let variants = operations::ProbeVariants::build(());
        let variant_update = operations::ProbeUpdateVariants::build(());
        let mut missing = Vec::new();
        for (name, body, permission, needed_for) in [
            (
                "probe_orders",
                request_body("probe_orders", &orders)?,
                "ReadOrder",
                "finding orders and reading them",
            ),
            (
                "probe_order_update",
                request_body("probe_order_update", &order_update)?,
                "UpdateOrder",
                "recording shipments and tracking numbers",
            ),
            (
                "probe_variants",
                request_body("probe_variants", &variants)?,
                "ReadCatalog",
                "reading stock levels",
            ),
            (
                "probe_variant_update",
                request_body("probe_variant_update", &variant_update)?,
                "UpdateCatalog",
                "writing stock levels",
            ),
        ] {
            match self.execute(name, CallKind::Read, body).await {
                // Vendure permitted the probe, whatever its result.
                Ok(_) | Err(StorefrontError::Graphql { .. }) => {}
                Err(StorefrontError::Forbidden { .. }) => missing.push(MissingPermission {
                    permission,
                    needed_for,
                }),
                Err(other) => return Err(other),
            }
        }
        Ok(missing)
    }

    /// Tries all fields at once first: a shop prepared for tracking has all of them.
    async fn probe_tracking_fields(&self) -> Result<Vec<String>, StorefrontError> {
        let mut readable = Vec::new();
        if self.is_readable(&TRACKING_FIELDS.join(" ")).await? {
            readable.extend(TRACKING_FIELDS.map(str::to_owned));
            return Ok(readable);
        }
        for field in TRACKING_FIELDS {
            if self.is_readable(field).await? {
                readable.push(field.to_owned());
            }
        }
        Ok(readable)
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
