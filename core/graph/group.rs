//! One file of a graph: its text, its tree and where everything in it stands.
//!
//! Owns taking a text apart, and the parameters of a group of nodes: `${size}` stands for what the include gives, wherever the group
//! declares `size`; all other variables are the environment's.

use serde_json::{Map, Value as Json};

use super::document;
use super::places::{self, Places};
use crate::diagnostic::{Diagnostic, Path};

/// A file as it was read, before anything in it is understood.
pub(super) struct Written {
    /// As the user would name it.
    pub name: String,
    pub text: String,
    pub json: Json,
    pub places: Places,
    /// Keys given twice: the rest can still be read.
    pub repeated: Vec<Diagnostic>,
}

impl Written {
    /// Takes a file's text apart.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn read(name: String, text: String) -> Result<Written, (String, Diagnostic)> {
        let bare = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let surveyed = places::survey(bare);
        match surveyed.unreadable.map_or_else(|| document::parse(bare), Err) {
            Ok(json) => {
                Ok(Written { name, json, places: surveyed.places, repeated: surveyed.repeated, text })
            }
            Err(finding) => Err((text.clone(), super::within(finding, bare))),
        }
    }
}

/// Puts the values of parameters in their places, everywhere in `json`. Tells where, and which.
pub(super) fn fill(json: &mut Json, values: &Map<String, Json>) -> Vec<(Path, Vec<String>)> {
    let mut filled = Vec::new();
    fill_at(json, &Path::root(), values, &mut filled);
    filled
}

fn fill_at(json: &mut Json, path: &Path, values: &Map<String, Json>, found: &mut Vec<(Path, Vec<String>)>) {
    match json {
        Json::Array(items) => {
            items
                .iter_mut()
                .enumerate()
                .for_each(|(index, item)| fill_at(item, &path.index(index), values, found));
        }
        Json::Object(entries) => {
            entries.iter_mut().for_each(|(key, value)| fill_at(value, &path.key(key), values, found));
        }
        Json::String(text) if text.contains("${") => {
            if let Some((filled, names)) = filled(text, values) {
                *json = filled;
                found.push((path.clone(), names));
            }
        }
        _ => {}
    }
}

/// `None`: no parameter stands in it.
fn filled(text: &str, values: &Map<String, Json>) -> Option<(Json, Vec<String>)> {
    let whole = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    if let Some((name, value)) = whole.and_then(|name| Some((name, values.get(name)?))) {
        return Some((value.clone(), vec![name.to_owned()]));
    }
    let mut out = String::new();
    let mut rest = text;
    let mut found = Vec::new();
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let from = &rest[at..];
        let name = from.strip_prefix("${").and_then(|inside| inside.split_once('}')).map(|(name, _)| name);
        let value = name.and_then(|name| values.get(name));
        let skipped = match (value, name) {
            (Some(Json::String(value)), Some(name)) => {
                found.push(name.to_owned());
                out.push_str(value);
                name.len() + 3
            }
            (Some(value), Some(name)) if !value.is_array() && !value.is_object() => {
                found.push(name.to_owned());
                out.push_str(&value.to_string());
                name.len() + 3
            }
            // `$$` stays for whoever reads the environment.
            _ => {
                let kept = if from.starts_with("$$") { 2 } else { 1 };
                out.push_str(&from[..kept]);
                kept
            }
        };
        rest = &from[skipped..];
    }
    out.push_str(rest);
    (!found.is_empty()).then_some((Json::String(out), found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_parameter_keeps_its_type_alone_and_is_text_among_text() {
        let values = json!({ "rate": 25, "host": "cam", "zones": [[0, 1]] });
        let mut json = json!({ "a": "${rate}", "b": "rtsp://${host}/${rate}", "c": ["${zones}"] });
        fill(&mut json, values.as_object().unwrap());
        assert_eq!(json, json!({ "a": 25, "b": "rtsp://cam/25", "c": [[[0, 1]]] }));
    }

    #[test]
    fn what_is_no_parameter_is_left_to_the_environment() {
        let values = json!({ "rate": 25 });
        let mut json = json!(["${HOME}", "${rate:-3}", "$${rate}", "$5 ${", "a${rate}${HOME}"]);
        fill(&mut json, values.as_object().unwrap());
        assert_eq!(json, json!(["${HOME}", "${rate:-3}", "$${rate}", "$5 ${", "a25${HOME}"]));
    }
}
