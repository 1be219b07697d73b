//! Drawing for guests: each call is priced first, and painted only if the frame's budget allows it.
//!
//! Bound by hand: generated bindings would make a copy of each text.

use wasmtime::component::{ComponentType, Linker, Lower, Resource, ResourceType, WasmStr};

use super::words::with_words;
use super::{Answer, State, Store};
use crate::media::{Frame, PoolFull, Size};
use crate::pixels::draw::{self as paint, cost};
use crate::pixels::{Rect, Rgba, Sprite};
use crate::plugin::bindings::types;
use crate::plugin::lent::{Lent, failed, invalid};

/// Bytes of all sprites of one plugin.
const SPRITES: usize = 16 << 20;
/// Characters of a text; the rest is cut.
const TEXT: usize = 256;

/// What a text would take, in luma pixels.
#[derive(ComponentType, Lower)]
#[component(record)]
struct Extent {
    width: u32,
    height: u32,
}

pub fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut draw = linker.instance("framegate:frame/draw@0.1.0")?;
    draw.func_wrap("fill", fill)?;
    draw.func_wrap("outline", outline)?;
    draw.func_wrap("pixelate", pixelate)?;
    draw.func_wrap("blur", blur)?;
    draw.func_wrap("text", text)?;
    draw.func_wrap("measure", measure)?;
    draw.resource("sprite", ResourceType::host::<Sprite>(), |mut store, sprite| {
        store.data_mut().discard(Resource::new_own(sprite))
    })?;
    draw.func_wrap("[static]sprite.upload", upload)?;
    draw.func_wrap("[method]sprite.blit", blit)
}

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
            return Ok((Err(failed(format!(
                "drawing {price} more pixels is over this frame's budget, which has {left} left; raise it \
                 with `limits: {{ draw: … }}`"
            ))),));
        };
        lent.drawable = left;
        let frame = match lent.whole() {
            Ok(frame) => frame,
            Err(error) => return Ok((Err(error),)),
        };
        Ok((brush(frame).map_err(|full| failed(full.to_string())),))
    }

    fn discard(&mut self, sprite: Resource<Sprite>) -> wasmtime::Result<()> {
        let sprite = self.table.delete(sprite)?;
        let size = sprite.size();
        self.sprites = self.sprites.saturating_sub(size.width() as usize * size.height() as usize * 4);
        Ok(())
    }
}

fn fill(mut store: Store<'_>, (_on, area, rgba): (Resource<Lent>, types::Rect, u32)) -> Answer<()> {
    let area = area.into();
    let price = |picture| cost::fill(picture, area);
    store.data_mut().paint(price, |frame| paint::fill(frame, area, Rgba::from_u32(rgba)))
}

fn outline(
    mut store: Store<'_>,
    (_on, area, thickness, rgba): (Resource<Lent>, types::Rect, u8, u32),
) -> Answer<()> {
    let area = area.into();
    let price = |picture| cost::outline(picture, area, thickness);
    store.data_mut().paint(price, |frame| paint::outline(frame, area, thickness, Rgba::from_u32(rgba)))
}

fn pixelate(mut store: Store<'_>, (_on, area, cell): (Resource<Lent>, types::Rect, u8)) -> Answer<()> {
    if cell < 2 {
        let why = format!("a cell must be at least 2 pixels, or nothing is hidden, got {cell}");
        return Ok((Err(invalid(why)),));
    }
    let area = area.into();
    let price = |picture| cost::pixelate(picture, area);
    store.data_mut().paint(price, |frame| paint::pixelate(frame, area, cell))
}

fn blur(mut store: Store<'_>, (_on, area, radius): (Resource<Lent>, types::Rect, u8)) -> Answer<()> {
    if radius < 1 {
        return Ok((Err(invalid("a radius must be at least 1, or nothing is hidden, got 0")),));
    }
    let area = area.into();
    store.data_mut().paint(|picture| cost::blur(picture, area), |frame| paint::blur(frame, area, radius))
}

fn text(
    mut store: Store<'_>,
    (_on, x, y, size, rgba, value): (Resource<Lent>, i32, i32, u8, u32, WasmStr),
) -> Answer<()> {
    with_words(&mut store, &value, |state, value| {
        let value = cut(value);
        state.paint(
            |picture| cost::text(picture, x, y, size, value),
            |frame| paint::text(frame, x, y, size, Rgba::from_u32(rgba), value),
        )
    })?
}

fn measure(mut store: Store<'_>, (size, value): (u8, WasmStr)) -> wasmtime::Result<(Extent,)> {
    let (width, height) = with_words(&mut store, &value, |_, value| paint::text_size(size, cut(value)))?;
    Ok((Extent { width, height },))
}

fn upload(mut store: Store<'_>, (width, height, rgba): (u32, u32, Vec<u8>)) -> Answer<Resource<Sprite>> {
    let (state, bytes) = (store.data_mut(), rgba.len());
    if state.sprites.saturating_add(bytes) > SPRITES {
        let most = SPRITES >> 20;
        return Ok((Err(failed(format!("all sprites of a plugin may have {most} MiB together"))),));
    }
    match Sprite::upload(width, height, rgba) {
        Ok(sprite) => {
            state.sprites += bytes;
            Ok((Ok(state.table.push(sprite)?),))
        }
        Err(fault) => Ok((Err(invalid(fault.to_string())),)),
    }
}

fn blit(
    mut store: Store<'_>,
    (sprite, _on, x, y): (Resource<Sprite>, Resource<Lent>, i32, i32),
) -> Answer<()> {
    let state = store.data_mut();
    // The sprite steps outside for the call, as the frame lies in the same state.
    let table = std::mem::take(&mut state.table);
    let painted = match table.get(&sprite) {
        Ok(sprite) => {
            state.paint(|picture| cost::sprite(picture, sprite, x, y), |frame| sprite.blit(frame, x, y))
        }
        Err(error) => Err(error.into()),
    };
    state.table = table;
    painted
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
