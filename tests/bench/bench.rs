//! The in-process tables: what each part costs beside something it can be held against.
//!
//! `cargo bench` (or `make bench`) prints them all; `cargo bench -- encode` those whose name holds
//! the word. Every figure is a median over interleaved rounds, in CPU time rather than on the wall,
//! so that a busy machine changes it little; ratios are within one run and are what to quote.

mod cameras;
mod graphs;
#[path = "../support/heap.rs"]
mod heap;
mod kernels;
mod measure;
mod page;
mod plugins;
mod relay;
#[path = "../support/mod.rs"]
mod support;

use framegate::nodes::h264;

fn main() {
    // Cargo adds `--bench` to what the user gave.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let tables: [(&str, fn()); 14] = [
        ("pictures", kernels::pictures),
        ("drawing", kernels::drawing),
        ("encode", kernels::encode),
        ("plugins", plugins::plugins),
        ("copies", plugins::copies),
        ("heap", plugins::heap),
        ("scheduler", graphs::scheduler),
        ("ledger", graphs::ledger),
        ("cameras", cameras::cameras),
        ("memory", graphs::memory),
        ("check", graphs::check),
        ("start", graphs::start),
        ("relay", relay::relay),
        ("page", page::page),
    ];
    if cfg!(debug_assertions) {
        println!("this is a build for tests; `cargo bench` measures the one that counts");
    }
    if !h264::HAS_SIMD {
        println!("the encoder was built without nasm: its figures are three times too high");
    }
    for (name, table) in tables {
        if wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str())) {
            table();
        }
    }
}
