//! Whether a stream is needed: it sleeps while nobody watches and wakes for the first who comes.
//!
//! Owns the rule and its timing: a stream that is watched by the way stays awake, and for a while
//! after. Which nodes can then rest is decided on the wish's way upstream. Pure: `now` is handed in.

use std::time::{Duration, Instant};

/// How long somebody who comes to a sleeping stream waits for its first picture before being told
/// to try again.
pub const START_WITHIN: Duration = Duration::from_secs(5);

/// What has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Nothing,
    /// Nobody watches any more.
    Sleep,
    /// Somebody watches again.
    Wake,
}

/// The need for one stream.
#[derive(Clone, Debug)]
pub struct Demand {
    /// How long it outlasts the last viewer; `None`: for ever.
    linger: Option<Duration>,
    awake: bool,
    /// When it ends unless somebody comes; `None` while somebody watches.
    until: Option<Instant>,
}

impl Demand {
    /// The stream runs whether it is watched or not.
    pub fn always() -> Demand {
        Demand { linger: None, awake: true, until: None }
    }

    /// The stream runs from the first viewer until `linger` after the last. It begins asleep.
    pub fn by_viewers(linger: Duration) -> Demand {
        Demand { linger: Some(linger), awake: false, until: None }
    }

    pub fn is_by_viewers(&self) -> bool {
        self.linger.is_some()
    }

    pub fn is_awake(&self) -> bool {
        self.awake
    }

    /// Somebody is about to come: `viewers` are there now.
    pub fn asked(&mut self, now: Instant, viewers: usize) -> Change {
        let Some(linger) = self.linger else { return Change::Nothing };
        if viewers == 0 {
            // Long enough for the answer and the viewer to come, however short the wish to linger.
            let until = now + linger.max(START_WITHIN);
            self.until = Some(self.until.map_or(until, |set| set.max(until)));
        }
        self.wake()
    }

    /// So many viewers are there now, connecting ones included.
    pub fn watched(&mut self, now: Instant, viewers: usize) -> Change {
        let Some(linger) = self.linger else { return Change::Nothing };
        if viewers > 0 {
            self.until = None;
            return self.wake();
        }
        if self.awake && self.until.is_none() {
            self.until = Some(now + linger);
        }
        self.due(now)
    }

    /// What has become due by `now`.
    pub fn due(&mut self, now: Instant) -> Change {
        if !self.awake || self.until.is_none_or(|until| now < until) {
            return Change::Nothing;
        }
        (self.awake, self.until) = (false, None);
        Change::Sleep
    }

    /// When [`due`](Demand::due) should be called next.
    pub fn deadline(&self) -> Option<Instant> {
        self.until.filter(|_| self.awake)
    }

    fn wake(&mut self) -> Change {
        match std::mem::replace(&mut self.awake, true) {
            true => Change::Nothing,
            false => Change::Wake,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINGER: Duration = Duration::from_secs(10);

    #[test]
    fn it_outlasts_the_last_viewer_by_its_linger_and_wakes_for_the_next() {
        let start = Instant::now();
        let mut demand = Demand::by_viewers(LINGER);
        assert_eq!((demand.watched(start, 0), demand.deadline()), (Change::Nothing, None));
        assert_eq!(demand.watched(start, 1), Change::Wake);
        assert_eq!(demand.watched(start, 0), Change::Nothing);
        assert_eq!(demand.deadline(), Some(start + LINGER));
        assert_eq!(demand.due(start + LINGER / 2), Change::Nothing);
        assert_eq!(demand.due(start + LINGER), Change::Sleep);
        assert_eq!(demand.deadline(), None, "sleeping costs no look at the clock");
        assert_eq!(demand.watched(start + 2 * LINGER, 1), Change::Wake);
    }

    #[test]
    fn one_who_comes_while_it_lingers_keeps_it_awake() {
        let start = Instant::now();
        let mut demand = Demand::by_viewers(LINGER);
        demand.watched(start, 1);
        demand.watched(start, 0);
        assert_eq!(demand.watched(start + LINGER / 2, 1), Change::Nothing);
        assert_eq!(demand.due(start + 10 * LINGER), Change::Nothing);
    }

    #[test]
    fn one_who_only_asked_is_waited_for_however_short_the_linger() {
        let start = Instant::now();
        let mut demand = Demand::by_viewers(Duration::ZERO);
        assert_eq!(demand.asked(start, 0), Change::Wake);
        assert_eq!(demand.watched(start, 0), Change::Nothing);
        assert_eq!(demand.asked(start + START_WITHIN / 2, 0), Change::Nothing);
        assert_eq!(demand.due(start + START_WITHIN), Change::Nothing);
        assert_eq!(demand.due(start + START_WITHIN * 3 / 2), Change::Sleep);
    }

    #[test]
    fn a_stream_that_always_runs_never_sleeps() {
        let now = Instant::now();
        let mut demand = Demand::always();
        assert_eq!(demand.watched(now, 0), Change::Nothing);
        assert_eq!((demand.due(now + 100 * LINGER), demand.deadline()), (Change::Nothing, None));
    }
}
