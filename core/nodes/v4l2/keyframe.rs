//! Asking an encoding camera for a keyframe.
//!
//! Owns both ways there are: the control that drivers of encoders have, and the extension unit that USB
//! cameras have by the class's H.264 payload (USB Device Class Definition for Video Devices: H.264 Payload
//! 1.0, §3.3.9), for which the kernel has no control. A camera with neither sends keyframes as it likes.

use std::fs;
use std::io;
use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use v4l::Device;
use v4l::control::{Control, Value};

use super::system::{SYSTEM, interface};

/// `V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME`.
const FORCE_KEYFRAME: u32 = 0x0099_09e5;

/// a29e7641-de04-47e3-8b2b-f4341aff003b, as it is in a descriptor.
const H264_UNIT: [u8; 16] =
    [0x41, 0x76, 0x9e, 0xa2, 0x04, 0xde, 0xe3, 0x47, 0x8b, 0x2b, 0xf4, 0x34, 0x1a, 0xff, 0x00, 0x3b];
/// `UVCX_PICTURE_TYPE_CONTROL`.
const PICTURE_TYPE: u8 = 9;
/// Of all layers the next picture an IDR picture, with its parameter sets.
const IDR_WITH_SETS: [u8; 4] = [0, 0, 2, 0];

/// How a camera is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By the driver's control.
    Control,
    /// By a USB camera's extension unit of this number.
    Unit(u8),
}

impl Way {
    /// How `device`, which is at `path`, can be asked.
    pub fn of(device: &Device, path: &Path) -> Option<Way> {
        let controls = catch_unwind(AssertUnwindSafe(|| device.query_controls()));
        let controls = controls.ok().and_then(Result::ok).unwrap_or_default();
        if controls.iter().any(|control| control.id == FORCE_KEYFRAME) {
            return Some(Way::Control);
        }
        let (interface, bytes) = descriptors(path, Path::new(SYSTEM))?;
        unit(&bytes, interface).map(Way::Unit)
    }

    /// # Errors
    /// When the camera does not take the wish.
    pub fn ask(self, device: &Device) -> io::Result<()> {
        match self {
            Way::Control => device.set_control(Control { id: FORCE_KEYFRAME, value: Value::Integer(1) }),
            Way::Unit(unit) => set(device.handle().fd(), unit, PICTURE_TYPE, IDR_WITH_SETS),
        }
    }
}

/// The number of the USB interface that `device` is of, and the descriptors of the whole USB device.
fn descriptors(device: &Path, system: &Path) -> Option<(u8, Vec<u8>)> {
    let interface = interface(device, system)?;
    let number = fs::read_to_string(interface.join("bInterfaceNumber")).ok()?;
    let number = u8::from_str_radix(number.trim(), 16).ok()?;
    Some((number, fs::read(interface.parent()?.join("descriptors")).ok()?))
}

/// The id of the H.264 extension unit among `descriptors` below interface `wanted`, if its camera takes a
/// wish for a sort of picture.
fn unit(mut descriptors: &[u8], wanted: u8) -> Option<u8> {
    const INTERFACE: u8 = 4;
    const OF_CLASS: u8 = 0x24;
    const EXTENSION_UNIT: u8 = 6;
    let mut inside = false;
    while let Some(&length) = descriptors.first().filter(|length| **length >= 2) {
        let (one, rest) = descriptors.split_at_checked(length.into())?;
        descriptors = rest;
        match one {
            [_, INTERFACE, number, ..] => inside = *number == wanted,
            // Its id, what it is, how many controls, how many inputs and which, and the controls it has.
            [_, OF_CLASS, EXTENSION_UNIT, id, rest @ ..] if inside && rest.starts_with(&H264_UNIT) => {
                let inputs = usize::from(*rest.get(17)?);
                let controls = rest.get(18 + inputs + 1..)?;
                let (byte, bit) = (usize::from(PICTURE_TYPE - 1) / 8, (PICTURE_TYPE - 1) % 8);
                let is_there =
                    usize::from(*rest.get(18 + inputs)?) > byte && controls.get(byte)? >> bit & 1 == 1;
                return is_there.then_some(*id);
            }
            _ => {}
        }
    }
    None
}

/// `struct uvc_xu_control_query` of linux/uvcvideo.h.
#[repr(C)]
struct Query {
    unit: u8,
    selector: u8,
    query: u8,
    size: u16,
    data: *mut u8,
}

fn set<const N: usize>(fd: RawFd, unit: u8, selector: u8, mut value: [u8; N]) -> io::Result<()> {
    const SET_CUR: u8 = 1;
    // `UVCIOC_CTRL_QUERY`: _IOWR('u', 0x21, struct uvc_xu_control_query).
    const REQUEST: u64 = 3 << 30 | (size_of::<Query>() as u64) << 16 | (b'u' as u64) << 8 | 0x21;
    let mut query = Query { unit, selector, query: SET_CUR, size: N as u16, data: value.as_mut_ptr() };
    // SAFETY: the structure is the kernel's, its pointer and size are those of a value of ours that lives
    // through the call, and the device that is borrowed by our caller keeps the descriptor open.
    match unsafe { libc::ioctl(fd, REQUEST as _, &raw mut query) } {
        0.. => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(number: u8) -> Vec<u8> {
        vec![9, 4, number, 0, 0, 14, 1, 0, 0]
    }

    /// With these controls, behind two inputs.
    fn extension(id: u8, what: [u8; 16], controls: [u8; 2]) -> Vec<u8> {
        [&[28, 0x24, 6, id][..], &what, &[1, 2, 1, 2, 2], &controls, &[0]].concat()
    }

    #[test]
    fn the_unit_is_found_among_others_and_only_below_its_interface() {
        let (other, nothing) = ([7; 16], [0, 0]);
        let all = [
            interface(0),
            extension(9, H264_UNIT, [0, 1]),
            interface(2),
            extension(3, other, [0, 1]),
            extension(12, H264_UNIT, [0, 1]),
        ]
        .concat();
        assert_eq!((unit(&all, 2), unit(&all, 0), unit(&all, 1)), (Some(12), Some(9), None));
        let without = [interface(0), extension(9, H264_UNIT, nothing)].concat();
        assert_eq!(unit(&without, 0), None, "it has no control for a sort of picture");
    }

    #[test]
    fn broken_descriptors_have_no_unit() {
        let all = [interface(0), extension(9, H264_UNIT, [0, 1])].concat();
        assert!((0..all.len()).all(|length| unit(&all[..length], 0).is_none()));
        assert_eq!(unit(&[1, 0, 0], 0), None);
        assert_eq!(unit(&[0; 8], 0), None);
    }
}
