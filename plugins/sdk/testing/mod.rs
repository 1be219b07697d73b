//! A host in memory, so that a plugin can be tested and debugged like any other code.
//!
//! ```
//! use framegate_sdk::prelude::*;
//! use framegate_sdk::testing::{self, Picture};
//!
//! struct Black;
//! impl Plugin for Black {
//!     type Settings = NoSettings;
//!     const FORMATS: &'static [PixelFormat] = &[PixelFormat::Gray8];
//!     fn new(_: NoSettings) -> Result<Black> {
//!         Ok(Black)
//!     }
//! }
//! impl Filter for Black {
//!     fn process(&mut self, frame: &mut Frame) -> Result<Verdict> {
//!         frame.fill_plane(0, 0)?;
//!         Ok(Verdict::Pass)
//!     }
//! }
//!
//! let mut plugin: Black = testing::configure("{}")?;
//! let picture = Picture::new(PixelFormat::Gray8, Size::new(2, 2)).with_plane(0, &[1, 2, 3, 4]);
//! testing::filter(&mut plugin, &picture)?;
//! assert_eq!(picture.plane(0), [0; 4]);
//! # Ok::<(), framegate_sdk::Error>(())
//! ```
//!
//! It keeps the host's rules: a changed picture counts only when the call has succeeded, and values
//! out of range are refused. It paints filled rectangles; other drawing it only notes down. A model is a
//! function that the test gives it.

pub(crate) mod journal;
pub(crate) mod models;
mod paint;
mod picture;
mod sample;
mod y4m;

pub use journal::{Journal, journal};
pub use models::{Input, model};
pub use paint::{Painted, Sprite};
pub use picture::{Crossings, Picture};
pub use y4m::{read_y4m, write_y4m};

use crate::{Analyzer, Detection, Detector, Filter, Frame, Overlay, Plugin, Result, Verdict, run};

/// A plugin from its `with:` block, written as JSON.
///
/// # Errors
/// When these are not its settings, or it refuses them.
pub fn configure<P: Plugin>(json: &str) -> Result<P> {
    P::new(serde_json::from_str(json)?)
}

/// One frame through a filter.
///
/// # Errors
/// The plugin's own; the picture is then as it was.
pub fn filter<P: Filter>(plugin: &mut P, picture: &Picture) -> Result<Verdict> {
    picture.commit_if_ok(|| run::Filter(plugin, picture))
}

/// One frame before a detector. What it finds is added to the picture's detections, and returned.
///
/// # Errors
/// The plugin's own, or a detection the host would refuse.
pub fn detect<P: Detector>(plugin: &mut P, picture: &Picture) -> Result<Vec<Detection>> {
    picture.commit_if_ok(|| {
        let found = run::Detector(plugin, picture)?;
        picture.set_detections([picture.detections(), found.clone()].concat())?;
        Ok(found)
    })
}

/// One frame through an overlay.
///
/// # Errors
/// The plugin's own; the picture is then as it was.
pub fn overlay<P: Overlay>(plugin: &mut P, picture: &Picture) -> Result<Verdict> {
    picture.commit_if_ok(|| run::Overlay(plugin, picture))
}

/// One frame through an analyzer.
///
/// # Errors
/// The plugin's own; the picture is then as it was.
pub fn analyze<P: Analyzer>(plugin: &mut P, picture: &Picture) -> Result<Verdict> {
    picture.commit_if_ok(|| run::Analyzer(plugin, picture))
}

/// A frame to call functions on, outside any plugin.
///
/// # Errors
/// What `work` gives; the picture is then as it was.
pub fn with_frame<T>(picture: &Picture, work: impl FnOnce(&mut Frame) -> Result<T>) -> Result<T> {
    picture.commit_if_ok(|| {
        let mut frame = Frame::new(picture);
        let outcome = work(&mut frame)?;
        frame.commit()?;
        Ok(outcome)
    })
}
