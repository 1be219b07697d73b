//! The contract that every kind of node signs.
//!
//! Owns what a kind declares before any instance exists (`kind`, `setting`, `contract`), what an
//! instance does (`roles`), what it is handed when it is built (`site`), how wishes travel
//! upstream (`wish`) and how a failure is told (`error`). Knows no graph, no thread and no YAML.

mod contract;
mod counters;
mod error;
mod halt;
mod kind;
mod kinds;
mod model;
mod roles;
mod setting;
mod site;
pub mod units;
mod waiting;
mod wish;

pub use contract::SAME_PTS_PATIENCE;
pub use contract::{
    Accepts, Contract, Format, InputPort, Join, OutputPort, Pace, VideoFormat, WhenFull, Work,
};
pub use counters::{Counter, Counters};
pub use error::{NodeError, Then};
pub use halt::Halt;
pub use kind::{About, NodeKind, Role};
pub use kinds::{Absent, Kinds};
pub use model::{Digest, Layout, Model, ModelInput};
pub use roles::{Adjusted, Filter, Flow, Inputs, Node, Output, Sink, Source};
pub use setting::{Misfit, Setting, Settings, Takes, Value, default_json};
pub use site::{Epoch, Site};
pub use waiting::Waiting;
pub use wish::{Handled, Upstream, Wish};
