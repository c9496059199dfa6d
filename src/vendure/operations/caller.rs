//! Operations that identify a caller of our own API and probe their permissions.

use super::{OrderId, ProductVariant, schema};

/// The name of a permission; shops add their own.
#[derive(cynic::Scalar, Debug, Clone)]
#[cynic(graphql_type = "Permission")]
pub struct PermissionName(pub String);

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Query")]
pub struct Me {
    pub me: Option<MyUser>,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "CurrentUser")]
pub struct MyUser {
    pub identifier: String,
    pub channels: Vec<MyChannel>,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "CurrentUserChannel")]
pub struct MyChannel {
    pub token: String,
    pub permissions: Vec<PermissionName>,
}

// Probes change an entity with the id 0, which does not exist: Vendure checks permissions before it
// looks for the entity.

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Mutation")]
pub struct ProbeUpdateStockLocation {
    #[arguments(input: { id: "0" })]
    pub update_stock_location: StockLocationId,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "StockLocation")]
pub struct StockLocationId {
    pub id: cynic::Id,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Mutation")]
pub struct ProbeUpdateTag {
    #[arguments(input: { id: "0" })]
    pub update_tag: TagId,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Tag")]
pub struct TagId {
    pub id: cynic::Id,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Mutation")]
pub struct ProbeUpdateTaxCategory {
    #[arguments(input: { id: "0" })]
    pub update_tax_category: TaxCategoryId,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "TaxCategory")]
pub struct TaxCategoryId {
    pub id: cynic::Id,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Mutation")]
pub struct ProbeUpdateZone {
    #[arguments(input: { id: "0" })]
    pub update_zone: ZoneId,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Zone")]
pub struct ZoneId {
    pub id: cynic::Id,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Mutation")]
pub struct ProbeUpdateVariants {
    // An empty list would be as harmless, but makes the shop start a job.
    #[arguments(input: [{ id: "0" }])]
    pub update_product_variants: Vec<Option<ProductVariant>>,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Mutation")]
pub struct ProbeUpdateOrder {
    #[arguments(input: { id: "0", note: "veracore-sync asks whether it may write", isPublic: false })]
    pub add_note_to_order: OrderId,
}
