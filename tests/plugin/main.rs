//! Plugins in the real sandbox: what the good ones do, and that no bad one does any harm.
//!
//! `bench` runs one node without a graph. `worlds` holds what each world promises, `hostile` one
//! test for each mode of `plugins/misbehave`, `by_hand` what only hand-written code can do wrong,
//! `costly` what is dear to compile,
//! `differential` that the reference plugins do the same natively, `fuzz` what nobody thought of,
//! `unasked` that frames cross without the heap,
//! `faces` that a face is found and hidden in natural footage, `portrait` what `plugin inspect` tells,
//! `sharing`, `encrypted` and `tokens` push, pull and run plugins by way of a real registry, `refused`
//! by one that is none (`desk` is whose hands do it),
//! `settings` what `check` says about a plugin node, `interface` that `wit/v0` keeps to what was
//! released. `graphs` runs whole graphs: `swap` changes a plugin's file under one, `looked` hides what
//! no detector has seen, `survival` lets every mode of misbehaviour loose in one, `identical` holds
//! that workers change no byte of what is written.

mod bench;
mod by_hand;
mod costly;
mod desk;
mod detections;
mod differential;
mod encrypted;
mod faces;
mod fuzz;
mod graphs;
#[path = "../support/heap.rs"]
mod heap;
mod hostile;
mod identical;
mod interface;
mod looked;
#[path = "../../plugins/misbehave/modes.rs"]
mod modes;
mod portrait;
mod refused;
mod settings;
mod sharing;
#[path = "../support/mod.rs"]
mod support;
mod survival;
mod swap;
mod tokens;
mod unasked;
mod worlds;
