//! JPEG and PNG pictures, as files and as the frames of cameras that compress each on its own.
//!
//! Owns the limits on what a picture may ask for, and telling a whole one from one that is cut short.

use std::fmt;
use std::io::Cursor;

use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, Limits};

use crate::media::{Frame, FrameFormat, PixelFormat, Pool, PoolFull, Pts, Size};

/// The most memory that decoding one picture may take beside the picture itself.
const MOST_MEMORY: u64 = 512 << 20;

/// Why there is no frame of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unshown {
    /// It is damaged, too large or of another sort; the end of a sentence that begins with its name.
    Bad(String),
    /// It is in order, and there is no memory for it now.
    Full(PoolFull),
}

impl fmt::Display for Unshown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unshown::Bad(why) => f.write_str(why),
            Unshown::Full(full) => write!(f, "{full}"),
        }
    }
}

impl From<PoolFull> for Unshown {
    fn from(full: PoolFull) -> Unshown {
        Unshown::Full(full)
    }
}

/// The size that a JPEG or PNG picture says it is shown at, turned as its metadata asks.
///
/// # Errors
/// The end of a sentence that begins with the picture's name.
pub fn still_size(bytes: &[u8]) -> Result<Size, String> {
    let mut decoder = decoder(bytes)?;
    let orientation = orientation(&mut *decoder);
    size(&*decoder, orientation)
}

/// A JPEG or PNG picture as an RGB frame, turned as its metadata asks; what is transparent is shown
/// as if it were not.
///
/// # Errors
/// [`Unshown`].
pub fn from_still(bytes: &[u8], pool: &Pool) -> Result<Frame, Unshown> {
    let mut decoder = decoder(bytes).map_err(Unshown::Bad)?;
    let orientation = orientation(&mut *decoder);
    let size = size(&*decoder, orientation).map_err(Unshown::Bad)?;
    if is_cut_short(bytes) {
        return Err(Unshown::Bad("is cut short".to_owned()));
    }
    let mut frame = Frame::pooled(pool, FrameFormat::new(PixelFormat::Rgb24, size), Pts::ZERO, 0)?;
    let mut plane = frame.plane_mut(0)?;
    let row = plane.row(0).len();
    let unreadable = |error: image::ImageError| Unshown::Bad(format!("cannot be read: {error}"));
    let as_it_is = orientation == Orientation::NoTransforms && decoder.color_type() == ColorType::Rgb8;
    if as_it_is && plane.stride() == row {
        let length = row * size.height() as usize;
        decoder.read_image_boxed(&mut plane.bytes()[..length]).map_err(unreadable)?;
    } else {
        let mut picture = DynamicImage::from_decoder(decoder).map_err(unreadable)?;
        picture.apply_orientation(orientation);
        let picture = picture.into_rgb8();
        for (to, from) in plane.rows().zip(picture.chunks_exact(row)) {
            to.copy_from_slice(from);
        }
    }
    Ok(frame)
}

fn decoder(bytes: &[u8]) -> Result<Box<dyn ImageDecoder + '_>, String> {
    let unreadable = |error: image::ImageError| format!("cannot be read: {error}");
    let mut limits = Limits::default();
    limits.max_image_width = Some(Size::MAX);
    limits.max_image_height = Some(Size::MAX);
    limits.max_alloc = Some(MOST_MEMORY);
    match bytes {
        [0xff, 0xd8, ..] => {
            let mut decoder = JpegDecoder::new(Cursor::new(bytes)).map_err(unreadable)?;
            decoder.set_limits(limits).map_err(unreadable)?;
            Ok(Box::new(decoder))
        }
        [0x89, b'P', b'N', b'G', ..] => {
            Ok(Box::new(PngDecoder::with_limits(Cursor::new(bytes), limits).map_err(unreadable)?))
        }
        _ => Err("is neither JPEG nor PNG".to_owned()),
    }
}

fn orientation(decoder: &mut dyn ImageDecoder) -> Orientation {
    // Metadata that cannot be read turns nothing; the picture may be sound.
    decoder.orientation().unwrap_or(Orientation::NoTransforms)
}

fn size(decoder: &dyn ImageDecoder, orientation: Orientation) -> Result<Size, String> {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    let (mut width, mut height) = decoder.dimensions();
    if matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH) {
        (width, height) = (height, width);
    }
    Size::new(width, height)
        .ok_or_else(|| format!("is {width}x{height}, and at most {0}x{0} is shown", Size::MAX))
}

/// Whether a JPEG picture has no end: decoders fill what is missing with grey and say nothing.
fn is_cut_short(bytes: &[u8]) -> bool {
    const START_OF_SCAN: u8 = 0xda;
    let mut at = 2;
    while let Some(&[0xff, marker, high, low]) = bytes.get(at..at + 4) {
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
        if marker == START_OF_SCAN {
            let scan = bytes.get(at..).unwrap_or_default();
            return !scan.windows(2).any(|pair| pair == [0xff, 0xd9]);
        }
    }
    // Padding between segments, and PNG: the decoder says what is wrong with these.
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::codecs::jpeg::JpegEncoder;
    use image::codecs::png::PngEncoder;
    use image::{ExtendedColorType, ImageEncoder};

    /// Red above, blue below.
    fn pixels(width: u32, height: u32) -> Vec<u8> {
        let row = |y| if y < height / 2 { [220, 30, 30] } else { [30, 30, 220] }.repeat(width as usize);
        (0..height).flat_map(row).collect()
    }

    fn jpeg(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, 95)
            .encode(&pixels(width, height), width, height, ExtendedColorType::Rgb8)
            .unwrap();
        bytes
    }

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        PngEncoder::new(&mut bytes)
            .write_image(&pixels(width, height), width, height, ExtendedColorType::Rgb8)
            .unwrap();
        bytes
    }

    fn pool() -> Pool {
        Pool::new(1 << 20)
    }

    #[test]
    fn both_sorts_are_read_with_and_without_padded_rows() {
        for (width, height) in [(32, 16), (33, 17), (5, 4)] {
            for bytes in [jpeg(width, height), png(width, height)] {
                let frame = from_still(&bytes, &pool()).unwrap();
                assert_eq!(still_size(&bytes), Ok(frame.size()));
                assert_eq!((frame.size().width(), frame.size().height()), (width, height));
                let rows: Vec<&[u8]> = frame.plane(0).rows().collect();
                assert!(rows[0][0] > 180 && rows[0][2] < 80, "{width}: {:?}", &rows[0][..3]);
                let last = rows[height as usize - 1];
                assert!(last[0] < 80 && last[2] > 180, "{width}: {:?}", &last[..3]);
            }
        }
    }

    #[test]
    fn a_picture_is_turned_as_its_metadata_asks() {
        // APP1 with one TIFF entry, Orientation = 6: a quarter turn clockwise.
        let exif: &[u8] = &[
            0xff, 0xe1, 0, 34, b'E', b'x', b'i', b'f', 0, 0, b'M', b'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 18, 0,
            3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0,
        ];
        let plain = jpeg(32, 16);
        let turned = [&plain[..2], exif, &plain[2..]].concat();
        let frame = from_still(&turned, &pool()).unwrap();
        assert_eq!(frame.size().to_string(), "16x32");
        assert_eq!(still_size(&turned), Ok(frame.size()));
        let row = frame.plane(0).rows().next().unwrap();
        assert!(row[0] < 80 && row[45] > 180, "top is on the right: {row:?}");
    }

    #[test]
    fn no_damage_is_a_panic_and_a_cut_picture_is_not_shown() {
        for whole in [jpeg(64, 48), png(64, 48)] {
            for end in 0..whole.len() - 16 {
                let cut = from_still(&whole[..end], &pool());
                assert!(matches!(cut, Err(Unshown::Bad(_))), "shown after {end} of {} bytes", whole.len());
            }
            for at in 0..whole.len() {
                let mut bytes = whole.clone();
                bytes[at] ^= 0x55;
                drop(from_still(&bytes, &pool()));
            }
        }
    }

    #[test]
    fn what_asks_for_too_much_is_refused() {
        let mut bytes = png(8, 8);
        // The header's width, with its checksum left as it was.
        bytes[16..20].copy_from_slice(&100_000_u32.to_be_bytes());
        assert!(matches!(from_still(&bytes, &pool()), Err(Unshown::Bad(_))));
        assert_eq!(
            from_still(&jpeg(64, 48), &Pool::new(100)).err(),
            Some(Unshown::Full(PoolFull { asked: 9216, limit: 100 }))
        );
        assert_eq!(still_size(b"GIF89a"), Err("is neither JPEG nor PNG".to_owned()));
    }
}
