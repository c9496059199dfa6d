//! Creates paid orders through the Admin API.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::JoinSet};

use super::{admin::text, shop::Shop};

/// An order that was placed and paid.
#[derive(Debug, Clone)]
pub struct PaidOrder {
    pub id: String,
    pub code: String,
    pub lines: Vec<PaidLine>,
    pub payment: String,
}

#[derive(Debug, Clone)]
pub struct PaidLine {
    pub id: String,
    pub quantity: u64,
}

/// The content of an order to place.
#[derive(Debug, Clone)]
pub struct Cart {
    pub lines: Vec<(String, u32)>,
    pub shipping: String,
    pub address: Value,
}

impl Cart {
    pub fn of(lines: &[(&str, u32)]) -> Self {
        Self {
            lines: lines
                .iter()
                .map(|(sku, n)| ((*sku).to_owned(), *n))
                .collect(),
            shipping: "standard-shipping".into(),
            address: ann(),
        }
    }

    /// A cart that differs from those with other indices in lines, quantities, shipping and address.
    pub fn varied(at: u32) -> Self {
        let count = 1 + at % 3;
        let mut lines: Vec<(String, u32)> = (0..count)
            .map(|line| {
                (
                    format!("A-{}", (at + line) % 4),
                    1 + (at * 7 + line * 3) % 5,
                )
            })
            .collect();
        // Sorted, because Vendure locks the stock of one line after the other: carts with opposite
        // orders would deadlock.
        lines.sort();
        let mut cart = Self {
            lines,
            ..Self::of(&[])
        };
        if at % 2 == 1 {
            cart.shipping = "express-shipping".into();
        }
        match at % 4 {
            1 => cart.address["company"] = json!("Zoë & Søn, “Ltd”"),
            2 => cart.address["streetLine2"] = json!(""),
            3 => cart.address["fullName"] = json!("Mary Jane von Ö"),
            _ => {}
        }
        cart
    }

    pub fn by(mut self, shipping: &str) -> Self {
        shipping.clone_into(&mut self.shipping);
        self
    }

    pub fn to(mut self, address: Value) -> Self {
        self.address = address;
        self
    }
}

/// Ann's address.
pub fn ann() -> Value {
    json!({
        "fullName": "Ann Lee", "company": "", "streetLine1": "12 Desert Way",
        "streetLine2": "Apt 3", "city": "Reno", "province": "NV", "postalCode": "89501",
        "countryCode": "US", "phoneNumber": "+1 775 555 0100"
    })
}

/// Orders placed concurrently. The shop's process has one thread, but its database has more.
const CONCURRENCY: usize = 4;

impl Shop {
    /// Places an order and pays it.
    pub async fn pay(&self, cart: &Cart) -> PaidOrder {
        let draft = self
            .admin
            .run("mutation { createDraftOrder { id code } }", &json!({}))
            .await;
        let id = text(&draft["createDraftOrder"]["id"]);
        let items: String = cart
            .lines
            .iter()
            .enumerate()
            .map(|(at, (sku, quantity))| {
                let variant = &self.variants[sku];
                format!(
                    "l{at}: addItemToDraftOrder(orderId: $o, input: {{ productVariantId: \"{variant}\", quantity: {quantity} }}) {{ __typename ... on ErrorResult {{ errorCode message }} }}\n"
                )
            })
            .collect();
        let document = format!(
            "mutation ($o: ID!, $c: ID!, $a: CreateAddressInput!, $s: ID!) {{
                {items}
                setCustomerForDraftOrder(orderId: $o, customerId: $c) {{ __typename ... on ErrorResult {{ errorCode message }} }}
                setDraftOrderShippingAddress(orderId: $o, input: $a) {{ id }}
                setDraftOrderBillingAddress(orderId: $o, input: $a) {{ id }}
                setDraftOrderShippingMethod(orderId: $o, shippingMethodId: $s) {{ __typename ... on ErrorResult {{ errorCode message }} }}
                transitionOrderToState(id: $o, state: \"ArrangingPayment\") {{ __typename ... on ErrorResult {{ errorCode message }} }}
                addManualPaymentToOrder(input: {{ orderId: $o, method: \"dummy\", transactionId: \"t\", metadata: {{}} }}) {{
                    __typename
                    ... on Order {{ id code state payments {{ id }} lines {{ id quantity }} }}
                    ... on ErrorResult {{ errorCode message }}
                }}
            }}"
        );
        let variables = json!({
            "o": id, "c": self.customer, "a": cart.address, "s": self.shipping[&cart.shipping],
        });
        let done = self.admin.run(&document, &variables).await;
        let order = &done["addManualPaymentToOrder"];
        assert_eq!(order["state"], "PaymentSettled", "{order}");
        let lines = order["lines"].as_array().unwrap();
        PaidOrder {
            id: text(&order["id"]),
            code: text(&order["code"]),
            payment: text(&order["payments"][0]["id"]),
            lines: lines
                .iter()
                .map(|line| PaidLine {
                    id: text(&line["id"]),
                    quantity: line["quantity"].as_u64().unwrap(),
                })
                .collect(),
        }
    }

    /// Places and pays orders concurrently; returns them in the order of the carts.
    pub async fn pay_all(&self, carts: Vec<Cart>) -> Vec<PaidOrder> {
        let slots = Arc::new(Semaphore::new(CONCURRENCY));
        let mut paying = JoinSet::new();
        for (at, cart) in carts.into_iter().enumerate() {
            let (shop, slots) = (self.clone(), Arc::clone(&slots));
            paying.spawn(async move {
                let _slot = slots.acquire().await.unwrap();
                (at, shop.pay(&cart).await)
            });
        }
        let mut paid = paying.join_all().await;
        paid.sort_by_key(|(at, _)| *at);
        paid.into_iter().map(|(_, order)| order).collect()
    }
}
