//! Faults to inject: which calls they apply to, and how often. `gate` carries them out.

use std::collections::BTreeMap;

use globset::GlobBuilder;
use hyper::{HeaderMap, StatusCode, header::HeaderName, header::HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A fault, and the calls that it applies to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// A path prefix (whole segments), or a glob in which `*` matches one segment and `**` any
    /// number. Matched against the path with and without the base path; the paths of `oms` match in
    /// any case.
    pub path: String,
    /// An HTTP method, such as `POST`; any if absent.
    #[serde(default)]
    pub method: Option<String>,
    /// An operation of `oms`, such as `AddOrder`; any if absent.
    #[serde(default)]
    pub operation: Option<String>,
    /// A text that the path or body must contain, such as an order's number.
    #[serde(default)]
    pub about: Option<String>,
    #[serde(flatten)]
    pub kind: FaultKind,
    /// Injections after which the fault is removed; unlimited if absent.
    #[serde(default)]
    pub times: Option<u32>,
    /// Applies to every n-th matching call only, not counting the skipped ones.
    #[serde(default)]
    pub every: Option<u32>,
    /// Matching calls that pass before the fault applies.
    #[serde(default)]
    pub skip: Option<u32>,
}

/// The effect of a fault. With `done`, the call is executed although the response is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FaultKind {
    /// Responds with this status and body. A body that is a JSON string is sent as plain text.
    Status {
        status: u16,
        #[serde(default)]
        body: Value,
        #[serde(default)]
        headers: BTreeMap<String, String>,
        #[serde(default)]
        done: bool,
    },
    /// Delays the right response. The call is executed even if the client disconnects.
    Delay {
        milliseconds: u64,
        #[serde(default)]
        work: Work,
    },
    /// Closes the connection without executing the call.
    DropRequest,
    /// Executes the call, then closes the connection without a response.
    DropAnswer,
    /// Responds with 200 and half of the right JSON or XML.
    Malformed {
        #[serde(default = "yes")]
        done: bool,
    },
    /// Executes the call, sends half of the promised bytes, then closes the connection.
    Partial,
    /// Responds with a gateway's 502 page.
    Html {
        #[serde(default)]
        done: bool,
    },
    /// Streams a JSON array or a SOAP response of this size.
    Huge { bytes: u64 },
    /// Responds with 429 and a `Retry-After` in seconds or, with `as_date`, as a date.
    RateLimited {
        retry_after: u32,
        #[serde(default)]
        as_date: bool,
    },
    /// Expires all tokens and responds with 401.
    ExpireToken,
}

/// When the call is executed: before or after the delay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    #[default]
    Before,
    After,
}

const fn yes() -> bool {
    true
}

impl FaultKind {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Status { .. } => "status",
            Self::Delay { .. } => "delay",
            Self::DropRequest => "drop_request",
            Self::DropAnswer => "drop_answer",
            Self::Malformed { .. } => "malformed",
            Self::Partial => "partial",
            Self::Html { .. } => "html",
            Self::Huge { .. } => "huge",
            Self::RateLimited { .. } => "rate_limited",
            Self::ExpireToken => "expire_token",
        }
    }
}

impl Fault {
    /// A fault on every call whose path matches `path`.
    pub fn on(path: &str, kind: FaultKind) -> Self {
        Self {
            path: path.to_owned(),
            method: None,
            operation: None,
            about: None,
            kind,
            times: None,
            every: None,
            skip: None,
        }
    }

    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    pub fn operation(mut self, operation: &str) -> Self {
        self.operation = Some(operation.to_owned());
        self
    }

    pub fn about(mut self, text: &str) -> Self {
        self.about = Some(text.to_owned());
        self
    }

    pub const fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    pub const fn every(mut self, every: u32) -> Self {
        self.every = Some(every);
        self
    }

    pub const fn skip(mut self, skip: u32) -> Self {
        self.skip = Some(skip);
        self
    }

    /// Parses a fault and refuses unknown fields: with a misspelt `times`, it would never end.
    pub(super) fn from_json(value: &Value) -> Result<Self, String> {
        let fault: Self =
            serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
        fault.validate()?;
        let known = serde_json::to_value(&fault).map_err(|error| error.to_string())?;
        let unknown = value
            .as_object()
            .into_iter()
            .flat_map(|fields| fields.keys())
            .find(|field| known.get(field.as_str()).is_none());
        match unknown {
            Some(field) => Err(format!("a fault of this kind has no field {field}")),
            None => Ok(fault),
        }
    }

    fn validate(&self) -> Result<(), String> {
        if !self.path.starts_with('/') && !self.path.starts_with('*') {
            return Err(format!("the path {:?} does not begin with /", self.path));
        }
        if self.every == Some(0) {
            return Err("every is 0; 1 means each call".into());
        }
        if self.times == Some(0) {
            return Err("times is 0; omit it for a fault that never ends".into());
        }
        glob(&self.path, false)?;
        if let FaultKind::Status {
            status, headers, ..
        } = &self.kind
        {
            if !(200..600).contains(status) {
                return Err(format!("{status} is not a final HTTP status"));
            }
            header_map(headers)?;
        }
        Ok(())
    }

    fn matches(&self, call: &FaultTarget<'_>) -> bool {
        let method = self.method.as_deref();
        method.is_none_or(|method| method.eq_ignore_ascii_case(call.method))
            && self.matches_operation(call.operation)
            && self.matches_text(call)
            && (self.matches_path(call.path, call.ignore_case)
                || self.matches_path(call.full_path, call.ignore_case))
    }

    fn matches_operation(&self, operation: Option<&str>) -> bool {
        self.operation.as_deref().is_none_or(|expected| {
            operation.is_some_and(|operation| operation.eq_ignore_ascii_case(expected))
        })
    }

    fn matches_text(&self, call: &FaultTarget<'_>) -> bool {
        self.about.as_deref().is_none_or(|text| {
            call.full_path.contains(text) || String::from_utf8_lossy(call.body).contains(text)
        })
    }

    fn matches_path(&self, path: &str, ignore_case: bool) -> bool {
        if self.path.contains('*') {
            return glob(&self.path, ignore_case).is_ok_and(|glob| glob.is_match(path));
        }
        let prefix = self.path.trim_end_matches('/');
        let Some((start, rest)) = path.split_at_checked(prefix.len()) else {
            return false;
        };
        let same = start == prefix || (ignore_case && start.eq_ignore_ascii_case(prefix));
        same && (rest.is_empty() || rest.starts_with('/'))
    }
}

pub(super) fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

pub(super) fn header_map(headers: &BTreeMap<String, String>) -> Result<HeaderMap, String> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let bad = || format!("the header {name} is invalid");
        map.append(
            HeaderName::try_from(name.as_str()).map_err(|_| bad())?,
            HeaderValue::try_from(value.as_str()).map_err(|_| bad())?,
        );
    }
    Ok(map)
}

fn glob(path: &str, ignore_case: bool) -> Result<globset::GlobMatcher, String> {
    GlobBuilder::new(path)
        .literal_separator(true)
        .case_insensitive(ignore_case)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| error.to_string())
}

/// The parts of a call that faults are matched against.
pub(super) struct FaultTarget<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub full_path: &'a str,
    pub body: &'a [u8],
    /// The operation of `oms`; `None` for `rest`.
    pub operation: Option<&'a str>,
    /// Compares paths without regard to case, as the real `oms` server does.
    pub ignore_case: bool,
}

/// An active fault, with its counts.
#[derive(Debug, Clone, Serialize)]
pub struct ActiveFault {
    #[serde(flatten)]
    pub fault: Fault,
    /// Calls that matched.
    pub seen: u32,
    /// Calls that the fault was injected into.
    pub fired: u32,
}

/// The active faults. The first one that is due applies; the others still count the call.
#[derive(Default)]
pub(super) struct Faults(Vec<ActiveFault>);

impl Faults {
    pub fn add(&mut self, fault: Fault) {
        self.0.push(ActiveFault {
            fault,
            seen: 0,
            fired: 0,
        });
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn all(&self) -> Vec<ActiveFault> {
        self.0.clone()
    }

    /// Counts the call and returns the fault to inject into it.
    pub fn match_call(&mut self, call: &FaultTarget<'_>) -> Option<FaultKind> {
        let mut due = None;
        for active in self
            .0
            .iter_mut()
            .filter(|active| active.fault.matches(call))
        {
            active.seen = active.seen.saturating_add(1);
            if due.is_none() && active.is_due() {
                active.fired = active.fired.saturating_add(1);
                due = Some(active.fault.kind.clone());
            }
        }
        self.0
            .retain(|active| active.fault.times.is_none_or(|times| active.fired < times));
        due
    }
}

impl ActiveFault {
    fn is_due(&self) -> bool {
        let skip = self.fault.skip.unwrap_or(0);
        let counted = self.seen.saturating_sub(skip);
        counted > 0 && counted.is_multiple_of(self.fault.every.unwrap_or(1).max(1))
    }
}
