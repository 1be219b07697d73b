//! What is known of a frame without seeing it: size, pixel format, time; and where its planes lie.

/// Width and height in luma pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub width: u32,
    pub height: u32,
}

impl Size {
    pub const fn new(width: u32, height: u32) -> Size {
        Size { width, height }
    }

    /// This size made smaller, in proportion, until neither side is over `limit`; each side is at
    /// least 1. A size that fits already stays.
    pub fn within(self, limit: u32) -> Size {
        let longest = self.width.max(self.height).max(1);
        if longest <= limit {
            return self;
        }
        let scaled = |side: u32| ((u64::from(side) * u64::from(limit) / u64::from(longest)) as u32).max(1);
        Size::new(scaled(self.width), scaled(self.height))
    }
}

/// A rectangle in luma pixels. It may leave the picture: the host clips it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    pub x: i32,
    pub y: i32,
    pub width: u32,
    pub height: u32,
}

impl Rect {
    pub const fn new(x: i32, y: i32, width: u32, height: u32) -> Rect {
        Rect { x, y, width, height }
    }

    /// This rectangle with `by` more pixels on every side.
    pub fn grown(self, by: u32) -> Rect {
        let step = i32::try_from(by).unwrap_or(i32::MAX);
        Rect {
            x: self.x.saturating_sub(step),
            y: self.y.saturating_sub(step),
            width: self.width.saturating_add(by.saturating_mul(2)),
            height: self.height.saturating_add(by.saturating_mul(2)),
        }
    }
}

/// How pixels are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelFormat {
    /// Planes Y, U, V; chroma halved both ways, rounded up. What cameras and encoders use.
    I420,
    /// Planes Y and interleaved U,V; chroma halved both ways, rounded up.
    Nv12,
    /// One plane; bytes R, G, B.
    Rgb24,
    /// One plane; bytes R, G, B, A.
    Rgba32,
    /// One plane of luma.
    Gray8,
}

/// The shape of one plane. A row has no padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaneShape {
    pub rows: usize,
    pub row_bytes: usize,
    /// Bytes from one sample group to the next in a row: 1 for Y, U, V; 2 for interleaved U,V; 3 or 4 for RGB.
    pub pixel_bytes: usize,
}

impl PlaneShape {
    pub const fn bytes(self) -> usize {
        self.rows * self.row_bytes
    }
}

impl PixelFormat {
    const ALL: [PixelFormat; 5] =
        [PixelFormat::I420, PixelFormat::Nv12, PixelFormat::Rgb24, PixelFormat::Rgba32, PixelFormat::Gray8];

    /// The FourCC, little endian.
    pub const fn fourcc(self) -> u32 {
        u32::from_le_bytes(*match self {
            PixelFormat::I420 => b"I420",
            PixelFormat::Nv12 => b"NV12",
            PixelFormat::Rgb24 => b"RGB3",
            PixelFormat::Rgba32 => b"RGBA",
            PixelFormat::Gray8 => b"GREY",
        })
    }

    /// `None` for a format this sdk does not know.
    pub fn from_fourcc(code: u32) -> Option<PixelFormat> {
        PixelFormat::ALL.into_iter().find(|format| format.fourcc() == code)
    }

    pub const fn plane_count(self) -> usize {
        match self {
            PixelFormat::I420 => 3,
            PixelFormat::Nv12 => 2,
            PixelFormat::Rgb24 | PixelFormat::Rgba32 | PixelFormat::Gray8 => 1,
        }
    }

    /// The shape of plane `index` in a picture of `size`; `None` when the format has no such plane.
    pub fn plane(self, index: usize, size: Size) -> Option<PlaneShape> {
        let (width, height) = (size.width as usize, size.height as usize);
        let shape = |rows, columns, pixel_bytes| {
            Some(PlaneShape { rows, row_bytes: columns * pixel_bytes, pixel_bytes })
        };
        match (self, index) {
            (PixelFormat::I420 | PixelFormat::Nv12 | PixelFormat::Gray8, 0) => shape(height, width, 1),
            (PixelFormat::I420, 1 | 2) => shape(height.div_ceil(2), width.div_ceil(2), 1),
            (PixelFormat::Nv12, 1) => shape(height.div_ceil(2), width.div_ceil(2), 2),
            (PixelFormat::Rgb24, 0) => shape(height, width, 3),
            (PixelFormat::Rgba32, 0) => shape(height, width, 4),
            _ => None,
        }
    }
}

/// What is known of a frame without seeing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// Counts the frames of one source from 0; a gap is a lost frame.
    pub sequence: u64,
    /// When the picture was taken, in nanoseconds on the graph's clock; rises from frame to frame.
    pub pts_ns: i64,
    pub size: Size,
    /// The FourCC as the host gave it; [`Info::format`] reads it.
    pub fourcc: u32,
    /// ITU-T H.273 MatrixCoefficients: 1 is BT.709, 6 is BT.601, 2 is unspecified.
    pub matrix: u8,
    /// Luma uses 0..=255 rather than 16..=235.
    pub full_range: bool,
}

impl Info {
    /// `None` for a format this sdk does not know; it may still be drawn on.
    pub fn format(&self) -> Option<PixelFormat> {
        PixelFormat::from_fourcc(self.fourcc)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_shrinks_in_proportion_and_never_to_nothing() {
        assert_eq!(Size::new(1280, 720).within(320), Size::new(320, 180));
        assert_eq!(Size::new(64, 48).within(320), Size::new(64, 48));
        assert_eq!(Size::new(10_000, 1).within(320), Size::new(320, 1));
    }

    #[test]
    fn chroma_of_an_odd_picture_has_its_last_row_and_column() {
        let chroma = PixelFormat::I420.plane(1, Size::new(5, 3));
        assert_eq!(chroma, Some(PlaneShape { rows: 2, row_bytes: 3, pixel_bytes: 1 }));
        assert_eq!(PixelFormat::Nv12.plane(2, Size::new(5, 3)), None);
    }
}
