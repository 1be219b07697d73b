//! A network in memory that delays every datagram, and loses some by seed.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::relay::peer::Datagram;

pub struct Network {
    random: StdRng,
    /// Share of datagrams lost, 0..=1.
    pub loss: f64,
    delay: Duration,
    under_way: VecDeque<(Instant, Datagram)>,
}

impl Network {
    pub fn new(seed: u64, delay: Duration) -> Network {
        Network { random: StdRng::seed_from_u64(seed), loss: 0.0, delay, under_way: VecDeque::new() }
    }

    pub fn carry(&mut self, now: Instant, datagram: Datagram) {
        if !self.random.random_bool(self.loss) {
            self.under_way.push_back((now + self.delay, datagram));
        }
    }

    /// The next datagram that has arrived by `now`.
    pub fn arrived(&mut self, now: Instant) -> Option<Datagram> {
        let (at, _) = self.under_way.front()?;
        if *at > now {
            return None;
        }
        self.under_way.pop_front().map(|(_, datagram)| datagram)
    }
}
