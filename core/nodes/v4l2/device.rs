//! One video device: finding it, asking it for a format, and its pictures in turn.
//!
//! Owns two traps of the library: after a wait in vain its stream queues a buffer twice, so we wait
//! ourselves before we ask it; and when a device has gone, it may panic as it is dropped. Leaves what a
//! device can do to `offers`, and its controls to `controls`.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, ErrorKind};
use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use v4l::buffer::Type;
use v4l::capability::Flags;
use v4l::io::mmap::Stream;
use v4l::io::traits::{CaptureStream, Stream as _};
use v4l::video::Capture as _;
use v4l::video::capture::Parameters;
use v4l::{Device, Format, FourCC};

use super::controls;
use super::keyframe::Way;
use super::negotiate::{Capture, Choice, Wanted, choose};
use super::offers::{interval, offers};
use crate::nodes::devices;

/// Buffers between the driver and us: one being read, one being filled, two in between.
const BUFFERS: u32 = 4;

/// What a device is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub path: PathBuf,
    /// The camera's own name, such as `HD Pro Webcam C920`.
    pub model: String,
    /// Where it is plugged in.
    pub bus: String,
    pub driver: String,
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
    /// How it is asked for a keyframe, where it encodes and can be.
    keyframes: Option<Way>,
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

impl Name {
    /// Whether both are one device, whatever links lead to it.
    pub fn is(&self, other: &Name) -> bool {
        let device = |name: &Name| std::fs::canonicalize(&name.path).unwrap_or_else(|_| name.path.clone());
        (&self.model, &self.bus) == (&other.model, &other.bus) && device(self) == device(other)
    }
}

/// Whether a camera has taken a wish for a keyframe.
#[derive(Debug)]
pub enum Asked {
    Yes,
    /// It could be asked, and did not take it just now.
    Failed(io::Error),
    /// It has no way to be asked.
    NoWay,
}

impl From<Option<io::Result<()>>> for Asked {
    /// What came of asking, where there is a way.
    fn from(told: Option<io::Result<()>>) -> Asked {
        match told {
            Some(Ok(())) => Asked::Yes,
            Some(Err(error)) => Asked::Failed(error),
            None => Asked::NoWay,
        }
    }
}

impl fmt::Display for Asked {
    /// The end of a sentence that begins with the camera's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Asked::Yes => f.write_str("was asked for a keyframe"),
            Asked::Failed(error) => write!(
                f,
                "was asked for a keyframe and did not take it: {error}; who joins sees nothing until it sends one"
            ),
            Asked::NoWay => f.write_str(
                "cannot be asked for keyframes: who joins sees nothing until it sends one by itself",
            ),
        }
    }
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

/// Every device that gives pictures, in the order of their numbers.
pub fn cameras() -> Vec<Name> {
    devices::paths().iter().filter_map(|path| name(&Device::with_path(path).ok()?, path)).collect()
}

/// `None`: it gives no pictures, as the second device of each webcam, or is none of ours.
fn name(device: &Device, path: &Path) -> Option<Name> {
    let told = catch_unwind(AssertUnwindSafe(|| device.query_caps())).ok()?.ok()?;
    let gives = told.capabilities.contains(Flags::VIDEO_CAPTURE | Flags::STREAMING);
    gives.then(|| Name { path: path.to_owned(), model: told.card, bus: told.bus, driver: told.driver })
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
        controls::change(&device, &BTreeMap::new(), controls)
            .map_err(|why| format!("\"{}\" {why}", name.model))?;
        let encodes = choice.capture == Capture::H264;
        let keyframes = encodes.then(|| Way::of(&device, &name.path)).flatten();
        let (stream, stride) = (Some(begin(&device).map_err(told)?), given.stride as usize);
        Ok(Camera { stream, device, name: name.clone(), choice, stride, keyframes })
    }

    /// Changes controls from what they `were` set to while it runs: all or none.
    ///
    /// # Errors
    /// The end of a sentence that begins with the camera's name.
    pub fn change(&self, were: &BTreeMap<String, i64>, wanted: &BTreeMap<String, i64>) -> Result<(), String> {
        controls::change(&self.device, were, wanted)
    }

    /// Asks an encoding camera for a keyframe. Many cannot be asked, and send one every few seconds.
    pub fn ask_for_keyframe(&self) -> Asked {
        self.keyframes.map(|way| way.ask(&self.device)).into()
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_device_is_the_same_by_every_link_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let name = |path: &str, bus: &str| {
            let [model, bus, driver] = ["Door", bus, "uvcvideo"].map(str::to_owned);
            Name { path: folder.path().join(path), model, bus, driver }
        };
        ["video0", "video1"].iter().for_each(|file| std::fs::write(folder.path().join(file), "").unwrap());
        symlink("video0", folder.path().join("by-id")).unwrap();
        assert!(name("by-id", "usb-1").is(&name("video0", "usb-1")));
        assert!(!name("by-id", "usb-1").is(&name("video1", "usb-1")));
        // Another camera has the number of one that is lost.
        assert!(!name("video0", "usb-1").is(&name("video0", "usb-2")));
    }

    #[test]
    fn a_wish_that_failed_is_not_told_as_one_that_cannot_be() {
        let failed = Asked::from(Some(Err(io::Error::from_raw_os_error(libc::EIO)))).to_string();
        assert!(failed.starts_with("was asked for a keyframe and did not take it: "), "{failed}");
        let none = Asked::from(None).to_string();
        assert!(none.starts_with("cannot be asked for keyframes: "), "{none}");
    }
}
