use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use wiremock::{
    Match, Mock, MockServer, Request, ResponseTemplate,
    matchers::{body_string_contains, header, header_exists},
};

use super::*;
use crate::{
    clock::SystemClock,
    domain::{ErrorCategory, OrderState},
    http::UpstreamLimits,
};

pub(super) fn client(
    server: &MockServer,
    login: VendureCredentials,
    channel: Option<&str>,
) -> VendureClient {
    let settings = VendureSettings {
        api_url: format!("{}/admin-api", server.uri()).parse().unwrap(),
        credentials: login,
        channel_token: channel.map(str::to_owned),
        limits: UpstreamLimits {
            timeout: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(1),
            max_body_bytes: 100_000,
            max_concurrency: 8,
            max_per_second: None,
        },
    };
    VendureClient::new("Vendure", settings, Arc::new(SystemClock)).unwrap()
}

pub(super) fn password() -> VendureCredentials {
    VendureCredentials::Password {
        username: "sync".into(),
        password: "hunter2".to_owned().into(),
    }
}

fn states() -> Vec<OrderState> {
    vec![OrderState::parse("PaymentSettled").unwrap()]
}

pub(super) fn logged_in(token: &str) -> ResponseTemplate {
    ResponseTemplate::new(200)
        .insert_header("vendure-auth-token", token)
        .set_body_json(json!({"data": {"login": {"__typename": "CurrentUser", "id": "1"}}}))
}

pub(super) fn forbidden() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({
        "errors": [{"message": "not authorized", "extensions": {"code": "FORBIDDEN"}}],
        "data": null
    }))
}

fn order(id: &str) -> Value {
    json!({
        "id": id, "code": format!("C{id}"), "state": "PaymentSettled",
        "createdAt": "2026-11-21T10:00:00.000Z", "orderPlacedAt": null
    })
}

fn list(items: &[Value]) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"data": {
        "activeChannel": {"code": "main", "token": "t-main"},
        "orders": {"totalItems": items.len(), "items": items}
    }}))
}

pub(super) async fn mount_response(
    server: &MockServer,
    matcher: impl Match + 'static,
    template: ResponseTemplate,
) {
    Mock::given(matcher)
        .respond_with(template)
        .mount(server)
        .await;
}

fn bearer(token: &str) -> impl Match + use<> {
    header("authorization", format!("Bearer {token}").as_str())
}

async fn sweep(client: &VendureClient) -> Result<OrderPage, StorefrontError> {
    client
        .orders_from(&states(), SweepPosition::default(), 100)
        .await
}

#[tokio::test]
async fn an_expired_session_is_renewed_once_however_many_calls_wait() {
    let server = MockServer::start().await;
    let login = || body_string_contains("login(");
    Mock::given(login())
        .respond_with(logged_in("old"))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(login())
        .respond_with(logged_in("new"))
        .expect(1)
        .mount(&server)
        .await;
    mount_response(&server, bearer("old"), forbidden()).await;
    mount_response(&server, bearer("new"), list(&[order("1")])).await;
    let client = client(&server, password(), None);
    let calls = (0..10).map(|_| sweep(&client));
    for page in futures_join(calls).await {
        assert_eq!(page.unwrap().orders.len(), 1);
    }
}

/// Polls all futures together to their ends.
async fn futures_join<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut pending: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut waiting = false;
        for (future, output) in &mut pending {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(done) => *output = Some(done),
                    std::task::Poll::Pending => waiting = true,
                }
            }
        }
        if waiting {
            std::task::Poll::Pending
        } else {
            std::task::Poll::Ready(())
        }
    })
    .await;
    pending
        .into_iter()
        .filter_map(|(_, output)| output)
        .collect()
}

#[tokio::test]
async fn a_missing_permission_is_believed_after_one_fresh_session() {
    let server = MockServer::start().await;
    Mock::given(body_string_contains("login("))
        .respond_with(logged_in("any"))
        .expect(2)
        .mount(&server)
        .await;
    mount_response(&server, bearer("any"), forbidden()).await;
    let error = sweep(&client(&server, password(), None)).await.unwrap_err();
    assert_eq!(
        error,
        StorefrontError::Forbidden {
            operation: "orders"
        }
    );
    assert_eq!(error.category(), ErrorCategory::Auth);
}

#[tokio::test]
async fn a_refused_login_says_so_and_never_the_password() {
    let server = MockServer::start().await;
    let refused = json!({"data": {"login": {
        "__typename": "InvalidCredentialsError", "message": "The provided credentials are invalid"
    }}});
    mount_response(
        &server,
        body_string_contains("login("),
        ResponseTemplate::new(200).set_body_json(refused),
    )
    .await;
    let error = sweep(&client(&server, password(), None)).await.unwrap_err();
    assert!(
        matches!(error, StorefrontError::LoginRefused { .. }),
        "{error}"
    );
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[tokio::test]
async fn an_api_key_goes_into_its_own_header_only() {
    let server = MockServer::start().await;
    mount_response(
        &server,
        header("vendure-api-key", "key-1"),
        list(&[order("1")]),
    )
    .await;
    let client = client(
        &server,
        VendureCredentials::ApiKey("key-1".to_owned().into()),
        None,
    );
    assert_eq!(sweep(&client).await.unwrap().orders.len(), 1);
    let requests = server.received_requests().await.unwrap();
    assert!(
        requests
            .iter()
            .all(|r: &Request| !r.headers.contains_key("authorization"))
    );
}

#[tokio::test]
async fn another_channels_orders_are_not_taken() {
    let server = MockServer::start().await;
    mount_response(&server, body_string_contains("login("), logged_in("s")).await;
    mount_response(&server, header_exists("authorization"), list(&[order("1")])).await;
    let right = sweep(&client(&server, password(), Some("t-main"))).await;
    assert_eq!(right.unwrap().orders.len(), 1);
    let wrong = sweep(&client(&server, password(), Some("t-other"))).await;
    assert_eq!(
        wrong,
        Err(StorefrontError::WrongChannel {
            answering: Some("main".into())
        })
    );
}

#[tokio::test]
async fn a_bad_order_in_a_page_spoils_no_other() {
    let server = MockServer::start().await;
    mount_response(&server, body_string_contains("login("), logged_in("s")).await;
    let mut no_code = order("2");
    no_code["code"] = Value::Null;
    let mut bad_date = order("3");
    bad_date["createdAt"] = json!("yesterday");
    let items = [order("1"), no_code, bad_date, json!("what"), order("5")];
    mount_response(&server, header_exists("authorization"), list(&items)).await;
    let page = sweep(&client(&server, password(), None)).await.unwrap();
    let codes: Vec<&str> = page.orders.iter().map(|o| o.code.as_str()).collect();
    assert_eq!(
        codes,
        ["C1", "C3", "C5"],
        "a bad date keeps no order from being found"
    );
    let problems: Vec<String> = page
        .unreadable
        .iter()
        .map(|bad| format!("{}: {}", bad.key, bad.problem))
        .collect();
    insta::assert_snapshot!(problems.join("\n"));
    assert_eq!(page.len, 5);
}

#[tokio::test]
async fn answers_that_are_none_are_told_apart() {
    let too_many: Vec<Value> = (0..101).map(|id| order(&id.to_string())).collect();
    let cases = [
        (
            "html",
            ResponseTemplate::new(502).set_body_string("<html>Bad gateway</html>"),
        ),
        ("empty", ResponseTemplate::new(200)),
        (
            "html with 200",
            ResponseTemplate::new(200).set_body_string("<html>Log in</html>"),
        ),
        (
            "no data",
            ResponseTemplate::new(200).set_body_json(json!({"data": null})),
        ),
        (
            "wrong type",
            ResponseTemplate::new(200).set_body_json(json!({"data": {"orders": 7}})),
        ),
        (
            "cut off",
            ResponseTemplate::new(200).set_body_string("{\"data\": {\"orders\""),
        ),
        ("too many", list(&too_many)),
        (
            "huge",
            ResponseTemplate::new(200).set_body_bytes(vec![b' '; 200_000]),
        ),
        (
            "no extensions",
            ResponseTemplate::new(200)
                .set_body_json(json!({"errors": [{"message": "broken\npipe"}]})),
        ),
        (
            "validation",
            ResponseTemplate::new(400).set_body_json(json!({"errors": [
                {"message": "no such field", "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}}
            ]})),
        ),
    ];
    let mut messages = Vec::new();
    for (case, template) in cases {
        let server = MockServer::start().await;
        mount_response(&server, body_string_contains("login("), logged_in("s")).await;
        mount_response(&server, header_exists("authorization"), template).await;
        let error = sweep(&client(&server, password(), None)).await.unwrap_err();
        messages.push(format!("{case}: {} ({})", error, error.category()));
    }
    insta::assert_snapshot!(messages.join("\n"));
}
