//! WASI with nothing behind it. Language runtimes import parts of it; a plugin gets no file, no
//! network, no environment, no argument and no input from it.
//!
//! Owns what is left: output becomes log lines, waiting traps, and offline even time and chance
//! are the same on every run.

use std::time::{Duration, Instant};

use bytes::Bytes;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::p2::{self, DynOutputStream, DynPollable, OutputStream, Pollable, StreamResult};
use wasmtime_wasi::{
    Deterministic, HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView,
    async_trait,
};

use super::State;
use super::journal::{self, Journal};
use crate::plugin::host::Level;
use crate::plugin::limits::RANDOM_BYTES;

/// The version under which the library links these; a guest's own may be any 0.2.
const POLL: &str = "wasi:io/poll@0.2.12";
const STDOUT: &str = "wasi:cli/stdout@0.2.12";
const STDERR: &str = "wasi:cli/stderr@0.2.12";

/// A WASI context that grants nothing.
pub fn nothing(live: bool) -> WasiCtx {
    let mut builder = WasiCtxBuilder::new();
    builder.max_random_size(RANDOM_BYTES);
    if !live {
        builder
            .secure_random(Deterministic::new(vec![4]))
            .insecure_random(Deterministic::new(vec![4]))
            .insecure_random_seed(4)
            .wall_clock(Still)
            .monotonic_clock(Still);
    }
    builder.build()
}

/// Links WASI. Waiting traps, because no deadline reaches a guest that sleeps in the host; output
/// goes to the journal.
pub fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    p2::add_to_linker_sync(linker)?;
    linker.allow_shadowing(true);
    let mut poll = linker.instance(POLL)?;
    poll.func_wrap("[method]pollable.block", |_, (_this,): (Resource<DynPollable>,)| wait::<()>())?;
    poll.func_wrap("poll", |_, (_all,): (Vec<Resource<DynPollable>>,)| wait::<(Vec<u32>,)>())?;
    linker.instance(STDOUT)?.func_wrap("get-stdout", |store, ()| output(store, Level::Info))?;
    linker.instance(STDERR)?.func_wrap("get-stderr", |store, ()| output(store, Level::Warn))?;
    linker.allow_shadowing(false);
    Ok(())
}

fn output(
    mut store: StoreContextMut<'_, State>,
    level: Level,
) -> wasmtime::Result<(Resource<DynOutputStream>,)> {
    let state = store.data_mut();
    let lines: DynOutputStream = Box::new(Lines { journal: state.journal.clone(), level, rest: Vec::new() });
    Ok((state.table.push(lines)?,))
}

fn wait<T>() -> wasmtime::Result<T> {
    Err(wasmtime::Error::msg("it tried to wait or sleep; a plugin may not, the next frame is its next turn"))
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// A clock that stands still.
struct Still;

impl HostWallClock for Still {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

impl HostMonotonicClock for Still {
    fn resolution(&self) -> u64 {
        1_000_000_000
    }

    fn now(&self) -> u64 {
        0
    }
}

/// Standard output or error, cut into lines on its way into the journal.
struct Lines {
    journal: Journal,
    level: Level,
    rest: Vec<u8>,
}

impl Lines {
    fn say(&mut self) {
        let line = std::mem::take(&mut self.rest);
        if !line.is_empty() {
            self.journal.line(self.level, &String::from_utf8_lossy(&line), Instant::now());
        }
    }
}

#[async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

#[async_trait]
impl OutputStream for Lines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        for &byte in &bytes {
            match byte {
                b'\n' => self.say(),
                byte => self.rest.push(byte),
            }
            if self.rest.len() >= journal::LINE {
                self.say();
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(journal::LINE)
    }
}
