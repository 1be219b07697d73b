//! `framegate plugin new`: a project that builds at once.
//!
//! Owns how templates are filled and written. What a language needs of this repository goes along as a
//! copy (the sdk for Rust, the interface for all), so a project does not need the repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::languages::{self, Language};
use super::project::{self, Project};
use crate::cli::{misused, print};
use crate::plugin::World;

/// Start a plugin: a folder that builds and tests at once.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  framegate plugin new gamma
  framegate plugin new counter --world analyzer
  framegate plugin new caption --lang python --world overlay")]
pub struct Args {
    /// The plugin's name, and the folder's: lower case letters, digits and dashes.
    name: String,
    /// What it is written in
    #[arg(long, value_enum, default_value = "rust")]
    lang: Language,
    /// What it may do
    #[arg(long, value_parser = world(), default_value = "filter")]
    world: World,
    /// Put the folder here instead of in the current one.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    into: PathBuf,
}

/// Path from the repository's root, and content.
const SDK: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/sdk.rs"));

/// The same versions of everything as this program was tested with: those are what a machine that
/// built it has, and so what builds without a network. Cargo drops what a plugin does not need.
const LOCK: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock"));

/// What stands in the graph beside the plugin.
const NODES: [&str; 4] = ["camera", "motion", "h264", "live"];

/// Without it, a plugin that works on what was found would show nothing.
const FINDER: &str = "  # What the plugin works on: boxes where something moves.
  - id: motion
    kind: plugin
    plugin: motion
    inputs: camera

";

fn world() -> impl TypedValueParser<Value = World> {
    let named = |world: World| PossibleValue::new(world.name()).help(world.in_words());
    let find = |name: String| World::ALL.into_iter().find(|world| world.name() == name);
    PossibleValuesParser::new(World::ALL.map(named)).map(move |name| find(name).expect("it is one of these"))
}

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
    let project = Project { name: args.name.clone(), language: args.lang, world: args.world };
    match write(&folder, &project) {
        Ok(()) => {
            print(&next_steps(&folder, &project));
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
    if NODES.contains(&name) {
        return Err(format!("\"{name}\" is another node of the graph that shows the plugin; choose another"));
    }
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

fn write(folder: &Path, project: &Project) -> Result<(), String> {
    let Project { name, language, world } = project;
    let component = match language {
        Language::Rust => format!("./target/wasm32-wasip2/release/{}", project.file_name()),
        Language::Python | Language::Js | Language::C => format!("./{}", project.file_name()),
    };
    let (finder, input) = match language.works_on_findings(*world) {
        true => (FINDER, "motion"),
        false => ("", "camera"),
    };
    let values = [
        ("finder", finder),
        ("input", input),
        ("after", after(project)),
        ("name", name.as_str()),
        ("file", &name.replace('-', "_")),
        ("component", &component),
        ("world", world.name()),
        ("summary", language.summary(*world)),
    ];
    for (path, template) in language.files().iter().chain([&languages::GRAPH, &language.source(*world)]) {
        write_file(&folder.join(path), &fill(template, &values))?;
    }
    match language {
        Language::Rust => {
            write_file(&folder.join("Cargo.lock"), LOCK)?;
            let vendor = folder.join("vendor/framegate");
            SDK.iter().try_for_each(|(path, content)| write_file(&vendor.join(path), content))
        }
        Language::Python | Language::Js | Language::C => {
            write_file(&folder.join(project::FILE), &project.text())?;
            let interface =
                SDK.iter().filter_map(|(path, content)| Some((path.strip_prefix("wit/v0/")?, content)));
            interface
                .into_iter()
                .try_for_each(|(path, content)| write_file(&folder.join("wit").join(path), content))
        }
    }
}

/// What `plugin run` needs in order to show something.
fn after(project: &Project) -> &'static str {
    match project.language.works_on_findings(project.world) {
        true => " --after motion",
        false => "",
    }
}

fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let put = |text: String, (key, value): &(&str, &str)| text.replace(&format!("{{{{{key}}}}}"), value);
    values.iter().fold(template.to_owned(), put)
}

fn write_file(path: &Path, content: &str) -> Result<(), String> {
    let fault = |error: std::io::Error| format!("cannot write \"{}\": {error}", path.display());
    path.parent().map_or(Ok(()), fs::create_dir_all).map_err(fault)?;
    fs::write(path, content).map_err(fault)
}

fn next_steps(folder: &Path, project: &Project) -> String {
    let (source, _) = project.language.source(project.world);
    let test = match project.language {
        Language::Rust => "  cargo test               # natively, against a host in memory\n",
        Language::Python | Language::Js | Language::C => "",
    };
    format!(
        "{folder} is ready: the plugin is {source}, the graph that shows it graph.yaml\n\n  \
         cd {folder}\n{test}  \
         framegate plugin build   # the component {name}\n  \
         framegate plugin run .{after}   # see it in a browser, before and after\n",
        folder = folder.display(),
        name = project.name,
        after = after(project),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_not_build_are_refused_before_anything_is_written() {
        for name in ["", "Upper", "9lives", "a_b", "a/b", "../x", "core", "camera"] {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert!(check_name("gate-3").is_ok());
    }

    #[test]
    fn a_project_holds_all_it_needs_and_no_open_places() {
        for language in [Language::Rust, Language::Python, Language::Js, Language::C] {
            for world in World::ALL {
                let folder = tempfile::tempdir().unwrap();
                let project = Project { name: "gate-3".to_owned(), language, world };
                write(folder.path(), &project).unwrap();
                let read = |path: &str| fs::read_to_string(folder.path().join(path)).unwrap();
                assert!(read("graph.yaml").contains("/gate_3.wasm"));
                assert_eq!(
                    read("graph.yaml").contains("inputs: motion"),
                    read(language.source(world).0).contains("etections(") && world != World::Detector,
                    "{language:?} {world:?}"
                );
                let files = language.files().iter().chain([&languages::GRAPH]);
                for (path, _) in files.chain([&language.source(world)]) {
                    assert!(!read(path).contains("{{"), "{language:?} {path}");
                }
                let wit = if language == Language::Rust { "vendor/framegate/wit/v0" } else { "wit" };
                assert!(read(&format!("{wit}/worlds.wit")).contains("world detector"));
            }
        }
    }
}
