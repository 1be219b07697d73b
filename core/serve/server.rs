//! The listening socket and the thread behind it.

use std::future::IntoFuture;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::oneshot;

use super::routes::{self, Served};
use crate::relay::Hub;
use crate::run::Watch;

/// How long answers under way may still take once the server is told to stop. The whole process has
/// two seconds.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// A server that answers until it is stopped or dropped.
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Listens where the plan says and answers for `hub` and `watch`, on a thread of its own.
///
/// # Errors
/// When the address cannot be listened on; the message names it and the setting that moves it.
pub fn start(hub: Hub, watch: Watch) -> io::Result<Server> {
    let listen = watch.plan().server.listen;
    let listener = TcpListener::bind(listen).map_err(|error| unavailable(listen, &error))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (stop, stopped) = oneshot::channel();
    let answer = answer(listener, Served::new(hub, watch), stopped);
    let thread = thread::Builder::new().name("serve".to_owned()).spawn(move || {
        if let Err(error) = runtime.block_on(answer) {
            tracing::error!(%address, %error, "the page and WHEP are not served any more");
        }
    })?;
    Ok(Server { address, stop: Some(stop), thread: Some(thread) })
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

async fn answer(listener: TcpListener, served: Served, stopped: oneshot::Receiver<()>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let (last_call, called) = oneshot::channel();
    let serving = axum::serve(listener, routes::all(served)).with_graceful_shutdown(ended(called));
    tokio::select! {
        served = serving.into_future() => served,
        () = async {
            ended(stopped).await;
            drop(last_call);
            tokio::time::sleep(LAST_ANSWERS).await;
        } => Ok(()),
    }
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
