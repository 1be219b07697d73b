//! An open encoder, asked and told things by `ioctl`: what it is, its formats, its controls.
//!
//! Owns every `unsafe` but those of `buffers` and `memory`; the structures and numbers are the kernel's own,
//! as the `v4l` library has them. Leaves what to ask for to `layout` and `controls`.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use v4l::v4l_sys as sys;
use v4l::v4l2::{ioctl, vidioc};

use crate::media::{Rate, Size};

/// Four characters that name a format.
pub(super) type FourCc = [u8; 4];

/// The two queues of an encoder. The kernel names them as the device sees them: what goes out to it is its
/// `OUTPUT`, what it captures is its `CAPTURE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Pictures, from us to the device.
    Raw,
    /// Encoded ones, from the device to us.
    Coded,
}

/// What a device says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// Its own name, such as `bcm2835-codec-encode`.
    pub name: String,
    /// How it is spoken to, if it takes pictures and gives pictures at all.
    pub api: Option<Api>,
}

/// The two dialects of the same interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Api {
    Single,
    /// A picture may lie in several pieces of memory.
    Multi,
}

/// A format as it is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub fourcc: FourCc,
    pub size: Size,
    /// Bytes that a coded picture may have; the device takes more where it must.
    pub bytes: u32,
    pub colour: ColourCodes,
}

/// `enum v4l2_colorspace`, `v4l2_ycbcr_encoding` and `v4l2_quantization`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ColourCodes {
    pub space: u32,
    pub encoding: u32,
    pub quantization: u32,
}

/// A format as the device gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Given {
    pub fourcc: FourCc,
    pub width: u32,
    pub height: u32,
    /// For each piece of memory, bytes from row to row and in all.
    pub pieces: Vec<(u32, u32)>,
}

/// What a control takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub least: i32,
    pub most: i32,
}

/// An open device.
pub(super) struct Device {
    file: File,
    pub api: Api,
    pub name: String,
}

impl Device {
    /// Opens a device that takes pictures and gives pictures; `Err(Ok(identity))` when it is another.
    ///
    /// # Errors
    /// As the system gives it, or what the device is instead.
    pub fn open(path: &Path) -> Result<Device, Result<Identity, io::Error>> {
        let file = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path);
        let file = file.map_err(Err)?;
        let told = identity(&file).map_err(Err)?;
        match told.api {
            Some(api) => Ok(Device { file, api, name: told.name }),
            None => Err(Ok(told)),
        }
    }

    /// `enum v4l2_buf_type`.
    pub(super) fn kind(&self, side: Side) -> u32 {
        match (side, self.api) {
            (Side::Raw, Api::Single) => sys::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_OUTPUT,
            (Side::Raw, Api::Multi) => sys::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE,
            (Side::Coded, Api::Single) => sys::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE,
            (Side::Coded, Api::Multi) => sys::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE,
        }
    }

    /// Every format of one side, the device's favourite first. Of pictures only those that can become what
    /// is set on the coded side.
    pub fn formats(&self, side: Side) -> Vec<FourCc> {
        let nth = |index| {
            let mut format: sys::v4l2_fmtdesc = zeros();
            (format.index, format.type_) = (index, self.kind(side));
            // SAFETY: the request reads and fills such a structure.
            unsafe { self.call(vidioc::VIDIOC_ENUM_FMT, &mut format) }.ok()?;
            Some(format.pixelformat.to_le_bytes())
        };
        // Bounded, in case a driver never says that it was the last.
        (0..256).map_while(nth).collect()
    }

    /// Sets a format; the device answers with what is next to it.
    pub fn set_format(&self, side: Side, asked: &Asked) -> io::Result<Given> {
        let mut format: sys::v4l2_format = zeros();
        format.type_ = self.kind(side);
        let (fourcc, size) = (u32::from_le_bytes(asked.fourcc), asked.size);
        match self.api {
            Api::Single => {
                let mut one: sys::v4l2_pix_format = zeros();
                (one.pixelformat, one.width, one.height) = (fourcc, size.width(), size.height());
                (one.sizeimage, one.field) = (asked.bytes, sys::v4l2_field_V4L2_FIELD_NONE);
                (one.colorspace, one.quantization) = (asked.colour.space, asked.colour.quantization);
                one.__bindgen_anon_1.ycbcr_enc = asked.colour.encoding;
                format.fmt.pix = one;
            }
            Api::Multi => {
                let mut several: sys::v4l2_pix_format_mplane = zeros();
                (several.pixelformat, several.width, several.height) = (fourcc, size.width(), size.height());
                (several.field, several.num_planes) = (sys::v4l2_field_V4L2_FIELD_NONE, 1);
                several.plane_fmt[0].sizeimage = asked.bytes;
                (several.colorspace, several.quantization) =
                    (asked.colour.space, asked.colour.quantization as u8);
                several.__bindgen_anon_1.ycbcr_enc = asked.colour.encoding as u8;
                format.fmt.pix_mp = several;
            }
        }
        // SAFETY: the request reads and fills such a structure.
        unsafe { self.call(vidioc::VIDIOC_S_FMT, &mut format) }?;
        Ok(given(&format, self.api))
    }

    /// Has only the first rows and columns of each picture shown; the device answers with what it does.
    pub fn crop(&self, size: Size) -> io::Result<(u32, u32)> {
        let mut selection: sys::v4l2_selection = zeros();
        // Of both dialects the same, by the rules of this request.
        selection.type_ = sys::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_OUTPUT;
        selection.target = sys::V4L2_SEL_TGT_CROP;
        (selection.r.width, selection.r.height) = (size.width(), size.height());
        // `VIDIOC_S_SELECTION`, which the library has not.
        const REQUEST: vidioc::_IOC_TYPE = 3 << 30
            | (size_of::<sys::v4l2_selection>() as vidioc::_IOC_TYPE) << 16
            | (b'V' as vidioc::_IOC_TYPE) << 8
            | 95;
        // SAFETY: the request reads and fills such a structure.
        unsafe { self.call(REQUEST, &mut selection) }?;
        Ok((selection.r.width, selection.r.height))
    }

    /// How many pictures a second rate control reckons with.
    pub fn set_rate(&self, rate: Rate) -> io::Result<()> {
        let mut parameters: sys::v4l2_streamparm = zeros();
        parameters.type_ = self.kind(Side::Raw);
        let mut output: sys::v4l2_outputparm = zeros();
        output.timeperframe.numerator = rate.seconds();
        output.timeperframe.denominator = rate.frames();
        parameters.parm.output = output;
        // SAFETY: the request reads and fills such a structure.
        unsafe { self.call(vidioc::VIDIOC_S_PARM, &mut parameters) }
    }

    /// What the control `id` takes, if the device has it.
    pub fn bounds(&self, id: u32) -> Option<Bounds> {
        let mut control: sys::v4l2_queryctrl = zeros();
        control.id = id;
        // SAFETY: the request reads and fills such a structure.
        unsafe { self.call(vidioc::VIDIOC_QUERYCTRL, &mut control) }.ok()?;
        let is_off = control.flags & sys::V4L2_CTRL_FLAG_DISABLED != 0;
        (!is_off).then_some(Bounds { least: control.minimum, most: control.maximum })
    }

    /// Whether the control `id`, which is a choice, has `item`.
    pub fn has_item(&self, id: u32, item: u32) -> bool {
        let mut menu: sys::v4l2_querymenu = zeros();
        (menu.id, menu.index) = (id, item);
        // SAFETY: the request reads and fills such a structure.
        unsafe { self.call(vidioc::VIDIOC_QUERYMENU, &mut menu) }.is_ok()
    }

    pub fn set_control(&self, id: u32, value: i32) -> io::Result<()> {
        let mut control = sys::v4l2_control { id, value };
        // SAFETY: the request reads and fills such a structure.
        unsafe { self.call(vidioc::VIDIOC_S_CTRL, &mut control) }
    }

    /// No more pictures will come: the device gives what it still holds, and marks the last.
    pub fn end(&self) -> io::Result<()> {
        let mut command: sys::v4l2_encoder_cmd = zeros();
        command.cmd = sys::V4L2_ENC_CMD_STOP;
        // SAFETY: the request reads and fills such a structure.
        unsafe { self.call(vidioc::VIDIOC_ENCODER_CMD, &mut command) }
    }

    /// Waits until a buffer comes back from either side, no longer than `most`.
    ///
    /// # Errors
    /// When none will.
    pub fn wait(&self, most: Duration) -> io::Result<()> {
        let events = libc::POLLIN | libc::POLLOUT;
        let mut waiting = libc::pollfd { fd: self.file.as_raw_fd(), events, revents: 0 };
        let millis = i32::try_from(most.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: one descriptor, which is open as long as this device.
        match unsafe { libc::poll(&raw mut waiting, 1, millis) } {
            // There would be an error at every look, and no wait.
            1.. if waiting.revents & events == 0 => Err(io::ErrorKind::NotConnected.into()),
            0.. => Ok(()),
            _ => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => Ok(()),
                error => Err(error),
            },
        }
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// # Safety
    /// `request` must be one that takes a `T`, and every pointer in it must be good for what it does.
    pub(super) unsafe fn call<T>(&self, request: vidioc::_IOC_TYPE, argument: &mut T) -> io::Result<()> {
        // SAFETY: as our caller promises; the descriptor is open as long as this device.
        unsafe { call(&self.file, request, argument) }
    }
}

/// A structure of numbers: any bytes make one.
///
/// # Safety
/// It must be.
pub(super) unsafe trait Numbers {}

macro_rules! numbers {
    ($($name:ident)*) => {$(
        // SAFETY: the kernel's own structures, with whole numbers, arrays and unions of them, and pointers to
        // nothing.
        unsafe impl Numbers for sys::$name {}
    )*};
}

numbers! {
    v4l2_buffer v4l2_capability v4l2_encoder_cmd v4l2_fmtdesc v4l2_format v4l2_outputparm v4l2_pix_format
    v4l2_pix_format_mplane v4l2_plane v4l2_queryctrl v4l2_querymenu v4l2_requestbuffers v4l2_selection
    v4l2_streamparm
}

/// All zeros, as the kernel wants what is not said.
pub(super) fn zeros<T: Numbers>() -> T {
    // SAFETY: as the trait promises.
    unsafe { std::mem::zeroed() }
}

/// # Safety
/// As [`Device::call`].
unsafe fn call<T>(file: &File, request: vidioc::_IOC_TYPE, argument: &mut T) -> io::Result<()> {
    let argument: *mut T = argument;
    // SAFETY: as our caller promises.
    unsafe { ioctl(file.as_raw_fd(), request, argument.cast()) }
}

fn identity(file: &File) -> io::Result<Identity> {
    let mut told: sys::v4l2_capability = zeros();
    // SAFETY: the request fills such a structure.
    unsafe { call(file, vidioc::VIDIOC_QUERYCAP, &mut told) }?;
    let of_device = told.capabilities & sys::V4L2_CAP_DEVICE_CAPS != 0;
    let abilities = if of_device { told.device_caps } else { told.capabilities };
    let streams = abilities & sys::V4L2_CAP_STREAMING != 0;
    let api = match (abilities & sys::V4L2_CAP_VIDEO_M2M_MPLANE, abilities & sys::V4L2_CAP_VIDEO_M2M) {
        _ if !streams => None,
        (0, 0) => None,
        (0, _) => Some(Api::Single),
        _ => Some(Api::Multi),
    };
    let name = told.card.iter().take_while(|byte| **byte != 0).copied().collect::<Vec<u8>>();
    Ok(Identity { name: String::from_utf8_lossy(&name).into_owned(), api })
}

fn given(format: &sys::v4l2_format, api: Api) -> Given {
    match api {
        Api::Single => {
            // SAFETY: this dialect's request has filled this member.
            let one = unsafe { format.fmt.pix };
            Given {
                fourcc: one.pixelformat.to_le_bytes(),
                width: one.width,
                height: one.height,
                pieces: vec![(one.bytesperline, one.sizeimage)],
            }
        }
        Api::Multi => {
            // SAFETY: this dialect's request has filled this member.
            let several = unsafe { format.fmt.pix_mp };
            let (fourcc, width, height, planes) =
                (several.pixelformat, several.width, several.height, several.plane_fmt);
            let count = usize::from(several.num_planes).min(planes.len());
            let piece = |plane: &sys::v4l2_plane_pix_format| (plane.bytesperline, plane.sizeimage);
            Given {
                fourcc: fourcc.to_le_bytes(),
                width,
                height,
                pieces: planes[..count].iter().map(piece).collect(),
            }
        }
    }
}
