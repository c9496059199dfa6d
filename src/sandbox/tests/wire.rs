//! Credentials, paths and lists of the REST API.

use chrono::TimeDelta;

use super::*;
use crate::sandbox::{NewPackage, SandboxEvent};

async fn raw(sandbox: &Sandbox, request: String) -> Raw {
    let mut stream = TcpStream::connect(sandbox.addr()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    parse(&answer)
}

async fn request_token(sandbox: &Sandbox, authorization: &str, form: &str) -> Raw {
    let length = form.len();
    raw(
        sandbox,
        format!(
            "POST /v1/api/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{authorization}\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}"
        ),
    )
    .await
}

async fn list(sandbox: &Sandbox, authorization: &str) -> Raw {
    raw(
        sandbox,
        format!(
            "GET /v1/api/inventory HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{authorization}\r\n"
        ),
    )
    .await
}

#[tokio::test]
async fn tokens_expire_after_their_lifetime() {
    let (sandbox, clock) = sandbox_with(SandboxConfig {
        base_path: "v1/".into(),
        token_lifetime: Duration::from_secs(60),
        basic: false,
        ..SandboxConfig::default()
    })
    .await;
    assert!(sandbox.base_url().as_str().ends_with("/v1"));
    let form = "grant_type=client_credentials&scope=api";
    let wrong = "Authorization: Basic eDp5\r\n";
    assert_eq!(request_token(&sandbox, wrong, form).await.status, 401);
    assert_eq!(request_token(&sandbox, "", form).await.status, 401);
    let unscoped = request_token(&sandbox, BASIC, "grant_type=client_credentials").await;
    assert_eq!(unscoped.json(), json!({"error": "invalid_scope"}));

    let granted = request_token(&sandbox, BASIC, form).await.json();
    assert_eq!(granted["expires_in"], 60);
    assert_eq!(granted["token_type"], "Bearer");
    let bearer = format!(
        "Authorization: Bearer {}\r\n",
        granted["access_token"].as_str().unwrap()
    );
    assert_eq!(list(&sandbox, &bearer).await.status, 200);
    assert_eq!(list(&sandbox, BASIC).await.status, 401);
    assert_eq!(list(&sandbox, "").await.status, 401);
    clock.advance(TimeDelta::seconds(60));
    let expired = list(&sandbox, &bearer).await;
    assert_eq!(expired.status, 401);
    assert!(expired.json()["error"].is_string());

    let granted = request_token(&sandbox, BASIC, form).await.json();
    let bearer = format!(
        "Authorization: Bearer {}\r\n",
        granted["access_token"].as_str().unwrap()
    );
    assert_eq!(list(&sandbox, &bearer).await.status, 200);
    call(
        &sandbox,
        "POST /sandbox/faults",
        json!({"path": "/v1/api/inventory", "kind": "expire_token", "times": 1}),
    )
    .await;
    assert_eq!(list(&sandbox, &bearer).await.status, 401);
    assert_eq!(list(&sandbox, &bearer).await.status, 401);
    // Neither the secret nor a token is in the log.
    let log = format!("{:?}", sandbox.requests());
    assert!(!log.contains("sandbox-secret") && !log.contains("Bearer"));
}

#[tokio::test]
async fn unknown_paths_and_methods_are_refused() {
    let (sandbox, _) = sandbox_with(SandboxConfig {
        base_path: "/v1".into(),
        ..SandboxConfig::default()
    })
    .await;
    assert_eq!(get(&sandbox, "/v1/api/inventory").await.status, 200);
    assert_eq!(get(&sandbox, "/api/inventory").await.status, 404);
    assert_eq!(get(&sandbox, "/v10/api/inventory").await.status, 404);
    assert_eq!(get(&sandbox, "/v1/api/orders").await.status, 405);
    assert_eq!(get(&sandbox, "/v1/api/orders/").await.status, 404);
    let paths: Vec<_> = sandbox.requests().into_iter().map(|r| r.path).collect();
    assert_eq!(paths[0], "/api/inventory");
    assert_eq!(paths.len(), 5);
    let taken = SandboxConfig {
        base_path: "/sandbox/x".into(),
        ..SandboxConfig::default()
    };
    assert!(start(taken, MockClock::at(noon())).await.is_err());
}

#[tokio::test]
async fn stock_is_listed_whole_or_in_pages() {
    let (whole, _) = sandbox().await;
    whole.set_stock("a/b c", 5);
    assert_eq!(
        get(&whole, "/api/inventory").await.json(),
        json!([{"SKU": "a/b c", "AvailableQuantity": 5, "ReservedQuantity": 0,
                "OnHandQuantity": 5}])
    );
    let one = get(&whole, "/api/inventory/a%2Fb%20c").await;
    assert_eq!(one.json()["SKU"], "a/b c");

    let (paged, _) = sandbox_with(SandboxConfig {
        page_size: Some(2),
        base_path: "/v1".into(),
        ..SandboxConfig::default()
    })
    .await;
    for sku in ["a", "b", "c", "d"] {
        paged.set_stock(sku, 1);
    }
    let first = get(&paged, "/v1/api/inventory").await.json();
    assert_eq!(first["Items"].as_array().unwrap().len(), 2);
    assert_eq!(
        first["NextPage"],
        "http://twin.test/v1/api/inventory?page=2"
    );
    let last = get(&paged, "/v1/api/inventory?page=2").await.json();
    assert_eq!(last["Items"][1]["SKU"], "d");
    assert_eq!(last["NextPage"], Value::Null);
}

#[tokio::test]
async fn shipments_are_filtered_by_time_and_optional_fields_omitted() {
    let (sandbox, clock) = sandbox().await;
    let mut events = sandbox.events();
    send(&sandbox, "A1", "X", 2).await;
    let event = events.recv().await;
    assert!(matches!(event, Some(SandboxEvent::Order(order)) if order.number == "A1"));
    let event = events.recv().await;
    assert!(matches!(event, Some(SandboxEvent::Request(call)) if call.status == Some(201)));
    let package = NewPackage {
        tracking_number: Some("T1".into()),
        service: Some("Ground".into()),
        ..NewPackage::default()
    };
    sandbox.ship("A1", vec![package]).unwrap();
    let row = json!({
        "ShipmentId": "SH-200001", "OrderNumber": "A1", "TrackingNumber": "T1", "Carrier": "UPS",
        "Service": "Ground", "ShipDate": "2025-03-04T12:00:00Z", "Status": "Shipped",
        "Items": [{"SKU": "X", "Quantity": 2}],
    });
    assert_eq!(get(&sandbox, "/api/shipments").await.json(), json!([row]));
    let at = |time: &str| format!("/api/shipments?from=2025-03-04T{time}Z");
    assert_eq!(get(&sandbox, &at("12:00:00")).await.json(), json!([row]));
    assert_eq!(get(&sandbox, &at("12:00:01")).await.json(), json!([]));
    let bad = get(&sandbox, "/api/shipments?from=2025-03-04T12:00:00+00:00").await;
    assert_eq!(bad.status, 400);
    // A voided package is listed again.
    clock.advance(TimeDelta::seconds(5));
    sandbox.void("A1", "T1").unwrap();
    let again = get(&sandbox, &at("12:00:01")).await.json();
    assert_eq!(again[0]["Status"], "Voided");

    let (bare, _) = sandbox_with(SandboxConfig {
        sparse: true,
        ignore_from: true,
        page_size: Some(1),
        ..SandboxConfig::default()
    })
    .await;
    send(&bare, "A1", "X", 2).await;
    bare.ship("A1", vec![]).unwrap();
    let page = get(&bare, "/api/shipments?from=2030-01-01T00:00:00Z").await;
    let row = &page.json()["Items"][0];
    assert_eq!(row["OrderNumber"], "A1");
    assert!(row.get("Items").is_none() && row.get("ShipmentId").is_none());
    let status = get(&bare, "/api/orders/A1/status").await.json();
    assert!(status.get("OrderId").is_none());
    assert_eq!(status["Status"], "Shipped");
    assert_eq!(status["TrackingNumber"], "1ZSANDBOX000000001");
}
