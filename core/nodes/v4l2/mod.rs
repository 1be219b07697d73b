//! `v4l2`: a camera by the kernel's own interface, for machines without libcamera.
//!
//! Owns the kind. `device`, `offers` and `controls` speak with the driver, `negotiate` chooses among what a
//! camera offers, `described` is what people are told of it, `keyframe` asks one that encodes, `system`
//! is where the kernel tells more of it, `source` is the node.

mod controls;
mod described;
mod device;
mod keyframe;
mod negotiate;
mod offers;
mod source;
mod system;

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::diagnostic::{Diagnostic, Path};
use crate::media::PixelFormat;
use crate::node::{
    About, Contract, Format, Node, NodeError, NodeKind, OutputPort, Pace, Role, Setting, Settings, Site,
    Takes, VideoFormat, Work,
};
use crate::nodes::camera::OnLost;
use negotiate::Wanted;
use source::{Filming, Plan};

pub use controls::Known;
pub use described::Described;
pub use device::find;
pub use negotiate::Capture;
pub use offers::{Sized, Sort};

static ABOUT: About = About {
    name: "v4l2",
    role: Role::Source,
    summary: "a webcam by the kernel's own interface, without libcamera",
    with: &[
        Setting::with_default(
            "camera",
            Takes::Text,
            "/dev/video0",
            "Its device, best one of /dev/v4l/by-id, or its model as `v4l2-ctl --list-devices` names it",
        ),
        Setting::optional("size", Takes::Size, "Width and height; without it what is next to 1280x720"),
        Setting::optional("rate", Takes::Rate, "Pictures a second; without it what is next to 30"),
        Setting::with_default(
            "capture",
            Takes::Choice(&Capture::NAMES),
            "auto",
            "How the camera sends them: auto takes the cheapest that is fast enough; h264 is given on as it is, \
             and begins with a keyframe, for which the camera is asked if it can be",
        ),
        Setting::with_default(
            "format",
            Takes::Choice(&["i420", "nv12", "gray8", "rgb24", "rgba32"]),
            "i420",
            "The pixel format given on; not for h264",
        ),
        Setting::optional(
            "controls",
            Takes::Json,
            "What `v4l2-ctl --list-ctrls` lists, as { brightness: 10, auto_exposure: 1 }; can change while it runs",
        ),
        Setting::with_default(
            "on_lost",
            Takes::Choice(&OnLost::NAMES),
            "wait",
            "When the camera is unplugged or falls silent: give nothing, end the graph, or show a slate, until it is back",
        ),
    ],
    beside: &[],
    open: false,
    example: "- id: camera\n  kind: v4l2\n  with: { camera: /dev/video0, size: 1280x720, rate: 30 }\n",
};

/// The kind.
pub struct V4l2;

impl NodeKind for V4l2 {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn contract(&self, settings: &Settings) -> Result<Contract, Vec<Diagnostic>> {
        let at = |key: &str| Path::root().key("with").key(key);
        let mut found = Vec::new();
        if let Err(rule) = controls(settings) {
            found.push(Diagnostic::error("wrong-type", at("controls"), rule));
        }
        let encoded = is_encoded(settings);
        if encoded && OnLost::named(settings.choice("on_lost")) == OnLost::Slate {
            let rule = "\"on_lost\" cannot be \"slate\" where \"capture\" is \"h264\": nothing is drawn into its stream";
            found.push(Diagnostic::error("out-of-range", at("on_lost"), rule).help("write `on_lost: wait`"));
        }
        if !found.is_empty() {
            return Err(found);
        }
        Ok(Contract {
            inputs: vec![],
            outputs: vec![OutputPort { name: if encoded { "access_units" } else { "frames" } }],
            work: Work::Device,
            pace: Pace::ByDevice,
        })
    }

    fn outputs(&self, settings: &Settings, _: &[Option<Format>]) -> Result<Vec<Format>, Diagnostic> {
        let (size, rate) = (settings.try_size("size"), settings.try_rate("rate"));
        Ok(vec![match is_encoded(settings) {
            true => Format::AccessUnits(VideoFormat { pixel: PixelFormat::I420, size, rate }),
            false => Format::Frames(VideoFormat { pixel: settings.pixel_format("format"), size, rate }),
        }])
    }

    fn build(&self, settings: &Settings, _: &[Option<Format>], site: &Site) -> Result<Node, NodeError> {
        let plan = Plan {
            wanted: Wanted {
                capture: Capture::named(settings.choice("capture")),
                size: settings.try_size("size"),
                rate: settings.try_rate("rate"),
            },
            controls: controls(settings).map_err(NodeError::stop_graph)?,
            pixel: settings.pixel_format("format"),
            on_lost: OnLost::named(settings.choice("on_lost")),
        };
        Ok(Node::Source(Box::new(Filming::start(settings.text("camera"), plan, settings, site)?)))
    }
}

fn is_encoded(settings: &Settings) -> bool {
    settings.choice("capture") == "h264"
}

/// The controls by name, `true` and `false` as 1 and 0.
fn controls(settings: &Settings) -> Result<BTreeMap<String, i64>, String> {
    let Some(given) = settings.get("controls").map(|_| settings.json("controls")) else {
        return Ok(BTreeMap::new());
    };
    let Json::Object(entries) = given else {
        return Err(format!("\"controls\" must be a mapping of names to whole numbers, got {given}"));
    };
    let read = |(name, value): (&String, &Json)| {
        let number = value.as_i64().or_else(|| value.as_bool().map(i64::from));
        let number = number.ok_or_else(|| format!("\"{name}\" must be a whole number, got {value}"))?;
        Ok((name.clone(), number))
    };
    entries.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn settings(json: Json) -> Settings {
        Settings::from_json(ABOUT.with, &json).unwrap()
    }

    #[test]
    fn an_encoding_camera_gives_access_units_and_no_slate() {
        let contract = V4l2.contract(&settings(json!({ "capture": "h264" }))).unwrap();
        assert_eq!(contract.outputs[0].name, "access_units");
        assert!(V4l2.contract(&settings(json!({ "capture": "h264", "on_lost": "slate" }))).is_err());
        assert_eq!(V4l2.contract(&settings(json!({}))).unwrap().outputs[0].name, "frames");
    }

    #[test]
    fn controls_are_numbers_by_name() {
        let given =
            controls(&settings(json!({ "controls": { "brightness": -3, "autofocus": true } }))).unwrap();
        assert_eq!(given, BTreeMap::from([("brightness".to_owned(), -3), ("autofocus".to_owned(), 1)]));
        let findings = V4l2.contract(&settings(json!({ "controls": { "gain": "high" } }))).unwrap_err();
        assert_eq!(findings[0].message, "\"gain\" must be a whole number, got \"high\"");
    }
}
