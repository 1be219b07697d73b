//! `rtsp`: the picture of an IP camera, as it sends it.
//!
//! Owns the kind. `address` keeps secrets apart from what is shown, `session` speaks with the camera
//! on a thread of its own, `source` is the node. Whatever needs frames has a decoder put before it by
//! the checker; a relay gets the camera's own stream, untouched.

mod address;
mod session;
mod source;

use crate::diagnostic::{Diagnostic, Path};
use crate::node::{About, Contract, Format, Node, NodeError, NodeKind, Role, Setting, Settings, Site, Takes};
use crate::nodes::camera::OnLost;
use address::Address;
use session::Way;
use source::Camera;

static ABOUT: About = About {
    name: "rtsp",
    role: Role::Source,
    summary: "the H.264 stream of an IP camera, as it sends it",
    with: &[
        Setting::required("url", Takes::Text, "As rtsp://host:554/path; the path is in the camera's manual"),
        Setting::optional("user", Takes::Text, "Who to say we are, best as ${CAMERA_USER}"),
        Setting::optional("password", Takes::Text, "Best as ${CAMERA_PASSWORD}; never shown"),
        Setting::with_default(
            "transport",
            Takes::Choice(&["tcp", "udp"]),
            "tcp",
            "udp is for a network that loses nothing: what is lost is not asked for again",
        ),
        Setting::with_default(
            "on_lost",
            Takes::Choice(&["wait", "stop"]),
            "wait",
            "When the camera cannot be reached or falls silent: ask again, ever less often up to every 30 s, or end the graph",
        ),
    ],
    beside: &[],
    open: false,
    example: "- id: camera\n  kind: rtsp\n  with: { url: \"rtsp://192.168.1.20/stream1\", user: viewer, password: \"${CAMERA_PASSWORD:-}\" }\n",
};

/// The kind.
pub struct Rtsp;

impl NodeKind for Rtsp {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn contract(&self, settings: &Settings) -> Result<Contract, Vec<Diagnostic>> {
        if let Err(rule) = address(settings) {
            let at = Path::root().key("with").key("url");
            let finding = Diagnostic::error("out-of-range", at, format!("\"url\" {rule}"));
            return Err(vec![finding.help("write it as rtsp://host:554/path, user and password beside it")]);
        }
        Ok(Contract::of_encoded_device())
    }

    fn outputs(&self, _: &Settings, _: &[Option<Format>]) -> Result<Vec<Format>, Diagnostic> {
        Ok(vec![Format::ENCODED])
    }

    fn build(&self, settings: &Settings, _: &[Option<Format>], site: &Site) -> Result<Node, NodeError> {
        let address = address(settings).map_err(|rule| NodeError::stop_graph(format!("\"url\" {rule}")))?;
        let way = if settings.choice("transport") == "udp" { Way::Udp } else { Way::Tcp };
        let on_lost = OnLost::named(settings.choice("on_lost"));
        Ok(Node::Source(Box::new(Camera::new(address, way, on_lost, settings, site))))
    }
}

fn address(settings: &Settings) -> Result<Address, String> {
    Address::read(settings.text("url"), settings.try_text("user"), settings.try_text("password"))
}
