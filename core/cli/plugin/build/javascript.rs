//! JavaScript: the API of componentize-js, from npm, called by the project's own `build.mjs`.

use std::path::Path;
use std::process::Command;

use super::tool;
use crate::cli::plugin::project::Project;

const NEEDS: &str = "it needs Node 20 or later with npm (https://nodejs.org)";

/// # Errors
/// A sentence that says what is missing or wrong.
pub fn build(folder: &Path, project: &Project) -> Result<(), String> {
    if !folder.join("node_modules/@bytecodealliance/componentize-js").exists() {
        eprintln!("fetching componentize-js from npm into node_modules: once, some 100 MB");
        let install = ["install", "--silent", "--no-audit", "--no-fund"];
        tool(Command::new("npm").args(install), folder, NEEDS)?;
    }
    // Which knows the file, the line and the place in it; componentize-js tells how many errors there are.
    tool(Command::new("node").args(["--check", "plugin.js"]), folder, NEEDS)?;
    eprintln!("building with componentize-js: some ten seconds");
    let mut command = Command::new("node");
    command.args(["build.mjs", project.world.name(), &project.file_name()]);
    tool(&mut command, folder, NEEDS)
}
