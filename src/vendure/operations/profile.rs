//! What the shop looks like, and what we may do there.

use super::{ProductVariant, schema};

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
#[cynic(graphql_type = "OrderList")]
pub struct OrderCount {
    #[expect(dead_code, reason = "a fragment needs a field")]
    pub total_items: i32,
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
    // There is no variant 0; permissions are checked before it is looked for. An empty list would be
    // no less harmless, but has the shop start a job.
    #[arguments(input: [{ id: "0" }])]
    #[expect(dead_code, reason = "asked to see whether it is allowed")]
    pub update_product_variants: Vec<Option<ProductVariant>>,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Mutation")]
pub struct ProbeUpdateOrder {
    // There is no order 0; permissions are checked before it is looked for.
    #[arguments(input: { id: "0", note: "veracore-sync asks whether it may write", isPublic: false })]
    #[expect(dead_code, reason = "asked to see whether it is allowed")]
    pub add_note_to_order: OrderId,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Order")]
pub struct OrderId {
    pub id: cynic::Id,
}
