//! Faults to inject: which calls they hit, and how often.
//!
//! Owns the description and the counting. Must not carry a fault out: that is the gate's part.

use std::collections::BTreeMap;

use globset::GlobBuilder;
use hyper::{HeaderMap, StatusCode, header::HeaderName, header::HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What goes wrong, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// A path prefix (whole segments), or a glob in which `*` stands for one segment and `**` for
    /// any number. Compared with the path after the base path, and with the whole path; for paths of
    /// `oms` in any case.
    pub path: String,
    /// `POST` and so on; any when absent.
    #[serde(default)]
    pub method: Option<String>,
    /// `AddOrder` and so on: calls of this operation of `oms` only.
    #[serde(default)]
    pub operation: Option<String>,
    /// Only calls that hold this text in their path or body: an order's number, say.
    #[serde(default)]
    pub about: Option<String>,
    #[serde(flatten)]
    pub kind: FaultKind,
    /// So many injections, then the fault is gone; without end when absent.
    #[serde(default)]
    pub times: Option<u32>,
    /// Only every n-th matching call (after the skipped ones).
    #[serde(default)]
    pub every: Option<u32>,
    /// The first n matching calls pass.
    #[serde(default)]
    pub skip: Option<u32>,
}

/// What goes wrong. `done` says whether the work is done although the answer is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FaultKind {
    /// This answer instead. A body that is a JSON string is sent as that text.
    Status {
        status: u16,
        #[serde(default)]
        body: Value,
        #[serde(default)]
        headers: BTreeMap<String, String>,
        #[serde(default)]
        done: bool,
    },
    /// The right answer, late. The work is done even when the client does not wait for it.
    Delay {
        milliseconds: u64,
        #[serde(default)]
        work: Work,
    },
    /// Nothing is done and nothing answered: the connection is closed.
    DropRequest,
    /// The work is done, then the connection closed without an answer.
    DropAnswer,
    /// 200 and half of the right JSON or XML.
    Malformed {
        #[serde(default = "yes")]
        done: bool,
    },
    /// The work is done; half of the promised bytes come, then the connection is closed.
    Partial,
    /// A gateway's 502 page.
    Html {
        #[serde(default)]
        done: bool,
    },
    /// A JSON array (or a SOAP answer) of so many bytes, streamed.
    Huge { bytes: u64 },
    /// 429 with `Retry-After`, in seconds or (`as_date`) as the date they end at.
    RateLimited {
        retry_after: u32,
        #[serde(default)]
        as_date: bool,
    },
    /// All tokens end now, and this call gets 401.
    ExpireToken,
}

/// On which side of a delay the work is done.
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
    /// A fault on every call whose path begins with (or matches) `path`.
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

    /// Reads a fault strictly: a misspelt field would otherwise be a fault that never ends.
    pub(super) fn from_json(value: &Value) -> Result<Self, String> {
        let fault: Self =
            serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
        fault.check()?;
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

    /// Whether it can be carried out at all.
    pub(super) fn check(&self) -> Result<(), String> {
        if !self.path.starts_with('/') && !self.path.starts_with('*') {
            return Err(format!("the path {:?} does not begin with /", self.path));
        }
        if self.every == Some(0) {
            return Err("every is 0; 1 means each call".into());
        }
        if self.times == Some(0) {
            return Err("times is 0; leave it out for a fault without end".into());
        }
        glob(&self.path, false)?;
        if let FaultKind::Status {
            status, headers, ..
        } = &self.kind
        {
            if !(200..600).contains(status) {
                return Err(format!("{status} is no final HTTP status"));
            }
            header_map(headers)?;
        }
        Ok(())
    }

    fn hits(&self, call: &Target<'_>) -> bool {
        let method = self.method.as_deref();
        method.is_none_or(|method| method.eq_ignore_ascii_case(call.method))
            && self.means(call.operation)
            && self.is_about(call)
            && (self.covers(call.path, call.any_case) || self.covers(call.full_path, call.any_case))
    }

    fn means(&self, operation: Option<&str>) -> bool {
        self.operation.as_deref().is_none_or(|wanted| {
            operation.is_some_and(|operation| operation.eq_ignore_ascii_case(wanted))
        })
    }

    fn is_about(&self, call: &Target<'_>) -> bool {
        self.about.as_deref().is_none_or(|text| {
            call.full_path.contains(text) || String::from_utf8_lossy(call.body).contains(text)
        })
    }

    fn covers(&self, path: &str, any_case: bool) -> bool {
        if self.path.contains('*') {
            return glob(&self.path, any_case).is_ok_and(|glob| glob.is_match(path));
        }
        let prefix = self.path.trim_end_matches('/');
        let Some((start, rest)) = path.split_at_checked(prefix.len()) else {
            return false;
        };
        let same = start == prefix || (any_case && start.eq_ignore_ascii_case(prefix));
        same && (rest.is_empty() || rest.starts_with('/'))
    }
}

/// The status of a [`FaultKind::Status`] and its headers, as HTTP has them.
pub(super) fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

pub(super) fn header_map(headers: &BTreeMap<String, String>) -> Result<HeaderMap, String> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let bad = || format!("the header {name} cannot be sent");
        map.append(
            HeaderName::try_from(name.as_str()).map_err(|_| bad())?,
            HeaderValue::try_from(value.as_str()).map_err(|_| bad())?,
        );
    }
    Ok(map)
}

fn glob(path: &str, any_case: bool) -> Result<globset::GlobMatcher, String> {
    GlobBuilder::new(path)
        .literal_separator(true)
        .case_insensitive(any_case)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| error.to_string())
}

/// What a fault is compared with.
pub(super) struct Target<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub full_path: &'a str,
    pub body: &'a [u8],
    /// Of the style `oms`.
    pub operation: Option<&'a str>,
    /// Whether the server behind the path does not tell cases apart.
    pub any_case: bool,
}

/// A fault in force, with its counts.
#[derive(Debug, Clone, Serialize)]
pub struct ActiveFault {
    #[serde(flatten)]
    pub fault: Fault,
    /// Calls that it matched.
    pub seen: u32,
    /// Calls that it spoiled.
    pub fired: u32,
}

/// The faults in force. The first one that is due wins; the others still count the call.
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

    /// What to do to this call, if anything.
    pub fn strike(&mut self, call: &Target<'_>) -> Option<FaultKind> {
        let mut struck = None;
        for active in self.0.iter_mut().filter(|active| active.fault.hits(call)) {
            active.seen = active.seen.saturating_add(1);
            if struck.is_none() && active.is_due() {
                active.fired = active.fired.saturating_add(1);
                struck = Some(active.fault.kind.clone());
            }
        }
        self.0
            .retain(|active| active.fault.times.is_none_or(|times| active.fired < times));
        struck
    }
}

impl ActiveFault {
    fn is_due(&self) -> bool {
        let skip = self.fault.skip.unwrap_or(0);
        let counted = self.seen.saturating_sub(skip);
        counted > 0 && counted.is_multiple_of(self.fault.every.unwrap_or(1).max(1))
    }
}
