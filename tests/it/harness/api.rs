//! A client of the daemon's GraphQL API.

use std::net::SocketAddr;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use super::admin::client;

/// The value of `API_TOKEN` where a test sets it.
pub const TOKEN: &str = "the token of the tests, long enough";

/// How a client authenticates.
#[derive(Debug, Clone)]
pub enum Credential {
    None,
    Bearer(String),
    ApiKey(String),
}

impl Credential {
    pub fn token() -> Self {
        Self::Bearer(TOKEN.into())
    }
}

/// A response: its status and its body, as JSON if it is JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    /// A field of the data of a response without errors.
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

#[derive(Clone)]
pub struct Api {
    http: Client,
    base: String,
    credential: Credential,
}

impl Api {
    pub fn new(address: SocketAddr, credential: Credential) -> Self {
        Self {
            http: client(),
            base: format!("http://{address}"),
            credential,
        }
    }

    /// The same client with another credential.
    pub fn with_credential(&self, credential: Credential) -> Self {
        Self {
            credential,
            ..self.clone()
        }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.credential {
            Credential::None => request,
            Credential::Bearer(token) => request.bearer_auth(token),
            Credential::ApiKey(key) => request.header("vendure-api-key", key),
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

    /// Sends a document without variables.
    pub async fn run(&self, query: &str) -> Answer {
        self.ask(query, json!({})).await
    }

    /// Sends a body unchanged.
    pub async fn send_body(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.request(Method::POST, path);
        let request = request
            .header("content-type", "application/json")
            .body(body);
        self.send(request).await
    }
}
