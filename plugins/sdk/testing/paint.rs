//! What was drawn on a mock picture.

use crate::{Colour, Error, Rect, Result, Size};

/// One call of a drawing function.
#[derive(Clone, Debug, PartialEq)]
pub enum Painted {
    Fill { area: Rect, colour: Colour },
    Outline { area: Rect, thickness: u8, colour: Colour },
    Pixelate { area: Rect, cell: u8 },
    Blur { area: Rect, radius: u8 },
    Text { x: i32, y: i32, size: u8, colour: Colour, text: String },
    Sprite { x: i32, y: i32, size: Size },
}

/// An uploaded sprite: the mock keeps its size alone.
#[derive(Debug)]
pub struct Sprite {
    pub(crate) size: Size,
}

impl Sprite {
    pub(crate) fn new(size: Size, rgba: &[u8]) -> Result<Sprite> {
        let wanted = size.width as usize * size.height as usize * 4;
        match rgba.len() == wanted && wanted > 0 {
            true => Ok(Sprite { size }),
            false => Err(Error::invalid(format!(
                "a sprite of {}x{} has {wanted} bytes, got {}",
                size.width,
                size.height,
                rgba.len()
            ))),
        }
    }
}

/// Luma of a colour in limited range BT.601, as the mock paints it.
pub(crate) fn luma(colour: Colour) -> u8 {
    let sum = 66 * u32::from(colour.red) + 129 * u32::from(colour.green) + 25 * u32::from(colour.blue);
    (16 + (sum + 128) / 256) as u8
}
