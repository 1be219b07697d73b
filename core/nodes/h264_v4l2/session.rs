//! An encoder set up for pictures of one format: they go in, coded ones come out.
//!
//! Owns the order in which a device is set up (the kernel's "Memory-to-Memory Stateful Video Encoder
//! Interface"), and that buffers go round. Leaves which picture is which to `running`.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::buffers::Buffers;
use super::controls::{self, Controls, Stream};
use super::device::{Asked, ColourCodes, Device, FourCc, Given, Side};
use super::find::{text, unopened};
use super::layout::{self, Layout};
use crate::media::{Colour, Frame, FrameFormat, Matrix, PixelFormat, Range, Size};

/// Buffers of each side: one being filled, one being read, two in between.
const BUFFERS: u32 = 4;

/// No keyframe at any sensible bitrate is larger than half its picture, and none larger than this when small.
const LEAST_BYTES: u32 = 512 << 10;

/// A device that encodes. What it still has is lost when this is dropped.
pub(super) struct Session {
    // Before the device: their memory is unmapped first.
    raw: Buffers,
    coded: Buffers,
    device: Device,
    layout: Layout,
    controls: Controls,
    /// Nothing more comes until it begins again.
    over: bool,
}

/// What came of looking for a coded picture.
#[derive(Debug)]
pub(super) enum Came {
    Picture(Coded),
    Nothing,
    /// All is given, after [`Session::end`].
    End,
}

/// One coded picture, or nothing in its place.
#[derive(Debug)]
pub(super) struct Coded {
    pub bytes: Vec<u8>,
    /// That of the picture it was made from.
    pub stamp: Duration,
    pub damaged: bool,
}

impl Session {
    /// Sets up the device at `path` for pictures as `frames`, encoded as `coded`. Of `frames` the size is even.
    ///
    /// # Errors
    /// A sentence.
    pub fn open(path: &Path, coded: FourCc, frames: FrameFormat, stream: &Stream) -> Result<Session, String> {
        let device = Device::open(path).map_err(|not| match not {
            Ok(other) => format!("{} (\"{}\") is no encoder", path.display(), other.name),
            Err(error) => format!("{} {}", path.display(), unopened(&error)),
        })?;
        let told = |what| move |error: io::Error| refused(&error, what);
        let set_up = || {
            let (given, layout) = formats(&device, coded, frames)?;
            if let Err(error) = device.set_rate(stream.rate) {
                tracing::debug!("\"{}\" is not told a rate: {error}", device.name);
            }
            let controls = Controls::set(&device, stream)?;
            tracing::debug!("\"{}\" takes pictures as {given:?}", device.name);
            let raw = Buffers::new(&device, Side::Raw, BUFFERS).map_err(told("give memory"))?;
            let mut coded = Buffers::new(&device, Side::Coded, BUFFERS).map_err(told("give memory"))?;
            coded.queue_all(&device).map_err(told("take buffers"))?;
            Ok((raw, coded, layout, controls))
        };
        let (raw, coded, layout, controls) =
            set_up().map_err(|why: String| format!("\"{}\" ({}) {why}", device.name, path.display()))?;
        let mut session = Session { raw, coded, device, layout, controls, over: false };
        session.start().map_err(|error| {
            format!("\"{}\" ({}) {}", session.device.name, path.display(), refused(&error, "start"))
        })?;
        Ok(session)
    }

    pub fn name(&self) -> &str {
        &self.device.name
    }

    /// What pictures it takes.
    pub fn pixel(&self) -> PixelFormat {
        self.layout.pixel
    }

    pub fn controls(&self) -> &Controls {
        &self.controls
    }

    pub fn set_bitrate(&self, bits_per_second: u32) -> io::Result<()> {
        self.controls.set_bitrate(&self.device, bits_per_second)
    }

    pub fn set_period(&self, stream: &Stream) {
        controls::set_period(&self.device, stream);
    }

    /// Makes the next picture a keyframe; `false` when the device cannot be asked: it gives one when it begins
    /// again.
    pub fn force_keyframe(&self) -> io::Result<bool> {
        self.controls.force_keyframe(&self.device)
    }

    /// Whether there is a buffer for another picture.
    pub fn has_room(&mut self) -> io::Result<bool> {
        while let Some(back) = self.raw.take_back(&self.device)? {
            self.raw.release(back.index);
        }
        Ok(self.raw.has_free())
    }

    /// Hands over a picture with a stamp, in whole microseconds, by which what it becomes is known.
    ///
    /// # Panics
    /// When it is of another format than the session takes, or there is no room.
    pub fn send(&mut self, frame: &Frame, stamp: Duration) -> io::Result<()> {
        let index = self.raw.free().expect("there was room");
        self.layout.write(frame, self.raw.memory_mut(index));
        self.raw.queue(&self.device, index, &self.layout.used, stamp)
    }

    /// The next coded picture, if it is there.
    pub fn receive(&mut self) -> io::Result<Came> {
        if self.over {
            return Ok(Came::End);
        }
        let back = match self.coded.take_back(&self.device) {
            Ok(Some(back)) => back,
            Ok(None) => return Ok(Came::Nothing),
            // The kernel's way to say that the last one was given.
            Err(error) if error.raw_os_error() == Some(libc::EPIPE) => {
                self.over = true;
                return Ok(Came::End);
            }
            Err(error) => return Err(error),
        };
        let bytes = self.coded.bytes(&back).to_vec();
        self.over = back.last;
        match back.last {
            true => self.coded.release(back.index),
            false => self.coded.queue(&self.device, back.index, &[], Duration::ZERO)?,
        }
        match back.last && bytes.is_empty() {
            true => Ok(Came::End),
            false => Ok(Came::Picture(Coded { bytes, stamp: back.stamp, damaged: back.damaged })),
        }
    }

    /// Waits until a buffer comes back from either side, no longer than `most`.
    pub fn wait(&self, most: Duration) -> io::Result<()> {
        self.device.wait(most)
    }

    /// No more pictures will come: it gives what it still has.
    ///
    /// # Errors
    /// Also when the device knows no end; it gives what it has all the same, as a rule.
    pub fn end(&self) -> io::Result<()> {
        self.device.end()
    }

    /// A new stream, after the end of the last: its first picture is a keyframe.
    pub fn begin_again(&mut self) -> io::Result<()> {
        self.raw.stream(&self.device, false)?;
        self.coded.stream(&self.device, false)?;
        self.over = false;
        self.coded.queue_all(&self.device)?;
        self.start()
    }

    fn start(&mut self) -> io::Result<()> {
        self.raw.stream(&self.device, true)?;
        self.coded.stream(&self.device, true)
    }
}

/// Sets both formats, the coded one first, which decides what the other can be.
///
/// # Errors
/// The end of a sentence that begins with the device's name.
fn formats(device: &Device, coded: FourCc, frames: FrameFormat) -> Result<(Given, Layout), String> {
    let size = frames.size;
    let bytes = (size.width() * size.height() * 3 / 4).max(LEAST_BYTES);
    let colour = colour_codes(frames.colour);
    let set = |side, fourcc, bytes| {
        let asked = Asked { fourcc, size, bytes, colour };
        let given = device.set_format(side, &asked).map_err(|error| refused(&error, "take a format"))?;
        match given.fourcc == fourcc {
            true => Ok(given),
            false => Err(format!("offers {} and does {}", text(fourcc), text(given.fourcc))),
        }
    };
    set(Side::Coded, coded, bytes)?;
    let there = device.formats(Side::Raw);
    let Some((fourcc, _)) = layout::choose(&there, frames.pixel) else {
        let there: Vec<String> = there.into_iter().map(text).collect();
        return Err(format!("takes neither I420 nor NV12 pictures; it takes {}", there.join(", ")));
    };
    let given = set(Side::Raw, fourcc, 0)?;
    if (given.width, given.height) != (size.width(), size.height()) {
        // More rows and columns are no harm where it can be told to leave them out.
        let shown = device.crop(size).unwrap_or((given.width, given.height));
        if shown != (size.width(), size.height()) {
            return Err(unfit(size, shown));
        }
    }
    match Layout::new(&given, size) {
        Some(layout) => Ok((given, layout)),
        None => Err(format!("gives memory that does not hold pictures of {size}: {given:?}")),
    }
}

fn unfit(size: Size, (width, height): (u32, u32)) -> String {
    format!(
        "cannot encode {size}; the nearest it can is {width}x{height}: put a `scale` node with that size before it"
    )
}

/// What a device did not do, as the end of a sentence that begins with its name.
fn refused(error: &io::Error, what: &str) -> String {
    match error.raw_os_error() {
        Some(libc::EBUSY) => "is in use by another program".to_owned(),
        Some(libc::ENOMEM | libc::ENOSPC | libc::EUSERS) => {
            format!("has no room for another stream, which other programs or nodes may take up ({error})")
        }
        _ => format!("does not {what}: {error}"),
    }
}

fn colour_codes(colour: Colour) -> ColourCodes {
    // V4L2_COLORSPACE_REC709, _BT2020 or _SMPTE170M, and V4L2_YCBCR_ENC_709, _BT2020 or _601.
    let (space, encoding) = match colour.matrix {
        Matrix::BT709 => (3, 2),
        Matrix(9) => (10, 6),
        _ => (1, 1),
    };
    // V4L2_QUANTIZATION_FULL_RANGE or _LIM_RANGE.
    let quantization = if colour.range == Range::Full { 1 } else { 2 };
    ColourCodes { space, encoding, quantization }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_whose_fault_they_are() {
        let of = |code| refused(&io::Error::from_raw_os_error(code), "start");
        assert_eq!(of(libc::EBUSY), "is in use by another program");
        assert!(of(libc::ENOSPC).starts_with("has no room for another stream"));
        assert!(of(libc::EIO).starts_with("does not start: "));
        let size = Size::new(320, 240).unwrap();
        assert!(
            unfit(size, (640, 360)).starts_with("cannot encode 320x240; the nearest it can is 640x360: ")
        );
    }
}
