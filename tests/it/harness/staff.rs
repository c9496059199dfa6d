//! Reads and changes orders in the shop: through the Admin API, and directly in Vendure's tables for
//! old dates, expired sessions and inconsistent data.

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::{
    admin::{AdminApi, text},
    cart::PaidOrder,
    shop::Shop,
};

impl Shop {
    /// Cancels a whole order.
    pub async fn cancel(&self, order: &PaidOrder) {
        self.cancel_input(json!({ "orderId": order.id, "reason": "test", "cancelShipping": true }))
            .await;
    }

    /// Cancels all of one line.
    pub async fn cancel_line(&self, order: &PaidOrder, at: usize) {
        let line = &order.lines[at];
        let lines = json!([{ "orderLineId": line.id, "quantity": line.quantity }]);
        self.cancel_input(json!({ "orderId": order.id, "lines": lines }))
            .await;
    }

    async fn cancel_input(&self, input: Value) {
        self.admin
            .run(
                "mutation ($input: CancelOrderInput!) { cancelOrder(input: $input) {
                    __typename ... on ErrorResult { errorCode message } } }",
                &json!({ "input": input }),
            )
            .await;
    }

    /// Cancels a fulfillment.
    pub async fn cancel_fulfillment(&self, id: &str) {
        self.admin
            .run(
                "mutation ($id: ID!) { transitionFulfillmentToState(id: $id, state: \"Cancelled\") {
                    __typename ... on ErrorResult { errorCode message } } }",
                &json!({ "id": id }),
            )
            .await;
    }

    /// Moves an order to another state.
    pub async fn transition(&self, order: &PaidOrder, state: &str) {
        self.admin
            .run(
                "mutation ($id: ID!, $state: String!) { transitionOrderToState(id: $id, state: $state) {
                    __typename ... on ErrorResult { errorCode message } } }",
                &json!({ "id": order.id, "state": state }),
            )
            .await;
    }

    /// Edits an order in the state Modifying; `change` is added to the input.
    pub async fn modify(&self, order: &PaidOrder, change: &Value) {
        let mut input = json!({
            "dryRun": false, "orderId": order.id,
            "refund": { "paymentId": order.payment, "reason": "test" },
        });
        let fields = input.as_object_mut().unwrap();
        fields.extend(change.as_object().unwrap().clone());
        self.admin
            .run(
                "mutation ($input: ModifyOrderInput!) { modifyOrder(input: $input) {
                    __typename ... on ErrorResult { errorCode message } } }",
                &json!({ "input": input }),
            )
            .await;
    }

    /// Adds a stock location to the channel.
    pub async fn add_stock_location(&self, name: &str) {
        self.admin
            .run(
                "mutation ($input: CreateStockLocationInput!) { createStockLocation(input: $input) { id } }",
                &json!({ "input": { "name": name } }),
            )
            .await;
    }

    /// A role in the test's channel, or in another one.
    pub async fn make_role(&self, code: &str, permissions: &[&str], channel: &str) -> String {
        let input = json!({
            "code": format!("{code}-{}", self.channel_token), "description": code,
            "permissions": permissions, "channelIds": [channel],
        });
        let made = self
            .admin
            .run(
                "mutation ($input: CreateRoleInput!) { createRole(input: $input) { id } }",
                &json!({ "input": input }),
            )
            .await;
        text(&made["createRole"]["id"])
    }

    /// By what name such an administrator logs in.
    pub fn login_of(&self, name: &str) -> String {
        format!("{name}-{}@example.com", self.channel_token.to_lowercase())
    }

    /// A session of a new administrator with this role.
    pub async fn session_of_role(&self, name: &str, role: &str) -> String {
        let login = self.login_of(name);
        let input = json!({
            "firstName": "A", "lastName": name, "emailAddress": login, "password": "pass word",
            "roleIds": [role],
        });
        self.admin
            .run(
                "mutation ($input: CreateAdministratorInput!) { createAdministrator(input: $input) { id } }",
                &json!({ "input": input }),
            )
            .await;
        let session = AdminApi::log_in(&self.api_url, &login, "pass word").await;
        session.token().to_owned()
    }

    /// The id of the test's channel, and of the default one.
    pub async fn channels(&self) -> (String, String) {
        let data = self
            .admin
            .run(
                "{ activeChannel { id defaultLanguageCode } channels(options: { filter: { code: { eq: \"__default_channel__\" } } }) { items { id } } }",
                &json!({}),
            )
            .await;
        (
            text(&data["activeChannel"]["id"]),
            text(&data["channels"]["items"][0]["id"]),
        )
    }

    /// Gives the daemon's role these permissions and no others.
    pub async fn allow(&self, permissions: &[&str]) {
        self.admin
            .run(
                "mutation ($input: UpdateRoleInput!) { updateRole(input: $input) { id } }",
                &json!({ "input": { "id": self.role, "permissions": permissions } }),
            )
            .await;
    }

    /// An API key with the daemon's role.
    pub async fn make_api_key(&self) -> String {
        self.make_api_key_of(&self.role).await
    }

    /// An API key with a role.
    pub async fn make_api_key_of(&self, role: &str) -> String {
        let translations = json!([{ "languageCode": "en", "name": "sync" }]);
        let made = self
            .admin
            .run(
                "mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { apiKey } }",
                &json!({ "input": { "roleIds": [role], "translations": translations } }),
            )
            .await;
        text(&made["createApiKey"]["apiKey"])
    }

    /// The notes on an order, oldest first; they must be private.
    pub async fn notes(&self, order: &PaidOrder) -> Vec<String> {
        let data = self
            .admin
            .run(
                "query ($id: ID!) { order(id: $id) { history(options: { sort: { createdAt: ASC } }) {
                    items { type isPublic data } } } }",
                &json!({ "id": order.id }),
            )
            .await;
        let items = data["order"]["history"]["items"].as_array().unwrap();
        let notes = items.iter().filter(|item| item["type"] == "ORDER_NOTE");
        notes
            .inspect(|item| assert_eq!(item["isPublic"], false, "{item}"))
            .map(|item| text(&item["data"]["note"]))
            .collect()
    }

    /// The fields of an order that veracore-sync reads or could change.
    pub async fn order_details(&self, id: &str) -> Value {
        const ADDRESS: &str = "{ fullName company streetLine1 streetLine2 city province postalCode countryCode phoneNumber }";
        let document = format!(
            "query ($id: ID!) {{ order(id: $id) {{
                id code state createdAt updatedAt orderPlacedAt currencyCode
                customer {{ firstName lastName emailAddress phoneNumber }}
                shippingAddress {ADDRESS} billingAddress {ADDRESS}
                shippingLines {{ shippingMethod {{ code }} }}
                lines {{ id quantity proratedUnitPrice proratedUnitPriceWithTax productVariant {{ sku }} }}
                fulfillments {{ id }} history {{ totalItems }} }} }}"
        );
        let mut answer = self.admin.run(&document, &json!({ "id": id })).await;
        answer["order"].take()
    }

    /// Moves all dates of an order years back.
    pub async fn make_old(&self, order: &PaidOrder, placed_at: &str) {
        self.sql(&format!(
            "update \"order\" set \"updatedAt\" = '2019-03-04 05:06:07.123456',
                \"createdAt\" = '2019-03-04 05:06:07.123456', \"orderPlacedAt\" = {placed_at}
             where id = {}",
            order.id
        ))
        .await;
    }

    /// Ends every session of the channel's administrator. Returns their number.
    pub async fn expire_sessions(&self) -> u64 {
        self.sql(&format!(
            "delete from session where \"userId\" in
                (select id from \"user\" where identifier = '{}')",
            self.username
        ))
        .await
    }

    /// Runs a statement on Vendure's tables. Returns the number of changed rows.
    pub async fn sql(&self, statement: &str) -> u64 {
        sqlx::query(AssertSqlSafe(statement))
            .execute(&self.tables)
            .await
            .unwrap()
            .rows_affected()
    }
}
