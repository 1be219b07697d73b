//! `--set node.key=value` and `--set server.key=value`: settings from the command line.
//!
//! Owns their syntax and where each lands in the document; the document's own checks then see
//! them like anything that was typed in the file.

use serde_json::{Map, Value as Json};

use super::document;
use super::environment::bare;
use super::origins::Origins;
use super::suggest;
use crate::diagnostic::{Diagnostic, Path};
use crate::node::Kinds;

/// One setting given on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// As written, for messages.
    written: String,
    /// A node's id, or `server`.
    target: String,
    /// The key, and the keys below it.
    keys: Vec<String>,
    value: String,
}

impl std::str::FromStr for Override {
    type Err = String;

    /// Reads `camera.rate=15` or `motion.limits.time=50ms`.
    fn from_str(text: &str) -> Result<Override, String> {
        let form = || format!("\"{text}\" is not of the form node.key=value, such as camera.rate=15");
        let (address, value) = text.split_once('=').ok_or_else(form)?;
        let mut keys = address.trim().split('.').map(str::to_owned);
        let target = keys.next().unwrap_or_default();
        let keys: Vec<String> = keys.collect();
        if target.is_empty() || keys.is_empty() || keys.iter().any(String::is_empty) {
            return Err(form());
        }
        Ok(Override { written: text.to_owned(), target, keys, value: value.to_owned() })
    }
}

impl Override {
    fn value(&self) -> Json {
        let is_enclosed = self.value.starts_with(['[', '{']);
        match is_enclosed.then(|| document::parse(&self.value)) {
            // Lists and mappings are written as they would be on one line of the file.
            Some(Ok(json @ (Json::Array(_) | Json::Object(_)))) => json,
            _ => bare(self.value.clone()),
        }
    }
}

/// Puts every override into the document.
pub(super) fn apply(
    document: &mut Json,
    overrides: &[Override],
    kinds: &Kinds,
    origins: &mut Origins,
) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    // Without a mapping at the top there is nothing to set, and that is found anyway.
    let Some(top) = document.as_object_mut() else { return findings };
    for given in overrides {
        match given.target.as_str() {
            "server" => {
                let section = top.entry("server").or_insert(Json::Null);
                put(section, given, &given.keys, Path::root().key("server"), origins);
            }
            _ => match node(top, &given.target) {
                Ok((index, node)) => {
                    let path = Path::root().key("nodes").index(index);
                    set(node, given, kinds, path, origins);
                }
                Err(ids) => {
                    let finding = unknown(given, &ids);
                    origins.overridden.push((finding.path.clone(), given.written.clone()));
                    findings.push(finding);
                }
            },
        }
    }
    findings
}

/// The node called `id`, or the ids that there are.
fn node<'a>(top: &'a mut Map<String, Json>, id: &str) -> Result<(usize, &'a mut Json), Vec<String>> {
    let nodes = top.get_mut("nodes").and_then(Json::as_array_mut);
    let Some(nodes) = nodes else { return Err(Vec::new()) };
    let id_of = |node: &Json| node.get("id").and_then(Json::as_str).map(str::to_owned);
    match nodes.iter().position(|node| id_of(node).as_deref() == Some(id)) {
        Some(index) => Ok((index, &mut nodes[index])),
        None => Err(nodes.iter().filter_map(id_of).collect()),
    }
}

/// Puts `given` under `with:`, or beside it where the kind has such a key there.
fn set(node: &mut Json, given: &Override, kinds: &Kinds, path: Path, origins: &mut Origins) {
    let kind = node.get("kind").and_then(Json::as_str).and_then(|name| kinds.find(name));
    let is_beside = kind.is_some_and(|kind| {
        document::beside(kind.about()).iter().any(|setting| setting.name == given.keys[0])
    });
    let Some(entries) = node.as_object_mut() else { return };
    match is_beside {
        true => {
            let path = path.key(&given.keys[0]);
            let place = entries.entry(given.keys[0].as_str()).or_insert(Json::Null);
            put(place, given, &given.keys[1..], path, origins);
        }
        false => {
            let with = entries.entry("with").or_insert(Json::Null);
            put(with, given, &given.keys, path.key("with"), origins);
        }
    }
}

/// Walks down `keys`, making mappings where there is nothing, and puts the value at the end.
fn put(place: &mut Json, given: &Override, keys: &[String], path: Path, origins: &mut Origins) {
    let [key, below @ ..] = keys else {
        *place = given.value();
        origins.overridden.push((path, given.written.clone()));
        return;
    };
    if place.is_null() {
        *place = Json::Object(Map::new());
    }
    // What is no mapping is found by the document's own checks.
    if let Some(entries) = place.as_object_mut() {
        let next = entries.entry(key.as_str()).or_insert(Json::Null);
        put(next, given, below, path.key(key), origins);
    }
}

fn unknown(given: &Override, ids: &[String]) -> Diagnostic {
    let message = format!("no node is called \"{}\"", given.target);
    // Nothing in the file: the finding is about the option alone.
    let path = Path::root().key(format!("--set {}", given.written));
    let all =
        format!("there are {} and the section \"server\"", suggest::list(ids.iter().map(String::as_str)));
    let known = ids.iter().map(String::as_str).chain(["server"]);
    Diagnostic::error("unknown-node", path, message).help(suggest::help(&given.target, known, &all))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_override_names_a_node_a_key_and_a_value() {
        let read: Override = "cam.limits.time=a=b".parse().unwrap();
        assert_eq!((read.target.as_str(), read.value.as_str()), ("cam", "a=b"));
        assert_eq!(read.keys, ["limits", "time"]);
        for bad in ["", "cam", "cam=1", ".x=1", "cam.=1", "cam..x=1"] {
            assert!(bad.parse::<Override>().unwrap_err().contains("node.key=value"), "{bad}");
        }
    }

    #[test]
    fn a_value_is_read_as_on_a_line_of_the_file() {
        let read = |value: &str| format!("cam.key={value}").parse::<Override>().unwrap().value();
        assert_eq!(read("[lo, 'eth 0']"), json!(["lo", "eth 0"]));
        assert_eq!(read(r#"["lo", 3]"#), json!(["lo", 3]));
        assert_eq!(read("{time: 20ms}"), json!({ "time": "20ms" }));
        assert_eq!([read("15"), read("true")], [json!(15), json!(true)]);
        // What would be no text in the file is text here: there is nothing around it to be mistaken for.
        for text in ["[::1]:8080", "rtsp://[::1]/a: b", "- x", "a, b", "[lo", "yes # no", "null", ""] {
            assert_eq!(read(text), json!(text));
        }
    }
}
