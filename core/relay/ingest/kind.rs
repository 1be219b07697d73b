//! The `whip` kind: the source whose pictures somebody publishes to us.

use super::source::Guest;
use crate::diagnostic::Diagnostic;
use crate::node::{About, Contract, Format, Node, NodeError, NodeKind, Role, Setting, Settings, Site, Takes};
use crate::relay::hub::Hub;

static ABOUT: About = About {
    name: "whip",
    role: Role::Source,
    summary: "the H.264 that a browser, OBS, ffmpeg or another Framegate publishes by WHIP, at /<id>/whip",
    with: &[Setting::with_default(
        "on_lost",
        Takes::Choice(&["wait", "stop"]),
        "wait",
        "When the publisher leaves or vanishes: wait for the next one, or end the graph",
    )],
    beside: &[],
    open: false,
    example: "- id: guest\n  kind: whip\n",
};

/// The kind. Its nodes are entrances of one hub.
pub struct Kind {
    hub: Hub,
}

impl Kind {
    pub fn new(hub: Hub) -> Kind {
        Kind { hub }
    }
}

impl NodeKind for Kind {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn contract(&self, _settings: &Settings) -> Result<Contract, Vec<Diagnostic>> {
        Ok(Contract::of_encoded_device())
    }

    fn outputs(&self, _: &Settings, _: &[Option<Format>]) -> Result<Vec<Format>, Diagnostic> {
        Ok(vec![Format::ENCODED])
    }

    fn build(&self, settings: &Settings, _: &[Option<Format>], site: &Site) -> Result<Node, NodeError> {
        Ok(Node::Source(Box::new(Guest::new(self.hub.entrance(site), settings, site))))
    }
}
