//! `framegate check`: every finding about one or more graphs. Opens nothing, but fetches a plugin that
//! a graph names in a registry and that was never fetched before.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::Value as Json;

use super::{Overrides, all_kinds, findings, look, misused, print, read_graph, variable};
use crate::diagnostic::Diagnostic;
use crate::graph::{self, Checked, Text};

/// Says everything that is wrong with a graph, and what to do about it.
///
/// Opens nothing: no camera, no port, no plugin runs. One that is named in a registry is fetched once.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  framegate check graphs/demo.yaml
  framegate check graphs/*.yaml --format json
  framegate check door.yaml --set camera.size=640x360

Exit status: 0 no errors, 1 errors, 2 a file could not be read.")]
pub struct Args {
    /// The graph files.
    #[arg(required = true, value_name = "GRAPH")]
    graphs: Vec<PathBuf>,
    /// For people or for programs.
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
    #[command(flatten)]
    overrides: Overrides,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// Each finding with its place, source line and next step.
    Text,
    /// One array of findings.
    Json,
}

pub fn main(args: Args) -> ExitCode {
    let kinds = all_kinds();
    let mut end = End::Well;
    let mut array = Vec::new();
    for path in &args.graphs {
        let text = match read_graph(path) {
            Ok(text) => text,
            Err(message) => {
                misused(&message);
                end = End::Misused;
                continue;
            }
        };
        let checked = graph::load(&text, &args.overrides.set, &kinds, &variable);
        if end == End::Well && checked.findings.iter().any(Diagnostic::is_error) {
            end = End::Errors;
        }
        match args.format {
            Form::Text => print(&told(&checked, &text, path)),
            Form::Json => array.extend(checked.findings.iter().map(|one| findings::json(one, &text.name))),
        }
    }
    if args.format == Form::Json {
        print(&format!("{:#}\n", Json::Array(array)));
    }
    match end {
        End::Well => ExitCode::SUCCESS,
        End::Errors => ExitCode::FAILURE,
        End::Misused => ExitCode::from(super::MISUSED),
    }
}

/// How the command ends, worst last.
#[derive(PartialEq, Eq)]
enum End {
    Well,
    Errors,
    Misused,
}

/// The findings about one graph and a line that sums them up.
fn told(checked: &Checked, text: &Text, path: &Path) -> String {
    let findings = findings::text(&checked.findings, text, look(&io::stdout()));
    let size = checked.plan.as_ref().map(|plan| {
        let plural =
            |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        format!("{}, {}", plural(plan.nodes.len(), "node"), plural(plan.links.len(), "link"))
    });
    let sum = match (findings::summary(&checked.findings), size) {
        (None, Some(size)) => format!("sound: {size}"),
        (Some(counts), Some(size)) => format!("sound: {size}; {counts}"),
        (counts, None) => counts.unwrap_or_default(),
    };
    format!("{findings}{}: {sum}\n", path.display())
}
