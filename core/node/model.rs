//! A neural network as a graph names it: where it is, and how a picture becomes its input.
//!
//! Plain values, checked in themselves. Whether the file is there and is a network is for whoever
//! runs it to say.

use std::fmt;
use std::path::PathBuf;

use crate::media::{PixelFormat, Size};

/// One entry of `models:`.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// What nodes and their plugins call it.
    pub name: String,
    pub path: PathBuf,
    /// SHA-256 that the file must have; `None`: it may be any.
    pub digest: Option<Digest>,
    pub input: ModelInput,
}

/// How a picture becomes the input of a model: scaled to a size, as bytes of a pixel format, each
/// byte less the mean and divided by the deviation of its channel, in an order.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelInput {
    pub size: Size,
    /// [`PixelFormat::Rgb24`] or [`PixelFormat::Gray8`].
    pub pixel: PixelFormat,
    pub layout: Layout,
    /// For each channel, in units of its byte (0 to 255).
    pub mean: [f32; 3],
    /// For each channel, in units of its byte; never 0.
    pub deviation: [f32; 3],
}

/// In which order a model takes its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A plane for each channel.
    Nchw,
    /// The channels of a pixel side by side.
    Nhwc,
}

impl Layout {
    pub const NAMES: [&'static str; 2] = ["nchw", "nhwc"];

    pub const fn name(self) -> &'static str {
        Layout::NAMES[self as usize]
    }
}

impl ModelInput {
    pub fn channels(&self) -> usize {
        if self.pixel == PixelFormat::Gray8 { 1 } else { 3 }
    }

    /// The shape of the tensor, a batch of one.
    pub fn shape(&self) -> [usize; 4] {
        let (width, height) = (self.size.width() as usize, self.size.height() as usize);
        match self.layout {
            Layout::Nchw => [1, self.channels(), height, width],
            Layout::Nhwc => [1, height, width, self.channels()],
        }
    }
}

impl fmt::Display for ModelInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.size, self.pixel, self.layout.name())
    }
}

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Reads 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Digest> {
        let digits: Vec<u32> = text.chars().map(|c| c.to_digit(16)).collect::<Option<_>>()?;
        let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect();
        (digits.len() == 64).then(|| Digest(bytes.try_into().expect("64 digits are 32 bytes")))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_sixty_four_digits_and_prints_as_it_is_written() {
        let text = "00ff".repeat(16);
        assert_eq!(Digest::parse(&text).unwrap().to_string(), text);
        assert_eq!(Digest::parse(&text.to_uppercase()), Digest::parse(&text));
        for wrong in ["", "00", &format!("{text}0"), &"g".repeat(64), &"é".repeat(32)] {
            assert_eq!(Digest::parse(wrong), None, "{wrong}");
        }
    }
}
