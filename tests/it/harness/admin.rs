//! A small client of Vendure's Admin API, independent of the program's own.

use reqwest::Client;
use serde_json::{Value, json};

/// A session in the shop.
#[derive(Clone)]
pub struct AdminApi {
    http: Client,
    url: String,
    token: String,
    channel: Option<String>,
}

impl AdminApi {
    pub async fn log_in(url: &str, username: &str, password: &str) -> Self {
        let mut api = Self {
            http: client(),
            url: url.to_owned(),
            token: String::new(),
            channel: None,
        };
        let login = json!({
            "query": "mutation ($u: String!, $p: String!) { login(username: $u, password: $p) { __typename } }",
            "variables": { "u": username, "p": password },
        });
        let answer = api.http.post(url).json(&login).send().await.unwrap();
        let token = answer.headers().get("vendure-auth-token").cloned();
        let body: Value = answer.json().await.unwrap();
        assert_eq!(
            body["data"]["login"]["__typename"], "CurrentUser",
            "login of {username}: {body}"
        );
        api.token = token.unwrap().to_str().unwrap().to_owned();
        api
    }

    /// The session's token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The same session in another channel.
    pub fn in_channel(&self, token: &str) -> Self {
        Self {
            channel: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// Sends a request and returns the response, even with errors.
    pub async fn ask(&self, query: &str, variables: &Value) -> Value {
        let mut request = self
            .http
            .post(&self.url)
            .bearer_auth(&self.token)
            .json(&json!({ "query": query, "variables": variables }));
        if let Some(channel) = &self.channel {
            request = request.header("vendure-token", channel);
        }
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Sends a request that must succeed, including each of its parts.
    pub async fn run(&self, query: &str, variables: &Value) -> Value {
        let mut answer = self.ask(query, variables).await;
        assert!(answer.get("errors").is_none(), "{query}: {answer}");
        let data = answer["data"].take();
        for (name, part) in data.as_object().unwrap() {
            assert!(part.get("errorCode").is_none(), "{name}: {part}");
        }
        data
    }
}

#[expect(clippy::disallowed_methods, reason = "the tests' own client")]
pub(super) fn client() -> Client {
    // A second call fails, because the provider is already installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
}

/// The status and body of a GET request.
pub async fn get(url: &str) -> (u16, String) {
    let answer = client().get(url).send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.text().await.unwrap())
}

/// The value of a JSON string.
///
/// # Panics
/// If it is no string.
pub fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no text: {value}"))
        .to_owned()
}
