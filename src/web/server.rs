//! The server: connections, each with an end to every wait, and no more of them than agreed.
//!
//! TLS is left to the proxy in front. Must not know what is served.

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

use super::PeerIp;
use crate::lifecycle::TaskGroup;

/// How long the head of a request may take, also of the next one on a connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client may leave us waiting to take an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);

/// The largest head, and the most fields in it.
const MAX_HEAD_BYTES: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;

/// Connections at once; more wait to be taken up.
const MAX_CONNECTIONS: usize = 512;

/// After the machine refused to give a connection.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(200);

/// How long answers that are under way may take after the stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(25);

/// Serves until the stop; answers that are under way are finished.
pub async fn serve(listener: TcpListener, router: Router, tasks: TaskGroup) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    loop {
        let connection = tokio::select! {
            () = tasks.wait_for_stop() => break,
            connection = accept(&listener, &places) => connection,
        };
        let Some((stream, peer, place)) = connection else {
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
            // How a stranger's connection ends is of no interest.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = sleep(DRAIN_TIMEOUT) => tracing::debug!("some answers were not taken before the stop"),
    }
}

/// A connection that ends when nothing of an answer is taken for too long.
fn with_write_timeout(stream: TcpStream) -> Pin<Box<TimeoutStream<TcpStream>>> {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    Box::pin(stream)
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            let _ = stream.set_nodelay(true);
            Some((stream, peer, place))
        }
        Err(error) => {
            tracing::debug!(%error, "a connection could not be taken up");
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
