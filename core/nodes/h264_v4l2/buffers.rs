//! The buffers of one side of an encoder: memory of the driver that goes to it and comes back.
//!
//! Owns which buffers are with us. Leaves what is in them to `session`.

use std::io;
use std::time::Duration;

use v4l::v4l_sys as sys;
use v4l::v4l2::vidioc;

use super::device::{Api, Device, Side, zeros};
use super::memory::Memory;

/// Pieces of memory that one buffer can have: `VIDEO_MAX_PLANES`.
const MOST_PIECES: usize = 8;

/// All buffers of one side.
pub(super) struct Buffers {
    side: Side,
    /// For each buffer, its pieces of memory.
    all: Vec<Vec<Memory>>,
    /// Those that are with us.
    free: Vec<usize>,
}

/// A buffer that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Back {
    pub index: usize,
    /// Where in its first piece of memory there is something.
    from: usize,
    to: usize,
    /// As it was given along with the picture.
    pub stamp: Duration,
    /// Nothing comes after it.
    pub last: bool,
    pub damaged: bool,
}

impl Buffers {
    /// `count` buffers, or as many as the driver wants, for the format that is set.
    pub fn new(device: &Device, side: Side, count: u32) -> io::Result<Buffers> {
        let mut request: sys::v4l2_requestbuffers = zeros();
        (request.count, request.type_) = (count, device.kind(side));
        request.memory = sys::v4l2_memory_V4L2_MEMORY_MMAP;
        // SAFETY: the request reads and fills such a structure.
        unsafe { device.call(vidioc::VIDIOC_REQBUFS, &mut request) }?;
        let all =
            (0..request.count).map(|index| pieces(device, side, index)).collect::<io::Result<Vec<_>>>()?;
        if all.is_empty() {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        Ok(Buffers { side, free: (0..all.len()).collect(), all })
    }

    /// A buffer that is with us.
    pub fn free(&mut self) -> Option<usize> {
        self.free.pop()
    }

    pub fn has_free(&self) -> bool {
        !self.free.is_empty()
    }

    /// What is in a buffer that came back and was not released.
    pub fn bytes(&self, back: &Back) -> &[u8] {
        self.all[back.index][0].bytes().get(back.from..back.to).unwrap_or_default()
    }

    pub fn memory_mut(&mut self, index: usize) -> &mut [Memory] {
        &mut self.all[index]
    }

    /// Hands all that are with us to the driver.
    pub fn queue_all(&mut self, device: &Device) -> io::Result<()> {
        while let Some(index) = self.free() {
            self.queue(device, index, &[], Duration::ZERO)?;
        }
        Ok(())
    }

    /// Hands one over, with so many bytes `used` in each of its pieces of memory.
    pub fn queue(&self, device: &Device, index: usize, used: &[usize], stamp: Duration) -> io::Result<()> {
        let mut planes: [sys::v4l2_plane; MOST_PIECES] = std::array::from_fn(|_| zeros());
        planes.iter_mut().zip(used).for_each(|(plane, used)| plane.bytesused = *used as u32);
        let mut buffer = buffer(device, self.side, &mut planes);
        buffer.index = index as u32;
        buffer.field = sys::v4l2_field_V4L2_FIELD_NONE;
        buffer.timestamp.tv_sec = stamp.as_secs() as _;
        buffer.timestamp.tv_usec = stamp.subsec_micros() as _;
        match device.api {
            Api::Single => buffer.bytesused = used.first().copied().unwrap_or(0) as u32,
            Api::Multi => buffer.length = self.all[index].len() as u32,
        }
        // SAFETY: the request reads and fills such a structure; its planes, where it has any, are ours, outlive
        // the call and are as many as it says.
        unsafe { device.call(vidioc::VIDIOC_QBUF, &mut buffer) }
    }

    /// The next that comes back, if one is there. It is with us from then on; [`Buffers::release`] says when
    /// what is in it is of no more use.
    pub fn take_back(&mut self, device: &Device) -> io::Result<Option<Back>> {
        let mut planes: [sys::v4l2_plane; MOST_PIECES] = std::array::from_fn(|_| zeros());
        let mut buffer = buffer(device, self.side, &mut planes);
        // SAFETY: the request reads and fills such a structure; its planes, where it has any, are ours, outlive
        // the call and are as many as it says.
        match unsafe { device.call(vidioc::VIDIOC_DQBUF, &mut buffer) } {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        }
        let index = buffer.index as usize;
        let (from, to) = match device.api {
            Api::Single => (0, buffer.bytesused),
            Api::Multi => (planes[0].data_offset, planes[0].bytesused),
        };
        Ok(Some(Back {
            index,
            from: from as usize,
            to: to as usize,
            stamp: Duration::new(buffer.timestamp.tv_sec as u64, buffer.timestamp.tv_usec as u32 * 1000),
            last: buffer.flags & sys::V4L2_BUF_FLAG_LAST != 0,
            damaged: buffer.flags & sys::V4L2_BUF_FLAG_ERROR != 0,
        }))
    }

    pub fn release(&mut self, index: usize) {
        self.free.push(index);
    }

    /// Starts this side, or stops it: then all buffers are with us.
    pub fn stream(&mut self, device: &Device, on: bool) -> io::Result<()> {
        let mut kind = device.kind(self.side) as std::os::raw::c_int;
        let request = if on { vidioc::VIDIOC_STREAMON } else { vidioc::VIDIOC_STREAMOFF };
        // SAFETY: both requests read a number.
        unsafe { device.call(request, &mut kind) }?;
        if !on {
            self.free = (0..self.all.len()).collect();
        }
        Ok(())
    }
}

/// A buffer's description for the driver to read and fill, with these `planes` where it has any.
fn buffer(device: &Device, side: Side, planes: &mut [sys::v4l2_plane; MOST_PIECES]) -> sys::v4l2_buffer {
    let mut buffer: sys::v4l2_buffer = zeros();
    buffer.type_ = device.kind(side);
    buffer.memory = sys::v4l2_memory_V4L2_MEMORY_MMAP;
    if device.api == Api::Multi {
        buffer.length = MOST_PIECES as u32;
        buffer.m.planes = planes.as_mut_ptr();
    }
    buffer
}

/// The memory of one buffer.
fn pieces(device: &Device, side: Side, index: u32) -> io::Result<Vec<Memory>> {
    let mut planes: [sys::v4l2_plane; MOST_PIECES] = std::array::from_fn(|_| zeros());
    let mut buffer = buffer(device, side, &mut planes);
    buffer.index = index;
    // SAFETY: the request reads and fills such a structure; its planes, where it has any, are ours, outlive
    // the call and are as many as it says.
    unsafe { device.call(vidioc::VIDIOC_QUERYBUF, &mut buffer) }?;
    match device.api {
        Api::Single => {
            // SAFETY: of such memory the driver has filled this member.
            let offset = unsafe { buffer.m.offset };
            Ok(vec![Memory::map(device.file(), buffer.length, offset)?])
        }
        Api::Multi => {
            let count = (buffer.length as usize).min(MOST_PIECES);
            let piece = |plane: &sys::v4l2_plane| {
                // SAFETY: of such memory the driver has filled this member.
                let offset = unsafe { plane.m.mem_offset };
                Memory::map(device.file(), plane.length, offset)
            };
            planes[..count].iter().map(piece).collect()
        }
    }
}
