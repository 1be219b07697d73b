//! How the bytes of a frame are laid out and what they mean: pixel formats, sizes, colour.
//!
//! Owns the exact shape of every plane, odd sizes included. Leaves the bytes to `plane`.

use std::fmt;
use std::str::FromStr;

/// Width and height in pixels, each 1..=16384.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    width: u32,
    height: u32,
}

impl Size {
    pub const MAX: u32 = 16_384;

    /// `None` when a side is 0 or over [`Size::MAX`].
    pub const fn new(width: u32, height: u32) -> Option<Size> {
        match width >= 1 && width <= Size::MAX && height >= 1 && height <= Size::MAX {
            true => Some(Size { width, height }),
            false => None,
        }
    }

    pub const fn width(self) -> u32 {
        self.width
    }

    pub const fn height(self) -> u32 {
        self.height
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl FromStr for Size {
    type Err = String;

    /// Reads `1280x720`.
    fn from_str(text: &str) -> Result<Size, String> {
        let sides =
            text.split_once('x').and_then(|(w, h)| Some((w.trim().parse().ok()?, h.trim().parse().ok()?)));
        let (width, height) = sides.ok_or_else(|| format!("\"{text}\" is not a size like 1280x720"))?;
        Size::new(width, height)
            .ok_or_else(|| format!("each side must be between 1 and {}, got {text}", Size::MAX))
    }
}

/// How pixels are laid out in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PixelFormat {
    /// Planes Y, U, V; chroma halved both ways, rounded up (4:2:0).
    I420,
    /// Planes Y and interleaved U,V; chroma halved both ways, rounded up (4:2:0).
    Nv12,
    /// One plane of luma.
    Gray8,
    /// One plane; bytes R, G, B.
    Rgb24,
    /// One plane; bytes R, G, B, A.
    Rgba32,
}

/// The shape of one plane: `rows` rows of `row_bytes` meaningful bytes, `pixel_bytes` a sample group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaneShape {
    pub rows: usize,
    pub row_bytes: usize,
    /// Bytes from one sample group to the next in a row: 1 for Y, U, V; 2 for interleaved U,V; 3 or 4 for RGB.
    pub pixel_bytes: usize,
}

impl PixelFormat {
    pub const ALL: [PixelFormat; 5] =
        [PixelFormat::I420, PixelFormat::Nv12, PixelFormat::Gray8, PixelFormat::Rgb24, PixelFormat::Rgba32];

    /// As it is written in a graph.
    pub const fn name(self) -> &'static str {
        match self {
            PixelFormat::I420 => "i420",
            PixelFormat::Nv12 => "nv12",
            PixelFormat::Gray8 => "gray8",
            PixelFormat::Rgb24 => "rgb24",
            PixelFormat::Rgba32 => "rgba32",
        }
    }

    /// The FourCC plugins know it by, little endian: `I420`, `NV12`, `GREY`, `RGB3`, `RGBA`.
    pub const fn fourcc(self) -> u32 {
        u32::from_le_bytes(*match self {
            PixelFormat::I420 => b"I420",
            PixelFormat::Nv12 => b"NV12",
            PixelFormat::Gray8 => b"GREY",
            PixelFormat::Rgb24 => b"RGB3",
            PixelFormat::Rgba32 => b"RGBA",
        })
    }

    pub fn from_fourcc(code: u32) -> Option<PixelFormat> {
        PixelFormat::ALL.into_iter().find(|format| format.fourcc() == code)
    }

    pub const fn plane_count(self) -> usize {
        match self {
            PixelFormat::I420 => 3,
            PixelFormat::Nv12 => 2,
            PixelFormat::Gray8 | PixelFormat::Rgb24 | PixelFormat::Rgba32 => 1,
        }
    }

    /// The shape of plane `index` in a picture of `size`. Chroma sides round up, so that a picture
    /// of odd size has chroma for its last row and column.
    ///
    /// # Panics
    /// When the format has no such plane: callers count with [`PixelFormat::plane_count`].
    pub fn plane(self, index: usize, size: Size) -> PlaneShape {
        let (width, height) = (size.width as usize, size.height as usize);
        let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
        let shape =
            |rows, columns, pixel_bytes| PlaneShape { rows, row_bytes: columns * pixel_bytes, pixel_bytes };
        match (self, index) {
            (PixelFormat::I420 | PixelFormat::Nv12 | PixelFormat::Gray8, 0) => shape(height, width, 1),
            (PixelFormat::I420, 1 | 2) => shape(half_height, half_width, 1),
            (PixelFormat::Nv12, 1) => shape(half_height, half_width, 2),
            (PixelFormat::Rgb24, 0) => shape(height, width, 3),
            (PixelFormat::Rgba32, 0) => shape(height, width, 4),
            _ => panic!("{} has {} planes, asked for plane {index}", self.name(), self.plane_count()),
        }
    }

    /// All planes without padding, in bytes.
    pub fn bytes(self, size: Size) -> usize {
        (0..self.plane_count())
            .map(|index| self.plane(index, size))
            .map(|plane| plane.rows * plane.row_bytes)
            .sum()
    }

    /// Whether samples are R, G and B rather than luma and chroma.
    pub const fn is_rgb(self) -> bool {
        matches!(self, PixelFormat::Rgb24 | PixelFormat::Rgba32)
    }
}

impl fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for PixelFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<PixelFormat, String> {
        let known = || PixelFormat::ALL.map(PixelFormat::name).join(", ");
        PixelFormat::ALL
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or_else(|| format!("\"{text}\" is not a pixel format; there are {}", known()))
    }
}

/// Matrix coefficients by their code in ITU-T H.273 table 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Matrix(pub u8);

impl Matrix {
    /// RGB itself.
    pub const IDENTITY: Matrix = Matrix(0);
    /// HD video.
    pub const BT709: Matrix = Matrix(1);
    pub const UNSPECIFIED: Matrix = Matrix(2);
    /// SD video (625 lines; the coefficients of 525 lines, code 6, are the same).
    pub const BT601: Matrix = Matrix(5);
}

/// Which codes stand for black and white.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Range {
    /// Luma 16..=235, chroma 16..=240: what video uses.
    Limited,
    /// 0..=255: what computers and JPEG use.
    Full,
}

/// What the numbers in a frame mean as colour. Carried along, never guessed twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Colour {
    pub matrix: Matrix,
    pub range: Range,
}

impl Colour {
    pub const RGB: Colour = Colour { matrix: Matrix::IDENTITY, range: Range::Full };

    /// What an unlabelled picture of this size and format is taken for: BT.601 below 720 lines,
    /// BT.709 from there on, limited range; RGB is itself.
    pub fn assumed(pixel: PixelFormat, size: Size) -> Colour {
        match (pixel.is_rgb(), size.height < 720) {
            (true, _) => Colour::RGB,
            (false, true) => Colour { matrix: Matrix::BT601, range: Range::Limited },
            (false, false) => Colour { matrix: Matrix::BT709, range: Range::Limited },
        }
    }
}

/// Everything about a frame but its pixels and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameFormat {
    pub pixel: PixelFormat,
    pub size: Size,
    pub colour: Colour,
}

impl FrameFormat {
    /// With the colour such a picture usually has (see [`Colour::assumed`]).
    pub fn new(pixel: PixelFormat, size: Size) -> FrameFormat {
        FrameFormat { pixel, size, colour: Colour::assumed(pixel, size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_pictures_have_chroma_for_their_last_row_and_column() {
        let size = Size::new(1919, 1079).unwrap();
        let chroma = PixelFormat::I420.plane(1, size);
        assert_eq!((chroma.row_bytes, chroma.rows), (960, 540));
        let interleaved = PixelFormat::Nv12.plane(1, size);
        assert_eq!((interleaved.row_bytes, interleaved.rows), (1920, 540));
        let dot = Size::new(1, 1).unwrap();
        assert_eq!(PixelFormat::I420.bytes(dot), 3);
        assert_eq!(PixelFormat::Nv12.bytes(dot), 3);
    }

    #[test]
    fn sizes_are_checked_at_the_border() {
        assert_eq!("1280x720".parse::<Size>().unwrap().to_string(), "1280x720");
        assert!("0x720".parse::<Size>().is_err());
        assert!("20000x2".parse::<Size>().is_err());
        assert!("big".parse::<Size>().is_err());
    }

    #[test]
    fn fourcc_codes_come_back_as_their_format() {
        for format in PixelFormat::ALL {
            assert_eq!(PixelFormat::from_fourcc(format.fourcc()), Some(format));
            assert_eq!(format.name().parse::<PixelFormat>(), Ok(format));
        }
        assert_eq!(PixelFormat::from_fourcc(0), None);
    }
}
