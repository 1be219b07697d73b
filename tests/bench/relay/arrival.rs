//! Datagrams with the kernel's own time of their arrival: when this thread gets to read them does not
//! matter then.

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

/// Asks the kernel to note when each datagram of `socket` arrives.
pub fn tell_times(socket: &UdpSocket) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the option's value is an integer that outlives the call, of the length we say.
    let outcome = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_TIMESTAMPNS,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The next datagram of an IPv4 socket that does not block: its length, who sent it, and when it
/// arrived on the kernel's clock.
pub fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> Option<(usize, SocketAddr, Duration)> {
    // Aligned as control messages must be.
    let mut control = [0u64; 8];
    // SAFETY: an address, a message header and a control header are plain numbers and pointers, for
    // which all zeros are valid.
    let (mut from, mut header): (libc::sockaddr_in, libc::msghdr) = unsafe { (zeroed(), zeroed()) };
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    header.msg_name = (&raw mut from).cast();
    header.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = size_of_val(&control);
    // SAFETY: the header points to an address, one buffer and control space above, with their lengths.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, libc::MSG_DONTWAIT) };
    let length = usize::try_from(length).ok()?;
    let address = Ipv4Addr::from(u32::from_be(from.sin_addr.s_addr));
    Some((length, SocketAddr::from((address, u16::from_be(from.sin_port))), time_of(&header)))
}

fn time_of(header: &libc::msghdr) -> Duration {
    // SAFETY: the kernel has filled the header in; the macros stay within its control space.
    let mut message = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !message.is_null() {
        // SAFETY: not null, so it is a whole control header within the control space.
        let one = unsafe { &*message };
        if one.cmsg_level == libc::SOL_SOCKET && one.cmsg_type == libc::SCM_TIMESTAMPNS {
            // SAFETY: a message of this type carries one timespec, perhaps not aligned.
            let time: libc::timespec =
                unsafe { libc::CMSG_DATA(message).cast::<libc::timespec>().read_unaligned() };
            return Duration::new(time.tv_sec as u64, time.tv_nsec as u32);
        }
        // SAFETY: as above.
        message = unsafe { libc::CMSG_NXTHDR(header, message) };
    }
    Duration::ZERO
}
