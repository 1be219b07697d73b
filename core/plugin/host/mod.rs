//! What a guest finds when it calls out: the state of its store and the functions linked to it.
//!
//! One file for each interface of `wit/v0` and `wit/infer`, and one for WASI. Every argument comes from a guest
//! and may be anything: what breaks a rule is an `error` to the guest, what cannot happen by
//! mistake (a handle that does not exist) is a trap.

mod annotations;
mod draw;
mod frames;
mod inference;
pub mod journal;
mod pixels;
mod report;
mod wasi;
mod words;

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::{HasSelf, Linker, ResourceTable};
use wasmtime::{Engine, StoreContextMut};
use wasmtime_wasi::WasiCtx;

pub use annotations::{DETECTIONS, Exchanged, LABEL};
pub use inference::{Opened, Shared};
pub use journal::Journal;
pub use report::Level;

use annotations::{Heard, Told};

use super::bindings::{self, types};
use super::lent::Lent;
use super::limits::{Guard, Limits};
use crate::media::Pool;
use crate::node::Halt;

/// What a host function is called with, and what it gives where it can refuse.
type Store<'a> = StoreContextMut<'a, State>;
type Answer<T> = wasmtime::Result<(Result<T, types::Error>,)>;

/// What belongs to one instance.
pub struct State {
    /// The frame it may see now; only during a call that has one.
    pub lent: Option<Lent>,
    pub guard: Guard,
    pub journal: Journal,
    pub pool: Pool,
    /// When the running call is stopped.
    pub deadline: Instant,
    pub halt: Halt,
    /// Pixels that have crossed since a frame was lent.
    pub crossed: Crossed,
    /// The models it may open.
    pub models: Shared,
    budget: Budget,
    /// Where what is handed over is put together, again and again: at most a `limits.memory` of it.
    scratch: Arc<Vec<u8>>,
    /// What it says it has found.
    pub heard: Heard,
    told: Arc<Vec<Told>>,
    words: String,
    /// Bytes in all its sprites.
    sprites: usize,
    table: ResourceTable,
    wasi: WasiCtx,
}

/// Bytes of pixels that crossed the border.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crossed {
    /// Host to guest.
    pub read: u64,
    /// Guest to host.
    pub written: u64,
}

/// What a guest hears when it asks for the time it has left.
#[derive(Clone, Copy)]
pub enum Budget {
    /// Until then.
    Until(Instant),
    /// Always this: offline runs give the same result on every machine.
    Constant(Duration),
}

impl State {
    pub fn new(limits: &Limits, journal: Journal, pool: Pool, halt: Halt, live: bool) -> State {
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.handles);
        let now = Instant::now();
        State {
            lent: None,
            guard: Guard::new(limits),
            wasi: wasi::nothing(live),
            journal,
            pool,
            deadline: now,
            halt,
            crossed: Crossed::default(),
            models: Shared::default(),
            budget: Budget::Until(now),
            scratch: Arc::default(),
            heard: Heard::default(),
            told: Arc::default(),
            words: String::new(),
            sprites: 0,
            table,
        }
    }

    pub fn set_budget(&mut self, budget: Budget) {
        self.budget = budget;
    }

    fn lent(&mut self) -> wasmtime::Result<&mut Lent> {
        on_loan(&mut self.lent)
    }
}

/// The frame on loan.
fn on_loan(lent: &mut Option<Lent>) -> wasmtime::Result<&mut Lent> {
    // Handles are checked before they get here, and none outlives its call.
    lent.as_mut().ok_or_else(|| wasmtime::Error::msg("used a frame outside the call it was lent for"))
}

impl types::Host for State {}

/// Everything a plugin may import, linked. Which of it one plugin does import was checked before.
///
/// # Errors
/// None that a plugin can cause.
pub fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasi::link(&mut linker)?;
    bindings::types::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    bindings::frames::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    bindings::inference::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    annotations::link(&mut linker)?;
    draw::link(&mut linker)?;
    pixels::link(&mut linker)?;
    report::link(&mut linker)?;
    Ok(linker)
}
