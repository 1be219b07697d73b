//! One video device: finding it, asking it for a format and controls, and its pictures in turn.
//!
//! Owns everything that names the library, and three of its traps: after a wait in vain its stream
//! queues a buffer twice, so we wait ourselves before we ask it; it panics over controls of sorts it does
//! not know; and when a device has gone, it may panic as it is dropped.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use v4l::buffer::Type;
use v4l::capability::Flags;
use v4l::control::{Control, Description, MenuItem, Type as Sort, Value};
use v4l::frameinterval::FrameIntervalEnum;
use v4l::io::mmap::Stream;
use v4l::io::traits::{CaptureStream, Stream as _};
use v4l::video::Capture as _;
use v4l::video::capture::Parameters;
use v4l::{Device, Format, FourCC, Fraction};

use super::negotiate::{Capture, Choice, Offer, Wanted, choose};
use crate::media::{Rate, Size};

/// Buffers between the driver and us: one being read, one being filled, two in between.
const BUFFERS: u32 = 4;
/// `V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME`.
const FORCE_KEYFRAME: u32 = 0x0099_09e5;

/// What a device is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub path: PathBuf,
    /// The camera's own name, such as `HD Pro Webcam C920`.
    pub model: String,
    /// Where it is plugged in.
    bus: String,
}

/// An open device that gives pictures.
pub struct Camera {
    // Before the device: its buffers are unmapped first.
    stream: Option<Stream<'static>>,
    device: Device,
    pub name: Name,
    pub choice: Choice,
    /// Bytes from row to row, where there are rows.
    pub stride: usize,
}

/// One picture in the driver's memory, until the next is asked for.
pub struct Shot<'a> {
    pub bytes: &'a [u8],
    /// Nanoseconds of the monotonic clock.
    pub stamp: u64,
    pub sequence: u32,
    /// Whether the driver calls it damaged.
    pub damaged: bool,
}

/// What came of waiting.
pub enum Came<T> {
    Picture(T),
    Nothing,
}

/// The device that `wanted` means: a path, or a camera's own name.
///
/// # Errors
/// A sentence with what there is.
pub fn find(wanted: &str) -> Result<Name, String> {
    if wanted.starts_with('/') {
        let device =
            Device::with_path(wanted).map_err(|error| format!("{wanted} cannot be opened: {error}"))?;
        return name(&device, Path::new(wanted)).ok_or_else(|| format!("{wanted} is no camera"));
    }
    let all = cameras();
    let found = all.iter().find(|name| name.model == wanted);
    found.cloned().ok_or_else(|| {
        let names: Vec<String> =
            all.iter().map(|name| format!("{} = \"{}\"", name.path.display(), name.model)).collect();
        let there = if names.is_empty() { "no camera at all".to_owned() } else { names.join(", ") };
        format!("there is no camera \"{wanted}\"; there is {there}")
    })
}

/// The same camera after it was lost: at its place, or under another number.
pub fn find_again(lost: &Name) -> Option<Name> {
    let same = |found: &Name| found.model == lost.model;
    let all = cameras();
    let at_place = all.iter().find(|found| same(found) && found.bus == lost.bus);
    at_place.or_else(|| all.iter().find(|found| same(found))).cloned()
}

fn cameras() -> Vec<Name> {
    let entries = std::fs::read_dir("/dev").into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("video"))
        .map(|entry| entry.path())
        .collect();
    paths.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
    paths.iter().filter_map(|path| name(&Device::with_path(path).ok()?, path)).collect()
}

/// `None`: it gives no pictures, as the second device of each webcam, or is none of ours.
fn name(device: &Device, path: &Path) -> Option<Name> {
    let told = catch_unwind(AssertUnwindSafe(|| device.query_caps())).ok()?.ok()?;
    let gives = told.capabilities.contains(Flags::VIDEO_CAPTURE | Flags::STREAMING);
    gives.then(|| Name { path: path.to_owned(), model: told.card, bus: told.bus })
}

impl Camera {
    /// Opens a camera and sets it up; its stream begins with the first picture asked for.
    ///
    /// # Errors
    /// A sentence.
    pub fn open(name: &Name, wanted: &Wanted, controls: &BTreeMap<String, i64>) -> Result<Camera, String> {
        let told = |error: io::Error| match error.raw_os_error() {
            Some(libc::EBUSY) => format!("\"{}\" is in use by another program", name.model),
            _ => format!("\"{}\": {error}", name.model),
        };
        let device = Device::with_path(&name.path).map_err(told)?;
        let choice = choose(&offers(&device), wanted).map_err(|why| format!("\"{}\" {why}", name.model))?;
        let fourcc = FourCC::new(&choice.capture.fourcc());
        let (width, height) = (choice.size.width(), choice.size.height());
        let given = device.set_format(&Format::new(width, height, fourcc)).map_err(told)?;
        if (given.width, given.height) != (width, height) || given.fourcc != fourcc {
            let (was, is) = (choice.size, format!("{} {}x{}", given.fourcc, given.width, given.height));
            return Err(format!("\"{}\" offers {} {was} and gives {is}", name.model, choice.capture.name()));
        }
        if let Some(rate) = choice.rate {
            // Drivers without a choice refuse to be asked; the pictures say what the rate is.
            drop(device.set_params(&Parameters::new(interval(rate))));
        }
        set(&device, controls).map_err(|why| format!("\"{}\" {why}", name.model))?;
        let stream = begin(&device).map_err(told)?;
        Ok(Camera { stream: Some(stream), device, name: name.clone(), choice, stride: given.stride as usize })
    }

    /// Sets controls while it runs.
    ///
    /// # Errors
    /// The end of a sentence that begins with the camera's name.
    pub fn set(&self, controls: &BTreeMap<String, i64>) -> Result<(), String> {
        set(&self.device, controls)
    }

    /// Asks an encoding camera for a keyframe. Many cannot hear it, and send one every few seconds.
    pub fn ask_for_keyframe(&self) {
        drop(self.device.set_control(Control { id: FORCE_KEYFRAME, value: Value::Integer(1) }));
    }

    /// The next picture, waited for no longer than `wait`.
    ///
    /// # Errors
    /// When the device has gone.
    pub fn next(&mut self, wait: Duration) -> io::Result<Came<Shot<'_>>> {
        if !readable(self.device.handle().fd(), wait)? {
            return Ok(Came::Nothing);
        }
        let stream = self.stream.as_mut().ok_or(ErrorKind::NotConnected)?;
        match CaptureStream::next(stream) {
            Ok((bytes, told)) => Ok(Came::Picture(Shot {
                bytes: &bytes[..bytes.len().min(told.bytesused as usize)],
                stamp: told.timestamp.sec as u64 * 1_000_000_000 + told.timestamp.usec as u64 * 1000,
                sequence: told.sequence,
                damaged: told.flags.contains(v4l::buffer::Flags::ERROR),
            })),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Came::Nothing),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        let stream = self.stream.take();
        // It panics when the driver cannot stop, which is no concern of ours any more.
        drop(catch_unwind(AssertUnwindSafe(|| drop(stream))));
    }
}

/// All buffers but the first are with the driver: the stream's own way is to hand over the last one
/// that was read, which is the first here, before it takes the next.
fn begin(device: &Device) -> io::Result<Stream<'static>> {
    let mut stream = Stream::with_buffers(device, Type::VideoCapture, BUFFERS)?;
    for index in 1..BUFFERS as usize {
        match CaptureStream::queue(&mut stream, index) {
            Ok(()) => {}
            // The driver gave fewer than were asked for.
            Err(_) if index > 1 => break,
            Err(error) => return Err(error),
        }
    }
    stream.start()?;
    // Never more than a moment: there is something to read when it is asked.
    stream.set_timeout(Duration::from_millis(100));
    Ok(stream)
}

fn readable(fd: RawFd, wait: Duration) -> io::Result<bool> {
    let mut waiting = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    let millis = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: one descriptor, which the device that is borrowed by our caller keeps open.
    match unsafe { libc::poll(&raw mut waiting, 1, millis) } {
        0 => Ok(false),
        // Gone: there would be an error at every look, and no wait.
        1.. if waiting.revents & libc::POLLIN == 0 => Err(ErrorKind::NotConnected.into()),
        1.. => Ok(true),
        _ => match io::Error::last_os_error() {
            error if error.kind() == ErrorKind::Interrupted => Ok(false),
            error => Err(error),
        },
    }
}

fn offers(device: &Device) -> Vec<Offer> {
    let mut offers = Vec::new();
    for capture in Capture::ALL {
        let fourcc = FourCC::new(&capture.fourcc());
        for sizes in device.enum_framesizes(fourcc).unwrap_or_default() {
            for size in discrete(sizes.size) {
                let rates = rates(device, fourcc, size);
                offers.push(Offer { capture, size, rates });
            }
        }
    }
    offers
}

/// The sizes of one entry; of a whole range those that people ask for.
fn discrete(sizes: v4l::framesize::FrameSizeEnum) -> Vec<Size> {
    const USUAL: [(u32, u32); 6] =
        [(320, 240), (640, 360), (640, 480), (1280, 720), (1920, 1080), (3840, 2160)];
    match sizes {
        v4l::framesize::FrameSizeEnum::Discrete(size) => {
            Size::new(size.width, size.height).into_iter().collect()
        }
        v4l::framesize::FrameSizeEnum::Stepwise(range) => {
            let inside = |(width, height): &(u32, u32)| {
                let fits = |value: u32, least: u32, most: u32, step: u32| {
                    value >= least && value <= most && (value - least).is_multiple_of(step.max(1))
                };
                fits(*width, range.min_width, range.max_width, range.step_width)
                    && fits(*height, range.min_height, range.max_height, range.step_height)
            };
            USUAL.into_iter().filter(inside).filter_map(|(width, height)| Size::new(width, height)).collect()
        }
    }
}

fn rates(device: &Device, fourcc: FourCC, size: Size) -> Vec<Rate> {
    let intervals = device.enum_frameintervals(fourcc, size.width(), size.height()).unwrap_or_default();
    let mut rates: Vec<Rate> = intervals
        .into_iter()
        .filter_map(|interval| match interval.interval {
            FrameIntervalEnum::Discrete(interval) => Rate::new(interval.denominator, interval.numerator),
            FrameIntervalEnum::Stepwise(_) => None,
        })
        .collect();
    rates.sort_by_key(|rate| rate.interval());
    rates
}

fn interval(rate: Rate) -> Fraction {
    let nanos = rate.interval().as_nanos();
    // To a hundred-thousandth of a picture a second, which every driver's own table is coarser than.
    let per_second = u32::try_from(100_000_000_000_000 / nanos.max(1)).unwrap_or(u32::MAX);
    Fraction::new(100_000, per_second)
}

fn set(device: &Device, wanted: &BTreeMap<String, i64>) -> Result<(), String> {
    if wanted.is_empty() {
        return Ok(());
    }
    let known = catch_unwind(AssertUnwindSafe(|| device.query_controls()));
    let known = known.map_err(|_| "has controls of a sort that is not understood")?;
    let mut known = known.map_err(|error| format!("does not tell its controls: {error}"))?;
    // Headings are listed among them.
    known.retain(|control| control.typ != Sort::CtrlClass);
    for (name, value) in wanted {
        let control = known.iter().find(|control| plain(&control.name) == *name).ok_or_else(|| {
            let names: Vec<String> = known.iter().map(|control| plain(&control.name)).collect();
            format!("has no control \"{name}\"; it has {}", names.join(", "))
        })?;
        let (least, most) = (control.minimum, control.maximum);
        if !(least..=most).contains(value) {
            return Err(format!("takes {name} between {least} and {most}{}, got {value}", menu(control)));
        }
        let value = Control { id: control.id, value: Value::Integer(*value) };
        device.set_control(value).map_err(|error| format!("does not take {name}: {error}"))?;
    }
    Ok(())
}

/// A control's name as `v4l2-ctl` writes it: `White Balance, Automatic` is `white_balance_automatic`.
fn plain(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("_")
}

fn menu(control: &Description) -> String {
    let items = control.items.iter().flatten().map(|(index, item)| match item {
        MenuItem::Name(name) => format!("{index} = {name}"),
        MenuItem::Value(value) => format!("{index} = {value}"),
    });
    let items: Vec<String> = items.collect();
    if items.is_empty() { String::new() } else { format!(" ({})", items.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_called_as_v4l2_ctl_calls_them() {
        assert_eq!(plain("White Balance, Automatic"), "white_balance_automatic");
        assert_eq!(plain("Exposure Time, Absolute"), "exposure_time_absolute");
    }

    #[test]
    fn an_interval_is_what_the_rate_says() {
        let thirty = interval("30".parse().unwrap());
        assert_eq!(f64::from(thirty.denominator) / f64::from(thirty.numerator), 30.0);
    }
}
