//! What runs now: the plan, and the nodes that play it.
//!
//! Owns the way from a plan's order to the scheduler's ids, which a reload makes two different
//! things. A stage never changes: a reload sets another.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::cell::Cell;
use super::desk::Desk;
use super::trace::Trace;
use crate::graph::plan::Plan;
use crate::media::Pool;
use crate::node::{Epoch, Halt};
use crate::schedule::Places;

/// One graph as it is played.
pub(super) struct Stage {
    pub plan: Arc<Plan>,
    /// The nodes, in the order of the plan.
    pub cells: Vec<Arc<Cell>>,
    pub places: Places,
}

/// What all threads of a graph share, for as long as it runs.
pub(super) struct Floor {
    pub desk: Arc<Desk>,
    pub pool: Pool,
    pub epoch: Epoch,
    /// What long turns ask once the graph is stopped.
    pub halt: Halt,
    pub workers: NonZeroUsize,
    pub threads: Mutex<Vec<JoinHandle<()>>>,
    /// Set before the first thread starts, if at all; taken out at the end, so that it is whole then.
    pub trace: Mutex<Option<Trace>>,
    /// Held by whoever is changing the graph: one at a time.
    pub changing: Mutex<()>,
    stage: Mutex<Arc<Stage>>,
}

impl Floor {
    pub fn new(
        desk: Arc<Desk>,
        (pool, epoch, halt): (Pool, Epoch, Halt),
        workers: NonZeroUsize,
        stage: Stage,
    ) -> Floor {
        let stage = Mutex::new(Arc::new(stage));
        Floor {
            desk,
            pool,
            epoch,
            halt,
            workers,
            threads: Mutex::default(),
            trace: Mutex::new(None),
            changing: Mutex::new(()),
            stage,
        }
    }

    pub fn stage(&self) -> Arc<Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set_stage(&self, stage: Stage) {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(stage);
    }

    pub fn keep_thread(&self, thread: JoinHandle<()>) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        // Threads of devices that a reload took out.
        threads.retain(|thread| !thread.is_finished());
        threads.push(thread);
    }

    pub fn take_threads(&self) -> Vec<JoinHandle<()>> {
        std::mem::take(&mut self.threads.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
