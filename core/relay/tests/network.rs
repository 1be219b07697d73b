//! A network in memory that delays every datagram, and for chosen ends also loses, reorders and
//! holds back to a rate, all by seed.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::relay::peer::Datagram;

/// What a slow path lets wait before it loses: what home routers do.
const QUEUE: Duration = Duration::from_millis(300);

/// One end's way to the relay and back.
#[derive(Clone, Copy, Debug, Default)]
pub struct Way {
    /// Share of datagrams lost, 0..=1.
    pub loss: f64,
    /// Each is held back by up to this much more than the others, so that they overtake each other.
    pub jitter: Duration,
    /// The most bits a second it carries to this end.
    pub rate: Option<u32>,
    /// Whether it keeps DTLS back, and nothing else.
    pub without_dtls: bool,
}

pub struct Network {
    random: StdRng,
    /// Share of datagrams lost on every way, 0..=1.
    pub loss: f64,
    pub ways: HashMap<SocketAddr, Way>,
    delay: Duration,
    /// When a slow way has carried what it was given.
    busy: HashMap<SocketAddr, Instant>,
    under_way: BTreeMap<(Instant, u64), Datagram>,
    count: u64,
}

impl Network {
    pub fn new(seed: u64, delay: Duration) -> Network {
        Network {
            random: StdRng::seed_from_u64(seed),
            loss: 0.0,
            ways: HashMap::new(),
            delay,
            busy: HashMap::new(),
            under_way: BTreeMap::new(),
            count: 0,
        }
    }

    pub fn carry(&mut self, now: Instant, datagram: Datagram) {
        let way = [datagram.to, datagram.from].iter().find_map(|end| self.ways.get(end)).copied();
        let way = way.unwrap_or_default();
        let is_dtls = datagram.bytes.first().is_some_and(|first| (20..64).contains(first));
        if self.random.random_bool(self.loss.max(way.loss)) || way.without_dtls && is_dtls {
            return;
        }
        let Some(left) = self.leaves(now, &way, &datagram) else { return };
        let held = self.random.random_range(Duration::ZERO..=way.jitter);
        self.count += 1;
        self.under_way.insert((left + self.delay + held, self.count), datagram);
    }

    /// When the datagram has got through; `None` if the way's queue has no room for it.
    fn leaves(&mut self, now: Instant, way: &Way, datagram: &Datagram) -> Option<Instant> {
        let Some(rate) = way.rate.filter(|_| self.ways.contains_key(&datagram.to)) else { return Some(now) };
        let free = self.busy.get(&datagram.to).copied().unwrap_or(now).max(now);
        // 28 bytes of IP and UDP headers come on top.
        let takes = Duration::from_secs_f64((datagram.bytes.len() + 28) as f64 * 8.0 / f64::from(rate));
        if free + takes > now + QUEUE {
            return None;
        }
        self.busy.insert(datagram.to, free + takes);
        Some(free + takes)
    }

    /// The next datagram that has arrived by `now`.
    pub fn arrived(&mut self, now: Instant) -> Option<Datagram> {
        let first = self.under_way.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}
