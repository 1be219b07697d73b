//! What a plugin told the mock host: log lines and metrics, one journal a thread (and so one a test).

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::Level;

/// What was told since the last look.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Journal {
    pub lines: Vec<(Level, String)>,
    pub gauges: BTreeMap<String, f64>,
    pub counts: BTreeMap<String, u64>,
}

thread_local! {
    static JOURNAL: RefCell<Journal> = RefCell::default();
}

/// Takes what plugins on this thread have told.
pub fn journal() -> Journal {
    JOURNAL.take()
}

pub(crate) fn log(level: Level, message: &str) {
    JOURNAL.with_borrow_mut(|journal| journal.lines.push((level, message.into())));
}

pub(crate) fn gauge(name: &str, value: f64) {
    JOURNAL.with_borrow_mut(|journal| journal.gauges.insert(name.into(), value));
}

pub(crate) fn count(name: &str, delta: u64) {
    JOURNAL.with_borrow_mut(|journal| *journal.counts.entry(name.into()).or_default() += delta);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_takes_what_was_told() {
        crate::info!("seen {}", 3);
        crate::count("cars", 2);
        crate::count("cars", 1);
        let told = journal();
        assert_eq!(told.lines, [(Level::Info, "seen 3".into())]);
        assert_eq!(told.counts["cars"], 3);
        assert_eq!(journal(), Journal::default());
    }
}
