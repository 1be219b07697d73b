//! Datagrams that come before the ICE agent can use them, kept and played to it again in time.
//!
//! As the controlled side the agent forgets a nomination that arrives before its own check has
//! succeeded, and what comes before a pair is selected (the first DTLS flight) is dropped. Either
//! costs the viewer a retransmission timer, 0.1 to 1 s, of which a connect on a LAN needs none.

use std::net::SocketAddr;

use bytes::BytesMut;

use super::far::{Far, Transport};
use super::stun::{Class, Stun};

/// DTLS datagrams held: more than one flight has.
const MOST_HELD: usize = 8;

/// A datagram as it came in.
#[derive(Clone, Debug)]
pub struct Inbound {
    /// Our address it was sent to.
    pub to: SocketAddr,
    pub from: SocketAddr,
    pub protocol: Transport,
    pub bytes: BytesMut,
}

impl Inbound {
    pub fn far(&self) -> Far {
        Far { protocol: self.protocol, address: self.from }
    }
}

#[derive(Default)]
pub struct Early {
    nomination: Option<Inbound>,
    held: Vec<Inbound>,
    connected: bool,
}

impl Early {
    /// What the agent is to be given now that `inbound` has come: it, and after it an earlier nomination
    /// that can be used with it; or nothing yet.
    pub fn turn(&mut self, inbound: Inbound) -> impl Iterator<Item = Inbound> + use<> {
        self.due(inbound).into_iter().flatten()
    }

    fn due(&mut self, inbound: Inbound) -> [Option<Inbound>; 2] {
        if self.connected {
            return [Some(inbound), None];
        }
        let is_dtls = inbound.bytes.first().is_some_and(|first| (20..64).contains(first));
        if is_dtls {
            if self.held.len() < MOST_HELD {
                self.held.push(inbound);
            }
            return [None, None];
        }
        match Stun::read(&inbound.bytes).map(|stun| (stun.class, stun.nominates())) {
            Some((Class::Request, true)) => self.nomination = Some(inbound.clone()),
            Some((Class::Success, _)) => {
                let nomination = self.nomination.take_if(|earlier| earlier.far() == inbound.far());
                return [Some(inbound), nomination];
            }
            _ => {}
        }
        [Some(inbound), None]
    }

    /// ICE is connected: what was held can be taken now.
    pub fn connected(&mut self) -> Vec<Inbound> {
        self.connected = true;
        self.nomination = None;
        std::mem::take(&mut self.held)
    }
}
