//! `framegate plugin bench`: what a plugin costs for each frame, and whether that has grown.
//!
//! Owns the two runs (one timed, one counted), the table and the baseline file. Time differs from
//! machine to machine and is only told; fuel is the same everywhere, and judged.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::{fmt, fs};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::build;
use super::trial::{self, Checked, PLUGIN, Run, Subject, Trial};
use crate::cli::{all_kinds, log, misused, print};
use crate::node::Kinds;
use crate::plugin;
use crate::plugin::registry::is_address;

/// Measure what a plugin costs for each frame, against a baseline.
///
/// Time is told and not judged. Fuel counts what the plugin does, about one for each instruction of
/// WebAssembly: it is the same on every machine, and more of it than the baseline has is a failure.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  framegate plugin bench gate.wasm --save         keep the figures in gate.bench.json
  framegate plugin bench gate.wasm                hold the plugin against them
  framegate plugin bench motion --input clip.y4m --frames 100

Exit status: 0 well, 1 more fuel than the baseline allows, or the plugin failed, 2 misused.")]
pub struct Args {
    #[command(flatten)]
    subject: Subject,
    /// How many frames of the test pattern
    #[arg(long, value_name = "N", default_value_t = 200, conflicts_with = "input")]
    frames: u64,
    /// The figures to hold it against; `PLUGIN.bench.json` beside the plugin if left out
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write the figures there instead
    #[arg(long)]
    save: bool,
    /// How much more fuel is no regression, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 2.0)]
    allow: f64,
}

/// What was measured, and on what. The file of a baseline.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Figures {
    /// Settings and pictures: figures of other ones cannot be compared.
    on: String,
    frames: u64,
    fuel_per_frame: u64,
    bytes_read_per_frame: u64,
    bytes_written_per_frame: u64,
    /// Of the machine it was saved on.
    microseconds_per_frame: f64,
}

pub fn main(mut args: Args) -> ExitCode {
    log::start_in(trial::as_written, log::Form::Text, true);
    let named = PathBuf::from(&args.subject.plugin);
    if let Err(status) = args.subject.build() {
        return status;
    }
    // What is kept of a project belongs to what its author keeps, not to what a build makes.
    let kept = match build::is_project(&named) {
        true => named.join("bench.json"),
        false => beside(&args.subject.plugin),
    };
    let figures = match measure(&args) {
        Ok(figures) => figures,
        Err(Refused::Misused(reason)) => return misused(&reason),
        Err(Refused::Told) => return ExitCode::FAILURE,
    };
    print(&figures.to_string());
    let path = args.baseline.clone().unwrap_or(kept);
    let judged = match args.save {
        true => save(&figures, &path).map(|()| Verdict::Well),
        false => judge(&figures, &path, args.allow),
    };
    match judged {
        Ok(Verdict::Well) => ExitCode::SUCCESS,
        Ok(Verdict::Regressed) => ExitCode::FAILURE,
        Err(reason) => misused(&reason),
    }
}

/// Why nothing was measured.
enum Refused {
    Misused(String),
    Told,
}

fn measure(args: &Args) -> Result<Figures, Refused> {
    let timed = run(args, &all_kinds())?;
    let counted = run(args, &counting_kinds())?;
    let turns =
        |run: &Run| run.report.nodes.iter().find(|node| node.id == PLUGIN).map_or(0, |node| node.turns);
    let frames = turns(&timed).max(1);
    let each = |run: &Run, name| run.count(PLUGIN, name) / frames;
    let busy = timed.report.nodes.iter().find(|node| node.id == PLUGIN).map(|node| node.turn.p50);
    Ok(Figures {
        on: described(args),
        frames,
        fuel_per_frame: each(&counted, "fuel"),
        bytes_read_per_frame: each(&timed, "bytes_read"),
        bytes_written_per_frame: each(&timed, "bytes_written"),
        microseconds_per_frame: busy.unwrap_or_default().as_nanos() as f64 / 1000.0,
    })
}

fn run(args: &Args, kinds: &Kinds) -> Result<Run, Refused> {
    let mut trial = Trial::offline(&args.subject, args.frames).map_err(Refused::Misused)?;
    trial.node(json!({ "id": "end", "kind": "collect", "inputs": format!("{PLUGIN}.frames") }));
    let Checked::Sound(plan) = trial.check(kinds) else { return Err(Refused::Told) };
    // One worker: whatever else ran at the same time would be measured too.
    let run = trial::run(plan, NonZeroUsize::MIN).map_err(|reason| {
        eprintln!("framegate: {reason}");
        Refused::Told
    })?;
    run.tell_failures().map_err(|_| Refused::Told)?;
    Ok(run)
}

/// The kinds of every graph, but plugins that are counted.
fn counting_kinds() -> Kinds {
    let mut kinds = all_kinds();
    for kind in &mut kinds.present {
        if kind.about().name == "plugin" {
            *kind = Arc::new(plugin::Kind::metered());
        }
    }
    kinds
}

/// Everything that decides what there is to do.
fn described(args: &Args) -> String {
    let Subject { with, input, size, after, .. } = &args.subject;
    let mut pictures = match input {
        Some(clip) => format!("{}", clip.display()),
        None => format!("test pattern {size} x {}", args.frames),
    };
    if let Some(finder) = after {
        pictures += &format!(" after {finder}");
    }
    match with.is_empty() {
        true => pictures,
        false => format!("{pictures}, with {}", with.join(" ")),
    }
}

/// `target/gate.wasm` → `target/gate.bench.json`; a bundled plugin's, or one's from a registry, in the current folder.
fn beside(plugin: &str) -> PathBuf {
    let named = match is_address(plugin) {
        true => plugin.rsplit('/').next().and_then(|last| last.split([':', '@']).next()).unwrap_or(plugin),
        false => plugin,
    };
    Path::new(named).with_extension("bench.json")
}

fn save(figures: &Figures, path: &Path) -> Result<(), String> {
    let text = serde_json::to_string_pretty(figures).map_err(|error| error.to_string())?;
    fs::write(path, text + "\n").map_err(|error| format!("cannot write \"{}\": {error}", path.display()))?;
    print(&format!("saved as {}\n", path.display()));
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Well,
    Regressed,
}

/// Holds the figures against the file, where there is one.
fn judge(figures: &Figures, path: &Path, allow: f64) -> Result<Verdict, String> {
    let shown = path.display();
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            print(&format!("no baseline yet; `--save` keeps these figures in {shown}\n"));
            return Ok(Verdict::Well);
        }
        Err(error) => return Err(format!("cannot read \"{shown}\": {error}")),
    };
    let before: Figures =
        serde_json::from_str(&text).map_err(|error| format!("\"{shown}\" is no baseline: {error}"))?;
    if before.on != figures.on {
        let (then, now) = (&before.on, &figures.on);
        return Err(format!(
            "\"{shown}\" was measured on {then}, this on {now}; measure the same, or `--save`"
        ));
    }
    let more = growth(before.fuel_per_frame, figures.fuel_per_frame);
    print(&format!("fuel {more:+.1} % against {shown}, {allow} % allowed\n"));
    match more > allow {
        true => {
            let (then, now) = (before.fuel_per_frame, figures.fuel_per_frame);
            eprintln!("framegate: a frame took {then} fuel and takes {now}; if that is meant, `--save` it");
            Ok(Verdict::Regressed)
        }
        false => Ok(Verdict::Well),
    }
}

/// In percent of `before`.
fn growth(before: u64, now: u64) -> f64 {
    (now as f64 / before.max(1) as f64 - 1.0) * 100.0
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} frames of {}, for each frame:", self.frames, self.on)?;
        writeln!(f, "  time     {:.0} µs (half of them took less)", self.microseconds_per_frame)?;
        let (read, written) = (self.bytes_read_per_frame, self.bytes_written_per_frame);
        writeln!(f, "  copied   {read} bytes in, {written} bytes back")?;
        writeln!(f, "  fuel     {}", self.fuel_per_frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(fuel: u64) -> Figures {
        Figures {
            on: "a clip".to_owned(),
            frames: 10,
            fuel_per_frame: fuel,
            bytes_read_per_frame: 0,
            bytes_written_per_frame: 0,
            microseconds_per_frame: 1.5,
        }
    }

    #[test]
    fn more_fuel_than_allowed_is_a_regression_and_less_is_not() {
        let file = tempfile::NamedTempFile::new().unwrap();
        save(&figures(1000), file.path()).unwrap();
        assert_eq!(judge(&figures(1019), file.path(), 2.0), Ok(Verdict::Well));
        assert_eq!(judge(&figures(500), file.path(), 2.0), Ok(Verdict::Well));
        assert_eq!(judge(&figures(1021), file.path(), 2.0), Ok(Verdict::Regressed));
    }

    #[test]
    fn figures_lie_beside_their_plugin_where_it_has_a_folder() {
        assert_eq!(beside("target/gate.wasm"), Path::new("target/gate.bench.json"));
        assert_eq!(beside("motion"), Path::new("motion.bench.json"));
        assert_eq!(beside("oci://localhost:5000/a/night:1@sha256:00"), Path::new("night.bench.json"));
    }

    #[test]
    fn figures_of_other_pictures_are_not_compared() {
        let file = tempfile::NamedTempFile::new().unwrap();
        save(&Figures { on: "another clip".to_owned(), ..figures(1) }, file.path()).unwrap();
        assert!(judge(&figures(1), file.path(), 2.0).unwrap_err().contains("another clip"));
    }
}
