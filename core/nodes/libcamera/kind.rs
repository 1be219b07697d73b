//! The kind: its settings, ports and checks. Nothing here touches a camera.

use std::time::Duration;

use super::controls;
use super::owner::Owner;
use super::source::Camera;
use super::wanted::{Wanted, Which};
use crate::diagnostic::{Diagnostic, Path};
use crate::node::{
    About, Contract, Format, Node, NodeError, NodeKind, OutputPort, Pace, Role, Setting, Settings, Site,
    Takes, VideoFormat, Work,
};
use crate::nodes::camera::OnLost;

const PIXELS: [&str; 5] = ["i420", "nv12", "gray8", "rgb24", "rgba32"];

const fn number(least: f64, most: f64) -> Takes {
    Takes::Number { least, most }
}

pub const SETTINGS: &[Setting] = &[
    Setting::with_default(
        "camera",
        Takes::Json,
        "0",
        "Which one: its place in `framegate cameras`, its id or its model",
    ),
    Setting::optional(
        "size",
        Takes::Size,
        "Width and height; without it 1280x720 or what the camera has next to it",
    ),
    Setting::optional("rate", Takes::Rate, "Frames a second, on cameras that let it be set"),
    Setting::with_default(
        "format",
        Takes::Choice(&PIXELS),
        "i420",
        "The pixel format given on; the camera's own is chosen to need the least work",
    ),
    Setting::optional(
        "low_res",
        Takes::Size,
        "A second, smaller picture of each moment, on the port `low_res`",
    ),
    Setting::with_default("hflip", Takes::Bool, "false", "Left and right changed over"),
    Setting::with_default("vflip", Takes::Bool, "false", "Top and bottom changed over"),
    Setting::with_default("rotation", Takes::Integer { least: 0, most: 180 }, "0", "Degrees: 0 or 180"),
    Setting::optional(
        "exposure",
        Takes::Duration { least: Duration::from_micros(1), most: Duration::from_secs(1000) },
        "How long each picture is exposed; automatic without it",
    ),
    Setting::optional(
        "gain",
        number(1.0, 1000.0),
        "How much the sensor's signal is raised; automatic without it",
    ),
    Setting::optional(
        "exposure_value",
        number(-8.0, 8.0),
        "Brighter or darker than automatic exposure would, in stops",
    ),
    Setting::optional("white_balance", Takes::Choice(&controls::WHITE_BALANCES), "The light to balance for"),
    Setting::optional(
        "colour_gains",
        Takes::List(&number(0.0, 32.0)),
        "Red and blue gain, instead of automatic white balance",
    ),
    Setting::optional("focus", Takes::Choice(&controls::FOCUSES), "Whether the lens follows what it sees"),
    Setting::optional(
        "focus_distance",
        number(0.0, 100.0),
        "Where a manual lens stands, in dioptres: 0 is far away",
    ),
    Setting::optional("brightness", number(-1.0, 1.0), "0 leaves it as it is"),
    Setting::optional("contrast", number(0.0, 32.0), "1 leaves it as it is"),
    Setting::optional("saturation", number(0.0, 32.0), "1 leaves it as it is, 0 is grey"),
    Setting::optional("sharpness", number(0.0, 16.0), "1 leaves it as it is"),
    Setting::optional("noise_reduction", Takes::Choice(&controls::NOISE_REDUCTIONS), "How noise is removed"),
    Setting::optional("roi", Takes::Region, "The part of the sensor that is shown: digital zoom"),
    Setting::optional(
        "hdr",
        Takes::Choice(&controls::HDRS),
        "High dynamic range, on libcamera 0.4 and later",
    ),
    Setting::optional(
        "tuning_file",
        Takes::Path,
        "The image processor's tuning, for all cameras of the graph",
    ),
    Setting::with_default(
        "on_lost",
        Takes::Choice(&OnLost::NAMES),
        "wait",
        "When the camera is unplugged or falls silent: give nothing, end the graph, or show a slate, until it is back",
    ),
];

static ABOUT: About = About {
    name: "libcamera",
    role: Role::Source,
    summary: "a camera that libcamera drives: CSI sensors and USB webcams",
    with: SETTINGS,
    beside: &[],
    open: false,
    example: "- id: camera\n  kind: libcamera\n  with: { size: 1280x720, rate: 30 }\n",
};

/// The kind.
pub struct Libcamera;

impl NodeKind for Libcamera {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn contract(&self, settings: &Settings) -> Result<Contract, Vec<Diagnostic>> {
        let faults = faults(settings);
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut outputs = vec![OutputPort { name: "frames" }];
        outputs.extend(settings.try_size("low_res").map(|_| OutputPort { name: "low_res" }));
        Ok(Contract { inputs: vec![], outputs, work: Work::Device, pace: Pace::ByDevice })
    }

    fn outputs(&self, settings: &Settings, _: &[Option<Format>]) -> Result<Vec<Format>, Diagnostic> {
        let wanted = Wanted::read(settings);
        let rate = settings.try_rate("rate");
        let frames = |size| Format::Frames(VideoFormat { pixel: wanted.pixel, size, rate });
        let low_res = settings.try_size("low_res").map(|size| frames(Some(size)));
        Ok([frames(wanted.size)].into_iter().chain(low_res).collect())
    }

    fn build(&self, settings: &Settings, _: &[Option<Format>], site: &Site) -> Result<Node, NodeError> {
        let wanted = Wanted::read(settings);
        let owner = Owner::join(wanted.tuning_file.as_deref()).map_err(NodeError::stop_graph)?;
        let camera = Camera::start(owner, wanted, settings, site)?;
        Ok(Node::Source(Box::new(camera)))
    }
}

/// What the types of the settings could not show.
fn faults(settings: &Settings) -> Vec<Diagnostic> {
    let at = |setting: &str| Path::root().key("with").key(setting);
    let mut faults = Vec::new();
    if Which::read(settings.json("camera")).is_none() {
        let rule = format!("\"camera\" must be a whole number or text, got {}", settings.json("camera"));
        faults.push(Diagnostic::error("wrong-type", at("camera"), rule));
    }
    if !matches!(settings.integer("rotation"), 0 | 180) {
        let rule = format!("\"rotation\" must be 0 or 180, got {}", settings.integer("rotation"));
        faults.push(Diagnostic::error("out-of-range", at("rotation"), rule));
    }
    if let Some(gains) = settings.try_list("colour_gains").filter(|gains| gains.len() != 2) {
        let rule = format!("\"colour_gains\" must be two numbers, red and blue, got {}", gains.len());
        faults.push(Diagnostic::error("out-of-range", at("colour_gains"), rule));
    }
    if settings.try_number("focus_distance").is_some() && settings.try_choice("focus") == Some("continuous") {
        let rule = "\"focus_distance\" is for a lens that stands still, and \"focus\" is \"continuous\"";
        faults.push(
            Diagnostic::error("out-of-range", at("focus_distance"), rule).help("leave one of them out"),
        );
    }
    let sizes = settings.try_size("low_res").zip(settings.try_size("size"));
    if let Some((low, full)) =
        sizes.filter(|(low, full)| low.width() > full.width() || low.height() > full.height())
    {
        let rule = format!("\"low_res\" must not be larger than \"size\", {full}, got {low}");
        faults.push(Diagnostic::error("out-of-range", at("low_res"), rule));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn settings(json: serde_json::Value) -> Settings {
        Settings::from_json(SETTINGS, &json).unwrap()
    }

    #[test]
    fn a_second_port_is_there_when_a_second_size_is() {
        let ports = |json| Libcamera.contract(&settings(json)).unwrap().outputs.len();
        assert_eq!(ports(json!({})), 1);
        assert_eq!(ports(json!({ "size": "640x480", "low_res": "320x240" })), 2);
    }

    #[test]
    fn every_fault_is_found_at_once_and_at_its_place() {
        let given = json!({
            "camera": 1.5, "rotation": 90, "colour_gains": [1.0],
            "focus": "continuous", "focus_distance": 2, "size": "320x240", "low_res": "640x480"
        });
        let faults = Libcamera.contract(&settings(given)).unwrap_err();
        let paths: Vec<_> = faults.iter().map(|fault| fault.path.to_string()).collect();
        assert_eq!(
            paths,
            ["with.camera", "with.rotation", "with.colour_gains", "with.focus_distance", "with.low_res"]
        );
    }

    #[test]
    fn half_a_turn_undoes_both_flips() {
        let turn = |json| Wanted::read(&settings(json)).turn;
        assert_eq!(turn(json!({ "rotation": 180, "hflip": true, "vflip": true })), turn(json!({})));
    }
}
