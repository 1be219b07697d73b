//! Candidates as SDP writes them (RFC 8839 §5.1): ours, and which of the other's can be tried.

use std::net::{IpAddr, SocketAddr};

/// Candidates of the other end that are tried; each costs checks until it is given up.
pub const MOST: usize = 32;

/// `a=candidate:` without its key; `rank` 0 is tried first.
pub fn candidate(address: &SocketAddr, rank: usize) -> String {
    // RFC 8445 §5.1.2: host candidates, component 1; IPv6 before IPv4.
    let preference = u32::from(address.is_ipv6()) * 0x100 + 0xfe00 - rank.min(0xff) as u32;
    let priority = (126 << 24) + (preference << 8) + 255;
    let (ip, port) = (address.ip(), address.port());
    format!("{} 1 udp {priority} {ip} {port} typ host", foundation(address))
}

/// The same for candidates of the same kind and address, as RFC 8445 §5.1.1.3 wants it.
fn foundation(address: &SocketAddr) -> u32 {
    address.ip().to_string().bytes().fold(17, |sum: u32, byte| sum.wrapping_mul(31) + u32::from(byte))
}

/// Whether the WebRTC stack can try this candidate: UDP, by address.
pub fn is_usable(candidate: &str) -> bool {
    let mut words = candidate.split_ascii_whitespace().skip(2);
    let is_udp = words.next().is_some_and(|protocol| protocol.eq_ignore_ascii_case("udp"));
    // A `.local` name (mDNS) hides an address from us on purpose; the viewer's own checks show it.
    is_udp && words.nth(1).is_some_and(|address| address.parse::<IpAddr>().is_ok())
}
