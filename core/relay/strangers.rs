//! How much is read from addresses that are nobody's yet, so that whoever floods the port costs little.
//!
//! Owns memory that does not grow however many send.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Datagrams a second from one address that belongs to nobody yet. A joining browser sends a
/// dozen.
pub const MOST_FROM_STRANGER: u32 = 200;
/// As many more for each session that has not proved an address yet: they may all be behind one.
const MORE_FOR_EACH_JOINING: u32 = 50;
/// Addresses are counted in this many groups, so that the count needs no memory that grows.
const STRANGER_GROUPS: usize = 1024;

/// Counts datagrams of strangers by group of addresses, a second at a time.
pub struct Strangers {
    counts: Vec<u32>,
    /// The most that was allowed since this second began: who joined meanwhile has been counted too.
    most: u32,
    second: Option<Instant>,
    // Keyed at random: nobody can choose addresses that share a group with a victim's.
    hasher: RandomState,
}

impl Strangers {
    pub fn new() -> Strangers {
        Strangers { counts: vec![0; STRANGER_GROUPS], most: 0, second: None, hasher: RandomState::new() }
    }

    /// Counts a datagram from `from`, while `joining` sessions have not proved an address yet.
    pub fn is_too_much(&mut self, now: Instant, from: IpAddr, joining: u32) -> bool {
        let most = MOST_FROM_STRANGER + joining.saturating_mul(MORE_FOR_EACH_JOINING);
        let begun = *self.second.get_or_insert(now);
        if now.saturating_duration_since(begun) >= Duration::from_secs(1) {
            self.counts.fill(0);
            (self.most, self.second) = (0, Some(now));
        }
        self.most = self.most.max(most);
        let group = self.hasher.hash_one(from) as usize % STRANGER_GROUPS;
        self.counts[group] = self.counts[group].saturating_add(1);
        self.counts[group] > self.most
    }
}
