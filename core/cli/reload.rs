//! Another graph for a run that goes on: a changed file, SIGHUP, or a graph sent over HTTP.
//!
//! Owns reading and checking it again, and telling what came of it. Leaves noticing that a file has
//! changed to `watch`, and the change itself to `run`, which refuses it as a whole or does it.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use super::findings::{self, summary};
use super::{read_graph, run, variable};
use crate::catalog;
use crate::graph::{self, Checked, Server, Text};
use crate::relay::Hub;
use crate::run::{Changes, Control, Watch};
use crate::serve::Reloaded;
use crate::watch::{self, Seen};

/// Where a run's graph comes from, and how it is read.
pub struct Origin {
    /// `None` for a graph that is in no file.
    pub file: Option<PathBuf>,
    /// As it was read when the run began.
    pub text: Text,
    pub set: Vec<graph::Override>,
    pub quiet: bool,
}

/// Reads a run's graph again and changes the run to it. Clones share it.
#[derive(Clone)]
pub struct Reloader(Arc<Shared>);

struct Shared {
    origin: Origin,
    hub: Hub,
    /// Set once the graph runs.
    graph: OnceLock<(Control, Watch)>,
    /// What the run's files held when they were last looked at; held by whoever looks.
    held: Mutex<Held>,
    /// A signal has come and nobody has looked since.
    asked: AtomicBool,
}

/// The files a graph is made of, with what was in them; `None` where it could not be read.
type Held = Vec<(PathBuf, Option<Vec<u8>>)>;

impl Reloader {
    /// For a graph that was `checked` when the run began.
    pub fn new(origin: Origin, hub: Hub, checked: &Checked) -> Reloader {
        let mut held: Held = files(&origin, checked).into_iter().map(read).collect();
        if let Some((_, bytes)) = held.first_mut() {
            *bytes = Some(origin.text.text.clone().into_bytes());
        }
        let (graph, held, asked) = (OnceLock::new(), Mutex::new(held), AtomicBool::new(false));
        Reloader(Arc::new(Shared { origin, hub, graph, held, asked }))
    }

    /// From now on there is a graph to change, and its files are watched.
    pub fn begin(&self, control: Control, watch: Watch) {
        // Set once: a process runs one graph.
        let _ = self.0.graph.set((control, watch));
        let Some(file) = self.0.origin.file.clone().filter(|file| is_plain(file)) else { return };
        let (this, name) = (self.clone(), "graph-watch".to_owned());
        let begun = thread::Builder::new().name(name).spawn(move || this.attend(&file));
        if let Err(error) = begun {
            tracing::warn!("changes of the graph file will not be noticed: {error}; SIGHUP still works");
        }
    }

    /// A signal asks to read the file again. Does not wait.
    pub fn ask(&self) {
        if self.0.asked.swap(true, Ordering::SeqCst) {
            return;
        }
        let this = self.clone();
        let begun = thread::Builder::new().name("reload".to_owned()).spawn(move || {
            let _ = this.read_again();
        });
        if let Err(error) = begun {
            self.0.asked.store(false, Ordering::SeqCst);
            tracing::warn!("the graph was not read again: the system gives no more threads: {error}");
        }
    }

    /// Reads the file again and changes the graph to it.
    pub fn read_again(&self) -> Reloaded {
        let mut held = self.held();
        self.0.asked.store(false, Ordering::SeqCst);
        self.take_file(&mut held)
    }

    /// Changes the graph to `text`, in which paths are relative as in the run's own file.
    pub fn take(&self, text: String) -> Reloaded {
        let _one_after_another = self.held();
        let text = Text { text, ..self.0.origin.text.clone() };
        self.change_to(&text, "the graph that was sent").1
    }

    /// Until the process ends.
    fn attend(&self, file: &Path) {
        loop {
            let files = self.watched();
            let (_eyes, changes) = match watch::over(&files) {
                Ok(watching) => watching,
                Err(error) => {
                    let file = file.display();
                    tracing::warn!("changes of {file} will not be noticed: {error}; SIGHUP still works");
                    return;
                }
            };
            // One may have changed before it was watched.
            self.look();
            while files == self.watched() {
                if changes.wait() == Seen::End {
                    return;
                }
                self.look();
            }
        }
    }

    /// Those whose folder is there. One that is missing is watched once another file has changed too.
    fn watched(&self) -> Vec<PathBuf> {
        let files = self.held().iter().map(|(file, _)| file.clone()).collect::<Vec<_>>();
        let has_folder = |file: &PathBuf| file.parent().is_none_or(|at| at == Path::new("") || at.is_dir());
        files.into_iter().filter(has_folder).collect()
    }

    /// Takes the graph if one of its files has other bytes than when they were last looked at.
    fn look(&self) {
        let mut held = self.held();
        let now: Held = held.iter().map(|(file, _)| read(file.clone())).collect();
        // On its way to being another, or gone: what runs needs no file.
        let is_missing = now.first().is_none_or(|(_, bytes)| bytes.is_none());
        if !is_missing && now != *held {
            *held = now;
            let _ = self.take_file(&mut held);
        }
    }

    fn take_file(&self, held: &mut Held) -> Reloaded {
        let origin = &self.0.origin;
        let Some(file) = &origin.file else {
            return impossible(format!("{} is in no file that could be read again", origin.text.name));
        };
        if !is_plain(file) && file.exists() {
            return impossible(format!("{} is no plain file and cannot be read again", file.display()));
        }
        let text = match read_graph(file) {
            Ok(text) => text,
            Err(message) => return impossible(message),
        };
        let (checked, reloaded) = self.change_to(&text, &text.name);
        if let Some(checked) = checked {
            let mut files = files(origin, &checked);
            // Of a graph with errors it is not known what it would include once it has none.
            if !matches!(reloaded, Reloaded::Done { .. }) {
                files.extend(held.iter().map(|(file, _)| file.clone()));
            }
            // What is in a file by now may be newer than what was read: then it is looked at again.
            let before = std::mem::take(held);
            let known = |file: &PathBuf| before.iter().find(|(known, _)| known == file)?.1.clone();
            *held = each_once(files).into_iter().map(|file| (file.clone(), known(&file))).collect();
            if let Some((_, bytes)) = held.first_mut() {
                *bytes = Some(text.text.into_bytes());
            }
        }
        reloaded
    }

    /// Changes the run to `text`, which the log calls `name`.
    fn change_to(&self, text: &Text, name: &str) -> (Option<Checked>, Reloaded) {
        let Shared { origin, hub, graph, .. } = &*self.0;
        let Some((control, watch)) = graph.get() else {
            return (None, impossible("the graph is only starting; try again".to_owned()));
        };
        let mut checked = graph::load(text, &origin.set, &catalog::kinds_serving(hub), &variable);
        run::tell(text, &checked.findings, origin.quiet);
        let told = checked.findings.iter().map(|finding| findings::json(finding, &text.name)).collect();
        let Some(plan) = checked.plan.take() else {
            let found = summary(&checked.findings).unwrap_or_default();
            tracing::warn!("{name} is not taken, with {found}; the graph goes on as it was");
            return (Some(checked), Reloaded::Unsound { findings: told });
        };
        let (before, server) = (watch.plan(), plan.server.clone());
        let reloaded = match control.reload(plan) {
            Ok(changes) => {
                tracing::info!("{name} is taken: {changes}");
                if before.server != server {
                    tracing::warn!("what changed under `server:` holds from the next start on");
                }
                self.warn_of_the_unserved(&changes, &server);
                Reloaded::Done { changes, findings: told }
            }
            Err(error) => impossible(format!("{name} is not taken: {error}")),
        };
        (Some(checked), reloaded)
    }

    /// The page opens with the run, or not at all.
    fn warn_of_the_unserved(&self, changes: &Changes, server: &Server) {
        if changes.added.is_empty() {
            return;
        }
        let port = self.0.hub.udp_port();
        if let Some(port) = port.filter(|port| ![0, *port].contains(&server.udp_port))
            && self.0.hub.is_asked()
        {
            let wanted = server.udp_port;
            tracing::warn!(
                "media goes by UDP port {port}, and by {wanted} from the next start on: this run began without a relay"
            );
        }
        if port.is_none() {
            for stream in self.0.hub.streams() {
                tracing::warn!(
                    "\"{stream}\" can be watched from the next start on: this run began without a relay"
                );
            }
            for entrance in self.0.hub.entrances() {
                tracing::warn!(
                    "\"{entrance}\" can be published to from the next start on: this run began without it"
                );
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn impossible(why: String) -> Reloaded {
    tracing::warn!("{why}");
    Reloaded::Impossible(why)
}

/// The graph's own file first.
fn files(origin: &Origin, checked: &Checked) -> Vec<PathBuf> {
    each_once(origin.file.iter().chain(&checked.included).cloned().collect())
}

/// The same order, without those that come again.
fn each_once(files: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut seen = HashSet::new();
    files.into_iter().filter(|file| seen.insert(file.clone())).collect()
}

fn read(file: PathBuf) -> (PathBuf, Option<Vec<u8>>) {
    let bytes = fs::metadata(&file).ok().filter(|about| about.len() <= graph::MOST_BYTES as u64);
    let bytes = bytes.and_then(|_| fs::read(&file).ok());
    (file, bytes)
}

fn is_plain(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|about| about.is_file())
}
