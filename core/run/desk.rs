//! The scheduler behind its mutex, and who is woken for what.
//!
//! Owns the lock, which is held for microseconds, and the three ways to wait: a worker for work, one
//! of the workers for the next alarm as well, and a device's thread for its own node. Everything
//! that is not a decision happens outside the lock.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::cell::Cell;
use crate::graph::plan::NodeId;
use crate::schedule::{Action, Event, Hand, Keep, Places, Scheduler, Topology, Turn};

pub(super) struct Desk {
    state: Mutex<State>,
    work: Condvar,
    /// For whoever waits until a node, or the graph, has ended.
    over: Condvar,
    start: Instant,
}

struct State {
    scheduler: Scheduler,
    /// By the scheduler's ids; `None` for what retired and is gone.
    seats: Vec<Option<Seat>>,
    /// Who waits for nodes to end.
    onlookers: usize,
    /// Workers that wait.
    idle: usize,
    /// The alarm that a waiting worker will wake up for.
    watched: Option<Duration>,
}

struct Seat {
    cell: Arc<Cell>,
    /// What the thread of a device waits on.
    bell: Arc<Condvar>,
}

impl Seat {
    fn of(cell: &Arc<Cell>) -> Option<Seat> {
        Some(Seat { cell: cell.clone(), bell: Arc::default() })
    }
}

/// What a thread does next.
pub(super) enum Order {
    Run { cell: Arc<Cell>, turn: Turn },
    Leave,
}

impl Desk {
    /// A desk whose time counts from `start`.
    pub fn new(topology: Topology, workers: usize, start: Instant) -> Desk {
        let scheduler = Scheduler::new(topology, workers);
        let state = State { scheduler, seats: Vec::new(), onlookers: 0, idle: 0, watched: None };
        Desk { state: Mutex::new(state), work: Condvar::new(), over: Condvar::new(), start }
    }

    /// Seats the nodes, in the order of the topology, before any thread asks.
    pub fn seat(&self, cells: &[Arc<Cell>]) {
        self.state().seats = cells.iter().map(Seat::of).collect();
    }

    /// Changes the graph to `topology`; `fresh` are the nodes that are not kept, in its order.
    pub fn change(&self, topology: Topology, keep: &Keep, fresh: &[Arc<Cell>]) -> Places {
        let mut state = self.state();
        let places = state.scheduler.change(topology, keep, self.now());
        state.seats.extend(fresh.iter().map(Seat::of));
        self.wake(&mut state);
        places
    }

    /// The nodes that are not in `stay`, once they have ended or `within` is over. Those that have
    /// not by then are given back the next time.
    pub fn take_retired(&self, stay: &[NodeId], within: Duration) -> Vec<Arc<Cell>> {
        let mut state = self.state();
        let left: Vec<_> = (0..state.seats.len()).map(NodeId).filter(|id| !stay.contains(id)).collect();
        state.onlookers += 1;
        let waits = |state: &mut State| {
            !state.scheduler.is_over() && left.iter().any(|id| !state.scheduler.has_ended(*id))
        };
        let waited = self.over.wait_timeout_while(state, within, waits);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.onlookers -= 1;
        let ended = left.into_iter().filter(|id| state.scheduler.has_ended(*id)).collect::<Vec<_>>();
        let gone = ended.into_iter().filter_map(|id| state.seats[id.0].take());
        // Its thread, if it has one, is told to leave.
        gone.map(|seat| {
            seat.bell.notify_all();
            seat.cell
        })
        .collect()
    }

    pub fn forget_early_wishes(&self) {
        self.state().scheduler.forget_early_wishes();
    }

    /// Every node that is still there.
    pub fn take_all(&self) -> Vec<Arc<Cell>> {
        self.state().seats.drain(..).flatten().map(|seat| seat.cell).collect()
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
                    let seat = state.seats[node.0].as_ref();
                    let cell = seat.expect("a node that takes turns has its seat").cell.clone();
                    return Order::Run { cell, turn };
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
                let seat = state.seats[node.0].as_ref();
                let bell = seat.expect("a device that has not ended has its seat").bell.clone();
                bell.wait(state).unwrap_or_else(PoisonError::into_inner)
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
    fn wake(&self, state: &mut MutexGuard<'_, State>) {
        let State { scheduler, seats, .. } = &mut **state;
        for node in scheduler.take_called() {
            seats.get(node.0).into_iter().flatten().for_each(|seat| seat.bell.notify_one());
        }
        if state.onlookers > 0 {
            self.over.notify_all();
        }
        if state.scheduler.is_over() {
            self.work.notify_all();
            state.seats.iter().flatten().for_each(|seat| seat.bell.notify_all());
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
