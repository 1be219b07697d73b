//! Components that are made to cost much to compile: the process that compiles them ends, and no other.
//!
//! The program itself is asked, under limits lower than its own, which hold for what it starts.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Some kilobytes in which every variable changes inside hundreds of loops: what has to be known of
/// each at the head of each loop is their product.
fn bomb(folder: &TempDir) -> String {
    const LOOPS: usize = 400;
    let variables: String = (1..LOOPS)
        .map(|variable| format!("(local.set {variable} (i32.add (local.get {variable}) (local.get 0)))"))
        .collect();
    let function = format!(
        "(func (param i32) (local {}) {} {variables} {})",
        "i32 ".repeat(LOOPS),
        "loop ".repeat(LOOPS),
        "(br_if 0 (local.get 1)) end ".repeat(LOOPS),
    );
    let text = format!("(component (core module {}))", function.repeat(8));
    let wasm = wat::parse_str(&text).expect("it is WebAssembly");
    assert!(wasm.len() < 100_000, "{}", wasm.len());
    write(folder, "bomb.wasm", &wasm)
}

fn write(folder: &TempDir, name: &str, bytes: &[u8]) -> String {
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("it can be written");
    path.to_str().expect("a readable path").to_owned()
}

/// Runs the program with `ulimit` told `limits`, and nothing compiled before.
fn limited(limits: &str, arguments: &[&str], cache: &Path) -> Output {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit {limits}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_framegate")]);
    shell.args(arguments).env("XDG_CACHE_HOME", cache).output().expect("a shell starts")
}

fn refused(limits: &str, arguments: &[&str], words: &str) {
    let cache = tempfile::tempdir().expect("a folder");
    let output = limited(limits, arguments, cache.path());
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains(words), "{:?} {said}", output.status);
}

#[test]
fn compiling_is_ended_when_it_takes_too_long() {
    let folder = tempfile::tempdir().expect("a folder");
    // The bound is the shell's here, and no fault of the component's is claimed.
    let words = " KiB takes more than 2s of CPU time, the most that this process was started with (`ulimit -t`); \
                 raise that";
    refused("-t 3", &["plugin", "inspect", &bomb(&folder)], words);
}

#[test]
fn compiling_is_ended_when_it_takes_too_much_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let words =
        " KiB takes more than 96MiB of memory, the most that this process was started with (`ulimit -d`)";
    let graph = format!(
        "version: 1\nnodes:\n  - {{ id: camera, kind: test_pattern }}\n  \
         - {{ id: bomb, kind: plugin, plugin: {}, inputs: camera }}\n",
        bomb(&folder)
    );
    refused("-d 98304", &["check", &write(&folder, "graph.yaml", graph.as_bytes())], words);
}

#[test]
fn what_costs_as_usual_is_compiled_under_the_same_limits() {
    let cache = tempfile::tempdir().expect("a folder");
    let output = limited("-t 60; ulimit -d 262144", &["plugin", "inspect", "motion"], cache.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("ms, now"));
}

#[test]
fn what_is_no_component_is_told_in_the_words_of_the_compiler() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut damaged = wat::parse_str("(component (core module (func)))").expect("it is WebAssembly");
    damaged.truncate(damaged.len() - 3);
    let damaged = write(&folder, "damaged.wasm", &damaged);
    refused("-t 30", &["plugin", "inspect", &damaged], "it is no valid component: ");
}
