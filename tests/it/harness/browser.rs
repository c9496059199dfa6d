//! A minimal browser: keeps cookies and sends forms, but does not follow redirects.

use std::{collections::BTreeMap, net::SocketAddr, sync::Mutex};

use reqwest::{Client, Method, RequestBuilder, redirect::Policy};

/// A response to the browser.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    /// The target of a redirect.
    pub to: Option<String>,
    pub headers: BTreeMap<String, Vec<String>>,
    pub text: String,
}

impl Page {
    /// The CSRF token of the page's forms.
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

    /// Sets a cookie, such as a stolen one.
    pub fn set_cookie(&self, name: &str, value: &str) {
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

    pub async fn send(&self, request: RequestBuilder) -> Page {
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
        Page {
            status: answer.status().as_u16(),
            to: headers.get("location").map(|to| to[0].clone()),
            headers,
            text: answer.text().await.unwrap(),
        }
    }

    pub async fn get(&self, path: &str) -> Page {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        self.send(self.request(Method::POST, path).form(fields))
            .await
    }

    /// Submits the login form.
    pub async fn log_in(&self, username: &str, password: &str) -> Page {
        let token = self.get("/login").await.form_token();
        let fields = [
            ("form_token", token.as_str()),
            ("username", username),
            ("password", password),
            ("next", "/orders?status=error"),
        ];
        self.post("/login", &fields).await
    }

    /// Opens a confirmation page and submits it.
    pub async fn confirm(&self, path: &str) -> Page {
        let page = self.get(path).await;
        assert_eq!(page.status, 200, "{path}: {page:?}");
        self.post(path, &[("form_token", &page.form_token())]).await
    }
}
