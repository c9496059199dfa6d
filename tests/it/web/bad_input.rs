//! Invalid input: a clear error, and nothing changes.

use std::fmt::Write as _;

use reqwest::Method;
use serde_json::json;

use super::served_at_rest;
use crate::harness::World;

#[tokio::test]
async fn invalid_bodies_are_refused_with_a_short_message() {
    let world = World::named("bodies").real_time().build().await;
    let (daemon, api) = served_at_rest(&world).await;
    let before = world.rows().await;
    let bodies: [(&[u8], u16); 12] = [
        (b"", 400),
        (b"{", 400),
        (b"null", 400),
        (b"[]", 400),
        (b"[{\"query\": \"{ __typename }\"}]", 400),
        (b"{}", 400),
        (b"{\"query\": 1}", 400),
        (b"{\"query\": \"{ __typename }\", \"variables\": []}", 400),
        (b"{\"query\": \"{ __typename }\", \"more\": 1}", 400),
        (b"\xff\xfe{\"query\": \"{ __typename }\"}", 400),
        (b"{\"query\": \"\xff\"}", 400),
        (b"query=%7B__typename%7D", 400),
    ];
    for (body, status) in bodies {
        let answer = api.send_body("/graphql", body.to_vec()).await;
        assert_eq!(answer.status, status, "{body:?}: {answer:?}");
        assert!(
            !answer.error().is_empty() && !answer.error().contains('\n'),
            "{answer:?}"
        );
    }
    let form = api.request(Method::POST, "/graphql").body("{}");
    assert_eq!(api.send(form).await.status, 415);
    let large = vec![b' '; 10 << 20];
    assert_eq!(api.send_body("/graphql", large).await.status, 413);
    for (method, path, status) in [
        (Method::GET, "/graphql", 405),
        (Method::GET, "/vendure-webhooks/order", 405),
        (Method::DELETE, "/healthz", 405),
        (Method::GET, "/../../etc/passwd", 404),
        (Method::GET, "/%00", 404),
    ] {
        let answer = api.send(api.request(method, path)).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert!(!answer.error().is_empty());
    }
    assert_eq!(world.rows().await, before);
    daemon.stop().await;
    world.assert_settled().await;
}

/// Documents that would be expensive.
fn bombs() -> Vec<String> {
    let mut aliases = String::from("{");
    for n in 0..300 {
        write!(aliases, " a{n}: veracoreOrderSyncStats {{ totalSynced }}").unwrap();
    }
    aliases.push('}');
    let mut wishes = String::from("mutation {");
    for n in 0..20 {
        write!(wishes, " a{n}: forceVeracoreInventorySync {{ success }}").unwrap();
    }
    wishes.push('}');
    let mut page = String::from("{ veracoreOrderSyncs(first: 100) { edges { node {");
    for n in 0..40 {
        write!(page, " a{n}: id").unwrap();
    }
    page.push_str("} } } }");
    let nested = |opened: &str, times: usize| opened.repeat(times) + &"}".repeat(times);
    let mut doubling = String::from("{ ...F0 }");
    for n in 0..25 {
        let next = n + 1;
        write!(
            doubling,
            " fragment F{n} on Query {{ ...F{next} ...F{next} }}"
        )
        .unwrap();
    }
    doubling.push_str(" fragment F25 on Query { __typename }");
    let (open, close) = ("[".repeat(2000), "]".repeat(2000));
    vec![
        aliases,
        wishes,
        page,
        nested("{ a ", 6_000),
        doubling,
        format!("{{ __schema {{ types {} }} }}", nested("{ ofType ", 30)),
        "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }".into(),
        format!("{{ __typename {} }}", "@include(if: true) ".repeat(5000)),
        // Four positions of a value on which a recursive parser would overflow its stack.
        format!("{{ veracoreOrderSyncs(first: {open}1{close}) {{ totalCount }} }}"),
        format!("{{ __typename @include(if: {open}1{close}) }}"),
        format!("{{ veracoreOrderSyncs(first: {{ a: {open}1{close} }}) {{ totalCount }} }}"),
        format!("query ($s: [Int] = {open}1{close}) {{ __typename }}"),
    ]
}

const BY_ID: &str = "query ($s: String!) { veracoreOrderSyncStatus(orderId: $s) { id } }";
const BY_CODE: &str = "query ($s: String!) { veraCoreOrderSyncStatus(orderCode: $s) { id } }";
const SEARCH: &str = "query ($s: String) { veracoreOrderSyncs(search: $s) { totalCount } }";
const SKU: &str = "mutation ($s: String!) { syncVeracoreInventoryForSku(sku: $s) { success } }";
const RETRY: &str =
    "mutation ($s: String!) { retryVeracoreOrderSync(orderId: $s) { success message } }";

/// Invalid documents, and a part of the error message.
const NONSENSE: [(&str, &str); 12] = [
    ("{ veracoreOrderSyncs(first: 0) { totalCount } }", "first"),
    ("{ veracoreOrderSyncs(first: 101) { totalCount } }", "first"),
    ("{ veracoreOrderSyncs(first: -1) { totalCount } }", "first"),
    (
        "{ veracoreOrderSyncs(first: 99999999999) { totalCount } }",
        "Int",
    ),
    (
        "{ veracoreOrderSyncs(after: \"b3JkZXI6LTE\") { totalCount } }",
        "after",
    ),
    (
        "{ veracoreOrderSyncs(after: \"' or 1=1\") { totalCount } }",
        "after",
    ),
    (
        "{ veracoreOrderSyncs(status: \"<b>lost</b>\") { totalCount } }",
        "status",
    ),
    ("{ noSuchField }", "noSuchField"),
    (
        "query A { __typename } query B { __typename }",
        "Operation name",
    ),
    ("{", ""),
    ("", ""),
    ("subscription { a }", ""),
];

#[tokio::test]
async fn expensive_and_invalid_documents_are_refused() {
    let world = World::named("bombs").real_time().build().await;
    let (daemon, api) = served_at_rest(&world).await;
    let before = world.rows().await;
    for document in bombs() {
        let answer = api.run(&document).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.error().len() < 450, "{answer:?}");
        assert!(answer.body["data"].is_null(), "{answer:?}");
    }
    for (document, words) in NONSENSE {
        let answer = api.run(document).await;
        assert_eq!(answer.status, 200, "{document}: {answer:?}");
        assert!(answer.error().contains(words), "{document}: {answer:?}");
    }
    for (document, value, words) in [
        (SEARCH, json!("a\u{0}"), "search"),
        (SEARCH, json!("x".repeat(101)), "search"),
        (BY_ID, json!(""), "orderId"),
        (BY_ID, json!("x".repeat(1000)), "orderId"),
        (BY_ID, json!(1), "orderId"),
        (BY_ID, json!(null), "orderId"),
        (BY_CODE, json!("a\nb"), "orderCode"),
        (SKU, json!(" "), "sku"),
    ] {
        let answer = api.ask(document, json!({ "s": value })).await;
        assert_eq!(answer.status, 200, "{document}: {answer:?}");
        assert!(
            answer.error().contains(words),
            "{document} {value}: {answer:?}"
        );
    }
    let odd = json!({ "s": "<script>alert(1)</script>'; drop table veracore_order_sync; --" });
    let unknown = api.ask(BY_ID, odd.clone()).await;
    assert!(unknown.data("veracoreOrderSyncStatus").is_null());
    let unknown = api.ask(RETRY, odd).await;
    assert_eq!(unknown.data("retryVeracoreOrderSync")["success"], false);
    assert_eq!(world.rows().await, before);
    daemon.stop().await;
    world.assert_settled().await;
}
