//! Unauthenticated and invalid webhooks change nothing.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};
use tokio::task::JoinSet;
use veracore_sync::sync::inbox::Inbox;

use super::{Office, states};
use crate::harness::{SignedWebhook, WEBHOOK_SECRET, WebhookSender, World};

const KINDS: [&str; 3] = ["inventory-update", "order-update", "tracking-update"];

fn good(kind: &str) -> Value {
    match kind {
        "inventory-update" => json!({ "SKU": "A-0", "AvailableQuantity": 1 }),
        "order-update" => json!({ "OrderNumber": "C1", "Status": "Shipped" }),
        _ => json!({ "OrderNumber": "C1", "TrackingNumber": "1Z", "Status": "Shipped" }),
    }
}

fn webhook(timestamp: Option<&str>, signature: Option<&str>, body: &[u8]) -> SignedWebhook {
    SignedWebhook {
        timestamp: timestamp.map(Into::into),
        signature: signature.map(Into::into),
        body: body.into(),
    }
}

async fn rows(world: &World) -> BTreeMap<String, Value> {
    world.rows().await
}

#[tokio::test]
async fn an_unauthenticated_webhook_is_refused() {
    let world = World::named("unsigned").build().await;
    let Office { sender, .. } = Office::of(&world.service(), &world).await;
    let before = rows(&world).await;
    for kind in KINDS {
        let body = good(kind).to_string();
        let body = body.as_bytes();
        let now = sender.at(0);
        let right = SignedWebhook::new(WEBHOOK_SECRET, &now, body);
        let signature = right.signature.as_deref().unwrap();
        let digits = &signature["sha256=".len()..];
        let other = SignedWebhook::new("another secret", &now, body);
        let missigned = [
            webhook(None, None, body),
            webhook(Some(&now), None, body),
            webhook(None, Some(signature), body),
            webhook(Some(&now), Some(""), body),
            webhook(Some(&now), Some("sha256="), body),
            webhook(Some(&now), Some(digits), body),
            webhook(Some(&now), Some(&signature[..signature.len() - 1]), body),
            webhook(Some(&now), Some(&signature[..signature.len() - 2]), body),
            webhook(Some(&now), Some(&format!("{signature}00")), body),
            webhook(
                Some(&now),
                Some(&format!("sha256={}", "zz".repeat(32))),
                body,
            ),
            webhook(
                Some(&now),
                Some(&format!("sha256={}", "00".repeat(32))),
                body,
            ),
            webhook(
                Some(&now),
                Some(&format!("sha256={}", "0".repeat(7000))),
                body,
            ),
            webhook(Some(&sender.at(1)), Some(signature), body),
            webhook(Some("soon"), Some(signature), body),
            webhook(Some(""), Some(signature), body),
            webhook(Some(&now), Some(signature), b"{}"),
            SignedWebhook::new("", &now, body),
            SignedWebhook::new(WEBHOOK_SECRET, &sender.at(-301), body),
            SignedWebhook::new(WEBHOOK_SECRET, &sender.at(301), body),
            SignedWebhook::new(WEBHOOK_SECRET, "0", body),
            SignedWebhook::new(WEBHOOK_SECRET, &format!("{now}000"), body),
            SignedWebhook::new(WEBHOOK_SECRET, &format!(" {now}"), body),
            other,
        ];
        for signed in missigned {
            let (status, sentence) = sender.send(kind, &signed).await;
            assert_eq!(status, 401, "{signed:?}");
            assert_eq!(sentence.matches(". ").count(), 0, "{sentence}");
            assert!(sentence.ends_with('.'), "{sentence}");
        }
    }
    assert_eq!(
        sender
            .send("returns-update", &webhook(None, None, b""))
            .await
            .0,
        404
    );
    assert_eq!(rows(&world).await, before);
    world.assert_settled().await;
}

#[tokio::test]
async fn a_replay_is_refused_by_every_replica() {
    let world = World::named("replayed").build().await;
    let service = world.service();
    let offices = [
        Office::of(&service, &world).await,
        Office::of(&service, &world).await,
    ];
    let offices = offices.map(|office| Arc::new(office.sender));
    let mut sending = JoinSet::new();
    let body = good("order-update").to_string();
    let once = offices[0].sign(body.as_bytes());
    for at in 0..10 {
        let (sender, once) = (Arc::clone(&offices[at % 2]), once.clone());
        sending.spawn(async move { sender.send("order-update", &once).await.0 });
    }
    let mut answers = sending.join_all().await;
    answers.sort_unstable();
    assert_eq!(answers[0], 202);
    assert!(
        answers[1..].iter().all(|status| *status == 401),
        "{answers:?}"
    );
    // Nor as another kind, nor with a different spelling.
    let upper = SignedWebhook {
        signature: once
            .signature
            .as_ref()
            .map(|s| s.to_uppercase().replace("SHA", "sha")),
        ..once.clone()
    };
    for (kind, signed) in [("order-update", &upper), ("order-update", &once)] {
        let answer = offices[1].send(kind, signed).await;
        assert_eq!(answer.0, 401, "{answer:?}");
        assert!(answer.1.contains("sent before"), "{answer:?}");
    }
    assert_eq!(states(&world).await, ["waiting"]);
    world.assert_settled().await;
}

/// Kind, body, and a part of the error message.
type Invalid = (&'static str, Vec<u8>, &'static str);

fn all_of(kind: &'static str, cases: &[(&[u8], &'static str)]) -> Vec<Invalid> {
    let of = |(body, words): &(&[u8], &'static str)| (kind, body.to_vec(), *words);
    cases.iter().map(of).collect()
}

fn invalid_orders() -> Vec<Invalid> {
    let long = format!(r#"{{"OrderNumber":"{}","Status":"x"}}"#, "9".repeat(1000));
    all_of(
        "order-update",
        &[
            (b"", "not JSON"),
            (br#"{"OrderNumber":"C1","#, "not JSON"),
            (b"\xff\xfe", "not UTF-8"),
            (b"[]", "not an object"),
            (b"null", "not an object"),
            (br#"{"Status":"Shipped"}"#, "OrderNumber is missing"),
            (
                br#"{"OrderNumber":1,"Status":"x"}"#,
                "OrderNumber is not a text",
            ),
            (
                br#"{"OrderNumber":"C1","Status":{}}"#,
                "Status is not a text",
            ),
            (long.as_bytes(), "OrderNumber"),
        ],
    )
}

fn invalid_items() -> Vec<Invalid> {
    let item = |quantity: Value| {
        let item = json!([{ "SKU": "A-0", "AvailableQuantity": quantity }]);
        item.to_string().into_bytes()
    };
    all_of(
        "inventory-update",
        &[
            (b"[]", "list of inventory items is empty"),
            (b"7", "neither an inventory item nor a list"),
            (&item(json!(-1)), "AvailableQuantity: -1 is negative"),
            (&item(json!("1")), "AvailableQuantity: it is not a number"),
            (&item(json!(1.5)), "AvailableQuantity: 1.5 is not a whole"),
            (&item(Value::Null), "AvailableQuantity is missing"),
            (br#"{"AvailableQuantity":1}"#, "SKU is missing"),
        ],
    )
}

fn invalid_packages() -> Vec<Invalid> {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    all_of(
        "tracking-update",
        &[
            (br#"{"OrderNumber":"C1"}"#, "Status is missing"),
            (
                br#"{"OrderNumber":"C1","Status":"x","TrackingNumber":7}"#,
                "TrackingNumber is not a text",
            ),
            (
                br#"{"OrderNumber":"C1","Status":"x","Items":[{"SKU":"A","Quantity":-1}]}"#,
                "Items[0].Quantity",
            ),
            (deep.as_bytes(), "not an object"),
        ],
    )
}

#[tokio::test]
async fn an_invalid_body_is_refused_with_a_named_error() {
    let world = World::named("senseless").build().await;
    let Office { sender, .. } = Office::of(&world.service(), &world).await;
    let before = rows(&world).await;
    let cases = [invalid_orders(), invalid_items(), invalid_packages()];
    for (kind, body, words) in cases.concat() {
        let (status, sentence) = sender.send(kind, &sender.sign(&body)).await;
        let body = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        assert_eq!(status, 400, "{kind} {body}: {sentence}");
        assert!(sentence.contains(words), "{kind} {body}: {sentence}");
        assert!(sentence.len() < 400, "{sentence}");
    }
    assert_eq!(rows(&world).await, before);
    world.assert_settled().await;
}

#[tokio::test]
async fn bodies_over_one_mebibyte_are_refused() {
    let world = World::named("large").build().await;
    let Office { sender, .. } = Office::of(&world.service(), &world).await;
    let body = good("order-update").to_string();
    let padded = |size: usize| format!("{body}{}", " ".repeat(size - body.len())).into_bytes();
    let large = sender.sign(&padded((1 << 20) + 1));
    let (status, sentence) = sender.send("order-update", &large).await;
    assert_eq!(
        (status, sentence.as_str()),
        (413, "The request body is larger than 1048576 bytes.")
    );
    assert_eq!(states(&world).await, Vec::<String>::new());
    let just = sender.sign(&padded(1 << 20));
    assert_eq!(sender.send("order-update", &just).await.0, 202);
    assert_eq!(states(&world).await, ["waiting"]);
    world.assert_settled().await;
}

#[tokio::test]
async fn without_a_secret_there_is_no_endpoint() {
    let world = World::named("closed").build().await;
    let service = world.service();
    let provider = Arc::clone(&service.provider);
    let inbox = Inbox::new(
        None,
        provider,
        world.ledger.clone(),
        Arc::clone(&world.clock),
    );
    let sender = WebhookSender::to_inbox(inbox, &world).await;
    for kind in KINDS {
        let body = good(kind).to_string();
        for secret in [WEBHOOK_SECRET, ""] {
            let signed = SignedWebhook::new(secret, &sender.at(0), body.as_bytes());
            assert_eq!(sender.send(kind, &signed).await.0, 404);
        }
        let large = webhook(None, None, &[b' '; 2 << 20]);
        assert_eq!(sender.send(kind, &large).await.0, 404);
    }
    assert_eq!(states(&world).await, Vec::<String>::new());
    world.assert_settled().await;
}

#[tokio::test]
async fn stored_webhooks_contain_no_address() {
    let world = World::named("normalised").build().await;
    let Office { sender, .. } = Office::of(&world.service(), &world).await;
    for kind in KINDS {
        let mut body = good(kind);
        body["ShippingAddress"] = json!({ "Address1": "17 Cherry Lane", "Phone": "555-0199" });
        body["Carrier"] = json!("17 Cherry Lane");
        sender.deliver(kind, &body).await;
    }
    let kept = serde_json::to_string(&rows(&world).await["veracore_webhook"]).unwrap();
    assert!(!kept.contains("Cherry") && !kept.contains("0199"), "{kept}");
    assert!(
        kept.contains("\"A-0\"") && kept.contains("\"1Z\""),
        "{kept}"
    );
    assert_eq!(states(&world).await.len(), 3);
    world.assert_settled().await;
}
