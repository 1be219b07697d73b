//! Where the other end of a connection is: its address, and the protocol it is reached by.

use std::net::SocketAddr;

use rtc::shared::TransportProtocol;

/// What carries datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    Udp,
    /// In frames of RFC 4571, for viewers whose network lets no UDP through (ICE-TCP, RFC 6544).
    Tcp,
}

impl Transport {
    /// As statistics of browsers have it.
    pub fn name(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        }
    }
}

impl From<TransportProtocol> for Transport {
    fn from(protocol: TransportProtocol) -> Transport {
        match protocol {
            TransportProtocol::TCP => Transport::Tcp,
            _ => Transport::Udp,
        }
    }
}

impl From<Transport> for TransportProtocol {
    fn from(protocol: Transport) -> TransportProtocol {
        match protocol {
            Transport::Udp => TransportProtocol::UDP,
            Transport::Tcp => TransportProtocol::TCP,
        }
    }
}

/// One other end. The same address by another protocol is somebody else's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Far {
    pub protocol: Transport,
    pub address: SocketAddr,
}

impl Far {
    #[cfg(test)]
    pub fn udp(address: SocketAddr) -> Far {
        Far { protocol: Transport::Udp, address }
    }

    pub fn tcp(address: SocketAddr) -> Far {
        Far { protocol: Transport::Tcp, address }
    }
}
