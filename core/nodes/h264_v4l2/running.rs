//! An encoder at work: when keyframes are due, how long is waited, and what follows when it fails.
//!
//! Leaves what is wished, and when to begin another, to `encoder`, and which access unit is of which frame to
//! `inside`.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use super::controls::Stream;
use super::inside::{Inside, Of};
use super::session::{Came, Coded, Session};
use super::units::{Coding, OutOfOrder, Units};
use crate::media::{AccessUnit, Frame, FrameFormat, PixelFormat, Pts};
use crate::node::{Halt, NodeError, Site};
use crate::nodes::encode::even;

/// How long a live picture is waited for, before the next may go in: an encoder may keep some back.
const HURRY: Duration = Duration::from_millis(250);
/// An encoder that has been full and given nothing for so long has stopped.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a wait goes on before the end of the graph's time is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// Within so many pictures a keyframe comes that was asked for; some drivers have a few under way.
const UNDER_WAY: u32 = 8;

/// An encoder set up for frames of one format.
pub(super) struct Running {
    session: Session,
    format: FrameFormat,
    units: Units,
    inside: Inside,
    last_keyframe: Option<Pts>,
    keyframe: Keyframe,
    has_given: bool,
    site: Site,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keyframe {
    NotDue,
    Due,
    /// It comes within so many access units, or it is due again.
    Asked(u32),
}

/// What came of waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waited {
    Enough,
    Late,
    Over,
}

impl Running {
    /// Sets an encoder up for frames like those of `format`.
    ///
    /// # Errors
    /// A sentence.
    pub fn start(
        path: &Path,
        coding: Coding,
        format: FrameFormat,
        stream: &Stream,
        site: &Site,
    ) -> Result<Running, String> {
        let size = even(format.size);
        let frames = FrameFormat { size, ..format };
        let session = Session::open(path, coding.fourcc(), frames, &Stream { size, ..*stream })?;
        let (node, name, at) = (&site.node, session.name(), path.display());
        tracing::info!(node, "\"{name}\" ({at}) encodes {size} from {}", session.pixel());
        if !session.controls().has_bitrate() {
            tracing::warn!(node, "\"{name}\" cannot be told a bitrate and uses its own");
        }
        Ok(Running {
            session,
            format,
            units: Units::new(coding),
            inside: Inside::default(),
            last_keyframe: None,
            keyframe: Keyframe::NotDue,
            has_given: false,
            site: site.clone(),
        })
    }

    /// Whether it can go on with frames of `format`.
    pub fn suits(&self, format: FrameFormat) -> bool {
        self.format == format
    }

    /// The next frame that goes in becomes a keyframe; the first is one.
    pub fn owe_keyframe(&mut self) {
        if self.inside.has_begun() {
            self.keyframe = Keyframe::Due;
        }
    }

    /// # Errors
    /// When the device does not take it; the stream goes on as it was.
    pub fn set_bitrate(&self, bits_per_second: u32) -> io::Result<()> {
        self.session.set_bitrate(bits_per_second)
    }

    pub fn set_period(&self, stream: &Stream) {
        self.session.set_period(stream);
    }

    /// What frames have to be.
    pub fn pixel(&self) -> PixelFormat {
        self.session.pixel()
    }

    /// Encodes a frame of the pixel format it takes. What comes out is of this one, or of earlier ones where it is
    /// not live or the device keeps some back.
    ///
    /// # Errors
    /// When the device has failed: it is of no more use.
    pub fn encode(
        &mut self,
        frame: &Frame,
        every: Duration,
        out: &mut Vec<AccessUnit>,
    ) -> Result<(), NodeError> {
        if self.last_keyframe.is_some_and(|last| frame.pts.since(last) >= every) {
            self.owe_keyframe();
        }
        if self.keyframe == Keyframe::Due {
            self.ask_for_keyframe(frame.pts, out)?;
        }
        if self.collect(PATIENCE, out, |_, has_room| has_room)? != Waited::Enough {
            return Err(self.silent("has taken no more pictures"));
        }
        let kept = self.inside.len();
        let stamp = self.inside.enter(frame);
        self.session.send(frame, stamp).map_err(|error| self.failed(&error))?;
        // Nobody waits for a picture that is not live: it is encoded while the next goes in.
        if self.site.epoch.live {
            self.collect(HURRY, out, |running, _| running.inside.len() <= kept)?;
        }
        Ok(())
    }

    /// Gives all that is still inside; after that it is of no more use, or begins again.
    ///
    /// # Errors
    /// When the device fails at that.
    pub fn drain(&mut self, out: &mut Vec<AccessUnit>) -> Result<(), NodeError> {
        if self.inside.is_empty() {
            return Ok(());
        }
        let knows_an_end = self.session.end().is_ok();
        let waited = self.collect(PATIENCE, out, |running, _| !knows_an_end && running.inside.is_empty())?;
        match waited == Waited::Late && !self.inside.is_empty() {
            true => Err(self.silent("has not come to an end")),
            false => Ok(()),
        }
    }

    fn ask_for_keyframe(&mut self, pts: Pts, out: &mut Vec<AccessUnit>) -> Result<(), NodeError> {
        if !self.session.force_keyframe().map_err(|error| self.failed(&error))? {
            self.drain(out)?;
            self.session.begin_again().map_err(|error| self.failed(&error))?;
        }
        self.keyframe = Keyframe::Asked(UNDER_WAY);
        self.last_keyframe = Some(pts);
        Ok(())
    }

    /// Takes all that has come until there is `enough`, which hears whether there is room for another picture; or
    /// nothing has come for `patience`.
    fn collect(
        &mut self,
        patience: Duration,
        out: &mut Vec<AccessUnit>,
        enough: impl Fn(&Running, bool) -> bool,
    ) -> Result<Waited, NodeError> {
        let mut since = Instant::now();
        loop {
            match self.session.receive().map_err(|error| self.failed(&error))? {
                Came::Picture(coded) => {
                    since = Instant::now();
                    out.extend(self.unit(coded)?);
                    continue;
                }
                Came::End => return Ok(Waited::Over),
                Came::Nothing => {}
            }
            let has_room = self.session.has_room().map_err(|error| self.failed(&error))?;
            if enough(self, has_room) {
                return Ok(Waited::Enough);
            }
            let left = patience.saturating_sub(since.elapsed());
            if left.is_zero() || is_past(&self.site.halt) {
                return Ok(Waited::Late);
            }
            self.session.wait(left.min(LOOK)).map_err(|error| self.failed(&error))?;
        }
    }

    /// What comes of what the device gave.
    fn unit(&mut self, coded: Coded) -> Result<Option<AccessUnit>, NodeError> {
        let count = |name: &str, more: usize| self.site.counters.named(name).add(more as u64);
        if coded.damaged || coded.bytes.is_empty() {
            // Without an error rate control has left it out.
            count("skipped", self.inside.leave(coded.stamp).map_or(0, |(_, before)| before + 1));
            if coded.damaged {
                count("damaged", 1);
                self.keyframe = Keyframe::Due;
            }
            return Ok(None);
        }
        let made = self.units.take(coded.bytes).map_err(|OutOfOrder| {
            let name = self.session.name();
            let rule =
                "gives B-pictures, which come in another order than they are shown in, and was told not to";
            NodeError::stop_graph(format!("\"{name}\" {rule}; use `kind: h264`"))
        })?;
        let Some(unit) = made else { return Ok(None) };
        let Some((of, before)) = self.inside.leave(coded.stamp) else {
            // A part of a picture that was given already, or of none: nobody can decode what follows.
            count("damaged", 1);
            self.keyframe = Keyframe::Due;
            return Ok(None);
        };
        count("skipped", before);
        self.keyframe = self.keyframe.after(unit.keyframe);
        if unit.keyframe {
            self.last_keyframe = Some(of.pts);
        }
        self.has_given = true;
        let Of { pts, sequence, annotations } = of;
        let (data, keyframe) = (unit.bytes.into(), unit.keyframe);
        Ok(Some(AccessUnit { data, keyframe, layer: 0, pts, sequence, annotations }))
    }

    /// The device is of no more use. One that has worked may do so again.
    fn failed(&self, error: &io::Error) -> NodeError {
        let message = format!("\"{}\" has failed: {error}", self.session.name());
        self.lost(message)
    }

    fn silent(&self, what: &str) -> NodeError {
        let (name, inside) = (self.session.name(), self.inside.len());
        self.lost(format!("\"{name}\" {what} for {PATIENCE:?}, with {inside} inside"))
    }

    fn lost(&self, message: String) -> NodeError {
        self.site.counters.named("lost").add(self.inside.len() as u64);
        if self.has_given { NodeError::skip(message) } else { NodeError::stop_graph(message) }
    }
}

impl Keyframe {
    fn after(self, keyframe: bool) -> Keyframe {
        match self {
            Keyframe::Due => Keyframe::Due,
            _ if keyframe => Keyframe::NotDue,
            Keyframe::NotDue => Keyframe::NotDue,
            Keyframe::Asked(0) => Keyframe::Due,
            Keyframe::Asked(left) => Keyframe::Asked(left - 1),
        }
    }
}

fn is_past(halt: &Halt) -> bool {
    halt.is_told() && halt.is_past(Instant::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyframe_that_was_asked_for_and_does_not_come_is_due_again() {
        let after = |units: usize, last| {
            (0..units).fold(Keyframe::Asked(UNDER_WAY), |due, _| due.after(false)).after(last)
        };
        assert_eq!(after(0, true), Keyframe::NotDue);
        assert_eq!(after(7, true), Keyframe::NotDue);
        assert_eq!(after(7, false), Keyframe::Asked(0));
        assert_eq!(after(8, false), Keyframe::Due);
        assert_eq!(Keyframe::Due.after(true), Keyframe::Due, "one that came is none that is owed since");
    }
}
