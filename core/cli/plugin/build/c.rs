//! C: clang makes a core module, and wasm-tools (from PyPI, in an environment of the project's own) a
//! component of it. No C library.

use std::path::Path;
use std::process::Command;

use super::{python, tool};
use crate::cli::plugin::project::Project;
use crate::plugin::World;

const NEEDS: &str = "it needs clang and its linker for WebAssembly (Debian: apt-get install clang lld)";

const FLAGS: &[&str] = &[
    "--target=wasm32",
    "-std=c11",
    "-O3",
    // Worth up to seven times the speed, and every engine of ours has it.
    "-msimd128",
    "-nostdlib",
    "-Wall",
    "-Wno-unused-function",
    "-Wl,--no-entry",
    // Names stay, so that the backtrace of a trap has functions in it.
    "-Wl,--strip-debug",
];

/// # Errors
/// A sentence that says what is missing or wrong.
pub fn build(folder: &Path, project: &Project) -> Result<(), String> {
    let wasm_tools = python::installed(folder, "wasm-tools")?;
    let modules = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let [core, embedded] = ["core.wasm", "embedded.wasm"].map(|name| modules.path().join(name));
    tool(Command::new("clang").args(FLAGS).arg("-o").arg(&core).arg("plugin.c"), folder, NEEDS)?;
    // What the module's functions mean, then the component around it.
    let mut embed = Command::new(&wasm_tools);
    embed.args(["component", "embed", "wit", "--world", project.world.name(), "--output"]);
    tool(embed.arg(&embedded).arg(&core), folder, NEEDS)?;
    let mut wrap = Command::new(&wasm_tools);
    wrap.args(["component", "new", "--output", &project.file_name()]);
    tool(wrap.arg(&embedded), folder, NEEDS)
        .map_err(|reason| format!("{reason}; {}", may_import(project.world)))
}

/// What an import that does not resolve means.
fn may_import(world: World) -> String {
    format!(
        "a plugin of the world \"{}\" ({}) may import {} besides frames and host: leave out the call of any \
         other, or change \"world\" in framegate.json and what the plugin exports",
        world.name(),
        world.in_words(),
        world.imports().join(", "),
    )
}
