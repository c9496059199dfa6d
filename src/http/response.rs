//! A complete response, and its JSON.

use std::{fmt, time::Duration};

use reqwest::header::HeaderMap;
use serde::Deserialize;

use super::{CallError, CallErrorKind};
use crate::domain::text::one_line;

/// A complete response of any status.
pub struct HttpResponse {
    pub(super) upstream: &'static str,
    pub(super) operation: &'static str,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub(super) retry_after: Option<Duration>,
}

/// Body and headers contain tokens and customer data, so `Debug` shows neither.
impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpResponse")
            .field("upstream", &self.upstream)
            .field("operation", &self.operation)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl HttpResponse {
    pub(crate) fn from_body(body: Vec<u8>) -> Self {
        Self {
            upstream: "test",
            operation: "test",
            status: 200,
            headers: HeaderMap::new(),
            body,
            retry_after: None,
        }
    }

    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Returns the response if its status is 2xx. `message` finds the upstream's own message in the
    /// body of an error.
    ///
    /// # Errors
    /// [`CallErrorKind::Status`] for any other status.
    pub fn error_for_status(
        self,
        message: impl FnOnce(&Self) -> String,
    ) -> Result<Self, CallError> {
        if self.is_success() {
            return Ok(self);
        }
        Err(self.error(CallErrorKind::Status {
            status: self.status,
            message: message(&self),
            retry_after: self.retry_after,
        }))
    }

    /// Parses the body as JSON, which may borrow from it.
    ///
    /// # Errors
    /// [`CallErrorKind::Malformed`], which names the invalid field.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, CallError> {
        parse_json(&self.body).map_err(|problem| self.malformed(problem))
    }

    /// A [`CallErrorKind::Malformed`] about this response.
    pub fn malformed(&self, detail: String) -> CallError {
        self.error(CallErrorKind::Malformed { detail })
    }

    fn error(&self, kind: CallErrorKind) -> CallError {
        CallError::new(self.upstream, self.operation, kind)
    }
}

/// Parses JSON from outside; the error names the field and never quotes the value.
pub fn parse_json<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, String> {
    match body.iter().find(|b| !b.is_ascii_whitespace()) {
        None => return Err("it is empty".into()),
        Some(b'<') => return Err("it is HTML or XML instead of JSON".into()),
        Some(_) => {}
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let field = error.path().to_string();
        let problem = redact_quoted(&error.inner().to_string());
        let location = if field == "." {
            String::new()
        } else {
            format!("{field}: ")
        };
        one_line(&format!("{location}{problem}"), 200)
    })?;
    reader
        .end()
        .map_err(|_| "extra data after the end".to_owned())?;
    Ok(value)
}

/// serde quotes the rejected value, which may be an address.
fn redact_quoted(problem: &str) -> String {
    const VARIANT: &str = "unknown variant `";
    if problem.starts_with(VARIANT) {
        let expected = problem
            .rfind("`, expected ")
            .map_or("`", |at| &problem[at..]);
        return format!("{VARIANT}…{expected}");
    }
    match (problem.find('"'), problem.rfind('"')) {
        (Some(from), Some(to)) if from < to => {
            format!("{}\"…{}", &problem[..from], &problem[to..])
        }
        _ => problem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Row {
        #[expect(dead_code, reason = "read only for its type")]
        size: u32,
    }

    #[test]
    fn what_is_wrong_with_json_is_told_without_quoting_it() {
        let problem = |text: &str| parse_json::<Vec<Row>>(text.as_bytes()).unwrap_err();
        assert_eq!(
            problem(r#"[{"size": 1}, {"size": "1 Main \"St"}]"#),
            r#"[1].size: invalid type: string "…", expected u32 at line 1 column 36"#
        );
        assert_eq!(
            problem(r#"[{}]"#),
            "[0]: missing field `size` at line 1 column 3"
        );
        assert_eq!(problem(" \n"), "it is empty");
        assert_eq!(problem("<html>"), "it is HTML or XML instead of JSON");
        assert_eq!(problem("[] []"), "extra data after the end");
        assert!(problem("[{").contains("EOF"));
    }
}
