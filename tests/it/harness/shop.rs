//! A test's own channel in the shared shop: its administrator, products, stock location, customer
//! and shipping methods.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::PgPool;

use super::{
    admin::{AdminApi, text},
    test_env,
};

/// The permissions that the daemon needs in the shop, and no others.
pub const REQUIRED_PERMISSIONS: [&str; 4] =
    ["ReadOrder", "UpdateOrder", "ReadCatalog", "UpdateCatalog"];

/// The shop, in the test's own channel.
#[derive(Clone)]
pub struct Shop {
    pub api_url: String,
    /// The superadmin in the test's channel.
    pub admin: AdminApi,
    pub channel_token: String,
    pub username: String,
    pub password: String,
    pub role: String,
    pub customer: String,
    /// The channel's only stock location.
    pub location: String,
    /// By code.
    pub shipping: BTreeMap<String, String>,
    /// By SKU: `A-0` to `A-3`, `GIFT-CARD`, `GIFT-WRAP`.
    pub variants: BTreeMap<String, String>,
    /// Vendure's own tables.
    pub tables: PgPool,
}

/// SKUs and prices in cents; not round, so that a rounding error shows.
const PRODUCTS: [(&str, u32); 6] = [
    ("A-0", 599),
    ("A-1", 1836),
    ("A-2", 3073),
    ("A-3", 10_001),
    ("GIFT-CARD", 2500),
    ("GIFT-WRAP", 350),
];

impl Shop {
    pub(super) async fn set_up(name: &str, permissions: &[&str]) -> Self {
        let api_url = test_env("TEST_VENDURE_URL");
        let tables = PgPool::connect_lazy(&test_env("TEST_VENDURE_DATABASE_URL")).unwrap();
        let default_channel = AdminApi::log_in(&api_url, "superadmin", "superadmin").await;
        let seeded = default_channel
            .run(
                "{ zones(options: { filter: { name: { eq: \"USA\" } } }) { items { id } }
                   taxCategories(options: { filter: { name: { eq: \"Standard\" } } }) { items { id } }
                   shippingMethods(options: { take: 100, sort: { id: ASC } }) { items { id code } } }",
                &json!({}),
            )
            .await;
        let mut shipping = BTreeMap::new();
        for method in seeded["shippingMethods"]["items"].as_array().unwrap() {
            let code = text(&method["code"]);
            if ["standard-shipping", "express-shipping"].contains(&code.as_str()) {
                shipping.entry(code).or_insert_with(|| text(&method["id"]));
            }
        }
        assert_eq!(shipping.len(), 2, "the shop is seeded: {seeded}");
        let zone = &seeded["zones"]["items"][0]["id"];
        let channel_id = create_channel(&default_channel, name, zone).await;
        default_channel
            .run(
                "mutation ($channel: ID!, $methods: [ID!]!) {
                    assignShippingMethodsToChannel(input: { channelId: $channel, shippingMethodIds: $methods }) { id } }",
                &json!({ "channel": channel_id, "methods": shipping.values().collect::<Vec<_>>() }),
            )
            .await;
        let admin = default_channel.in_channel(name);
        let created = create_catalog(&admin, name, &channel_id, permissions).await;
        let category = text(&seeded["taxCategories"]["items"][0]["id"]);
        let location = text(&created["createStockLocation"]["id"]);
        let role = text(&created["createRole"]["id"]);
        let variants = create_variants(&admin, name, &created, &category, &location, &role).await;
        Self {
            api_url,
            channel_token: name.to_owned(),
            username: username(name),
            password: PASSWORD.into(),
            role,
            customer: text(&created["createCustomer"]["id"]),
            location,
            shipping,
            variants,
            tables,
            admin,
        }
    }
}

const PASSWORD: &str = "the test's own";

fn username(name: &str) -> String {
    format!("{}-admin@example.com", name.to_lowercase())
}

async fn create_channel(admin: &AdminApi, name: &str, zone: &Value) -> String {
    let input = json!({
        "code": name, "token": name, "defaultLanguageCode": "en", "pricesIncludeTax": false,
        "defaultCurrencyCode": "USD", "defaultTaxZoneId": zone, "defaultShippingZoneId": zone,
    });
    let created = admin
        .run(
            "mutation ($input: CreateChannelInput!) { createChannel(input: $input) {
                __typename ... on Channel { id } ... on ErrorResult { errorCode message } } }",
            &json!({ "input": input }),
        )
        .await;
    text(&created["createChannel"]["id"])
}

/// Creates the stock location, the customer, the role and the products.
async fn create_catalog(
    admin: &AdminApi,
    name: &str,
    channel: &str,
    permissions: &[&str],
) -> Value {
    let products: String = PRODUCTS
        .iter()
        .enumerate()
        .map(|(at, (sku, _))| {
            let slug = format!("{sku}-{name}").to_lowercase();
            format!("p{at}: createProduct(input: {{ enabled: true, translations: [{{ languageCode: en, name: \"{sku}\", slug: \"{slug}\", description: \"\" }}] }}) {{ id }}\n")
        })
        .collect();
    let document = format!(
        "mutation ($location: CreateStockLocationInput!, $customer: CreateCustomerInput!, $role: CreateRoleInput!) {{
            createStockLocation(input: $location) {{ id }}
            createCustomer(input: $customer) {{ __typename ... on Customer {{ id }} ... on ErrorResult {{ errorCode message }} }}
            createRole(input: $role) {{ id }}
            {products}
        }}"
    );
    let variables = json!({
        "location": { "name": "Reno" },
        "customer": {
            "firstName": "Ann", "lastName": "Lee", "phoneNumber": "+1 775 555 0100",
            "emailAddress": format!("{}@example.com", name.to_lowercase()),
        },
        "role": {
            "code": format!("role-{name}"), "description": "sync", "permissions": permissions,
            "channelIds": [channel],
        },
    });
    admin.run(&document, &variables).await
}

/// Creates the variants, with plenty of stock, and the channel's administrator.
async fn create_variants(
    admin: &AdminApi,
    name: &str,
    created: &Value,
    category: &str,
    location: &str,
    role: &str,
) -> BTreeMap<String, String> {
    let variants: Vec<Value> = PRODUCTS
        .iter()
        .enumerate()
        .map(|(at, (sku, price))| {
            json!({
                "productId": created[format!("p{at}")]["id"], "sku": sku, "price": price,
                "taxCategoryId": category, "trackInventory": "TRUE",
                "stockLevels": [{ "stockLocationId": location, "stockOnHand": 100_000 }],
                "translations": [{ "languageCode": "en", "name": sku }],
            })
        })
        .collect();
    let account = json!({
        "firstName": "Sync", "lastName": "Robot", "emailAddress": username(name),
        "password": PASSWORD, "roleIds": [role],
    });
    let created = admin
        .run(
            "mutation ($variants: [CreateProductVariantInput!]!, $admin: CreateAdministratorInput!) {
                createProductVariants(input: $variants) { id sku }
                createAdministrator(input: $admin) { id } }",
            &json!({ "variants": variants, "admin": account }),
        )
        .await;
    let variants = created["createProductVariants"].as_array().unwrap();
    variants
        .iter()
        .map(|variant| (text(&variant["sku"]), text(&variant["id"])))
        .collect()
}
