//! Colours as people write them, and as the samples of a frame that stand for them.
//!
//! Owns the matrices (ITU-T H.273 table 4) and the ranges. Leaves whole frames to `convert`.

use crate::media::{Colour, FrameFormat, Matrix, Range};

/// Red, green, blue and opacity, each 0..=255; not premultiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rgba {
    pub red: u8,
    pub green: u8,
    pub blue: u8,
    pub alpha: u8,
}

impl Rgba {
    pub const BLACK: Rgba = Rgba::opaque(0, 0, 0);
    pub const WHITE: Rgba = Rgba::opaque(255, 255, 255);

    pub const fn opaque(red: u8, green: u8, blue: u8) -> Rgba {
        Rgba { red, green, blue, alpha: 255 }
    }

    /// `0xRRGGBBAA`.
    pub const fn from_u32(code: u32) -> Rgba {
        let [red, green, blue, alpha] = code.to_be_bytes();
        Rgba { red, green, blue, alpha }
    }
}

/// One pixel of something drawn, in the samples of the frame it is drawn on, each multiplied by
/// the opacity: `samples[i]` is 0..=255 × `alpha`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Texel {
    pub samples: [u32; 3],
    pub alpha: u32,
}

/// How the colours of one frame are written as samples.
#[derive(Clone, Copy)]
pub(super) enum Palette {
    Rgb,
    /// `rows[i]` weighs red, green and blue in 1/2¹⁴; `zero[i]` is the sample of black.
    Yuv {
        rows: [[i32; 3]; 3],
        zero: [i32; 3],
    },
}

const ONE: f32 = (1 << 14) as f32;

impl Palette {
    pub fn of(format: FrameFormat) -> Palette {
        if format.pixel.is_rgb() {
            return Palette::Rgb;
        }
        let (kr, kb) = red_and_blue(format);
        let kg = 1.0 - kr - kb;
        let (luma, chroma, black) = match format.colour.range {
            Range::Limited => (219.0 / 255.0, 224.0 / 255.0, 16),
            Range::Full => (1.0, 1.0, 0),
        };
        let row = |scale: f32, weights: [f32; 3]| weights.map(|weight| (weight * scale * ONE).round() as i32);
        let rows = [
            row(luma, [kr, kg, kb]),
            row(chroma * 0.5 / (1.0 - kb), [-kr, -kg, 1.0 - kb]),
            row(chroma * 0.5 / (1.0 - kr), [1.0 - kr, -kg, -kb]),
        ];
        Palette::Yuv { rows, zero: [black, 128, 128] }
    }

    /// The texel of a colour at `coverage` (0..=255) of its own opacity.
    pub fn texel(&self, colour: Rgba, coverage: u8) -> Texel {
        let alpha = (u32::from(colour.alpha) * u32::from(coverage) + 127) / 255;
        Texel { samples: self.samples(colour).map(|sample| u32::from(sample) * alpha), alpha }
    }

    /// The samples that stand for a colour, its opacity left aside.
    pub fn samples(&self, colour: Rgba) -> [u8; 3] {
        let texel = self.premultiplied([colour.red, colour.green, colour.blue, 255]);
        texel.samples.map(|sample| ((sample + 127) / 255) as u8)
    }

    /// The texel of a premultiplied colour.
    pub fn premultiplied(&self, [red, green, blue, alpha]: [u8; 4]) -> Texel {
        // A colour above its own opacity is no colour; held at it, nothing can overflow.
        let rgb = [red, green, blue].map(|part| i32::from(part.min(alpha)));
        let most = i32::from(alpha) * 255;
        let samples = match self {
            Palette::Rgb => rgb.map(|part| (part * 255) as u32),
            Palette::Yuv { rows, zero } => std::array::from_fn(|i| {
                let mixed: i32 = (0..3).map(|part| rows[i][part] * rgb[part]).sum();
                let sample = (i64::from(mixed) * 255 + (1 << 13)) >> 14;
                (sample as i32 + zero[i] * i32::from(alpha)).clamp(0, most) as u32
            }),
        };
        Texel { samples, alpha: u32::from(alpha) }
    }
}

/// The weights of red and blue in luma.
pub(super) fn red_and_blue(format: FrameFormat) -> (f32, f32) {
    match known_matrix(format).0 {
        4 => (0.30, 0.11),
        5 | 6 => (0.299, 0.114),
        7 => (0.212, 0.087),
        9 | 10 => (0.2627, 0.0593),
        _ => (0.2126, 0.0722),
    }
}

/// The matrix of a frame, or what such a frame is taken for where it does not say.
fn known_matrix(format: FrameFormat) -> Matrix {
    match format.colour.matrix {
        Matrix::UNSPECIFIED | Matrix::IDENTITY => Colour::assumed(format.pixel, format.size).matrix,
        matrix => matrix,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{PixelFormat, Size};

    fn palette(matrix: Matrix, range: Range) -> Palette {
        let mut format = FrameFormat::new(PixelFormat::I420, Size::new(16, 16).unwrap());
        format.colour = Colour { matrix, range };
        Palette::of(format)
    }

    #[test]
    fn colours_follow_the_matrix_and_range_of_the_frame() {
        let hd = palette(Matrix::BT709, Range::Limited);
        assert_eq!(hd.samples(Rgba::WHITE), [235, 128, 128]);
        assert_eq!(hd.samples(Rgba::BLACK), [16, 128, 128]);
        assert_eq!(hd.samples(Rgba::opaque(255, 0, 0)), [63, 102, 240]);
        let sd = palette(Matrix::BT601, Range::Limited);
        assert_eq!(sd.samples(Rgba::opaque(255, 0, 0)), [81, 90, 240]);
        let jpeg = palette(Matrix::BT601, Range::Full);
        assert_eq!(jpeg.samples(Rgba::WHITE), [255, 128, 128]);
        assert_eq!(jpeg.samples(Rgba::opaque(0, 0, 255)), [29, 255, 107]);
    }

    #[test]
    fn a_premultiplied_colour_above_its_opacity_is_held_at_it() {
        for matrix in [Matrix::BT601, Matrix::BT709] {
            let texel = palette(matrix, Range::Full).premultiplied([255, 255, 255, 10]);
            assert!(texel.samples.iter().all(|&sample| sample <= 2550), "{texel:?}");
        }
    }
}
