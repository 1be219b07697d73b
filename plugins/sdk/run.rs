//! One call of a plugin, the same for the real host and for the mock.
//!
//! One function a world, named after its trait, so that the macros can name them.
#![allow(non_snake_case, reason = "a macro forms these names from the traits'")]

use crate::backend::Handle;
use crate::{Canvas, Detection, Frame, Metadata, Result, Verdict};

pub fn Filter<P: crate::Filter>(plugin: &mut P, handle: &Handle) -> Result<Verdict> {
    let mut frame = Frame::new(handle);
    let verdict = plugin.process(&mut frame)?;
    // What a dropped frame looks like is of no use to anybody.
    if verdict == Verdict::Pass {
        frame.commit()?;
    }
    Ok(verdict)
}

pub fn Detector<P: crate::Detector>(plugin: &mut P, handle: &Handle) -> Result<Vec<Detection>> {
    plugin.detect(&Frame::new(handle))
}

pub fn Overlay<P: crate::Overlay>(plugin: &mut P, handle: &Handle) -> Result<Verdict> {
    plugin.paint(&mut Canvas::new(handle))
}

pub fn Analyzer<P: crate::Analyzer>(plugin: &mut P, handle: &Handle) -> Result<Verdict> {
    plugin.analyze(&mut Metadata::new(handle))
}
