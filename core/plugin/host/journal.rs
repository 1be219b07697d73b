//! What a plugin says: log lines and metrics, bounded so that nobody drowns in them.
//!
//! Owns the rate, the length and the neutralising of a line, and the last few of them for the
//! report of a failure. What is dropped is counted in the node's `log_dropped`.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::node::{Counter, Counters};
use crate::plugin::host::Level;

/// Lines a second, and lines at once after a silence.
const LINES_A_SECOND: f64 = 20.0;
/// Bytes of a line.
pub const LINE: usize = 4 << 10;
/// Lines kept for the report of a failure.
const KEPT: usize = 20;
/// Metrics a plugin may name.
const METRICS: usize = 32;
/// Bytes of a metric's name.
const METRIC_NAME: usize = 64;

/// Everything one plugin node says. A clone is the same journal.
#[derive(Clone)]
pub struct Journal {
    shared: Arc<Mutex<Shared>>,
    counters: Counters,
    node: Arc<str>,
}

struct Shared {
    /// Lines that may be written now.
    allowance: f64,
    refilled: Option<Instant>,
    kept: VecDeque<String>,
    metrics: BTreeMap<String, Counter>,
    dropped: Counter,
}

impl Journal {
    pub fn new(node: &str, counters: &Counters) -> Journal {
        let shared = Shared {
            allowance: LINES_A_SECOND,
            refilled: None,
            kept: VecDeque::with_capacity(KEPT),
            metrics: BTreeMap::new(),
            dropped: counters.named("log_dropped"),
        };
        Journal { shared: Arc::new(Mutex::new(shared)), counters: counters.clone(), node: node.into() }
    }

    /// Writes one line, or counts it as dropped.
    pub fn line(&self, level: Level, text: &str, now: Instant) {
        let line = neutral(text);
        let mut shared = self.shared();
        if shared.kept.len() == KEPT {
            shared.kept.pop_front();
        }
        shared.kept.push_back(line.clone());
        if !shared.may_write(now) {
            shared.dropped.add(1);
            return;
        }
        drop(shared);
        let node = &*self.node;
        match level {
            Level::Trace => tracing::trace!(target: "framegate::plugin", node, "{line}"),
            Level::Debug => tracing::debug!(target: "framegate::plugin", node, "{line}"),
            Level::Info => tracing::info!(target: "framegate::plugin", node, "{line}"),
            Level::Warn => tracing::warn!(target: "framegate::plugin", node, "{line}"),
            Level::Error => tracing::error!(target: "framegate::plugin", node, "{line}"),
        }
    }

    /// Takes the last lines, oldest first: what led up to a failure.
    pub fn take_last(&self) -> Vec<String> {
        self.shared().kept.drain(..).collect()
    }

    /// The number a plugin calls `name`; `None` for a name that is no word, or one too many.
    pub fn metric(&self, name: &str) -> Option<Counter> {
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        if name.is_empty() || name.len() > METRIC_NAME || !name.chars().all(word) {
            return None;
        }
        let mut shared = self.shared();
        if let Some(known) = shared.metrics.get(name) {
            return Some(known.clone());
        }
        if shared.metrics.len() >= METRICS {
            return None;
        }
        // So that a plugin cannot pose as the host.
        let metric = self.counters.named(&format!("plugin_{name}"));
        shared.metrics.insert(name.to_owned(), metric.clone());
        Some(metric)
    }

    // Nothing below can leave the state half-written.
    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn may_write(&mut self, now: Instant) -> bool {
        let passed = self.refilled.map_or(0.0, |then| now.saturating_duration_since(then).as_secs_f64());
        self.refilled = Some(now);
        self.allowance = (self.allowance + passed * LINES_A_SECOND).min(LINES_A_SECOND);
        let may = self.allowance >= 1.0;
        if may {
            self.allowance -= 1.0;
        }
        may
    }
}

/// Whether it is followed instead of shown: controls, line ends, and what turns the reading direction.
pub fn is_unseen(letter: char) -> bool {
    let turns = ['\u{200e}', '\u{200f}', '\u{61c}'].contains(&letter)
        || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    letter != '\t' && (letter.is_control() || turns)
}

/// `text` as one harmless line: what could move a cursor, colour a terminal, turn the reading
/// direction or start a new line is shown by its number.
pub fn neutral(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(LINE));
    for letter in text.trim_end().chars() {
        if line.len() >= LINE {
            line.push('…');
            break;
        }
        match letter {
            '\t' => line.push(' '),
            letter if is_unseen(letter) => {
                let _ = write!(line, "\\u{{{:x}}}", letter as u32);
            }
            letter => line.push(letter),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_flood_is_cut_to_its_rate_and_the_rest_counted() {
        let counters = Counters::default();
        let journal = Journal::new("motion", &counters);
        let start = Instant::now();
        for _ in 0..1000 {
            journal.line(Level::Info, "again", start);
        }
        assert_eq!(counters.named("log_dropped").get(), 980);
        for _ in 0..1000 {
            journal.line(Level::Info, "again", start + Duration::from_millis(500));
        }
        assert_eq!(counters.named("log_dropped").get(), 980 + 990);
        assert_eq!(journal.take_last().len(), KEPT);
    }

    #[test]
    fn a_line_cannot_reach_the_terminal_behind_it() {
        assert_eq!(neutral("\x1b[31mred\nnext\r"), "\\u{1b}[31mred\\u{a}next");
        assert_eq!(neutral("a\u{202e}b\u{61c}"), "a\\u{202e}b\\u{61c}");
        assert!(neutral(&"x".repeat(1 << 20)).len() <= LINE + 4);
    }

    #[test]
    fn metric_names_are_words_and_few() {
        let journal = Journal::new("motion", &Counters::default());
        assert!(journal.metric("moving_parts").is_some());
        for name in ["", "a b", "Ä", "x\n", &"x".repeat(65)] {
            assert!(journal.metric(name).is_none(), "{name:?}");
        }
        let known = (0..100).filter(|index| journal.metric(&format!("n{index}")).is_some()).count();
        assert_eq!(known, METRICS - 1);
        assert!(journal.metric("moving_parts").is_some());
    }
}
