//! Small kinds that stand in for the real ones, so that these tests are about graphs alone.

use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use framegate::diagnostic::{Diagnostic, Path};
use framegate::media::{PixelFormat, Rate, Size};
use framegate::node::{
    About, Absent, Accepts, Contract, Format, InputPort, Kinds, Node, NodeError, NodeKind, OutputPort, Pace,
    Role, Setting, Settings, Site, Takes, VideoFormat, Work,
};

type Ports = fn(&Settings) -> Result<(Vec<InputPort>, Vec<&'static str>), Vec<Diagnostic>>;
type Gives = fn(&Settings, &[Option<Format>]) -> Result<Vec<Format>, Diagnostic>;

/// A kind that is nothing but its tables.
struct Stand {
    about: About,
    ports: Ports,
    gives: Gives,
}

impl NodeKind for Stand {
    fn about(&self) -> &About {
        &self.about
    }

    fn contract(&self, settings: &Settings) -> Result<Contract, Vec<Diagnostic>> {
        let (inputs, outputs) = (self.ports)(settings)?;
        let outputs = outputs.into_iter().map(|name| OutputPort { name }).collect();
        Ok(Contract { inputs, outputs, work: Work::Compute, pace: Pace::ByPts })
    }

    fn outputs(&self, settings: &Settings, inputs: &[Option<Format>]) -> Result<Vec<Format>, Diagnostic> {
        (self.gives)(settings, inputs)
    }

    fn build(&self, _: &Settings, _: &[Option<Format>], _: &Site) -> Result<Node, NodeError> {
        Err(NodeError::stop_graph("this kind is for checking only"))
    }
}

const PIXELS: &[&str] = &["i420", "nv12", "gray8", "rgb24", "rgba32"];

const SOURCE: &[Setting] = &[
    Setting::with_default("size", Takes::Size, "1280x720", "The size of the picture"),
    Setting::with_default("rate", Takes::Rate, "30", "Frames per second"),
    Setting::with_default("format", Takes::Choice(PIXELS), "i420", "The pixel format"),
    Setting::optional("count", Takes::Integer { least: 1, most: 1_000_000 }, "How many frames there are"),
    Setting::optional("label", Takes::Text, "What is written into the picture"),
];

const CLIP: &[Setting] = &[
    Setting::required("path", Takes::Path, "The file to read, or `-` for standard input"),
    Setting::with_default("loop", Takes::Bool, "false", "Whether to begin again at the end"),
];

const SIZE: &[Setting] = &[Setting::required("size", Takes::Size, "The size to bring frames to")];
const TO: &[Setting] = &[Setting::required("to", Takes::Choice(PIXELS), "The pixel format to make")];

const BOX: &[Setting] = &[
    Setting::with_default("box", Takes::Region, "[0, 0, 1, 1]", "The part of the picture to keep"),
    Setting::with_default(
        "hold",
        Takes::Duration { least: Duration::ZERO, most: Duration::from_secs(60) },
        "5s",
        "How long it stays",
    ),
    Setting::with_default(
        "cache",
        Takes::Bytes { least: 1 << 10, most: 1 << 30 },
        "1MiB",
        "How much memory it may take",
    ),
    Setting::optional(
        "marks",
        Takes::List(&Takes::Number { least: 0.0, most: 1.0 }),
        "Where to draw a mark, from left to right",
    ),
    Setting::optional("shade", Takes::Group(SHADE), "How the rest is darkened"),
];

const SHADE: &[Setting] = &[
    Setting::with_default("depth", Takes::Number { least: 0.0, most: 1.0 }, "0.5", "How dark it gets"),
    Setting::required("colour", Takes::Choice(&["black", "blue"]), "The colour of the shade"),
];

const BITRATE: &[Setting] = &[Setting::with_default(
    "bitrate",
    Takes::Bitrate { least: 50_000, most: 50_000_000 },
    "2M",
    "The bits a second to aim for",
)];

const STORE: &[Setting] = &[Setting::required("path", Takes::Path, "The file to write")];
const PUBLISH: &[Setting] = &[Setting::optional("url", Takes::Text, "Where to send it")];

const SANDBOX: &[Setting] = &[
    Setting::required("plugin", Takes::Text, "The plugin's name"),
    Setting::optional("limits", Takes::Group(LIMITS), "What it may use"),
    Setting::optional("models", Takes::List(&Takes::Model), "The models it may run"),
];

const LIMITS: &[Setting] = &[Setting::with_default(
    "time",
    Takes::Duration { least: Duration::from_millis(1), most: Duration::from_secs(1) },
    "20ms",
    "The longest that one frame may take",
)];

/// The kinds of these tests.
pub fn kinds() -> Kinds {
    let present: Vec<Arc<dyn NodeKind>> = vec![
        stand("pattern", Role::Source, SOURCE, no_inputs, pattern_gives),
        stand("clip", Role::Source, CLIP, clip_ports, clip_gives),
        stand("soften", Role::Filter, BOX, any_frames, same),
        stand("resize", Role::Filter, SIZE, any_frames, resized),
        stand("convert", Role::Filter, TO, any_frames, converted),
        stand("h264_decode", Role::Filter, TO, decode_ports, converted),
        stand("camera_h264", Role::Source, SOURCE, coded_source, coded_gives),
        stand("darken", Role::Filter, &[], gray_frames, same),
        stand("tiny", Role::Filter, &[], tiny_frames, same),
        stand("find", Role::Filter, &[], find_ports, found),
        stand("draw", Role::Filter, &[], draw_ports, same),
        stand("mix", Role::Filter, &[], mix_ports, same),
        stand("encode", Role::Filter, BITRATE, encode_ports, encoded),
        stand("publish", Role::Sink, PUBLISH, units, nothing),
        stand("store", Role::Sink, STORE, frames_or_units, nothing),
        sandbox(),
    ];
    let absent = vec![Absent { name: "camera", summary: "a camera", feature: "camera" }];
    Kinds { present, absent, other_names: vec![("record", "did you mean \"store\"?".to_owned())] }
}

fn stand(
    name: &'static str,
    role: Role,
    with: &'static [Setting],
    ports: Ports,
    gives: Gives,
) -> Arc<dyn NodeKind> {
    let about = About { name, role, summary: "stands in", with, beside: &[], open: false, example: "" };
    Arc::new(Stand { about, ports, gives })
}

/// An open kind whose contract knows three plugins.
fn sandbox() -> Arc<dyn NodeKind> {
    let about = About {
        name: "sandbox",
        role: Role::Filter,
        summary: "stands in",
        with: &[],
        beside: SANDBOX,
        open: true,
        example: "",
    };
    Arc::new(Stand { about, ports: sandbox_ports, gives: same })
}

fn frames() -> InputPort {
    InputPort::each("frames", Accepts::any_frames())
}

fn only(accepts: Vec<Accepts>) -> InputPort {
    InputPort::each("frames", accepts)
}

type Answer = Result<(Vec<InputPort>, Vec<&'static str>), Vec<Diagnostic>>;

fn no_inputs(_: &Settings) -> Answer {
    Ok((vec![], vec!["frames"]))
}

fn clip_ports(settings: &Settings) -> Answer {
    let path = settings.path("path");
    match path == FilePath::new("-") || path.exists() {
        true => Ok((vec![], vec!["frames"])),
        false => {
            let message = format!("there is no file {}", path.display());
            Err(vec![Diagnostic::error("file-not-found", Path::root().key("with").key("path"), message)])
        }
    }
}

fn any_frames(_: &Settings) -> Answer {
    Ok((vec![frames()], vec!["frames"]))
}

fn gray_frames(_: &Settings) -> Answer {
    Ok((vec![only(Accepts::frames(&[PixelFormat::Gray8]))], vec!["frames"]))
}

fn tiny_frames(_: &Settings) -> Answer {
    let accepts = vec![Accepts::Frames { pixel: PixelFormat::I420, size: Size::new(320, 180) }];
    Ok((vec![only(accepts)], vec!["frames"]))
}

fn find_ports(_: &Settings) -> Answer {
    Ok((vec![frames()], vec!["frames", "detections"]))
}

fn draw_ports(_: &Settings) -> Answer {
    Ok((vec![frames(), InputPort::latest("detections", vec![Accepts::Detections])], vec!["frames"]))
}

fn mix_ports(_: &Settings) -> Answer {
    let port = |name| InputPort::each(name, Accepts::any_frames());
    Ok((vec![port("left"), port("right")], vec!["frames"]))
}

fn encode_ports(_: &Settings) -> Answer {
    Ok((vec![only(Accepts::frames(&[PixelFormat::I420, PixelFormat::Nv12]))], vec!["access_units"]))
}

fn decode_ports(_: &Settings) -> Answer {
    Ok((vec![InputPort::each("access_units", vec![Accepts::AccessUnits])], vec!["frames"]))
}

fn coded_source(_: &Settings) -> Answer {
    Ok((vec![], vec!["access_units"]))
}

fn units(_: &Settings) -> Answer {
    Ok((vec![InputPort::each("access_units", vec![Accepts::AccessUnits])], vec![]))
}

fn frames_or_units(_: &Settings) -> Answer {
    let mut accepts = Accepts::any_frames();
    accepts.push(Accepts::AccessUnits);
    Ok((vec![InputPort::each("items", accepts)], vec![]))
}

fn sandbox_ports(settings: &Settings) -> Answer {
    match settings.text("plugin") {
        "motion" | "overlay" | "faces" => any_frames(settings),
        other => {
            let message = format!("no plugin is called \"{other}\"");
            let finding = Diagnostic::error("unknown-plugin", Path::root().key("plugin"), message);
            Err(vec![finding.help("bundled are \"motion\", \"overlay\" and \"faces\"")])
        }
    }
}

type Given = Result<Vec<Format>, Diagnostic>;

fn pattern_gives(settings: &Settings, _: &[Option<Format>]) -> Given {
    let pixel = settings.choice("format").parse().expect("one of the names");
    let video = VideoFormat { pixel, size: Some(settings.size("size")), rate: Some(settings.rate("rate")) };
    Ok(vec![Format::Frames(video)])
}

fn coded_gives(settings: &Settings, inputs: &[Option<Format>]) -> Given {
    let formats = pattern_gives(settings, inputs)?;
    Ok(formats.iter().filter_map(Format::video).map(Format::AccessUnits).collect())
}

fn clip_gives(_: &Settings, _: &[Option<Format>]) -> Given {
    Ok(vec![Format::Frames(VideoFormat { pixel: PixelFormat::I420, size: None, rate: Rate::new(25, 1) })])
}

fn first(inputs: &[Option<Format>]) -> VideoFormat {
    inputs[0].and_then(|format| format.video()).expect("the first input is fed with pictures")
}

fn same(_: &Settings, inputs: &[Option<Format>]) -> Given {
    Ok(vec![Format::Frames(first(inputs))])
}

fn resized(settings: &Settings, inputs: &[Option<Format>]) -> Given {
    Ok(vec![Format::Frames(VideoFormat { size: Some(settings.size("size")), ..first(inputs) })])
}

fn converted(settings: &Settings, inputs: &[Option<Format>]) -> Given {
    let pixel = settings.choice("to").parse().expect("one of the names");
    Ok(vec![Format::Frames(VideoFormat { pixel, ..first(inputs) })])
}

fn found(_: &Settings, inputs: &[Option<Format>]) -> Given {
    Ok(vec![Format::Frames(first(inputs)), Format::Detections])
}

fn encoded(_: &Settings, inputs: &[Option<Format>]) -> Given {
    Ok(vec![Format::AccessUnits(first(inputs))])
}

fn nothing(_: &Settings, _: &[Option<Format>]) -> Given {
    Ok(vec![])
}
