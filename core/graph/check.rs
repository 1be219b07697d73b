//! The rules about graphs that need no formats: one function each.
//!
//! A rule looks at the draft and says what breaks it. What is unknown because of a fault already
//! reported breaks no rule.

use std::collections::{HashMap, HashSet};
use std::path::Path as FilePath;

use super::resolve::{Draft, DraftNode};
use crate::diagnostic::Diagnostic;
use crate::node::{Join, Role, Value, WhenFull};

/// Every rule, in the order in which they are explained to people.
pub(super) const RULES: [fn(&Draft) -> Vec<Diagnostic>; 5] =
    [unfed_inputs, undriven_nodes, unused_outputs, same_target, misplaced_options];

/// Every input that must be fed is.
fn unfed_inputs(draft: &Draft) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let fed = fed(draft);
    for (index, node) in draft.nodes.iter().enumerate().filter(|(_, node)| node.inputs_whole) {
        let Some(contract) = node.contract() else { continue };
        let missing = contract.inputs.iter().enumerate().filter(|(_, port)| port.required);
        for (_, port) in missing.filter(|(port, _)| !fed.contains(&(index, *port))) {
            let message = format!("nothing feeds the input \"{}\" of \"{}\"", port.name, node.name);
            let finding = Diagnostic::error("unfed-input", node.path.clone(), message);
            findings.push(finding.help(feed_help(draft, index, contract.inputs.len(), port.name)));
        }
    }
    findings
}

/// The input ports that a link leads to.
fn fed(draft: &Draft) -> HashSet<(usize, usize)> {
    draft.links.iter().filter_map(|link| Some((link.to, link.to_port?))).collect()
}

fn feed_help(draft: &Draft, index: usize, ports: usize, port: &str) -> String {
    let gives = |node: &&DraftNode| matches!(node.role(), Some(Role::Source | Role::Filter));
    let before = draft.nodes[..index].iter().rev().find(gives);
    match (before, ports) {
        (Some(node), 1) => format!("add `inputs: {}`", node.name),
        (Some(node), _) => format!("add `inputs: {{ {port}: {} }}`", node.name),
        (None, _) => "add a source before it, and name that in its `inputs`".to_owned(),
    }
}

/// A node whose inputs all take "the newest there is" would never start a turn.
fn undriven_nodes(draft: &Draft) -> Vec<Diagnostic> {
    let mut joins: HashMap<usize, Vec<Option<Join>>> = HashMap::new();
    for link in &draft.links {
        let port = link.to_port.and_then(|port| draft.nodes[link.to].input(port));
        joins.entry(link.to).or_default().push(link.options.join.or(port.map(|port| port.join)));
    }
    let idle = |index: usize| {
        joins
            .get(&index)
            .is_some_and(|joins| joins.iter().all(|join| matches!(join, Some(Join::SamePts | Join::Latest))))
    };
    let nodes = draft.nodes.iter().enumerate().filter(|(index, node)| node.inputs_whole && idle(*index));
    nodes
        .map(|(_, node)| {
            let message = format!("nothing drives \"{}\": none of its inputs has `join: each`", node.name);
            Diagnostic::error("undriven-node", node.path.key("inputs"), message).help(
                "leave `join` out, or write `join: each`, at the input whose items should start its work",
            )
        })
        .collect()
}

/// Work whose result nobody takes is most likely a link that was forgotten.
fn unused_outputs(draft: &Draft) -> Vec<Diagnostic> {
    // A link that could not be resolved, or is still missing, may be the one.
    let open = draft.nodes.iter().any(|node| node.kind.is_none());
    if open || !draft.links_whole || !unfed_inputs(draft).is_empty() {
        return Vec::new();
    }
    let used: HashSet<usize> = draft.links.iter().map(|link| link.from).collect();
    let gives =
        |node: &DraftNode| node.can_be_named && matches!(node.role(), Some(Role::Source | Role::Filter));
    let unused = draft.nodes.iter().enumerate().filter(|(index, node)| gives(node) && !used.contains(index));
    unused
        .map(|(_, node)| {
            let message = format!("nothing takes what \"{}\" gives", node.name);
            Diagnostic::warning("unused-output", node.path.clone(), message).help(format!(
                "name it in the `inputs` of another node, `inputs: {}`, or remove it",
                node.name
            ))
        })
        .collect()
}

/// No two sinks write to one path or send to one address, and no two sources read standard input.
fn same_target(draft: &Draft) -> Vec<Diagnostic> {
    let mut first: HashMap<String, &DraftNode> = HashMap::new();
    let mut findings = Vec::new();
    for node in &draft.nodes {
        for (setting, target) in targets(node) {
            let Some(other) = first.get(&target) else {
                first.insert(target, node);
                continue;
            };
            let message = format!("\"{}\" and \"{}\" both use {}", other.name, node.name, shown(&target));
            let finding = Diagnostic::error("same-target", node.path.key("with").key(setting), message);
            findings.push(finding.help("give each its own"));
        }
    }
    findings
}

/// The settings of a node that claim something outside for itself alone.
fn targets(node: &DraftNode) -> Vec<(&'static str, String)> {
    let (Some(role), Some(signed)) = (node.role(), &node.signed) else { return Vec::new() };
    let claimed = |(name, value): (&'static str, &Value)| match (role, value) {
        (Role::Sink, Value::Path(path)) => Some((name, format!("writes {}", path.display()))),
        (Role::Sink, Value::Text(text)) if matches!(name, "url" | "address" | "listen") => {
            Some((name, format!("sends {text}")))
        }
        (Role::Source, Value::Path(path)) if path == FilePath::new("-") => Some((name, "reads -".to_owned())),
        _ => None,
    };
    signed.settings.iter().filter_map(claimed).collect()
}

fn shown(target: &str) -> String {
    match target {
        "reads -" => "standard input".to_owned(),
        "writes -" => "standard output".to_owned(),
        other => format!("\"{}\"", other.split_once(' ').map_or(other, |(_, name)| name)),
    }
}

/// Options of a link that mean nothing together.
fn misplaced_options(draft: &Draft) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for link in &draft.links {
        let port = link.to_port.and_then(|port| draft.nodes[link.to].input(port));
        let join = link.options.join.or(port.map(|port| port.join));
        if link.options.max_age.is_some() && join == Some(Join::Each) {
            let message = "\"max_age\" means nothing where every item starts a turn";
            findings.push(
                Diagnostic::error("misplaced-option", link.path.key("max_age"), message)
                    .at_key()
                    .help("remove it, or write `join: latest` or `join: same_pts` beside it"),
            );
        }
        if let Some(port) = port.filter(|port| port.join != Join::Each && join == Some(Join::Each)) {
            let (name, node) = (port.name, &draft.nodes[link.to].name);
            let message =
                format!("\"{name}\" goes with what drives \"{node}\", and does not drive it itself");
            findings.push(
                Diagnostic::error("misplaced-option", link.path.key("join"), message)
                    .help("write `join: latest` or `join: same_pts`, or leave it out"),
            );
        }
        if join == Some(Join::Latest) && link.options.when_full == Some(WhenFull::Block) {
            let message = "\"block\" means nothing for `join: latest`, which never waits";
            findings.push(
                Diagnostic::error("misplaced-option", link.path.key("when_full"), message)
                    .help("write `when_full: drop_oldest`, or leave it out"),
            );
        }
    }
    findings
}
