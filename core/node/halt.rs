//! When a node may not take any longer: the end of the time that a stopped graph has for itself.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// Told once, when the graph is stopped; asked by nodes in the middle of something long. A clone is
/// the same one. Plain values: whoever tells and whoever asks has read the clock.
#[derive(Clone, Debug, Default)]
pub struct Halt(Arc<OnceLock<Instant>>);

impl Halt {
    /// The graph is stopped, and nothing may go on after `at`. Only the first telling counts.
    pub fn tell(&self, at: Instant) {
        let _ = self.0.set(at);
    }

    /// Whether the graph is stopped.
    pub fn is_told(&self) -> bool {
        self.0.get().is_some()
    }

    /// Whether whatever is under way has to be broken off.
    pub fn is_past(&self, now: Instant) -> bool {
        self.0.get().is_some_and(|at| now >= *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn nothing_is_broken_off_before_the_graph_is_stopped_and_its_time_is_over() {
        let (halt, now) = (Halt::default(), Instant::now());
        assert!(!halt.is_past(now));
        halt.clone().tell(now + Duration::from_secs(1));
        halt.tell(now);
        assert!(!halt.is_past(now));
        assert!(halt.is_past(now + Duration::from_secs(1)));
    }
}
