//! What a detector found, on its way out of the guest.
//!
//! Owns that it is read straight into memory which serves for every frame: the engine would make a list, and a
//! text for each label, before the guest gets its own back. Leaves what may be found to `host::annotations`.

use std::cell::Cell;
use std::mem;

use wasmtime::component::__internal::wasmtime_environ::component::StringEncoding;
use wasmtime::component::__internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext};
use wasmtime::component::{ComponentType, Lift, WasmList, WasmStr};

use super::host::{DETECTIONS, Exchanged, LABEL};

pub type Item = Exchanged<Label>;

/// A list of detections as the guest gave it; anything may be wrong with it.
pub struct Found(Vec<Item>);

thread_local! {
    static SPARE: Cell<Vec<Item>> = const { Cell::new(Vec::new()) };
}

impl Found {
    fn read(cx: &mut LiftContext<'_>, list: &WasmList<Item>) -> wasmtime::Result<Found> {
        let mut found = Found(SPARE.take());
        found.0.reserve(list.len());
        Item::linear_lift_into_from_memory(cx, list, &mut found.0)?;
        Ok(found)
    }

    pub fn items(&self) -> &[Item] {
        &self.0
    }
}

impl Drop for Found {
    fn drop(&mut self) {
        let mut items = mem::take(&mut self.0);
        items.clear();
        // More than this is no use to anybody, and the bound on copies lets a guest give more.
        items.shrink_to(DETECTIONS);
        SPARE.set(items);
    }
}

/// A label, or how long it would have been.
#[derive(Clone, Copy)]
pub struct Label {
    bytes: [u8; LABEL],
    length: usize,
}

impl Label {
    pub fn of(text: &str) -> Label {
        let (mut bytes, length) = ([0; LABEL], text.len());
        if let Some(room) = bytes.get_mut(..length) {
            room.copy_from_slice(text.as_bytes());
        }
        Label { bytes, length }
    }

    /// # Errors
    /// Its length in bytes, when that is more than [`LABEL`].
    pub fn text(&self) -> Result<&str, usize> {
        let bytes = self.bytes.get(..self.length).ok_or(self.length)?;
        Ok(str::from_utf8(bytes).expect("it was a text"))
    }
}

// SAFETY: whatever is asked of this type is asked of `str`, as the engine does for its own `String`. The
// functions are hidden ones, so an engine that changes them does not compile here.
unsafe impl ComponentType for Label {
    type Lower = <str as ComponentType>::Lower;
    const ABI: CanonicalAbiInfo = <str as ComponentType>::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> wasmtime::Result<()> {
        <str as ComponentType>::typecheck(ty, types)
    }
}

// SAFETY: as above; that the text lies in the guest's memory is left to the engine's own type.
unsafe impl Lift for Label {
    fn linear_lift_from_flat(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        src: &Self::Lower,
    ) -> wasmtime::Result<Label> {
        Ok(Label::of(&String::linear_lift_from_flat(cx, ty, src)?))
    }

    fn linear_lift_from_memory(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        bytes: &[u8],
    ) -> wasmtime::Result<Label> {
        let (Some(start), Some(length)) = (word(bytes, 0), word(bytes, 1)) else {
            return Err(wasmtime::Error::msg("a text is an address and a length"));
        };
        if cx.options().string_encoding != StringEncoding::Utf8 {
            return Ok(Label::of(&String::linear_lift_from_memory(cx, ty, bytes)?));
        }
        WasmStr::linear_lift_from_memory(cx, ty, bytes)?;
        Ok(Label::of(str::from_utf8(&cx.memory()[start..][..length])?))
    }
}

fn word(bytes: &[u8], index: usize) -> Option<usize> {
    let word = bytes.chunks_exact(4).nth(index)?;
    Some(u32::from_le_bytes(word.try_into().ok()?) as usize)
}

// SAFETY: as for `Label`, of a slice.
unsafe impl ComponentType for Found {
    type Lower = <[Item] as ComponentType>::Lower;
    const ABI: CanonicalAbiInfo = <[Item] as ComponentType>::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> wasmtime::Result<()> {
        <[Item] as ComponentType>::typecheck(ty, types)
    }
}

// SAFETY: as for `Label`; that the items lie in the guest's memory is left to the engine's own list.
unsafe impl Lift for Found {
    fn linear_lift_from_flat(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        src: &Self::Lower,
    ) -> wasmtime::Result<Found> {
        let list = WasmList::linear_lift_from_flat(cx, ty, src)?;
        Found::read(cx, &list)
    }

    fn linear_lift_from_memory(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        bytes: &[u8],
    ) -> wasmtime::Result<Found> {
        let list = WasmList::linear_lift_from_memory(cx, ty, bytes)?;
        Found::read(cx, &list)
    }
}

#[cfg(test)]
impl From<Vec<Item>> for Found {
    fn from(items: Vec<Item>) -> Found {
        Found(items)
    }
}
