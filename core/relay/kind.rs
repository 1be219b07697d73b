//! The `relay` kind: the sink that hands an encoded stream to the hub.

use std::time::{Duration, Instant};

use super::answer::Latency;
use super::demand::Demand;
use super::feed::Feed;
use super::hub::Hub;
use crate::diagnostic::Diagnostic;
use crate::node::{
    About, Accepts, Adjusted, Contract, Format, InputPort, Inputs, Node, NodeError, NodeKind, Pace, Role,
    Setting, Settings, Sink, Site, Takes, Work,
};

const LATENCIES: [&str; 2] = ["balanced", "lowest"];

const WITH: &[Setting] = &[
    Setting::with_default(
        "max_viewers",
        Takes::Integer { least: 1, most: 10_000 },
        "200",
        "Viewers at the same time; one more is told to try again later",
    ),
    Setting::with_default(
        "latency",
        Takes::Choice(&LATENCIES),
        "balanced",
        "`balanced` leaves smoothing to the viewer; `lowest` tells it to show each picture at once",
    ),
    Setting::with_default(
        "on_demand",
        Takes::Bool,
        "false",
        "Whether source and encoder sleep while nobody watches, as far as nothing else needs them",
    ),
    Setting::with_default(
        "linger",
        Takes::Duration { least: Duration::ZERO, most: Duration::from_secs(3600) },
        "10s",
        "With `on_demand`: how long after the last viewer they go on",
    ),
];

const ABOUT: About = About {
    name: "relay",
    role: Role::Sink,
    summary: "Sends one encoded stream to many viewers by WebRTC, at /<id>/whep",
    with: WITH,
    beside: &[],
    open: false,
    example: "- id: live\n  kind: relay\n  with: { max_viewers: 50, latency: lowest }\n  inputs: h264\n",
};

/// The kind. Its nodes are streams of one hub.
pub struct Kind {
    hub: Hub,
}

impl Kind {
    pub fn new(hub: Hub) -> Kind {
        Kind { hub }
    }
}

/// The contract of whatever sends one encoded stream away.
pub(super) fn takes_encoded() -> Contract {
    Contract {
        inputs: vec![InputPort::each("access_units", vec![Accepts::AccessUnits])],
        outputs: vec![],
        work: Work::Network,
        pace: Pace::Free,
    }
}

impl NodeKind for Kind {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn contract(&self, _settings: &Settings) -> Result<Contract, Vec<Diagnostic>> {
        Ok(takes_encoded())
    }

    fn outputs(&self, _settings: &Settings, _inputs: &[Option<Format>]) -> Result<Vec<Format>, Diagnostic> {
        Ok(vec![])
    }

    fn build(&self, settings: &Settings, _inputs: &[Option<Format>], site: &Site) -> Result<Node, NodeError> {
        let latency = match settings.choice("latency") {
            "lowest" => Latency::Lowest,
            _ => Latency::Balanced,
        };
        let most_viewers = usize::try_from(settings.integer("max_viewers")).unwrap_or(usize::MAX);
        // Offline there is no such thing as a while in which nobody watches.
        let demand = match settings.bool("on_demand") && site.epoch.live {
            true => Demand::by_viewers(settings.duration("linger")),
            false => Demand::always(),
        };
        let feed = Some(self.hub.feed(site, most_viewers, latency, demand));
        Ok(Node::Sink(Box::new(Relay { feed, settings: settings.clone() })))
    }
}

struct Relay {
    /// `None` once the stream has ended.
    feed: Option<Feed>,
    settings: Settings,
}

impl Sink for Relay {
    fn consume(&mut self, mut inputs: Inputs) -> Result<(), NodeError> {
        if let (Some(feed), Some(unit)) = (&mut self.feed, inputs.take_access_unit(0)) {
            feed.push(Instant::now(), &unit)?;
        }
        Ok(())
    }

    /// Viewers are told goodbye.
    fn finish(&mut self) -> Result<(), NodeError> {
        self.feed = None;
        Ok(())
    }

    /// Another size or rate comes within the stream, and viewers follow it.
    fn adjust(&mut self, settings: &Settings, _: &[Option<Format>]) -> Adjusted {
        if *settings == self.settings { Adjusted::Applied } else { Adjusted::NeedsRebuild }
    }
}
