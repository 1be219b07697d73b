//! What the larger tests share: the real binary on free ports, a real browser, a Python with real
//! peers, and natural footage. Each names what is missing rather than skipping.
//!
//! Used by `#[path = "../support/mod.rs"] mod support;`, so every test compiles it for itself and
//! no test uses all of it.
#![allow(dead_code)]

pub mod asking;
pub mod binary;
pub mod chromium;
pub mod clips;
pub mod counterfeit;
#[path = "../../core/relay/tests/end.rs"]
pub mod end;
pub mod models;
pub mod node;
pub mod python;
pub mod registry;
pub mod watcher;

use std::path::PathBuf;

/// A folder below the build's own, kept between runs: for what is costly to make.
pub fn cache(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    folder
}

/// Holds `folder` for one test process at a time; two may want the same thing made at once.
pub fn alone_in(folder: &std::path::Path) -> std::fs::File {
    let lock = std::fs::File::create(folder.join(".lock")).expect("the cache folder can be written");
    lock.lock().expect("a lock can be waited for");
    lock
}
