//! The scheduler behind its mutex, and who is woken for what.
//!
//! Owns the lock, which is held for microseconds, and the three ways to wait: a worker for work, one
//! of the workers for the next alarm as well, and a device's thread for its own node. Everything
//! that is not a decision happens outside the lock.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::graph::plan::NodeId;
use crate::schedule::{Action, Event, Hand, Scheduler, Topology, Turn};

pub(super) struct Desk {
    state: Mutex<State>,
    work: Condvar,
    /// One for each node; only devices wait on theirs.
    devices: Vec<Condvar>,
    over: Condvar,
    start: Instant,
}

struct State {
    scheduler: Scheduler,
    /// Workers that wait.
    idle: usize,
    /// The alarm that a waiting worker will wake up for.
    watched: Option<Duration>,
}

/// What a thread does next.
pub(super) enum Order {
    Run { node: NodeId, turn: Turn },
    Leave,
}

impl Desk {
    /// A desk whose time counts from `start`.
    pub fn new(topology: Topology, workers: usize, start: Instant) -> Desk {
        let devices = topology.nodes.iter().map(|_| Condvar::new()).collect();
        let state = State { scheduler: Scheduler::new(topology, workers), idle: 0, watched: None };
        Desk { state: Mutex::new(state), work: Condvar::new(), devices, over: Condvar::new(), start }
    }

    /// The time since the start of the run.
    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Tells the scheduler, and wakes whoever now has something to do.
    pub fn tell(&self, event: Event) {
        let mut state = self.state();
        state.scheduler.on(event, self.now());
        self.wake(&mut state);
    }

    /// Reports what came of the last order and waits for the next. A worker that finished a node
    /// takes up what follows itself: a frame goes down a chain on one warm core.
    pub fn next(&self, hand: Hand, report: Option<Event>) -> Order {
        let mut state = self.state();
        if let Some(event) = report {
            state.scheduler.on(event, self.now());
        }
        loop {
            match state.scheduler.next_action(hand, self.now()) {
                Action::Run { node, turn } => {
                    self.wake(&mut state);
                    return Order::Run { node, turn };
                }
                Action::Leave => {
                    self.wake(&mut state);
                    return Order::Leave;
                }
                Action::Wait { until } => state = self.wait(state, hand, until),
            }
        }
    }

    /// Waits until the graph is over.
    pub fn wait_until_over(&self) {
        let state = self.state();
        drop(
            self.over
                .wait_while(state, |state| !state.scheduler.is_over())
                .unwrap_or_else(PoisonError::into_inner),
        );
    }

    /// A look at the counts, all of one instant.
    pub fn look<T>(&self, look: impl FnOnce(&Scheduler) -> T) -> T {
        look(&self.state().scheduler)
    }

    fn wait<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        hand: Hand,
        until: Option<Duration>,
    ) -> MutexGuard<'a, State> {
        match hand {
            Hand::Device(node) => {
                self.wake(&mut state);
                self.devices[node.0].wait(state).unwrap_or_else(PoisonError::into_inner)
            }
            Hand::Worker => {
                self.wake(&mut state);
                self.wait_for_work(state, until)
            }
        }
    }

    fn wait_for_work<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        until: Option<Duration>,
    ) -> MutexGuard<'a, State> {
        state.idle += 1;
        // One worker watches the clock for all: the others would wake up for nothing.
        let alarm = until.filter(|until| state.watched.is_none_or(|watched| *until < watched));
        let mut state = match alarm {
            Some(alarm) => {
                state.watched = Some(alarm);
                let left = alarm.saturating_sub(self.now());
                let waited = self.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
                let mut state = waited.0;
                if state.watched == Some(alarm) {
                    state.watched = None;
                }
                state
            }
            None => self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
        };
        state.idle -= 1;
        state
    }

    /// Wakes devices that were called, a worker for each node that is ready, and one more when
    /// nobody watches the next alarm.
    fn wake(&self, state: &mut State) {
        for node in state.scheduler.take_called() {
            self.devices[node.0].notify_one();
        }
        if state.scheduler.is_over() {
            self.work.notify_all();
            self.devices.iter().for_each(Condvar::notify_all);
            self.over.notify_all();
            return;
        }
        let alarm = state.scheduler.next_alarm();
        let unwatched = alarm.is_some_and(|alarm| state.watched.is_none_or(|watched| alarm < watched));
        let wanted = state.scheduler.idle_work() + usize::from(unwatched);
        (0..wanted.min(state.idle)).for_each(|_| self.work.notify_one());
    }

    // A panic in the scheduler is ours and is told where it happens; whoever looks afterwards, to
    // report or to stop, must still be able to.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
