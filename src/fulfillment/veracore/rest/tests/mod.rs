//! The client against servers that respond well, badly and not at all.

mod feeds;
mod fuzz;
mod hostile;
mod orders;
mod tokens;
mod transport;

use std::{sync::Arc, time::Duration};

use chrono_tz::Tz;
use secrecy::SecretString;
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{method, path},
};

use super::{
    super::{
        common::{base_url::ClientBuildError, credentials::Credentials, error_body::ErrorBody},
        tests::{address, buyer, code, html, item, limits, text},
    },
    urls::BaseUrl,
    *,
};
use crate::{
    clock::MockClock,
    domain::{CurrencyCode, Quantity, RestAuth},
    fulfillment::PostalAddress,
    http::UpstreamLimits,
};

const SECRET: &str = "s3cr3t-of-the-client";

fn settings(base_url: &str) -> RestSettings {
    RestSettings {
        base_url: base_url.parse().unwrap(),
        company_id: "ACME".into(),
        credentials: Credentials {
            client_id: "client".into(),
            client_secret: SecretString::from(SECRET),
        },
        auth: RestAuth::OAuth2,
        timezone: chrono_tz::America::Los_Angeles,
        limits: UpstreamLimits {
            max_body_bytes: 64 * 1024,
            ..limits()
        },
    }
}

fn mock_clock() -> Arc<MockClock> {
    MockClock::at("2026-11-21T10:00:00Z".parse().unwrap())
}

/// A server below the path `/vc`, and a client for it.
struct RestFixture {
    server: MockServer,
    client: RestClient,
    clock: Arc<MockClock>,
}

impl RestFixture {
    async fn basic() -> Self {
        Self::with(|settings| settings.auth = RestAuth::Basic).await
    }

    async fn oauth2() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut RestSettings)) -> Self {
        let server = MockServer::start().await;
        let mut settings = settings(&format!("{}/vc/", server.uri()));
        change(&mut settings);
        let clock = mock_clock();
        let client = RestClient::new(settings, clock.clone()).unwrap();
        Self {
            server,
            client,
            clock,
        }
    }

    async fn on(&self, verb: &str, place: &str, answer: ResponseTemplate) {
        Mock::given(method(verb))
            .and(path(format!("/vc/api/{place}")))
            .respond_with(answer)
            .mount(&self.server)
            .await;
    }

    async fn requests(&self, place: &str) -> Vec<Request> {
        let mut requests = self.server.received_requests().await.unwrap();
        requests.retain(|request| request.url.path() == format!("/vc/api/{place}"));
        requests
    }
}

fn answer(status: u16, body: Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

fn order() -> NewOrder {
    NewOrder {
        number: code("T/1 é"),
        placed_at: "2026-11-21T02:00:00.123456-08:00"
            .parse::<DateTime<chrono::FixedOffset>>()
            .unwrap()
            .to_utc(),
        currency: CurrencyCode::parse("USD").unwrap(),
        shipping_method: "UPS-GROUND".into(),
        comments: text("Leave \"it\"\nat the door"),
        customer: buyer(),
        ship_to: address(),
        bill_to: Some(PostalAddress {
            last_name: text("Byron"),
            address_1: text("1 Main St"),
            country: text("GB"),
            ..PostalAddress::default()
        }),
        items: vec![item("MUG-1", 2, 1250, 2), item("MUG-1", 1, 199_999, 4)],
    }
}
