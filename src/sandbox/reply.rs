//! Responses, including incomplete and dropped ones, and how their bytes are sent.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use hyper::{
    HeaderMap, Response, StatusCode,
    body::{Body, Bytes, Frame, SizeHint},
    header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue},
};
use serde::Serialize;

pub(super) use super::filler::Filler;

/// A complete response, before a fault changes it.
#[derive(Debug)]
pub(super) struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    pub fn json(status: StatusCode, body: &impl Serialize) -> Self {
        Self::of_bytes(status, serde_json::to_vec(body))
    }

    /// JSON for curl users: indented, with a final line break.
    pub fn pretty(status: StatusCode, body: &impl Serialize) -> Self {
        let bytes = serde_json::to_vec_pretty(body).map(|mut bytes| {
            bytes.push(b'\n');
            bytes
        });
        Self::of_bytes(status, bytes)
    }

    pub fn message(status: StatusCode, message: impl fmt::Display) -> Self {
        Self::problem(status, "message", message)
    }

    /// An error in one of the fields that VeraCore uses: `message`, `error` or `Error`.
    pub fn problem(status: StatusCode, name: &str, message: impl fmt::Display) -> Self {
        Self::json(status, &serde_json::json!({ name: message.to_string() }))
    }

    pub fn text(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self {
            status,
            headers,
            body: body.into(),
        }
    }

    pub fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    fn of_bytes(status: StatusCode, bytes: serde_json::Result<Vec<u8>>) -> Self {
        match bytes {
            Ok(bytes) => Self::text(status, "application/json", bytes),
            Err(error) => Self::text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "text/plain",
                format!("the sandbox could not serialize its response: {error}"),
            ),
        }
    }
}

/// The response to send, after faults.
pub(super) enum Outcome {
    Answer(Reply),
    /// Promises the whole length, sends half and closes the connection.
    Half(Reply),
    Filler(Filler),
    /// Closes the connection without a response.
    Silence,
}

impl Outcome {
    /// `None` for [`Outcome::Silence`].
    pub fn into_response(self) -> Option<Response<Outgoing>> {
        let (reply, body) = match self {
            Self::Silence => return None,
            Self::Answer(mut reply) => {
                let body = std::mem::take(&mut reply.body);
                (reply, Outgoing::Whole(Some(body)))
            }
            Self::Half(mut reply) => {
                let whole = std::mem::take(&mut reply.body);
                reply.headers.insert(CONTENT_LENGTH, whole.len().into());
                let half = whole.slice(..whole.len() / 2);
                (reply, Outgoing::Cut { half, polls: 0 })
            }
            Self::Filler(filler) => {
                let content_type = filler.pattern.content_type;
                let reply = Reply::text(StatusCode::OK, content_type, Bytes::new());
                (reply, Outgoing::Filler(filler))
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = reply.status;
        *response.headers_mut() = reply.headers;
        Some(response)
    }
}

/// An error that makes hyper close the connection.
#[derive(Debug, thiserror::Error)]
#[error("connection closed by an injected fault")]
pub(super) struct Closed;

/// A response body; [`Closed`] makes hyper close the connection.
pub(super) enum Outgoing {
    Whole(Option<Bytes>),
    Cut { half: Bytes, polls: u8 },
    Filler(Filler),
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Closed;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Closed>>> {
        match self.get_mut() {
            Self::Whole(body) => {
                let bytes = body.take().filter(|bytes| !bytes.is_empty());
                Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
            }
            Self::Cut { half, polls } => {
                *polls = polls.saturating_add(1);
                match *polls {
                    1 => Poll::Ready(Some(Ok(Frame::data(half.clone())))),
                    // hyper flushes while a body is pending. Without this poll, the half response
                    // would be lost with the connection.
                    2 => {
                        context.waker().wake_by_ref();
                        Poll::Pending
                    }
                    _ => Poll::Ready(Some(Err(Closed))),
                }
            }
            Self::Filler(filler) => {
                Poll::Ready(filler.next_chunk().map(|bytes| Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => {
                SizeHint::with_exact(body.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            // Unknown, so that hyper does not correct the promised length.
            Self::Cut { .. } | Self::Filler(_) => SizeHint::default(),
        }
    }
}
