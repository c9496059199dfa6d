use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_string_contains, header_exists},
};

use super::*;
use crate::{
    domain::{FailureClass, Sku},
    vendure::tests::{client, forbidden, logged_in, mount_response, password},
};

fn here() -> LocationId {
    LocationId::parse("1").unwrap()
}

fn ids(ids: &[&str]) -> Vec<VariantId> {
    ids.iter()
        .map(|id| VariantId::parse(*id).unwrap())
        .collect()
}

fn variant(id: &str, sku: &str) -> Value {
    json!({
        "id": id, "sku": sku, "trackInventory": "INHERIT",
        "stockLevels": [
            { "stockLocationId": "2", "stockOnHand": 9, "stockAllocated": 9 },
            { "stockLocationId": "1", "stockOnHand": -3, "stockAllocated": 2 },
        ],
    })
}

fn list(total: usize, items: &[Value]) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "data": {
        "activeChannel": { "code": "main", "token": "t-main" },
        "globalSettings": { "trackInventory": false },
        "productVariants": { "totalItems": total, "items": items },
    }}))
}

/// A shop that gives this answer to everything but the login.
async fn shop(template: ResponseTemplate) -> (MockServer, VendureClient) {
    let server = MockServer::start().await;
    mount_response(&server, body_string_contains("login("), logged_in("s")).await;
    mount_response(&server, header_exists("authorization"), template).await;
    let client = client(&server, password(), Some("t-main"));
    (server, client)
}

/// What was asked of the shop, logins left out.
pub async fn received_requests(server: &MockServer) -> Vec<Value> {
    let requests = server.received_requests().await.unwrap();
    let bodies = requests.iter().map(|request| request.body_json().unwrap());
    bodies
        .filter(|body: &Value| !body["query"].as_str().unwrap().contains("login("))
        .collect()
}

/// A request as a person would write it.
pub fn readable(body: &Value) -> String {
    let query = body["query"].as_str().unwrap().trim();
    format!("{query}\n{:#}", body["variables"])
}

#[tokio::test]
async fn a_bad_variant_in_a_page_spoils_no_other() {
    let mut no_id = variant("2", "B");
    no_id["id"] = Value::Null;
    let mut flag = variant("3", "C");
    flag["trackInventory"] = json!("SOMETIMES");
    let mut amount = variant("4", "D");
    amount["stockLevels"][1]["stockOnHand"] = json!("many");
    let mut blank = variant("5", " ");
    blank["stockLevels"] = json!([]);
    let items = [variant("1", "A"), no_id, flag, amount, blank, json!("what")];
    let (server, shop) = shop(list(9, &items)).await;
    let page = VariantSelection::Page { skip: 3, take: 100 };
    let page = shop.variants(page, &here()).await.unwrap();
    assert_eq!((page.total, page.len), (9, 6));
    assert_eq!(page.end_ids, Some(("1".into(), String::new())));
    let readable_ones: Vec<_> = page
        .variants
        .iter()
        .map(|v| (v.id.as_str(), v.sku.as_str(), v.is_tracked, v.level))
        .collect();
    let level = |on_hand, allocated| StockLevel { on_hand, allocated };
    assert_eq!(
        readable_ones,
        [
            ("1", "A", false, level(-3, 2)),
            ("5", " ", false, level(0, 0))
        ]
    );
    let problems: Vec<String> = page
        .unreadable
        .iter()
        .map(|bad| format!("{}: {}", bad.key, bad.problem))
        .collect();
    insta::assert_snapshot!("bad_variants", problems.join("\n"));
    insta::assert_snapshot!(
        "variants_page",
        readable(&received_requests(&server).await[0])
    );
}

#[tokio::test]
async fn variants_that_were_not_asked_for_are_not_taken() {
    let found = [variant("1", "a"), variant("2", "A"), variant("3", "A ")];
    let (server, shop) = shop(list(3, &found)).await;
    let sku = [Sku::parse("A").unwrap()];
    let page = shop
        .variants(VariantSelection::Skus(&sku), &here())
        .await
        .unwrap();
    assert_eq!(page.variants.len(), 1, "spelled exactly so");
    assert_eq!((page.len, page.variants[0].id.as_str()), (3, "2"));
    let options = &received_requests(&server).await[0]["variables"]["options"];
    assert_eq!(
        *options,
        json!({ "take": 100, "skip": 0, "sort": { "id": "ASC" }, "filter": { "sku": { "in": ["A"] } } })
    );

    let others = ids(&["1", "2", "7"]);
    let error = shop.variants(VariantSelection::Ids(&others), &here()).await;
    let error = error.unwrap_err();
    assert!(
        error.to_string().contains("was not requested: 3"),
        "{error}"
    );
    let few = VariantSelection::Page { skip: 0, take: 2 };
    let error = shop.variants(few, &here()).await.unwrap_err();
    assert!(error.to_string().contains("has 3 items, 2 were"), "{error}");
}

#[tokio::test]
async fn a_shop_with_more_of_a_sku_than_a_page_holds_is_asked_again() {
    let server = MockServer::start().await;
    mount_response(&server, body_string_contains("login("), logged_in("s")).await;
    let items: Vec<Value> = (0..130).map(|n| variant(&n.to_string(), "A")).collect();
    for (skip, part) in [(0, &items[..100]), (100, &items[100..])] {
        Mock::given(body_string_contains(format!("\"skip\":{skip},")))
            .respond_with(list(130, part))
            .expect(1)
            .mount(&server)
            .await;
    }
    let shop = client(&server, password(), None);
    let sku = [Sku::parse("A").unwrap()];
    let page = shop
        .variants(VariantSelection::Skus(&sku), &here())
        .await
        .unwrap();
    assert_eq!((page.total, page.len, page.variants.len()), (130, 130, 130));
    assert_eq!(page.end_ids, Some(("0".into(), "129".into())));
}

#[tokio::test]
async fn another_channels_stock_is_not_taken() {
    let (server, _) = shop(list(1, &[variant("1", "A")])).await;
    let other = client(&server, password(), Some("t-other"));
    let page = VariantSelection::Page { skip: 0, take: 1 };
    let error = other.variants(page, &here()).await.unwrap_err();
    assert!(
        matches!(error, StorefrontError::WrongChannel { .. }),
        "{error}"
    );
}

fn new(variant: &str, on_hand: u32) -> NewStockLevel {
    NewStockLevel {
        variant: VariantId::parse(variant).unwrap(),
        on_hand,
    }
}

fn json_of(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

fn errors(error: &Value) -> ResponseTemplate {
    json_of(json!({ "data": null, "errors": [error] }))
}

fn updated(items: &Value) -> ResponseTemplate {
    json_of(json!({ "data": { "updateProductVariants": items } }))
}

/// Whether a failed write may have been done, for each response.
#[tokio::test]
async fn what_an_answer_to_a_write_leaves_open() {
    const FIELD: &str = "updateProductVariants";
    let level = |location: &str| json!([{ "stockLocationId": location, "stockOnHand": 5, "stockAllocated": 0 }]);
    let cases = [
        (
            "a bad id",
            errors(
                &json!({ "message": "No such variant", "path": [FIELD], "extensions": { "code": "ENTITY_NOT_FOUND" } }),
            ),
        ),
        (
            "a bad value",
            errors(&json!({ "message": "not an Int", "extensions": { "code": "BAD_USER_INPUT" } })),
        ),
        ("no permission", forbidden()),
        (
            "the database's error",
            errors(&json!({ "message": "Connection terminated unexpectedly", "path": [FIELD] })),
        ),
        (
            "no reason",
            errors(
                &json!({ "message": "oops", "path": [FIELD], "extensions": { "code": "INTERNAL_SERVER_ERROR" } }),
            ),
        ),
        (
            "an error after the write",
            errors(
                &json!({ "message": "no", "path": [FIELD, 0, "stockLevels"], "extensions": { "code": "FORBIDDEN" } }),
            ),
        ),
        ("a gateway's error", ResponseTemplate::new(502)),
        ("no variant", updated(&json!([null]))),
        (
            "another variant",
            updated(&json!([{ "id": "2", "stockLevels": level("1") }])),
        ),
        (
            "another location",
            updated(&json!([{ "id": "1", "stockLevels": level("2") }])),
        ),
        ("nothing", json_of(json!({ "data": null }))),
    ];
    let mut messages = Vec::new();
    for (case, template) in cases {
        let (_server, shop) = shop(template).await;
        let error = shop.set_stock(&here(), &[new("1", 5)]).await.unwrap_err();
        let class = error.class().as_str();
        messages.push(format!("{case}: {class}: {error} ({})", error.category()));
    }
    insta::assert_snapshot!(messages.join("\n"));
}

#[tokio::test]
async fn what_cannot_be_sent_is_not_sent() {
    let (server, shop) = shop(updated(&json!([]))).await;
    assert_eq!(shop.set_stock(&here(), &[]).await, Ok(Vec::new()));
    let many: Vec<NewStockLevel> = (0..2000).map(|n| new(&n.to_string(), 5)).collect();
    for levels in [&[new("1", 1), new("2", 2_147_483_648)][..], &many[..]] {
        let error = shop.set_stock(&here(), levels).await.unwrap_err();
        assert!(
            matches!(error, StorefrontError::InvalidField { .. }),
            "{error}"
        );
        assert_eq!(error.class(), FailureClass::Permanent);
    }
    assert_eq!(received_requests(&server).await, Vec::<Value>::new());
}

#[tokio::test]
async fn levels_are_told_in_the_sequence_of_what_was_written() {
    let level = |on_hand: i32| json!([{ "stockLocationId": "1", "stockOnHand": on_hand, "stockAllocated": -1 }]);
    let items =
        json!([{ "id": "1", "stockLevels": level(4) }, { "id": "2", "stockLevels": level(5) }]);
    let (server, shop) = shop(updated(&items)).await;
    let levels = [new("2", 5), new("1", 2_147_483_647)];
    let updated_levels = shop.set_stock(&here(), &levels).await.unwrap();
    let updated_levels: Vec<_> = updated_levels
        .iter()
        .map(|(id, level)| (id.as_str(), level.on_hand, level.allocated))
        .collect();
    assert_eq!(updated_levels, [("2", 5, -1), ("1", 4, -1)]);
    insta::assert_snapshot!(readable(&received_requests(&server).await[0]));
}
