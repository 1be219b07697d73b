//! Text → document → plan. Pure: it opens nothing, starts nothing and knows no kind by name.
//!
//! Read in this order: `document` (what was typed; `tree` is its raw form), `settings` and `inputs` (its parts), `resolve`
//! (names become indices), `check` (the rules), `formats` (what travels where), `assemble` (the
//! plan). `places` says where each part stands in the text; `environment` and `overrides` bring
//! values from outside. Every step collects findings and goes on with what is sound.

mod access;
mod address;
mod assemble;
mod check;
mod document;
mod environment;
mod example;
mod formats;
mod inputs;
mod models;
mod order;
mod origins;
mod overrides;
mod places;
pub mod plan;
mod policy;
mod resolve;
mod server;
mod settings;
mod suggest;
mod syntax;
mod tree;

use std::collections::HashSet;
use std::path::PathBuf;

pub use access::{IceServer, Right, Secret, Tls, Token};
pub use address::ID_PATTERN;
pub use document::{NODE_KEYS, TOP, VERSION};
pub use example::example;
pub use formats::{describe, megabytes, price};
pub use inputs::LINK;
pub use models::MODEL;
pub use overrides::Override;
pub use plan::{Clock, LinkId, NodeId, Plan, PlanLink, PlanNode, Server};
pub use server::SERVER;
pub use suggest::nearest;

use crate::diagnostic::{Diagnostic, Path, Points, Severity};
use crate::node::Kinds;
use origins::Origins;
use places::Places;
use settings::Reader;

/// A longer file is not a graph.
pub const MOST_BYTES: usize = 1 << 20;

/// A graph file as it was read.
#[derive(Clone, Debug)]
pub struct Text {
    /// The file's name as the user wrote it, for findings.
    pub name: String,
    /// The folder that paths in the file are relative to.
    pub folder: PathBuf,
    pub text: String,
}

/// What checking a graph gives.
pub struct Checked {
    /// `None` when a finding is an error.
    pub plan: Option<Plan>,
    /// In the order of the file, each with its place where it has one.
    pub findings: Vec<Diagnostic>,
    /// Settings whose values came from the environment and may not be shown.
    pub concealed: Vec<Concealed>,
}

/// A setting whose value may not be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concealed {
    /// The id of its node.
    pub node: String,
    /// The setting's own name.
    pub setting: String,
    /// What may be shown instead: `${TOKEN}` as it stands in the file.
    pub written: String,
}

/// Checks a graph and makes its plan. Looks variables up through `env` alone.
pub fn load(
    text: &Text,
    overrides: &[Override],
    kinds: &Kinds,
    env: &dyn Fn(&str) -> Option<String>,
) -> Checked {
    let mut origins = Origins { folder: text.folder.clone(), ..Origins::default() };
    if text.text.len() > MOST_BYTES {
        let message = format!("the file is over {} bytes long, which no graph is", MOST_BYTES);
        return unread(Diagnostic::error("too-large", Path::root(), message));
    }
    let written = text.text.strip_prefix('\u{feff}').unwrap_or(&text.text);
    let surveyed = places::survey(written);
    let parsed = surveyed.unreadable.map_or_else(|| document::parse(written), Err);
    let mut json = match parsed {
        Ok(json) => json,
        Err(finding) => return unread(within(finding, written)),
    };
    let mut findings = surveyed.repeated;
    findings.extend(overrides::apply(&mut json, overrides, kinds, &mut origins));
    findings.extend(environment::fill(&mut json, &surveyed.places, env, &mut origins));
    let concealed = concealed(&json, &origins);
    let mut reader = Reader { findings, ..Reader::new(&origins) };
    let plan = plan(&mut reader, json, stem(&text.name), kinds);
    let findings = placed(reader.findings, &surveyed.places, &origins);
    Checked { plan: plan.filter(|_| !findings.iter().any(Diagnostic::is_error)), findings, concealed }
}

/// Everything after the text: document, draft, rules, formats, plan.
fn plan(reader: &mut Reader<'_>, json: serde_json::Value, stem: &str, kinds: &Kinds) -> Option<Plan> {
    let document = document::read(reader, json)?;
    let draft = resolve::resolve(reader, &document, kinds);
    reader.findings.extend(reader.models.unused());
    let order = order::order(&draft);
    reader.findings.extend(order::cycles(&draft, &order));
    for rule in check::RULES {
        reader.findings.extend(rule(&draft));
    }
    let mut agreed = formats::agree(&draft, &order, kinds, document.strict);
    reader.findings.append(&mut agreed.findings);
    if order.len() < draft.nodes.len() || reader.findings.iter().any(Diagnostic::is_error) {
        return None;
    }
    let name = document.name.clone().unwrap_or_else(|| stem.to_owned());
    assemble::assemble(name, document, draft, agreed, &order)
        .map(|plan| Plan { models: reader.models.sound(), ..plan })
}

fn unread(finding: Diagnostic) -> Checked {
    Checked { plan: None, findings: vec![finding], concealed: Vec::new() }
}

/// A parser that ran out of text tells a place after the last line.
fn within(mut finding: Diagnostic, text: &str) -> Diagnostic {
    if let Some(place) = &mut finding.place {
        let lines: Vec<&str> = text.lines().collect();
        if place.line > lines.len() {
            let last = lines.last().map_or(0, |line| line.chars().count());
            (place.line, place.column) = (lines.len().max(1), last + 1);
            (place.end_line, place.end_column) = (place.line, place.column);
        }
    }
    finding
}

/// Fills in every place and puts the findings in the order of the file.
fn placed(findings: Vec<Diagnostic>, places: &Places, origins: &Origins) -> Vec<Diagnostic> {
    let place = |mut finding: Diagnostic| {
        if finding.place.is_none() && origins.option(&finding.path).is_none() {
            finding.place = places.of(&finding.path, finding.points);
        }
        origins.dress(finding)
    };
    let mut findings: Vec<Diagnostic> = findings.into_iter().map(place).collect();
    let rank = |severity: Severity| std::cmp::Reverse(severity);
    findings.sort_by_key(|finding| {
        let at = finding.place.map(|place| (place.line, place.column));
        (at, rank(finding.severity), finding.points == Points::AtValue)
    });
    // What stands at an anchor is met again at each of its aliases.
    let mut seen = HashSet::new();
    findings.retain(|finding| match finding.place {
        Some(place) => seen.insert((place.line, place.column, finding.code, finding.message.clone())),
        None => true,
    });
    findings
}

fn concealed(json: &serde_json::Value, origins: &Origins) -> Vec<Concealed> {
    use crate::diagnostic::Step;
    let conceal = |value: &origins::Concealed| {
        let [Step::Key(_), Step::Index(node), Step::Key(first), rest @ ..] = &value.path.0[..] else {
            return None;
        };
        let setting = match (first.as_str(), rest) {
            ("with", [Step::Key(setting), ..]) => setting,
            _ => first,
        };
        let node = json.get("nodes")?.get(node)?.get("id")?.as_str()?;
        Some(Concealed { node: node.to_owned(), setting: setting.clone(), written: value.written.clone() })
    };
    origins.concealed.iter().filter(|value| !value.secrets.is_empty()).filter_map(conceal).collect()
}

/// `front-door` of `graphs/front-door.yaml`.
fn stem(name: &str) -> &str {
    std::path::Path::new(name).file_stem().and_then(|stem| stem.to_str()).unwrap_or("graph")
}
