//! Who a caller of our own API is in the shop, and what he may do there.

use super::schema;

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

// Changes of something that does not exist: permissions are checked before it is looked for.

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Mutation")]
pub struct ProbeUpdateStockLocation {
    #[arguments(input: { id: "0" })]
    #[expect(dead_code, reason = "asked to see whether it is allowed")]
    pub update_stock_location: ProbedStockLocation,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "StockLocation")]
pub struct ProbedStockLocation {
    #[expect(dead_code, reason = "a fragment needs a field")]
    pub id: cynic::Id,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Mutation")]
pub struct ProbeUpdateTag {
    #[arguments(input: { id: "0" })]
    #[expect(dead_code, reason = "asked to see whether it is allowed")]
    pub update_tag: ProbedTag,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Tag")]
pub struct ProbedTag {
    #[expect(dead_code, reason = "a fragment needs a field")]
    pub id: cynic::Id,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Mutation")]
pub struct ProbeUpdateTaxCategory {
    #[arguments(input: { id: "0" })]
    #[expect(dead_code, reason = "asked to see whether it is allowed")]
    pub update_tax_category: ProbedTaxCategory,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "TaxCategory")]
pub struct ProbedTaxCategory {
    #[expect(dead_code, reason = "a fragment needs a field")]
    pub id: cynic::Id,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Mutation")]
pub struct ProbeUpdateZone {
    #[arguments(input: { id: "0" })]
    #[expect(dead_code, reason = "asked to see whether it is allowed")]
    pub update_zone: ProbedZone,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Zone")]
pub struct ProbedZone {
    #[expect(dead_code, reason = "a fragment needs a field")]
    pub id: cynic::Id,
}
