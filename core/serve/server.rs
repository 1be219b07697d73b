//! The listening socket and the thread behind it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hyper::server::conn::http1::{self, Connection};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::caller::{Caller, Door};
use super::places::Places;
use super::reload::Reload;
use super::routes::{self, Served};
use super::tls::Certificates;
use crate::relay::Hub;
use crate::run::Watch;

/// How long answers under way may still take once the server is told to stop. The whole process has
/// two seconds.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// Connections at once: many more than viewers need, many fewer than a process may open.
const MOST_CONNECTIONS: usize = 512;
/// From one request to the end of the next one's headers.
const LONGEST_HEADERS: Duration = Duration::from_secs(10);
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// A server that answers until it is stopped or dropped.
pub struct Server {
    address: SocketAddr,
    scheme: &'static str,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Listens where the plan says and answers for `hub` and `watch`, and changes the graph by `reload`, on a thread of its own.
///
/// # Errors
/// When the address cannot be listened on or the certificate cannot be used; the message names it and
/// its setting.
pub fn start(hub: Hub, watch: Watch, reload: Reload) -> io::Result<Server> {
    let plan = watch.plan();
    let listen = plan.server.listen;
    let certificates = plan.server.tls.clone().map(Certificates::load).transpose()?;
    let scheme = if certificates.is_some() { "https" } else { "http" };
    let listener = TcpListener::bind(listen).map_err(|error| unavailable(listen, &error))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (stop, stopped) = oneshot::channel();
    let answer = answer(listener, certificates, Served::new(hub, watch, reload), stopped);
    let thread = thread::Builder::new().name("serve".to_owned()).spawn(move || {
        if let Err(error) = runtime.block_on(answer) {
            tracing::error!(%address, %error, "the page and WHEP are not served any more");
        }
    })?;
    Ok(Server { address, scheme, stop: Some(stop), thread: Some(thread) })
}

fn unavailable(listen: SocketAddr, error: &io::Error) -> io::Error {
    let reason = match error.kind() {
        io::ErrorKind::AddrInUse => "it is in use".to_owned(),
        io::ErrorKind::PermissionDenied => "this user may not".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        _ => error.to_string(),
    };
    io::Error::new(
        error.kind(),
        format!(
            "cannot listen on {listen}: {reason}; choose another with `--set server.listen=ADDRESS:PORT`"
        ),
    )
}

async fn answer(
    listener: TcpListener,
    certificates: Option<Certificates>,
    served: Served,
    stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let (routes, places) = (routes::all(served), Places::new(MOST_CONNECTIONS));
    let certificates = certificates.map(Arc::new);
    let under_way = GracefulShutdown::new();
    let mut stopped = pin!(ended(stopped));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stopped => break,
        };
        match accepted {
            Ok((stream, from)) => {
                let caller = Caller::at(from.ip());
                let (place, taken_away) = places.take(caller);
                let door = Door::new(caller, place, routes.clone());
                let (certificates, watcher) = (certificates.clone(), under_way.watcher());
                tokio::spawn(async move {
                    tokio::select! {
                        () = converse(stream, certificates.as_deref(), door, watcher) => {}
                        () = ended(taken_away) => {}
                    }
                });
            }
            // Out of descriptors, most likely: others will close theirs.
            Err(_) => tokio::time::sleep(AFTER_FAILURE).await,
        }
    }
    // Whoever is not done by then has been told by the closed connection.
    let _ = tokio::time::timeout(LAST_ANSWERS, under_way.shutdown()).await;
    Ok(())
}

/// Answers all that one caller asks. One that breaks off or talks nonsense ends its own connection.
async fn converse(stream: TcpStream, certificates: Option<&Certificates>, door: Door, watcher: Watcher) {
    // Small answers at once: a page that asks each second must not wait for more to send.
    let _ = stream.set_nodelay(true);
    match certificates {
        None => drop(watcher.watch(connection(stream, door)).await),
        Some(certificates) => {
            let shaken = tokio::time::timeout(LONGEST_HEADERS, certificates.acceptor().accept(stream)).await;
            if let Ok(Ok(stream)) = shaken {
                let _ = watcher.watch(connection(stream, door)).await;
            }
        }
    }
}

fn connection<S: AsyncRead + AsyncWrite + Unpin>(stream: S, door: Door) -> Connection<TokioIo<S>, Door> {
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(LONGEST_HEADERS)
        .serve_connection(TokioIo::new(stream), door)
}

/// Resolves when the other end was dropped, which is how this folder says "enough".
async fn ended(signal: oneshot::Receiver<()>) {
    let _: Result<(), _> = signal.await;
}

impl Server {
    /// Where it listens, with the port that was really taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The page's address, `http://127.0.0.1:8080/`.
    pub fn url(&self) -> String {
        format!("{}://{}/", self.scheme, self.address)
    }

    /// Answers what is under way, within half a second, and closes.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let panicked = thread.join().is_err();
            debug_assert!(!panicked, "a request that panics ends with its own task");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}
