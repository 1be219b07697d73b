//! One raw picture: its planes, its format, its time and what has been found in it.
//!
//! A clone is cheap and shares everything; a writer copies only the planes it writes. Leaves the
//! bytes to `plane` and their memory to `pool`.

use std::sync::{Arc, LazyLock};

use smallvec::SmallVec;

use super::annotations::{Annotations, Region};
use super::format::{FrameFormat, PixelFormat, Size};
use super::plane::{Plane, PlaneMut, PlaneRef};
use super::pool::{Pool, PoolFull};
use super::recycled::Recycled;
use super::time::Pts;

/// One raw picture.
#[derive(Clone)]
pub struct Frame {
    format: FrameFormat,
    planes: SmallVec<[Plane; 3]>,
    /// When it was taken.
    pub pts: Pts,
    /// Counts the frames of one source from 0; gaps are frames that were lost.
    pub sequence: u64,
    /// Which part of its source's picture this is. Regions are fractions of this frame and not of the
    /// whole: who brings together what was found in one part and the picture of another has to move them.
    pub part: Region,
    annotations: Arc<Annotations>,
}

impl Frame {
    /// A frame with memory of its own, its content not yet written.
    ///
    /// # Errors
    /// [`PoolFull`] when the pool is at its limit.
    pub fn pooled(pool: &Pool, format: FrameFormat, pts: Pts, sequence: u64) -> Result<Frame, PoolFull> {
        let shapes = (0..format.pixel.plane_count()).map(|index| format.pixel.plane(index, format.size));
        let planes = shapes.map(|shape| Plane::pooled(pool, shape)).collect::<Result<_, _>>()?;
        Ok(Frame { format, planes, pts, sequence, part: Region::WHOLE, annotations: nothing() })
    }

    /// A frame over planes that exist already. `None` when they are not the planes of `format`.
    pub fn from_planes(
        format: FrameFormat,
        planes: impl IntoIterator<Item = Plane>,
        pts: Pts,
        sequence: u64,
    ) -> Option<Frame> {
        let planes: SmallVec<[Plane; 3]> = planes.into_iter().collect();
        let fits = planes.len() == format.pixel.plane_count()
            && planes
                .iter()
                .enumerate()
                .all(|(i, plane)| plane.view().shape() == format.pixel.plane(i, format.size));
        fits.then(|| Frame { format, planes, pts, sequence, part: Region::WHOLE, annotations: nothing() })
    }

    /// Another picture of the same moment: the same time, sequence number, part and annotations,
    /// other planes. What a filter that scales or converts gives on.
    ///
    /// # Errors
    /// [`PoolFull`] when the pool is at its limit.
    pub fn sibling(&self, pool: &Pool, format: FrameFormat) -> Result<Frame, PoolFull> {
        let mut frame = Frame::pooled(pool, format, self.pts, self.sequence)?;
        self.leave_marks(&mut frame);
        Ok(frame)
    }

    /// Another picture of the same moment over planes that exist already: what a conversion gives
    /// on that keeps some planes as they are. `None` when they are not the planes of `format`.
    pub fn sibling_over(
        &self,
        format: FrameFormat,
        planes: impl IntoIterator<Item = Plane>,
    ) -> Option<Frame> {
        let mut frame = Frame::from_planes(format, planes, self.pts, self.sequence)?;
        self.leave_marks(&mut frame);
        Some(frame)
    }

    fn leave_marks(&self, frame: &mut Frame) {
        frame.part = self.part;
        frame.annotations = self.annotations.clone();
    }

    pub fn format(&self) -> FrameFormat {
        self.format
    }

    pub fn pixel(&self) -> PixelFormat {
        self.format.pixel
    }

    pub fn size(&self) -> Size {
        self.format.size
    }

    pub fn planes(&self) -> &[Plane] {
        &self.planes
    }

    /// # Panics
    /// When the format has no such plane.
    pub fn plane(&self, index: usize) -> PlaneRef<'_> {
        self.planes[index].view()
    }

    /// Write access to one plane, copied first if anybody else holds it.
    ///
    /// # Errors
    /// [`PoolFull`] when a copy is needed and the pool is at its limit.
    ///
    /// # Panics
    /// When the format has no such plane.
    pub fn plane_mut(&mut self, index: usize) -> Result<PlaneMut<'_>, PoolFull> {
        self.planes[index].view_mut()
    }

    /// Write access to all planes at once.
    ///
    /// # Errors
    /// [`PoolFull`] when a copy is needed and the pool is at its limit.
    pub fn planes_mut(&mut self) -> Result<SmallVec<[PlaneMut<'_>; 3]>, PoolFull> {
        self.planes.iter_mut().map(Plane::view_mut).collect()
    }

    /// Puts `plane` in the place of plane `index`: how whole new planes come in without a copy.
    ///
    /// # Panics
    /// When the format has no such plane, or one of another shape.
    pub fn replace_plane(&mut self, index: usize, plane: Plane) {
        assert_eq!(plane.view().shape(), self.planes[index].view().shape(), "planes of different shape");
        self.planes[index] = plane;
    }

    pub fn annotations(&self) -> &Arc<Annotations> {
        &self.annotations
    }

    /// Adds to what has been found, in memory that comes from `memory`: for nodes that do it to each frame.
    pub fn annotate(&mut self, memory: &mut Recycled<Annotations>, change: impl FnOnce(&mut Annotations)) {
        self.annotations = memory.share(|mine| {
            mine.clone_from(&self.annotations);
            change(mine);
        });
    }

    /// Write access to what has been found, copied first if anybody else holds it.
    pub fn annotations_mut(&mut self) -> &mut Annotations {
        Arc::make_mut(&mut self.annotations)
    }
}

/// What has been found in a new frame: it takes no memory for each.
fn nothing() -> Arc<Annotations> {
    static NOTHING: LazyLock<Arc<Annotations>> = LazyLock::new(Arc::default);
    NOTHING.clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Detection;

    fn frame(pool: &Pool) -> Frame {
        let format = FrameFormat::new(PixelFormat::I420, Size::new(5, 3).unwrap());
        Frame::pooled(pool, format, Pts::ZERO, 7).unwrap()
    }

    #[test]
    fn a_writer_copies_only_the_plane_it_writes() {
        let pool = Pool::new(1 << 20);
        let original = frame(&pool);
        let mut changed = original.clone();
        changed.plane_mut(0).unwrap().fill(9);
        assert!(!changed.planes()[0].shares_bytes_with(&original.planes()[0]));
        assert!(changed.planes()[1].shares_bytes_with(&original.planes()[1]));
    }

    #[test]
    fn buffers_return_when_the_last_clone_drops() {
        let pool = Pool::new(1 << 20);
        let first = frame(&pool);
        let second = first.clone();
        drop(first);
        assert_eq!(pool.usage().out, 3);
        drop(second);
        assert_eq!(pool.usage().out, 0);
    }

    #[test]
    fn annotations_are_shared_until_written() {
        let pool = Pool::new(1 << 20);
        let original = frame(&pool);
        let mut annotated = original.clone();
        annotated.annotations_mut().detections.push(Detection::default());
        assert!(original.annotations().detections.is_empty());
        assert_eq!(annotated.sibling(&pool, original.format()).unwrap().annotations().detections.len(), 1);
    }
}
