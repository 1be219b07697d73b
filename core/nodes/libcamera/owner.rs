//! The one thread of the process that has libcamera's manager and every open camera.
//!
//! There can be one manager in a process (a second one aborts it), its cameras must not outlive it,
//! and none of that may change threads. So the thread starts with the first user, is told what to do
//! by channel, and ends with the last user, who waits for it: only then may another be started.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::controls::Control;
use super::described::{self, Described};
use super::session::{Capture, Gone, Id, Session};
use super::versions::{self, api};
use super::wanted::Wanted;
use crate::node::Counters;
use api::camera::Camera;
use api::camera_manager::CameraManager;
use api::request::Request;

/// How often the list of cameras is looked at, for those that left without a signal.
const LOOK: Duration = Duration::from_millis(250);
/// Where the Raspberry Pi's image processor looks for its tuning.
const TUNING: &str = "LIBCAMERA_RPI_TUNING_FILE";

/// What the thread is told, by nodes and by libcamera's callbacks alike.
pub enum Event {
    List(Sender<Vec<Described>>),
    /// Ids and models alone, which asks no camera for anything.
    Names(Sender<Vec<(String, String)>>),
    Open(Box<Wanted>, Counters, Sender<Result<Capture, String>>),
    /// Controls for an open camera, from the next request on.
    Set(Id, Vec<Control>, Sender<Result<(), String>>),
    Close(Id),
    Completed(Id, Request),
    GiveBack(Id, u64),
    Unplugged(Id),
    /// The last user has gone.
    Quit,
}

/// A user of the thread. The last one to go ends it.
pub struct Owner {
    events: Sender<Event>,
}

/// What all users share.
struct Shared {
    users: usize,
    events: Sender<Event>,
    thread: JoinHandle<()>,
    tuning: Option<PathBuf>,
    version: String,
}

static SHARED: Mutex<Option<Shared>> = Mutex::new(None);

/// A panic of ours cannot leave the account half-written: each change is one assignment.
fn shared() -> MutexGuard<'static, Option<Shared>> {
    SHARED.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Owner {
    /// Joins the thread, starting it when this is its first user. `tuning` holds for the whole
    /// process: libcamera reads it when the manager starts.
    ///
    /// # Errors
    /// A sentence, when the library does not start, or runs with another tuning file.
    pub fn join(tuning: Option<&Path>) -> Result<Owner, String> {
        let mut guard = shared();
        if let Some(shared) = guard.as_mut() {
            if tuning.is_some() && shared.tuning.as_deref() != tuning {
                let other =
                    shared.tuning.as_deref().map_or("none".to_owned(), |path| path.display().to_string());
                return Err(format!(
                    "\"tuning_file\" is one for all cameras of a graph, and another has {other}"
                ));
            }
            shared.users += 1;
            return Ok(Owner { events: shared.events.clone() });
        }
        let (events, told) = channel();
        let (ready, started) = channel();
        let (own, path) = (events.clone(), tuning.map(PathBuf::from));
        let thread = std::thread::Builder::new()
            .name("cameras".to_owned())
            .spawn(move || run(path, &own, told, &ready))
            .map_err(|error| format!("no thread for the cameras: {error}"))?;
        let version = match started.recv() {
            Ok(Ok(version)) => version,
            outcome => {
                let _ = thread.join();
                let why = outcome.map_or_else(|_| "its thread has ended".to_owned(), Result::unwrap_err);
                return Err(format!("libcamera does not start: {why}"));
            }
        };
        *guard = Some(Shared {
            users: 1,
            events: events.clone(),
            thread,
            tuning: tuning.map(PathBuf::from),
            version,
        });
        Ok(Owner { events })
    }

    /// The version of the library that is loaded.
    pub fn version(&self) -> String {
        shared().as_ref().map_or_else(String::new, |shared| shared.version.clone())
    }

    /// Every camera there is now.
    pub fn list(&self) -> Vec<Described> {
        let (reply, answer) = channel();
        let _ = self.events.send(Event::List(reply));
        answer.recv().unwrap_or_default()
    }

    /// The ids and models of every camera there is now, in the same order.
    pub fn names(&self) -> Vec<(String, String)> {
        let (reply, answer) = channel();
        let _ = self.events.send(Event::Names(reply));
        answer.recv().unwrap_or_default()
    }

    /// Begins to open a camera. The answer comes when the thread has it; nobody is kept waiting.
    pub fn open(&self, wanted: Wanted, counters: &Counters) -> Receiver<Result<Capture, String>> {
        let (reply, answer) = channel();
        let _ = self.events.send(Event::Open(Box::new(wanted), counters.clone(), reply));
        answer
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let mut guard = shared();
        let Some(shared) = guard.as_mut() else { return };
        shared.users -= 1;
        if shared.users > 0 {
            return;
        }
        if let Some(last) = guard.take() {
            let _ = last.events.send(Event::Quit);
            // With the lock held, so that no second manager starts before this one is gone.
            let _ = last.thread.join();
        }
    }
}

fn run(
    tuning: Option<PathBuf>,
    events: &Sender<Event>,
    told: Receiver<Event>,
    ready: &Sender<Result<String, String>>,
) {
    if let Some(path) = tuning {
        // SAFETY: there is no way to hand libcamera this but the environment, which it reads while the
        // manager starts, on this thread, below. Graphs are built before they run, so no other thread
        // of the graph is at work, and Rust's own readers take the lock that this takes.
        unsafe { std::env::set_var(TUNING, path) };
    }
    match CameraManager::new() {
        Ok(manager) => {
            let _ = ready.send(Ok(manager.version().to_owned()));
            Thread { sessions: HashMap::new(), manager, events, told, later: VecDeque::new(), opened: 0 }
                .serve();
        }
        Err(error) => drop(ready.send(Err(versions::errno(error).to_string()))),
    }
}

/// What lives on the thread. The sessions come before the manager, and so go before it.
struct Thread<'a> {
    sessions: HashMap<Id, Session>,
    manager: CameraManager,
    events: &'a Sender<Event>,
    told: Receiver<Event>,
    /// Heard while a session was being taken down, and not about it.
    later: VecDeque<Event>,
    opened: Id,
}

impl Thread<'_> {
    fn serve(mut self) {
        let mut looked = Instant::now();
        loop {
            match self.next() {
                Ok(Event::Quit) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(event) => self.obey(event),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if looked.elapsed() >= LOOK {
                self.look();
                looked = Instant::now();
            }
        }
        let open: Vec<Id> = self.sessions.keys().copied().collect();
        open.into_iter().for_each(|id| self.close(id));
    }

    fn next(&mut self) -> Result<Event, RecvTimeoutError> {
        match self.later.pop_front() {
            Some(event) => Ok(event),
            None => self.told.recv_timeout(LOOK),
        }
    }

    fn obey(&mut self, event: Event) {
        match event {
            Event::List(reply) => {
                let all = versions::cameras(&self.manager);
                let _ = reply.send(all.iter().map(Described::of).collect());
            }
            Event::Names(reply) => {
                let _ = reply.send(names(&versions::cameras(&self.manager)));
            }
            Event::Open(wanted, counters, reply) => {
                let _ = reply.send(self.open(&wanted, &counters));
            }
            Event::Set(id, controls, reply) => {
                // A session that is gone drops the reply, which says so.
                if let Some(session) = self.sessions.get_mut(&id) {
                    let _ = reply.send(session.set(controls));
                }
            }
            Event::Completed(id, request) => self.with(id, |session| session.completed(request)),
            Event::GiveBack(id, cookie) => self.with(id, |session| session.give_back(cookie)),
            Event::Close(id) | Event::Unplugged(id) => self.close(id),
            Event::Quit => {}
        }
    }

    /// What happens to a session that is gone already is over: requests are dropped when they were
    /// cancelled, before their session, and loans are only news.
    fn with(&mut self, id: Id, act: impl FnOnce(&mut Session) -> Result<(), Gone>) {
        if let Some(Err(Gone)) = self.sessions.get_mut(&id).map(act) {
            self.close(id);
        }
    }

    fn open(&mut self, wanted: &Wanted, counters: &Counters) -> Result<Capture, String> {
        let cameras = versions::cameras(&self.manager);
        let at = wanted.which.pick(&names(&cameras))?;
        let camera = cameras.into_iter().nth(at).ok_or("the list of cameras has changed")?;
        self.opened += 1;
        let (session, capture) = Session::open(camera, wanted, self.opened, self.events, counters)?;
        self.sessions.insert(self.opened, session);
        Ok(capture)
    }

    /// Takes a session down in the one order that is safe. Its node sees the end of its shots.
    fn close(&mut self, id: Id) {
        let Some(mut session) = self.sessions.remove(&id) else { return };
        session.stop();
        // Requests that came back are in the channel, and must not outlive their camera.
        self.later.extend(self.told.try_iter());
        self.later.retain(|event| !matches!(event, Event::Completed(of, _) if *of == id));
        drop(session);
    }

    /// Closes the sessions whose cameras are listed no more.
    fn look(&mut self) {
        if self.sessions.is_empty() {
            return;
        }
        let cameras = versions::cameras(&self.manager);
        let gone = |session: &Session| !cameras.iter().any(|camera| camera.id() == session.camera());
        let lost: Vec<Id> =
            self.sessions.iter().filter(|(_, session)| gone(session)).map(|(id, _)| *id).collect();
        lost.into_iter().for_each(|id| self.close(id));
    }
}

fn names(cameras: &[Camera<'_>]) -> Vec<(String, String)> {
    cameras.iter().map(|camera| (camera.id().to_owned(), described::model(camera))).collect()
}
