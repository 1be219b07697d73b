//! Drawing for guests: each call is priced first, and painted only if the frame's budget allows it.

use wasmtime::component::Resource;

use super::State;
use crate::media::{Frame, PoolFull, Size};
use crate::pixels::draw::{self as paint, cost};
use crate::pixels::{Rect, Rgba, Sprite};
use crate::plugin::bindings::draw::{Extent, Host, HostSprite};
use crate::plugin::bindings::types::{self, Error};
use crate::plugin::lent::{Lent, failed, invalid};

/// Bytes of all sprites of one plugin.
const SPRITES: usize = 16 << 20;
/// Characters of a text; the rest is cut.
const TEXT: usize = 256;

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl State {
    fn paint(
        &mut self,
        price: impl FnOnce(Size) -> u64,
        brush: impl FnOnce(&mut Frame) -> Result<(), PoolFull>,
    ) -> Answer<()> {
        let lent = self.lent()?;
        let price = price(lent.header().size());
        let Some(left) = lent.drawable.checked_sub(price) else {
            let left = lent.drawable;
            return Ok(Err(failed(format!(
                "drawing {price} more pixels is over this frame's budget, which has {left} left; raise it \
                 with `limits: {{ draw: … }}`"
            ))));
        };
        lent.drawable = left;
        let frame = match lent.whole() {
            Ok(frame) => frame,
            Err(error) => return Ok(Err(error)),
        };
        Ok(brush(frame).map_err(|full| failed(full.to_string())))
    }
}

impl Host for State {
    fn fill(&mut self, _target: Resource<Lent>, area: types::Rect, rgba: u32) -> Answer<()> {
        let area = area.into();
        self.paint(
            |picture| cost::fill(picture, area),
            |frame| paint::fill(frame, area, Rgba::from_u32(rgba)),
        )
    }

    fn outline(
        &mut self,
        _target: Resource<Lent>,
        area: types::Rect,
        thickness: u8,
        rgba: u32,
    ) -> Answer<()> {
        let area = area.into();
        self.paint(
            |picture| cost::outline(picture, area, thickness),
            |frame| paint::outline(frame, area, thickness, Rgba::from_u32(rgba)),
        )
    }

    fn pixelate(&mut self, _target: Resource<Lent>, area: types::Rect, cell: u8) -> Answer<()> {
        if cell < 2 {
            return Ok(Err(invalid(format!(
                "a cell must be at least 2 pixels, or nothing is hidden, got {cell}"
            ))));
        }
        let area = area.into();
        self.paint(|picture| cost::pixelate(picture, area), |frame| paint::pixelate(frame, area, cell))
    }

    fn blur(&mut self, _target: Resource<Lent>, area: types::Rect, radius: u8) -> Answer<()> {
        if radius < 1 {
            return Ok(Err(invalid("a radius must be at least 1, or nothing is hidden, got 0")));
        }
        let area = area.into();
        self.paint(|picture| cost::blur(picture, area), |frame| paint::blur(frame, area, radius))
    }

    fn text(
        &mut self,
        _target: Resource<Lent>,
        x: i32,
        y: i32,
        size: u8,
        rgba: u32,
        value: String,
    ) -> Answer<()> {
        let value = cut(&value);
        self.paint(
            |picture| cost::text(picture, x, y, size, value),
            |frame| paint::text(frame, x, y, size, Rgba::from_u32(rgba), value),
        )
    }

    fn measure(&mut self, size: u8, value: String) -> wasmtime::Result<Extent> {
        let (width, height) = paint::text_size(size, cut(&value));
        Ok(Extent { width, height })
    }
}

impl HostSprite for State {
    fn upload(&mut self, width: u32, height: u32, rgba: Vec<u8>) -> Answer<Resource<Sprite>> {
        let bytes = rgba.len();
        if self.sprites.saturating_add(bytes) > SPRITES {
            let most = SPRITES >> 20;
            return Ok(Err(failed(format!("all sprites of a plugin may have {most} MiB together"))));
        }
        match Sprite::upload(width, height, rgba) {
            Ok(sprite) => {
                self.sprites += bytes;
                Ok(Ok(self.table.push(sprite)?))
            }
            Err(fault) => Ok(Err(invalid(fault.to_string()))),
        }
    }

    fn blit(&mut self, sprite: Resource<Sprite>, _target: Resource<Lent>, x: i32, y: i32) -> Answer<()> {
        // The sprite steps outside for the call, as the frame lies in the same state.
        let table = std::mem::take(&mut self.table);
        let painted = match table.get(&sprite) {
            Ok(sprite) => {
                self.paint(|picture| cost::sprite(picture, sprite, x, y), |frame| sprite.blit(frame, x, y))
            }
            Err(error) => Err(error.into()),
        };
        self.table = table;
        painted
    }

    fn drop(&mut self, sprite: Resource<Sprite>) -> wasmtime::Result<()> {
        let sprite = self.table.delete(sprite)?;
        let size = sprite.size();
        self.sprites = self.sprites.saturating_sub(size.width() as usize * size.height() as usize * 4);
        Ok(())
    }
}

impl From<types::Rect> for Rect {
    fn from(rect: types::Rect) -> Rect {
        let types::Rect { x, y, width, height } = rect;
        Rect { x, y, width, height }
    }
}

fn cut(text: &str) -> &str {
    text.char_indices().nth(TEXT).map_or(text, |(end, _)| &text[..end])
}
