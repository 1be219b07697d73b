//! The OpenH264 decoder behind a face that cannot be broken by what it is fed.
//!
//! Owns the native decoder, and what follows an error: everything is left out up to the next
//! keyframe, because nothing before it would be whole. Leaves memory and time to its callers.

use openh264::OpenH264API;
use openh264::decoder::{DecodeOptions, DecodedYUV, Decoder as Native, DecoderConfig, Flush};
use openh264::formats::YUVSource;

use super::stream::Stream;
use crate::media::annex_b;
use crate::media::{Frame, FrameFormat, PlaneMut, Pool, PoolFull, Pts, Size};

/// In which order pictures come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Each call gives the picture it was handed, at once: for streams without B-pictures, and where
    /// the caller knows the order.
    Coded,
    /// As they are to be shown, some calls later.
    Shown,
}

/// What came of an access unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded<T> {
    /// What the caller made of the picture.
    Picture(T),
    /// No picture yet.
    Later,
    /// Left out: nothing can be decoded before the next keyframe.
    Skipped,
}

/// Why an access unit could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The stream is of a sort that is never decoded; the end of a sentence that begins with its name.
    Unsupported(String),
    /// This picture is broken. The next keyframe starts afresh.
    Damaged(String),
}

/// A decoder of one stream.
pub struct Decoder {
    native: Native,
    order: Order,
    /// What the last parameter set said; `None` until the first keyframe, and after an error until
    /// the next.
    stream: Option<Stream>,
}

/// A decoded picture, valid until the next call.
pub struct Picture<'a> {
    native: &'a DecodedYUV<'a>,
    stream: Stream,
}

impl Decoder {
    /// # Errors
    /// When the library refuses, in its words.
    pub fn new(order: Order) -> Result<Decoder, String> {
        Ok(Decoder { native: native()?, order, stream: None })
    }

    /// Decodes one access unit in Annex B form; `take` copies the picture that comes of it.
    ///
    /// # Errors
    /// [`Trouble`]; the decoder stays of use.
    pub fn decode<T>(
        &mut self,
        unit: &[u8],
        take: impl FnOnce(&Picture<'_>) -> T,
    ) -> Result<Decoded<T>, Trouble> {
        if let Some(found) = Stream::find(unit) {
            self.stream = Some(found.map_err(Trouble::Unsupported)?).filter(|_| self.goes_on_with(unit));
        }
        let Some(stream) = self.stream else { return Ok(Decoded::Skipped) };
        let flush = match self.order {
            Order::Coded => Flush::Flush,
            Order::Shown => Flush::NoFlush,
        };
        let options = DecodeOptions::new().flush_after_decode(flush);
        match self.native.decode_with_options(unit, options) {
            Ok(Some(native)) => Ok(Decoded::Picture(take(&Picture { native: &native, stream }))),
            Ok(None) => Ok(Decoded::Later),
            Err(error) => {
                let message = error.to_string();
                self.start_afresh();
                Err(Trouble::Damaged(message))
            }
        }
    }

    /// The pictures that are still held back, in order: what [`Order::Shown`] ends with.
    pub fn finish<T>(&mut self, mut take: impl FnMut(&Picture<'_>) -> T) -> Vec<T> {
        let Some(stream) = self.stream else { return Vec::new() };
        let left = self.native.flush_remaining().unwrap_or_default();
        left.iter().map(|native| take(&Picture { native, stream })).collect()
    }

    /// Whether parameter sets that come now are of use: with a keyframe, or in mid-stream.
    fn goes_on_with(&self, unit: &[u8]) -> bool {
        self.stream.is_some() || annex_b::is_keyframe(unit)
    }

    /// Forgets everything: what is left of a broken stream is worth nothing.
    fn start_afresh(&mut self) {
        self.stream = None;
        // A library that gave one decoder and has no memory for another keeps the old one.
        if let Ok(native) = native() {
            self.native = native;
        }
    }
}

fn native() -> Result<Native, String> {
    let made = Native::with_api_config(OpenH264API::from_source(), DecoderConfig::new());
    made.map_err(|error| format!("the H.264 decoder cannot be started: {error}"))
}

impl Picture<'_> {
    /// What a frame that takes it must be.
    ///
    /// # Panics
    /// Never: the library's pictures are those of the parameter set, whose size was checked.
    pub fn format(&self) -> FrameFormat {
        let (width, height) = self.native.dimensions();
        let size = Size::new(width as u32, height as u32).unwrap_or(self.stream.size);
        FrameFormat { size, ..self.stream.format() }
    }

    /// A copy in memory of `pool`.
    ///
    /// # Errors
    /// [`PoolFull`].
    pub fn frame(&self, pool: &Pool, pts: Pts, sequence: u64) -> Result<Frame, PoolFull> {
        let mut frame = Frame::pooled(pool, self.format(), pts, sequence)?;
        self.write_into(&mut frame)?;
        Ok(frame)
    }

    /// Copies it into `frame`, which is of its format.
    ///
    /// # Errors
    /// [`PoolFull`] when somebody else holds the frame's planes too.
    pub fn write_into(&self, frame: &mut Frame) -> Result<(), PoolFull> {
        let (y, u, v) = self.native.strides();
        let planes = [(self.native.y(), y), (self.native.u(), u), (self.native.v(), v)];
        for (mut to, (from, stride)) in frame.planes_mut()?.into_iter().zip(planes) {
            copy(&mut to, from, stride);
        }
        Ok(())
    }
}

fn copy(to: &mut PlaneMut<'_>, from: &[u8], stride: usize) {
    for (to, from) in to.rows().zip(from.chunks(stride.max(1))) {
        let length = to.len().min(from.len());
        to[..length].copy_from_slice(&from[..length]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{PixelFormat, Rate};

    /// Grey pictures of rising brightness through the library's own encoder.
    fn stream(count: usize) -> Vec<Vec<u8>> {
        let mut encoder = openh264::encoder::Encoder::new().unwrap();
        let pictures = (0..count).map(|number| {
            let mut yuv = vec![128; 64 * 48 * 3 / 2];
            yuv[..64 * 48].fill(50 + 10 * number as u8);
            openh264::formats::YUVBuffer::from_vec(yuv, 64, 48)
        });
        pictures.map(|picture| encoder.encode(&picture).unwrap().to_vec()).collect()
    }

    fn brightness(picture: &Picture<'_>) -> u8 {
        let frame = picture.frame(&Pool::new(1 << 20), Pts::ZERO, 0).unwrap();
        assert_eq!(frame.pixel(), PixelFormat::I420);
        assert_eq!(frame.size().to_string(), "64x48");
        frame.plane(0).rows().next().unwrap()[30]
    }

    #[test]
    fn each_access_unit_gives_its_picture_at_once() {
        let mut decoder = Decoder::new(Order::Coded).unwrap();
        for (number, unit) in stream(5).iter().enumerate() {
            let Ok(Decoded::Picture(seen)) = decoder.decode(unit, brightness) else {
                panic!("no picture {number}")
            };
            assert!(seen.abs_diff(50 + 10 * number as u8) < 4, "{number}: {seen}");
        }
    }

    #[test]
    fn after_damage_nothing_is_shown_up_to_the_next_keyframe() {
        let mut units = stream(3);
        units.extend(stream(2));
        let middle = units[1].len() / 2;
        units[1].truncate(5);
        units[1].resize(5 + middle, 0xff);
        let mut decoder = Decoder::new(Order::Coded).unwrap();
        let came: Vec<&str> = units
            .iter()
            .map(|unit| match decoder.decode(unit, |_| ()) {
                Ok(Decoded::Picture(())) => "picture",
                Ok(Decoded::Later) => "later",
                Ok(Decoded::Skipped) => "skipped",
                Err(_) => "damaged",
            })
            .collect();
        assert_eq!(came, ["picture", "damaged", "skipped", "picture", "picture"]);
    }

    #[test]
    fn a_stream_joined_in_its_middle_waits_for_a_keyframe() {
        let mut decoder = Decoder::new(Order::Coded).unwrap();
        let units = stream(2);
        assert_eq!(decoder.decode(&units[1], |_| ()), Ok(Decoded::Skipped));
        assert_eq!(decoder.decode(&units[0], |_| ()), Ok(Decoded::Picture(())));
    }

    #[test]
    fn noise_is_never_a_panic() {
        let mut decoder = Decoder::new(Order::Shown).unwrap();
        let units = stream(2);
        let mut state = 1_u32;
        for round in 0..300 {
            let mut unit = units[round % 2].clone();
            for _ in 0..4 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = state as usize % unit.len();
                unit[at] ^= (state >> 24) as u8;
            }
            drop(decoder.decode(&unit, |_| ()));
        }
        drop(decoder.finish(|_| ()));
    }

    #[test]
    fn a_stream_says_its_size_and_order() {
        let stream = Stream::find(&stream(1)[0]).unwrap().unwrap();
        assert_eq!(stream.size.to_string(), "64x48");
        assert!(stream.in_order);
        assert_ne!(stream.rate, Rate::new(1, 1));
    }
}
