//! Operations that read variants with their stock levels, and write levels.

use super::{Channel, IdOperators, SortOrder, StringOperators, schema};

#[derive(cynic::QueryVariables)]
pub struct VariantsVariables {
    pub options: ProductVariantListOptions,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Query", variables = "VariantsVariables")]
pub struct Variants {
    pub active_channel: Channel,
    pub global_settings: InventorySettings,
    #[arguments(options: $options)]
    pub product_variants: VariantList,
}

#[derive(cynic::QueryFragment, Debug, Clone, Copy)]
#[cynic(graphql_type = "GlobalSettings")]
pub struct InventorySettings {
    pub track_inventory: bool,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "ProductVariantList")]
pub struct VariantList {
    pub total_items: i32,
    pub items: Vec<VariantItem>,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "ProductVariant")]
pub struct VariantItem {
    pub id: cynic::Id,
    pub sku: String,
    pub track_inventory: GlobalFlag,
    pub stock_levels: Vec<StockLevel>,
}

#[derive(cynic::Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum GlobalFlag {
    True,
    False,
    Inherit,
}

#[derive(cynic::QueryFragment, Debug)]
pub struct StockLevel {
    pub stock_location_id: cynic::Id,
    pub stock_on_hand: i32,
    pub stock_allocated: i32,
}

#[derive(cynic::InputObject, Debug, Default)]
pub struct ProductVariantListOptions {
    pub take: Option<i32>,
    pub skip: Option<i32>,
    pub sort: Option<ProductVariantSortParameter>,
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub filter: Option<ProductVariantFilterParameter>,
}

#[derive(cynic::InputObject, Debug)]
pub struct ProductVariantSortParameter {
    pub id: Option<SortOrder>,
}

#[derive(cynic::InputObject, Debug, Default)]
pub struct ProductVariantFilterParameter {
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub id: Option<IdOperators>,
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub sku: Option<StringOperators>,
}

#[derive(cynic::QueryVariables)]
pub struct SetStockVariables {
    pub input: Vec<UpdateProductVariantInput>,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Mutation", variables = "SetStockVariables")]
pub struct SetStock {
    #[arguments(input: $input)]
    pub update_product_variants: Vec<Option<UpdatedVariant>>,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "ProductVariant")]
pub struct UpdatedVariant {
    pub id: cynic::Id,
    pub stock_levels: Vec<StockLevel>,
}

#[derive(cynic::InputObject, Debug)]
pub struct UpdateProductVariantInput {
    pub id: cynic::Id,
    pub stock_levels: Option<Vec<StockLevelInput>>,
}

#[derive(cynic::InputObject, Debug)]
pub struct StockLevelInput {
    pub stock_location_id: cynic::Id,
    pub stock_on_hand: i32,
}
