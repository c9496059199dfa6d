//! Reading variants with their stock, and writing it.

use super::{ChannelToken, IdOperators, SortOrder, StringOperators, schema};

#[derive(cynic::QueryVariables)]
pub(in crate::vendure) struct VariantsVariables {
    pub options: ProductVariantListOptions,
}

#[derive(cynic::QueryFragment)]
#[cynic(graphql_type = "Query", variables = "VariantsVariables")]
pub(in crate::vendure) struct Variants {
    #[expect(dead_code, reason = "read by the channel check, before this is")]
    pub active_channel: ChannelToken,
    #[expect(dead_code, reason = "read with the list")]
    pub global_settings: TrackingByDefault,
    #[arguments(options: $options)]
    #[expect(dead_code, reason = "read item by item instead")]
    pub product_variants: VariantList,
}

#[derive(cynic::QueryFragment)]
#[cynic(graphql_type = "GlobalSettings")]
pub(in crate::vendure) struct TrackingByDefault {
    #[expect(dead_code, reason = "read with the list")]
    pub track_inventory: bool,
}

#[derive(cynic::QueryFragment)]
#[cynic(graphql_type = "ProductVariantList")]
pub(in crate::vendure) struct VariantList {
    #[expect(dead_code, reason = "read item by item instead")]
    pub total_items: i32,
    #[expect(dead_code, reason = "read item by item instead")]
    pub items: Vec<VariantItem>,
}

#[derive(cynic::QueryFragment)]
#[cynic(graphql_type = "ProductVariant")]
pub(in crate::vendure) struct VariantItem {
    pub id: cynic::Id,
    pub sku: String,
    pub track_inventory: GlobalFlag,
    pub stock_levels: Vec<Level>,
}

#[derive(cynic::Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::vendure) enum GlobalFlag {
    #[cynic(rename = "TRUE")]
    True,
    #[cynic(rename = "FALSE")]
    False,
    #[cynic(rename = "INHERIT")]
    Inherit,
}

#[derive(cynic::QueryFragment)]
#[cynic(graphql_type = "StockLevel")]
pub(in crate::vendure) struct Level {
    pub stock_location_id: cynic::Id,
    pub stock_on_hand: i32,
    pub stock_allocated: i32,
}

#[derive(cynic::InputObject, Debug, Default)]
pub(in crate::vendure) struct ProductVariantListOptions {
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub take: Option<i32>,
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub skip: Option<i32>,
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub sort: Option<ProductVariantSortParameter>,
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub filter: Option<ProductVariantFilterParameter>,
}

#[derive(cynic::InputObject, Debug, Default)]
pub(in crate::vendure) struct ProductVariantSortParameter {
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub id: Option<SortOrder>,
}

#[derive(cynic::InputObject, Debug, Default)]
pub(in crate::vendure) struct ProductVariantFilterParameter {
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub id: Option<IdOperators>,
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub sku: Option<StringOperators>,
}

#[derive(cynic::QueryVariables)]
pub(in crate::vendure) struct SetStockVariables {
    pub input: Vec<UpdateProductVariantInput>,
}

#[derive(cynic::QueryFragment)]
#[cynic(graphql_type = "Mutation", variables = "SetStockVariables")]
pub(in crate::vendure) struct SetStock {
    #[arguments(input: $input)]
    pub update_product_variants: Vec<Option<WrittenVariant>>,
}

#[derive(cynic::QueryFragment)]
#[cynic(graphql_type = "ProductVariant")]
pub(in crate::vendure) struct WrittenVariant {
    pub id: cynic::Id,
    pub stock_levels: Vec<Level>,
}

#[derive(cynic::InputObject, Debug)]
pub(in crate::vendure) struct UpdateProductVariantInput {
    pub id: cynic::Id,
    pub stock_levels: Option<Vec<StockLevelInput>>,
}

#[derive(cynic::InputObject, Debug)]
pub(in crate::vendure) struct StockLevelInput {
    pub stock_location_id: cynic::Id,
    pub stock_on_hand: i32,
}
