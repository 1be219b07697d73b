//! A plan as text, node by node in the order in which a frame passes.

use std::fmt::Write as _;

use super::whence;
use crate::cli::value;
use crate::graph::{self, Clock, Concealed, LinkId, Plan, PlanLink, PlanNode};
use crate::node::{Format, Join, Model, units};

pub fn draw(plan: &Plan, rules: &[String], concealed: &[Concealed]) -> String {
    let clock = match plan.clock {
        Clock::Live => "live",
        Clock::Offline => "offline",
    };
    let mut out = format!("{}: clock {clock}, server {}\n", plan.name, plan.server.listen);
    for model in &plan.models {
        let _ = writeln!(out, "{}", describe_model(model));
    }
    for rule in rules {
        let _ = writeln!(out, "proved: {rule}");
    }
    for node in &plan.nodes {
        draw_node(&mut out, plan, node, concealed);
    }
    out
}

/// `model faces: ../models/blazeface.onnx, 128x128 rgb24 nchw, sha256 d388…`.
fn describe_model(model: &Model) -> String {
    let pinned = match model.digest {
        Some(digest) => format!("sha256 {}…", &digest.to_string()[..12]),
        None => "any file".to_owned(),
    };
    format!("model {}: {}, {}, {pinned}", model.name, model.path.display(), model.input)
}

// Writing to a string cannot fail.
fn draw_node(out: &mut String, plan: &Plan, node: &PlanNode, concealed: &[Concealed]) {
    let _ = writeln!(out, "\n{} ({} {})", node.id, node.kind.about().name, node.role().name());
    if node.inserted {
        let _ = writeln!(out, "    put in so that two formats meet{}", price(plan, node));
    }
    let settings = value::settings(node, concealed);
    if !settings.is_empty() {
        let _ = writeln!(out, "    {}", value::flow(&settings));
    }
    if let Some(whence) = whence(node, concealed) {
        let _ = writeln!(out, "    from {whence}");
    }
    for (index, port) in node.contract.outputs.iter().enumerate() {
        let format = node.formats.get(index).map(Format::to_string).unwrap_or_default();
        let taken = if node.outputs[index].is_empty() { ", not used" } else { "" };
        let _ = writeln!(out, "    {}: {format}{taken}", port.name);
        for &link in &node.outputs[index] {
            let (_, to) = plan.link_ends(link);
            let _ = writeln!(out, "      -> {to}: {}", policy(plan.link(link)));
        }
    }
}

/// What a conversion costs, where that is known beforehand.
fn price(plan: &Plan, node: &PlanNode) -> String {
    let takes = node.inputs.first().copied().flatten().map(|link: LinkId| plan.link(link).format);
    match takes.and_then(|takes| graph::price(&takes, &node.formats)) {
        Some(bytes) => format!("; moves {} each second", graph::megabytes(bytes)),
        None => String::new(),
    }
}

/// `queue 1, drop_oldest`, and what else was asked for.
fn policy(link: &PlanLink) -> String {
    let mut text = format!("queue {}, {}", link.capacity, link.when_full.name());
    if link.join != Join::Each {
        let _ = write!(text, ", join {}", link.join.name());
    }
    if let Some(max_age) = link.max_age {
        let _ = write!(text, ", max_age {}", units::show_duration(max_age));
    }
    if let Some(rate) = link.rate {
        let _ = write!(text, ", at most {rate} a second");
    }
    text
}
