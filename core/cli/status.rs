//! What a running graph says on the terminal: a line that is rewritten each second, or a log line
//! now and then where nobody looks at a terminal.
//!
//! Owns the words and the thread that writes them. The numbers are the ledger's.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::log;
use crate::run::{LinkReport, Report, Watch};

const EACH: Duration = Duration::from_secs(1);
/// In a log, a line a second would bury what matters.
const EACH_IN_A_LOG: Duration = Duration::from_secs(10);
/// What takes no longer than this needs no word.
const UNREMARKABLE: Duration = Duration::from_millis(700);

/// Where status goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// Rewritten in place.
    Terminal,
    /// A log line.
    Log,
    Nowhere,
}

impl Line {
    pub fn of(quiet: bool, form: log::Form) -> Line {
        match form {
            _ if quiet => Line::Nowhere,
            log::Form::Text if io::stderr().is_terminal() => Line::Terminal,
            log::Form::Text | log::Form::Json => Line::Log,
        }
    }
}

/// A thread that says something at intervals, until this is dropped.
pub struct Telling {
    line: Line,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Says what takes so long before a graph runs, when it does.
pub fn preparing(line: Line) -> Telling {
    const WORDS: &str = "preparing: compiling plugins and opening devices; compiled plugins are kept";
    let mut told = false;
    Telling::new(UNREMARKABLE, line, move || match line {
        Line::Terminal => write_line(WORDS),
        Line::Log if !told => {
            told = true;
            tracing::info!("{WORDS}");
        }
        Line::Log | Line::Nowhere => {}
    })
}

/// Says how the graph does.
pub fn running(line: Line, watch: Watch) -> Telling {
    let mut before = watch.report();
    let each = if line == Line::Terminal { EACH } else { EACH_IN_A_LOG };
    Telling::new(each, line, move || {
        let now = watch.report();
        let words = words(&before, &now);
        before = now;
        match line {
            Line::Terminal => write_line(&words),
            Line::Log => tracing::info!("{words}"),
            Line::Nowhere => {}
        }
    })
}

impl Telling {
    fn new(each: Duration, line: Line, mut tell: impl FnMut() + Send + 'static) -> Telling {
        let (stop, stopped) = mpsc::channel();
        let at_intervals = move || {
            while stopped.recv_timeout(each) == Err(RecvTimeoutError::Timeout) {
                tell();
            }
        };
        let named = || thread::Builder::new().name("status".to_owned());
        // Without a thread there is no status; the graph matters more.
        let thread = match line {
            Line::Nowhere => None,
            Line::Terminal | Line::Log => named().spawn(at_intervals).ok(),
        };
        Telling { line, stop: Some(stop), thread }
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        if self.line == Line::Terminal {
            write_line("");
        }
    }
}

/// Replaces the last line of the terminal. A terminal that went away is no reason to stop.
fn write_line(words: &str) {
    let _ = write!(io::stderr(), "\r\x1b[K{words}");
}

/// `0:07  camera 30.0/s  h264 30.0/s 3.1 ms  lost 4`: what happened between two looks.
fn words(before: &Report, now: &Report) -> String {
    let seconds = (now.elapsed - before.elapsed).as_secs_f64().max(0.001);
    let whole = now.elapsed.as_secs();
    let mut words = format!("{}:{:02}", whole / 60, whole % 60);
    for node in &now.nodes {
        // A reload may have brought it since, or put another in its place.
        let earlier =
            before.nodes.iter().find(|earlier| earlier.id == node.id && earlier.turns <= node.turns);
        let (turns, busy) = earlier.map_or((0, Duration::ZERO), |earlier| (earlier.turns, earlier.busy));
        let (turns, busy) = (node.turns - turns, node.busy.saturating_sub(busy));
        words += &format!("  {} {:.1}/s", node.id, turns as f64 / seconds);
        let busy = busy.as_secs_f64() / turns.max(1) as f64;
        if busy >= 0.0005 {
            words += &format!(" {:.1} ms", busy * 1000.0);
        }
    }
    let lost = |report: &Report| -> u64 { report.links.iter().map(LinkReport::lost).sum() };
    match lost(now).saturating_sub(lost(before)) {
        0 => words,
        lost => words + &format!("  lost {lost}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::PoolUse;
    use crate::run::{NodeReport, NodeState, Spread};

    fn report(at: u64, turns: u64, busy_ms: u64, lost: u64) -> Report {
        let node = NodeReport {
            id: "h264".to_owned(),
            kind: "h264",
            state: NodeState::Running,
            turns,
            given: turns,
            failed: 0,
            busy: Duration::from_millis(busy_ms),
            turn: Spread::default(),
            latency: None,
            counters: vec![],
        };
        let link = LinkReport {
            from: "camera.frames".to_owned(),
            to: "h264.frames".to_owned(),
            waiting: 0,
            capacity: 1,
            passed: turns,
            wait: Spread::default(),
            dropped: vec![("full", lost), ("rate", 3 * lost)],
        };
        let pool = PoolUse { out: 0, out_bytes: 0, idle_bytes: 0, limit: 0, allocations: 0 };
        Report { elapsed: Duration::from_secs(at), nodes: vec![node], links: vec![link], pool }
    }

    #[test]
    fn the_line_says_what_happened_since_the_last_one() {
        let (before, now) = (report(60, 100, 300, 5), report(62, 160, 480, 9));
        assert_eq!(words(&before, &now), "1:02  h264 30.0/s 3.0 ms  lost 4");
        assert_eq!(words(&now, &report(63, 160, 480, 9)), "1:03  h264 0.0/s");
    }
}
