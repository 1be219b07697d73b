//! Pixels on their way into the guest and back: the one-copy hand-off.
//!
//! Bound by hand, because generated bindings would put a vector in between each way. What is read
//! is lowered from the plane's own bytes straight into the guest's memory; what is written is read
//! in place from there.

use std::sync::Arc;

use wasmtime::component::{Linker, Resource, WasmList};

use super::{Answer, State, Store, on_loan};
use crate::media::{PixelFormat, Pool, Size};
use crate::pixels::{Sampled, sample};
use crate::plugin::bindings::types::{self, Error};
use crate::plugin::lent::{Lent, failed, invalid, unsupported};
use crate::plugin::lowered::Lowered;

const READ: &str = "framegate:frame/pixels-read@0.1.0";
const WRITE: &str = "framegate:frame/pixels-write@0.1.0";
/// The largest picture that [`sample`] makes, in pixels: more is no sample.
const MOST_SAMPLED: u64 = 4096 * 4096;

pub fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut read = linker.instance(READ)?;
    read.func_wrap("read-rows", read_rows)?;
    read.func_wrap("sample", sampled)?;
    linker.instance(WRITE)?.func_wrap("write-rows", write_rows)
}

fn read_rows(
    mut store: Store<'_>,
    (_source, plane, first, count): (Resource<Lent>, u8, u32, u32),
) -> Answer<Lowered> {
    let State { lent, scratch, crossed, .. } = store.data_mut();
    let rows = on_loan(lent)?.rows(plane, first, count);
    let rows = rows.map(|rows| rows.map_or(Lowered::Nothing, |rows| Lowered::rows(rows, scratch)));
    crossed.read += rows.as_ref().map_or(0, |rows| rows.bytes().len() as u64);
    Ok((rows,))
}

fn write_rows(
    mut store: Store<'_>,
    (_target, plane, first, rows): (Resource<Lent>, u8, u32, WasmList<u8>),
) -> Answer<()> {
    // The rows lie in the guest's memory, which belongs to the store, as does the frame: one of
    // them has to step outside.
    let mut lent = store.data_mut().lent.take();
    let bytes = rows.as_le_slice(&store);
    let count = bytes.len() as u64;
    let written = lent.as_mut().map(|lent| lent.write_rows(plane, first, bytes));
    let state = store.data_mut();
    state.lent = lent;
    state.crossed.written += count;
    match written {
        Some(written) => Ok((written,)),
        None => state.lent().map(|_| unreachable!("the frame was absent a line ago")),
    }
}

fn sampled(
    mut store: Store<'_>,
    (_source, area, width, height, format): (Resource<Lent>, Option<types::Rect>, u32, u32, u32),
) -> Answer<Lowered> {
    let State { lent, scratch, crossed, pool, guard, .. } = store.data_mut();
    let lent = on_loan(lent)?;
    let made =
        sample_of(lent, area, (width, height), format, guard.memory_limit(), pool, Arc::make_mut(scratch));
    let sample = made.map(|()| Lowered::Copied(scratch.clone()));
    crossed.read += sample.as_ref().map_or(0, |sample| sample.bytes().len() as u64);
    Ok((sample,))
}

fn sample_of(
    lent: &mut Lent,
    area: Option<types::Rect>,
    (width, height): (u32, u32),
    format: u32,
    memory: usize,
    pool: &Pool,
    into: &mut Vec<u8>,
) -> Result<(), Error> {
    if width == 0 || height == 0 {
        return Err(invalid(format!("a sample needs at least one pixel each way, got {width}x{height}")));
    }
    let size = Size::new(width, height)
        .filter(|_| u64::from(width) * u64::from(height) <= MOST_SAMPLED)
        .ok_or_else(|| unsupported(format!("a sample of {width}x{height} is larger than this host gives")))?;
    let frame = lent.whole()?;
    let pixel = PixelFormat::from_fourcc(format)
        .filter(|pixel| {
            matches!(pixel, PixelFormat::Gray8 | PixelFormat::Rgb24 | PixelFormat::Rgba32)
                || *pixel == frame.pixel()
        })
        .ok_or_else(|| {
            unsupported(format!(
                "samples come as GREY, RGB3, RGBA or the frame's own format, not {format:#x}"
            ))
        })?;
    // Before it is made: the guest has no room for it, and the host's memory is not counted.
    if pixel.bytes(size) >= memory {
        return Err(unsupported(format!(
            "a sample of {width}x{height} is larger than `limits.memory` allows"
        )));
    }
    match sample(frame, area.map(Into::into), size, pixel, pool, into) {
        Ok(Sampled::Filled) => Ok(()),
        Ok(Sampled::Outside) => Err(invalid("the area to sample lies outside the picture")),
        Err(full) => Err(failed(full.to_string())),
    }
}
