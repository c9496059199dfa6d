//! The listener: accepts connections and routes calls to the VeraCore APIs or the control API.
//!
//! Uses hyper directly, because a fault must be able to close a connection before or in the middle
//! of a response.

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

/// Far more than any order; a longer body is a bug in the client.
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
                tasks.spawn(serve_connection(stream, Arc::clone(&shared), tasks.clone()));
            }
            Err(error) => pause_after(&error).await,
        }
    }
}

/// Waits, so that the loop does not spin while, say, no file descriptor is left.
async fn pause_after(error: &io::Error) {
    tracing::warn!(%error, "sandbox could not accept a connection");
    tokio::time::sleep(Duration::from_millis(50)).await;
}

async fn serve_connection(stream: TcpStream, shared: Arc<Shared>, tasks: TaskTracker) {
    // Half a response must leave before the connection closes instead of waiting for more.
    let _ = stream.set_nodelay(true);
    let stop = shared.stop.clone();
    let service = service_fn(move |request| {
        let (shared, tasks) = (Arc::clone(&shared), tasks.clone());
        async move { handle_request(request, shared, &tasks).await }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        () = stop.cancelled() => {}
        ended = connection => if let Err(error) = ended {
            tracing::debug!(%error, "sandbox connection ended");
        },
    }
}

async fn handle_request(
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
    let relative = shared.config.strip_base(&full_path).map(str::to_owned);
    let call = Call {
        method: head.method,
        outside_base: relative.is_none(),
        path: relative.unwrap_or_else(|| full_path.clone()),
        full_path,
        query: head.uri.query().map(str::to_owned),
        headers: head.headers,
        body,
    };
    if is_for_control(&call.full_path) {
        let reply = control::handle(&shared, &call);
        return Outcome::Answer(reply).into_response().ok_or(Closed);
    }
    // hyper drops this future when the client disconnects. The call must still be completed, so it
    // runs in its own task.
    let (sender, receiver) = oneshot::channel();
    tasks.spawn(async move {
        let (id, outcome) = tokio::select! {
            () = shared.stop.cancelled() => return,
            handled = gate::handle(&shared, &call) => handled,
        };
        let lost = sender.send(outcome).is_err();
        shared.change(|state| {
            if lost {
                state.journal.update(id, |request| request.dropped = true);
            }
            state.journal.publish_request(id);
        });
    });
    let outcome = receiver.await.map_err(|_| Closed)?;
    outcome.into_response().ok_or(Closed)
}
