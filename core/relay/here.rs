//! Whether a datagram comes from this very machine.
//!
//! A server for this machine alone takes media at all of the machine's addresses all the same: Firefox sends
//! none to `127.0.0.1`, even where it runs beside the server, and does to the others. What others send there
//! ends here. They cannot pass for this machine: a kernel drops what comes in from outside with an address
//! of its own as the sender's. (No socket option does it: what a machine sends to itself counts as received
//! by the interface that has the address, not by the loopback device.)

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::addresses;

/// Unknown senders make us ask for the machine's addresses, which change; no more often than this.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// The machine's own addresses, as last asked for.
pub struct Here {
    own: Vec<IpAddr>,
    asked: Option<Instant>,
}

impl Here {
    pub fn new() -> Here {
        Here { own: vec![], asked: None }
    }

    /// One that takes the machine to have no address but loopback ones.
    #[cfg(test)]
    pub fn alone() -> Here {
        Here { own: vec![], asked: Some(Instant::now() + ASK_EVERY * 1000) }
    }

    pub fn is(&mut self, from: IpAddr) -> bool {
        from.is_loopback() || self.own.contains(&from) || self.ask(Instant::now()) && self.own.contains(&from)
    }

    /// Whether it was time to.
    fn ask(&mut self, now: Instant) -> bool {
        let due = self.asked.is_none_or(|asked| now.saturating_duration_since(asked) >= ASK_EVERY);
        if due {
            self.asked = Some(now);
            self.own = addresses::interfaces().map(|(_, ip)| ip).collect();
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_addresses_are_here_and_others_are_not() {
        let mut here = Here::new();
        assert!(addresses::interfaces().all(|(_, own)| here.is(own)));
        assert!(here.is(IpAddr::from([127, 3, 2, 1])) && here.is("::1".parse().unwrap()));
        for elsewhere in ["192.0.2.199", "203.0.113.7", "8.8.8.8", "2001:db8::1"] {
            assert!(!here.is(elsewhere.parse().unwrap()), "{elsewhere}");
        }
    }
}
