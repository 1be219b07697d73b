//! A frame's header and what has been found in it: all that an analyzer is handed.

use std::ops::Deref;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::backend::{self, Handle};
use crate::{Info, Rect, Result, Size};

/// A rectangle in fractions of the picture: 0..=1 from left to right and top to bottom. As a setting, what
/// is left out of it is that of the whole picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// Its left edge.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub x: f32,
    /// Its upper edge.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub y: f32,
    /// Of the picture's width.
    #[serde(default = "all")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub width: f32,
    /// Of the picture's height.
    #[serde(default = "all")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub height: f32,
}

fn all() -> f32 {
    1.0
}

impl Region {
    pub const WHOLE: Region = Region { x: 0.0, y: 0.0, width: 1.0, height: 1.0 };

    /// In the pixels of a picture of `size`, rounded outwards: it covers all the region touches.
    pub fn to_rect(self, size: Size) -> Rect {
        let (width, height) = (size.width as f32, size.height as f32);
        let (left, top) = ((self.x * width).floor(), (self.y * height).floor());
        let (right, bottom) =
            (((self.x + self.width) * width).ceil(), ((self.y + self.height) * height).ceil());
        // Casts of floats saturate, and not-a-number is 0: nothing a setting holds can break this.
        Rect::new(left as i32, top as i32, (right - left) as u32, (bottom - top) as u32)
    }

    /// The part inside the picture; empty where a number is none.
    pub fn clipped(self) -> Region {
        // Unlike `clamp`, these take not-a-number for the lower end.
        let within = |value: f32, low: f32| value.max(low).min(1.0);
        let (x, y) = (within(self.x, 0.0), within(self.y, 0.0));
        let (right, bottom) = (within(self.x + self.width, x), within(self.y + self.height, y));
        Region { x, y, width: right - x, height: bottom - y }
    }
}

/// Something found in a picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Detection {
    /// What it is: `motion`, `face`. At most 64 bytes.
    pub label: String,
    /// How sure the finder is, 0..=1.
    pub score: f32,
    pub region: Region,
    /// The same number for the same thing from frame to frame, where a tracker gives one.
    pub track: Option<u64>,
}

/// A frame's header and what has been found in it. Holding it gives no sight of the pixels.
pub struct Metadata<'a> {
    pub(crate) handle: &'a Handle,
    info: Info,
}

impl<'a> Metadata<'a> {
    pub(crate) fn new(handle: &'a Handle) -> Metadata<'a> {
        Metadata { handle, info: backend::info(handle) }
    }

    /// What nodes before this one, and this call, have found.
    pub fn detections(&self) -> Vec<Detection> {
        backend::detections(self.handle)
    }

    /// # Errors
    /// A box outside the picture, a score outside 0..=1, a label over 64 bytes, too many a frame.
    pub fn add_detections(&mut self, found: &[Detection]) -> Result<()> {
        backend::add_detections(self.handle, found)
    }

    /// Replaces all detections: for a tracker that numbers them, or a plugin that drops some.
    ///
    /// # Errors
    /// As [`Metadata::add_detections`].
    pub fn set_detections(&mut self, found: &[Detection]) -> Result<()> {
        backend::set_detections(self.handle, found)
    }

    pub fn tag(&self, key: &str) -> Option<String> {
        backend::tag(self.handle, key)
    }

    /// Free text by key, for plugins further down.
    ///
    /// # Errors
    /// A key over 64 bytes, a value over 1024, more than 64 tags a frame.
    pub fn set_tag(&mut self, key: &str, value: &str) -> Result<()> {
        backend::set_tag(self.handle, key, value)
    }
}

impl Deref for Metadata<'_> {
    type Target = Info;

    fn deref(&self) -> &Info {
        &self.info
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_a_setting_of_four_numbers() {
        let read = |text: &str| serde_json::from_str::<Region>(text);
        let region = read(r#"{"x": 0.25, "y": 0, "width": 0.5, "height": 1}"#).unwrap();
        assert_eq!(region, Region { x: 0.25, y: 0.0, width: 0.5, height: 1.0 });
        assert!(read(r#"{"x": 0, "y": 0, "width": 1, "hight": 1}"#).is_err());
    }

    #[test]
    fn a_region_in_pixels_covers_all_it_touches() {
        let region = Region { x: 0.1, y: 0.5, width: 0.25, height: 0.5 };
        assert_eq!(region.to_rect(Size::new(64, 48)), Rect::new(6, 24, 17, 24));
    }

    #[test]
    fn a_clipped_region_lies_in_the_picture() {
        let clipped = Region { x: -0.5, y: 0.5, width: 1.0, height: 2.0 }.clipped();
        assert_eq!(clipped, Region { x: 0.0, y: 0.5, width: 0.5, height: 0.5 });
        let nowhere = Region { x: f32::NAN, y: 0.5, width: f32::INFINITY, height: f32::NAN }.clipped();
        assert_eq!(nowhere, Region { x: 0.0, y: 0.5, width: 0.0, height: 0.0 });
    }
}
