//! What is known of one viewer, as numbers: counted by us and reported by it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::demux::PeerId;
use super::far::Transport;
use super::meter::Meter;
use super::ntp;

/// Our own reports that a viewer may still echo.
const MOST_ECHOES: usize = 8;

/// The relay's tables of what it holds for sessions, and how many entries each has.
pub type Tables = Vec<(&'static str, usize)>;

/// One viewer's session at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionStats {
    /// Counts sessions from 1 since the start of the process. Not the session's secret name.
    pub number: u64,
    /// The address it is reached at, once ICE has proved one.
    pub address: Option<SocketAddr>,
    /// What carries its media, once there is a way.
    pub protocol: Option<Transport>,
    /// How long media has been flowing; `None` while it connects.
    pub connected: Option<Duration>,
    /// Media payload sent over the last second, in bits per second.
    pub bitrate: u64,
    pub counts: Counts,
    /// Share of packets lost, 0..=1, as the viewer reported last.
    pub loss: f32,
    /// As the viewer reported last.
    pub jitter: Duration,
    /// Round trip by sender and receiver reports.
    pub rtt: Option<Duration>,
    /// What the viewer believes it can take, in bits per second (REMB).
    pub estimate: Option<u64>,
    /// Detections messages sent, and those skipped because earlier ones still waited.
    pub detections_sent: u64,
    pub detections_skipped: u64,
    /// Datagrams that found no room to wait for a full socket.
    pub unsent: u64,
}

/// What only rises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets sent, retransmissions not counted.
    pub packets: u64,
    /// Reports of missing packets.
    pub nacks: u64,
    /// Packets sent again.
    pub resent: u64,
    /// Missing packets that were too old, or too many, to be sent again.
    pub unrepaired: u64,
    /// Reports of lost pictures (PLI and FIR).
    pub plis: u64,
    /// How often it was dropped to the next keyframe because it was slow.
    pub dropped_to_key: u64,
    /// Pictures of upper temporal layers left out for it because it was slow.
    pub thinned: u64,
}

/// What sessions have counted together, those that have ended included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub sessions: u64,
    pub counts: Counts,
}

impl Totals {
    pub fn add(&mut self, more: Totals) {
        self.sessions += more.sessions;
        let (all, more) = (&mut self.counts, more.counts);
        all.packets += more.packets;
        all.nacks += more.nacks;
        all.resent += more.resent;
        all.unrepaired += more.unrepaired;
        all.plis += more.plis;
        all.dropped_to_key += more.dropped_to_key;
        all.thinned += more.thinned;
    }
}

/// One viewer's numbers while they are being counted.
pub struct Figures {
    number: u64,
    connected: Option<Instant>,
    meter: Meter,
    loss: f32,
    jitter: Duration,
    echoes: VecDeque<(u32, Instant)>,
    pub address: Option<SocketAddr>,
    pub protocol: Option<Transport>,
    pub rtt: Option<Duration>,
    pub estimate: Option<u64>,
    pub counts: Counts,
    pub bytes: u64,
    pub told: u64,
    pub untold: u64,
    pub unsent: u64,
}

impl Figures {
    pub fn new(id: PeerId) -> Figures {
        Figures {
            number: id.0,
            connected: None,
            meter: Meter::default(),
            loss: 0.0,
            jitter: Duration::ZERO,
            echoes: VecDeque::new(),
            address: None,
            protocol: None,
            rtt: None,
            estimate: None,
            counts: Counts::default(),
            bytes: 0,
            told: 0,
            untold: 0,
            unsent: 0,
        }
    }

    pub fn connected(&mut self, now: Instant) {
        self.connected = Some(now);
    }

    pub fn is_connected(&self) -> bool {
        self.connected.is_some()
    }

    pub fn sent(&mut self, now: Instant, payload: usize) {
        self.counts.packets += 1;
        self.bytes += payload as u64;
        self.meter.add(now, payload);
    }

    /// Media payload sent over the last second, in bits per second.
    pub fn bitrate(&mut self, now: Instant) -> u64 {
        self.meter.read(now).bits
    }

    /// We sent a report that carries `ntp`.
    pub fn reported(&mut self, now: Instant, ntp: u64) {
        if self.echoes.len() == MOST_ECHOES {
            self.echoes.pop_front();
        }
        self.echoes.push_back((ntp::middle(ntp), now));
    }

    /// The viewer sent a report.
    pub fn heard(&mut self, now: Instant, loss: f32, jitter: u32, echo: Option<(u32, Duration)>) {
        self.loss = loss;
        self.jitter = Duration::from_secs_f64(f64::from(jitter) / 90_000.0);
        let echoed = echo.and_then(|(middle, held)| {
            let (_, sent) = self.echoes.iter().find(|(of, _)| *of == middle)?;
            now.saturating_duration_since(*sent).checked_sub(held)
        });
        self.rtt = echoed.or(self.rtt);
    }

    /// What this session counted.
    pub fn totals(&self) -> Totals {
        Totals { sessions: 1, counts: self.counts }
    }

    pub fn snapshot(&mut self, now: Instant) -> SessionStats {
        SessionStats {
            number: self.number,
            address: self.address,
            protocol: self.protocol,
            connected: self.connected.map(|since| now.saturating_duration_since(since)),
            bitrate: self.meter.read(now).bits,
            counts: self.counts,
            loss: self.loss,
            jitter: self.jitter,
            rtt: self.rtt,
            estimate: self.estimate,
            detections_sent: self.told,
            detections_skipped: self.untold,
            unsent: self.unsent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_round_trip_leaves_out_the_time_the_viewer_held_the_report() {
        let start = Instant::now();
        let mut figures = Figures::new(PeerId(1));
        let ntp = 0x1234_5678_9abc_def0;
        figures.reported(start, ntp);
        let echo = Some((ntp::middle(ntp), Duration::from_millis(70)));
        figures.heard(start + Duration::from_millis(100), 0.25, 900, echo);
        let snapshot = figures.snapshot(start);
        assert_eq!(snapshot.rtt, Some(Duration::from_millis(30)));
        assert_eq!((snapshot.loss, snapshot.jitter), (0.25, Duration::from_millis(10)));
        figures.heard(start, 0.0, 0, Some((1, Duration::ZERO)));
        assert_eq!(figures.snapshot(start).rtt, Some(Duration::from_millis(30)));
    }
}
