//! Text → document: exactly what was typed, typed where its form is known before any kind is.
//!
//! The only file that names the YAML library. Owns the top of the file and the frame of each
//! node; leaves a node's settings to its kind's own table (`resolve`), places to `places`.

use serde_json::{Map, Value as Json};

use super::inputs::{self, Wire};
use super::plan::{Clock, Server};
use super::rules::{self, Rule};
use super::settings::{Reader, Table, kind_of, nowhere};
use super::tree::Tree;
use super::{address, models, server, suggest};
use crate::diagnostic::{Diagnostic, Path, Place};
use crate::node::{About, Role, Setting, Takes};

/// The version of the graph language that this build reads.
pub const VERSION: i64 = 1;
/// More nodes than one machine can run.
const MOST_NODES: usize = 1000;

/// The scalars at the top of a graph, besides its version.
pub const TOP: &[Setting] = &[
    Setting::optional("name", Takes::Text, "What the graph is called; the file's name if left out"),
    Setting::with_default(
        "clock",
        Takes::Choice(&["live", "offline"]),
        "live",
        "How time passes: live keeps real time and drops what comes too late, offline loses nothing and runs as fast as it goes",
    ),
    Setting::with_default(
        "strict",
        Takes::Bool,
        "false",
        "Whether conversions of pixel formats must be written out as nodes instead of being put in",
    ),
];

/// Every key of a node that is the graph's own and not its kind's.
pub const NODE_KEYS: [&str; 4] = ["id", "kind", "with", "inputs"];

/// What any sink may be given beside `with:`, whatever its kind.
const SINK: &[Setting] = &[Setting::with_default(
    "priority",
    Takes::Integer { least: 0, most: 9 },
    "5",
    "How long it keeps its pace where there is more to do than cores: what feeds outputs of lower priority waits first",
)];

/// Every key that a node of a kind may be given beside `with:`, its kind's own first.
pub fn beside(about: &About) -> Vec<Setting> {
    let of_role = match about.role {
        Role::Sink => SINK,
        Role::Source | Role::Filter => &[],
    };
    [about.beside, of_role].concat()
}

/// A document whose frame has been read.
pub(super) struct Document {
    pub name: Option<String>,
    pub clock: Clock,
    pub strict: bool,
    pub nodes: Vec<Node>,
    pub rules: Vec<Rule>,
    /// `None`: it has faults, which were reported.
    pub server: Option<Server>,
}

/// One node as written.
pub(super) struct Node {
    pub path: Path,
    /// `None`: missing or no id at all, which was reported.
    pub id: Option<String>,
    pub kind: Option<String>,
    /// Everything in the node, by key.
    pub entries: Map<String, Json>,
    pub wires: Wires,
}

/// A node's `inputs`.
pub(super) enum Wires {
    Read(Vec<Wire>),
    /// They have faults, which were reported.
    Faulty,
}

/// Parses the text. The tree keeps the first of keys given twice and follows aliases and merges.
pub(super) fn parse(text: &str) -> Result<Json, Diagnostic> {
    match serde_yaml::from_str::<Tree>(text) {
        Ok(Tree(json)) => Ok(json),
        Err(error) => {
            let place = error.location().map(|at| Place {
                line: at.line(),
                column: at.column(),
                end_line: at.line(),
                end_column: at.column(),
            });
            let message = error.to_string();
            // Place and path are told beside the message.
            let message = message.split(" at line ").next().unwrap_or(&message);
            let message = match message.split_once(": ") {
                Some((path, rest)) if !path.contains(' ') => rest,
                _ => message,
            };
            Err(Diagnostic { place, ..Diagnostic::error("yaml-syntax", Path::root(), message) })
        }
    }
}

/// Reads the frame of a document. `None`: there is nothing in it to check further.
pub(super) fn read(reader: &mut Reader<'_>, json: Json) -> Option<Document> {
    let Json::Object(mut top) = json else {
        reader.report(no_mapping(&json));
        return None;
    };
    // Another version may mean anything by the rest.
    version(reader, top.get("version"))?;
    let table = Table {
        settings: TOP,
        others: &["version", "nodes", "include", "rules", "server", "models"],
        open: false,
        of: "a graph",
        elsewhere: &nowhere,
    };
    let settings = reader.table(&table, &top, &Path::root());
    let server = server::read(reader, top.get("server"));
    let rules = rules::read(reader, top.get("rules"));
    // Before the nodes, which name them.
    reader.models = models::read(reader, top.get("models"));
    let nodes = nodes(reader, top.remove("nodes"));
    let settings = settings.unwrap_or_default();
    Some(Document {
        name: settings.try_text("name").map(str::to_owned),
        clock: match settings.try_choice("clock") {
            Some("offline") => Clock::Offline,
            _ => Clock::Live,
        },
        strict: settings.try_bool("strict").unwrap_or(false),
        nodes,
        rules,
        server,
    })
}

/// `None`: it is another version than this build reads.
fn version(reader: &mut Reader<'_>, given: Option<&Json>) -> Option<()> {
    let path = Path::root().key("version");
    let finding = match given {
        Some(json) if json.as_i64() == Some(VERSION) => return Some(()),
        Some(_) if reader.origins.missing.contains(&path) => return Some(()),
        Some(json @ Json::Number(_)) => {
            let message = format!("this build reads version {VERSION} of the graph language, not {json}");
            let help = format!("write `version: {VERSION}`, or use another framegate");
            reader.report(Diagnostic::error("unknown-version", path, message).help(help));
            return None;
        }
        Some(json) => {
            let message = format!("\"version\" must be {VERSION}, got {}", kind_of(json));
            Diagnostic::error("wrong-type", path, message)
        }
        None => Diagnostic::error("missing-key", Path::root(), "\"version\" is missing"),
    };
    reader.report(finding.help(format!("write `version: {VERSION}` at the top")));
    Some(())
}

fn no_mapping(json: &Json) -> Diagnostic {
    let finding = match json {
        Json::Null => Diagnostic::error("empty-file", Path::root(), "there is nothing in this file"),
        other => {
            let message = format!("a graph is a mapping with `version` and `nodes`, got {}", kind_of(other));
            Diagnostic::error("wrong-type", Path::root(), message)
        }
    };
    finding.help("begin with `version: 1`, then `nodes:`; `framegate kinds` lists what a node can be")
}

fn nodes(reader: &mut Reader<'_>, json: Option<Json>) -> Vec<Node> {
    let path = Path::root().key("nodes");
    let fault = match json {
        Some(Json::Array(items)) if items.len() > MOST_NODES => {
            let message = format!("a graph may have at most {MOST_NODES} nodes, got {}", items.len());
            Diagnostic::error("out-of-range", path.clone(), message)
        }
        Some(Json::Array(items)) if !items.is_empty() => {
            let read = items.into_iter().enumerate();
            let nodes: Vec<Node> =
                read.filter_map(|(index, item)| node(reader, item, path.index(index))).collect();
            duplicate_ids(reader, &nodes);
            return nodes;
        }
        None => Diagnostic::error("missing-key", Path::root(), "\"nodes\" is missing"),
        Some(Json::Null) => Diagnostic::error("missing-key", path.clone(), "\"nodes\" has no nodes"),
        Some(Json::Array(_)) => Diagnostic::error("missing-key", path.clone(), "\"nodes\" has no nodes"),
        Some(Json::Object(_)) => {
            Diagnostic::error("wrong-type", path.clone(), "\"nodes\" must be a list, got a mapping")
        }
        Some(other) => {
            let message = format!("\"nodes\" must be a list, got {}", kind_of(&other));
            Diagnostic::error("wrong-type", path.clone(), message)
        }
    };
    if !reader.origins.missing.contains(&path) {
        reader.report(
            fault.help("write one entry for each node: `- id: camera`, and below it `kind: test_pattern`"),
        );
    }
    Vec::new()
}

fn node(reader: &mut Reader<'_>, json: Json, path: Path) -> Option<Node> {
    let entries = match json {
        Json::Object(entries) => entries,
        other => {
            if !reader.origins.missing.contains(&path) {
                let message = format!("a node must be a mapping, got {}", kind_of(&other));
                reader.report(
                    Diagnostic::error("wrong-type", path, message)
                        .help("write `- id: NAME`, and below it `kind: KIND`"),
                );
            }
            return None;
        }
    };
    let id = text(reader, &entries, "id", &path).filter(|id| id_is_sound(reader, id, &path));
    let kind = text(reader, &entries, "kind", &path);
    let wires = inputs::read(reader, entries.get("inputs"), &path.key("inputs"));
    Some(Node { path, id, kind, entries, wires })
}

/// A required text of a node.
fn text(reader: &mut Reader<'_>, entries: &Map<String, Json>, key: &str, path: &Path) -> Option<String> {
    let here = path.key(key);
    let of_node = || match entries.get("id").and_then(Json::as_str) {
        Some(id) => format!("\"{id}\""),
        None => "this node".to_owned(),
    };
    match entries.get(key) {
        Some(_) if reader.origins.missing.contains(&here) => None,
        Some(Json::String(text)) => Some(text.clone()),
        Some(other) => {
            let message = format!("\"{key}\" must be text, got {}", kind_of(other));
            let help = match key {
                "id" => "an id is a small word like `camera` or `front-door`".to_owned(),
                _ => format!("`framegate kinds` lists what {} can be", of_node()),
            };
            reader.report(Diagnostic::error("wrong-type", here, message).help(help));
            None
        }
        None => {
            let message = format!("{} has no \"{key}\"", of_node());
            let help = match key {
                "id" => "add `id: NAME`, a small word that links and logs call it by",
                _ if entries.contains_key("plugin") => "add `kind: plugin`, which `plugin:` belongs to",
                _ => "add `kind: KIND`; `framegate kinds` lists them all",
            };
            reader.report(Diagnostic::error("missing-key", path.clone(), message).help(help));
            None
        }
    }
}

fn id_is_sound(reader: &mut Reader<'_>, id: &str, path: &Path) -> bool {
    let here = path.key("id");
    if !address::is_id(id) {
        let rule = "an id is a small letter, then small letters, digits, `-` and `_`, 64 at the most";
        let finding = Diagnostic::error("bad-id", here, format!("\"{id}\" is not an id"));
        reader.report(match address::as_id(id) {
            Some(bent) => finding.help(format!("{rule}; write \"{bent}\"")),
            None => finding.help(rule),
        });
        return false;
    }
    if address::RESERVED.contains(&id) {
        let message = format!("\"{id}\" is a reserved word and cannot be an id");
        let finding = Diagnostic::error("reserved-word", here, message);
        reader.report(finding.help(format!(
            "choose another, such as \"{id}_1\"; reserved are {}",
            suggest::list(address::RESERVED)
        )));
    }
    true
}

fn duplicate_ids(reader: &mut Reader<'_>, nodes: &[Node]) {
    let mut first = std::collections::HashMap::new();
    for node in nodes {
        let Some(id) = node.id.as_deref() else { continue };
        if let Some(other) = first.get(id) {
            let message = format!("two nodes are called \"{id}\"");
            let finding = Diagnostic::error("duplicate-id", node.path.key("id"), message);
            reader.report(finding.help(format!("give one of them another id; the other is {other}")));
        } else {
            first.insert(id, &node.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn scalars_have_the_type_they_look_like() {
        let text = "a: 30\nb: 30000/1001\nc: 1280x720\nd: 'x'\ne: on\nf: 1.5\ng:\nh: .inf\ni: true\n1: x\n";
        let expected = json!({"a": 30, "b": "30000/1001", "c": "1280x720", "d": "x", "e": "on", "f": 1.5,
            "g": null, "h": "inf", "i": true, "1": "x"});
        assert_eq!(parse(text).unwrap(), expected);
    }

    #[test]
    fn merges_give_what_is_not_given_and_the_first_of_twins_stays() {
        let text = "base: &b { x: 1, y: 2 }\nc: { <<: *b, y: 3 }\nd: { k: 1, k: 2 }\n";
        let json = parse(text).unwrap();
        assert_eq!(json["c"], json!({"y": 3, "x": 1}));
        assert_eq!(json["d"], json!({"k": 1}));
    }

    #[test]
    fn tags_are_told_and_not_guessed_at() {
        let finding = parse("a: !env HOME\n").unwrap_err();
        assert!(finding.message.contains("the tag `!env` has no meaning"), "{}", finding.message);
    }
}
