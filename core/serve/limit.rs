//! How often one address may ask for what costs something: a bucket each, filled as time goes by.
//!
//! Owns memory that does not grow however many addresses call. An answered offer costs a few
//! milliseconds of key exchange, and a wrong token is one guess.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::caller::Caller;

/// Addresses share this many buckets. Two that meet in one share its limit, which is rare and mild.
const BUCKETS: usize = 4096;

/// Whether a caller may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    Within,
    TooMuch,
}

pub struct Limit {
    per_minute: f64,
    buckets: Mutex<Vec<Bucket>>,
    // Keyed at random: nobody can choose addresses that share a bucket with a victim's.
    hasher: RandomState,
}

#[derive(Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Limit {
    pub fn new(per_minute: u32) -> Limit {
        let full = Bucket { left: f64::from(per_minute), at: Instant::now() };
        Limit {
            per_minute: f64::from(per_minute),
            buckets: Mutex::new(vec![full; BUCKETS]),
            hasher: RandomState::new(),
        }
    }

    /// Takes one from the caller's bucket.
    pub fn spend(&self, caller: &Caller) -> Spent {
        self.spend_at(Instant::now(), caller)
    }

    fn spend_at(&self, now: Instant, caller: &Caller) -> Spent {
        let index = self.hasher.hash_one(caller) as usize % BUCKETS;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let Bucket { left, at } = &mut buckets[index];
        let minutes = now.saturating_duration_since(*at).as_secs_f64() / 60.0;
        *left = (*left + minutes * self.per_minute).min(self.per_minute);
        *at = now;
        if *left < 1.0 {
            return Spent::TooMuch;
        }
        *left -= 1.0;
        Spent::Within
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn one_address_has_its_share_a_minute_and_takes_nothing_from_another() {
        let (limit, start) = (Limit::new(10), Instant::now());
        let greedy = Caller::at([192, 0, 2, 1].into());
        let granted = (0..100).filter(|_| limit.spend_at(start, &greedy) == Spent::Within).count();
        assert_eq!(granted, 10);
        let later = start + Duration::from_secs(7);
        assert_eq!(limit.spend_at(later, &greedy), Spent::Within, "one more every six seconds");
        assert_eq!(limit.spend_at(later, &greedy), Spent::TooMuch);
        let others = (0..50).map(|last| Caller::at([198, 51, 100, last].into()));
        let served = others.filter(|other| limit.spend_at(start, other) == Spent::Within).count();
        assert!(served >= 49, "{served} of 50 others");
    }
}
