//! The mock host: a picture in memory. Twin of `guest.rs`; the mock itself is `testing`.

use std::time::Duration;

use crate::testing::{Input, Painted, journal, models};
pub use crate::testing::{Picture as Handle, Sprite, models::Opened as Model};
use crate::{Colour, Detection, Info, Level, PixelFormat, Rect, Result, Size, Tensor};

pub fn info(handle: &Handle) -> Info {
    handle.info()
}

pub fn read_rows(handle: &Handle, plane: usize, first: usize, count: usize) -> Result<Vec<u8>> {
    handle.read_rows(plane, first, count)
}

pub fn sample(handle: &Handle, area: Option<Rect>, size: Size, format: PixelFormat) -> Result<Vec<u8>> {
    handle.sample(area, size, format)
}

pub fn write_rows(handle: &Handle, plane: usize, first: usize, bytes: &[u8]) -> Result<()> {
    handle.write_rows(plane, first, bytes)
}

pub fn fill(handle: &Handle, area: Rect, colour: Colour) -> Result<()> {
    handle.paint(Painted::Fill { area, colour })
}

pub fn outline(handle: &Handle, area: Rect, thickness: u8, colour: Colour) -> Result<()> {
    handle.paint(Painted::Outline { area, thickness, colour })
}

pub fn pixelate(handle: &Handle, area: Rect, cell: u8) -> Result<()> {
    handle.paint(Painted::Pixelate { area, cell })
}

pub fn blur(handle: &Handle, area: Rect, radius: u8) -> Result<()> {
    handle.paint(Painted::Blur { area, radius })
}

pub fn text(handle: &Handle, x: i32, y: i32, size: u8, colour: Colour, text: &str) -> Result<()> {
    handle.paint(Painted::Text { x, y, size, colour, text: text.into() })
}

pub fn measure(size: u8, text: &str) -> Size {
    // As wide as it is high is about right for two characters of a monospaced font.
    Size::new(u32::from(size) * text.chars().count() as u32 / 2, size.into())
}

pub fn upload(size: Size, rgba: &[u8]) -> Result<Sprite> {
    Sprite::new(size, rgba)
}

pub fn blit(handle: &Handle, sprite: &Sprite, x: i32, y: i32) -> Result<()> {
    handle.paint(Painted::Sprite { x, y, size: sprite.size })
}

pub fn detections(handle: &Handle) -> Vec<Detection> {
    handle.detections()
}

pub fn add_detections(handle: &Handle, found: &[Detection]) -> Result<()> {
    handle.set_detections([handle.detections(), found.to_vec()].concat())
}

pub fn set_detections(handle: &Handle, found: &[Detection]) -> Result<()> {
    handle.set_detections(found.to_vec())
}

pub fn tag(handle: &Handle, key: &str) -> Option<String> {
    handle.tag(key)
}

pub fn set_tag(handle: &Handle, key: &str, value: &str) -> Result<()> {
    handle.set_tag(key, value)
}

pub fn open_model(name: &str) -> Result<Model> {
    models::open(name)
}

pub fn run_frame(model: &Model, handle: &Handle, area: Option<Rect>) -> Result<Vec<Tensor>> {
    model.run(Input::Frame(handle, area))
}

pub fn run(model: &Model, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    model.run(Input::Tensors(inputs))
}

pub fn log(level: Level, message: &str) {
    journal::log(level, message);
}

pub fn gauge(name: &str, value: f64) {
    journal::gauge(name, value);
}

pub fn count(name: &str, delta: u64) {
    journal::count(name, delta);
}

/// A constant, as in the host's offline runs: tests are deterministic.
pub fn time_left() -> Duration {
    Duration::from_millis(33)
}
