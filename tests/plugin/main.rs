//! Plugins in the real sandbox: what the good ones do, and that no bad one does any harm.
//!
//! `bench` runs one node without a graph. `worlds` holds what each world promises, `hostile` one
//! test for each mode of `plugins/misbehave`, `by_hand` what only hand-written code can do wrong,
//! `portrait` what `plugin inspect` tells, `settings` what `check` says about a plugin node.

mod bench;
mod by_hand;
mod hostile;
#[path = "../../plugins/misbehave/modes.rs"]
mod modes;
mod portrait;
mod settings;
mod worlds;
