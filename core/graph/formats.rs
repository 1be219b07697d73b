//! Agreeing on what travels on each link, and putting conversions where two ends disagree.
//!
//! Owns the walk from the sources down: each node hears what it gets and says what it gives. Knows
//! no kinds but the two that are asked for by name to convert pixel formats and to decode.

use std::sync::Arc;

use serde_json::json;

use super::resolve::{Draft, DraftLink, DraftNode, Signed};
use crate::diagnostic::Diagnostic;
use crate::media::{PixelFormat, Rate, Size};
use crate::node::{Accepts, Format, InputPort, Kinds, NodeKind, Role, Settings, VideoFormat, WhenFull};

/// The kind that makes one pixel format of another, the one that makes frames of encoded video, and
/// the setting of both.
const CONVERT: &str = "convert";
const DECODE: &str = "h264_decode";
const TO: &str = "to";

/// What was agreed. Everything is `None` where a fault that was reported left it open.
pub(super) struct Agreed {
    /// For each node, the format of each output port.
    pub outputs: Vec<Option<Vec<Format>>>,
    /// For each link, what its far end gets.
    pub links: Vec<Option<Format>>,
    /// For each link, the conversion that stands on it.
    pub conversions: Vec<Option<Conversion>>,
    pub findings: Vec<Diagnostic>,
}

/// A conversion that the checker puts on a link.
pub(super) struct Conversion {
    pub kind: Arc<dyn NodeKind>,
    pub signed: Signed,
    /// What it gets.
    pub takes: Format,
    /// What it gives.
    pub gives: Vec<Format>,
}

impl Conversion {
    /// Whether it makes frames of encoded video.
    pub fn decodes(&self) -> bool {
        matches!(self.takes, Format::AccessUnits(_))
    }
}

/// Walks the graph in `order`.
pub(super) fn agree(draft: &Draft, order: &[usize], kinds: &Kinds, strict: bool) -> Agreed {
    let mut agreed = Agreed {
        outputs: draft.nodes.iter().map(|_| None).collect(),
        links: draft.links.iter().map(|_| None).collect(),
        conversions: draft.links.iter().map(|_| None).collect(),
        findings: Vec::new(),
    };
    let mut into = vec![Vec::new(); draft.nodes.len()];
    draft.links.iter().enumerate().for_each(|(index, link)| into[link.to].push(index));
    for &node in order {
        for &link in &into[node] {
            let met = meet(draft, link, &agreed.outputs, kinds, strict);
            agreed.settle(draft, link, met);
            let policy = agreed.links[link].and_then(|format| misplaced_policy(&draft.links[link], format));
            agreed.findings.extend(policy);
        }
        agreed.outputs[node] = agreed.give(draft, node, &into[node]);
    }
    agreed
}

impl Agreed {
    fn settle(&mut self, draft: &Draft, link: usize, met: Met) {
        match met {
            Met::Unknown => {}
            Met::Same(format) => self.links[link] = Some(format),
            Met::Converted(conversion) => {
                // Behind a decoder the rate is what is let in there: no encoded picture may be left out.
                let rate = draft.links[link].options.rate;
                self.links[link] = conversion.gives.first().map(|given| limited(*given, rate));
                self.findings.push(note(draft, &draft.links[link], &conversion));
                self.conversions[link] = Some(*conversion);
            }
            Met::Not(finding) => self.findings.push(*finding),
        }
    }

    /// What `node` gives, once everything it gets is known.
    fn give(&mut self, draft: &Draft, node: usize, into: &[usize]) -> Option<Vec<Format>> {
        let DraftNode { kind: Some(kind), signed: Some(signed), inputs_whole: true, .. } = &draft.nodes[node]
        else {
            return None;
        };
        let ports = &signed.contract.inputs;
        let mut inputs = vec![None; ports.len()];
        for &link in into {
            inputs[draft.links[link].to_port?] = Some(self.links[link]?);
        }
        let unfed = ports.iter().zip(&inputs).any(|(port, input)| port.required && input.is_none());
        if unfed {
            return None;
        }
        match kind.outputs(&signed.settings, &inputs) {
            Ok(formats) => Some(formats),
            Err(finding) => {
                self.findings.push(finding.under(&draft.nodes[node].path));
                None
            }
        }
    }
}

/// How the ends of a link meet.
enum Met {
    Same(Format),
    Converted(Box<Conversion>),
    Not(Box<Diagnostic>),
    /// An end is unknown because of a fault that was reported.
    Unknown,
}

fn meet(draft: &Draft, link: usize, outputs: &[Option<Vec<Format>>], kinds: &Kinds, strict: bool) -> Met {
    let link = &draft.links[link];
    let given = link.from_port.and_then(|port| outputs[link.from].as_ref()?.get(port).copied());
    let port = link.to_port.and_then(|port| draft.nodes[link.to].input(port));
    let (Some(given), Some(port)) = (given, port) else { return Met::Unknown };
    let given = limited(given, link.options.rate);
    if port.accepts.iter().any(|accepts| given.is_accepted_by(accepts)) {
        return Met::Same(given);
    }
    let aims = given.video().map(|video| targets(video, port)).unwrap_or_default();
    if !strict && let Some(conversion) = aims.iter().find_map(|&to| convert(kinds, given, to)) {
        return Met::Converted(Box::new(conversion));
    }
    Met::Not(Box::new(disagreement(draft, link, given, port, &aims, kinds, strict)))
}

/// What is left of `format` when at most `rate` items a second are let in.
fn limited(format: Format, rate: Option<Rate>) -> Format {
    let slower = |own: Option<Rate>| match (own, rate) {
        (Some(own), Some(rate)) if rate.per_second() < own.per_second() => Some(rate),
        (own, _) => own,
    };
    match format {
        Format::Frames(video) => Format::Frames(VideoFormat { rate: slower(video.rate), ..video }),
        Format::AccessUnits(_) | Format::Detections => format,
    }
}

/// A link's written policy that does not suit what travels on it.
fn misplaced_policy(link: &DraftLink, format: Format) -> Option<Diagnostic> {
    let encoded = matches!(format, Format::AccessUnits(_));
    let finding = |key: &str, message: &str, help: &str| {
        Some(Diagnostic::error("misplaced-option", link.path.key(key), message).help(help))
    };
    match (link.options.when_full, link.options.rate) {
        (Some(WhenFull::ToKeyframe), _) if !encoded => finding(
            "when_full",
            "\"to_keyframe\" is for encoded video, and there is none on this link",
            "write `drop_oldest` to show what is newest, or `block` to lose nothing",
        ),
        (Some(WhenFull::DropOldest | WhenFull::DropNewest), _) if encoded => finding(
            "when_full",
            "encoded video that lost a picture cannot be shown up to its next keyframe",
            "write `to_keyframe`, or leave it out",
        ),
        (_, Some(_)) if encoded => finding(
            "rate",
            "encoded video that lost a picture cannot be shown up to its next keyframe",
            "lower the rate before the encoder, at the input that feeds it",
        ),
        _ => None,
    }
}

/// The pixel formats that would do, were the frames only converted.
fn targets(video: VideoFormat, port: &InputPort) -> Vec<PixelFormat> {
    let fits = |size: &Option<Size>| size.is_none() || video.size.is_none() || *size == video.size;
    let pixel = |accepts: &Accepts| match accepts {
        Accepts::Frames { pixel, size } if fits(size) => Some(*pixel),
        _ => None,
    };
    port.accepts.iter().filter_map(pixel).collect()
}

/// A conversion of `given` to `to`, if this build has one.
fn convert(kinds: &Kinds, given: Format, to: PixelFormat) -> Option<Conversion> {
    let kind = kinds.find(match given {
        Format::AccessUnits(_) => DECODE,
        Format::Frames(_) | Format::Detections => CONVERT,
    })?;
    let settings = Settings::from_json(kind.about().with, &json!({ TO: to.name() })).ok()?;
    let contract = kind.contract(&settings).ok()?;
    let takes = contract.inputs.first()?.accepts.iter().any(|accepts| given.is_accepted_by(accepts));
    let gives = kind.outputs(&settings, &[Some(given)]).ok()?;
    let meets = gives.first()?.frames()?.pixel == to;
    (takes && meets).then(|| Conversion {
        kind: Arc::clone(kind),
        signed: Signed { settings, contract, priority: None },
        takes: given,
        gives,
    })
}

fn disagreement(
    draft: &Draft,
    link: &DraftLink,
    given: Format,
    port: &InputPort,
    aims: &[PixelFormat],
    kinds: &Kinds,
    strict: bool,
) -> Diagnostic {
    let (from, to) = (&draft.nodes[link.from], &draft.nodes[link.to]);
    let finding = |code, what: &str| {
        let takes = describe(&port.accepts);
        let message = format!(
            "\"{}\" cannot take {what} of \"{}\": it gets {given} and takes {takes}",
            to.name, from.name
        );
        Diagnostic::error(code, link.path.clone(), message)
    };
    let size = port.accepts.iter().find_map(|accepts| match accepts {
        Accepts::Frames { size, .. } => *size,
        _ => None,
    });
    match (given.frames(), aims.first(), size) {
        (Some(_), Some(pixel), _) if strict => finding("formats-disagree", "the pixel format")
            .help(format!("put a `convert` node with `{TO}: {pixel}` between them, or remove `strict`")),
        (Some(_), Some(pixel), _) => finding("formats-disagree", "the pixel format").help(format!(
            "no conversion to {pixel} is known for this; choose another format at \"{}\"",
            from.name
        )),
        (None, Some(pixel), _) if strict => finding("formats-disagree", "the output")
            .help(format!("put an `{DECODE}` node with `{TO}: {pixel}` between them, or remove `strict`")),
        (Some(_), None, Some(size)) => finding("sizes-disagree", "the size")
            .help(format!("put a `scale` node with `size: {size}` between them")),
        _ => match bridge(kinds, given, &port.accepts) {
            Some(kind) => finding("formats-disagree", "the output")
                .help(format!("put a node that makes one of the other between them, such as `kind: {kind}`")),
            None => finding("formats-disagree", "the output").help("link it to an output of another kind"),
        },
    }
}

/// A filter of this build that, as it comes, makes what is accepted of what is given.
fn bridge(kinds: &Kinds, given: Format, accepts: &[Accepts]) -> Option<&'static str> {
    let makes = |kind: &&Arc<dyn NodeKind>| {
        let about = kind.about();
        let settings = Settings::from_json(about.with, &json!({})).ok().filter(|_| !about.open)?;
        let contract = kind.contract(&settings).ok()?;
        let [input] = &contract.inputs[..] else { return None };
        let takes = input.accepts.iter().any(|accepts| given.is_accepted_by(accepts));
        let gives = takes.then(|| kind.outputs(&settings, &[Some(given)]).ok())??;
        gives.iter().any(|format| accepts.iter().any(|accepts| format.is_accepted_by(accepts))).then_some(())
    };
    let filters = kinds.present.iter().filter(|kind| kind.about().role == Role::Filter);
    filters.filter(|kind| makes(kind).is_some()).map(|kind| kind.about().name).next()
}

/// `i420 or nv12 of any size`, `h264`.
pub fn describe(accepts: &[Accepts]) -> String {
    let mut pixels = Vec::new();
    let mut others = Vec::new();
    let mut size = None;
    for accepts in accepts {
        match accepts {
            Accepts::Frames { pixel, size: wanted } => {
                pixels.push(pixel.name());
                size = size.or(*wanted);
            }
            Accepts::AccessUnits => others.push("h264".to_owned()),
            Accepts::Detections => others.push("detections".to_owned()),
        }
    }
    if !pixels.is_empty() {
        let names = match pixels.len() == PixelFormat::ALL.len() {
            true => "frames of any pixel format".to_owned(),
            false => pixels.join(" or "),
        };
        others.insert(
            0,
            match size {
                Some(size) => format!("{names} {size}"),
                None => names,
            },
        );
    }
    others.join(" or ")
}

fn note(draft: &Draft, link: &DraftLink, conversion: &Conversion) -> Diagnostic {
    let pixel =
        |format: Option<&Format>| format.and_then(Format::frames).map_or("?", |video| video.pixel.name());
    let (from, to) = (pixel(Some(&conversion.takes)), pixel(conversion.gives.first()));
    let (giver, taker) = (&draft.nodes[link.from].name, &draft.nodes[link.to].name);
    if conversion.decodes() {
        let message = format!("\"{giver}\" gives h264; it is decoded to {to} for \"{taker}\"");
        return Diagnostic::note("conversion", link.path.clone(), message)
            .help("nothing needs to be done; to forbid such conversions, write `strict: true` at the top");
    }
    let price = match price(&conversion.takes, &conversion.gives) {
        Some(bytes) => format!(", which moves {} each second", megabytes(bytes)),
        None => String::new(),
    };
    let message = format!("\"{giver}\" gives {from}; it is converted to {to} for \"{taker}\"{price}");
    Diagnostic::note("conversion", link.path.clone(), message).help(format!(
        "to spare it, have \"{giver}\" give {to}; to forbid such conversions, write `strict: true` at the top"
    ))
}

/// Bytes a second that a conversion reads and writes, where size and rate are known beforehand.
pub fn price(takes: &Format, gives: &[Format]) -> Option<f64> {
    let bytes = |format: &Format| {
        let video = format.frames()?;
        Some(video.pixel.bytes(video.size?) as f64 * video.rate?.per_second())
    };
    Some(bytes(takes)? + bytes(gives.first()?)?)
}

/// `41.5 MB`.
pub fn megabytes(bytes: f64) -> String {
    format!("{:.1} MB", bytes / 1e6)
}

/// The path of a conversion's id: the input it serves.
pub(super) fn conversion_id(to: &DraftNode, port: &InputPort) -> String {
    format!("{}.{}.{CONVERT}", to.name, port.name)
}

/// The path of a decoder's id: the output it decodes, for all who take its frames.
pub(super) fn decoder_id(from: &DraftNode, port: &str, to: PixelFormat) -> String {
    match to {
        PixelFormat::I420 => format!("{}.{port}.decode", from.name),
        other => format!("{}.{port}.decode.{other}", from.name),
    }
}
