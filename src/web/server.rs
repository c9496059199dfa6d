//! The HTTP server: bounded connections, with a timeout for every wait.
//!
//! TLS is left to the reverse proxy.

use std::{convert::Infallible, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};
use tokio_io_timeout::TimeoutStream;
use tower_service::Service as _;

use super::state::PeerIp;
use crate::lifecycle::TaskGroup;

/// For the head of a request, also of the next one on a kept-alive connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// For a client to read some part of the response.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);

const MAX_HEAD_BYTES: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;

/// Further connections wait to be accepted.
const MAX_CONNECTIONS: usize = 512;

/// After a failed accept.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(200);

/// For responses in progress after the stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(25);

/// Serves until the stop, and finishes requests in progress.
pub async fn serve(listener: TcpListener, router: Router, tasks: TaskGroup) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    loop {
        let connection = tokio::select! {
            () = tasks.wait_for_stop() => break,
            connection = accept(&listener, &slots) => connection,
        };
        let Some((stream, peer, slot)) = connection else {
            tasks.sleep(ACCEPT_RETRY_DELAY).await;
            continue;
        };
        let router = router.clone();
        let service = service_fn(move |request| handle_request(router.clone(), peer, request));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(MAX_HEAD_BYTES)
            .max_headers(MAX_HEADERS)
            .serve_connection(TokioIo::new(with_write_timeout(stream)), service);
        let connection = graceful.watch(connection);
        tasks.spawn("serve_connection", async move {
            // A client's connection error is not our problem.
            let _ = connection.await;
            drop(slot);
        });
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = sleep(DRAIN_TIMEOUT) => tracing::debug!("some responses were not read before the stop"),
    }
}

/// Closes the connection when the client stops reading.
fn with_write_timeout(stream: TcpStream) -> Pin<Box<TimeoutStream<TcpStream>>> {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    Box::pin(stream)
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            let _ = stream.set_nodelay(true);
            Some((stream, peer, slot))
        }
        Err(error) => {
            tracing::debug!(%error, "accepting a connection failed");
            None
        }
    }
}

async fn handle_request(
    mut router: Router,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<axum::response::Response, Infallible> {
    let mut request = request.map(Body::new);
    request
        .extensions_mut()
        .insert(ConnectInfo(PeerIp(peer.ip())));
    router.call(request).await
}
