//! Input that makes no sense: a clear error each, nothing changed.

use std::fmt::Write as _;

use reqwest::Method;
use serde_json::json;

use super::served_at_rest;
use crate::harness::World;

#[tokio::test]
async fn bodies_that_are_no_request_are_refused_in_one_sentence() {
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

#[tokio::test]
async fn documents_that_ask_for_too_much_or_make_no_sense_are_refused() {
    let world = World::named("bombs").real_time().build().await;
    let (daemon, api) = served_at_rest(&world).await;
    let before = world.rows().await;
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
    let deep = format!("{}{}", "{ a ".repeat(20_000), "}".repeat(20_000));
    let types = format!(
        "{{ __schema {{ types {}name{} }} }}",
        "{ ofType ".repeat(30),
        "}".repeat(30)
    );
    let spread = "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }".to_owned();
    let directives = format!("{{ __typename {} }}", "@include(if: true) ".repeat(5000));
    let many = "{ veracoreOrderSyncs(first: 100) { edges { node { a: id b: id c: id d: id e: id f: id g: id h: id i: id j: id k: id l: id m: id n: id o: id p: id q: id r: id s: id t: id u: id v: id w: id x: id y: id z: id a1: id b1: id c1: id d1: id e1: id f1: id g1: id h1: id i1: id j1: id k1: id l1: id m1: id n1: id } } } }".to_owned();
    for document in [aliases, wishes, deep, types, spread, directives, many] {
        let answer = api.run(&document).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.error().len() < 300, "{answer:?}");
        assert!(answer.body["data"].is_null(), "{answer:?}");
    }
    for (document, variables, words) in [
        (
            "{ veracoreOrderSyncs(first: 0) { totalCount } }",
            json!({}),
            "first",
        ),
        (
            "{ veracoreOrderSyncs(first: 101) { totalCount } }",
            json!({}),
            "first",
        ),
        (
            "{ veracoreOrderSyncs(first: -1) { totalCount } }",
            json!({}),
            "first",
        ),
        (
            "{ veracoreOrderSyncs(first: 99999999999) { totalCount } }",
            json!({}),
            "Int",
        ),
        (
            "{ veracoreOrderSyncs(after: \"b3JkZXI6LTE\") { totalCount } }",
            json!({}),
            "after",
        ),
        (
            "{ veracoreOrderSyncs(after: \"' or 1=1\") { totalCount } }",
            json!({}),
            "after",
        ),
        (
            "{ veracoreOrderSyncs(status: \"<b>lost</b>\") { totalCount } }",
            json!({}),
            "status",
        ),
        (
            "query ($s: String) { veracoreOrderSyncs(search: $s) { totalCount } }",
            json!({ "s": "a\u{0}" }),
            "search",
        ),
        (
            "query ($s: String) { veracoreOrderSyncs(search: $s) { totalCount } }",
            json!({ "s": "x".repeat(101) }),
            "search",
        ),
        (
            "query ($s: String!) { veracoreOrderSyncStatus(orderId: $s) { id } }",
            json!({ "s": "" }),
            "orderId",
        ),
        (
            "query ($s: String!) { veracoreOrderSyncStatus(orderId: $s) { id } }",
            json!({ "s": "x".repeat(1000) }),
            "orderId",
        ),
        (
            "query ($s: String!) { veracoreOrderSyncStatus(orderId: $s) { id } }",
            json!({ "s": 1 }),
            "orderId",
        ),
        (
            "query ($s: String!) { veraCoreOrderSyncStatus(orderCode: $s) { id } }",
            json!({ "s": "a\nb" }),
            "orderCode",
        ),
        (
            "mutation ($s: String!) { syncVeracoreInventoryForSku(sku: $s) { success } }",
            json!({ "s": " " }),
            "sku",
        ),
        ("{ noSuchField }", json!({}), "noSuchField"),
        (
            "query A { __typename } query B { __typename }",
            json!({}),
            "Operation name",
        ),
        ("{", json!({}), ""),
        ("subscription { a }", json!({}), ""),
    ] {
        let answer = api.ask(document, variables.clone()).await;
        assert_eq!(answer.status, 200, "{document}: {answer:?}");
        assert!(
            answer.error().contains(words),
            "{document} {variables}: {answer:?}"
        );
    }
    let odd = json!({ "s": "<script>alert(1)</script>'; drop table veracore_order_sync; --" });
    let unknown = api
        .ask(
            "query ($s: String!) { veracoreOrderSyncStatus(orderId: $s) { id } }",
            odd.clone(),
        )
        .await;
    assert!(unknown.data("veracoreOrderSyncStatus").is_null());
    let unknown = api
        .ask(
            "mutation ($s: String!) { retryVeracoreOrderSync(orderId: $s) { success message } }",
            odd,
        )
        .await;
    assert_eq!(unknown.data("retryVeracoreOrderSync")["success"], false);
    assert_eq!(world.rows().await, before);
    daemon.stop().await;
    world.assert_settled().await;
}
