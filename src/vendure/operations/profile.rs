//! Operations that read the channel and its stock locations, and probe reads.

use super::{Channel, OrderCount, schema};

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Query")]
pub struct Shop {
    pub active_channel: Channel,
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
    pub orders: OrderCount,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Query")]
pub struct ProbeVariants {
    #[arguments(options: { take: 1 })]
    pub product_variants: VariantCount,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "ProductVariantList")]
pub struct VariantCount {
    pub total_items: i32,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Order")]
pub struct OrderId {
    pub id: cynic::Id,
}
