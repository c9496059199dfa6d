//! The shop's stock and fulfillments, seen and made by its staff.

use serde_json::{Value, json};

use super::{PaidOrder, admin::text, shop::Shop};

/// The stock of a variant at the channel's location.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    pub on_hand: i64,
    pub allocated: i64,
}

impl Level {
    pub const fn sellable(self) -> i64 {
        self.on_hand - self.allocated
    }
}

/// A fulfillment, as the shop tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipped {
    pub state: String,
    pub method: String,
    pub tracking: String,
    /// Units of each line, in the order of the lines' ids.
    pub units: Vec<u64>,
}

impl Shop {
    /// The stock of a SKU.
    pub async fn level(&self, sku: &str) -> Level {
        let variant = &self.variants[sku];
        let told = self
            .admin
            .run(
                "query ($id: ID!) { productVariant(id: $id) { stockLevels { stockLocationId stockOnHand stockAllocated } } }",
                &json!({ "id": variant }),
            )
            .await;
        let levels = told["productVariant"]["stockLevels"].as_array().unwrap();
        let mut ours = levels
            .iter()
            .filter(|level| level["stockLocationId"] == *self.location);
        ours.next().map_or(
            Level {
                on_hand: 0,
                allocated: 0,
            },
            |level| Level {
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

    /// Makes `count` more products of one variant each, with SKUs `{prefix}{n}` from 0.
    pub async fn add_variants(&mut self, prefix: &str, count: u32) {
        let products: String = (0..count)
            .map(|at| {
                let slug = format!("{prefix}{at}-{}", self.channel_token).to_lowercase();
                format!("p{at}: createProduct(input: {{ enabled: true, translations: [{{ languageCode: en, name: \"{prefix}{at}\", slug: \"{slug}\", description: \"\" }}] }}) {{ id }}\n")
            })
            .collect();
        let document = format!("mutation {{ {products} }}");
        let made = self.admin.run(&document, &json!({})).await;
        let inputs: Vec<Value> = (0..count)
            .map(|at| {
                json!({
                    "productId": made[format!("p{at}")]["id"], "sku": format!("{prefix}{at}"),
                    "price": 100, "trackInventory": "TRUE",
                    "stockLevels": [{ "stockLocationId": self.location, "stockOnHand": 0 }],
                    "translations": [{ "languageCode": "en", "name": format!("{prefix}{at}") }],
                })
            })
            .collect();
        let made = self
            .admin
            .run(
                "mutation ($inputs: [CreateProductVariantInput!]!) { createProductVariants(input: $inputs) { id sku } }",
                &json!({ "inputs": inputs }),
            )
            .await;
        for variant in made["createProductVariants"].as_array().unwrap() {
            self.variants
                .insert(text(&variant["sku"]), text(&variant["id"]));
        }
    }

    /// Fulfills lines by hand: `(index of the line, units)`. Returns the fulfillment's id.
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
        let made = self
            .admin
            .run(
                "mutation ($input: FulfillOrderInput!) { addFulfillmentToOrder(input: $input) {
                    __typename ... on Fulfillment { id } ... on ErrorResult { errorCode message } } }",
                &json!({ "input": input }),
            )
            .await;
        text(&made["addFulfillmentToOrder"]["id"])
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

    /// An order's state, fulfillments in the order of their ids, and custom fields.
    pub async fn shipped(&self, order: &PaidOrder) -> (String, Vec<Shipped>, Value) {
        let told = self
            .admin
            .run(
                "query ($id: ID!) { order(id: $id) { state
                    customFields { trackingCode carrier shipDate }
                    fulfillments { id state method trackingCode lines { orderLineId quantity } } } }",
                &json!({ "id": order.id }),
            )
            .await;
        let mut told = told["order"].clone();
        let number = |id: &Value| text(id).parse::<u64>().unwrap();
        let mut fulfillments = told["fulfillments"].as_array().cloned().unwrap_or_default();
        fulfillments.sort_by_key(|f| number(&f["id"]));
        let fulfillments = fulfillments.iter().map(|f| {
            let mut lines = f["lines"].as_array().unwrap().clone();
            lines.sort_by_key(|line| number(&line["orderLineId"]));
            Shipped {
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
            text(&told["state"]),
            fulfillments,
            told["customFields"].take(),
        )
    }
}
