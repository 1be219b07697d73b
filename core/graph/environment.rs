//! `${NAME}` and `${NAME:-default}` in the scalar values of a document.
//!
//! Owns their syntax and remembers what came from outside, so that it is never shown. Reads no
//! environment itself: it is handed in.

use serde_json::Value as Json;

use super::origins::{Concealed, Origins};
use crate::diagnostic::{Diagnostic, Path};

/// Looks a variable up.
pub(super) type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Fills in every variable of `json`. `is_plain` tells which scalars stand without quotes.
pub(super) fn fill(
    json: &mut Json,
    is_plain: &dyn Fn(&Path) -> bool,
    env: Env<'_>,
    origins: &mut Origins,
) -> Vec<Diagnostic> {
    let mut filling = Filling { is_plain, env, origins, findings: Vec::new() };
    filling.value(json, &Path::root());
    filling.findings
}

struct Filling<'a> {
    is_plain: &'a dyn Fn(&Path) -> bool,
    env: Env<'a>,
    origins: &'a mut Origins,
    findings: Vec<Diagnostic>,
}

impl Filling<'_> {
    fn value(&mut self, json: &mut Json, path: &Path) {
        match json {
            Json::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.value(item, &path.index(index));
                }
            }
            Json::Object(entries) => {
                for (key, value) in entries.iter_mut() {
                    self.value(value, &path.key(key));
                }
            }
            // What came from the command line has been through the user's own shell.
            Json::String(text) if text.contains("${") && self.origins.option(path).is_none() => {
                if let Some(filled) = self.text(text, path) {
                    *json = filled;
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, written: &str, path: &Path) -> Option<Json> {
        let mut filled = String::new();
        let mut secrets = Vec::new();
        let mut whole = true;
        for piece in pieces(written) {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Variable { name, default } => {
                    let found = (self.env)(name).filter(|value| !(value.is_empty() && default.is_some()));
                    match (found, default) {
                        (Some(value), _) => {
                            filled.push_str(&value);
                            secrets.push((format!("${{{name}}}"), value));
                        }
                        (None, Some(default)) => filled.push_str(default),
                        (None, None) => {
                            self.findings.push(missing(name, path));
                            whole = false;
                        }
                    }
                }
                Piece::Broken(text) => {
                    self.findings.push(broken(text, path));
                    whole = false;
                }
            }
        }
        if !whole {
            self.origins.missing.insert(path.clone());
            return None;
        }
        let concealed =
            Concealed { path: path.clone(), written: written.to_owned(), filled: filled.clone(), secrets };
        self.origins.concealed.push(concealed);
        Some(match (self.is_plain)(path) {
            true => bare(filled),
            false => Json::String(filled),
        })
    }
}

/// A value without quotes: a number or a yes-or-no where it looks like one.
pub(super) fn bare(text: String) -> Json {
    match serde_json::from_str(&text) {
        Ok(scalar @ (Json::Number(_) | Json::Bool(_))) => scalar,
        _ => Json::String(text),
    }
}

fn missing(name: &str, path: &Path) -> Diagnostic {
    Diagnostic::error("missing-variable", path.clone(), format!("the variable {name} is not set"))
        .help(format!("set it (`{name}=… framegate run …`), or give a default: `${{{name}:-…}}`"))
}

fn broken(text: &str, path: &Path) -> Diagnostic {
    let message = format!("\"{text}\" is not a variable");
    Diagnostic::error("bad-variable", path.clone(), message)
        .help("write `${NAME}` or `${NAME:-default}`; for a plain dollar sign write `$$`")
}

enum Piece<'a> {
    Text(&'a str),
    Variable { name: &'a str, default: Option<&'a str> },
    Broken(&'a str),
}

/// Cuts text at its variables. `$${` stands for `${`.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        pieces.push(Piece::Text(before));
        if let Some(after) = from.strip_prefix("$$") {
            pieces.push(Piece::Text("$"));
            rest = after;
        } else if let Some(inside) = from.strip_prefix("${") {
            let Some(end) = inside.find('}') else {
                pieces.push(Piece::Broken(from));
                return pieces;
            };
            pieces.push(variable(&inside[..end], &from[..end + 3]));
            rest = &inside[end + 1..];
        } else {
            pieces.push(Piece::Text("$"));
            rest = &from[1..];
        }
    }
    pieces.push(Piece::Text(rest));
    pieces
}

fn variable<'a>(inside: &'a str, whole: &'a str) -> Piece<'a> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    match starts && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        true => Piece::Variable { name, default },
        false => Piece::Broken(whole),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::places::survey;
    use serde_json::json;

    fn filled(text: &str, value: Json) -> (Json, Vec<&'static str>) {
        let env = |name: &str| match name {
            "RATE" => Some("25".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let mut json = json!({ "x": value });
        let places = survey(text).places;
        let found = fill(&mut json, &|path| places.is_plain(path), &env, &mut Origins::default());
        (json["x"].take(), found.iter().map(|finding| finding.code).collect())
    }

    #[test]
    fn variables_are_numbers_only_without_quotes() {
        assert_eq!(filled("x: ${RATE}", json!("${RATE}")), (json!(25), vec![]));
        assert_eq!(filled("x: \"${RATE}\"", json!("${RATE}")), (json!("25"), vec![]));
        assert_eq!(filled("x: a${RATE}b", json!("a${RATE}b")), (json!("a25b"), vec![]));
    }

    #[test]
    fn a_default_stands_in_for_what_is_unset_or_empty() {
        assert_eq!(filled("x: ${NONE:-7}", json!("${NONE:-7}")), (json!(7), vec![]));
        assert_eq!(filled("x: ${EMPTY:-a:-b}", json!("${EMPTY:-a:-b}")), (json!("a:-b"), vec![]));
        assert_eq!(filled("x: '${EMPTY}'", json!("${EMPTY}")), (json!(""), vec![]));
    }

    #[test]
    fn what_cannot_be_filled_is_told_and_left() {
        assert_eq!(filled("x: ${NO}", json!("${NO}")), (json!("${NO}"), vec!["missing-variable"]));
        assert_eq!(filled("x: ${a b}", json!("${a b}")), (json!("${a b}"), vec!["bad-variable"]));
        assert_eq!(filled("x: ${open", json!("${open")), (json!("${open"), vec!["bad-variable"]));
        assert_eq!(filled("x: $${RATE} $5", json!("$${RATE} $5")), (json!("${RATE} $5"), vec![]));
    }
}
