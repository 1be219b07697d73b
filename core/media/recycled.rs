//! Values that many hold for a while, made anew in the memory of those that nobody holds any more.
//!
//! For what goes along with each frame (what was found, who has looked), so that a running graph asks
//! the heap for none of it. Frame memory has a store of its own, which is bounded: `pool`.

use std::sync::Arc;

/// Values kept for their memory. With more than these held at once, the others are the heap's.
const MOST: usize = 32;

/// Gives out values of one kind, and remembers them.
#[derive(Debug)]
pub struct Recycled<T>(Vec<Arc<T>>);

// Derived, it would ask as much of `T`.
impl<T> Default for Recycled<T> {
    fn default() -> Recycled<T> {
        Recycled(Vec::new())
    }
}

impl<T: Default> Recycled<T> {
    /// Shares a value once `fill` has made it what it should be; what it gets is as `fill` left it for
    /// somebody else, or new.
    pub fn share(&mut self, fill: impl FnOnce(&mut T)) -> Arc<T> {
        let free = self.0.iter_mut().position(|kept| Arc::get_mut(kept).is_some());
        let mut shared = free.map_or_else(Arc::default, |free| self.0.swap_remove(free));
        fill(Arc::get_mut(&mut shared).expect("nobody else holds it"));
        if self.0.len() < MOST {
            self.0.push(shared.clone());
        }
        shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_holds_is_made_anew_where_it_was() {
        let mut numbers = Recycled::<Vec<u8>>::default();
        let first = numbers.share(|numbers| numbers.extend([1; 1000]));
        let second = numbers.share(|numbers| numbers.push(4));
        assert_eq!((&*first, &*second), (&vec![1; 1000], &vec![4]));
        drop(first);
        let third = numbers.share(|numbers| {
            numbers.clear();
            numbers.push(5);
        });
        assert_eq!(*third, [5]);
        assert!(third.capacity() >= 1000, "{}", third.capacity());
    }

    #[test]
    fn no_more_are_kept_than_is_said() {
        let mut numbers = Recycled::<u8>::default();
        let held: Vec<_> = (0..100).map(|number| numbers.share(|it| *it = number)).collect();
        assert!(held.iter().map(|number| **number).eq(0..100));
        assert_eq!(numbers.0.len(), MOST);
    }
}
