//! Ctrl-C and SIGTERM: the first stops the graph in order, the second ends the process at once. SIGHUP
//! reads the graph again, unless it says that the terminal has gone: then it is a Ctrl-C too.
//!
//! Owns the thread that listens. Before the graph runs there is nothing to stop, so the first ends
//! the process too.

use std::io::{self, IsTerminal};
use std::sync::{Arc, OnceLock};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::reload::Reloader;
use crate::run::Control;

/// The shell's convention for a process that a signal ended.
const BY_SIGNAL: i32 = 128;

/// Listens until the process ends.
pub struct Listening(Told);

/// The graph that runs, once it does.
type Told = Arc<OnceLock<(Control, Option<Reloader>)>>;

/// Starts to listen.
///
/// # Errors
/// When the system does not let this process handle its signals or start a thread.
pub fn listen() -> io::Result<Listening> {
    let graph = Told::default();
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    let (told, at_terminal) = (graph.clone(), io::stderr().is_terminal());
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut stopping = false;
        for signal in signals.forever() {
            match told.get() {
                Some((_, Some(reloader)))
                    if signal == SIGHUP && at_terminal == io::stderr().is_terminal() =>
                {
                    reloader.ask();
                }
                Some((control, _)) if !stopping => {
                    control.stop();
                    stopping = true;
                    tracing::info!("stopping; once more to end at once");
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
        let _ = self.0.set((graph, None));
    }

    /// From now on the first signal stops this graph, and SIGHUP has it read again.
    pub fn stop_or_reload(&self, graph: Control, reloader: Reloader) {
        let _ = self.0.set((graph, Some(reloader)));
    }
}
