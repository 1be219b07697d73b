//! `framegate show`: the plan of a graph, with everything filled in that was left out.

mod drawing;
mod outline;
mod tree;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use super::{Overrides, all_kinds, findings, look, misused, print, read_graph, variable};
use crate::graph::{self, Concealed, PlanNode};
use crate::node::Kinds;
use crate::nodes::write::ToFile;
use crate::plugin;

/// Shows what would run: order, formats, links and their policies, conversions and their price.
///
/// Opens nothing. Values from the environment are shown as `${NAME}`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  framegate show graphs/demo.yaml
  framegate show graphs/demo.yaml --format mermaid     for a README
  framegate show graphs/demo.yaml --format dot | dot -Tsvg > graph.svg
  framegate show graphs/demo.yaml --format json | jq '.links[]'

A link's line says how many items may wait on it and what happens when it is full.")]
pub struct Args {
    /// The graph file.
    #[arg(value_name = "GRAPH")]
    graph: PathBuf,
    /// How it is drawn.
    #[arg(long, value_enum, default_value_t = Form::Tree)]
    format: Form,
    #[command(flatten)]
    overrides: Overrides,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Form {
    /// Text, in the order in which a frame passes.
    Tree,
    /// A Mermaid flowchart.
    Mermaid,
    /// A Graphviz graph.
    Dot,
    /// Everything, for programs.
    Json,
}

pub fn main(args: Args) -> ExitCode {
    let text = match read_graph(&args.graph) {
        Ok(text) => text,
        Err(message) => return misused(&message),
    };
    let checked = graph::load(&text, &args.overrides.set, &kinds(), &variable);
    let Some(plan) = checked.plan else {
        eprint!("{}", findings::text(&checked.findings, &text, look(&io::stderr())));
        eprintln!("{}: {}", text.name, findings::summary(&checked.findings).unwrap_or_default());
        return ExitCode::FAILURE;
    };
    print(&match args.format {
        Form::Tree => tree::draw(&plan, &checked.rules, &checked.concealed),
        Form::Mermaid => drawing::mermaid(&plan),
        Form::Dot => drawing::dot(&plan),
        Form::Json => format!("{:#}\n", outline::outline(&plan, &checked.rules, &checked.concealed)),
    });
    ExitCode::SUCCESS
}

/// The kinds of every graph, but `write` without its care for what is there already: a graph that has run can
/// still be looked at.
fn kinds() -> Kinds {
    let mut kinds = all_kinds();
    for kind in &mut kinds.present {
        if kind.about().name == "write" {
            *kind = Arc::new(ToFile::looked_at());
        }
    }
    kinds
}

/// Where the plugin of a node comes from. A name out of the environment is not shown, nor what it leads to.
fn whence(node: &PlanNode, concealed: &[Concealed]) -> Option<String> {
    let hidden = concealed.iter().any(|hidden| hidden.node == node.id && hidden.setting == "plugin");
    node.settings.get("plugin").filter(|_| !hidden).and_then(plugin::whence)
}
