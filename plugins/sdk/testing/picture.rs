//! One picture of the mock host, with what was found in it and drawn on it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use super::paint::{Painted, luma};
use super::sample::{Channel, interleave};
use crate::{Detection, Error, ErrorKind, Info, PixelFormat, PlaneShape, Rect, Result, Size};

/// Bytes copied between the mock host and the plugin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crossings {
    /// Host to plugin.
    pub read: usize,
    /// Plugin to host.
    pub written: usize,
}

/// A picture in memory: what a frame is to the mock host.
pub struct Picture {
    format: PixelFormat,
    info: Info,
    content: RefCell<Content>,
    crossings: Cell<Crossings>,
}

/// What a call may change, and what comes back when it fails.
#[derive(Clone, Default)]
struct Content {
    planes: Vec<Vec<u8>>,
    painted: Vec<Painted>,
    detections: Vec<Detection>,
    tags: BTreeMap<String, String>,
}

impl Picture {
    /// All planes zero, taken at time 0. Not a picture anybody would see: write the planes you need.
    pub fn new(format: PixelFormat, size: Size) -> Picture {
        let shapes = (0..format.plane_count()).filter_map(|index| format.plane(index, size));
        let planes = shapes.map(|shape| vec![0; shape.bytes()]).collect();
        let info =
            Info { sequence: 0, pts_ns: 0, size, fourcc: format.fourcc(), matrix: 6, full_range: false };
        Picture {
            format,
            info,
            content: RefCell::new(Content { planes, ..Content::default() }),
            crossings: Cell::default(),
        }
    }

    /// # Panics
    /// When the format has no such plane, or it has another length.
    pub fn with_plane(self, index: usize, bytes: &[u8]) -> Picture {
        self.content.borrow_mut().planes[index].copy_from_slice(bytes);
        self
    }

    pub fn at(mut self, sequence: u64, pts_ns: i64) -> Picture {
        self.info.sequence = sequence;
        self.info.pts_ns = pts_ns;
        self
    }

    /// What nodes before the plugin would have found.
    pub fn with_detections(self, detections: Vec<Detection>) -> Picture {
        self.content.borrow_mut().detections = detections;
        self
    }

    /// What nodes before the plugin, or the host, would have noted.
    pub fn with_tag(self, key: &str, value: &str) -> Picture {
        self.content.borrow_mut().tags.insert(key.into(), value.into());
        self
    }

    pub fn info(&self) -> Info {
        self.info
    }

    pub fn format(&self) -> PixelFormat {
        self.format
    }

    /// # Panics
    /// When the format has no such plane.
    pub fn plane(&self, index: usize) -> Vec<u8> {
        self.content.borrow().planes[index].clone()
    }

    pub fn detections(&self) -> Vec<Detection> {
        self.content.borrow().detections.clone()
    }

    pub fn tag(&self, key: &str) -> Option<String> {
        self.content.borrow().tags.get(key).cloned()
    }

    /// All that was drawn, in order.
    pub fn painted(&self) -> Vec<Painted> {
        self.content.borrow().painted.clone()
    }

    pub fn crossings(&self) -> Crossings {
        self.crossings.get()
    }

    /// Runs `work`; after an error the picture is as it was.
    pub(super) fn commit_if_ok<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let before = self.content.borrow().clone();
        let outcome = work();
        if outcome.is_err() {
            *self.content.borrow_mut() = before;
        }
        outcome
    }

    pub(crate) fn read_rows(&self, plane: usize, first: usize, count: usize) -> Result<Vec<u8>> {
        let shape = self.shape(plane)?;
        let rows = first..first.saturating_add(count).min(shape.rows);
        if rows.start > rows.end {
            return Err(Error::invalid(format!(
                "plane {plane} has {} rows, asked for row {first}",
                shape.rows
            )));
        }
        let bytes =
            &self.content.borrow().planes[plane][rows.start * shape.row_bytes..rows.end * shape.row_bytes];
        self.crossed(bytes.len(), 0);
        Ok(bytes.to_vec())
    }

    pub(crate) fn write_rows(&self, plane: usize, first: usize, bytes: &[u8]) -> Result<()> {
        let shape = self.shape(plane)?;
        let start = first * shape.row_bytes;
        if !bytes.len().is_multiple_of(shape.row_bytes) || start + bytes.len() > shape.bytes() {
            return Err(Error::invalid(format!(
                "{} bytes are no rows of plane {plane} from row {first}",
                bytes.len()
            )));
        }
        self.content.borrow_mut().planes[plane][start..start + bytes.len()].copy_from_slice(bytes);
        self.crossed(0, bytes.len());
        Ok(())
    }

    pub(crate) fn sample(&self, area: Option<Rect>, size: Size, format: PixelFormat) -> Result<Vec<u8>> {
        let whole = Rect::new(0, 0, self.info.size.width, self.info.size.height);
        let area = clip(area.unwrap_or(whole), self.info.size)
            .ok_or_else(|| Error::invalid("the area to sample lies outside the picture"))?;
        if size.width == 0 || size.height == 0 {
            return Err(Error::invalid(format!("a sample of {}x{} is empty", size.width, size.height)));
        }
        let content = self.content.borrow();
        let channel = |plane: usize, pixel_bytes, offset| {
            let row_bytes = self.format.plane(plane, self.info.size).map_or(0, |shape| shape.row_bytes);
            Channel { bytes: &content.planes[plane], row_bytes, pixel_bytes, offset }
        };
        let half = Rect::new(area.x / 2, area.y / 2, area.width.div_ceil(2), area.height.div_ceil(2));
        let pixels = match (self.format, format) {
            (PixelFormat::I420 | PixelFormat::Nv12 | PixelFormat::Gray8, PixelFormat::Gray8) => {
                channel(0, 1, 0).scaled(area, size)
            }
            (PixelFormat::I420, PixelFormat::Rgb24 | PixelFormat::Rgba32) => {
                let [y, u, v] = [(0, area), (1, half), (2, half)]
                    .map(|(plane, area)| channel(plane, 1, 0).scaled(area, size));
                interleave(&y, &u, &v, format)
            }
            _ => {
                return Err(Error::unsupported(format!(
                    "the mock host does not sample {:?} as {format:?}",
                    self.format
                )));
            }
        };
        self.crossed(pixels.len(), 0);
        Ok(pixels)
    }

    /// Notes it down, and paints an opaque fill on the luma.
    pub(crate) fn paint(&self, painted: Painted) -> Result<()> {
        let mut content = self.content.borrow_mut();
        if let (Painted::Fill { area, colour }, PixelFormat::I420 | PixelFormat::Nv12 | PixelFormat::Gray8) =
            (&painted, self.format)
            && colour.alpha == 255
            && let Some(area) = clip(*area, self.info.size)
        {
            let row = self.info.size.width as usize;
            for y in area.y as usize..area.y as usize + area.height as usize {
                content.planes[0][y * row + area.x as usize..][..area.width as usize].fill(luma(*colour));
            }
        }
        content.painted.push(painted);
        Ok(())
    }

    pub(crate) fn set_detections(&self, found: Vec<Detection>) -> Result<()> {
        for detection in &found {
            let region = detection.region;
            let inside = |start: f32, length: f32| start >= 0.0 && length >= 0.0 && start + length <= 1.0001;
            if !inside(region.x, region.width) || !inside(region.y, region.height) {
                return Err(Error::invalid(format!("{region:?} is not inside the picture")));
            }
            if !(0.0..=1.0).contains(&detection.score) {
                return Err(Error::invalid(format!(
                    "a score must be between 0 and 1, got {}",
                    detection.score
                )));
            }
            if detection.label.len() > 64 {
                return Err(Error::invalid(format!("\"{}\" is over 64 bytes", detection.label)));
            }
        }
        self.content.borrow_mut().detections = found;
        Ok(())
    }

    pub(crate) fn set_tag(&self, key: &str, value: &str) -> Result<()> {
        if key.starts_with("looked:") {
            return Err(Error::new(ErrorKind::NotGranted, format!("tag \"{key}\" is the host's to set")));
        }
        if key.len() > 64 || value.len() > 1024 {
            return Err(Error::invalid(format!("tag \"{key}\" is over 64 bytes, or its value over 1024")));
        }
        self.content.borrow_mut().tags.insert(key.into(), value.into());
        Ok(())
    }

    fn shape(&self, plane: usize) -> Result<PlaneShape> {
        let shape = self.format.plane(plane, self.info.size);
        shape.ok_or_else(|| Error::invalid(format!("{:?} has no plane {plane}", self.format)))
    }

    fn crossed(&self, read: usize, written: usize) {
        let so_far = self.crossings.get();
        self.crossings.set(Crossings { read: so_far.read + read, written: so_far.written + written });
    }
}

/// The part of `area` inside a picture of `size`; `None` when there is none.
fn clip(area: Rect, size: Size) -> Option<Rect> {
    let end = |start: i32, length: u32, limit: u32| {
        (i64::from(start) + i64::from(length)).clamp(0, i64::from(limit))
    };
    let (x, y) = (area.x.max(0), area.y.max(0));
    let width = end(area.x, area.width, size.width) - i64::from(x);
    let height = end(area.y, area.height, size.height) - i64::from(y);
    (width > 0 && height > 0).then(|| Rect::new(x, y, width as u32, height as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_the_mean_of_what_falls_into_each_pixel() {
        let picture =
            Picture::new(PixelFormat::Gray8, Size::new(4, 2)).with_plane(0, &[0, 4, 8, 8, 4, 8, 8, 8]);
        assert_eq!(picture.sample(None, Size::new(2, 1), PixelFormat::Gray8).unwrap(), [4, 8]);
        let right = Some(Rect::new(2, 0, 99, 1));
        assert_eq!(picture.sample(right, Size::new(1, 1), PixelFormat::Gray8).unwrap(), [8]);
        assert!(picture.sample(Some(Rect::new(9, 0, 1, 1)), Size::new(1, 1), PixelFormat::Gray8).is_err());
    }

    #[test]
    fn a_colour_sample_is_red_green_blue() {
        let red = Picture::new(PixelFormat::I420, Size::new(2, 2))
            .with_plane(0, &[82; 4])
            .with_plane(1, &[90])
            .with_plane(2, &[240]);
        let pixel = red.sample(None, Size::new(1, 1), PixelFormat::Rgb24).unwrap();
        assert!(pixel[0] > 250 && pixel[1] < 5 && pixel[2] < 5, "{pixel:?}");
    }

    #[test]
    fn what_the_host_would_refuse_is_refused() {
        let picture = Picture::new(PixelFormat::Gray8, Size::new(4, 2));
        assert!(picture.write_rows(0, 1, &[0; 8]).is_err());
        assert!(picture.write_rows(0, 0, &[0; 3]).is_err());
        let nowhere = Detection { score: f32::NAN, ..Detection::default() };
        assert!(picture.set_detections(vec![nowhere]).is_err());
    }
}
