//! What an encoding webcam sends: H.264 access units of its pictures, each of which says its number.
//!
//! It encodes all the time, as such cameras do: whoever starts it comes in between two keyframes, and
//! sees the next one when the camera makes it, or is asked for it.

use openh264::OpenH264API;
use openh264::encoder::{Encoder, EncoderConfig, IntraFramePeriod, QpRange, RateControlMode};
use openh264::formats::{YUVSlices, YUVSource};

use super::picture;

/// The encoder in a webcam.
pub struct Coder {
    encoder: Encoder,
    size: (usize, usize),
    /// A keyframe comes with each number that this divides; without it, none comes unasked.
    every: Option<u32>,
}

impl Coder {
    /// An encoder that has been running before its next picture, which is no keyframe.
    pub fn running(size: (usize, usize), every: Option<u32>) -> Coder {
        let config = EncoderConfig::new()
            .rate_control_mode(RateControlMode::Off)
            // Good enough for the numbers, and keyframes of several transfers.
            .qp(QpRange::new(20, 20))
            .skip_frames(false)
            .scene_change_detect(false)
            .intra_frame_period(IntraFramePeriod::from_num_frames(0));
        let encoder = Encoder::with_api_config(OpenH264API::from_source(), config).expect("a sound setup");
        let mut coder = Coder { encoder, size, every };
        coder.encode(0);
        coder
    }

    /// The access unit of picture `number`.
    pub fn unit(&mut self, number: u32) -> Vec<u8> {
        if self.every.is_some_and(|every| number.is_multiple_of(every)) {
            self.ask_for_keyframe();
        }
        self.encode(number)
    }

    pub fn ask_for_keyframe(&mut self) {
        self.encoder.force_intra_frame();
    }

    fn encode(&mut self, number: u32) -> Vec<u8> {
        let (width, height) = self.size;
        let mut luma = picture::luma(number, width, height);
        grain(number, &mut luma);
        let grey = vec![128; width * height / 4];
        let planes = (&luma[..], &grey[..], &grey[..]);
        let slices = YUVSlices::new(planes, self.size, (width, width / 2, width / 2));
        self.encoder.encode(&slices).expect("any picture can be encoded").to_vec()
    }
}

/// What a sensor adds in the dark: it makes each picture too large for one transfer. The numbers bear it.
fn grain(number: u32, luma: &mut [u8]) {
    let mut seed = number.wrapping_mul(0x9e37_79b9) | 1;
    for pixel in luma {
        // Xorshift (Marsaglia, 2003).
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        *pixel = pixel.saturating_add((seed % 32) as u8);
    }
}

/// One decoded picture of a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shown {
    pub is_keyframe: bool,
    /// Its number, at the top and at the bottom.
    pub numbers: (u32, u32),
}

/// The pictures in `stream`.
///
/// # Panics
/// When one cannot be decoded, such as for want of one before it.
pub fn decoded(stream: &[u8]) -> Vec<Shown> {
    let mut decoder = openh264::decoder::Decoder::new().expect("a decoder");
    let mut all: Vec<Shown> = Vec::new();
    for unit in openh264::nal_units(stream) {
        let picture = decoder.decode(unit);
        if let Some(picture) = picture.unwrap_or_else(|error| panic!("after {all:?}: {error}")) {
            let (width, height) = picture.dimensions();
            let numbers = picture::numbers(picture.y(), picture.strides().0, width, height);
            all.push(Shown { is_keyframe: kind(unit) == IDR, numbers });
        }
    }
    all
}

const IDR: u8 = 5;

/// `nal_unit_type` of a unit behind a start code of three or four bytes.
fn kind(unit: &[u8]) -> u8 {
    let first = unit.iter().position(|byte| *byte == 1).map_or(0, |one| one + 1);
    unit.get(first).map_or(0, |byte| byte & 0x1f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_keep_their_numbers_and_keyframes_come_when_they_are_due_or_asked_for() {
        let mut coder = Coder::running((320, 240), Some(10));
        let units: Vec<Vec<u8>> = (7..75).map(|number| coder.unit(number)).collect();
        let is_keyframe = |unit: &Vec<u8>| openh264::nal_units(unit).any(|unit| kind(unit) == IDR);
        let keyframes: Vec<usize> = (0..units.len()).filter(|at| is_keyframe(&units[*at])).collect();
        assert_eq!(keyframes, [3, 13, 23, 33, 43, 53, 63], "those of 10, of 20, …");
        let shown = decoded(&units[3..].concat());
        assert!(shown.iter().map(|shown| shown.numbers).eq((10..75).map(|number| (number, number))));
        assert!(shown.iter().all(|shown| shown.is_keyframe == shown.numbers.0.is_multiple_of(10)));

        let mut quiet = Coder::running((320, 240), None);
        assert!((0..40).all(|number| !is_keyframe(&quiet.unit(number))));
        quiet.ask_for_keyframe();
        assert!(is_keyframe(&quiet.unit(40)));
    }
}
