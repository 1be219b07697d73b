//! `gate`: lets pictures through while something has been seen, and for a while after.
//!
//! Owns when it is open. What must be seen is the business of `condition`, where of `zone`, and
//! what encoded video needs so that an opening can be shown, of `kept`. Time is the pictures' own
//! PTS: the same pictures open it at the same ones in every run.

mod condition;
mod kept;
mod zone;

use std::time::Duration;

use condition::Condition;
use kept::{Kept, Taken};
use zone::Zone;

use crate::diagnostic::{Diagnostic, Path};
use crate::media::{AccessUnit, Detection, Detections, Frame, FrameFormat, Item, Pts};
use crate::node::{
    About, Accepts, Adjusted, Contract, Counter, Filter, Format, Handled, InputPort, Inputs, Node, NodeError,
    NodeKind, Output, OutputPort, Pace, Role, Setting, Settings, Site, Takes, Wish, Work,
};
use crate::pixels::{Rect, Rgba, draw};

const ITEMS: usize = 0;
const DETECTIONS: usize = 1;

static ABOUT: About = About {
    name: "gate",
    role: Role::Filter,
    summary: "lets pictures through while something is seen in them",
    with: &[
        Setting::required(
            "open_when",
            Takes::Text,
            "What opens it: `person`, `2 person in yard for 1s`, `person above 0.6 and no car`. A test is \
             `[no | any | COUNT] LABEL [above SCORE] [in ZONE] [for TIME]`, `anything` is any label, and \
             `and` binds closer than `or`. Judged by the input `detections` if it is fed, otherwise by \
             what travels on the pictures themselves",
        ),
        Setting::optional(
            "zones",
            Takes::Json,
            "Places that `open_when` may name, in fractions of the picture: `{ door: [x, y, width, height] }` \
             or a polygon `[[x, y], …]`; a thing is in a zone when its middle is",
        ),
        Setting::with_default(
            "hold",
            Takes::Duration { least: Duration::ZERO, most: Duration::from_secs(3600) },
            "5s",
            "How long it stays open after the last picture on which the condition held",
        ),
        Setting::with_default(
            "pre_roll",
            Takes::Duration { least: Duration::ZERO, most: Duration::from_secs(60) },
            "0s",
            "For encoded video: how much of what came before an opening is shown too, from the last \
             keyframe before it",
        ),
        Setting::with_default(
            "closed",
            Takes::Choice(&["drop", "freeze", "slate"]),
            "drop",
            "What goes on while it is closed: nothing, the last picture that passed, or black pictures",
        ),
    ],
    beside: &[],
    open: false,
    example: "- id: guard\n  kind: gate\n  with: { open_when: \"motion for 500ms\", hold: 5s, closed: slate }\n  inputs: motion\n",
};

/// The kind.
pub struct Gate;

impl NodeKind for Gate {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn contract(&self, settings: &Settings) -> Result<Contract, Vec<Diagnostic>> {
        let zones = read_zones(settings)?;
        let text = settings.text("open_when");
        condition::parse(text, &zones).map_err(|fault| {
            let finding = Diagnostic::error("bad-condition", with("open_when"), fault.message);
            vec![finding.help(fault.help).within(text, fault.start, fault.end)]
        })?;
        // Called like the picture output of a detector, so that naming the detector is enough.
        let items = [Accepts::any_frames(), vec![Accepts::AccessUnits]].concat();
        Ok(Contract {
            inputs: vec![
                InputPort::each("frames", items),
                InputPort::latest("detections", vec![Accepts::Detections]),
            ],
            outputs: vec![OutputPort { name: "frames" }],
            work: Work::Compute,
            pace: Pace::Free,
        })
    }

    fn outputs(&self, settings: &Settings, inputs: &[Option<Format>]) -> Result<Vec<Format>, Diagnostic> {
        let Some(format) = inputs.first().copied().flatten() else { return Ok(Vec::new()) };
        let misplaced = |key, message: &str, help: &str| {
            Err(Diagnostic::error("misplaced-option", with(key), message).help(help))
        };
        let closed = settings.choice("closed");
        match format {
            Format::AccessUnits(_) if closed != "drop" => misplaced(
                "closed",
                &format!("\"{closed}\" makes pictures of its own, and this gate passes encoded video"),
                "put the gate before the encoder, or write `closed: drop`",
            ),
            Format::Frames(_) if !settings.duration("pre_roll").is_zero() => misplaced(
                "pre_roll",
                "\"pre_roll\" is for encoded video: raw pictures are too large to be kept",
                "put the gate after the encoder, or leave it out",
            ),
            format => Ok(vec![format]),
        }
    }

    fn build(&self, settings: &Settings, inputs: &[Option<Format>], site: &Site) -> Result<Node, NodeError> {
        let rules = Rules::read(settings, inputs)
            .map_err(|fault| NodeError::stop_graph(format!("\"open_when\": {}", fault.message)))?;
        Ok(Node::Filter(Box::new(Gatekeeper {
            kept: Kept::new(settings.duration("pre_roll"), kept::MOST_BYTES),
            rules,
            open_until: None,
            was_open: false,
            last: None,
            slate: None,
            opened: site.counters.named("opened"),
            open: site.counters.named("open"),
            stopped: site.counters.named("held back"),
            kept_bytes: site.counters.named("kept bytes"),
            site: site.clone(),
        })))
    }
}

fn with(key: &str) -> Path {
    Path::root().key("with").key(key)
}

fn read_zones(settings: &Settings) -> Result<Vec<(String, Zone)>, Vec<Diagnostic>> {
    let path = with("zones");
    let Some(zones) = settings.try_json("zones") else { return Ok(Vec::new()) };
    let Some(zones) = zones.as_object() else {
        let finding =
            Diagnostic::error("wrong-type", path, "\"zones\" must be a mapping from names to places");
        return Err(vec![finding.help("write `zones: { door: [0.4, 0.2, 0.2, 0.7] }`")]);
    };
    let (mut read, mut findings) = (Vec::new(), Vec::new());
    for (name, json) in zones {
        match Zone::read(json) {
            Some(zone) => read.push((name.clone(), zone)),
            None => {
                let message = format!("\"{name}\" is no place in the picture");
                findings.push(Diagnostic::error("wrong-type", path.key(name), message).help(
                    "write a box `[x, y, width, height]` or at least three corners `[[x, y], …]`, in fractions from 0 to 1",
                ));
            }
        }
    }
    if findings.is_empty() { Ok(read) } else { Err(findings) }
}

/// What goes on while the gate is closed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Closed {
    Drop,
    Freeze,
    Slate,
}

/// What the settings say.
struct Rules {
    condition: Condition,
    /// Whether detections come on their own input.
    by_port: bool,
    hold: Duration,
    closed: Closed,
}

impl Rules {
    /// # Errors
    /// When the condition is none, which the contract has refused before.
    fn read(settings: &Settings, inputs: &[Option<Format>]) -> Result<Rules, condition::Fault> {
        let zones = read_zones(settings).unwrap_or_default();
        Ok(Rules {
            condition: condition::parse(settings.text("open_when"), &zones)?,
            by_port: inputs.get(DETECTIONS).is_some_and(Option::is_some),
            hold: settings.duration("hold"),
            closed: match settings.choice("closed") {
                "freeze" => Closed::Freeze,
                "slate" => Closed::Slate,
                _ => Closed::Drop,
            },
        })
    }
}

struct Gatekeeper {
    rules: Rules,
    open_until: Option<Pts>,
    was_open: bool,
    kept: Kept,
    /// The last picture that passed, for `freeze`.
    last: Option<Frame>,
    /// A black picture of the format that it was last needed in.
    slate: Option<Frame>,
    opened: Counter,
    /// 1 while it is open.
    open: Counter,
    stopped: Counter,
    kept_bytes: Counter,
    site: Site,
}

impl Gatekeeper {
    /// Whether it is open at `pts`. Without a word from the detector the condition is not met,
    /// whatever it asks for: not having looked is not having seen nothing.
    fn is_open(&mut self, pts: Pts, found: Option<&[Detection]>) -> bool {
        match found {
            Some(found) if self.rules.condition.holds(pts, found) => {
                self.open_until = Some(pts.after(self.rules.hold))
            }
            Some(_) => {}
            None => self.rules.condition.interrupt(),
        }
        let is_open = self.open_until.is_some_and(|until| pts <= until);
        if is_open && !self.was_open {
            self.opened.add(1);
        }
        if !is_open {
            self.open_until = None;
        }
        self.was_open = is_open;
        self.open.set(u64::from(is_open));
        is_open
    }

    fn frame(&mut self, frame: Frame, is_open: bool, out: &mut Output) -> Result<(), NodeError> {
        if is_open {
            if self.rules.closed == Closed::Freeze {
                self.last = Some(frame.clone());
            }
            out.give(ITEMS, Item::Frame(frame));
            return Ok(());
        }
        self.stopped.add(1);
        let mut shown = match (self.rules.closed, &self.last) {
            (Closed::Drop, _) => return Ok(()),
            (Closed::Freeze, Some(last)) if last.format() == frame.format() => last.clone(),
            (Closed::Freeze | Closed::Slate, _) => self.black(frame.format())?,
        };
        (shown.pts, shown.sequence) = (frame.pts, frame.sequence);
        out.give(ITEMS, Item::Frame(shown));
        Ok(())
    }

    /// A picture with nothing in it, nor on it: what was found is as little to be seen as where.
    fn black(&mut self, format: FrameFormat) -> Result<Frame, NodeError> {
        if let Some(slate) = self.slate.as_ref().filter(|slate| slate.format() == format) {
            return Ok(slate.clone());
        }
        let mut slate = Frame::pooled(&self.site.pool, format, Pts::ZERO, 0)?;
        draw::fill(&mut slate, Rect::whole(format.size), Rgba::BLACK)?;
        Ok(self.slate.insert(slate).clone())
    }

    fn unit(&mut self, unit: AccessUnit, is_open: bool, out: &mut Output) {
        match self.kept.take(unit, is_open) {
            Taken::GoesOn => {}
            Taken::Stays => self.stopped.add(1),
            Taken::WantsKeyframe => {
                self.stopped.add(1);
                self.site.upstream.wish(Wish::Keyframe);
            }
        }
        self.give_kept(false, out);
        self.kept_bytes.set(self.kept.bytes() as u64);
    }

    fn give_kept(&mut self, all: bool, out: &mut Output) {
        self.kept.give(all).into_iter().for_each(|unit| out.give(ITEMS, Item::AccessUnit(unit)));
    }
}

impl Filter for Gatekeeper {
    fn process(&mut self, mut inputs: Inputs, out: &mut Output) -> Result<(), NodeError> {
        let latest: Option<Detections> = inputs.take_detections(DETECTIONS);
        let Some(item) = inputs.take(ITEMS) else { return Ok(()) };
        let on_item = match &item {
            Item::Frame(frame) => Some(frame.annotations().clone()),
            Item::AccessUnit(unit) => Some(unit.annotations.clone()),
            Item::Detections(_) => None,
        };
        let found = match self.rules.by_port {
            true => latest.as_ref().map(|latest| latest.found.as_slice()),
            false => on_item.as_ref().map(|annotations| annotations.detections.as_slice()),
        };
        let is_open = self.is_open(item.pts(), found);
        match item {
            Item::Frame(frame) => self.frame(frame, is_open, out)?,
            Item::AccessUnit(unit) => self.unit(unit, is_open, out),
            Item::Detections(_) => {}
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Output) -> Result<(), NodeError> {
        self.give_kept(true, out);
        Ok(())
    }

    fn request(&mut self, _: Wish) -> Handled {
        Handled::PassOn
    }

    fn adjust(&mut self, settings: &Settings, inputs: &[Option<Format>]) -> Adjusted {
        // Open, it stays so for as long as it was told to: whoever is watching is not cut off.
        let Ok(rules) = Rules::read(settings, inputs) else { return Adjusted::NeedsRebuild };
        self.rules = rules;
        self.kept.keep(settings.duration("pre_roll"));
        Adjusted::Applied
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{PixelFormat, Pool, Region, Size};
    use crate::node::Epoch;
    use serde_json::json;
    use std::sync::Arc;
    use std::time::{Instant, SystemTime};

    const FORMAT: PixelFormat = PixelFormat::Gray8;

    struct Rig {
        filter: Box<dyn Filter>,
        site: Site,
        by_port: bool,
        given: Vec<(u64, u8, usize)>,
    }

    impl Rig {
        fn new(settings: serde_json::Value, by_port: bool) -> Rig {
            let settings = Settings::from_json(ABOUT.with, &settings).unwrap();
            Gate.contract(&settings).unwrap();
            let epoch = Epoch { instant: Instant::now(), wall: SystemTime::now(), live: false };
            let site = Site::alone("gate", Pool::new(1 << 20), epoch);
            let inputs = [None, by_port.then_some(Format::Detections)];
            let built = Gate.build(&settings, &inputs, &site).unwrap();
            let Node::Filter(filter) = built else { unreachable!("gate is a filter") };
            Rig { filter, site, by_port, given: Vec::new() }
        }

        /// Picture `index` (ten a second), its grey the same number, with these labels found.
        fn picture(&mut self, index: u64, labels: Option<&[&str]>) {
            let pts = Pts::from_nanos(index as i64 * 100_000_000);
            let format = FrameFormat::new(FORMAT, Size::new(2, 2).unwrap());
            let mut frame = Frame::pooled(&self.site.pool, format, pts, index).unwrap();
            draw::fill(&mut frame, Rect::whole(format.size), grey(index)).unwrap();
            let found = labels.map(|labels| labels.iter().map(|label| detection(label)).collect::<Vec<_>>());
            let mut side = None;
            match (self.by_port, found) {
                (true, Some(found)) => {
                    side = Some(Item::Detections(Detections {
                        by: "detector".into(),
                        pts,
                        sequence: index,
                        part: Region::WHOLE,
                        found: Arc::new(found),
                    }))
                }
                (false, Some(found)) => frame.annotations_mut().detections = found,
                (_, None) => {}
            }
            let mut out = Output::default();
            self.filter.process(Inputs::new([Some(Item::Frame(frame)), side]), &mut out).unwrap();
            for (_, item) in out.drain() {
                let Item::Frame(frame) = item else { unreachable!("frames came in") };
                let first = frame.plane(0).row(0)[0];
                self.given.push((frame.sequence, first, frame.annotations().detections.len()));
            }
        }

        fn sequences(&self) -> Vec<u64> {
            self.given.iter().map(|(sequence, ..)| *sequence).collect()
        }
    }

    fn grey(index: u64) -> Rgba {
        let shade = index as u8 * 10 + 50;
        Rgba { red: shade, green: shade, blue: shade, alpha: 255 }
    }

    fn detection(label: &str) -> Detection {
        Detection { label: label.into(), score: 0.9, ..Detection::default() }
    }

    #[test]
    fn it_opens_on_what_is_seen_and_closes_after_its_hold() {
        let mut rig = Rig::new(json!({ "open_when": "person", "hold": "200ms" }), false);
        (0..10).for_each(|index| {
            rig.picture(index, Some(if index == 3 || index == 4 { &["person"] } else { &["car"] }))
        });
        assert_eq!(rig.sequences(), [3, 4, 5, 6]);
        let counters = rig.site.counters.clone();
        let count = |name: &str| counters.named(name).get();
        assert_eq!((count("opened"), count("open")), (1, 0));
        rig.picture(10, Some(&["person"]));
        assert_eq!((count("opened"), count("open")), (2, 1));
    }

    #[test]
    fn detections_of_a_side_branch_count_instead_of_those_on_the_picture() {
        let mut rig = Rig::new(json!({ "open_when": "no person", "hold": "0s" }), true);
        // Nothing has come from the detector yet: that nobody is there is not known.
        rig.picture(0, None);
        rig.picture(1, Some(&["person"]));
        rig.picture(2, Some(&[]));
        assert_eq!(rig.sequences(), [2]);
    }

    #[test]
    fn closed_it_shows_black_without_a_trace_of_what_was_found() {
        let mut rig = Rig::new(json!({ "open_when": "cat", "hold": "0s", "closed": "slate" }), false);
        rig.picture(0, Some(&["person"]));
        rig.picture(1, Some(&["cat"]));
        rig.picture(2, Some(&["person"]));
        assert_eq!(rig.sequences(), [0, 1, 2]);
        let black = rig.given[0].1;
        assert!(rig.given[1].1 != black && rig.given[2].1 == black);
        assert_eq!((rig.given[0].2, rig.given[1].2, rig.given[2].2), (0, 1, 0));
    }

    #[test]
    fn another_condition_holds_from_the_next_picture_on() {
        let mut rig = Rig::new(json!({ "open_when": "cat", "hold": "0s" }), false);
        rig.picture(0, Some(&["person"]));
        let other = json!({ "open_when": "person", "hold": "0s" });
        let other = Settings::from_json(ABOUT.with, &other).unwrap();
        assert_eq!(rig.filter.adjust(&other, &[None]), Adjusted::Applied);
        rig.picture(1, Some(&["person"]));
        assert_eq!(rig.sequences(), [1]);
    }

    #[test]
    fn frozen_it_repeats_the_last_picture_that_passed() {
        let mut rig = Rig::new(json!({ "open_when": "cat", "hold": "0s", "closed": "freeze" }), false);
        rig.picture(0, Some(&[]));
        rig.picture(1, Some(&["cat"]));
        rig.picture(2, Some(&[]));
        assert_eq!(rig.sequences(), [0, 1, 2]);
        assert!(rig.given[0].1 != rig.given[1].1 && rig.given[2].1 == rig.given[1].1);
    }

    #[test]
    fn what_needs_raw_or_encoded_pictures_is_refused_for_the_other() {
        let refused = |settings: serde_json::Value, format: fn(crate::node::VideoFormat) -> Format| {
            let settings = Settings::from_json(ABOUT.with, &settings).unwrap();
            let video = crate::node::VideoFormat { pixel: FORMAT, size: None, rate: None };
            Gate.outputs(&settings, &[Some(format(video)), None])
                .err()
                .map(|finding| finding.path.to_string())
        };
        let slate = json!({ "open_when": "cat", "closed": "slate" });
        let pre_roll = json!({ "open_when": "cat", "pre_roll": "2s" });
        assert_eq!(refused(slate.clone(), Format::AccessUnits).as_deref(), Some("with.closed"));
        assert_eq!(refused(slate, Format::Frames), None);
        assert_eq!(refused(pre_roll.clone(), Format::Frames).as_deref(), Some("with.pre_roll"));
        assert_eq!(refused(pre_roll, Format::AccessUnits), None);
    }
}
