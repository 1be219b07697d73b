//! The running encoder: when keyframes are made, how wishes and other settings are met, and what rides
//! along with each access unit (PTS, sequence number, annotations).

use super::codec::{Codec, Encoded, Refused};
use super::wanted::Wanted;
use super::{fits, too_large};
use crate::media::{AccessUnit, Colour, Frame, Item, Pts, Size};
use crate::node::{Adjusted, Filter, Format, Handled, Inputs, NodeError, Output, Settings, Site, Wish};
use crate::nodes::encode::{Tally, Wishes, agreed};

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

pub(super) struct Encoder {
    wanted: Wanted,
    running: Option<Running>,
    wishes: Wishes,
    tally: Tally,
    node: String,
}

impl Filter for Encoder {
    fn process(&mut self, mut inputs: Inputs, out: &mut Output) -> Result<(), NodeError> {
        let Some(frame) = inputs.take_frame(0) else {
            return Ok(());
        };
        if self.wishes.asleep {
            self.tally.rested.add(1);
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
        if let Wish::Bitrate(bits) = wish {
            self.set_bitrate(bits);
        }
        self.wishes.hear(wish)
    }

    /// Bitrates up to what the native encoder was made for, and the time between keyframes, hold at
    /// once. For the rest the next frame begins with another native encoder: viewers see a keyframe.
    fn adjust(&mut self, settings: &Settings, inputs: &[Option<Format>]) -> Adjusted {
        let wanted = Wanted::new(settings, &agreed(inputs));
        let made_for = self.running.as_ref().map_or(0, |running| running.most);
        if !wanted.suits_encoder_of(&self.wanted) || wanted.bitrate.most > made_for {
            self.running = None;
        }
        let asked = wanted.bitrate.carried_over(&self.wanted.bitrate);
        self.wanted = wanted;
        self.set_bitrate(u64::from(asked));
        Adjusted::Applied
    }
}

impl Encoder {
    pub fn new(wanted: Wanted, site: &Site) -> Encoder {
        Encoder {
            wanted,
            running: None,
            wishes: Wishes::default(),
            tally: Tally::new(site),
            node: site.node.clone(),
        }
    }

    fn encode(&mut self, frame: &Frame) -> Result<Option<AccessUnit>, NodeError> {
        let owed = self.wishes.keyframe;
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
                self.tally.skipped.add(1);
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
            self.wishes.keyframe = false;
            self.tally.keyframes.add(1);
        }
        self.tally.bytes.add(unit.data.len() as u64);
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
        let bitrate = self.wanted.bitrate;
        if bitrate.now != bitrate.most {
            codec.set_bitrate(bitrate.now).map_err(refused)?;
        }
        self.tally.bitrate.set(u64::from(bitrate.now));
        Ok(Running { codec, size, colour, most: bitrate.most, last_keyframe: None, last_millis: i64::MIN })
    }

    fn set_bitrate(&mut self, bits: u64) {
        let bits = self.wanted.bitrate.held(bits);
        let Some(running) = &mut self.running else {
            self.wanted.bitrate.now = bits;
            return;
        };
        match running.codec.set_bitrate(bits) {
            Ok(()) => {
                self.wanted.bitrate.now = bits;
                self.tally.bitrate.set(u64::from(bits));
            }
            // The stream goes on as it was.
            Err(refused) => tracing::warn!(node = self.node, bits, "{refused}"),
        }
    }
}

fn refused(refused: Refused) -> NodeError {
    NodeError::stop_graph(refused.to_string())
}
