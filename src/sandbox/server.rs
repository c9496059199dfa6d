//! The listener: connections in, calls to the right face, answers (or nothing) out.
//!
//! Owns sockets and tasks. hyper is used directly because a connection must be closable in the
//! middle of an answer, or before it. Must not know paths below the two faces.

use std::{io, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Limited};
use hyper::{
    Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
};
use tokio_util::task::TaskTracker;

use super::{
    call::Call,
    config::is_for_control,
    control, gate,
    reply::{Closed, Outcome, Outgoing, Reply},
    shared::Shared,
};

/// Far more than any order; a longer body is a defect of the client.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// Accepts connections until the sandbox stops.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>, tasks: TaskTracker) {
    loop {
        let accepted = tokio::select! {
            () = shared.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                tasks.spawn(converse(stream, Arc::clone(&shared), tasks.clone()));
            }
            Err(error) => pause_after(&error).await,
        }
    }
}

/// Accepting fails for a while when, say, no file descriptor is left; a loop would only burn.
async fn pause_after(error: &io::Error) {
    tracing::warn!(%error, "the sandbox could not accept a connection");
    tokio::time::sleep(Duration::from_millis(50)).await;
}

async fn converse(stream: TcpStream, shared: Arc<Shared>, tasks: TaskTracker) {
    // Half an answer must leave before the connection closes, not wait for more.
    let _ = stream.set_nodelay(true);
    let stop = shared.stop.clone();
    let service = service_fn(move |request| {
        let (shared, tasks) = (Arc::clone(&shared), tasks.clone());
        async move { respond(request, shared, &tasks).await }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        () = stop.cancelled() => {}
        ended = connection => if let Err(error) = ended {
            tracing::debug!(%error, "a connection of the sandbox ended");
        },
    }
}

async fn respond(
    request: Request<Incoming>,
    shared: Arc<Shared>,
    tasks: &TaskTracker,
) -> Result<Response<Outgoing>, Closed> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => body.to_bytes().to_vec(),
        Err(_) => {
            let reply = Reply::message(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the body is broken or longer than {MAX_BODY} bytes"),
            );
            return Outcome::Answer(reply).into_response().ok_or(Closed);
        }
    };
    let full_path = head.uri.path().to_owned();
    let inside = shared.config.strip_base(&full_path).map(str::to_owned);
    let call = Call {
        method: head.method,
        astray: inside.is_none(),
        path: inside.unwrap_or_else(|| full_path.clone()),
        full_path,
        query: head.uri.query().map(str::to_owned),
        headers: head.headers,
        body,
    };
    if is_for_control(&call.full_path) {
        let reply = control::answer(&shared, &call);
        return Outcome::Answer(reply).into_response().ok_or(Closed);
    }
    // The work goes on when the client hangs up, which would end this function: a task of its own.
    let (sender, receiver) = oneshot::channel();
    tasks.spawn(async move {
        let (id, outcome) = tokio::select! {
            () = shared.stop.cancelled() => return,
            passed = gate::pass(&shared, &call) => passed,
        };
        let lost = sender.send(outcome).is_err();
        shared.change(|state| {
            if lost {
                state.journal.amend(id, |request| request.dropped = true);
            }
            state.journal.tell_request(id);
        });
    });
    let outcome = receiver.await.map_err(|_| Closed)?;
    outcome.into_response().ok_or(Closed)
}
