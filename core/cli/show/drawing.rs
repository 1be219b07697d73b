//! A plan as a drawing: Mermaid for READMEs, Graphviz for everything else.

use std::fmt::Write as _;

use crate::graph::{Plan, PlanNode};
use crate::node::Role;

pub fn mermaid(plan: &Plan) -> String {
    let mut out = "flowchart LR\n".to_owned();
    // Writing to a string cannot fail.
    for (index, node) in plan.nodes.iter().enumerate() {
        let (open, close) = match node.role() {
            Role::Source => ("([", "])"),
            Role::Filter => ("[", "]"),
            Role::Sink => ("[[", "]]"),
        };
        let _ = writeln!(out, "  n{index}{open}\"{}<br/>{}\"{close}", node.id, node.kind.about().name);
    }
    for link in &plan.links {
        let _ = writeln!(out, "  n{} -->|\"{}\"| n{}", link.from.0, link.format, link.to.0);
    }
    out
}

pub fn dot(plan: &Plan) -> String {
    let name = plan.name.replace(['"', '\\'], "_");
    let mut out = format!("digraph \"{name}\" {{\n  rankdir=LR;\n  node [shape=box, fontname=sans];\n");
    for (index, node) in plan.nodes.iter().enumerate() {
        let _ =
            writeln!(out, "  n{index} [label=\"{}\\n{}\"{}];", node.id, node.kind.about().name, style(node));
    }
    for link in &plan.links {
        let _ = writeln!(out, "  n{} -> n{} [label=\"{}\"];", link.from.0, link.to.0, link.format);
    }
    out + "}\n"
}

fn style(node: &PlanNode) -> &'static str {
    if node.inserted { ", style=dashed" } else { "" }
}
