//! One running plugin: a store of its own and the calls into it.
//!
//! Owns the deadline around every entry, the loan of a frame for one call, and that whatever a
//! guest (or the host under it) does wrong ends here as a [`Fault`]. After a fault the instance is
//! dead and must be dropped.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::Resource;
use wasmtime::{Engine, Store, Trap, UpdateDeadline};

use super::bindings::detecting::{self, Detect};
use super::bindings::lifecycle::exports::framegate::frame::lifecycle::Descriptor;
use super::bindings::types::Error as Refusal;
use super::bindings::{filtering, lifecycle, snapshot};
use super::border::World;
use super::engine::Inside;
use super::fault::Fault;
use super::host::{Budget, Crossed, State};
use super::lent::Lent;
use super::lifted::Found;
use super::limits::{COPY_WITHOUT_FRAME, Limits, SNAPSHOT, START_TIME};
use super::program::Program;
use crate::media::{Detection, Frame};
use crate::node::units;

/// A plugin that has been started.
pub struct Instance {
    store: Store<State>,
    lifecycle: lifecycle::Exports,
    work: Work,
    snapshot: Option<snapshot::Exports>,
    draw: u64,
    /// Whether what it does is counted.
    metered: bool,
    used: Used,
}

/// What a plugin used for one frame.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    pub crossed: Crossed,
    /// Only where it is counted.
    pub fuel: Option<u64>,
}

enum Work {
    Filtering(filtering::Exports),
    Detecting(Detect),
}

/// What came of one frame.
pub enum Answer {
    /// The frame goes on, changed or not; what a detector found is yet to be added to it.
    Pass(Frame, Option<Arc<Vec<Detection>>>),
    /// The frame ends here.
    Drop,
}

/// What a plugin made of the state that its predecessor saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restored {
    Taken,
    /// It does not understand it, and starts afresh.
    Refused,
}

/// Why nothing came of a call.
#[derive(Debug)]
pub enum Failure {
    /// The guest said no, in its own words, and lives on.
    Refused(String),
    /// The guest is dead.
    Fault(Fault),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        Failure::Fault(fault)
    }
}

/// How long one frame should take and may take.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    pub soft: Duration,
    pub hard: Duration,
    /// Whether what is left is told truly; offline it is always the same.
    pub live: bool,
}

impl Instance {
    /// Starts `program` in a store of its own.
    ///
    /// # Errors
    /// [`Fault`] when its start function is stopped or it does not fit its limits.
    pub fn start(program: &Program, limits: &Limits, state: State) -> Result<Instance, Fault> {
        let mut store = guarded(program.instance_pre.engine(), limits, state);
        if program.metered {
            // Counted, never a limit: time is the limit.
            store.set_fuel(u64::MAX).expect("its engine counts");
        }
        let (lifecycle, work, snapshot) = enter(&mut store, START_TIME, COPY_WITHOUT_FRAME, |store| {
            let instance = program.instance_pre.instantiate(&mut *store)?;
            let lifecycle = lifecycle::Exports::new(&mut *store, &instance)?;
            let work = match program.passport.world {
                World::Detector => Work::Detecting(detecting::detect(store, &instance)?),
                World::Filter | World::Overlay | World::Analyzer => {
                    Work::Filtering(filtering::Exports::new(&mut *store, &instance)?)
                }
            };
            let snapshot = match program.passport.snapshot {
                true => Some(snapshot::Exports::new(&mut *store, &instance)?),
                false => None,
            };
            Ok((lifecycle, work, snapshot))
        })?;
        Ok(Instance {
            store,
            lifecycle,
            work,
            snapshot,
            draw: limits.draw,
            metered: program.metered,
            used: Used::default(),
        })
    }

    /// What it says of itself.
    ///
    /// # Errors
    /// [`Fault`] when it is stopped over it.
    pub fn describe(&mut self) -> Result<Descriptor, Fault> {
        let lifecycle = self.lifecycle.framegate_frame_lifecycle();
        enter(&mut self.store, START_TIME, COPY_WITHOUT_FRAME, |store| lifecycle.call_describe(store))
    }

    /// Hands it its settings as JSON.
    ///
    /// # Errors
    /// [`Failure::Refused`] when it does not take them.
    pub fn configure(&mut self, settings: &str) -> Result<(), Failure> {
        let lifecycle = self.lifecycle.framegate_frame_lifecycle();
        let taken = enter(&mut self.store, START_TIME, COPY_WITHOUT_FRAME, |store| {
            lifecycle.call_configure(store, settings)
        })?;
        taken.map_err(|refusal| refused(&refusal))
    }

    /// Lends it a frame. Whatever comes of it, the caller's own clone of the frame is untouched.
    ///
    /// # Errors
    /// [`Failure`]; nothing the guest has written is kept then.
    pub fn process(&mut self, frame: Frame, times: Times) -> Result<Answer, Failure> {
        let size = frame.size();
        let drawable = self.draw.saturating_mul(u64::from(size.width()) * u64::from(size.height()));
        let copied = Limits::copied(frame.pixel().bytes(size));
        let fuel_before = self.fuel_left();
        let state = self.store.data_mut();
        state.crossed = Crossed::default();
        state.lent = Some(Lent::new(frame, state.pool.clone(), drawable));
        state.set_budget(match times.live {
            true => Budget::Until(Instant::now() + times.soft),
            false => Budget::Constant(times.soft),
        });
        let handle = Resource::new_borrow(0);
        let answer = match &self.work {
            Work::Filtering(filtering) => {
                let filtering = filtering.framegate_frame_filtering();
                enter(&mut self.store, times.hard, copied, |store| filtering.call_process(store, handle))
                    .map(Said::Verdict)
            }
            Work::Detecting(detect) => {
                enter(&mut self.store, times.hard, copied, |store| detect.call(store, (handle,)))
                    .map(|(found,)| Said::Found(found))
            }
        };
        let fuel_left = self.fuel_left();
        self.used = Used {
            crossed: self.store.data().crossed,
            fuel: fuel_before.zip(fuel_left).map(|(before, left)| before.saturating_sub(left)),
        };
        // The loan ends here, whatever came of it.
        let lent = self.store.data_mut().lent.take();
        let lent =
            lent.ok_or_else(|| Fault::other("the frame on loan is gone, which is a bug in framegate"))?;
        self.settle(answer?, lent).map_err(|refusal| refused(&refusal))
    }

    /// Makes a guest's answer count, if it is a good one.
    fn settle(&mut self, said: Said, lent: Lent) -> Result<Answer, Refusal> {
        use filtering::exports::framegate::frame::filtering::Verdict;
        match said {
            Said::Verdict(verdict) => match verdict? {
                Verdict::Pass => Ok(Answer::Pass(lent.take_back()?, None)),
                Verdict::Drop => Ok(Answer::Drop),
            },
            Said::Found(found) => {
                let already = lent.header().annotations().detections.len();
                let found = self.store.data_mut().heard.found(&found?, already)?;
                Ok(Answer::Pass(lent.take_back()?, Some(found)))
            }
        }
    }

    fn fuel_left(&self) -> Option<u64> {
        // Asking an engine that does not count makes an error each time.
        self.metered.then(|| self.store.get_fuel().ok()).flatten()
    }

    /// What the last frame took.
    pub fn used(&self) -> Used {
        self.used
    }

    /// What it knows, for its successor; `None` when it keeps nothing.
    ///
    /// # Errors
    /// [`Failure::Refused`] when that is more than a snapshot may have.
    pub fn save(&mut self, time: Duration) -> Result<Option<Vec<u8>>, Failure> {
        let Some(snapshot) = &self.snapshot else { return Ok(None) };
        let snapshot = snapshot.framegate_frame_snapshot();
        let saved = enter(&mut self.store, time, COPY_WITHOUT_FRAME, |store| snapshot.call_save(store))?;
        match saved.len() <= SNAPSHOT {
            true => Ok(Some(saved)),
            false => Err(Failure::Refused(format!(
                "it saved {}, and a snapshot has at most {}",
                units::show_bytes(saved.len() as u64),
                units::show_bytes(SNAPSHOT as u64)
            ))),
        }
    }

    /// Hands it what an instance of `version` saved, which may be anything.
    ///
    /// # Errors
    /// [`Fault`] when it is stopped over it.
    pub fn restore(&mut self, version: &str, saved: &[u8], time: Duration) -> Result<Restored, Fault> {
        let Some(snapshot) = &self.snapshot else { return Ok(Restored::Refused) };
        let snapshot = snapshot.framegate_frame_snapshot();
        let taken = enter(&mut self.store, time, COPY_WITHOUT_FRAME, |store| {
            snapshot.call_restore(store, version, saved)
        })?;
        Ok(if taken { Restored::Taken } else { Restored::Refused })
    }

    /// Bytes in its memories.
    pub fn memory(&self) -> usize {
        self.store.data().guard.memory()
    }
}

/// An export's own answer.
enum Said {
    Verdict(Result<filtering::exports::framegate::frame::filtering::Verdict, Refusal>),
    Found(Result<Found, Refusal>),
}

fn refused(refusal: &Refusal) -> Failure {
    Failure::Refused(super::host::journal::neutral(&refusal.message))
}

/// Every way into a guest: under a deadline, with a bound on what a host call may copy, and with
/// nothing coming out but an answer or a fault.
fn enter<T>(
    store: &mut Store<State>,
    time: Duration,
    copied: usize,
    call: impl FnOnce(&mut Store<State>) -> wasmtime::Result<T>,
) -> Result<T, Fault> {
    let _inside = Inside::enter();
    store.data_mut().deadline = Instant::now() + time;
    store.set_epoch_deadline(1);
    store.set_hostcall_fuel(copied);
    // A panic in a host function is our bug, not a reason for the process to die: the store, which
    // may be half-changed, is dropped by whoever gets the fault.
    let outcome = catch_unwind(AssertUnwindSafe(|| call(store)));
    match outcome {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) if is_halted(store, &error) => {
            Err(Fault::other("the graph was stopped, and it was still busy"))
        }
        Ok(Err(error)) => Err(Fault::of(&error, time, &store.data().journal.take_last())),
        Err(panic) => Err(Fault::of_panic(&*panic, &store.data().journal.take_last())),
    }
}

fn is_halted(store: &Store<State>, error: &wasmtime::Error) -> bool {
    let interrupted = matches!(error.downcast_ref::<Trap>(), Some(Trap::Interrupt));
    interrupted && store.data().halt.is_past(Instant::now())
}

/// A store that holds its guest to `limits`.
fn guarded(engine: &Engine, limits: &Limits, state: State) -> Store<State> {
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.guard);
    store.set_max_component_handles(limits.handles);
    // The ticker only asks; the clock decides. So deadlines are exact, and differ by call.
    store.epoch_deadline_callback(|store| {
        let (now, state) = (Instant::now(), store.data());
        match now >= state.deadline || state.halt.is_past(now) {
            true => Ok(UpdateDeadline::Interrupt),
            false => Ok(UpdateDeadline::Continue(1)),
        }
    });
    store
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Pool;
    use crate::node::{Counters, Halt};
    use crate::plugin::engine::engine;
    use crate::plugin::host::Journal;
    use wasmtime::component::{Component, Linker};

    /// A store with a guest in it that calls the host function `boom`.
    fn call_boom(boom: fn() -> wasmtime::Result<()>) -> Result<(), Fault> {
        let halt = Halt::default();
        let wasm = wat::parse_str(
            r#"(component
                (import "boom" (func $boom))
                (core func $boom (canon lower (func $boom)))
                (core module $guest
                    (import "host" "boom" (func $boom))
                    (func (export "run") (call $boom)))
                (core instance $guest (instantiate $guest
                    (with "host" (instance (export "boom" (func $boom))))))
                (func (export "run") (canon lift (core func $guest "run"))))"#,
        );
        let component = Component::new(engine(), wasm.unwrap()).unwrap();
        let mut linker = Linker::<State>::new(engine());
        linker.root().func_wrap("boom", move |_, ()| boom()).unwrap();
        let journal = Journal::new("test", &Counters::default());
        let limits = Limits::default();
        let state = State::new(&limits, journal, Pool::new(0), halt, false);
        let mut store = guarded(engine(), &limits, state);
        enter(&mut store, START_TIME, COPY_WITHOUT_FRAME, |store| {
            let instance = linker.instantiate(&mut *store, &component)?;
            instance.get_typed_func::<(), ()>(&mut *store, "run")?.call(store, ())
        })
    }

    #[test]
    fn a_host_function_that_panics_is_a_fault_and_not_the_end() {
        assert!(call_boom(|| Ok(())).is_ok());
        let fault = call_boom(|| panic!("a bug of ours")).unwrap_err().to_string();
        assert!(fault.contains("a bug in framegate: a bug of ours"), "{fault}");
        assert!(call_boom(|| Ok(())).is_ok());
    }
}
