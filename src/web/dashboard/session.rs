//! Session secrets and cookies of the dashboard.
//!
//! The cookie holds a secret. The ledger holds its digest and the token of the Vendure session,
//! encrypted with a key derived from the secret: neither is of use without the other.

use axum::http::{HeaderMap, HeaderValue, header};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Generate as _, Key},
};
use secrecy::{ExposeSecret as _, SecretBox, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::{domain::text::hex, http::hmac_sha256, ledger::SealedToken};

const SESSION_COOKIE: &str = "veracore_sync_session";

pub(super) struct SessionSecret(SecretBox<[u8; 32]>);

impl SessionSecret {
    pub(super) fn generate() -> Self {
        Self(SecretBox::new(Box::new(
            Key::<XChaCha20Poly1305>::generate().into(),
        )))
    }

    pub(super) fn from_cookie(headers: &HeaderMap) -> Option<Self> {
        Self::parse(&read_cookie(headers, SESSION_COOKIE)?)
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let bytes = <[u8; 32]>::try_from(bytes).ok()?;
        Some(Self(SecretBox::new(Box::new(bytes))))
    }

    pub(super) fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.expose_secret())
    }

    /// A key for one purpose, which does not reveal the secret.
    fn derive_key(&self, purpose: &[u8]) -> [u8; 32] {
        self.mac(&[b"veracore-sync dashboard ", purpose])
    }

    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        hmac_sha256(self.0.expose_secret(), parts)
    }

    /// The session's key in the ledger.
    pub(super) fn digest(&self) -> String {
        let digest = Sha256::digest(self.0.expose_secret());
        hex(&digest)
    }

    /// The CSRF token of this session's forms.
    pub(super) fn form_token(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.derive_key(b"form")[..18])
    }

    pub(super) fn is_valid_form_token(&self, text: &str) -> bool {
        self.form_token().as_bytes().ct_eq(text.as_bytes()).into()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.derive_key(b"seal").into())
    }

    pub(super) fn seal(&self, token: &SecretString) -> Option<SealedToken> {
        let nonce = XNonce::generate();
        let text = self
            .cipher()
            .encrypt(&nonce, token.expose_secret().as_bytes())
            .ok()?;
        Some(SealedToken {
            nonce: nonce.to_vec(),
            text,
        })
    }

    pub(super) fn open(&self, sealed: &SealedToken) -> Option<SecretString> {
        let nonce = <[u8; 24]>::try_from(sealed.nonce.as_slice()).ok()?;
        let text = self
            .cipher()
            .decrypt(&XNonce::from(nonce), sealed.text.as_slice())
            .ok()?;
        String::from_utf8(text).ok().map(SecretString::from)
    }

    /// Signs a flash message for this browser.
    pub(super) fn sign(&self, text: &str) -> String {
        let mac = self.mac(&[b"note ", text.as_bytes()]);
        URL_SAFE_NO_PAD.encode([&mac[..16], text.as_bytes()].concat())
    }

    pub(super) fn verify(&self, signed: &str) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(signed).ok()?;
        let (mac, text) = bytes.split_at_checked(16)?;
        let expected = self.mac(&[b"note ", text]);
        let is_ours: bool = expected[..16].ct_eq(mac).into();
        is_ours.then(|| String::from_utf8(text.to_vec()).ok())?
    }

    pub(super) fn set_cookie_header(&self, is_https: bool) -> Option<HeaderValue> {
        cookie_header(SESSION_COOKIE, &self.encode(), None, is_https)
    }
}

/// Deletes the session cookie.
pub(super) fn clear_cookie_header(is_https: bool) -> Option<HeaderValue> {
    cookie_header(SESSION_COOKIE, "", Some(0), is_https)
}

/// A cookie that scripts and other sites cannot use.
pub(super) fn cookie_header(
    name: &str,
    value: &str,
    seconds: Option<u32>,
    is_https: bool,
) -> Option<HeaderValue> {
    let age = seconds.map_or_else(String::new, |seconds| format!("; Max-Age={seconds}"));
    let secure = if is_https { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{age}{secure}");
    HeaderValue::from_str(&text).ok()
}

/// A cookie's value. `None` if two cookies of the name differ: either may be forged.
pub(super) fn read_cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value);
    let value = found.next()?;
    found.all(|other| other == value).then(|| value.to_owned())
}

/// The browser uses HTTPS to the reverse proxy. A forged header only makes the own cookie stricter.
pub(super) fn is_https(headers: &HeaderMap) -> bool {
    let scheme = headers.get("x-forwarded-proto");
    scheme
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.rsplit(',').next())
        .is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_with_its_own_secret_only() {
        let (secret, other) = (SessionSecret::generate(), SessionSecret::generate());
        let sealed = secret.seal(&"the token".into()).unwrap();
        let opened = |secret: &SessionSecret| {
            secret
                .open(&sealed)
                .map(|token| token.expose_secret().to_owned())
        };
        assert_eq!(opened(&secret).as_deref(), Some("the token"));
        assert_eq!(opened(&other), None);
        assert_ne!(secret.digest(), other.digest());
        let again = SessionSecret::parse(&secret.encode()).unwrap();
        assert_eq!(opened(&again).as_deref(), Some("the token"));
        assert!(secret.is_valid_form_token(&again.form_token()));
        assert!(!secret.is_valid_form_token(&other.form_token()));
        assert!(!secret.is_valid_form_token(""));
    }

    #[test]
    fn a_note_is_taken_from_ourselves_only() {
        let (secret, other) = (SessionSecret::generate(), SessionSecret::generate());
        let note = secret.sign("Done — ✓");
        assert_eq!(secret.verify(&note).as_deref(), Some("Done — ✓"));
        assert_eq!(other.verify(&note), None);
        for bad in ["", "AAAA", "%%%", &note[1..]] {
            assert_eq!(secret.verify(bad), None, "{bad}");
        }
    }

    #[test]
    fn cookies_are_found_among_others_and_never_guessed() {
        let headers = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::COOKIE, line.parse().unwrap());
            }
            headers
        };
        let of = |lines: &[&str]| read_cookie(&headers(lines), "a");
        assert_eq!(of(&["b=1; a=2; c=3"]).as_deref(), Some("2"));
        assert_eq!(of(&["b=1", "a=2"]).as_deref(), Some("2"));
        assert_eq!(of(&["a=2; a=2"]).as_deref(), Some("2"));
        assert_eq!(of(&["a=2; a=3"]), None);
        assert_eq!(of(&["aa=2; b=a"]), None);
    }
}
