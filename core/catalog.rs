//! The one list of node kinds, and the only place where a cargo feature decides about a kind.

use std::sync::Arc;

use crate::node::{Absent, Kinds, NodeKind};
use crate::nodes;
use crate::plugin;
use crate::relay::{self, Hub};

/// Every kind this build knows, for whoever serves nothing: relay nodes wait for viewers in vain.
pub fn kinds() -> Kinds {
    kinds_serving(&Hub::new())
}

/// Every kind this build knows. Relay nodes become streams of `hub`, `whip` nodes its entrances.
pub fn kinds_serving(hub: &Hub) -> Kinds {
    let present: Vec<Arc<dyn NodeKind>> = vec![
        // Sources.
        #[cfg(any(feature = "libcamera", feature = "libcamera-0-3"))]
        Arc::new(nodes::libcamera::Libcamera),
        #[cfg(feature = "v4l2")]
        Arc::new(nodes::v4l2::V4l2),
        Arc::new(nodes::rtsp::Rtsp),
        Arc::new(nodes::test_pattern::TestPattern),
        Arc::new(nodes::file::FromFile),
        Arc::new(nodes::images::Images),
        Arc::new(relay::WhipKind::new(hub.clone())),
        // Filters.
        Arc::new(nodes::scale::Scale),
        Arc::new(nodes::crop::Crop),
        Arc::new(nodes::convert::Convert),
        Arc::new(nodes::side_by_side::SideBySide),
        Arc::new(nodes::rate::ChangeRate),
        Arc::new(nodes::gate::Gate),
        Arc::new(plugin::Kind::default()),
        Arc::new(nodes::h264::H264),
        #[cfg(feature = "v4l2")]
        Arc::new(nodes::h264_v4l2::H264V4l2::of(nodes::h264_v4l2::Coding::H264)),
        Arc::new(nodes::h264_decode::H264Decode),
        // Sinks.
        Arc::new(relay::Kind::new(hub.clone())),
        Arc::new(relay::PushKind::new(hub.clone())),
        Arc::new(nodes::write::ToFile::default()),
        Arc::new(nodes::collect::Collect),
    ];
    let is_absent = |kind: &Absent| !present.iter().any(|present| present.about().name == kind.name);
    Kinds { absent: GATED.into_iter().filter(is_absent).collect(), present, other_names: other_names() }
}

/// What kinds are called elsewhere, and the bundled plugins.
fn other_names() -> Vec<(&'static str, String)> {
    let plugin = |name: &'static str| {
        let help = format!(
            "\"{name}\" is a plugin: write `kind: plugin`, and `plugin: {name}` beside it; \
             `framegate plugin inspect {name}` tells about it"
        );
        (name, help)
    };
    let kinds = ALSO_CALLED
        .map(|(word, kind)| (word, format!("did you mean \"{kind}\"? `framegate kinds` lists them all")));
    plugin::bundled::ALL.iter().map(|(name, _)| plugin(name)).chain(kinds).collect()
}

const ALSO_CALLED: [(&str, &str); 24] = [
    ("camera", "libcamera"),
    ("decode", "h264_decode"),
    ("decoder", "h264_decode"),
    ("encode", "h264"),
    ("encoder", "h264"),
    ("h264_v4l2m2m", "h264_v4l2"),
    ("mp4", "file"),
    ("openh264", "h264"),
    ("picamera2", "libcamera"),
    ("publish", "whip_push"),
    ("record", "write"),
    ("resize", "scale"),
    ("save", "write"),
    ("sfu", "whip_push"),
    ("stream", "relay"),
    ("testsrc", "test_pattern"),
    ("trigger", "gate"),
    ("usb", "v4l2"),
    ("v4l2h264enc", "h264_v4l2"),
    ("video", "file"),
    ("webcam", "v4l2"),
    ("webrtc", "relay"),
    ("whep", "relay"),
    ("x264", "h264"),
];

/// Kinds that need a native library, at run time or to be compiled, and the feature that brings them.
const GATED: [Absent; 3] = [
    Absent {
        name: "h264_v4l2",
        summary: "encodes frames as H.264 by an encoder in hardware, as the Raspberry Pi 4 and older have",
        feature: "v4l2",
    },
    Absent {
        name: "libcamera",
        summary: "a camera that libcamera drives: CSI sensors and USB webcams",
        feature: "libcamera",
    },
    Absent {
        name: "v4l2",
        summary: "a webcam by the kernel's own interface, without libcamera",
        feature: "v4l2",
    },
];
