//! A small picture with opacity, sent once and drawn many times: a logo, a marker.

use std::fmt;

use super::paint;
use crate::media::{Frame, PoolFull, Size};
use crate::pixels::colour::Palette;
use crate::pixels::rect::Rect;

/// A picture of premultiplied red, green, blue and opacity.
pub struct Sprite {
    size: Size,
    rgba: Box<[u8]>,
}

/// Why bytes are no sprite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpriteFault {
    /// A side of 0, or over [`Size::MAX`].
    Size { width: u32, height: u32 },
    /// Not four bytes for each pixel.
    Length { bytes: usize, needed: usize },
}

impl fmt::Display for SpriteFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpriteFault::Size { width, height } => {
                write!(f, "each side of a sprite must be between 1 and {}, got {width}x{height}", Size::MAX)
            }
            SpriteFault::Length { bytes, needed } => {
                write!(f, "a sprite of this size takes {needed} bytes, got {bytes}")
            }
        }
    }
}

impl std::error::Error for SpriteFault {}

impl Sprite {
    /// Takes over `width × height` pixels of four bytes: red, green and blue, each already
    /// multiplied by the opacity, then the opacity.
    ///
    /// # Errors
    /// [`SpriteFault`] when a side or the number of bytes does not fit.
    pub fn upload(width: u32, height: u32, rgba: impl Into<Box<[u8]>>) -> Result<Sprite, SpriteFault> {
        let size = Size::new(width, height).ok_or(SpriteFault::Size { width, height })?;
        let rgba = rgba.into();
        let needed = width as usize * height as usize * 4;
        match rgba.len() == needed {
            true => Ok(Sprite { size, rgba }),
            false => Err(SpriteFault::Length { bytes: rgba.len(), needed }),
        }
    }

    pub fn size(&self) -> Size {
        self.size
    }

    /// Draws it with its top left pixel at `x`, `y`.
    ///
    /// # Errors
    /// [`PoolFull`] when a shared plane must be copied and the pool is at its limit.
    pub fn blit(&self, frame: &mut Frame, x: i32, y: i32) -> Result<(), PoolFull> {
        let Some(area) = self.area(x, y).clipped(frame.size()) else {
            return Ok(());
        };
        let palette = Palette::of(frame.format());
        let width = self.size.width() as usize;
        // Inside the clipped area both differences are at least 0.
        let offset = |at: usize, start: i32| (at as i64 - i64::from(start)) as usize;
        paint::each(frame, area, |px, py| {
            let pixel = &self.rgba[(offset(py, y) * width + offset(px, x)) * 4..][..4];
            palette.premultiplied([pixel[0], pixel[1], pixel[2], pixel[3]])
        })
    }

    pub(super) fn area(&self, x: i32, y: i32) -> Rect {
        Rect::new(x, y, self.size.width(), self.size.height())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{FrameFormat, PixelFormat, Pool, Pts};

    #[test]
    fn a_sprite_is_laid_over_the_picture_by_its_opacity_and_clipped() {
        let format = FrameFormat::new(PixelFormat::Rgb24, Size::new(3, 2).unwrap());
        let mut frame = Frame::pooled(&Pool::new(1 << 16), format, Pts::ZERO, 0).unwrap();
        frame.plane_mut(0).unwrap().fill(100);
        let sprite = Sprite::upload(2, 1, vec![255, 0, 0, 255, 64, 64, 64, 128]).unwrap();
        sprite.blit(&mut frame, -1, 0).unwrap();
        sprite.blit(&mut frame, 1, 1).unwrap();
        sprite.blit(&mut frame, i32::MAX, i32::MIN).unwrap();
        assert_eq!(frame.plane(0).row(0), [114, 114, 114, 100, 100, 100, 100, 100, 100]);
        assert_eq!(frame.plane(0).row(1), [100, 100, 100, 255, 0, 0, 114, 114, 114]);
    }

    #[test]
    fn a_grey_sprite_leaves_i420_chroma_neutral() {
        let format = FrameFormat::new(PixelFormat::I420, Size::new(5, 5).unwrap());
        let mut frame = Frame::pooled(&Pool::new(1 << 16), format, Pts::ZERO, 0).unwrap();
        frame.planes_mut().unwrap().iter_mut().for_each(|plane| plane.fill(128));
        Sprite::upload(3, 3, vec![90; 36]).unwrap().blit(&mut frame, 1, 1).unwrap();
        assert!(frame.plane(1).rows().flatten().all(|&sample| sample.abs_diff(128) <= 1));
        assert_ne!(frame.plane(0).row(1)[1], 128);
    }

    #[test]
    fn bytes_that_are_no_sprite_are_refused() {
        assert_eq!(Sprite::upload(0, 4, vec![]).err(), Some(SpriteFault::Size { width: 0, height: 4 }));
        assert_eq!(
            Sprite::upload(2, 2, vec![0; 15]).err(),
            Some(SpriteFault::Length { bytes: 15, needed: 16 })
        );
        assert!(Sprite::upload(u32::MAX, u32::MAX, vec![]).is_err());
    }
}
