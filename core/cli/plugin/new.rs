//! `framegate plugin new`: a project that builds at once.
//!
//! Owns the templates and what is put into them. The sdk goes along as a copy, so a project needs
//! neither this repository nor a network that a build of this program did not need.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::cli::{misused, print};

/// Start a plugin: a folder that builds and tests at once.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  framegate plugin new gamma
  framegate plugin new counter --world analyzer")]
pub struct Args {
    /// The plugin's name, and the folder's: lower case letters, digits and dashes.
    name: String,
    /// What it may do.
    #[arg(long, value_enum, default_value = "filter")]
    world: World,
    /// Put the folder here instead of in the current one.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    into: PathBuf,
}

/// The worlds of `wit/v0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum World {
    /// Changes pixels.
    Filter,
    /// Looks and reports; cannot change a pixel.
    Detector,
    /// Paints from what others found; never sees a pixel.
    Overlay,
    /// Works on what others found; blind to pixels.
    Analyzer,
}

/// Path from the repository's root, and content.
const SDK: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/sdk.rs"));

/// The same versions of everything as this program was tested with: those are what a machine that
/// built it has, and so what builds without a network. Cargo drops what a plugin does not need.
const LOCK: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock"));

/// Path in the project, and template.
const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("templates/rust/Cargo.toml.in")),
    (".cargo/config.toml", include_str!("templates/rust/cargo-config.toml.in")),
    (".gitignore", include_str!("templates/rust/gitignore.in")),
    ("rust-toolchain.toml", include_str!("templates/rust/rust-toolchain.toml.in")),
    ("README.md", include_str!("templates/rust/README.md.in")),
    ("graph.yaml", include_str!("templates/rust/graph.yaml.in")),
];

pub fn main(args: &Args) -> ExitCode {
    if let Err(reason) = check_name(&args.name) {
        return misused(&reason);
    }
    let folder = args.into.join(&args.name);
    if folder.exists() {
        return misused(&format!(
            "\"{}\" exists already; choose another name, or remove it",
            folder.display()
        ));
    }
    match write(&folder, &args.name, args.world) {
        Ok(()) => {
            print(&next_steps(&folder, &args.name));
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("framegate: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// A name that cargo, a file system and a graph all take.
fn check_name(name: &str) -> Result<(), String> {
    const TAKEN: [&str; 6] = ["test", "core", "std", "alloc", "framegate", "framegate-sdk"];
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let well_formed = name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(letters);
    match (well_formed, TAKEN.contains(&name)) {
        (true, false) => Ok(()),
        (true, true) => Err(format!("\"{name}\" is a name Rust needs for itself; choose another")),
        (false, _) => Err(format!(
            "\"{name}\" must begin with a lower case letter and have only lower case letters, digits and dashes"
        )),
    }
}

fn write(folder: &Path, name: &str, world: World) -> Result<(), String> {
    let fill = |template: &str| {
        let values = [("name", name), ("file", &name.replace('-', "_")), ("summary", world.summary())];
        values
            .iter()
            .fold(template.to_owned(), |text, (key, value)| text.replace(&format!("{{{{{key}}}}}"), value))
    };
    for (path, template) in FILES {
        write_file(&folder.join(path), &fill(template))?;
    }
    write_file(&folder.join("lib.rs"), world.template())?;
    write_file(&folder.join("Cargo.lock"), LOCK)?;
    let vendor = folder.join("vendor/framegate");
    SDK.iter().try_for_each(|(path, content)| write_file(&vendor.join(path), content))
}

fn write_file(path: &Path, content: &str) -> Result<(), String> {
    let fault = |error: std::io::Error| format!("cannot write \"{}\": {error}", path.display());
    path.parent().map_or(Ok(()), fs::create_dir_all).map_err(fault)?;
    fs::write(path, content).map_err(fault)
}

fn next_steps(folder: &Path, name: &str) -> String {
    format!(
        "{folder} is ready: the plugin is lib.rs, the graph that shows it graph.yaml\n\n  \
         cd {folder}\n  \
         cargo test               # natively, against a host in memory\n  \
         framegate plugin build   # the component {name}\n  \
         framegate run graph.yaml # see it in a browser\n",
        folder = folder.display(),
    )
}

impl World {
    fn template(self) -> &'static str {
        match self {
            World::Filter => include_str!("templates/rust/filter.rs.in"),
            World::Detector => include_str!("templates/rust/detector.rs.in"),
            World::Overlay => include_str!("templates/rust/overlay.rs.in"),
            World::Analyzer => include_str!("templates/rust/analyzer.rs.in"),
        }
    }

    fn summary(self) -> &'static str {
        match self {
            World::Filter => "Brightens or darkens the picture along a curve",
            World::Detector => "Reports the parts of the picture that are brighter than a threshold",
            World::Overlay => "Writes a caption at the bottom of the picture",
            World::Analyzer => "Counts what detectors found",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_not_build_are_refused_before_anything_is_written() {
        for name in ["", "Upper", "9lives", "a_b", "a/b", "../x", "core"] {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert!(check_name("gate-3").is_ok());
    }

    #[test]
    fn a_project_holds_all_it_needs_and_no_open_places() {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("gate-3");
        write(&project, "gate-3", World::Detector).unwrap();
        let read = |path: &str| fs::read_to_string(project.join(path)).unwrap();
        assert!(read("Cargo.toml").contains("name = \"gate-3\""));
        assert!(read("graph.yaml").contains("gate_3.wasm"));
        assert!(read("lib.rs").contains("register_detector!"));
        assert!(read("vendor/framegate/plugins/sdk/lib.rs").contains("register"));
        assert!(read("vendor/framegate/wit/v0/worlds.wit").contains("world detector"));
        for (path, _) in FILES {
            assert!(!read(path).contains("{{"), "{path}");
        }
    }
}
