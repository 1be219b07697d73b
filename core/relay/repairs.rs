//! What may be sent to one viewer again: on a line that loses because too much is sent, all that is asked
//! for again would only make it worse.
//!
//! Owns the budget of a second and the memory of what was sent again lately. Reads no clock.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::history::MOST_PACKETS;

/// Packets sent again in a second: more would double what a lossy path has to carry.
const MOST_RESENT: u32 = 500;
/// The part of what its connection can take that may go into sending again, once that is known.
const SHARE: u64 = 2;
/// How often one packet is sent again. Browsers ask no more than ten times; other viewers do not notice
/// that RTX has brought it, and would ask for as long as they remember it.
const MOST_TIMES: u8 = 10;
const SECOND: Duration = Duration::from_secs(1);

#[derive(Default)]
pub struct Repairs {
    since: Option<Instant>,
    packets: u32,
    bits: u64,
    /// By its count in the stream, how often and when last each packet was sent again.
    lately: BTreeMap<u64, (u8, Instant)>,
}

/// What is known of a viewer's line.
#[derive(Clone, Copy)]
pub struct Line {
    pub rtt: Option<Duration>,
    /// The most bits a second it can take.
    pub limit: u64,
}

/// What to do about a packet that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    Send,
    /// It was sent again within the last round trip.
    OnItsWay,
    /// The budget is spent, or more of the same will not help.
    Refuse,
}

impl Repairs {
    /// What to do about packet `count` of the stream, of `bytes`. One that is to be sent is counted as sent.
    pub fn ask(&mut self, now: Instant, count: u64, bytes: usize, line: Line) -> Repair {
        if self.since.is_none_or(|since| now.saturating_duration_since(since) >= SECOND) {
            (self.since, self.packets, self.bits) = (Some(now), 0, 0);
        }
        let bits = self.bits + 8 * bytes as u64;
        let (times, last) = self.lately.get(&count).copied().unzip();
        if last.is_some_and(|last| now.saturating_duration_since(last) < line.rtt.unwrap_or_default()) {
            return Repair::OnItsWay;
        }
        if times == Some(MOST_TIMES) || self.packets == MOST_RESENT || bits > line.limit / SHARE {
            return Repair::Refuse;
        }
        (self.packets, self.bits) = (self.packets + 1, bits);
        self.lately.insert(count, (times.unwrap_or(0) + 1, now));
        if self.lately.len() > MOST_PACKETS {
            self.lately.pop_first();
        }
        Repair::Send
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Line = Line { rtt: Some(Duration::from_millis(50)), limit: u64::MAX };

    /// How many of `asked` (a count, and milliseconds from the start) are sent again.
    fn sent(asked: impl IntoIterator<Item = (u64, u64)>, line: Line) -> usize {
        let (now, mut repairs) = (Instant::now(), Repairs::default());
        let sent = asked
            .into_iter()
            .map(|(count, at)| repairs.ask(now + Duration::from_millis(at), count, 1_000, line))
            .filter(|repair| *repair == Repair::Send);
        sent.count()
    }

    #[test]
    fn a_packet_on_its_way_is_not_sent_once_more() {
        assert_eq!(sent([(7, 0), (7, 49), (8, 49), (7, 50)], FREE), 3);
    }

    #[test]
    fn a_viewer_that_asks_for_ever_is_sent_a_packet_ten_times() {
        assert_eq!(sent((0..500).map(|n| (7, 100 * n)), FREE), 10);
    }

    #[test]
    fn a_second_has_a_budget_and_a_thin_line_a_smaller_one() {
        assert_eq!(sent((0..2_000).map(|n| (n, 0)), FREE), 500);
        assert_eq!(sent((0..2_000).map(|n| (n, 0)), Line { limit: 160_000, ..FREE }), 10);
        assert_eq!(sent((0..2_000).map(|n| (n, n)), Line { limit: 160_000, ..FREE }), 20);
    }
}
