//! Connections: how many, how long somebody may take to say what they want, and how they end.

use axum::{Router, extract::ConnectInfo};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Connections at once; more wait to be accepted.
const CONNECTIONS: usize = 2_048;
/// Largest head of a request, in bytes.
const HEAD_MAX: usize = 64 * 1024;
/// How long requests that are under way may take to end when the server stops.
const DRAIN: Duration = Duration::from_secs(18);

/// Serves until `stop`, then lets what is under way end. Until it has, whoever comes is still answered, be it only that
/// the server stops. Whoever takes longer than `head` to send the head of a request, the first or a later one, is hung
/// up on.
pub async fn serve(listener: TcpListener, app: Router, head: Duration, stop: CancellationToken) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(head).max_buf_size(HEAD_MAX);
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &room) => accepted,
        };
        let Some((stream, peer, place)) = accepted else { continue };
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service(&app, peer)));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended badly");
            }
            drop(place);
        });
    }
    http.keep_alive(false);
    let drained = tokio::time::timeout(DRAIN, graceful.shutdown());
    tokio::pin!(drained);
    let in_time = loop {
        let accepted = tokio::select! {
            in_time = &mut drained => break in_time.is_ok(),
            accepted = accept(&listener, &room) => accepted,
        };
        let Some((stream, peer, place)) = accepted else { continue };
        let connection = http.serve_connection(TokioIo::new(stream), service(&app, peer));
        tokio::spawn(async move {
            let _ = connection.await;
            drop(place);
        });
    };
    drop(listener);
    if in_time {
        tracing::info!("all requests have ended");
    } else {
        tracing::warn!("some connections did not end in time");
    }
}

fn service(
    app: &Router,
    peer: SocketAddr,
) -> impl hyper::service::Service<
    hyper::Request<hyper::body::Incoming>,
    Response = axum::response::Response,
    Error = std::convert::Infallible,
    Future: Send + 'static,
> + use<> {
    let app = app.clone();
    hyper::service::service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        app.clone().oneshot(request.map(axum::body::Body::new))
    })
}

type Accepted = (tokio::net::TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> Option<Accepted> {
    let place = room.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            let _ = stream.set_nodelay(true);
            Some((stream, peer, place))
        }
        Err(error) => {
            // Out of file descriptors, mostly: they come back as connections end.
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}
