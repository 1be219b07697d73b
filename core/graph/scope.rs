//! The names inside a group of nodes: which ids it has, and what they are called where it is used.
//!
//! A group sees its own nodes alone. What it takes from outside comes in as a parameter, whose
//! value is put in after the names of the group have had their prefix and so keeps its own.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::address::{self, split};
use super::include::other_version;
use super::settings::kind_of;
use super::{document, rules, suggest};
use crate::diagnostic::{Diagnostic, Path};

/// The keys of a file that is included.
pub const GROUP_KEYS: [&str; 5] = ["version", "parameters", "nodes", "include", "rules"];

/// What is wrong with the frame of a group, whoever uses it.
pub(super) fn faults(json: &Json) -> Vec<Diagnostic> {
    let Some(top) = json.as_object() else {
        let message = format!("a group is a mapping with `nodes`, got {}", kind_of(json));
        return vec![
            Diagnostic::error("wrong-type", Path::root(), message)
                .help("begin with `version: 1`, then `parameters:` and `nodes:`"),
        ];
    };
    let mut faults = Vec::new();
    for key in top.keys().filter(|key| !GROUP_KEYS.contains(&key.as_str())) {
        let all = format!(
            "a group takes {}; all else belongs to the graph that includes it",
            suggest::list(GROUP_KEYS)
        );
        let finding =
            Diagnostic::error("unknown-key", Path::root().key(key), format!("a group has no key \"{key}\""));
        faults.push(finding.at_key().help(suggest::help(key, GROUP_KEYS, &all)));
    }
    if let Some(version) = other_version(json) {
        let message = format!(
            "this build reads version {} of the graph language, not {}",
            document::VERSION,
            kind_of(version)
        );
        let finding = Diagnostic::error("unknown-version", Path::root().key("version"), message);
        faults.push(finding.help(format!("write `version: {}`", document::VERSION)));
    }
    faults.extend(lists(top));
    faults.extend(parameters(top.get("parameters")));
    faults
}

/// What must be a list and is none.
fn lists(top: &Map<String, Json>) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    match top.get("nodes") {
        Some(Json::Array(_)) => {}
        None if top.contains_key("include") => {}
        None => faults.push(
            Diagnostic::error("missing-key", Path::root(), "\"nodes\" is missing")
                .help("write one entry for each node: `- id: camera`, and below it `kind: file`"),
        ),
        Some(other) => faults.push(Diagnostic::error(
            "wrong-type",
            Path::root().key("nodes"),
            format!("\"nodes\" must be a list, got {}", kind_of(other)),
        )),
    }
    if let Some(other) = top.get("rules").filter(|rules| !rules.is_array() && !rules.is_null()) {
        let message = format!("\"rules\" must be a list, got {}", kind_of(other));
        faults.push(Diagnostic::error("wrong-type", Path::root().key("rules"), message));
    }
    faults
}

fn parameters(json: Option<&Json>) -> Vec<Diagnostic> {
    let path = Path::root().key("parameters");
    let help = "write `NAME: DEFAULT` for each, or `NAME:` for one that must be given";
    match json {
        None | Some(Json::Null) => Vec::new(),
        Some(Json::Object(entries)) => {
            let bad = entries.keys().filter(|key| !is_parameter(key));
            let finding = |key: &String| {
                Diagnostic::error(
                    "bad-id",
                    path.key(key),
                    format!("\"{key}\" cannot be the name of a parameter"),
                )
                .at_key()
                .help("a small letter, then small letters, digits and `_`; `as` is taken")
            };
            bad.map(finding).collect()
        }
        Some(other) => {
            let message = format!("\"parameters\" must be a mapping, got {}", kind_of(other));
            vec![Diagnostic::error("wrong-type", path, message).help(help)]
        }
    }
}

fn is_parameter(name: &str) -> bool {
    address::is_id(name) && !name.contains('-') && name != "as"
}

/// The ids of a group: of its nodes, and what those begin with that it includes itself.
pub(super) struct Ids {
    own: BTreeSet<String>,
    included: BTreeSet<String>,
}

impl Ids {
    fn has(&self, id: &str) -> bool {
        self.own.contains(id) || self.included.iter().any(|prefix| id.starts_with(prefix.as_str()))
    }
}

pub(super) fn ids(json: &Json) -> Ids {
    let list = |json: &Json, key: &str| json.get(key).and_then(Json::as_array).cloned().unwrap_or_default();
    let name = |json: &Json, key: &str| json.get(key).and_then(Json::as_str).map(str::to_owned);
    let own = list(json, "nodes").iter().filter_map(|node| name(node, "id")).collect();
    let uses = list(json, "include").into_iter().flat_map(|entry| {
        let mut uses = list(&entry, "for_each");
        uses.push(entry);
        uses
    });
    let included = uses.filter_map(|one| name(&one, "as").map(|name| format!("{name}-"))).collect();
    Ids { own, included }
}

/// Where a name stands that the group does not have, what is wrong with it, and a way out.
type Stranger = (Path, String, String);

/// Puts `prefix` before every id of a group: where it is given, in links, and in rules.
pub(super) fn put_prefix(json: &mut Json, prefix: &str, ids: &Ids) -> Vec<Stranger> {
    let mut strangers = Vec::new();
    let nodes = Path::root().key("nodes");
    for (index, node) in json.get_mut("nodes").and_then(Json::as_array_mut).into_iter().flatten().enumerate()
    {
        if let Some(Json::String(id)) = node.get_mut("id") {
            // What is no id is found to be none, as it was written.
            if address::is_id(id) {
                *id = format!("{prefix}{id}");
            }
        }
        let path = nodes.index(index).key("inputs");
        if let Some(inputs) = node.get_mut("inputs") {
            addresses(inputs, &path, prefix, ids, &mut strangers);
            if strangers.iter().any(|(at, ..)| at.0.starts_with(&path.0)) {
                // Reported here: the rest of the checker hears of inputs that are open.
                *inputs = Json::String(format!("{prefix}{OPEN}"));
            }
        }
    }
    for rule in json.get_mut("rules").and_then(Json::as_array_mut).into_iter().flatten() {
        if let Json::String(text) = rule {
            *text =
                rules::renamed(text, |id| if ids.has(id) { format!("{prefix}{id}") } else { id.to_owned() });
        }
    }
    strangers
}

/// Stands for the node that an input names and the group does not have. No id looks like it.
pub(super) const OPEN: &str = "?";

fn addresses(json: &mut Json, path: &Path, prefix: &str, ids: &Ids, strangers: &mut Vec<Stranger>) {
    match json {
        // A parameter says where from; it is filled in later.
        Json::String(text) if text.contains("${") => {}
        Json::String(text) => {
            let (node, _) = split(text);
            if ids.has(node) {
                *text = format!("{prefix}{text}");
            } else {
                strangers.push((
                    path.clone(),
                    format!("this group has no node called \"{node}\""),
                    stranger_help(node, ids),
                ));
            }
        }
        Json::Object(entries) if entries.contains_key("from") => {
            if let Some(from) = entries.get_mut("from") {
                addresses(from, &path.key("from"), prefix, ids, strangers);
            }
        }
        Json::Object(entries) => {
            for (port, json) in entries.iter_mut() {
                addresses(json, &path.key(port), prefix, ids, strangers);
            }
        }
        _ => {}
    }
}

fn stranger_help(node: &str, ids: &Ids) -> String {
    let outside = "for a node outside of it take a parameter: `parameters: { from: }` and `inputs: ${from}`";
    suggest::help(node, ids.own.iter().map(String::as_str), outside)
}
