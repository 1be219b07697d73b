//! Waiting for sockets, for a deadline, and to be woken: the few system calls of the relay thread.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

/// Wakes the thread that waits. Clones wake the same one.
#[derive(Clone)]
pub struct Waker(Arc<File>);

impl Waker {
    /// # Errors
    /// When the process may open no more files.
    pub fn new() -> io::Result<Waker> {
        // SAFETY: eventfd takes two integers and touches no memory of ours.
        let descriptor = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call above has just opened this descriptor, and nobody else owns it.
        let owned = unsafe { OwnedFd::from_raw_fd(descriptor) };
        Ok(Waker(Arc::new(File::from(owned))))
    }

    pub fn wake(&self) {
        // Fails only when as many wakes wait as a counter of 64 bits can hold: awake either way.
        let _ = (&*self.0).write(&1u64.to_ne_bytes());
    }

    fn heard(&self) {
        let _ = (&*self.0).read(&mut [0; 8]);
    }
}

/// What the thread waits for at a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    Read,
    /// Something waits to be sent, too.
    ReadAndWrite,
}

/// Comes back when a socket is ready, when woken, or after `timeout`; `None` waits for ever. Gives the
/// sockets that are ready.
pub fn wait(sockets: &[(RawFd, Interest)], waker: &Waker, timeout: Option<Duration>) -> Vec<RawFd> {
    let events = |interest| match interest {
        Interest::Read => libc::POLLIN,
        Interest::ReadAndWrite => libc::POLLIN | libc::POLLOUT,
    };
    let mut polled: Vec<libc::pollfd> = sockets
        .iter()
        .map(|&(fd, interest)| libc::pollfd { fd, events: events(interest), revents: 0 })
        .collect();
    polled.push(libc::pollfd { fd: waker.0.as_raw_fd(), events: libc::POLLIN, revents: 0 });
    let spec = timeout.map(|timeout| libc::timespec {
        tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    });
    let spec = spec.as_ref().map_or(std::ptr::null(), |spec| spec as *const libc::timespec);
    // SAFETY: `polled` holds as many entries as we say and outlives the call, as does `spec`, which
    // is null or points to a timespec above; a null signal mask changes none.
    unsafe { libc::ppoll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, spec, std::ptr::null()) };
    // A call broken off by a signal is as good as one that timed out early.
    waker.heard();
    let ready = polled.iter().zip(sockets).filter(|(polled, _)| polled.revents != 0);
    ready.map(|(_, (fd, _))| *fd).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_before_the_wait_is_not_lost() {
        let waker = Waker::new().unwrap();
        waker.clone().wake();
        wait(&[], &waker, None);
    }
}
