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

/// What to do with a datagram.
#[derive(Debug)]
pub enum Turn {
    /// Give it to the agent.
    Now(Inbound),
    /// Give it to the agent, then this earlier nomination, which it can now use.
    Then(Inbound, Inbound),
    /// It waits until ICE is connected.
    Held,
}

impl Early {
    pub fn turn(&mut self, inbound: Inbound) -> Turn {
        if self.connected {
            return Turn::Now(inbound);
        }
        let is_dtls = inbound.bytes.first().is_some_and(|first| (20..64).contains(first));
        if is_dtls {
            if self.held.len() < MOST_HELD {
                self.held.push(inbound);
            }
            return Turn::Held;
        }
        match Stun::read(&inbound.bytes).map(|stun| (stun.class, stun.nominates())) {
            Some((Class::Request, true)) => self.nomination = Some(inbound.clone()),
            Some((Class::Success, _)) => {
                if let Some(nomination) = self.nomination.take_if(|earlier| earlier.far() == inbound.far()) {
                    return Turn::Then(inbound, nomination);
                }
            }
            _ => {}
        }
        Turn::Now(inbound)
    }

    /// ICE is connected: what was held can be taken now.
    pub fn connected(&mut self) -> Vec<Inbound> {
        self.connected = true;
        self.nomination = None;
        std::mem::take(&mut self.held)
    }
}
