//! Operations that read pages of orders, and whole orders.

use super::{
    Channel, CurrencyCode, DateTime, IdOperators, Money, SortOrder, StringOperators, schema,
};

#[derive(cynic::QueryVariables)]
pub struct OrdersVariables {
    pub options: OrderListOptions,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Query", variables = "OrdersVariables")]
pub struct Orders {
    pub active_channel: Channel,
    #[arguments(options: $options)]
    pub orders: OrderList,
}

#[derive(cynic::QueryVariables)]
pub struct NewestVariables {
    pub options: OrderListOptions,
    pub all: OrderListOptions,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Query", variables = "NewestVariables")]
pub struct Newest {
    pub active_channel: Channel,
    #[arguments(options: $options)]
    pub orders: OrderList,
    #[arguments(options: $all)]
    #[cynic(rename = "orders", alias)]
    pub all: OrderCount,
}

#[derive(cynic::QueryFragment, Debug)]
pub struct OrderList {
    pub total_items: i32,
    pub items: Vec<OrderItem>,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Order")]
pub struct OrderItem {
    pub id: cynic::Id,
    pub code: String,
    pub state: String,
    pub created_at: DateTime,
    pub order_placed_at: Option<DateTime>,
}

#[derive(cynic::InputObject, Debug, Default)]
pub struct OrderListOptions {
    pub take: Option<i32>,
    pub skip: Option<i32>,
    pub sort: Option<OrderSortParameter>,
    pub filter: Option<OrderFilterParameter>,
}

#[derive(cynic::InputObject, Debug, Default)]
pub struct OrderSortParameter {
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<SortOrder>,
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<SortOrder>,
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub order_placed_at: Option<SortOrder>,
    /// Breaks ties, so that pages are stable. Not the id: Vendure sorts by the keys in the order of
    /// its schema, in which the id precedes the dates and the code follows them.
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub code: Option<SortOrder>,
}

#[derive(cynic::InputObject, Debug, Default)]
pub struct OrderFilterParameter {
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub id: Option<IdOperators>,
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub state: Option<StringOperators>,
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<DateOperators>,
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<DateOperators>,
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub order_placed_at: Option<DateOperators>,
}

#[derive(cynic::InputObject, Debug, Default)]
pub struct DateOperators {
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub after: Option<DateTime>,
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub is_null: Option<bool>,
}

#[derive(cynic::QueryFragment)]
#[cynic(graphql_type = "Query", variables = "OrdersVariables")]
pub struct WholeOrders {
    pub active_channel: Channel,
    pub global_settings: GlobalSettings,
    #[arguments(options: $options)]
    pub orders: WholeOrderList,
}

#[derive(cynic::QueryFragment)]
#[cynic(graphql_type = "OrderList")]
pub struct WholeOrderList {
    pub total_items: i32,
    pub items: Vec<Order>,
}

#[derive(cynic::QueryVariables)]
pub struct OrderVariables {
    pub id: cynic::Id,
}

#[derive(cynic::QueryFragment)]
#[cynic(graphql_type = "Query", variables = "OrderVariables")]
pub struct OrderQuery {
    pub active_channel: Channel,
    pub global_settings: GlobalSettings,
    #[arguments(id: $id)]
    pub order: Option<Order>,
}

#[derive(cynic::QueryFragment, Debug)]
pub struct GlobalSettings {
    pub server_config: ServerConfig,
}

#[derive(cynic::QueryFragment, Debug)]
pub struct ServerConfig {
    pub money_strategy_precision: i32,
}

#[derive(cynic::QueryFragment)]
pub struct Order {
    pub id: cynic::Id,
    pub code: String,
    pub state: String,
    pub created_at: DateTime,
    pub order_placed_at: Option<DateTime>,
    pub currency_code: CurrencyCode,
    pub customer: Option<Customer>,
    pub shipping_address: Option<OrderAddress>,
    pub billing_address: Option<OrderAddress>,
    pub shipping_lines: Vec<ShippingLine>,
    pub lines: Vec<OrderLine>,
}

#[derive(cynic::QueryFragment)]
pub struct Customer {
    pub first_name: String,
    pub last_name: String,
    pub email_address: String,
    pub phone_number: Option<String>,
}

#[derive(cynic::QueryFragment)]
pub struct OrderAddress {
    pub full_name: Option<String>,
    pub company: Option<String>,
    #[cynic(rename = "streetLine1")]
    pub street_line_1: Option<String>,
    #[cynic(rename = "streetLine2")]
    pub street_line_2: Option<String>,
    pub city: Option<String>,
    pub province: Option<String>,
    pub postal_code: Option<String>,
    pub country_code: Option<String>,
    pub phone_number: Option<String>,
}

#[derive(cynic::QueryFragment, Debug)]
pub struct ShippingLine {
    pub shipping_method: ShippingMethod,
}

#[derive(cynic::QueryFragment, Debug)]
pub struct ShippingMethod {
    pub code: String,
}

#[derive(cynic::QueryFragment, Debug)]
pub struct OrderLine {
    pub id: cynic::Id,
    pub quantity: i32,
    pub prorated_unit_price: Money,
    pub prorated_unit_price_with_tax: Money,
    pub product_variant: ProductVariant,
}

#[derive(cynic::QueryFragment, Debug)]
pub struct ProductVariant {
    pub sku: String,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "OrderList")]
pub struct OrderCount {
    pub total_items: i32,
}
