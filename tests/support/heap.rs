//! Counts how often memory is asked of the heap, thread by thread.
//!
//! The allocator of whoever takes this in, by `#[path = "../support/heap.rs"] mod heap;`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

#[global_allocator]
static COUNTING: Counting = Counting;

// Without a first value to be made or a last one to be dropped, for which the heap would be asked.
thread_local!(static ASKED: Cell<u64> = const { Cell::new(0) });

/// How often so far, by this thread.
pub fn asked() -> u64 {
    ASKED.get()
}

fn count() {
    ASKED.set(ASKED.get() + 1);
}

struct Counting;

// SAFETY: every call is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as the caller promises.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(memory, layout) }
    }
}
