//! The pixels: read on first touch, written back when the call has succeeded.

use std::cell::OnceCell;
use std::ops::{Deref, DerefMut};

use crate::backend::{self, Handle};
use crate::view::Held;
use crate::{Canvas, Error, PixelFormat, PlaneMut, PlaneRef, PlaneShape, Rect, Result, Size};

/// No format has more.
const PLANES: usize = 3;

/// A frame, lent for one call. A shared reference sees, an exclusive one also changes.
pub struct Frame<'a> {
    canvas: Canvas<'a>,
    planes: [OnceCell<Held>; PLANES],
    /// Set by the first change. A plugin that never changes a plane then never refers to
    /// `write-rows`, does not import it, and does not ask for that permission.
    write_back: Option<fn(&mut Frame) -> Result<()>>,
    /// What went wrong where no error could be returned; the call fails with it.
    late: Option<Error>,
}

impl<'a> Frame<'a> {
    pub(crate) fn new(handle: &'a Handle) -> Frame<'a> {
        Frame { canvas: Canvas::new(handle), planes: Default::default(), write_back: None, late: None }
    }

    /// A plane. The first touch copies it from the host.
    ///
    /// # Errors
    /// When the frame has no such plane.
    pub fn plane(&self, index: usize) -> Result<PlaneRef<'_>> {
        self.held(index).map(Held::view)
    }

    /// A plane to change. Needs no care on errors: what is not written back was never changed.
    ///
    /// # Errors
    /// When the frame has no such plane.
    pub fn plane_mut(&mut self, index: usize) -> Result<PlaneMut<'_>> {
        self.held(index)?;
        self.write_back = Some(|frame| frame.write_changed());
        let plane = self.planes[index].get_mut().expect("held just above");
        Ok(PlaneMut { plane })
    }

    /// The picture, or `area` of it, scaled to `size` and converted by the host: only the small
    /// result crosses. [`PixelFormat::Gray8`] gives the luma as it stands; [`PixelFormat::Rgb24`]
    /// and [`PixelFormat::Rgba32`] are converted.
    ///
    /// # Errors
    /// An empty size, an area outside the picture, another format.
    pub fn sample(&self, area: Option<Rect>, size: Size, format: PixelFormat) -> Result<Vec<u8>> {
        backend::sample(self.handle, area, size, format)
    }

    /// How many planes the frame has; 0 for a format this sdk does not know.
    pub fn plane_count(&self) -> usize {
        self.format().map_or(0, PixelFormat::plane_count)
    }

    /// # Errors
    /// When the frame has no such plane.
    pub fn plane_shape(&self, index: usize) -> Result<PlaneShape> {
        let shape = self.format().and_then(|format| format.plane(index, self.size));
        shape.ok_or_else(|| {
            Error::invalid(format!("this frame has {} planes, asked for plane {index}", self.plane_count()))
        })
    }

    fn held(&self, index: usize) -> Result<&Held> {
        let shape = self.plane_shape(index)?;
        if let Some(held) = self.planes[index].get() {
            return Ok(held);
        }
        let held = Held::new(backend::read_rows(self.handle, index, 0, shape.rows)?, shape)?;
        Ok(self.planes[index].get_or_init(|| held))
    }

    /// Before the host's copy of a plane is worked on directly: what is held here must not hide it.
    pub(crate) fn release(&mut self, index: usize) -> Result<PlaneShape> {
        let shape = self.plane_shape(index)?;
        self.write_held()?;
        self.planes[index].take();
        Ok(shape)
    }

    /// The call has succeeded: gives the host all changed rows.
    pub(crate) fn commit(&mut self) -> Result<()> {
        self.write_held()?;
        self.late.take().map_or(Ok(()), Err)
    }

    fn write_held(&mut self) -> Result<()> {
        self.write_back.take().map_or(Ok(()), |write_back| write_back(self))
    }

    fn write_changed(&mut self) -> Result<()> {
        let handle = self.canvas.handle;
        for (index, plane) in self.planes.iter_mut().enumerate() {
            let Some(held) = plane.get_mut() else { continue };
            if let Some((first, bytes)) = held.changed() {
                backend::write_rows(handle, index, first, bytes)?;
            }
            held.settle();
        }
        Ok(())
    }
}

impl<'a> Deref for Frame<'a> {
    type Target = Canvas<'a>;

    fn deref(&self) -> &Canvas<'a> {
        &self.canvas
    }
}

impl DerefMut for Frame<'_> {
    /// Drawing happens in the host: it must come on top of what was changed here, and be seen by
    /// what is read afterwards. So held planes go back first.
    fn deref_mut(&mut self) -> &mut Self::Target {
        if let Err(error) = self.write_held() {
            self.late.get_or_insert(error);
        }
        self.planes = Default::default();
        &mut self.canvas
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, Picture};

    fn picture() -> Picture {
        Picture::new(PixelFormat::I420, Size::new(4, 4)).with_plane(0, &[10; 16])
    }

    #[test]
    fn changes_reach_the_host_when_the_call_succeeds_and_only_then() {
        let changed = picture();
        testing::with_frame(&changed, |frame| {
            frame.plane_mut(0)?.row(1).fill(99);
            Ok(())
        })
        .unwrap();
        assert_eq!(changed.plane(0)[4..8], [99; 4]);

        let failed = picture();
        let outcome = testing::with_frame(&failed, |frame| {
            frame.plane_mut(0)?.row(1).fill(99);
            frame.fill_plane(1, 7)?;
            Err::<(), _>(Error::failed("on purpose"))
        });
        assert!(outcome.is_err());
        assert_eq!(failed.plane(0), [10; 16]);
        assert_eq!(failed.plane(1), [0; 4]);
    }

    #[test]
    fn a_band_sees_what_was_changed_through_a_plane() {
        let changed = picture();
        testing::with_frame(&changed, |frame| {
            frame.plane_mut(0)?.bytes().fill(50);
            frame.edit_bands(0, |band| band.bytes.iter_mut().for_each(|byte| *byte += 1))?;
            assert_eq!(frame.plane(0)?.row(3), [51; 4]);
            Ok(())
        })
        .unwrap();
        assert_eq!(changed.plane(0), [51; 16]);
    }

    #[test]
    fn drawing_comes_on_top_of_what_was_changed_before_it() {
        let changed = picture();
        testing::with_frame(&changed, |frame| {
            frame.plane_mut(0)?.bytes().fill(50);
            frame.fill(Rect::new(0, 0, 2, 4), crate::Colour::WHITE)?;
            assert_eq!(frame.plane(0)?.row(3), [235, 235, 50, 50]);
            Ok(())
        })
        .unwrap();
        assert_eq!(changed.plane(0)[..4], [235, 235, 50, 50]);
    }

    #[test]
    fn a_plane_crosses_once_however_often_it_is_read() {
        let read = picture();
        testing::with_frame(&read, |frame| {
            frame.plane(0)?;
            frame.plane(0)?;
            frame.plane_mut(0)?;
            Ok(())
        })
        .unwrap();
        assert_eq!(read.crossings(), testing::Crossings { read: 16, written: 0 });
    }
}
