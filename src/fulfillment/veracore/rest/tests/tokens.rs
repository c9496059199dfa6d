//! Tokens: fetched once, renewed in time, and never the reason for a second order.

use chrono::TimeDelta;
use tokio::task::JoinSet;

use super::*;
use crate::{
    domain::{ErrorCategory, FailureClass},
    fulfillment::veracore::common::credentials::credentials_refused,
};

/// Issues `token-1`, `token-2`… in turn.
fn numbered(expires_in: Value) -> impl Fn(&Request) -> ResponseTemplate {
    let count = std::sync::atomic::AtomicU64::new(0);
    move |_: &Request| {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
        let token = format!("token-{number}");
        answer(
            200,
            json!({"access_token": token, "expires_in": expires_in, "token_type": "bearer"}),
        )
        .set_delay(Duration::from_millis(50))
    }
}

/// Accepts only one token.
fn require_token(token: &'static str, good: Value) -> impl Fn(&Request) -> ResponseTemplate {
    move |request: &Request| {
        if request.headers["authorization"] == format!("Bearer {token}") {
            answer(200, good.clone())
        } else {
            answer(401, json!({"message": "expired"}))
        }
    }
}

impl RestFixture {
    async fn give_tokens(&self, respond: impl wiremock::Respond + 'static) {
        self.respond("token", respond).await;
    }

    async fn respond(&self, place: &str, respond: impl wiremock::Respond + 'static) {
        Mock::given(path(format!("/vc/api/{place}")))
            .respond_with(respond)
            .mount(&self.server)
            .await;
    }

    async fn token_request_count(&self) -> usize {
        self.requests("token").await.len()
    }
}

async fn twenty_calls(
    fixture: &Arc<RestFixture>,
) -> Vec<Result<FeedPage<StockItem>, ProviderError>> {
    let mut calls = JoinSet::new();
    for _ in 0..20 {
        let fixture = Arc::clone(fixture);
        calls.spawn(async move { fixture.client.inventory_page(None).await });
    }
    calls.join_all().await
}

#[tokio::test]
async fn the_token_request_matches_the_documentation() {
    let fixture = RestFixture::oauth2().await;
    fixture.give_tokens(numbered(json!(3600))).await;
    fixture.on("GET", "inventory", answer(200, json!([]))).await;
    fixture.client.inventory_page(None).await.unwrap();
    let request = &fixture.requests("token").await[0];
    assert_eq!(request.method, "POST");
    assert_eq!(
        request.headers["authorization"],
        "Basic Y2xpZW50OnMzY3IzdC1vZi10aGUtY2xpZW50"
    );
    let form = String::from_utf8_lossy(&request.body);
    assert_eq!(form, "grant_type=client_credentials&scope=api");
    let call = &fixture.requests("inventory").await[0];
    assert_eq!(call.headers["authorization"], "Bearer token-1");
}

#[tokio::test]
async fn basic_needs_no_token() {
    let fixture = RestFixture::basic().await;
    fixture
        .on("GET", "inventory", answer(401, json!({"error": "who?"})))
        .await;
    let error = fixture.client.inventory_page(None).await.unwrap_err();
    assert_eq!(error.category(), ErrorCategory::Auth);
    assert!(matches!(error, ProviderError::CredentialsRefused { .. }));
    let calls = fixture.requests("inventory").await;
    assert_eq!(calls.len(), 1);
    assert_eq!(
        calls[0].headers["authorization"],
        "Basic Y2xpZW50OnMzY3IzdC1vZi10aGUtY2xpZW50"
    );
    assert_eq!(fixture.token_request_count().await, 0);
}

#[tokio::test]
async fn many_calls_share_one_token() {
    let fixture = Arc::new(RestFixture::oauth2().await);
    fixture.give_tokens(numbered(json!(3600))).await;
    fixture.on("GET", "inventory", answer(200, json!([]))).await;
    for result in twenty_calls(&fixture).await {
        result.unwrap();
    }
    assert_eq!(fixture.token_request_count().await, 1);
}

#[tokio::test]
async fn many_refused_calls_share_one_renewal() {
    let fixture = Arc::new(RestFixture::oauth2().await);
    fixture.give_tokens(numbered(json!(3600))).await;
    fixture
        .respond("inventory", require_token("token-2", json!([])))
        .await;
    for result in twenty_calls(&fixture).await {
        result.unwrap();
    }
    assert_eq!(fixture.token_request_count().await, 2);
    assert_eq!(fixture.requests("inventory").await.len(), 40);
}

#[tokio::test]
async fn many_calls_share_one_failure() {
    let fixture = Arc::new(RestFixture::oauth2().await);
    let down = answer(503, json!({"message": "down"})).set_delay(Duration::from_millis(200));
    fixture.on("POST", "token", down).await;
    for result in twenty_calls(&fixture).await {
        assert!(matches!(result, Err(ProviderError::NoToken(_))));
    }
    assert_eq!(fixture.token_request_count().await, 1);
}

#[tokio::test]
async fn an_abandoned_renewal_is_taken_over() {
    let fixture = Arc::new(RestFixture::oauth2().await);
    fixture.give_tokens(numbered(json!(3600))).await;
    fixture.on("GET", "inventory", answer(200, json!([]))).await;
    let abandoned = tokio::time::timeout(
        Duration::from_millis(10),
        fixture.client.inventory_page(None),
    )
    .await;
    assert!(abandoned.is_err());
    fixture.client.inventory_page(None).await.unwrap();
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    // Life in seconds, and when its successor is fetched; what is no life is taken for 300 s.
    for (expires_in, renewed_after) in [
        (json!(3600), 3540),
        (json!("3600"), 3540),
        (json!(100), 90),
        (json!(100.5), 90),
        (json!(9e300), 270),
        (json!(99_999_999), 24 * 3600 - 60),
        (json!(0), 270),
        (json!(-5), 270),
        (json!(null), 270),
        (json!("soon"), 270),
    ] {
        let fixture = RestFixture::oauth2().await;
        fixture.give_tokens(numbered(expires_in.clone())).await;
        fixture.on("GET", "inventory", answer(200, json!([]))).await;
        fixture.client.inventory_page(None).await.unwrap();
        fixture
            .clock
            .advance(TimeDelta::milliseconds(renewed_after * 1000 - 1));
        fixture.client.inventory_page(None).await.unwrap();
        assert_eq!(fixture.token_request_count().await, 1, "{expires_in}");
        fixture.clock.advance(TimeDelta::milliseconds(1));
        fixture.client.inventory_page(None).await.unwrap();
        assert_eq!(fixture.token_request_count().await, 2, "{expires_in}");
    }
}

#[tokio::test]
async fn a_failed_early_renewal_leaves_the_token_that_still_works() {
    let fixture = RestFixture::oauth2().await;
    let first = answer(200, json!({"access_token": "a", "expires_in": 3600}));
    Mock::given(path("/vc/api/token"))
        .respond_with(first)
        .up_to_n_times(1)
        .mount(&fixture.server)
        .await;
    fixture.on("POST", "token", answer(500, json!({}))).await;
    fixture.on("GET", "inventory", answer(200, json!([]))).await;
    fixture.client.inventory_page(None).await.unwrap();
    fixture.clock.advance(TimeDelta::seconds(3550));
    for _ in 0..3 {
        fixture.client.inventory_page(None).await.unwrap();
    }
    assert_eq!(fixture.token_request_count().await, 2);
    fixture.clock.advance(TimeDelta::seconds(50));
    let error = fixture.client.inventory_page(None).await.unwrap_err();
    assert!(matches!(error, ProviderError::NoToken(_)), "{error}");
}

#[tokio::test]
async fn an_order_refused_for_its_token_is_sent_again_with_a_new_one() {
    let fixture = RestFixture::oauth2().await;
    fixture.give_tokens(numbered(json!(3600))).await;
    fixture
        .respond(
            "orders",
            require_token("token-2", json!({"OrderId": "VC-1"})),
        )
        .await;
    fixture.client.submit_order(&order()).await.unwrap();
    let sent = fixture.requests("orders").await;
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].body, sent[1].body);
}

#[tokio::test]
async fn a_fresh_token_that_is_refused_is_not_renewed_again() {
    let fixture = RestFixture::oauth2().await;
    fixture.give_tokens(numbered(json!(3600))).await;
    fixture
        .on(
            "POST",
            "orders",
            answer(401, json!({"error": "token-2 is unknown"})),
        )
        .await;
    let error = fixture.client.submit_order(&order()).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Transient);
    assert!(
        error.to_string().contains("HTTP 401: […] is unknown"),
        "{error}"
    );
    assert_eq!(fixture.requests("orders").await.len(), 2);
    assert_eq!(fixture.token_request_count().await, 2);
}

#[tokio::test]
async fn credentials_count_as_refused_only_when_three_fresh_tokens_are() {
    let fixture = Arc::new(RestFixture::oauth2().await);
    fixture.give_tokens(numbered(json!(3600))).await;
    let refusal = answer(401, json!({"message": "expired"}));
    fixture.on("GET", "inventory", refusal).await;
    // Twenty calls have the same first and the same second token: one fresh token was refused.
    for result in twenty_calls(&fixture).await {
        result.unwrap_err();
    }
    assert!(fixture.client.circuit().is_closed());
    fixture.client.inventory_page(None).await.unwrap_err();
    assert!(fixture.client.circuit().is_closed());
    fixture.client.inventory_page(None).await.unwrap_err();
    assert!(!fixture.client.circuit().is_closed());
}

#[tokio::test]
async fn a_token_that_expires_on_the_way_is_no_refusal() {
    let fixture = Arc::new(RestFixture::oauth2().await);
    fixture.give_tokens(numbered(json!(30))).await;
    let clock = fixture.clock.clone();
    let slow = move |_: &Request| {
        clock.advance(TimeDelta::seconds(31));
        answer(401, json!({"message": "expired"}))
    };
    fixture.respond("inventory", slow).await;
    for _ in 0..10 {
        fixture.client.inventory_page(None).await.unwrap_err();
    }
    assert!(fixture.client.circuit().is_closed());
}

#[tokio::test]
async fn without_a_token_nothing_was_sent_and_nothing_is_in_doubt() {
    let timed_out = answer(200, json!({})).set_delay(Duration::from_secs(3));
    for (broken, category) in [
        (
            answer(500, json!({"message": "down"})),
            ErrorCategory::Upstream,
        ),
        (answer(404, json!({})), ErrorCategory::Upstream),
        (html(200), ErrorCategory::Upstream),
        (
            answer(200, json!({"expires_in": 5})),
            ErrorCategory::Upstream,
        ),
        (
            answer(200, json!({"access_token": " "})),
            ErrorCategory::Upstream,
        ),
        (
            answer(200, json!({"access_token": "a\nb"})),
            ErrorCategory::Upstream,
        ),
        (
            answer(200, json!({"access_token": "a", "token_type": "mac"})),
            ErrorCategory::Upstream,
        ),
        (answer(200, json!("a")), ErrorCategory::Upstream),
        (timed_out, ErrorCategory::Timeout),
        (
            answer(429, json!({})).insert_header("Retry-After", "9"),
            ErrorCategory::RateLimited,
        ),
    ] {
        let fixture = RestFixture::with(|settings| {
            settings.limits.timeout = Duration::from_millis(500);
        })
        .await;
        fixture.on("POST", "token", broken).await;
        let error = fixture.client.submit_order(&order()).await.unwrap_err();
        assert!(matches!(error, ProviderError::NoToken(_)), "{error}");
        assert_eq!(error.class(), FailureClass::Transient, "{error}");
        assert_eq!(error.category(), category, "{error}");
        if category == ErrorCategory::RateLimited {
            assert_eq!(error.retry_after(), Some(Duration::from_secs(9)));
        }
        assert!(fixture.requests("orders").await.is_empty());
    }
}

#[tokio::test]
async fn refused_credentials_are_reported_and_stay_secret() {
    for status in [400, 401, 403] {
        let fixture = RestFixture::oauth2().await;
        let body = json!({"error": "invalid_client", "error_description": format!("not {SECRET}")});
        fixture.on("POST", "token", answer(status, body)).await;
        let error = fixture.client.submit_order(&order()).await.unwrap_err();
        assert_eq!(error.class(), FailureClass::Transient);
        assert_eq!(error.category(), ErrorCategory::Auth);
        assert_eq!(
            error,
            credentials_refused(&format!("HTTP {status}: not […]; invalid_client"))
        );
    }
    let shown = format!("{:?}", settings("https://v.example").credentials);
    assert!(!shown.contains(SECRET), "{shown}");
}

#[tokio::test]
async fn secrets_and_personal_data_are_masked_in_messages() {
    use base64::Engine as _;
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("client:{SECRET}"));
    for fixture in [RestFixture::basic().await, RestFixture::oauth2().await] {
        let token = json!({"access_token": "the-token", "expires_in": 60, "token_type": "Bearer"});
        fixture.on("POST", "token", answer(200, token)).await;
        let words = format!("Basic {basic} secret {SECRET} card 4111 1111 1111 1111 order 17");
        fixture
            .on("POST", "orders", answer(422, json!({"message": words})))
            .await;
        let error = fixture.client.submit_order(&order()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "VeraCore submit_order: HTTP 422: Basic […] secret […] card […] order 17"
        );
    }
}
