//! Text that a guest hands over, used without the heap being asked for a copy of it.

use std::mem;

use wasmtime::component::WasmStr;

use super::{State, Store};

/// Bytes kept for the next text.
const KEPT: usize = 4 << 10;

/// Calls `with` with the state and the text of `said`. That lies in the guest's memory, which belongs to the
/// store, as does the state: it steps outside by way of memory that serves for every text.
///
/// # Errors
/// When it is no text, which traps.
pub fn with_words<T>(
    store: &mut Store<'_>,
    said: &WasmStr,
    with: impl FnOnce(&mut State, &str) -> T,
) -> wasmtime::Result<T> {
    let mut words = mem::take(&mut store.data_mut().words);
    words.clear();
    words.push_str(&said.to_str(&*store)?);
    let state = store.data_mut();
    let made = with(state, &words);
    words.clear();
    words.shrink_to(KEPT);
    state.words = words;
    Ok(made)
}
