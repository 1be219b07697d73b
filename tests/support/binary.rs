//! The real program, started on free ports and ended by its process id.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::asking::until;

/// Compiling plugins on a busy machine is slow; nothing here is judged by speed.
const START_WITHIN: Duration = Duration::from_secs(180);

/// No line a test waits for takes longer.
const SAYS_WITHIN: Duration = Duration::from_secs(90);

/// A running `framegate run`, or `framegate plugin run`. Killed when dropped.
pub struct Framegate {
    child: Child,
    /// `http://127.0.0.1:PORT/`, or `https`
    pub url: String,
    log: Arc<Log>,
}

/// Everything printed, and the news that there is more.
#[derive(Default)]
struct Log {
    text: Mutex<String>,
    more: Condvar,
}

impl Framegate {
    /// Runs a graph file on free loopback ports and waits until it says where to watch.
    pub fn run(graph: &Path, arguments: &[&str]) -> Framegate {
        Framegate::run_at(graph, "127.0.0.1:0", arguments)
    }

    /// The same, with variables of the environment.
    pub fn run_with(graph: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Framegate {
        Framegate::start(graph, "127.0.0.1:0", arguments, variables)
    }

    /// The same, on an address of the caller's choice.
    pub fn run_at(graph: &Path, listen: &str, arguments: &[&str]) -> Framegate {
        Framegate::start(graph, listen, arguments, &[])
    }

    fn start(graph: &Path, listen: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Framegate {
        let mut command = Command::new(env!("CARGO_BIN_EXE_framegate"));
        command
            .arg("run")
            .arg(graph)
            .args(["--set", &format!("server.listen={listen}"), "--set", "server.udp_port=0"])
            .args(arguments)
            .envs(variables.iter().copied());
        Framegate::serving(&mut command)
    }

    /// Starts any command that serves a page, and waits until it says where to watch.
    pub fn serving(command: &mut Command) -> Framegate {
        let mut child = command
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary under test starts");
        let log = Arc::new(Log::default());
        let (found, url) = mpsc::channel();
        let (output, errors) = (child.stdout.take(), child.stderr.take());
        follow(output.expect("its output is piped"), Arc::clone(&log), Some(found));
        follow(errors.expect("its errors are piped"), Arc::clone(&log), None);
        match url.recv_timeout(START_WITHIN) {
            Ok(url) => Framegate { child, url, log },
            Err(_) => {
                let ended = child.try_wait();
                // Already gone, or about to be: either way it is not ours any more.
                drop((child.kill(), child.wait()));
                let log = log.text.lock().unwrap();
                panic!("{command:?} never said where to watch ({ended:?}):\n{log}");
            }
        }
    }

    /// Runs a graph given as text.
    pub fn run_text(graph: &str, arguments: &[&str]) -> Framegate {
        Framegate::run_text_with(graph, arguments, &[])
    }

    /// The same, with variables of the environment.
    pub fn run_text_with(graph: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Framegate {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().join("graph.yaml");
        std::fs::write(&path, graph).expect("a temporary file can be written");
        Framegate::start(&path, "127.0.0.1:0", arguments, variables)
    }

    /// `path` on this server; no slash in front.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// What it answers at `path`.
    pub fn json(&self, path: &str) -> Value {
        let mut answer = ureq::get(self.at(path)).call().unwrap_or_else(|error| panic!("{path}: {error}"));
        answer.body_mut().read_json().expect("the server answers with JSON")
    }

    /// Waits until its first relay has a picture to send.
    pub fn until_live(&self) {
        until("a picture for the relay", || {
            self.json("api/relays")["relays"][0]["pictures"].as_u64() > Some(0)
        });
    }

    /// How many viewers its first stream has.
    pub fn viewers(&self) -> u64 {
        self.json("api/relays")["relays"][0]["viewers"].as_u64().unwrap_or(0)
    }

    /// Everything printed so far.
    pub fn log(&self) -> String {
        self.log.text.lock().unwrap().clone()
    }

    /// Waits until it has printed `words`.
    pub fn wait_for(&self, words: &str) {
        let text = self.log.text.lock().unwrap();
        let silent = |text: &mut String| !text.contains(words);
        let (text, waited) = self.log.more.wait_timeout_while(text, SAYS_WITHIN, silent).unwrap();
        assert!(!waited.timed_out(), "it never said {words:?}:\n{text}");
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Has it killed when this process exits: for the one that a `static` holds, which is never dropped.
    pub fn end_with_the_tests(&self) {
        static ID: AtomicU32 = AtomicU32::new(0);
        extern "C" fn end() {
            // SAFETY: plain FFI call without memory; nobody waits for this child, so the id is its own.
            unsafe { libc::kill(ID.load(Ordering::Relaxed) as libc::pid_t, libc::SIGKILL) };
        }
        assert_eq!(ID.swap(self.id(), Ordering::Relaxed), 0, "there is one such server");
        // SAFETY: `end` only reads a static and makes a system call.
        assert_eq!(unsafe { libc::atexit(end) }, 0);
    }

    /// Asks it to stop, as Ctrl-C does, and waits for the end.
    pub fn stop(mut self) -> ExitStatus {
        let id = libc::pid_t::try_from(self.child.id()).expect("process ids fit");
        // SAFETY: plain FFI call without memory; the child has not been waited for, so the id is its own.
        assert_eq!(unsafe { libc::kill(id, libc::SIGINT) }, 0);
        let since = Instant::now();
        let status = self.child.wait().expect("a child can be waited for");
        assert!(since.elapsed() < Duration::from_secs(30), "it took {:?} to stop", since.elapsed());
        status
    }
}

impl Drop for Framegate {
    fn drop(&mut self) {
        drop((self.child.kill(), self.child.wait()));
    }
}

/// Keeps what is printed, and tells of the address in `watch at http://127.0.0.1:8080/`.
fn follow(output: impl Read + Send + 'static, log: Arc<Log>, found: Option<Sender<String>>) {
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let (Some(address), Some(found)) = (line.strip_prefix("watch at "), &found) {
                // Whoever waited may have given up.
                let _ = found.send(address.trim().to_owned());
            }
            let mut text = log.text.lock().unwrap();
            text.push_str(&line);
            text.push('\n');
            log.more.notify_all();
        }
    });
}
