//! The `whip_push` kind: publishes the encoded stream to a WHIP server (RFC 9725), such as an SFU that
//! serves more viewers than one machine can.
//!
//! Owns the kind and the sink. To the relay's core the server is a viewer like any other: lost packets
//! are sent again, its picture losses become keyframes, its losses bear on the bitrate. What it takes
//! to bring the two together is `publisher`'s business, the SDP is `invite`'s, HTTP `resource`'s.

mod invite;
mod publisher;
mod resource;

use std::time::Instant;

use super::feed::Feed;
use super::hub::Hub;
use super::kind::takes_encoded;
use crate::diagnostic::{Diagnostic, Path};
use crate::node::{
    About, Adjusted, Contract, Format, Inputs, Node, NodeError, NodeKind, Role, Setting, Settings, Sink,
    Site, Takes,
};

pub use invite::Invitation;
pub(super) use invite::invite;
pub use publisher::News;
use publisher::Publisher;
use resource::Server;

const WITH: &[Setting] = &[
    Setting::required("url", Takes::Text, "The server's WHIP endpoint, http:// or https://"),
    Setting::optional(
        "token",
        Takes::Text,
        "The bearer token the server asks for. Write it as ${NAME}, so that it stands in no file and no message",
    ),
];

static ABOUT: About = About {
    name: "whip_push",
    role: Role::Sink,
    summary: "Publishes one encoded stream to another WebRTC server by WHIP, and comes back when it is lost",
    with: WITH,
    beside: &[],
    open: false,
    example: "- id: outside\n  kind: whip_push\n  with: { url: https://sfu.example.org/whip, token: \"${WHIP_TOKEN}\" }\n  inputs: h264\n",
};

/// The kind. Its nodes send through one hub.
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

    fn contract(&self, settings: &Settings) -> Result<Contract, Vec<Diagnostic>> {
        if let Err(why) = Server::at(settings.text("url"), None) {
            return Err(vec![Diagnostic::error("bad-url", Path::root().key("with").key("url"), why)]);
        }
        Ok(takes_encoded())
    }

    fn outputs(&self, _settings: &Settings, _inputs: &[Option<Format>]) -> Result<Vec<Format>, Diagnostic> {
        Ok(vec![])
    }

    fn build(&self, settings: &Settings, _inputs: &[Option<Format>], site: &Site) -> Result<Node, NodeError> {
        let token = settings.try_text("token").map(str::to_owned);
        let server = Server::at(settings.text("url"), token).map_err(NodeError::stop_graph)?;
        let feed = self.hub.outlet(site);
        let publisher = Publisher::new(self.hub.clone(), &feed, server, site);
        Ok(Node::Sink(Box::new(Push {
            settings: settings.clone(),
            feed: Some(feed),
            publisher: Some(publisher),
            running: None,
        })))
    }
}

struct Push {
    /// As it was built.
    settings: Settings,
    /// `None` once the stream has ended.
    feed: Option<Feed>,
    /// Until the first keyframe: only then is it known what can be offered.
    publisher: Option<Publisher>,
    running: Option<publisher::Running>,
}

impl Sink for Push {
    fn consume(&mut self, mut inputs: Inputs) -> Result<(), NodeError> {
        let (Some(feed), Some(unit)) = (&mut self.feed, inputs.take_access_unit(0)) else { return Ok(()) };
        let now = Instant::now();
        feed.push(now, &unit)?;
        if self.publisher.is_some()
            && let Some(profile) = feed.profile(now)
            && let Some(publisher) = self.publisher.take()
        {
            self.running = Some(publisher.start(profile)?);
        }
        Ok(())
    }

    /// The server is told goodbye.
    fn finish(&mut self) -> Result<(), NodeError> {
        self.publisher = None;
        self.running = None;
        self.feed = None;
        Ok(())
    }

    /// Another server, or another token, is another session.
    fn adjust(&mut self, settings: &Settings, _: &[Option<Format>]) -> Adjusted {
        if *settings == self.settings { Adjusted::Applied } else { Adjusted::NeedsRebuild }
    }
}
