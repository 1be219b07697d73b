//! Candidates as SDP writes them (RFC 8839 §5.1): ours, and which of the other's can be tried.

use std::net::{IpAddr, SocketAddr};

use super::far::Transport;

/// Candidates of the other end that are tried; each costs checks until it is given up.
pub const MOST: usize = 32;

/// What stands for the port of an end that connects: it is another each time (RFC 6544 §4.5).
pub const ANY_PORT: u16 = 9;

/// `a=candidate:` without its key; `rank` 0 is tried first.
pub fn candidate(address: &SocketAddr, rank: usize) -> String {
    // RFC 8445 §5.1.2: host candidates, component 1; IPv6 before IPv4.
    let preference = u32::from(address.is_ipv6()) * 0x100 + 0xfe00 - rank.min(0xff) as u32;
    let (ip, port) = (address.ip(), address.port());
    format!("{} 1 udp {} {ip} {port} typ host", foundation(address, Transport::Udp), priority(preference))
}

/// The same for TCP: we wait for the other end to connect (RFC 6544 §4.5). No two may have the same `rank`;
/// tried after all of UDP.
pub fn passive(address: &SocketAddr, rank: usize) -> String {
    tcp(address, rank, 4, "passive")
}

/// The same for TCP where we connect, from `address` and a port that is no matter.
pub fn active(address: &SocketAddr, rank: usize) -> String {
    tcp(&SocketAddr::new(address.ip(), ANY_PORT), rank, 6, "active")
}

fn tcp(address: &SocketAddr, rank: usize, direction: u32, role: &str) -> String {
    // RFC 6544 §4.2: which of the two connects, and 13 bits to tell addresses apart by.
    let other = u32::from(address.is_ipv6()) * 0x1000 + 0xfff - rank.min(0xfff) as u32;
    let priority = priority((direction << 13) + other);
    let (ip, port) = (address.ip(), address.port());
    let foundation = foundation(address, Transport::Tcp);
    format!("{foundation} 1 tcp {priority} {ip} {port} typ host tcptype {role}")
}

fn priority(preference: u32) -> u32 {
    (126 << 24) + (preference << 8) + 255
}

/// The same for candidates of the same kind, address and protocol, as RFC 8445 §5.1.1.3 wants it.
fn foundation(address: &SocketAddr, protocol: Transport) -> u32 {
    let seed = match protocol {
        Transport::Udp => 17,
        Transport::Tcp => 18,
    };
    address.ip().to_string().bytes().fold(seed, |sum: u32, byte| sum.wrapping_mul(31) + u32::from(byte))
}

/// Whether the WebRTC stack can try this candidate: UDP, by address.
pub fn is_usable(candidate: &str) -> bool {
    is_at_address(candidate, "udp")
}

/// Whether it is one that we could connect to by TCP. Only who was chosen by the graph is: others must not have
/// us connect wherever they say.
pub fn is_passive(candidate: &str) -> bool {
    is_at_address(candidate, "tcp") && candidate.contains(" tcptype passive")
}

fn is_at_address(candidate: &str, wanted: &str) -> bool {
    let mut words = candidate.split_ascii_whitespace().skip(2);
    let is_wanted = words.next().is_some_and(|protocol| protocol.eq_ignore_ascii_case(wanted));
    // A `.local` name (mDNS) hides an address from us on purpose; the viewer's own checks show it.
    is_wanted && words.nth(1).is_some_and(|address| address.parse::<IpAddr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tcp_is_told_as_passive_after_all_of_udp_and_no_two_alike() {
        let (four, six) = (SocketAddr::from(([192, 0, 2, 1], 8189)), "[2001:db8::1]:8189".parse().unwrap());
        let priority = |candidate: &str| candidate.split(' ').nth(3).unwrap().parse::<u32>().unwrap();
        let ranked = [passive(&six, 0), passive(&six, 1), passive(&four, 2), passive(&four, 300)];
        assert!(ranked.iter().map(|one| priority(one)).is_sorted_by(|a, b| a > b), "{ranked:?}");
        assert!(priority(&candidate(&four, 255)) > priority(&ranked[0]), "UDP is tried first");
        // RFC 6544 §4.2: the direction is in the upper three bits of the local preference.
        assert!(ranked.iter().all(|one| priority(one) >> 21 & 7 == 4 && priority(one) >> 24 == 126));
        assert!(
            ranked[2].contains(" 1 tcp ") && ranked[2].ends_with(" 192.0.2.1 8189 typ host tcptype passive")
        );
        assert_ne!(passive(&four, 0).split(' ').next(), candidate(&four, 0).split(' ').next(), "foundations");
    }

    #[test]
    fn where_we_connect_we_say_no_port_and_what_waits_for_it_is_found() {
        let address = SocketAddr::from(([192, 0, 2, 1], 8189));
        let ours = active(&address, 0);
        assert!(ours.ends_with(" 192.0.2.1 9 typ host tcptype active"), "{ours}");
        let theirs = passive(&address, 0);
        assert!(is_passive(&theirs) && !is_usable(&theirs), "{theirs}");
        for other in [&ours, &candidate(&address, 0), &theirs.replace("192.0.2.1", "server.local")] {
            assert!(!is_passive(other), "{other}");
        }
    }
}
