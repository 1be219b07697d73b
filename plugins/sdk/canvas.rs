//! Drawing, done by the host: all that an overlay is handed beyond `Metadata`.

use std::ops::{Deref, DerefMut};

use crate::backend::{self, Handle};
use crate::{Colour, Metadata, Rect, Result, Size};

/// A frame to paint on, unseen. No pixel crosses the border; all is clipped to the picture.
///
/// Every function charges the pixels it touches against a budget per frame, and past that fails
/// and paints nothing.
pub struct Canvas<'a> {
    metadata: Metadata<'a>,
}

impl<'a> Canvas<'a> {
    pub(crate) fn new(handle: &'a Handle) -> Canvas<'a> {
        Canvas { metadata: Metadata::new(handle) }
    }

    pub fn fill(&mut self, area: Rect, colour: Colour) -> Result<()> {
        backend::fill(self.handle, area, colour)
    }

    /// The border of `area`, `thickness` pixels wide, drawn inwards.
    pub fn outline(&mut self, area: Rect, thickness: u8, colour: Colour) -> Result<()> {
        backend::outline(self.handle, area, thickness, colour)
    }

    /// Squares of `cell` pixels (at least 2), each of one colour.
    pub fn pixelate(&mut self, area: Rect, cell: u8) -> Result<()> {
        backend::pixelate(self.handle, area, cell)
    }

    /// A box blur over `2 × radius + 1` pixels each way; `radius` is at least 1.
    pub fn blur(&mut self, area: Rect, radius: u8) -> Result<()> {
        backend::blur(self.handle, area, radius)
    }

    /// One line of monospaced text with its top left corner at `x`, `y`, about `size` pixels high.
    pub fn text(&mut self, x: i32, y: i32, size: u8, colour: Colour, text: &str) -> Result<()> {
        backend::text(self.handle, x, y, size, colour, text)
    }

    /// The space [`Canvas::text`] would take.
    pub fn measure(&self, size: u8, text: &str) -> Size {
        backend::measure(size, text)
    }

    /// With its top left corner at `x`, `y`.
    pub fn blit(&mut self, sprite: &Sprite, x: i32, y: i32) -> Result<()> {
        backend::blit(self.handle, &sprite.0, x, y)
    }
}

impl<'a> Deref for Canvas<'a> {
    type Target = Metadata<'a>;

    fn deref(&self) -> &Metadata<'a> {
        &self.metadata
    }
}

impl DerefMut for Canvas<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.metadata
    }
}

/// A picture the host keeps, sent once and painted often: a logo.
pub struct Sprite(backend::Sprite);

impl Sprite {
    /// `rgba` is `width × height × 4` bytes: red, green, blue, alpha, premultiplied.
    ///
    /// # Errors
    /// When the length does not match the size, or the host keeps no more.
    pub fn upload(size: Size, rgba: &[u8]) -> Result<Sprite> {
        backend::upload(size, rgba).map(Sprite)
    }
}
