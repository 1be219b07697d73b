//! The header of the frame on loan.

use wasmtime::component::Resource;

use super::State;
use crate::media::Range;
use crate::plugin::bindings::frames;
use crate::plugin::bindings::types::FrameInfo;
use crate::plugin::lent::Lent;

impl frames::Host for State {}

impl frames::HostFrame for State {
    fn info(&mut self, _frame: Resource<Lent>) -> wasmtime::Result<FrameInfo> {
        let frame = self.lent()?.header();
        let format = frame.format();
        Ok(FrameInfo {
            sequence: frame.sequence,
            pts_ns: frame.pts.nanos(),
            width: format.size.width(),
            height: format.size.height(),
            format: format.pixel.fourcc(),
            matrix: format.colour.matrix.0,
            full_range: format.colour.range == Range::Full,
        })
    }

    fn drop(&mut self, _frame: Resource<Lent>) -> wasmtime::Result<()> {
        // A guest never owns a frame, so there is nothing to give back.
        Ok(())
    }
}
