//! Ctrl-C and SIGTERM: the first stops the graph in order, the second ends the process at once.
//!
//! Owns the thread that listens. Before the graph runs there is nothing to stop, so the first ends
//! the process too.

use std::io;
use std::sync::{Arc, OnceLock};
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::run::Control;

/// The shell's convention for a process that a signal ended.
const BY_SIGNAL: i32 = 128;

/// Listens until the process ends.
pub struct Listening(Arc<OnceLock<Control>>);

/// Starts to listen.
///
/// # Errors
/// When the system does not let this process handle its signals or start a thread.
pub fn listen() -> io::Result<Listening> {
    let graph: Arc<OnceLock<Control>> = Arc::default();
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let control = graph.clone();
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut stopping = false;
        for signal in signals.forever() {
            match control.get() {
                Some(control) if !stopping => {
                    tracing::info!("stopping; once more to end at once");
                    control.stop();
                    stopping = true;
                }
                Some(_) | None => std::process::exit(BY_SIGNAL + signal),
            }
        }
    })?;
    Ok(Listening(graph))
}

impl Listening {
    /// From now on the first signal stops this graph.
    pub fn stop(&self, graph: Control) {
        // Set once: a process runs one graph.
        let _ = self.0.set(graph);
    }
}
