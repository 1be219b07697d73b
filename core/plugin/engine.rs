//! The WASM engine of the process, and the thread that moves its epoch; and a second engine that counts.
//!
//! Owns the compiler's settings and which parts of WebAssembly a plugin may use. Leaves limits,
//! which differ from node to node, to `limits` and `instance`.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;
use std::time::Duration;

use wasmtime::{Config, Engine, EngineWeak, WasmBacktraceDetails};

/// How finely a deadline is kept.
const TICK: Duration = Duration::from_millis(1);
/// After so many ticks without a guest at work the ticking rests: a graph that sleeps because nobody
/// watches must cost nothing, and at 30 frames a second most ticks would find nobody either.
const MOST_IDLE_TICKS: u32 = 4;

/// Stack that a guest may use. Threads that run plugins need more than this: host functions run
/// on top of it.
pub const STACK: usize = 512 << 10;

static ENGINE: LazyLock<Engine> = LazyLock::new(|| make(&config()));

static METERED: LazyLock<Engine> = LazyLock::new(|| make(config().consume_fuel(true)));

/// Whose epochs move.
static ENGINES: Mutex<Vec<EngineWeak>> = Mutex::new(Vec::new());
static TICKING: LazyLock<Thread> = LazyLock::new(start_ticking);
/// Guests at work.
static INSIDE: AtomicUsize = AtomicUsize::new(0);
static RESTS: AtomicBool = AtomicBool::new(false);

/// Compiles and runs every plugin.
pub fn engine() -> &'static Engine {
    &ENGINE
}

/// A guest is at work until this is dropped: the epoch moves, so that its deadline is kept.
pub struct Inside(());

impl Inside {
    pub fn enter() -> Inside {
        INSIDE.fetch_add(1, SeqCst);
        if RESTS.swap(false, SeqCst) {
            TICKING.unpark();
        }
        Inside(())
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.fetch_sub(1, SeqCst);
    }
}

/// As [`engine`], but counts what a guest does, in units of fuel: about one for each instruction of
/// WebAssembly, and the same number on every machine. Counting costs time, so measurements alone use it.
pub fn metered() -> &'static Engine {
    &METERED
}

fn make(config: &Config) -> Engine {
    let engine = Engine::new(config).expect("these settings agree with each other and with this machine");
    engines().push(engine.weak());
    LazyLock::force(&TICKING);
    engine
}

/// Pushed to and read, never left half-changed.
fn engines() -> MutexGuard<'static, Vec<EngineWeak>> {
    ENGINES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        // A call costs 0.1 µs rather than 0.5, and no plugin can be asynchronous.
        .concurrency_support(false)
        .max_wasm_stack(STACK)
        // Functions are named all the same. Files and lines would come from the component's own debug
        // sections, and what reads those can be made to take seconds, gigabytes or all of the stack.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        // Nothing here needs them, and what is off cannot be attacked.
        .wasm_memory64(false)
        .wasm_multi_memory(true)
        .wasm_tail_call(false)
        .shared_memory(false);
    config
}

/// A thread of the system rather than a task: a starved executor would let every guest run on.
fn start_ticking() -> Thread {
    let tick = || {
        let mut idle = 0;
        loop {
            engines().iter().filter_map(EngineWeak::upgrade).for_each(|engine| engine.increment_epoch());
            idle = if INSIDE.load(SeqCst) == 0 { idle + 1 } else { 0 };
            if idle >= MOST_IDLE_TICKS {
                rest();
                idle = 0;
            }
            std::thread::sleep(TICK);
        }
    };
    let ticking = std::thread::Builder::new()
        .name("plugin-epoch".to_owned())
        .spawn(tick)
        .expect("a process that cannot start one more thread cannot run a graph");
    ticking.thread().clone()
}

/// Waits for a guest. One that enters sees that this rests, or is seen here; both is harmless.
fn rest() {
    RESTS.store(true, SeqCst);
    while INSIDE.load(SeqCst) == 0 && RESTS.load(SeqCst) {
        std::thread::park();
    }
    RESTS.store(false, SeqCst);
}
