//! When a camera is lost, and what follows.

use std::time::Duration;

use crate::media::{Pts, Rate};
use crate::node::{NodeError, Site};

/// Without a picture for this long, and three intervals more, the camera is taken for lost.
const SILENCE: Duration = Duration::from_secs(2);
/// What the interval is taken for before two pictures have shown it.
const SLOWEST: Duration = Duration::from_millis(200);

/// What to do when the camera is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnLost {
    /// Give nothing until it is back.
    Wait,
    /// End the graph with an error.
    Stop,
    /// Give a slate until it is back.
    Slate,
}

impl OnLost {
    /// As it is written in a graph.
    pub const NAMES: [&'static str; 3] = ["wait", "stop", "slate"];

    pub fn named(name: &str) -> OnLost {
        match OnLost::NAMES.iter().position(|known| *known == name) {
            Some(1) => OnLost::Stop,
            Some(2) => OnLost::Slate,
            _ => OnLost::Wait,
        }
    }
}

/// Tells everywhere that `camera` is lost: `why` goes on from its name, and `next` says what is done.
///
/// # Errors
/// When that is to be the end of the graph.
pub fn lost(site: &Site, on_lost: OnLost, camera: &str, why: &str, next: &str) -> Result<(), NodeError> {
    site.counters.named("lost").add(1);
    if on_lost == OnLost::Stop {
        return Err(NodeError::stop_graph(format!("{camera} {why}, and \"on_lost\" is \"stop\"")));
    }
    tracing::warn!(node = site.node, "{camera} {why}; {next}");
    site.waiting.begin(format!("{camera} {why}; {next}"));
    Ok(())
}

/// How long the camera may be silent, from the pace it has shown.
pub struct Watch {
    interval: Duration,
    last: Option<Pts>,
}

impl Watch {
    pub fn new(rate: Option<Rate>) -> Watch {
        Watch { interval: rate.map_or(SLOWEST, Rate::interval), last: None }
    }

    pub fn saw(&mut self, pts: Pts) {
        if let Some(last) = self.last.replace(pts) {
            // Half of the change each time: a dark room slows a camera down within a few frames.
            self.interval = (self.interval + pts.since(last)) / 2;
        }
    }

    pub fn patience(&self) -> Duration {
        SILENCE + 3 * self.interval
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Pts {
        Pts::from_nanos(milliseconds * 1_000_000)
    }

    #[test]
    fn silence_is_measured_by_the_cameras_own_pace() {
        let mut watch = Watch::new("10".parse().ok());
        assert_eq!(watch.patience(), Duration::from_millis(2300));
        (0..40).for_each(|frame| watch.saw(at(frame * 1000)));
        assert!(watch.patience() > Duration::from_millis(4900), "{:?}", watch.patience());
    }
}
