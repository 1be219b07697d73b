//! `framegate plugin build`: a component out of a project, whatever language it is in.
//!
//! One file for each language drives its own tools; this one finds out which it is, whether there is
//! anything to do, and tells where the component went.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::SystemTime;

use super::languages::Language;
use super::project::Project;
use super::sources;
use crate::cli::{misused, print};
use crate::plugin::bundled;

mod c;
mod javascript;
mod python;
mod rust;

/// Build the plugin in a folder as a component.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  framegate plugin build
  framegate plugin build plugins/motion

Rust is built by cargo, Python by componentize-py, JavaScript by componentize-js, C by clang and
wasm-tools. Compilers from PyPI and npm are fetched into the project by its first build, each pinned.

This builds whenever it is called. `check`, `inspect`, `test`, `bench` and `run`, given a project's folder, build
what has changed since the component was made.")]
pub struct Args {
    /// The folder of the plugin: with a `Cargo.toml`, or a `framegate.json` from `plugin new`
    #[arg(value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
}

pub fn main(args: &Args) -> ExitCode {
    if !is_project(&args.folder) {
        return misused(&no_project(&args.folder));
    }
    match build(&args.folder) {
        Ok(component) => {
            print(&line(&component));
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("framegate: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Whether there is something to build in `folder`.
pub fn is_project(folder: &Path) -> bool {
    folder.join("Cargo.toml").is_file() || folder.join(super::project::FILE).is_file()
}

fn no_project(folder: &Path) -> String {
    format!(
        "\"{}\" has no Cargo.toml and no framegate.json; name the plugin's folder, or start one with \
         `framegate plugin new NAME`",
        folder.display()
    )
}

/// What a tool is to work on: the component of a project, built first where its sources have changed, or
/// what `named` names itself.
///
/// # Errors
/// The status to end with, when there is nothing to build or it does not build, which has been told.
pub fn subject(named: &str) -> Result<String, ExitCode> {
    let folder = Path::new(named);
    if !is_project(folder) {
        let is_other = folder.is_dir() && bundled::find(named).is_none();
        return if is_other { Err(misused(&no_project(folder))) } else { Ok(named.to_owned()) };
    }
    let component = unchanged(folder).map_or_else(|| build(folder), Ok);
    component.map(|component| component.display().to_string()).map_err(|reason| {
        eprintln!("framegate: {reason}");
        ExitCode::FAILURE
    })
}

/// The component of a project, where it is as its sources are. With a `Cargo.toml` cargo finds out.
fn unchanged(folder: &Path) -> Option<PathBuf> {
    let project = Project::read(folder).ok().filter(|_| !folder.join("Cargo.toml").is_file())?;
    let component = Some(project.component(folder)).filter(|made| sources::unchanged_since(made, folder))?;
    eprintln!("{} is unchanged since it was built", component.display());
    Some(component)
}

/// Builds a project, the progress of its tools on standard error.
///
/// # Errors
/// A sentence that says what is missing or wrong.
pub fn build(folder: &Path) -> Result<PathBuf, String> {
    let manifest = folder.join("Cargo.toml");
    if manifest.is_file() {
        return rust::build(&manifest);
    }
    let project = Project::read(folder)?;
    let component = project.component(folder);
    let begun = SystemTime::now();
    match project.language {
        Language::Rust => return Err(format!("\"{}\" has no Cargo.toml", folder.display())),
        Language::Python => python::build(folder, &project)?,
        Language::Js => javascript::build(folder, &project)?,
        Language::C => c::build(folder, &project)?,
    }
    // What is saved during a build may not be in it: the component is as old as what it was made of.
    // A file system that keeps no times has everything built anew.
    let _ = fs::File::open(&component).and_then(|made| made.set_modified(begun));
    Ok(component)
}

fn line(component: &Path) -> String {
    let size = fs::metadata(component).map_or(0, |found| found.len());
    format!("{} ({} KiB)\n", component.display(), size.div_ceil(1024))
}

/// Runs a language's tool in the project's folder.
///
/// # Errors
/// When it cannot be started, with how it is installed as `needs` says; or when it fails.
fn tool(command: &mut Command, folder: &Path, needs: &str) -> Result<(), String> {
    let name = command.get_program().display().to_string();
    // Our own output is the component's path; what tools say is progress.
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::from(std::io::stderr()));
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(format!("the plugin does not build: {name} failed, and says above why")),
        Err(error) => Err(format!("cannot start {name}: {error}; {needs}")),
    }
}
