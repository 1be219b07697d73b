//! From a camera's buffer to a frame: as it lies there where that can be, else one pass over it.
//!
//! Owns the layouts cameras give and how planes lie in a buffer. A frame over the camera's own memory
//! keeps that buffer from the camera until its last clone drops; so when too few are left to it, or
//! the layout is not what the graph wants, the picture is copied and the buffer goes back at once.

use std::sync::Arc;

use super::session::Loan;
use crate::media::{Frame, FrameFormat, PixelFormat, Plane, Pool, PoolFull, Pts, Size};
use crate::pixels;

/// How a camera lays out its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// As frames have it.
    Frame(PixelFormat),
    /// I420 with U and V changed over.
    Yv12,
    /// Packed 4:2:2: Y, U, Y, V.
    Yuyv,
}

/// All layouts, by the four letters DRM and libcamera know them by.
const LAYOUTS: [([u8; 4], Layout); 8] = [
    (*b"YU12", Layout::Frame(PixelFormat::I420)),
    (*b"NV12", Layout::Frame(PixelFormat::Nv12)),
    (*b"R8  ", Layout::Frame(PixelFormat::Gray8)),
    // Named from the highest byte down: these are the bytes R, G, B (and A) in memory.
    (*b"BG24", Layout::Frame(PixelFormat::Rgb24)),
    (*b"AB24", Layout::Frame(PixelFormat::Rgba32)),
    (*b"YV12", Layout::Yv12),
    (*b"YUYV", Layout::Yuyv),
    (*b"XB24", Layout::Frame(PixelFormat::Rgba32)),
];

impl Layout {
    pub fn of(fourcc: u32) -> Option<Layout> {
        LAYOUTS.iter().find(|(letters, _)| u32::from_le_bytes(*letters) == fourcc).map(|(_, layout)| *layout)
    }

    /// How much work a frame of `to` is from here: 0 is none. The order a camera's offers are tried in.
    pub fn cost(self, to: PixelFormat) -> u32 {
        use PixelFormat::{Gray8, I420, Nv12};
        match (self, to) {
            (Layout::Frame(from), to) if from == to => 0,
            (Layout::Yv12, I420) => 0,
            // The luma plane is all that is read.
            (Layout::Frame(I420 | Nv12) | Layout::Yv12, Gray8) => 1,
            (Layout::Frame(I420 | Nv12) | Layout::Yv12, I420 | Nv12) => 2,
            (Layout::Yuyv, I420) => 3,
            (Layout::Yuyv, _) => 5,
            (Layout::Frame(_) | Layout::Yv12, _) => 4,
        }
    }

    /// What frames made of it are before any conversion.
    fn pixel(self) -> PixelFormat {
        match self {
            Layout::Frame(pixel) => pixel,
            Layout::Yv12 | Layout::Yuyv => PixelFormat::I420,
        }
    }
}

/// What one stream of a camera gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Given {
    pub layout: Layout,
    pub size: Size,
    /// Bytes from row to row of the first plane; libcamera derives the others from it.
    pub stride: usize,
}

/// Whether a frame may keep the camera's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// As it lies there: nothing is copied.
    Memory,
    /// The camera needs its memory back: one copy.
    Copy,
}

/// Why there is no frame.
#[derive(Debug)]
pub enum Lost {
    /// The buffer is too short for the picture it should hold.
    Short,
    Pool(PoolFull),
}

impl From<PoolFull> for Lost {
    fn from(full: PoolFull) -> Lost {
        Lost::Pool(full)
    }
}

/// The frame in stream `stream` of a loan.
///
/// # Errors
/// [`Lost`] when the picture is not whole or there is no memory for it.
pub fn frame(
    loan: &Arc<Loan>,
    stream: usize,
    given: Given,
    to: PixelFormat,
    keep: Keep,
    pool: &Pool,
) -> Result<Frame, Lost> {
    let lent = match given.layout {
        Layout::Yuyv => return Ok(pixels::convert(&unpacked(loan, stream, given, pool)?, to, pool)?),
        Layout::Frame(_) | Layout::Yv12 => lent(loan, stream, given, pool).ok_or(Lost::Short)?,
    };
    match keep {
        Keep::Memory => Ok(pixels::convert(&lent, to, pool)?),
        // Copied before it is converted: a conversion may share the planes that stay as they are.
        Keep::Copy => Ok(pixels::convert(&copied(&lent, pool)?, to, pool)?),
    }
}

/// A frame over the camera's own memory.
fn lent(loan: &Arc<Loan>, stream: usize, given: Given, pool: &Pool) -> Option<Frame> {
    let format = FrameFormat::new(given.layout.pixel(), given.size);
    let places = places(format, given.stride, loan.plane_count(stream));
    let mut planes = Vec::with_capacity(places.len());
    for (index, place) in places.into_iter().enumerate() {
        let bytes = Arc::new(Lent { loan: loan.clone(), stream, plane: place.plane });
        planes.push(Plane::foreign(
            bytes,
            place.offset,
            place.stride,
            format.pixel.plane(index, given.size),
            pool,
        )?);
    }
    if given.layout == Layout::Yv12 {
        planes.swap(1, 2);
    }
    Frame::from_planes(format, planes, Pts::ZERO, 0)
}

fn copied(from: &Frame, pool: &Pool) -> Result<Frame, PoolFull> {
    let mut to = Frame::pooled(pool, from.format(), from.pts, from.sequence)?;
    for index in 0..from.planes().len() {
        to.plane_mut(index)?.copy_from(from.plane(index));
    }
    Ok(to)
}

fn unpacked(loan: &Arc<Loan>, stream: usize, given: Given, pool: &Pool) -> Result<Frame, Lost> {
    let format = FrameFormat::new(PixelFormat::I420, given.size);
    let bytes = loan.plane(stream, 0);
    pixels::from_yuyv(bytes, given.stride, format, pool)?.ok_or(Lost::Short)
}

/// Where a frame's plane lies: in which plane of the buffer, from which byte, how far apart its rows.
#[derive(Debug, PartialEq)]
struct Place {
    plane: usize,
    offset: usize,
    stride: usize,
}

/// The places of all planes. A buffer has a plane for each, or one that holds them one after another.
fn places(format: FrameFormat, stride: usize, buffer_planes: usize) -> Vec<Place> {
    let apart = buffer_planes >= format.pixel.plane_count();
    let mut offset = 0;
    let place = |index| {
        let shape = format.pixel.plane(index, format.size);
        let stride = if format.pixel == PixelFormat::I420 && index > 0 { stride / 2 } else { stride };
        let place = if apart {
            Place { plane: index, offset: 0, stride }
        } else {
            Place { plane: 0, offset, stride }
        };
        offset += stride * shape.rows;
        place
    };
    (0..format.pixel.plane_count()).map(place).collect()
}

/// One plane of a loan, as bytes that give the buffer back when the last holder drops them.
struct Lent {
    loan: Arc<Loan>,
    stream: usize,
    plane: usize,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self.loan.plane(self.stream, self.plane)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(pixel: PixelFormat) -> FrameFormat {
        FrameFormat::new(pixel, Size::new(636, 480).unwrap())
    }

    #[test]
    fn planes_in_one_buffer_follow_each_other_by_their_strides() {
        let offsets = |pixel, stride| {
            places(format(pixel), stride, 1)
                .iter()
                .map(|place| (place.offset, place.stride))
                .collect::<Vec<_>>()
        };
        assert_eq!(offsets(PixelFormat::Nv12, 640), [(0, 640), (640 * 480, 640)]);
        assert_eq!(
            offsets(PixelFormat::I420, 704),
            [(0, 704), (704 * 480, 352), (704 * 480 + 352 * 240, 352)]
        );
    }

    #[test]
    fn planes_in_buffers_of_their_own_start_at_zero() {
        let places = places(format(PixelFormat::Nv12), 640, 2);
        assert_eq!(places[1], Place { plane: 1, offset: 0, stride: 640 });
    }

    #[test]
    fn the_layout_that_needs_the_least_work_is_the_cheapest() {
        let i420 = PixelFormat::I420;
        let mut offers = [Layout::Yuyv, Layout::Frame(PixelFormat::Nv12), Layout::Frame(i420)];
        offers.sort_by_key(|layout| layout.cost(i420));
        assert_eq!(offers, [Layout::Frame(i420), Layout::Frame(PixelFormat::Nv12), Layout::Yuyv]);
    }
}
