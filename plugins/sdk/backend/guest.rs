//! The real host, through the generated bindings. Twin of `mock.rs`.

use std::time::Duration;

use crate::bindings::imports::framegate::frame as wit;
use crate::bindings::imports::framegate::infer::inference;
use crate::{
    Colour, Detection, Error, ErrorKind, Info, Level, Numbers, PixelFormat, Rect, Region, Result, Size,
    Tensor,
};

pub type Handle = wit::frames::Frame;
pub type Sprite = wit::draw::Sprite;
pub type Model = inference::Model;

pub fn info(handle: &Handle) -> Info {
    let info = handle.info();
    Info {
        sequence: info.sequence,
        pts_ns: info.pts_ns,
        size: Size::new(info.width, info.height),
        fourcc: info.format,
        matrix: info.matrix,
        full_range: info.full_range,
    }
}

pub fn read_rows(handle: &Handle, plane: usize, first: usize, count: usize) -> Result<Vec<u8>> {
    wit::pixels_read::read_rows(handle, plane as u8, first as u32, count as u32).map_err(inbound)
}

pub fn sample(handle: &Handle, area: Option<Rect>, size: Size, format: PixelFormat) -> Result<Vec<u8>> {
    let area = area.map(rect);
    wit::pixels_read::sample(handle, area, size.width, size.height, format.fourcc()).map_err(inbound)
}

pub fn write_rows(handle: &Handle, plane: usize, first: usize, bytes: &[u8]) -> Result<()> {
    wit::pixels_write::write_rows(handle, plane as u8, first as u32, bytes).map_err(inbound)
}

pub fn fill(handle: &Handle, area: Rect, colour: Colour) -> Result<()> {
    wit::draw::fill(handle, rect(area), colour.to_rgba()).map_err(inbound)
}

pub fn outline(handle: &Handle, area: Rect, thickness: u8, colour: Colour) -> Result<()> {
    wit::draw::outline(handle, rect(area), thickness, colour.to_rgba()).map_err(inbound)
}

pub fn pixelate(handle: &Handle, area: Rect, cell: u8) -> Result<()> {
    wit::draw::pixelate(handle, rect(area), cell).map_err(inbound)
}

pub fn blur(handle: &Handle, area: Rect, radius: u8) -> Result<()> {
    wit::draw::blur(handle, rect(area), radius).map_err(inbound)
}

pub fn text(handle: &Handle, x: i32, y: i32, size: u8, colour: Colour, text: &str) -> Result<()> {
    wit::draw::text(handle, x, y, size, colour.to_rgba(), text).map_err(inbound)
}

pub fn measure(size: u8, text: &str) -> Size {
    let extent = wit::draw::measure(size, text);
    Size::new(extent.width, extent.height)
}

pub fn upload(size: Size, rgba: &[u8]) -> Result<Sprite> {
    Sprite::upload(size.width, size.height, rgba).map_err(inbound)
}

pub fn blit(handle: &Handle, sprite: &Sprite, x: i32, y: i32) -> Result<()> {
    sprite.blit(handle, x, y).map_err(inbound)
}

pub fn detections(handle: &Handle) -> Vec<Detection> {
    wit::annotations::detections(handle).into_iter().map(Detection::from).collect()
}

pub fn add_detections(handle: &Handle, found: &[Detection]) -> Result<()> {
    wit::annotations::add_detections(handle, &outbound(found)).map_err(inbound)
}

pub fn set_detections(handle: &Handle, found: &[Detection]) -> Result<()> {
    wit::annotations::set_detections(handle, &outbound(found)).map_err(inbound)
}

pub fn tag(handle: &Handle, key: &str) -> Option<String> {
    wit::annotations::tag(handle, key)
}

pub fn set_tag(handle: &Handle, key: &str, value: &str) -> Result<()> {
    wit::annotations::set_tag(handle, key, value).map_err(inbound)
}

pub fn open_model(name: &str) -> Result<Model> {
    Model::open(name).map_err(inbound)
}

pub fn run_frame(model: &Model, handle: &Handle, area: Option<Rect>) -> Result<Vec<Tensor>> {
    let outputs = model.run_frame(handle, area.map(rect)).map_err(inbound)?;
    Ok(outputs.into_iter().map(Tensor::from).collect())
}

pub fn run(model: &Model, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    let inputs: Vec<inference::Tensor> = inputs.iter().map(inference::Tensor::from).collect();
    let outputs = model.run(&inputs).map_err(inbound)?;
    Ok(outputs.into_iter().map(Tensor::from).collect())
}

pub fn log(level: Level, message: &str) {
    let level = match level {
        Level::Trace => wit::host::Level::Trace,
        Level::Debug => wit::host::Level::Debug,
        Level::Info => wit::host::Level::Info,
        Level::Warn => wit::host::Level::Warn,
        Level::Error => wit::host::Level::Error,
    };
    wit::host::log(level, message);
}

pub fn gauge(name: &str, value: f64) {
    wit::host::gauge(name, value);
}

pub fn count(name: &str, delta: u64) {
    wit::host::count(name, delta);
}

pub fn time_left() -> Duration {
    Duration::from_nanos(wit::host::budget_ns())
}

fn rect(area: Rect) -> wit::types::Rect {
    wit::types::Rect { x: area.x, y: area.y, width: area.width, height: area.height }
}

fn outbound(found: &[Detection]) -> Vec<wit::types::Detection> {
    found.iter().cloned().map(wit::types::Detection::from).collect()
}

fn inbound(error: wit::types::Error) -> Error {
    let kind = match error.kind {
        wit::types::ErrorKind::InvalidArgument => ErrorKind::InvalidArgument,
        wit::types::ErrorKind::Unsupported => ErrorKind::Unsupported,
        wit::types::ErrorKind::NotGranted => ErrorKind::NotGranted,
        wit::types::ErrorKind::Failed => ErrorKind::Failed,
    };
    Error::new(kind, error.message)
}

impl From<&Tensor> for inference::Tensor {
    fn from(tensor: &Tensor) -> inference::Tensor {
        let (element, data) = match &tensor.numbers {
            Numbers::U8(bytes) => (inference::Element::Uint8, bytes.clone()),
            Numbers::F32(numbers) => (
                inference::Element::Float32,
                numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
            ),
        };
        inference::Tensor { element, shape: tensor.shape.iter().map(|side| *side as u32).collect(), data }
    }
}

impl From<inference::Tensor> for Tensor {
    fn from(tensor: inference::Tensor) -> Tensor {
        let numbers = match tensor.element {
            inference::Element::Uint8 => Numbers::U8(tensor.data),
            inference::Element::Float32 => {
                let (numbers, _) = tensor.data.as_chunks::<4>();
                Numbers::F32(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
            }
        };
        Tensor { shape: tensor.shape.into_iter().map(|side| side as usize).collect(), numbers }
    }
}

impl From<Detection> for wit::types::Detection {
    fn from(found: Detection) -> wit::types::Detection {
        let Region { x, y, width, height } = found.region;
        wit::types::Detection {
            label: found.label,
            score: found.score,
            x,
            y,
            width,
            height,
            track_id: found.track,
        }
    }
}

impl From<wit::types::Detection> for Detection {
    fn from(found: wit::types::Detection) -> Detection {
        let wit::types::Detection { label, score, x, y, width, height, track_id } = found;
        Detection { label, score, region: Region { x, y, width, height }, track: track_id }
    }
}

impl From<Error> for wit::types::Error {
    fn from(error: Error) -> wit::types::Error {
        let kind = match error.kind {
            ErrorKind::InvalidArgument => wit::types::ErrorKind::InvalidArgument,
            ErrorKind::Unsupported => wit::types::ErrorKind::Unsupported,
            ErrorKind::NotGranted => wit::types::ErrorKind::NotGranted,
            ErrorKind::Failed => wit::types::ErrorKind::Failed,
        };
        wit::types::Error { kind, message: error.message }
    }
}
