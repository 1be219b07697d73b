//! Packets of one stream in the order they were sent in, and which of them are asked for again.
//!
//! Owns how long a missing packet is waited for and how many wait meanwhile. What a packet holds is
//! `assembler`'s business. Reads no clock.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::relay::peer::Packet;

/// A fifth of a second at 50 Mb/s: what waits for one that is missing.
const MOST_WAITING: usize = 1024;
/// More than this in a row are not asked for again: a keyframe comes sooner.
const MOST_MISSING: u64 = 512;
/// Numbers that are further behind than this are those of a new beginning (RFC 3550 §A.1).
const MOST_BEHIND: i64 = 3000;
/// Packets that merely overtook each other on the way are not asked for.
const OVERTAKEN: Duration = Duration::from_millis(10);
/// How often one packet is asked for.
const MOST_ASKED: u32 = 4;
/// From one time to the next: the round trip and a half, and this long before it is known.
const FIRST_PAUSE: Duration = Duration::from_millis(80);
const LEAST_PAUSE: Duration = Duration::from_millis(20);
const MOST_PAUSE: Duration = Duration::from_millis(300);

/// What comes next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    Packet(Packet),
    /// So many packets are missing for good between the last one and what comes after; 0 where it
    /// cannot be known, at a beginning.
    Gap(u64),
}

#[derive(Default)]
pub struct Reorder {
    /// The number that comes next, counted on past the wrap.
    next: Option<u64>,
    /// One more than the highest number that is known of.
    end: u64,
    /// Whether it has not been told yet that this is a beginning.
    is_new: bool,
    waiting: BTreeMap<u64, Packet>,
    missing: BTreeMap<u64, Missing>,
    round_trip: Option<Duration>,
}

struct Missing {
    since: Instant,
    asked: u32,
    last: Instant,
}

impl Reorder {
    pub fn push(&mut self, now: Instant, packet: Packet) {
        let Some(next) = self.next else { return self.begin(packet) };
        let ahead = i64::from(packet.number.wrapping_sub(next as u16) as i16);
        let count = next.saturating_add_signed(ahead);
        if ahead < -MOST_BEHIND || count > self.end + MOST_MISSING {
            return self.begin(packet);
        }
        // It came twice, or after it had been given up.
        if count < next {
            return;
        }
        if let Some(found) = self.missing.remove(&count)
            && found.asked == 1
        {
            self.round_trip = Some(now.saturating_duration_since(found.last));
        }
        for count in self.end..count {
            self.missing.insert(count, Missing { since: now, asked: 0, last: now });
        }
        self.end = self.end.max(count + 1);
        self.waiting.insert(count, packet);
    }

    /// What comes next, if it is decided.
    pub fn pop(&mut self, now: Instant) -> Option<Next> {
        let next = self.next?;
        if std::mem::take(&mut self.is_new) {
            return Some(Next::Gap(0));
        }
        if let Some(packet) = self.waiting.remove(&next) {
            self.next = Some(next + 1);
            return Some(Next::Packet(packet));
        }
        let (&first, _) = self.waiting.first_key_value()?;
        let is_over = self.missing.get(&next).is_some_and(|missing| now >= self.given_up_at(missing));
        if !is_over && self.waiting.len() < MOST_WAITING {
            return None;
        }
        self.missing = self.missing.split_off(&first);
        self.next = Some(first);
        Some(Next::Gap(first - next))
    }

    /// The numbers of packets to be asked for now.
    pub fn ask(&mut self, now: Instant) -> Vec<u16> {
        let pause = self.pause();
        let due = |missing: &Missing| missing.asked < MOST_ASKED && now >= ask_at(missing, pause);
        let due = self.missing.iter_mut().filter(|(_, missing)| due(missing));
        due.map(|(count, missing)| {
            (missing.asked, missing.last) = (missing.asked + 1, now);
            *count as u16
        })
        .collect()
    }

    /// When [`ask`](Reorder::ask) and [`pop`](Reorder::pop) have something to say again.
    pub fn deadline(&self) -> Option<Instant> {
        let at = |missing: &Missing| ask_at(missing, self.pause());
        self.missing.values().map(at).min()
    }

    /// The numbers of a new beginning; what waited is as good as missing.
    fn begin(&mut self, packet: Packet) {
        // Far from zero, so that what comes before the first is a number too.
        let count = (1 << 32) + u64::from(packet.number);
        self.missing.clear();
        self.waiting.clear();
        (self.next, self.end, self.is_new) = (Some(count), count + 1, true);
        self.waiting.insert(count, packet);
    }

    fn pause(&self) -> Duration {
        self.round_trip.map_or(FIRST_PAUSE, |trip| (trip * 3 / 2).clamp(LEAST_PAUSE, MOST_PAUSE))
    }

    fn given_up_at(&self, missing: &Missing) -> Instant {
        let left = MOST_ASKED - missing.asked;
        ask_at(missing, self.pause()) + self.pause() * left
    }
}

/// When it is asked for next, or given up once it has been asked for often enough.
fn ask_at(missing: &Missing, pause: Duration) -> Instant {
    if missing.asked == 0 { missing.since + OVERTAKEN } else { missing.last + pause }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn packet(number: u16) -> Packet {
        Packet { ssrc: 1, number, time: 0, marker: false, payload: Bytes::new() }
    }

    /// What has been decided: packets by number, gaps as what is below zero by one more than their length.
    fn popped(reorder: &mut Reorder, now: Instant) -> Vec<i64> {
        std::iter::from_fn(|| reorder.pop(now))
            .map(|next| match next {
                Next::Packet(packet) => i64::from(packet.number),
                Next::Gap(count) => -1 - count as i64,
            })
            .collect()
    }

    fn begun(now: Instant, first: u16) -> Reorder {
        let mut reorder = Reorder::default();
        reorder.push(now, packet(first));
        assert_eq!(popped(&mut reorder, now), [-1, i64::from(first)]);
        reorder
    }

    #[test]
    fn packets_that_overtook_each_other_come_in_order_once_and_none_is_asked_for() {
        let now = Instant::now();
        let mut reorder = begun(now, 65_533);
        for number in [65_535, 65_534, 1, 65_535, 0] {
            reorder.push(now, packet(number));
            assert!(reorder.ask(now + OVERTAKEN / 2).is_empty());
        }
        assert_eq!(popped(&mut reorder, now), [65_534, 65_535, 0, 1]);
        assert_eq!(reorder.deadline(), None);
    }

    #[test]
    fn one_that_is_missing_is_asked_for_until_it_comes() {
        let now = Instant::now();
        let mut reorder = begun(now, 7);
        reorder.push(now, packet(10));
        assert!(popped(&mut reorder, now).is_empty());
        let first = reorder.deadline().unwrap();
        assert_eq!(reorder.ask(first), [8, 9]);
        assert!(reorder.ask(first).is_empty(), "not again at once");
        reorder.push(first, packet(9));
        let again = reorder.deadline().unwrap();
        assert_eq!(reorder.ask(again), [8]);
        reorder.push(again, packet(8));
        assert_eq!(popped(&mut reorder, again), [8, 9, 10]);
    }

    #[test]
    fn one_that_never_comes_is_given_up_and_told() {
        let start = Instant::now();
        let (mut now, mut asked) = (start, 0);
        let mut reorder = begun(now, 7);
        reorder.push(now, packet(9));
        reorder.push(now, packet(10));
        while popped(&mut reorder, now).is_empty() {
            asked += reorder.ask(now).len();
            now = reorder.deadline().expect("there is something to wait for").max(now);
            assert!(now < start + Duration::from_secs(1), "it is waited for without end");
        }
        assert_eq!((asked, reorder.next.map(|next| next as u16)), (4, Some(11)));
        reorder.push(now, packet(8));
        assert!(popped(&mut reorder, now).is_empty(), "it is too late now");
    }

    #[test]
    fn what_waits_is_bounded() {
        let now = Instant::now();
        let mut reorder = begun(now, 0);
        (2..2000).for_each(|number| reorder.push(now, packet(number)));
        let given = popped(&mut reorder, now);
        assert_eq!(given[0], -2);
        assert_eq!(given.len(), 1999);
        assert!(reorder.missing.is_empty() && reorder.waiting.is_empty());
    }

    #[test]
    fn numbers_that_jump_are_a_new_beginning() {
        let now = Instant::now();
        let mut reorder = begun(now, 10);
        reorder.push(now, packet(20_000));
        reorder.push(now, packet(20_001));
        assert_eq!(popped(&mut reorder, now), [-1, 20_000, 20_001]);
        assert!(reorder.ask(now + OVERTAKEN).is_empty());
    }
}
