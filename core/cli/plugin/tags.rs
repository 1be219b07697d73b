//! The node kind `tags`: tells an author at the terminal what their plugin tags frames with.
//!
//! A picture does not show it, and for a plugin that sees no picture it is all there is to see. Only
//! `plugin run` has this kind; a graph file cannot name it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::media::Pts;
use crate::node::{
    About, Accepts, Adjusted, Contract, Format, InputPort, Inputs, Node, NodeError, NodeKind, Pace, Role,
    Settings, Sink, Site, Work,
};

/// Somebody reads the lines; a counter changes with every frame.
const EACH: Duration = Duration::from_secs(1);

static ABOUT: About = About {
    name: "tags",
    role: Role::Sink,
    summary: "tells what frames are tagged with",
    with: &[],
    beside: &[],
    open: false,
    example: "",
};

/// The kind.
pub struct Tags;

impl NodeKind for Tags {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn contract(&self, _: &Settings) -> Result<Contract, Vec<Diagnostic>> {
        Ok(Contract {
            inputs: vec![InputPort::each("frames", Accepts::any_frames())],
            outputs: vec![],
            work: Work::Compute,
            pace: Pace::Free,
        })
    }

    fn outputs(&self, _: &Settings, _: &[Option<Format>]) -> Result<Vec<Format>, Diagnostic> {
        Ok(vec![])
    }

    fn build(&self, _: &Settings, _: &[Option<Format>], _: &Site) -> Result<Node, NodeError> {
        Ok(Node::Sink(Box::new(Teller::default())))
    }
}

/// What was told last, and when.
#[derive(Default)]
struct Teller {
    told: BTreeMap<String, String>,
    at: Option<Pts>,
}

impl Sink for Teller {
    fn consume(&mut self, mut inputs: Inputs) -> Result<(), NodeError> {
        let Some(frame) = inputs.take_frame(0) else { return Ok(()) };
        if let Some(words) = self.news(&frame.annotations().tags, frame.pts) {
            tracing::info!("tags: {words}");
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), NodeError> {
        Ok(())
    }

    fn adjust(&mut self, _: &Settings, _: &[Option<Format>]) -> Adjusted {
        Adjusted::Applied
    }
}

impl Teller {
    /// The tags where they are others than were told, and that was not just now.
    fn news(&mut self, tags: &BTreeMap<String, String>, now: Pts) -> Option<String> {
        if *tags == self.told || self.at.is_some_and(|at| now.since(at) < EACH) {
            return None;
        }
        (self.told, self.at) = (tags.clone(), Some(now));
        // In quotes, so that what a plugin wrote cannot pass for a line of ours.
        let each: Vec<String> = tags.iter().map(|(key, value)| format!("{key:?}: {value:?}")).collect();
        Some(if each.is_empty() { "none any more".to_owned() } else { each.join(", ") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_is_told_once_and_the_newest_of_each_second() {
        let mut teller = Teller::default();
        let mut news = |tags: &[(&str, &str)], millis| {
            let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            teller.news(&tags, Pts::ZERO.after(Duration::from_millis(millis)))
        };
        assert_eq!(news(&[], 0), None);
        assert_eq!(news(&[("count", "1")], 40), Some(r#""count": "1""#.to_owned()));
        assert_eq!(news(&[("count", "2")], 80), None);
        assert_eq!(
            news(&[("count", "3"), ("who", "a\x1b")], 1040),
            Some(r#""count": "3", "who": "a\u{1b}""#.to_owned())
        );
        assert_eq!(news(&[("count", "3"), ("who", "a\x1b")], 9000), None);
        assert_eq!(news(&[], 9040), Some("none any more".to_owned()));
    }
}
