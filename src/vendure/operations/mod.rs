//! The operations on the Admin API and the shapes of their answers, checked against
//! `schema.graphql` when compiled. Nothing here leaves this client. Orders and the shop itself are
//! here, stock and fulfillments in files of their own.

pub(super) mod fulfillments;
pub(super) mod stock;

#[cynic::schema("vendure")]
pub(super) mod schema {}

#[derive(cynic::Scalar, Debug, Clone)]
pub(super) struct DateTime(pub String);

#[derive(cynic::Scalar, Debug, Clone)]
pub(super) struct CurrencyCode(pub String);

/// An integer in the shop's smallest unit of money.
#[derive(cynic::Scalar, Debug, Clone, Copy)]
pub(super) struct Money(pub i64);

#[derive(cynic::Enum, Debug, Clone, Copy)]
#[cynic(graphql_type = "SortOrder")]
pub(super) enum SortOrder {
    #[cynic(rename = "ASC")]
    Asc,
    #[cynic(rename = "DESC")]
    Desc,
}

// Logging in.

#[derive(cynic::QueryVariables)]
pub(super) struct LoginVariables {
    pub username: String,
    pub password: String,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Mutation", variables = "LoginVariables")]
pub(super) struct Login {
    #[arguments(username: $username, password: $password, rememberMe: false)]
    pub login: LoginResult,
}

#[derive(cynic::InlineFragments, Debug)]
#[cynic(graphql_type = "NativeAuthenticationResult")]
pub(super) enum LoginResult {
    CurrentUser(#[expect(dead_code, reason = "a fragment needs a field")] CurrentUser),
    InvalidCredentialsError(InvalidCredentialsError),
    NativeAuthStrategyError(NativeAuthStrategyError),
    #[cynic(fallback)]
    Other,
}

#[derive(cynic::QueryFragment, Debug)]
pub(super) struct CurrentUser {
    #[expect(dead_code, reason = "a fragment needs a field")]
    pub id: cynic::Id,
}

#[derive(cynic::QueryFragment, Debug)]
pub(super) struct InvalidCredentialsError {
    pub message: String,
}

#[derive(cynic::QueryFragment, Debug)]
pub(super) struct NativeAuthStrategyError {
    pub message: String,
}

// Lists of orders.

#[derive(cynic::QueryVariables)]
pub(super) struct OrdersVariables {
    pub options: OrderListOptions,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Query", variables = "OrdersVariables")]
pub(super) struct Orders {
    #[expect(dead_code, reason = "read by the channel check, before this is")]
    pub active_channel: ChannelToken,
    #[arguments(options: $options)]
    #[expect(dead_code, reason = "read item by item instead")]
    pub orders: OrderList,
}

#[derive(cynic::QueryVariables)]
pub(super) struct NewestVariables {
    pub options: OrderListOptions,
    pub all: OrderListOptions,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Query", variables = "NewestVariables")]
pub(super) struct Newest {
    #[expect(dead_code, reason = "read by the channel check, before this is")]
    pub active_channel: ChannelToken,
    #[arguments(options: $options)]
    #[expect(dead_code, reason = "read item by item instead")]
    pub orders: OrderList,
    #[arguments(options: $all)]
    #[cynic(rename = "orders", alias)]
    #[expect(dead_code, reason = "read with the list")]
    pub all: OrderCount,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Channel")]
pub(super) struct ChannelToken {
    #[expect(dead_code, reason = "read by the channel check")]
    pub code: String,
    #[expect(dead_code, reason = "read by the channel check")]
    pub token: String,
}

#[derive(cynic::QueryFragment, Debug)]
pub(super) struct OrderList {
    #[expect(dead_code, reason = "read item by item instead")]
    pub total_items: i32,
    #[expect(dead_code, reason = "read item by item instead")]
    pub items: Vec<OrderItem>,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Order")]
pub(super) struct OrderItem {
    pub id: cynic::Id,
    pub code: String,
    pub state: String,
    pub created_at: DateTime,
    pub order_placed_at: Option<DateTime>,
}

#[derive(cynic::InputObject, Debug, Default)]
pub(super) struct OrderListOptions {
    pub take: Option<i32>,
    pub skip: Option<i32>,
    pub sort: Option<OrderSortParameter>,
    pub filter: Option<OrderFilterParameter>,
}

#[derive(cynic::InputObject, Debug, Default)]
pub(super) struct OrderSortParameter {
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<SortOrder>,
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub order_placed_at: Option<SortOrder>,
    /// Makes the order of equals the same on every page. Not the id: Vendure sorts by the keys in
    /// the order of its schema, where the id stands before the dates and the code behind them.
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub code: Option<SortOrder>,
}

#[derive(cynic::InputObject, Debug, Default)]
pub(super) struct OrderFilterParameter {
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub id: Option<IdOperators>,
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub state: Option<StringOperators>,
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<DateOperators>,
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub order_placed_at: Option<DateOperators>,
}

#[derive(cynic::InputObject, Debug, Default)]
#[cynic(graphql_type = "IDOperators")]
pub(super) struct IdOperators {
    #[cynic(rename = "in", skip_serializing_if = "Option::is_none")]
    pub any_of: Option<Vec<String>>,
}

#[derive(cynic::InputObject, Debug, Default)]
pub(super) struct StringOperators {
    #[cynic(rename = "in", skip_serializing_if = "Option::is_none")]
    pub any_of: Option<Vec<String>>,
}

#[derive(cynic::InputObject, Debug, Default)]
pub(super) struct DateOperators {
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub after: Option<DateTime>,
    #[cynic(skip_serializing_if = "Option::is_none")]
    pub is_null: Option<bool>,
}

// One order.

#[derive(cynic::QueryVariables)]
pub(super) struct OrderVariables {
    pub id: cynic::Id,
}

#[derive(cynic::QueryFragment)]
#[cynic(graphql_type = "Query", variables = "OrderVariables")]
pub(super) struct OrderQuery {
    #[expect(dead_code, reason = "read by the channel check, before this is")]
    pub active_channel: ChannelToken,
    pub global_settings: GlobalSettings,
    #[arguments(id: $id)]
    pub order: Option<Order>,
}

#[derive(cynic::QueryFragment, Debug)]
pub(super) struct GlobalSettings {
    pub server_config: ServerConfig,
}

#[derive(cynic::QueryFragment, Debug)]
pub(super) struct ServerConfig {
    pub money_strategy_precision: i32,
}

#[derive(cynic::QueryFragment)]
pub(super) struct Order {
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
pub(super) struct Customer {
    pub first_name: String,
    pub last_name: String,
    pub email_address: String,
    pub phone_number: Option<String>,
}

#[derive(cynic::QueryFragment)]
pub(super) struct OrderAddress {
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
pub(super) struct ShippingLine {
    pub shipping_method: ShippingMethod,
}

#[derive(cynic::QueryFragment, Debug)]
pub(super) struct ShippingMethod {
    pub code: String,
}

#[derive(cynic::QueryFragment, Debug)]
pub(super) struct OrderLine {
    pub id: cynic::Id,
    pub quantity: i32,
    pub prorated_unit_price: Money,
    pub prorated_unit_price_with_tax: Money,
    pub product_variant: ProductVariant,
}

#[derive(cynic::QueryFragment, Debug)]
pub(super) struct ProductVariant {
    pub sku: String,
}

// What the shop looks like, and what we may do there.

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Query")]
pub(super) struct Shop {
    pub active_channel: Channel,
}

#[derive(cynic::QueryFragment, Debug)]
pub(super) struct Channel {
    pub code: String,
    pub token: String,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Query")]
pub(super) struct Locations {
    #[arguments(options: { take: 100 })]
    pub stock_locations: StockLocationList,
}

#[derive(cynic::QueryFragment, Debug)]
pub(super) struct StockLocationList {
    pub items: Vec<StockLocation>,
}

#[derive(cynic::QueryFragment, Debug)]
pub(super) struct StockLocation {
    pub id: cynic::Id,
    pub name: String,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Query")]
pub(super) struct ProbeOrders {
    #[arguments(options: { take: 1 })]
    #[expect(dead_code, reason = "asked to see whether it is allowed")]
    pub orders: OrderCount,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "OrderList")]
pub(super) struct OrderCount {
    #[expect(dead_code, reason = "a fragment needs a field")]
    pub total_items: i32,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Query")]
pub(super) struct ProbeVariants {
    #[arguments(options: { take: 1 })]
    #[expect(dead_code, reason = "asked to see whether it is allowed")]
    pub product_variants: VariantCount,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "ProductVariantList")]
pub(super) struct VariantCount {
    #[expect(dead_code, reason = "a fragment needs a field")]
    pub total_items: i32,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Mutation")]
pub(super) struct ProbeUpdateVariants {
    // There is no variant 0; permissions are checked before it is looked for. An empty list would be
    // no less harmless, but has the shop start a job.
    #[arguments(input: [{ id: "0" }])]
    #[expect(dead_code, reason = "asked to see whether it is allowed")]
    pub update_product_variants: Vec<Option<ProductVariant>>,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Mutation")]
pub(super) struct ProbeUpdateOrder {
    // There is no order 0; permissions are checked before it is looked for.
    #[arguments(input: { id: "0", note: "veracore-sync asks whether it may write", isPublic: false })]
    #[expect(dead_code, reason = "asked to see whether it is allowed")]
    pub add_note_to_order: OrderId,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Order")]
pub(super) struct OrderId {
    #[expect(dead_code, reason = "a fragment needs a field")]
    pub id: cynic::Id,
}
