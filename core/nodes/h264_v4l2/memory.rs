//! One piece of a driver's memory, mapped for us to read and write.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;
use std::slice;

use v4l::v4l2::{mmap, munmap};

/// A mapping, which ends when it is dropped.
pub(super) struct Memory {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the memory belongs to the process, not to a thread, and `&mut self` allows one writer at a time.
unsafe impl Send for Memory {}

impl Memory {
    /// The `length` bytes that the driver of `file` has at `offset`.
    pub fn map(file: &File, length: u32, offset: u32) -> io::Result<Memory> {
        let (length, offset) = (length as usize, offset as libc::off_t);
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping, at a place of the kernel's choice, of a descriptor that is open.
        let start = unsafe {
            mmap(std::ptr::null_mut(), length, access, libc::MAP_SHARED, file.as_raw_fd(), offset)
        }?;
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Memory { start, length })
    }

    /// To be read while the driver does not write it: its buffer has been taken back.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: that many bytes are mapped as long as this is not dropped.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }
}

impl AsMut<[u8]> for Memory {
    /// To be written while the driver does not read it: its buffer is not queued.
    fn as_mut(&mut self) -> &mut [u8] {
        // SAFETY: that many bytes are mapped as long as this is not dropped, and nobody else has them.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.length) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours and nothing refers to it any more. What could go wrong is not ours to mend.
        drop(unsafe { munmap(self.start.as_ptr().cast(), self.length) });
    }
}
