//! The channel and its stock locations, and the probes of the login's permissions.

use super::{OrderCount, ProductVariant, schema};

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Query")]
pub struct Shop {
    pub active_channel: Channel,
}

#[derive(cynic::QueryFragment, Debug)]
pub struct Channel {
    pub code: String,
    pub token: String,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Query")]
pub struct Locations {
    #[arguments(options: { take: 100 })]
    pub stock_locations: StockLocationList,
}

#[derive(cynic::QueryFragment, Debug)]
pub struct StockLocationList {
    pub items: Vec<StockLocation>,
}

#[derive(cynic::QueryFragment, Debug)]
pub struct StockLocation {
    pub id: cynic::Id,
    pub name: String,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Query")]
pub struct ProbeOrders {
    #[arguments(options: { take: 1 })]
    #[expect(dead_code, reason = "asked to see whether it is allowed")]
    pub orders: OrderCount,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Query")]
pub struct ProbeVariants {
    #[arguments(options: { take: 1 })]
    #[expect(dead_code, reason = "asked to see whether it is allowed")]
    pub product_variants: VariantCount,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "ProductVariantList")]
pub struct VariantCount {
    #[expect(dead_code, reason = "a fragment needs a field")]
    pub total_items: i32,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Mutation")]
pub struct ProbeUpdateVariants {
    // No variant has the id 0, and Vendure checks permissions before it looks for one. An empty
    // list would be as harmless, but makes the shop start a job.
    #[arguments(input: [{ id: "0" }])]
    #[expect(dead_code, reason = "asked to see whether it is allowed")]
    pub update_product_variants: Vec<Option<ProductVariant>>,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Mutation")]
pub struct ProbeUpdateOrder {
    // No order has the id 0, and Vendure checks permissions before it looks for one.
    #[arguments(input: { id: "0", note: "veracore-sync asks whether it may write", isPublic: false })]
    #[expect(dead_code, reason = "asked to see whether it is allowed")]
    pub add_note_to_order: OrderId,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Order")]
pub struct OrderId {
    pub id: cynic::Id,
}
