//! Text → document → plan. It starts nothing, knows no kind by name, and opens no file but those
//! that a graph includes.
//!
//! Read in this order: `include` (files put together; `group`, `scope`, `uses` and `atlas` are its
//! parts), `document` (what was typed; `tree` is its raw form), `settings` and `inputs` (its parts),
//! `resolve` (names become indices), `check` (what must hold of links), `formats` (what travels
//! where), `rules` (what may be shown), `assemble` (the plan). `places` says where each part stands
//! in the text; `environment` and `overrides` bring values from outside. Every step collects findings
//! and goes on with what is sound.

mod access;
mod address;
mod assemble;
mod atlas;
mod check;
mod document;
mod environment;
mod example;
mod formats;
mod group;
mod include;
mod inputs;
mod models;
mod order;
mod origins;
mod overrides;
mod places;
pub mod plan;
mod policy;
mod reading;
mod resolve;
mod rules;
mod scope;
mod server;
mod settings;
mod suggest;
mod syntax;
mod tree;
mod uses;

use std::collections::HashSet;
use std::path::PathBuf;

pub use access::{IceServer, Right, Secret, Tls, Token};
pub use address::ID_PATTERN;
pub use document::{NODE_KEYS, TOP, VERSION, beside};
pub use example::example;
pub use formats::{describe, megabytes, price};
pub use inputs::LINK;
pub use models::MODEL;
pub use overrides::Override;
pub use plan::{Clock, LinkId, NodeId, Plan, PlanLink, PlanNode, Server};
pub use reading::{MOST_BYTES, text_of};
pub use scope::GROUP_KEYS;
pub use server::SERVER;
pub use suggest::nearest;

use crate::diagnostic::{Diagnostic, Path, Points};
use crate::node::Kinds;
use atlas::Atlas;
use group::Written;
use origins::Origins;
use settings::Reader;

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
    /// The files besides the graph itself that it is made of.
    pub included: Vec<PathBuf>,
    /// The rules that the plan was proved to keep.
    pub rules: Vec<String>,
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
    let written = match Written::read(text.name.clone(), text.text.clone()) {
        Ok(written) => written,
        Err((_, finding)) => return unread(finding),
    };
    let mut findings = written.repeated.clone();
    let whole = include::expand(written, &mut origins);
    let (mut json, atlas) = (whole.json, whole.atlas);
    findings.extend(whole.findings);
    findings.extend(overrides::apply(&mut json, overrides, kinds, &mut origins));
    findings.extend(environment::fill(&mut json, &|path| atlas.is_plain(path), env, &mut origins));
    let concealed = concealed(&json, &origins);
    let mut reader = Reader { findings, ..Reader::new(&origins) };
    let (plan, rules) = plan(&mut reader, json, stem(&text.name), kinds).unzip();
    let findings = placed(reader.findings, &atlas, &origins);
    let plan = plan.filter(|_| !findings.iter().any(Diagnostic::is_error));
    let rules = rules.filter(|_| plan.is_some()).unwrap_or_default();
    Checked { plan, findings, included: whole.files, rules, concealed }
}

/// Everything after the text: document, draft, rules, formats, plan.
fn plan(
    reader: &mut Reader<'_>,
    json: serde_json::Value,
    stem: &str,
    kinds: &Kinds,
) -> Option<(Plan, Vec<String>)> {
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
    rules::check(reader, &draft, &agreed, &document.rules);
    if order.len() < draft.nodes.len() || reader.findings.iter().any(Diagnostic::is_error) {
        return None;
    }
    let name = document.name.clone().unwrap_or_else(|| stem.to_owned());
    let rules = document.rules.iter().map(|rule| rule.text.clone()).collect();
    let plan = assemble::assemble(name, document, draft, agreed, &order)?;
    Some((Plan { models: reader.models.sound(), ..plan }, rules))
}

fn unread(finding: Diagnostic) -> Checked {
    Checked {
        plan: None,
        findings: vec![finding],
        included: Vec::new(),
        rules: Vec::new(),
        concealed: Vec::new(),
    }
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

/// Fills in every place and puts the findings in the order of the file, those in included files last.
fn placed(findings: Vec<Diagnostic>, atlas: &Atlas, origins: &Origins) -> Vec<Diagnostic> {
    // What stands at an anchor is met again at each of its aliases, and what stands in a group at
    // each of its uses.
    let mut seen = HashSet::new();
    let mut placed: Vec<Diagnostic> = Vec::new();
    for finding in findings {
        let any_use = atlas.of_any_use(&finding.path, &finding.message);
        let is_of_option = finding.place.is_none() && origins.option(&finding.path).is_some();
        let dressed = origins.dress(finding);
        let finding = if is_of_option { dressed } else { atlas.place(dressed) };
        let file = finding.source.as_ref().map(|source| source.name.clone());
        let is_new = match finding.place {
            Some(place) => seen.insert((file, place.line, place.column, finding.code, any_use)),
            None => true,
        };
        if is_new {
            placed.push(finding);
        }
    }
    placed.sort_by_key(|finding| {
        let at = finding.place.map(|place| (place.line, place.column));
        let file = finding.source.as_ref().map(|source| source.name.clone());
        (file, at, std::cmp::Reverse(finding.severity), finding.points == Points::AtValue)
    });
    placed
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
