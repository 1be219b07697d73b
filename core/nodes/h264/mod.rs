//! `h264`: frames in, one H.264 access unit each out.
//!
//! Owns when keyframes are made, how wishes are met, and what rides along (PTS, sequence number,
//! annotations). Leaves the native library to `codec`.

mod codec;

use std::time::Duration;

use crate::diagnostic::{Diagnostic, Path};
use crate::media::{AccessUnit, Colour, Frame, Item, PixelFormat, Pts, Rate, Size};
use crate::node::{
    About, Accepts, Adjusted, Contract, Counter, Filter, Format, Handled, InputPort, Inputs, Node, NodeError,
    NodeKind, Output, OutputPort, Pace, Role, Setting, Settings, Site, Takes, VideoFormat, Wish, Work, units,
};
use codec::{Aim, Codec, Complexity, Encoded, LEAST_SIDE, MOST_LONG_SIDE, MOST_SHORT_SIDE};

/// Whether this build's encoder has its SIMD code; without it encoding takes three times as long.
pub const HAS_SIMD: bool = matches!(env!("FRAMEGATE_ENCODER_SIMD").as_bytes(), b"yes");

const LEAST_BITRATE: u64 = 10_000;
const MOST_BITRATE: u64 = 240_000_000;
/// What rate control reckons with where the stream does not say.
const USUAL_RATE: f64 = 30.0;

static ABOUT: About = About {
    name: "h264",
    role: Role::Filter,
    summary: if HAS_SIMD {
        "encodes frames as H.264 (constrained baseline, by openh264)"
    } else {
        "encodes frames as H.264 (by openh264; built without nasm, so three times slower)"
    },
    with: &[
        Setting::with_default(
            "bitrate",
            Takes::Bitrate { least: LEAST_BITRATE, most: MOST_BITRATE },
            "2M",
            "Bits per second, and the most that viewers can ask for",
        ),
        Setting::optional(
            "min_bitrate",
            Takes::Bitrate { least: LEAST_BITRATE, most: MOST_BITRATE },
            "The least that viewers with a poor connection can bring it down to; a fifth of \"bitrate\" unless given",
        ),
        Setting::with_default(
            "keyframe_every",
            Takes::Duration { least: Duration::from_millis(100), most: Duration::from_secs(3600) },
            "10s",
            "The longest time without a keyframe; viewers who join are given one at once",
        ),
        Setting::with_default(
            "complexity",
            Takes::Choice(&["low", "medium", "high"]),
            "low",
            "More work for a little more quality",
        ),
        Setting::with_default(
            "layers",
            Takes::Integer { least: 1, most: 4 },
            "1",
            "Temporal layers: slow viewers can be given every second, fourth or eighth picture",
        ),
        Setting::with_default(
            "threads",
            Takes::Integer { least: 1, most: 16 },
            "1",
            "Threads, each with a slice of the picture; one is the cheapest and the best quality",
        ),
    ],
    beside: &[],
    open: false,
    example: "- id: h264\n  kind: h264\n  with: { bitrate: 2.5M, keyframe_every: 10s }\n  inputs: camera\n",
};

/// The kind.
pub struct H264;

impl NodeKind for H264 {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn contract(&self, settings: &Settings) -> Result<Contract, Vec<Diagnostic>> {
        let most = settings.bitrate("bitrate");
        if let Some(least) = settings.try_bitrate("min_bitrate").filter(|least| *least > most) {
            let (least, most) = (units::show_bitrate(least), units::show_bitrate(most));
            let rule = format!("\"min_bitrate\" must not be over \"bitrate\", which is {most}, got {least}");
            return Err(vec![Diagnostic::error(
                "out-of-range",
                Path::root().key("with").key("min_bitrate"),
                rule,
            )]);
        }
        Ok(Contract {
            inputs: vec![InputPort::each("frames", Accepts::frames(&[PixelFormat::I420]))],
            outputs: vec![OutputPort { name: "access_units" }],
            work: Work::Compute,
            pace: Pace::Free,
        })
    }

    fn outputs(&self, _: &Settings, inputs: &[Option<Format>]) -> Result<Vec<Format>, Diagnostic> {
        let video = agreed(inputs);
        match video.size.filter(|size| !fits(*size)) {
            Some(size) => {
                Err(Diagnostic::error("size-not-supported", Path::root().key("inputs"), too_large(size))
                    .help("put a `scale` node before it"))
            }
            None => Ok(vec![Format::AccessUnits(VideoFormat { size: video.size.map(even), ..video })]),
        }
    }

    fn build(&self, settings: &Settings, inputs: &[Option<Format>], site: &Site) -> Result<Node, NodeError> {
        if !HAS_SIMD {
            tracing::warn!(
                node = site.node,
                "this build's encoder has no SIMD code and is three times slower; install nasm and build again"
            );
        }
        Ok(Node::Filter(Box::new(Encoder {
            wanted: Wanted::new(settings, agreed(inputs).rate),
            running: None,
            keyframe: false,
            asleep: false,
            skipped: site.counters.named("skipped"),
            rested: site.counters.named("rested"),
            keyframes: site.counters.named("keyframes"),
            bytes: site.counters.named("bytes"),
            bitrate: site.counters.named("bitrate"),
            node: site.node.clone(),
        })))
    }
}

fn agreed(inputs: &[Option<Format>]) -> VideoFormat {
    let unknown = VideoFormat { pixel: PixelFormat::I420, size: None, rate: None };
    inputs.first().copied().flatten().and_then(|format| format.video()).unwrap_or(unknown)
}

fn fits(size: Size) -> bool {
    let (long, short) = (size.width().max(size.height()), size.width().min(size.height()));
    short >= LEAST_SIDE && long <= MOST_LONG_SIDE && short <= MOST_SHORT_SIDE
}

fn too_large(size: Size) -> String {
    format!(
        "h264 takes pictures from {LEAST_SIDE}x{LEAST_SIDE} to {MOST_LONG_SIDE}x{MOST_SHORT_SIDE}, upright or across, got {size}"
    )
}

/// H.264 with halved chroma has no odd sizes: the last odd row and column are left out.
fn even(size: Size) -> Size {
    Size::new(size.width() & !1, size.height() & !1).expect("sides of at least 16 stay sides")
}

/// What was set, and what has been asked for since.
struct Wanted {
    least: u32,
    most: u32,
    now: u32,
    keyframe_every: Duration,
    complexity: Complexity,
    layers: u8,
    threads: u8,
    frames_per_second: f32,
}

impl Wanted {
    fn new(settings: &Settings, rate: Option<Rate>) -> Wanted {
        let most = settings.bitrate("bitrate");
        let least = settings.try_bitrate("min_bitrate").unwrap_or((most / 5).max(LEAST_BITRATE));
        Wanted {
            least: least as u32,
            most: most as u32,
            now: most as u32,
            keyframe_every: settings.duration("keyframe_every"),
            complexity: match settings.choice("complexity") {
                "low" => Complexity::Low,
                "medium" => Complexity::Medium,
                _ => Complexity::High,
            },
            layers: settings.integer("layers") as u8,
            threads: settings.integer("threads") as u8,
            frames_per_second: rate.map_or(USUAL_RATE, Rate::per_second) as f32,
        }
    }

    /// Whether a native encoder made for `other` can go on.
    fn suits_encoder_of(&self, other: &Wanted) -> bool {
        let made = |wanted: &Wanted| {
            (wanted.complexity, wanted.layers, wanted.threads, wanted.frames_per_second.to_bits())
        };
        made(self) == made(other)
    }

    fn aim(&self, size: Size, colour: Colour) -> Aim {
        Aim {
            size: even(size),
            colour,
            frames_per_second: self.frames_per_second,
            bitrate: self.most,
            complexity: self.complexity,
            layers: self.layers,
            threads: self.threads,
        }
    }
}

/// A native encoder and what it was made for.
struct Running {
    codec: Codec,
    size: Size,
    colour: Colour,
    /// The bitrate it was made for.
    most: u32,
    last_keyframe: Option<Pts>,
    last_millis: i64,
}

struct Encoder {
    wanted: Wanted,
    running: Option<Running>,
    /// A keyframe is owed: asked for, and not yet come.
    keyframe: bool,
    asleep: bool,
    skipped: Counter,
    rested: Counter,
    keyframes: Counter,
    bytes: Counter,
    bitrate: Counter,
    node: String,
}

impl Filter for Encoder {
    fn process(&mut self, mut inputs: Inputs, out: &mut Output) -> Result<(), NodeError> {
        let Some(frame) = inputs.take_frame(0) else {
            return Ok(());
        };
        if self.asleep {
            self.rested.add(1);
            return Ok(());
        }
        if let Some(unit) = self.encode(&frame)? {
            out.give(0, Item::AccessUnit(unit));
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Output) -> Result<(), NodeError> {
        // Nothing is held: each picture's access unit comes with it.
        Ok(())
    }

    fn request(&mut self, wish: Wish) -> Handled {
        match wish {
            Wish::Keyframe => self.keyframe = true,
            Wish::Bitrate(bits) => self.set_bitrate(bits),
            Wish::Sleep => {
                self.asleep = true;
                return Handled::PassOn;
            }
            Wish::Wake => {
                // Whoever wakes us has nothing to refer back to.
                self.keyframe |= self.asleep;
                self.asleep = false;
                return Handled::PassOn;
            }
            Wish::Stop => return Handled::PassOn,
        }
        Handled::Here
    }

    /// Bitrates up to what the native encoder was made for, and the time between keyframes, hold at
    /// once. For the rest the next frame begins with another native encoder: viewers see a keyframe.
    fn adjust(&mut self, settings: &Settings, inputs: &[Option<Format>]) -> Adjusted {
        let wanted = Wanted::new(settings, agreed(inputs).rate);
        let made_for = self.running.as_ref().map_or(0, |running| running.most);
        if !wanted.suits_encoder_of(&self.wanted) || wanted.most > made_for {
            self.running = None;
        }
        // What viewers have brought it down to stays.
        let asked = if self.wanted.now == self.wanted.most { wanted.most } else { self.wanted.now };
        self.wanted = wanted;
        self.set_bitrate(u64::from(asked));
        Adjusted::Applied
    }
}

impl Encoder {
    fn encode(&mut self, frame: &Frame) -> Result<Option<AccessUnit>, NodeError> {
        let owed = self.keyframe;
        let every = self.wanted.keyframe_every;
        let running = self.running_for(frame)?;
        if owed || running.last_keyframe.is_some_and(|last| frame.pts.since(last) >= every) {
            running.codec.force_keyframe().map_err(refused)?;
        }
        // The library wants milliseconds that rise; at over 1000 frames a second they would not.
        running.last_millis = (frame.pts.nanos() / 1_000_000).max(running.last_millis + 1);
        let unit = match running.codec.encode(frame, running.last_millis) {
            Ok(Encoded::Unit(unit)) => unit,
            Ok(Encoded::Skipped) => {
                self.skipped.add(1);
                return Ok(None);
            }
            Err(refused) => {
                // The library has given up this stream: the next frame begins another.
                self.running = None;
                return Err(NodeError::skip(format!("frame {} could not be encoded", frame.sequence))
                    .caused_by(refused));
            }
        };
        if unit.keyframe {
            running.last_keyframe = Some(frame.pts);
            self.keyframe = false;
            self.keyframes.add(1);
        }
        self.bytes.add(unit.data.len() as u64);
        Ok(Some(AccessUnit {
            data: unit.data,
            keyframe: unit.keyframe,
            layer: unit.layer,
            pts: frame.pts,
            sequence: frame.sequence,
            annotations: frame.annotations().clone(),
        }))
    }

    /// The encoder for such frames: a new one when the size or the colour is new.
    fn running_for(&mut self, frame: &Frame) -> Result<&mut Running, NodeError> {
        let (size, colour) = (frame.size(), frame.format().colour);
        let current = self.running.take().filter(|running| (running.size, running.colour) == (size, colour));
        let running = match current {
            Some(running) => running,
            None => self.start(size, colour)?,
        };
        Ok(self.running.insert(running))
    }

    fn start(&self, size: Size, colour: Colour) -> Result<Running, NodeError> {
        if !fits(size) {
            return Err(NodeError::stop_graph(too_large(size)));
        }
        let mut codec = Codec::new(&self.wanted.aim(size, colour)).map_err(refused)?;
        if self.wanted.now != self.wanted.most {
            codec.set_bitrate(self.wanted.now).map_err(refused)?;
        }
        self.bitrate.set(u64::from(self.wanted.now));
        Ok(Running {
            codec,
            size,
            colour,
            most: self.wanted.most,
            last_keyframe: None,
            last_millis: i64::MIN,
        })
    }

    fn set_bitrate(&mut self, bits: u64) {
        let bits = bits.clamp(u64::from(self.wanted.least), u64::from(self.wanted.most)) as u32;
        let Some(running) = &mut self.running else {
            self.wanted.now = bits;
            return;
        };
        match running.codec.set_bitrate(bits) {
            Ok(()) => {
                self.wanted.now = bits;
                self.bitrate.set(u64::from(bits));
            }
            // The stream goes on as it was.
            Err(refused) => tracing::warn!(node = self.node, bits, "{refused}"),
        }
    }
}

fn refused(refused: codec::Refused) -> NodeError {
    NodeError::stop_graph(refused.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Detection, FrameFormat, Pool};
    use crate::node::{Epoch, Then};
    use crate::nodes::test_pattern;
    use serde_json::json;
    use std::time::{Instant, SystemTime};

    fn encoder(with: serde_json::Value) -> (Box<dyn Filter>, Site) {
        let settings = Settings::from_json(ABOUT.with, &with).unwrap();
        let epoch = Epoch { instant: Instant::now(), wall: SystemTime::now(), live: false };
        let site = Site::alone("h264", Pool::new(0), epoch);
        match H264.build(&settings, &[], &site).unwrap() {
            Node::Filter(filter) => (filter, site),
            _ => unreachable!("h264 is a filter"),
        }
    }

    fn pattern(size: &str) -> impl Iterator<Item = Frame> {
        let format = FrameFormat::new(PixelFormat::I420, size.parse().unwrap());
        test_pattern::frames(format, Rate::new(30, 1).unwrap(), 0, Pool::new(1 << 26)).unwrap()
    }

    fn units(filter: &mut dyn Filter, frames: impl IntoIterator<Item = Frame>) -> Vec<AccessUnit> {
        let mut out = Output::default();
        frames
            .into_iter()
            .for_each(|frame| filter.process(Inputs::one(Item::Frame(frame)), &mut out).unwrap());
        let units = out.drain().map(|(_, item)| match item {
            Item::AccessUnit(unit) => unit,
            _ => unreachable!("h264 gives access units"),
        });
        units.collect()
    }

    fn keyframes(units: &[AccessUnit]) -> Vec<u64> {
        units.iter().filter(|unit| unit.keyframe).map(|unit| unit.sequence).collect()
    }

    #[test]
    fn keyframes_come_by_the_clock_and_when_wished_for() {
        let (mut filter, _) = encoder(json!({ "keyframe_every": "500ms" }));
        let mut frames = pattern("320x240");
        let mut all = units(&mut *filter, frames.by_ref().take(20));
        assert_eq!(filter.request(Wish::Keyframe), Handled::Here);
        all.extend(units(&mut *filter, frames.take(20)));
        assert_eq!(keyframes(&all), [0, 15, 20, 35]);
    }

    #[test]
    fn pts_sequence_and_annotations_ride_along() {
        let (mut filter, _) = encoder(json!({}));
        let frames = pattern("320x240").skip(7).take(3).map(|mut frame| {
            let label = frame.sequence.to_string();
            frame.annotations_mut().detections.push(Detection { label, ..Detection::default() });
            frame
        });
        for unit in units(&mut *filter, frames) {
            assert_eq!(unit.pts, Rate::new(30, 1).unwrap().pts_of(unit.sequence));
            assert_eq!(unit.annotations.detections[0].label, unit.sequence.to_string());
        }
    }

    #[test]
    fn a_wished_bitrate_is_held_within_its_bounds() {
        let (mut filter, site) = encoder(json!({ "bitrate": "2M", "min_bitrate": "300k" }));
        let mut frames = pattern("640x360");
        let size = |units: &[AccessUnit]| units.iter().map(|unit| unit.data.len()).sum::<usize>();
        let full = size(&units(&mut *filter, frames.by_ref().take(60)));
        filter.request(Wish::Bitrate(1));
        assert_eq!(site.counters.named("bitrate").get(), 300_000);
        let least = size(&units(&mut *filter, frames.by_ref().take(60)));
        assert!(least < full, "{least} bytes after {full}");
        filter.request(Wish::Bitrate(u64::MAX));
        assert_eq!(site.counters.named("bitrate").get(), 2_000_000);
    }

    #[test]
    fn other_settings_hold_at_once_and_cost_a_keyframe_only_where_they_must() {
        let (mut filter, site) = encoder(json!({ "bitrate": "2M" }));
        let mut frames = pattern("320x240");
        let mut adjusted = |filter: &mut dyn Filter, with| {
            let settings = Settings::from_json(ABOUT.with, &with).unwrap();
            assert_eq!(filter.adjust(&settings, &[]), Adjusted::Applied);
            keyframes(&units(filter, frames.by_ref().take(3)))
        };
        assert_eq!(adjusted(&mut *filter, json!({ "bitrate": "2M" })), [0]);
        assert_eq!(adjusted(&mut *filter, json!({ "bitrate": "1M" })), Vec::<u64>::new());
        assert_eq!(site.counters.named("bitrate").get(), 1_000_000);
        assert_eq!(adjusted(&mut *filter, json!({ "bitrate": "4M" })), [6]);
        assert_eq!(site.counters.named("bitrate").get(), 4_000_000);
        assert_eq!(adjusted(&mut *filter, json!({ "bitrate": "4M", "layers": 2 })), [9]);
    }

    #[test]
    fn a_sleeping_encoder_rests_and_wakes_with_a_keyframe() {
        let (mut filter, site) = encoder(json!({}));
        let mut frames = pattern("320x240");
        units(&mut *filter, frames.by_ref().take(2));
        assert_eq!(filter.request(Wish::Sleep), Handled::PassOn, "its source may sleep too");
        assert!(units(&mut *filter, frames.by_ref().take(5)).is_empty());
        assert_eq!(site.counters.named("rested").get(), 5);
        filter.request(Wish::Wake);
        assert_eq!(keyframes(&units(&mut *filter, frames.take(3))), [7]);
    }

    #[test]
    fn another_size_begins_afresh() {
        let (mut filter, _) = encoder(json!({}));
        units(&mut *filter, pattern("320x240").take(2));
        assert!(units(&mut *filter, pattern("322x241").skip(5).take(1))[0].keyframe);
    }

    #[test]
    fn a_picture_too_dense_for_the_encoder_is_lost_alone() {
        let (mut filter, _) = encoder(json!({ "bitrate": "50M" }));
        let dense = pattern("320x240").take(10).map(|mut frame| {
            let mut state = frame.sequence;
            for plane in frame.planes_mut().unwrap().iter_mut() {
                plane.rows().flatten().for_each(|value| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    *value = (state >> 56) as u8;
                });
            }
            frame
        });
        let mut out = Output::default();
        let failed =
            dense.filter_map(|frame| filter.process(Inputs::one(Item::Frame(frame)), &mut out).err());
        let failed: Vec<_> = failed.map(|error| error.then).collect();
        assert!(!failed.is_empty() && failed.iter().all(|then| *then == Then::SkipItem), "{failed:?}");
        assert!(!units(&mut *filter, pattern("320x240").skip(20).take(3)).is_empty());
    }

    #[test]
    fn sizes_the_encoder_cannot_take_are_found_by_the_check() {
        let settings = Settings::from_json(ABOUT.with, &json!({})).unwrap();
        let outputs = |size: &str| {
            let size = Some(size.parse().unwrap());
            let frames = Format::Frames(VideoFormat { pixel: PixelFormat::I420, size, rate: None });
            H264.outputs(&settings, &[Some(frames)])
        };
        assert!(outputs("2160x3840").is_ok());
        assert_eq!(outputs("4096x2160").unwrap_err().code, "size-not-supported");
        assert_eq!(outputs("12x64").unwrap_err().code, "size-not-supported");
        assert_eq!(outputs("321x241").unwrap()[0].to_string(), "h264 320x240");
    }

    #[test]
    fn a_floor_over_the_ceiling_is_refused() {
        let settings = Settings::from_json(ABOUT.with, &json!({ "min_bitrate": "3M" })).unwrap();
        let found = H264.contract(&settings).unwrap_err();
        assert_eq!(found[0].message, "\"min_bitrate\" must not be over \"bitrate\", which is 2M, got 3M");
    }
}
