//! Framegate runs a dataflow graph over live video: a camera, sandboxed WASM plugins that look at
//! or change each frame, an H.264 encoder, and a relay that sends one encoded stream to many
//! browsers over WebRTC.

pub mod catalog;
pub mod cli;
pub mod diagnostic;
pub mod graph;
pub mod media;
pub mod node;
pub mod nodes;
pub mod pixels;
pub mod plugin;
pub mod relay;
pub mod run;
pub mod schedule;
pub mod serve;
