//! The RTP sequence numbers of one viewer, without gaps whatever it was spared.
//!
//! Owns the map between a stream's packet counts and a viewer's numbers: a number answers a NACK
//! with the packet it once stood for. A viewer that skips pictures starts a new run; runs are few.

use std::collections::VecDeque;

/// Runs remembered. More skips than this within the history make the oldest packets unrepairable.
const MOST_RUNS: usize = 128;

/// Consecutive packets of the stream under consecutive numbers.
#[derive(Clone, Copy)]
struct Run {
    number: u64,
    count: u64,
}

pub struct Sequencer {
    runs: VecDeque<Run>,
    /// The number of the next packet, not cut to 16 bits.
    next: u64,
    /// The count that would carry the last run on.
    following: u64,
}

impl Sequencer {
    /// Starts at `first`; RFC 3550 §5.1 wants a random one.
    pub fn new(first: u16) -> Sequencer {
        // One turn of the counter up, so that looking back from the first packets stays positive.
        Sequencer { runs: VecDeque::new(), next: u64::from(first) + (1 << 16), following: 0 }
    }

    /// The number for packet `count` of the stream. Counts rise.
    pub fn number(&mut self, count: u64) -> u16 {
        if self.runs.is_empty() || count != self.following {
            if self.runs.len() == MOST_RUNS {
                self.runs.pop_front();
            }
            self.runs.push_back(Run { number: self.next, count });
        }
        self.following = count + 1;
        self.next += 1;
        (self.next - 1) as u16
    }

    /// Which packet of the stream `number` stood for: the latest one sent under it.
    pub fn count(&self, number: u16) -> Option<u64> {
        let behind = (self.next as u16).wrapping_sub(number).wrapping_sub(1);
        let whole = self.next.checked_sub(1 + u64::from(behind))?;
        let run = self.runs.iter().rev().find(|run| run.number <= whole)?;
        Some(run.count + (whole - run.number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_gaps_and_lead_back_to_their_packets() {
        let mut sequencer = Sequencer::new(65_530);
        let counts: Vec<u64> = (100..110).chain(200..220).chain(500..510).collect();
        let numbers: Vec<u16> = counts.iter().map(|&count| sequencer.number(count)).collect();
        for pair in numbers.windows(2) {
            assert_eq!(pair[1], pair[0].wrapping_add(1));
        }
        for (count, number) in counts.iter().zip(&numbers) {
            assert_eq!(sequencer.count(*number), Some(*count));
        }
    }

    #[test]
    fn a_number_never_given_is_unknown() {
        let mut sequencer = Sequencer::new(10);
        assert_eq!(sequencer.count(10), None);
        sequencer.number(7);
        assert_eq!(sequencer.count(10), Some(7));
        assert_eq!(sequencer.count(11), None);
        assert_eq!(sequencer.count(9), None);
    }

    #[test]
    fn skipping_for_ever_stays_bounded() {
        let mut sequencer = Sequencer::new(0);
        for count in (0..100_000).step_by(2) {
            sequencer.number(count);
        }
        assert_eq!(sequencer.runs.len(), MOST_RUNS);
    }
}
