//! Many viewers' need for a keyframe, merged into few wishes.
//!
//! Owns the rule: one wish a window, and a need is met by the next keyframe whoever caused it.
//! Never reads a clock.

use std::time::{Duration, Instant};

/// The least time from one forced keyframe to the next.
pub const WINDOW: Duration = Duration::from_millis(500);

/// What to do about a need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Send a wish to the encoder.
    Now,
    /// A wish is under way, or will be sent when the window ends.
    Merged,
}

#[derive(Default)]
pub struct KeyframeGate {
    needed: bool,
    last: Option<Instant>,
}

impl KeyframeGate {
    /// A viewer needs a keyframe.
    pub fn need(&mut self, now: Instant) -> Ask {
        self.needed = true;
        self.due(now)
    }

    /// Asks for what is still needed, if the window has ended. An encoder that let a wish go
    /// unheard is asked again.
    pub fn due(&mut self, now: Instant) -> Ask {
        let open = self.last.is_none_or(|last| now.saturating_duration_since(last) >= WINDOW);
        if !(self.needed && open) {
            return Ask::Merged;
        }
        self.last = Some(now);
        Ask::Now
    }

    /// A keyframe went out: every need up to here is met.
    pub fn met(&mut self) {
        self.needed = false;
    }

    /// When [`due`](KeyframeGate::due) should be called next.
    pub fn deadline(&self) -> Option<Instant> {
        self.last.filter(|_| self.needed).map(|last| last + WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_needs_in_a_second_make_at_most_three_wishes() {
        let start = Instant::now();
        let mut gate = KeyframeGate::default();
        let mut wishes = 0;
        for n in 0..100 {
            let now = start + Duration::from_millis(10 * n);
            wishes += usize::from(gate.need(now) == Ask::Now);
            if n % 4 == 3 {
                gate.met();
            }
        }
        assert_eq!(wishes, 2);
    }

    #[test]
    fn a_need_inside_the_window_is_asked_for_when_it_ends_unless_met() {
        let start = Instant::now();
        let mut gate = KeyframeGate::default();
        assert_eq!(gate.need(start), Ask::Now);
        gate.met();
        assert_eq!(gate.deadline(), None);
        assert_eq!(gate.need(start + Duration::from_millis(100)), Ask::Merged);
        assert_eq!(gate.deadline(), Some(start + WINDOW));
        assert_eq!(gate.due(start + WINDOW), Ask::Now);
        gate.met();
        assert_eq!(gate.due(start + 3 * WINDOW), Ask::Merged);
    }
}
