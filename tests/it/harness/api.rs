//! A caller of the daemon's own API.

use std::net::SocketAddr;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use super::admin::client;

/// The value of `API_TOKEN` where a test sets it.
pub const TOKEN: &str = "the token of the tests, long enough";

/// What a caller shows.
#[derive(Debug, Clone)]
pub enum Shows {
    Nothing,
    Bearer(String),
    ApiKey(String),
}

impl Shows {
    pub fn token() -> Self {
        Self::Bearer(TOKEN.into())
    }
}

/// An answer: its status and its body, as JSON where it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    /// The data of a field that was answered without an error.
    pub fn data(&self, field: &str) -> &Value {
        assert_eq!(self.status, 200, "{self:?}");
        assert!(self.body.get("errors").is_none(), "{self:?}");
        &self.body["data"][field]
    }

    /// The first error's message.
    pub fn error(&self) -> &str {
        self.body["errors"][0]["message"]
            .as_str()
            .unwrap_or_else(|| panic!("no error: {self:?}"))
    }

    /// The first error's code.
    pub fn code(&self) -> &str {
        let code = &self.body["errors"][0]["extensions"]["code"];
        code.as_str().unwrap_or_else(|| panic!("no code: {self:?}"))
    }
}

/// A caller.
#[derive(Clone)]
pub struct Api {
    http: Client,
    base: String,
    shows: Shows,
}

impl Api {
    pub fn new(address: SocketAddr, shows: Shows) -> Self {
        Self {
            http: client(),
            base: format!("http://{address}"),
            shows,
        }
    }

    /// The same caller with something else in his hand.
    pub fn showing(&self, shows: Shows) -> Self {
        Self {
            shows,
            ..self.clone()
        }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.shows {
            Shows::Nothing => request,
            Shows::Bearer(token) => request.bearer_auth(token),
            Shows::ApiKey(key) => request.header("vendure-api-key", key),
        }
    }

    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.text().await.unwrap();
        let body = serde_json::from_str(&body).unwrap_or(Value::String(body));
        Answer { status, body }
    }

    pub async fn ask(&self, query: &str, variables: Value) -> Answer {
        let body = json!({ "query": query, "variables": variables });
        self.send(self.request(Method::POST, "/graphql").json(&body))
            .await
    }

    /// A document that needs no variables.
    pub async fn run(&self, query: &str) -> Answer {
        self.ask(query, json!({})).await
    }

    /// A body as it is.
    pub async fn send_body(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.request(Method::POST, path);
        let request = request
            .header("content-type", "application/json")
            .body(body);
        self.send(request).await
    }
}
