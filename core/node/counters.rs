//! Numbers a node counts about itself, read by whoever reports on the graph.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// At most this many names per node: a plugin may not fill the metrics with names of its own.
const MOST_NAMES: usize = 64;

/// One number. A clone is the same number.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Counts on; at the most a number can hold it stays there, since plugins may add what they like.
    pub fn add(&self, more: u64) {
        let before = self.0.fetch_add(more, Ordering::Relaxed);
        if before.checked_add(more).is_none() {
            self.set(u64::MAX);
        }
    }

    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The numbers of one node by name. A clone is the same set.
#[derive(Clone, Debug, Default)]
pub struct Counters(Arc<Mutex<BTreeMap<String, Counter>>>);

impl Counters {
    /// The number called `name`, made if need be. Past the most names a node may have, a number
    /// that nobody reads.
    pub fn named(&self, name: &str) -> Counter {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get(name) {
            Some(counter) => counter.clone(),
            None if all.len() >= MOST_NAMES => Counter::default(),
            None => all.entry(name.to_owned()).or_default().clone(),
        }
    }

    pub fn snapshot(&self) -> Vec<(String, u64)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(name, counter)| (name.clone(), counter.get())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_is_full_stays_full() {
        let counter = Counter::default();
        counter.add(7);
        counter.add(u64::MAX);
        counter.add(1);
        assert_eq!(counter.get(), u64::MAX);
    }

    #[test]
    fn names_are_bounded_and_numbers_shared() {
        let counters = Counters::default();
        counters.named("traps").add(2);
        counters.named("traps").add(1);
        for index in 0..100 {
            counters.named(&format!("n{index}")).add(1);
        }
        assert_eq!(counters.named("traps").get(), 3);
        assert_eq!(counters.snapshot().len(), MOST_NAMES);
    }
}
