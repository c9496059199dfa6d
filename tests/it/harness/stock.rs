//! Reads and changes the shop's stock and fulfillments.

use serde_json::{Value, json};

use super::{PaidOrder, admin::text, shop::Shop};

/// The stock of a variant at the channel's location.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShopStock {
    pub on_hand: i64,
    pub allocated: i64,
}

impl ShopStock {
    pub const fn sellable(self) -> i64 {
        self.on_hand - self.allocated
    }
}

/// A fulfillment in the shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShopFulfillment {
    pub state: String,
    pub method: String,
    pub tracking: String,
    /// Units of each line, in the order of the lines' ids.
    pub units: Vec<u64>,
}

impl Shop {
    /// The stock of a SKU at the channel's location.
    pub async fn level(&self, sku: &str) -> ShopStock {
        let variant = &self.variants[sku];
        let data = self
            .admin
            .run(
                "query ($id: ID!) { productVariant(id: $id) { stockLevels { stockLocationId stockOnHand stockAllocated } } }",
                &json!({ "id": variant }),
            )
            .await;
        let levels = data["productVariant"]["stockLevels"].as_array().unwrap();
        let mut ours = levels
            .iter()
            .filter(|level| level["stockLocationId"] == *self.location);
        ours.next().map_or(
            ShopStock {
                on_hand: 0,
                allocated: 0,
            },
            |level| ShopStock {
                on_hand: level["stockOnHand"].as_i64().unwrap(),
                allocated: level["stockAllocated"].as_i64().unwrap(),
            },
        )
    }

    /// `updateProductVariants` with any input.
    pub async fn change_variants(&self, input: &Value) {
        self.admin
            .run(
                "mutation ($input: [UpdateProductVariantInput!]!) { updateProductVariants(input: $input) { id } }",
                &json!({ "input": input }),
            )
            .await;
    }

    /// Creates `count` products of one variant each, with SKUs `{prefix}{n}` from 0.
    pub async fn add_variants(&mut self, prefix: &str, count: u32) {
        let products: String = (0..count)
            .map(|at| {
                let slug = format!("{prefix}{at}-{}", self.channel_token).to_lowercase();
                format!("p{at}: createProduct(input: {{ enabled: true, translations: [{{ languageCode: en, name: \"{prefix}{at}\", slug: \"{slug}\", description: \"\" }}] }}) {{ id }}\n")
            })
            .collect();
        let document = format!("mutation {{ {products} }}");
        let created = self.admin.run(&document, &json!({})).await;
        let inputs: Vec<Value> = (0..count)
            .map(|at| {
                json!({
                    "productId": created[format!("p{at}")]["id"], "sku": format!("{prefix}{at}"),
                    "price": 100, "trackInventory": "TRUE",
                    "stockLevels": [{ "stockLocationId": self.location, "stockOnHand": 0 }],
                    "translations": [{ "languageCode": "en", "name": format!("{prefix}{at}") }],
                })
            })
            .collect();
        let created = self
            .admin
            .run(
                "mutation ($inputs: [CreateProductVariantInput!]!) { createProductVariants(input: $inputs) { id sku } }",
                &json!({ "inputs": inputs }),
            )
            .await;
        for variant in created["createProductVariants"].as_array().unwrap() {
            self.variants
                .insert(text(&variant["sku"]), text(&variant["id"]));
        }
    }

    /// Creates a manual fulfillment of lines `(index, units)`. Returns its id.
    pub async fn fulfill(
        &self,
        order: &PaidOrder,
        lines: &[(usize, u64)],
        tracking: &str,
    ) -> String {
        let lines: Vec<Value> = lines
            .iter()
            .map(|(at, units)| json!({ "orderLineId": order.lines[*at].id, "quantity": units }))
            .collect();
        let input = json!({ "lines": lines, "handler": { "code": "manual-fulfillment", "arguments": [
            { "name": "method", "value": "by hand" }, { "name": "trackingCode", "value": tracking },
        ] } });
        let created = self
            .admin
            .run(
                "mutation ($input: FulfillOrderInput!) { addFulfillmentToOrder(input: $input) {
                    __typename ... on Fulfillment { id } ... on ErrorResult { errorCode message } } }",
                &json!({ "input": input }),
            )
            .await;
        text(&created["addFulfillmentToOrder"]["id"])
    }

    pub async fn move_fulfillment(&self, id: &str, state: &str) {
        self.admin
            .run(
                "mutation ($id: ID!, $state: String!) { transitionFulfillmentToState(id: $id, state: $state) {
                    __typename ... on ErrorResult { errorCode message } } }",
                &json!({ "id": id, "state": state }),
            )
            .await;
    }

    /// An order's state, fulfillments by ascending id, and custom fields.
    pub async fn fulfillment_state(
        &self,
        order: &PaidOrder,
    ) -> (String, Vec<ShopFulfillment>, Value) {
        let data = self
            .admin
            .run(
                "query ($id: ID!) { order(id: $id) { state
                    customFields { trackingCode carrier shipDate }
                    fulfillments { id state method trackingCode lines { orderLineId quantity } } } }",
                &json!({ "id": order.id }),
            )
            .await;
        let mut found = data["order"].clone();
        let number = |id: &Value| text(id).parse::<u64>().unwrap();
        let mut fulfillments = found["fulfillments"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        fulfillments.sort_by_key(|f| number(&f["id"]));
        let fulfillments = fulfillments.iter().map(|f| {
            let mut lines = f["lines"].as_array().unwrap().clone();
            lines.sort_by_key(|line| number(&line["orderLineId"]));
            ShopFulfillment {
                state: text(&f["state"]),
                method: text(&f["method"]),
                tracking: f["trackingCode"].as_str().unwrap_or("").to_owned(),
                units: lines
                    .iter()
                    .map(|line| line["quantity"].as_u64().unwrap())
                    .collect(),
            }
        });
        let fulfillments = fulfillments.collect();
        (
            text(&found["state"]),
            fulfillments,
            found["customFields"].take(),
        )
    }
}
