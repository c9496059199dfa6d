//! The sandbox over HTTP, with a client that reads raw bytes, so that partial and missing responses
//! are visible.

mod faults;
mod orders;
mod soap;
mod stock;
mod wire;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{Sandbox, SandboxConfig, start};
use crate::clock::MockClock;

fn noon() -> DateTime<Utc> {
    "2025-03-04T12:00:00Z".parse().unwrap()
}

async fn sandbox_with(config: SandboxConfig) -> (Sandbox, Arc<MockClock>) {
    let clock = MockClock::at(noon());
    let sandbox = start(config, clock.clone()).await.unwrap();
    (sandbox, clock)
}

async fn sandbox() -> (Sandbox, Arc<MockClock>) {
    sandbox_with(SandboxConfig::default()).await
}

/// `sandbox-client:sandbox-secret`.
const BASIC: &str = "Authorization: Basic c2FuZGJveC1jbGllbnQ6c2FuZGJveC1zZWNyZXQ=\r\n";

/// A response, as far as it was received.
struct Raw {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Raw {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Every byte until the sandbox closes the connection; with `keep-alive`, it must do so unasked.
async fn bytes_of(sandbox: &Sandbox, head: &str, connection: &str, body: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(sandbox.addr()).await.unwrap();
    let length = body.len();
    let request = format!(
        "{head} HTTP/1.1\r\nHost: twin.test\r\nConnection: {connection}\r\n{BASIC}\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    timeout(Duration::from_secs(20), reading)
        .await
        .expect("the connection is closed")
        .unwrap();
    answer
}

fn parse(bytes: &[u8]) -> Raw {
    let end = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("an answer has a head");
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    Raw {
        status: head[9..12].parse().unwrap(),
        body: bytes[end + 4..].to_vec(),
        head: head.to_lowercase(),
    }
}

/// One call over HTTP Basic: `head` is `GET /path`.
async fn call(sandbox: &Sandbox, head: &str, body: impl ToString) -> Raw {
    parse(&bytes_of(sandbox, head, "close", &body.to_string()).await)
}

async fn get(sandbox: &Sandbox, path: &str) -> Raw {
    call(sandbox, &format!("GET {path}"), "").await
}

fn order(number: &str, sku: &str, quantity: u32) -> Value {
    json!({
        "CompanyId": "sandbox-company",
        "OrderNumber": number,
        "OrderDate": "2025-03-04T11:00:00Z",
        "CurrencyCode": "USD",
        "ShippingAddress": {
            "FirstName": "Ada", "Address1": "1 Main St", "City": "Springfield", "Country": "US"
        },
        "Items": [{ "SKU": sku, "Quantity": quantity, "UnitPrice": 12.5 }],
    })
}

async fn send(sandbox: &Sandbox, number: &str, sku: &str, quantity: u32) -> Raw {
    call(sandbox, "POST /api/orders", order(number, sku, quantity)).await
}
