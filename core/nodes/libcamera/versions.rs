//! The two generations of the crate, side by side: everything that is not the same in both.
//!
//! `libcamera` is the crate for libcamera 0.4 to 0.7; `libcamera-0-3` is the older one, for Debian
//! 12's 0.0.3. The build script has seen to it that exactly one is on, and the right one.

use std::io;

#[cfg(feature = "libcamera")]
pub use ::libcamera as api;
#[cfg(feature = "libcamera-0-3")]
pub use ::libcamera_0_3 as api;

use api::camera::{ActiveCamera, Camera, CameraConfiguration};
use api::camera_manager::CameraManager;
use api::control::ControlList;
use api::control_value::ControlValue;
use api::controls;
use api::request::Request;

use super::controls::Known;
use super::wanted::Turn;

/// Every camera there is now. The crate ties them to the list they came from, or to nothing; the
/// library itself counts references to each.
pub fn cameras(manager: &CameraManager) -> Vec<Camera<'static>> {
    let list = manager.cameras();
    (0..list.len()).filter_map(|index| list.get(index)).map(|camera| unbound(camera)).collect()
}

fn unbound(camera: Camera<'_>) -> Camera<'static> {
    // SAFETY: the lifetime is a phantom; the camera holds a counted reference of its own and needs
    // no list. It must not outlive the manager, which `owner` ensures: it drops the manager last.
    unsafe { std::mem::transmute::<Camera<'_>, Camera<'static>>(camera) }
}

/// Takes the camera for this process alone.
///
/// # Errors
/// When another has it.
pub fn acquire(camera: &Camera<'static>) -> io::Result<ActiveCamera<'static>> {
    // SAFETY: as above: the active camera holds a counted reference of its own.
    let unbound = |active| unsafe { std::mem::transmute::<ActiveCamera<'_>, ActiveCamera<'static>>(active) };
    camera.acquire().map(unbound).map_err(errno)
}

/// The older crate makes its errors from negative numbers.
pub fn errno(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) if code < 0 => io::Error::from_raw_os_error(-code),
        _ => error,
    }
}

/// Queues `request`. One that is refused is gone: the camera has failed, and its session with it.
///
/// # Errors
/// When the camera has gone or has been stopped.
pub fn queue(camera: &ActiveCamera<'static>, request: Request) -> io::Result<()> {
    let outcome = camera.queue_request(request);
    #[cfg(feature = "libcamera")]
    let outcome = outcome.map_err(|(_request, error)| error);
    outcome.map_err(errno)
}

/// Hears of the camera being unplugged. The older crate has no such signal: there the owner sees
/// that the camera is listed no more.
pub fn on_disconnected(camera: &mut ActiveCamera<'static>, tell: impl FnMut() + Send + 'static) {
    #[cfg(feature = "libcamera")]
    camera.on_disconnected(tell);
    #[cfg(feature = "libcamera-0-3")]
    let _ = (camera, tell);
}

/// What the camera can be told, with ranges. `None` where the crate cannot say.
pub fn known(camera: &Camera<'_>) -> Option<Vec<Known>> {
    #[cfg(feature = "libcamera")]
    return Some(camera.controls().into_iter().filter_map(|(id, range)| describe(id, range)).collect());
    #[cfg(feature = "libcamera-0-3")]
    {
        let _ = camera;
        None
    }
}

#[cfg(feature = "libcamera")]
fn describe(id: u32, range: &api::control::ControlInfo) -> Option<Known> {
    let name = controls::ControlId::try_from(id).ok()?.name();
    Some(Known { id, name, least: number(&range.min()), most: number(&range.max()) })
}

#[cfg(feature = "libcamera")]
fn number(value: &ControlValue) -> Option<f64> {
    match value {
        ControlValue::Int32(all) => all.first().map(|&value| value.into()),
        ControlValue::Int64(all) => all.first().map(|&value| value as f64),
        ControlValue::Float(all) => all.first().map(|&value| value.into()),
        _ => None,
    }
}

/// Asks for a picture that is turned.
///
/// # Errors
/// A sentence, when this library or this camera cannot turn pictures.
pub fn turn(configuration: &mut CameraConfiguration, turn: Turn) -> Result<(), String> {
    if turn == Turn::default() {
        return Ok(());
    }
    #[cfg(feature = "libcamera")]
    {
        configuration.set_orientation(orientation(turn));
        Ok(())
    }
    #[cfg(feature = "libcamera-0-3")]
    {
        let _ = configuration;
        Err("turning pictures needs libcamera 0.4 or newer, and the feature `libcamera`".to_owned())
    }
}

/// Whether the validated configuration still turns pictures as asked.
pub fn turns(configuration: &CameraConfiguration, turn: Turn) -> bool {
    #[cfg(feature = "libcamera")]
    return turn == Turn::default() || configuration.orientation() == orientation(turn);
    #[cfg(feature = "libcamera-0-3")]
    {
        let _ = configuration;
        turn == Turn::default()
    }
}

#[cfg(feature = "libcamera")]
fn orientation(turn: Turn) -> api::camera::Orientation {
    use api::camera::Orientation::{Rotate0, Rotate0Mirror, Rotate180, Rotate180Mirror};
    match (turn.left_right, turn.top_bottom) {
        (false, false) => Rotate0,
        (true, false) => Rotate0Mirror,
        (false, true) => Rotate180Mirror,
        (true, true) => Rotate180,
    }
}

/// Whether a control is one of the camera's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    Taken,
    /// The camera has none of that name: the library says so in its log and nowhere else.
    Unknown,
}

/// Sets control `name` in a request's list. `known` is what [`known`] said of the camera.
///
/// `set` says that all is well whatever becomes of the value; but a request's list drops what its
/// camera does not have, so that looking afterwards tells.
pub fn put(list: &mut ControlList, name: &str, value: ControlValue, known: Option<&[Known]>) -> Put {
    #[cfg(feature = "libcamera")]
    return put_by_number(list, name, value, known.unwrap_or(&[]));
    #[cfg(feature = "libcamera-0-3")]
    {
        let _ = known;
        put_by_type(list, name, value)
    }
}

/// By the camera's own numbers: the crate has a type for a control only where the installed library
/// has that control, and 0.4 has fewer than 0.7.
#[cfg(feature = "libcamera")]
fn put_by_number(list: &mut ControlList, name: &str, value: ControlValue, known: &[Known]) -> Put {
    let Some(found) = known.iter().find(|known| known.name == name) else { return Put::Unknown };
    let taken = list.set_raw(found.id, value).is_ok() && list.contains(found.id);
    if taken { Put::Taken } else { Put::Unknown }
}

#[cfg(feature = "libcamera-0-3")]
macro_rules! by_type {
    ($($control:ident),*) => {
        fn put_by_type(list: &mut ControlList, name: &str, value: ControlValue) -> Put {
            match name {
                $(stringify!($control) => put_as::<controls::$control>(list, value),)*
                _ => Put::Unknown,
            }
        }
    };
}

#[cfg(feature = "libcamera-0-3")]
by_type!(
    AeEnable,
    ExposureTime,
    AnalogueGain,
    ExposureValue,
    Brightness,
    Contrast,
    Saturation,
    Sharpness,
    AwbEnable,
    AwbMode,
    ColourGains,
    AfMode,
    LensPosition,
    NoiseReductionMode,
    ScalerCrop,
    FrameDurationLimits
);

#[cfg(feature = "libcamera-0-3")]
fn put_as<C: api::control::Control>(list: &mut ControlList, value: ControlValue) -> Put {
    let set = C::try_from(value).is_ok_and(|control| list.set(control).is_ok());
    if set && list.get::<C>().is_ok() { Put::Taken } else { Put::Unknown }
}
