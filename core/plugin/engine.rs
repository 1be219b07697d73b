//! The WASM engine of the process, and the thread that moves its epoch; and a second engine that counts.
//!
//! Owns the compiler's settings and which parts of WebAssembly a plugin may use. Leaves limits,
//! which differ from node to node, to `limits` and `instance`.

use std::sync::LazyLock;
use std::time::Duration;

use wasmtime::{Config, Engine, EngineWeak, WasmBacktraceDetails};

/// How finely a deadline is kept.
const TICK: Duration = Duration::from_millis(1);

/// Stack that a guest may use. Threads that run plugins need more than this: host functions run
/// on top of it.
pub const STACK: usize = 512 << 10;

static ENGINE: LazyLock<Engine> = LazyLock::new(|| make(&config()));

static METERED: LazyLock<Engine> = LazyLock::new(|| make(config().consume_fuel(true)));

/// Compiles and runs every plugin.
pub fn engine() -> &'static Engine {
    &ENGINE
}

/// As [`engine`], but counts what a guest does, in units of fuel: about one for each instruction of
/// WebAssembly, and the same number on every machine. Counting costs time, so measurements alone use it.
pub fn metered() -> &'static Engine {
    &METERED
}

fn make(config: &Config) -> Engine {
    let engine = Engine::new(config).expect("these settings agree with each other and with this machine");
    start_ticking(engine.weak());
    engine
}

fn config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        // A call costs 0.1 µs rather than 0.5, and no plugin can be asynchronous.
        .concurrency_support(false)
        .max_wasm_stack(STACK)
        // Names and lines in a plugin author's backtrace are worth a slower trap.
        .wasm_backtrace_details(WasmBacktraceDetails::Enable)
        // Nothing here needs them, and what is off cannot be attacked.
        .wasm_memory64(false)
        .wasm_multi_memory(true)
        .wasm_tail_call(false)
        .shared_memory(false);
    config
}

/// A thread of the system rather than a task: a starved executor would let every guest run on.
fn start_ticking(engine: EngineWeak) {
    let tick = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    };
    std::thread::Builder::new()
        .name("plugin-epoch".to_owned())
        .spawn(tick)
        .expect("a process that cannot start one more thread cannot run a graph");
}
