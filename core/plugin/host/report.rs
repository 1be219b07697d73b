//! The log, the metrics and the time left.
//!
//! Bound by hand: generated bindings would make a text for each line and each name of a metric.

use std::time::Instant;

use wasmtime::component::{ComponentType, Lift, Linker, WasmStr};

use super::words::with_words;
use super::{Budget, State, Store};

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift)]
#[component(enum)]
#[allow(dead_code, reason = "guests make them")]
#[repr(u8)]
pub enum Level {
    #[component(name = "trace")]
    Trace,
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
}

pub fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut host = linker.instance("framegate:frame/host@0.1.0")?;
    host.func_wrap("log", log)?;
    host.func_wrap("gauge", gauge)?;
    host.func_wrap("count", count)?;
    host.func_wrap("budget-ns", budget_ns)
}

fn log(mut store: Store<'_>, (level, message): (Level, WasmStr)) -> wasmtime::Result<()> {
    with_words(&mut store, &message, |state, message| state.journal.line(level, message, Instant::now()))
}

fn gauge(mut store: Store<'_>, (name, value): (WasmStr, f64)) -> wasmtime::Result<()> {
    with_words(&mut store, &name, |state, name| {
        if let (Some(metric), true) = (state.journal.metric(name), value.is_finite()) {
            // The cast saturates: what is below zero shows as zero.
            metric.set(value.round() as u64);
        }
    })
}

fn count(mut store: Store<'_>, (name, delta): (WasmStr, u64)) -> wasmtime::Result<()> {
    with_words(&mut store, &name, |state, name| {
        if let Some(metric) = state.journal.metric(name) {
            metric.add(delta);
        }
    })
}

fn budget_ns(store: Store<'_>, (): ()) -> wasmtime::Result<(u64,)> {
    let left = match store.data().budget {
        Budget::Until(then) => then.saturating_duration_since(Instant::now()),
        Budget::Constant(time) => time,
    };
    Ok((u64::try_from(left.as_nanos()).unwrap_or(u64::MAX),))
}
