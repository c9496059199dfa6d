//! A receiver of events, apart from the program: it answers as told, and checks every signature by
//! itself.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

pub const EVENT_SECRET: &str = "the-secret-of-the-receiver";

type Answer = Box<dyn Fn(&Value, usize) -> ResponseTemplate + Send>;

/// What was received, in this sequence, whatever was answered.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(Value, u16)>>>);

struct Answering {
    log: Log,
    answer: Arc<Mutex<Answer>>,
}

pub struct Receiver {
    server: MockServer,
    log: Log,
    answer: Arc<Mutex<Answer>>,
}

impl Receiver {
    /// One that takes everything.
    pub async fn start() -> Self {
        let log = Log::default();
        let answer: Answer = Box::new(|_, _| ResponseTemplate::new(204));
        let answer = Arc::new(Mutex::new(answer));
        let server = MockServer::start().await;
        let answering = Answering {
            log: log.clone(),
            answer: Arc::clone(&answer),
        };
        Mock::given(any())
            .respond_with(answering)
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

    /// What it answers from now on, by the event and how many came before it.
    pub fn answers(&self, answer: impl Fn(&Value, usize) -> ResponseTemplate + Send + 'static) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(answer);
    }

    /// It answers all with this status.
    pub fn answers_all(&self, status: u16) {
        self.answers(move |_, _| ResponseTemplate::new(status));
    }

    /// The events that came, each with the status that was answered.
    pub fn all(&self) -> Vec<(Value, u16)> {
        self.log.0.lock().unwrap().clone()
    }

    /// Those that it took.
    pub fn taken(&self) -> Vec<Value> {
        let taken = self.all().into_iter().filter(|(_, status)| *status < 300);
        taken.map(|(event, _)| event).collect()
    }
}

impl Respond for Answering {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let header = |name: &str| request.headers[name].to_str().unwrap().to_owned();
        assert_eq!(request.method.as_str(), "POST");
        assert_eq!(request.url.path(), "/hook");
        assert_eq!(header("content-type"), "application/json");
        let mut signed = header("x-sync-timestamp").into_bytes();
        signed.push(b'.');
        signed.extend(&request.body);
        let right = hmac(EVENT_SECRET.as_bytes(), &signed);
        if header("x-sync-signature") != format!("sha256={right}") {
            return ResponseTemplate::new(401);
        }
        let event: Value = serde_json::from_slice(&request.body).unwrap();
        let mut log = self.log.0.lock().unwrap();
        let answer = self.answer.lock().unwrap()(&event, log.len());
        let status = Response::status(&answer);
        log.push((event, status));
        answer
    }
}

/// The status of a template, which keeps it to itself.
struct Response;

impl Response {
    fn status(template: &ResponseTemplate) -> u16 {
        let text = format!("{template:?}");
        let at = text.find("status_code: ").unwrap() + "status_code: ".len();
        text[at..at + 3].parse().unwrap()
    }
}

/// HMAC-SHA256 after RFC 2104, for keys of at most 64 bytes.
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
