//! `framegate kinds`: what a graph can be made of.

use std::fmt::Write as _;
use std::process::ExitCode;

use super::{all_kinds, misused, print};
use crate::graph;
use crate::node::{About, InputPort, Kinds, NodeKind, Role, Setting, Takes};

/// Lists the kinds of node, or tells everything about one.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  framegate kinds
  framegate kinds h264")]
pub struct Args {
    /// The kind to tell about.
    #[arg(value_name = "KIND")]
    kind: Option<String>,
}

pub fn main(args: Args) -> ExitCode {
    let kinds = all_kinds();
    match args.kind {
        None => print(&list(&kinds)),
        Some(name) => match (kinds.find(&name), kinds.find_absent(&name)) {
            (Some(kind), _) => print(&story(kind.as_ref())),
            (None, Some(absent)) => {
                let feature = absent.feature;
                print(&format!(
                    "{name}: {}\n\nNot in this build. Build it with:\n  cargo build --release --features {feature}\n",
                    absent.summary
                ));
            }
            (None, None) => return misused(&unknown(&name, &kinds)),
        },
    }
    ExitCode::SUCCESS
}

fn unknown(name: &str, kinds: &Kinds) -> String {
    if let Some(instead) = kinds.other_name(name) {
        return format!("no kind is called \"{name}\"; {instead}");
    }
    match graph::nearest(name, kinds.names()) {
        Some(near) => format!("no kind is called \"{name}\"; did you mean \"{near}\"?"),
        None => format!("no kind is called \"{name}\"; `framegate kinds` lists them all"),
    }
}

fn list(kinds: &Kinds) -> String {
    let names = kinds.names().chain(kinds.absent.iter().map(|kind| kind.name));
    let width = names.map(str::len).max().unwrap_or(0);
    let mut out = String::new();
    let line = |out: &mut String, name: &str, summary: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "  {name:width$}  {summary}");
    };
    for (role, title) in [
        (Role::Source, "Sources, where video comes from"),
        (Role::Filter, "Filters, what looks at it or changes it"),
        (Role::Sink, "Sinks, where it goes"),
    ] {
        let _ = writeln!(out, "{title}:");
        for about in kinds.present.iter().map(|kind| kind.about()).filter(|about| about.role == role) {
            line(&mut out, about.name, about.summary);
        }
        out.push('\n');
    }
    if !kinds.absent.is_empty() {
        out.push_str("Not in this build:\n");
        for absent in &kinds.absent {
            line(&mut out, absent.name, &format!("{} (feature {})", absent.summary, absent.feature));
        }
        out.push('\n');
    }
    out + "`framegate kinds KIND` tells everything about one.\n"
}

/// Everything about one kind.
fn story(kind: &dyn NodeKind) -> String {
    let about = kind.about();
    let mut out = format!("{} ({}): {}\n", about.name, about.role.name(), about.summary);
    ports(&mut out, kind);
    settings(&mut out, "Settings, under `with:`", about.with, 1);
    if about.open {
        out.push_str(
            "\nOther keys under `with:` are for what it loads; they are checked against its own schema.\n",
        );
    }
    settings(&mut out, "Beside `with:`", &graph::beside(about), 1);
    let _ = write!(out, "\nExample:\n{}", indented(about));
    out
}

fn ports(out: &mut String, kind: &dyn NodeKind) {
    let Some((_, contract)) = graph::example(kind) else {
        out.push_str("\nIts ports depend on its settings.\n");
        return;
    };
    if !contract.inputs.is_empty() {
        out.push_str("\nInputs:\n");
    }
    for port in &contract.inputs {
        let _ = writeln!(out, "  {}: {}{}", port.name, graph::describe(&port.accepts), terms(port));
    }
    if !contract.outputs.is_empty() {
        out.push_str("\nOutputs:\n");
    }
    for port in &contract.outputs {
        let _ = writeln!(out, "  {}", port.name);
    }
}

fn terms(port: &InputPort) -> String {
    let optional = if port.required { "" } else { "; may be left unfed" };
    format!("; join {}{optional}", port.join.name())
}

/// A table of settings, and below each group its own, deeper in.
fn settings(out: &mut String, title: &str, table: &[Setting], depth: usize) {
    if !table.is_empty() && depth == 1 {
        let _ = writeln!(out, "\n{title}:");
    }
    let indent = "  ".repeat(depth);
    for setting in table {
        let default = match (setting.default, setting.required) {
            (Some(default), _) => format!("default {default}"),
            (None, true) => "required".to_owned(),
            (None, false) => "optional".to_owned(),
        };
        let _ = writeln!(out, "{indent}{}: {}; {default}", setting.name, setting.takes.describe());
        let _ = writeln!(out, "{indent}    {}", setting.doc);
        match setting.takes {
            Takes::Group(inner) | Takes::List(&Takes::Group(inner)) => settings(out, title, inner, depth + 2),
            _ => {}
        }
    }
}

fn indented(about: &About) -> String {
    about.example.lines().map(|line| format!("  {line}\n")).collect()
}
