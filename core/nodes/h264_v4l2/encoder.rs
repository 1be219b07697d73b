//! The running node: frames to the device and access units from it, and what is wished of it meanwhile.

use std::path::PathBuf;

use super::controls::{Profile, Stream};
use super::running::Running;
use super::units::Coding;
use super::{fits, too_small};
use crate::media::{AccessUnit, Frame, FrameFormat, Item, Size};
use crate::node::{
    Adjusted, Filter, Format, Handled, Inputs, NodeError, Output, Settings, Site, VideoFormat, Wish,
};
use crate::nodes::encode::{self, Bitrate, LEAST_SIDE, Tally, Wishes, agreed};
use crate::pixels;

pub(super) struct Encoder {
    path: PathBuf,
    /// As it was written; `None`: it was found.
    device: Option<String>,
    coding: Coding,
    stream: Stream,
    bitrate: Bitrate,
    running: Option<Running>,
    /// Other settings need another stream.
    is_outdated: bool,
    wishes: Wishes,
    tally: Tally,
    site: Site,
}

/// What the settings say of the stream, its size left open.
fn stream(settings: &Settings, frames: &VideoFormat) -> Stream {
    Stream {
        size: Size::new(LEAST_SIDE, LEAST_SIDE).expect("a side"),
        rate: encode::rate(frames),
        bitrate: settings.bitrate("bitrate") as u32,
        profile: Profile::named(settings.choice("profile")),
        keyframe_every: settings.duration("keyframe_every"),
    }
}

impl Encoder {
    /// Sets the device up at once where it is known what frames will come, so that what it cannot do is told
    /// before any does.
    ///
    /// # Errors
    /// A sentence.
    pub fn start(
        path: PathBuf,
        coding: Coding,
        settings: &Settings,
        frames: &VideoFormat,
        site: &Site,
    ) -> Result<Encoder, String> {
        let mut encoder = Encoder {
            path,
            device: settings.try_text("device").map(str::to_owned),
            coding,
            stream: stream(settings, frames),
            bitrate: Bitrate::new(settings),
            running: None,
            is_outdated: false,
            wishes: Wishes::default(),
            tally: Tally::new(site),
            site: site.clone(),
        };
        if let Some(size) = frames.size {
            encoder.running = Some(encoder.begin(FrameFormat::new(frames.pixel, size))?);
        }
        Ok(encoder)
    }

    fn begin(&self, format: FrameFormat) -> Result<Running, String> {
        if !fits(format.size) {
            return Err(too_small(format.size));
        }
        let running = Running::start(&self.path, self.coding, format, &self.stream, &self.site)?;
        if self.bitrate.now != self.bitrate.most
            && let Err(error) = running.set_bitrate(self.bitrate.now)
        {
            tracing::warn!(node = self.site.node, "the device does not take another bitrate: {error}");
        }
        self.tally.bitrate.set(u64::from(self.bitrate.now));
        Ok(running)
    }

    fn encode(&mut self, frame: &Frame, out: &mut Vec<AccessUnit>) -> Result<(), NodeError> {
        let is_owed = std::mem::take(&mut self.wishes.keyframe);
        let (every, pool) = (self.stream.keyframe_every, self.site.pool.clone());
        let running = self.running_for(frame.format(), out)?;
        if is_owed {
            running.owe_keyframe();
        }
        let frame = pixels::convert(frame, running.pixel(), &pool)?;
        running.encode(&frame, every, out).inspect_err(|_| {
            // It is of no more use: the next frame begins another stream.
            self.running = None;
        })
    }

    /// The encoder for such frames: another stream when the last is of others.
    fn running_for(
        &mut self,
        format: FrameFormat,
        out: &mut Vec<AccessUnit>,
    ) -> Result<&mut Running, NodeError> {
        let is_outdated = std::mem::take(&mut self.is_outdated);
        let current = match self.running.take() {
            Some(running) if running.suits(format) && !is_outdated => Some(running),
            Some(mut last) => {
                self.finish_last(&mut last, out);
                None
            }
            None => None,
        };
        let running = match current {
            Some(running) => running,
            None => self.begin(format).map_err(NodeError::stop_graph)?,
        };
        Ok(self.running.insert(running))
    }

    /// Whatever is lost with a stream that has ended is no reason not to begin another.
    fn finish_last(&self, last: &mut Running, out: &mut Vec<AccessUnit>) {
        if let Err(error) = last.drain(out) {
            tracing::warn!(node = self.site.node, "{error}");
        }
    }

    fn give(&self, units: Vec<AccessUnit>, out: &mut Output) {
        for unit in units {
            self.tally.keyframes.add(u64::from(unit.keyframe));
            self.tally.bytes.add(unit.data.len() as u64);
            out.give(0, Item::AccessUnit(unit));
        }
    }

    fn set_bitrate(&mut self, bits: u64) {
        let bits = self.bitrate.held(bits);
        if let Some(Err(error)) = self.running.as_ref().map(|running| running.set_bitrate(bits)) {
            // The stream goes on as it was.
            tracing::warn!(node = self.site.node, bits, "the device does not take another bitrate: {error}");
            return;
        }
        self.bitrate.now = bits;
        self.tally.bitrate.set(u64::from(bits));
    }
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
        let mut units = Vec::new();
        let encoded = self.encode(&frame, &mut units);
        self.give(units, out);
        encoded
    }

    fn finish(&mut self, out: &mut Output) -> Result<(), NodeError> {
        let mut units = Vec::new();
        if let Some(mut last) = self.running.take() {
            self.finish_last(&mut last, &mut units);
        }
        self.give(units, out);
        Ok(())
    }

    fn request(&mut self, wish: Wish) -> Handled {
        if let Wish::Bitrate(bits) = wish {
            self.set_bitrate(bits);
        }
        self.wishes.hear(wish)
    }

    /// Bitrates and the time between keyframes hold at once. With another profile or rate the next frame begins
    /// another stream: viewers see a keyframe. Another device is another encoder.
    fn adjust(&mut self, settings: &Settings, inputs: &[Option<Format>]) -> Adjusted {
        if settings.try_text("device") != self.device.as_deref() {
            return Adjusted::NeedsRebuild;
        }
        let wanted = stream(settings, &agreed(inputs));
        self.is_outdated |= (wanted.profile, wanted.rate) != (self.stream.profile, self.stream.rate);
        if let Some(running) = &self.running {
            running.set_period(&wanted);
        }
        let bitrate = Bitrate::new(settings);
        let asked = bitrate.carried_over(&self.bitrate);
        (self.stream, self.bitrate) = (wanted, bitrate);
        self.set_bitrate(u64::from(asked));
        Adjusted::Applied
    }
}
