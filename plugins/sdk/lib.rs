//! Write Framegate plugins: code that sees or changes every frame of a live video, in a sandbox.
//!
//! A plugin is a type with two `impl` blocks: [`Plugin`] says what it is and takes its settings;
//! one of [`Filter`], [`Detector`], [`Overlay`] and [`Analyzer`] does the work. One macro line
//! makes it a component.
//!
//! ```
//! use framegate_sdk::prelude::*;
//!
//! /// Darkens the picture.
//! struct Dim(u8);
//!
//! #[derive(Deserialize, JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! struct Settings {
//!     /// How many times darker.
//!     #[schemars(range(min = 1))]
//!     by: u8,
//! }
//!
//! impl Plugin for Dim {
//!     type Settings = Settings;
//!     const FORMATS: &'static [PixelFormat] = &[PixelFormat::I420];
//!     fn new(settings: Settings) -> Result<Dim> {
//!         Ok(Dim(settings.by.max(1)))
//!     }
//! }
//!
//! impl Filter for Dim {
//!     fn process(&mut self, frame: &mut Frame) -> Result<Verdict> {
//!         frame.edit_bands(0, |band| band.map(|luma| luma / self.0))?;
//!         Ok(Verdict::Pass)
//!     }
//! }
//!
//! framegate_sdk::register_filter!(Dim);
//! # fn main() {}
//! ```
//!
//! # What a plugin may do
//!
//! What a plugin calls decides what it imports, and what it imports is its permission, for all to
//! read in the file. So each trait is handed a type that can do no more than its world:
//! [`Metadata`] (header and annotations) for an analyzer, [`Canvas`] (and drawing) for an overlay,
//! `&`[`Frame`] (and seeing) for a detector, `&mut`[`Frame`] (and changing) for a filter. All of them
//! may show what they are handed to a [`Model`] that the graph names.
//!
//! # On your own machine
//!
//! The same code compiles natively, where [`testing`] stands in for the host: `cargo test` and a
//! debugger work as for any other crate.
//!
//! # Reading order
//!
//! `plugin` (the traits), `metadata`, `canvas`, `frame` (what they are handed, each on top of the
//! one before), `model`, `register` (from a type to a component), `backend` (the seam to the real host and
//! to the mock), `testing`.

mod backend;
mod band;
mod canvas;
mod colour;
mod error;
mod format;
mod frame;
mod host;
mod metadata;
mod model;
mod plugin;
mod register;
#[doc(hidden)]
pub mod run;
mod view;

#[cfg(target_family = "wasm")]
pub mod bindings;
#[cfg(not(target_family = "wasm"))]
pub mod testing;

pub use band::{Band, map};
pub use canvas::{Canvas, Sprite};
pub use colour::Colour;
pub use error::{Error, ErrorKind, Result};
pub use format::{Info, PixelFormat, PlaneShape, Rect, Size};
pub use frame::Frame;
pub use host::{Level, count, gauge, log, time_left};
pub use metadata::{Detection, Metadata, Region};
pub use model::{Model, Numbers, Tensor};
pub use plugin::{Analyzer, Detector, Filter, NoSettings, Overlay, Plugin, Restored, Snapshot, Verdict};
pub use view::{PlaneMut, PlaneRef};

#[doc(hidden)]
pub use register::{About, Slot, report_panics};

/// What nearly every plugin uses.
pub mod prelude {
    pub use crate::{
        Analyzer, Canvas, Colour, Detection, Detector, Error, Filter, Frame, Metadata, NoSettings, Overlay,
        PixelFormat, Plugin, Rect, Region, Result, Size, Verdict,
    };
    pub use schemars::JsonSchema;
    pub use serde::Deserialize;
}

// The derives name their crates by path, so an author needs them in scope under these names.
pub use schemars;
pub use serde;
pub use serde_json;

/// The plugin in the project's README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
