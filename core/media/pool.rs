//! The bounded store that frame memory comes from and goes back to.
//!
//! Owns idle buffers, sorted by exact length, and the account of what is out. In steady state
//! every `take` is served from an idle buffer: the running graph allocates no frame memory.
//! Leaves what the bytes mean to `plane` and `frame`.

use std::collections::HashMap;
use std::fmt;
use std::iter::repeat_n;
use std::mem;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A handle to one graph's frame memory. Clones share the same store.
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    limit: usize,
    idle: HashMap<usize, Vec<Arc<[u8]>>>,
    idle_bytes: usize,
    out_bytes: usize,
    out: usize,
    allocations: u64,
}

/// What a pool holds at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolUse {
    /// Buffers handed out and not yet dropped.
    pub out: usize,
    /// Bytes in those buffers.
    pub out_bytes: usize,
    /// Bytes waiting to be handed out again.
    pub idle_bytes: usize,
    /// The most bytes, out and idle together, this pool will hold.
    pub limit: usize,
    /// How often memory was asked of the system since the start. Flat in steady state.
    pub allocations: u64,
}

/// The pool is at its limit: somebody downstream keeps frames longer than the plan allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolFull {
    pub asked: usize,
    pub limit: usize,
}

impl fmt::Display for PoolFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "frame memory is used up: {} more bytes asked of a pool of {}", self.asked, self.limit)
    }
}

impl std::error::Error for PoolFull {}

impl Pool {
    /// A pool that never holds more than `limit` bytes.
    pub fn new(limit: usize) -> Pool {
        Pool(Arc::new(Shared { state: Mutex::new(State { limit, ..State::default() }) }))
    }

    /// From now on it never holds more than `limit` bytes, once what is out over it has come back.
    pub fn set_limit(&self, limit: usize) {
        self.state().limit = limit;
    }

    /// A buffer of exactly `length` bytes. A new one is zeroed, a returned one keeps its old content.
    ///
    /// # Errors
    /// [`PoolFull`] when the bytes in use leave no room for it.
    pub fn take(&self, length: usize) -> Result<PoolBytes, PoolFull> {
        let mut state = self.state();
        if let Some(bytes) = state.idle.get_mut(&length).and_then(Vec::pop) {
            state.idle_bytes -= length;
            state.lend(length);
            return Ok(PoolBytes { bytes, pool: self.clone() });
        }
        if state.out_bytes + length > state.limit {
            return Err(PoolFull { asked: length, limit: state.limit });
        }
        let room = state.limit - length;
        state.make_room(room);
        state.lend(length);
        state.allocations += 1;
        drop(state);
        Ok(PoolBytes { bytes: repeat_n(0, length).collect(), pool: self.clone() })
    }

    pub fn usage(&self) -> PoolUse {
        let state = self.state();
        PoolUse {
            out: state.out,
            out_bytes: state.out_bytes,
            idle_bytes: state.idle_bytes,
            limit: state.limit,
            allocations: state.allocations,
        }
    }

    // A panic elsewhere cannot leave the account half-written: every change below is infallible.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn lend(&mut self, length: usize) {
        self.out += 1;
        self.out_bytes += length;
    }

    fn put_back(&mut self, bytes: Arc<[u8]>) {
        let length = bytes.len();
        self.out -= 1;
        self.out_bytes -= length;
        self.idle_bytes += length;
        self.idle.entry(length).or_default().push(bytes);
    }

    /// Frees idle buffers of other lengths until `most` bytes are held at the most. This happens
    /// when a stream changes its size, never in steady state.
    fn make_room(&mut self, most: usize) {
        while self.out_bytes + self.idle_bytes > most {
            let Some((&length, _)) = self.idle.iter().find(|(_, waiting)| !waiting.is_empty()) else {
                return;
            };
            self.idle.get_mut(&length).expect("this length was just found").pop();
            self.idle_bytes -= length;
        }
    }
}

/// Bytes on loan from a pool. A clone shares them; the last one gives them back, with the memory
/// that their count of holders lies in: neither sharing nor lending again asks the heap.
#[derive(Clone)]
pub struct PoolBytes {
    bytes: Arc<[u8]>,
    pool: Pool,
}

impl PoolBytes {
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Write access; `None` while another clone sees the same bytes.
    pub fn get_mut(&mut self) -> Option<&mut [u8]> {
        Arc::get_mut(&mut self.bytes)
    }

    pub fn shares_with(&self, other: &PoolBytes) -> bool {
        Arc::ptr_eq(&self.bytes, &other.bytes)
    }
}

impl Deref for PoolBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for PoolBytes {
    fn drop(&mut self) {
        // An empty one takes no memory.
        let mut bytes = mem::take(&mut self.bytes);
        // All of them let go under this lock, so that of two that go at once one is the last.
        let mut state = self.pool.state();
        match Arc::get_mut(&mut bytes) {
            Some(_) => state.put_back(bytes),
            None => drop(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::thread;

    #[test]
    fn a_returned_buffer_is_lent_again_without_an_allocation() {
        let pool = Pool::new(1000);
        drop(pool.take(100).unwrap());
        let again = pool.take(100).unwrap();
        assert_eq!(again.len(), 100);
        assert_eq!(
            pool.usage(),
            PoolUse { out: 1, out_bytes: 100, idle_bytes: 0, limit: 1000, allocations: 1 }
        );
    }

    #[test]
    fn the_last_of_many_holders_gives_a_buffer_back_once() {
        const HOLDERS: usize = 8;
        let pool = Pool::new(1000);
        for _ in 0..200 {
            let bytes = pool.take(100).unwrap();
            let start = Barrier::new(HOLDERS);
            thread::scope(|scope| {
                for bytes in vec![bytes; HOLDERS] {
                    let start = &start;
                    scope.spawn(move || {
                        start.wait();
                        drop(bytes);
                    });
                }
            });
        }
        assert_eq!(
            pool.usage(),
            PoolUse { out: 0, out_bytes: 0, idle_bytes: 100, limit: 1000, allocations: 1 }
        );
    }

    #[test]
    fn only_a_sole_holder_writes() {
        let pool = Pool::new(1000);
        let mut bytes = pool.take(1).unwrap();
        let other = bytes.clone();
        assert!(bytes.get_mut().is_none() && bytes.shares_with(&other));
        drop(other);
        assert_eq!(bytes.get_mut(), Some([0].as_mut_slice()));
    }

    #[test]
    fn a_full_pool_says_so_and_recovers() {
        let pool = Pool::new(250);
        let (first, _second) = (pool.take(100).unwrap(), pool.take(100).unwrap());
        assert_eq!(pool.take(100).err(), Some(PoolFull { asked: 100, limit: 250 }));
        drop(first);
        assert!(pool.take(100).is_ok());
    }

    #[test]
    fn a_change_of_size_evicts_the_old_buffers() {
        let pool = Pool::new(250);
        drop((pool.take(100).unwrap(), pool.take(100).unwrap()));
        let _larger = pool.take(200).unwrap();
        let usage = pool.usage();
        assert!(usage.out_bytes + usage.idle_bytes <= 250, "{usage:?}");
    }
}
