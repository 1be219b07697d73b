//! A camera buffer's memory, mapped for reading.
//!
//! Owns its mapping and its own copies of the file descriptors, so that the bytes stay readable for
//! as long as anybody holds them: after the buffer was freed, the camera closed, the library gone.
//! (The kernel counts references to the memory behind a mapping.) What it cannot promise is that the
//! bytes stay the same: the camera writes to them while their request is queued, and `session`
//! queues a request only when nobody holds its memory.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::ptr;

use super::versions::api::framebuffer::AsFrameBuffer;

/// The memory of one buffer, plane by plane.
pub struct Mapping {
    regions: Vec<Region>,
    planes: Vec<Place>,
}

/// Where a plane lies.
struct Place {
    region: usize,
    offset: usize,
    length: usize,
}

/// One file's pages.
struct Region {
    file: OwnedFd,
    start: *mut libc::c_void,
    length: usize,
}

// SAFETY: the pages are mapped for reading, and reading from several threads needs no order.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

impl Mapping {
    /// Maps every plane of `buffer`; planes that share a file share the mapping.
    ///
    /// # Errors
    /// When a plane says no place, or the kernel refuses the mapping.
    pub fn of(buffer: &impl AsFrameBuffer) -> io::Result<Mapping> {
        let planes = buffer.planes();
        let mut files: Vec<(RawFd, usize)> = Vec::new();
        let mut places = Vec::new();
        for index in 0..planes.len() {
            let plane = planes.get(index).ok_or(io::ErrorKind::InvalidData)?;
            let offset = plane.offset().ok_or(io::ErrorKind::InvalidData)?;
            let end = offset.checked_add(plane.len()).ok_or(io::ErrorKind::InvalidData)?;
            let region = files.iter().position(|(file, _)| *file == plane.fd()).unwrap_or_else(|| {
                files.push((plane.fd(), 0));
                files.len() - 1
            });
            files[region].1 = files[region].1.max(end);
            places.push(Place { region, offset, length: plane.len() });
        }
        let regions =
            files.into_iter().map(|(file, length)| Region::map(file, length)).collect::<Result<_, _>>()?;
        Ok(Mapping { regions, planes: places })
    }

    pub fn plane_count(&self) -> usize {
        self.planes.len()
    }

    /// The bytes of plane `index`, to the end of its mapping when it is the last in its file.
    ///
    /// # Panics
    /// When there is no such plane: callers count with [`Mapping::plane_count`].
    pub fn plane(&self, index: usize) -> &[u8] {
        let Place { region, offset, length } = self.planes[index];
        &self.regions[region].bytes()[offset..][..length]
    }

    /// Tells the kernel that the processor reads from here on, which makes it drop stale cache lines.
    pub fn begin_reading(&self) {
        self.regions.iter().for_each(|region| region.sync(DMA_BUF_SYNC_READ));
    }

    pub fn end_reading(&self) {
        self.regions.iter().for_each(|region| region.sync(DMA_BUF_SYNC_READ | DMA_BUF_SYNC_END));
    }
}

impl Region {
    fn map(file: RawFd, length: usize) -> io::Result<Region> {
        // SAFETY: the buffer that named this descriptor is borrowed by our caller and keeps it open.
        let file = unsafe { BorrowedFd::borrow_raw(file) }.try_clone_to_owned()?;
        // SAFETY: a new mapping at a place of the kernel's choice touches no memory of ours.
        let start = unsafe {
            libc::mmap(ptr::null_mut(), length, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd(), 0)
        };
        match start {
            libc::MAP_FAILED => Err(io::Error::last_os_error()),
            start => Ok(Region { file, start, length }),
        }
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: the pages are mapped for as long as `self` lives, and nothing writes to them while
        // a request that is not queued lends them out (see the top of this file).
        unsafe { std::slice::from_raw_parts(self.start.cast(), self.length) }
    }

    /// A buffer that is no dma-buf answers with an error and needs no synchronization.
    fn sync(&self, flags: u64) {
        // SAFETY: the kernel reads one u64 of ours during the call.
        unsafe { libc::ioctl(self.file.as_raw_fd(), DMA_BUF_IOCTL_SYNC, &flags) };
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: this is the whole of a mapping of ours, and no slice of it outlives `self`.
        unsafe { libc::munmap(self.start, self.length) };
    }
}

/// linux/dma-buf.h: `_IOW('b', 0, struct dma_buf_sync)`, whose only field is a u64 of flags.
const DMA_BUF_IOCTL_SYNC: libc::c_ulong = 0x4008_6200;
const DMA_BUF_SYNC_READ: u64 = 1;
const DMA_BUF_SYNC_END: u64 = 4;
