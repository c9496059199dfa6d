//! A receiver of events that checks every signature and responds as the test configures it.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

pub const EVENT_SECRET: &str = "the-secret-of-the-receiver";

type Answer = Box<dyn Fn(&Value, usize) -> ResponseTemplate + Send>;

/// The events received, with the status of each response.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(Value, u16)>>>);

struct Responder {
    log: Log,
    answer: Arc<Mutex<Answer>>,
}

pub struct Receiver {
    server: MockServer,
    log: Log,
    answer: Arc<Mutex<Answer>>,
}

impl Receiver {
    /// A receiver that accepts everything.
    pub async fn start() -> Self {
        let log = Log::default();
        let answer: Answer = Box::new(|_, _| ResponseTemplate::new(204));
        let answer = Arc::new(Mutex::new(answer));
        let server = MockServer::start().await;
        let responder = Responder {
            log: log.clone(),
            answer: Arc::clone(&answer),
        };
        Mock::given(any())
            .respond_with(responder)
            .mount(&server)
            .await;
        Self {
            server,
            log,
            answer,
        }
    }

    pub fn url(&self) -> String {
        format!("{}/hook", self.server.uri())
    }

    /// Sets the response, as a function of the event and the number of events before it.
    pub fn respond_with(
        &self,
        answer: impl Fn(&Value, usize) -> ResponseTemplate + Send + 'static,
    ) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(answer);
    }

    /// Responds to all events with this status.
    pub fn respond_with_status(&self, status: u16) {
        self.respond_with(move |_, _| ResponseTemplate::new(status));
    }

    /// The events received, each with the status of its response.
    pub fn all(&self) -> Vec<(Value, u16)> {
        self.log.0.lock().unwrap().clone()
    }

    /// The events answered with success.
    pub fn accepted(&self) -> Vec<Value> {
        let accepted = self.all().into_iter().filter(|(_, status)| *status < 300);
        accepted.map(|(event, _)| event).collect()
    }
}

impl Respond for Responder {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let header = |name: &str| request.headers[name].to_str().unwrap().to_owned();
        assert_eq!(request.method.as_str(), "POST");
        assert_eq!(request.url.path(), "/hook");
        assert_eq!(header("content-type"), "application/json");
        let mut signed = header("x-sync-timestamp").into_bytes();
        signed.push(b'.');
        signed.extend(&request.body);
        let expected = hmac(EVENT_SECRET.as_bytes(), &signed);
        if header("x-sync-signature") != format!("sha256={expected}") {
            return ResponseTemplate::new(401);
        }
        let event: Value = serde_json::from_slice(&request.body).unwrap();
        let mut log = self.log.0.lock().unwrap();
        let answer = self.answer.lock().unwrap()(&event, log.len());
        let status = status_of(&answer);
        log.push((event, status));
        answer
    }
}

/// The status of a template, which has no getter for it.
fn status_of(template: &ResponseTemplate) -> u16 {
    let text = format!("{template:?}");
    let at = text.find("status_code: ").unwrap() + "status_code: ".len();
    text[at..at + 3].parse().unwrap()
}

/// HMAC-SHA256 of RFC 2104, for keys of at most 64 bytes.
fn hmac(key: &[u8], text: &[u8]) -> String {
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let pad = |with: u8| block.map(|byte| byte ^ with);
    let inner = Sha256::new()
        .chain_update(pad(0x36))
        .chain_update(text)
        .finalize();
    let outer = Sha256::new()
        .chain_update(pad(0x5c))
        .chain_update(inner)
        .finalize();
    outer.iter().map(|byte| format!("{byte:02x}")).collect()
}
