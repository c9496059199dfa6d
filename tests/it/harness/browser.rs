//! A browser without a screen: keeps cookies, sends forms, follows nothing by itself.

use std::{collections::BTreeMap, net::SocketAddr, sync::Mutex};

use reqwest::{Client, Method, RequestBuilder, redirect::Policy};

/// An answer to it.
#[derive(Debug)]
pub struct Seen {
    pub status: u16,
    /// Where it is sent to.
    pub to: Option<String>,
    pub headers: BTreeMap<String, Vec<String>>,
    pub text: String,
}

impl Seen {
    /// The token of the page's forms.
    pub fn form_token(&self) -> String {
        let from = "name=\"form_token\" value=\"";
        let (_, rest) = self.text.split_once(from).expect("a form");
        rest.split('"').next().unwrap().to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers[name].first().unwrap()
    }
}

pub struct Browser {
    http: Client,
    base: String,
    cookies: Mutex<BTreeMap<String, String>>,
}

impl Browser {
    #[expect(clippy::disallowed_methods, reason = "the tests' own browser")]
    pub fn new(address: SocketAddr) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            http: Client::builder().redirect(Policy::none()).build().unwrap(),
            base: format!("http://{address}"),
            cookies: Mutex::default(),
        }
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(name).cloned()
    }

    /// Somebody else's cookie.
    pub fn takes(&self, name: &str, value: &str) {
        let mut cookies = self.cookies.lock().unwrap();
        cookies.insert(name.to_owned(), value.to_owned());
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let cookies = self.cookies.lock().unwrap();
        let cookies: Vec<String> = cookies.iter().map(|(k, v)| format!("{k}={v}")).collect();
        self.http
            .request(method, format!("{}{path}", self.base))
            .header("accept", "text/html")
            .header("cookie", cookies.join("; "))
    }

    pub async fn send(&self, request: RequestBuilder) -> Seen {
        let answer = request.send().await.unwrap();
        let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in answer.headers() {
            let value = value.to_str().unwrap().to_owned();
            headers.entry(name.to_string()).or_default().push(value);
        }
        for cookie in headers.get("set-cookie").into_iter().flatten() {
            let (pair, rest) = cookie.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let mut cookies = self.cookies.lock().unwrap();
            if rest.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Seen {
            status: answer.status().as_u16(),
            to: headers.get("location").map(|to| to[0].clone()),
            headers,
            text: answer.text().await.unwrap(),
        }
    }

    pub async fn get(&self, path: &str) -> Seen {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Seen {
        self.send(self.request(Method::POST, path).form(fields))
            .await
    }

    /// Fills in the login.
    pub async fn log_in(&self, username: &str, password: &str) -> Seen {
        let token = self.get("/login").await.form_token();
        let fields = [
            ("form_token", token.as_str()),
            ("username", username),
            ("password", password),
            ("next", "/orders?status=error"),
        ];
        self.post("/login", &fields).await
    }

    /// Presses the button of a confirmation page.
    pub async fn confirm(&self, path: &str) -> Seen {
        let page = self.get(path).await;
        assert_eq!(page.status, 200, "{path}: {page:?}");
        self.post(path, &[("form_token", &page.form_token())]).await
    }
}
