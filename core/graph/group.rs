//! One file of a graph: its text, its tree and where everything in it stands.
//!
//! Owns taking a text apart, and the parameters of a group of nodes: `${size}` stands for what the
//! include gives, wherever the group declares `size`; all other variables are the environment's.

use serde_json::{Map, Value as Json};

use super::MOST_BYTES;
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

/// What putting groups together may still cost: every value counts, and every byte of text.
pub(super) struct Budget(usize);

impl Budget {
    /// Four times what one file may hold: more is nothing that a person wrote.
    pub fn new() -> Budget {
        Budget(4 * MOST_BYTES)
    }

    /// Spends what a copy of `json` costs.
    ///
    /// # Errors
    /// There is not so much left.
    pub fn copy(&mut self, json: &Json) -> Result<(), Spent> {
        self.spend(1)?;
        match json {
            Json::String(text) => self.spend(text.len()),
            Json::Array(items) => items.iter().try_for_each(|item| self.copy(item)),
            Json::Object(entries) => entries.iter().try_for_each(|(key, value)| {
                self.spend(key.len())?;
                self.copy(value)
            }),
            _ => Ok(()),
        }
    }

    fn spend(&mut self, cost: usize) -> Result<(), Spent> {
        self.0 = self.0.checked_sub(cost).ok_or(Spent)?;
        Ok(())
    }
}

/// The budget is spent.
#[derive(Debug)]
pub(super) struct Spent;

/// Where a value was put in, and of which parameters it is made.
pub(super) type Filled = (Path, Vec<String>);

/// Puts the values of parameters in their places, everywhere in `json`. Tells where, and which.
///
/// # Errors
/// The values would multiply beyond the budget.
pub(super) fn fill(
    json: &mut Json,
    values: &Map<String, Json>,
    budget: &mut Budget,
) -> Result<Vec<Filled>, Spent> {
    let mut filling = Filling { values, budget, filled: Vec::new() };
    filling.value(json, &Path::root())?;
    Ok(filling.filled)
}

struct Filling<'a> {
    values: &'a Map<String, Json>,
    budget: &'a mut Budget,
    filled: Vec<Filled>,
}

impl Filling<'_> {
    fn value(&mut self, json: &mut Json, path: &Path) -> Result<(), Spent> {
        match json {
            Json::Array(items) => {
                let mut items = items.iter_mut().enumerate();
                items.try_for_each(|(index, item)| self.value(item, &path.index(index)))
            }
            Json::Object(entries) => {
                entries.iter_mut().try_for_each(|(key, value)| self.value(value, &path.key(key)))
            }
            Json::String(text) if text.contains("${") => {
                if let Some((filled, names)) = self.text(text)? {
                    *json = filled;
                    self.filled.push((path.clone(), names));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// `None`: no parameter stands in it.
    fn text(&mut self, text: &str) -> Result<Option<(Json, Vec<String>)>, Spent> {
        let whole = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        if let Some((name, value)) = whole.and_then(|name| Some((name, self.values.get(name)?))) {
            self.budget.copy(value)?;
            return Ok(Some((value.clone(), vec![name.to_owned()])));
        }
        let mut out = String::new();
        let mut rest = text;
        let mut names = Vec::new();
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            let from = &rest[at..];
            let name =
                from.strip_prefix("${").and_then(|inside| inside.split_once('}')).map(|(name, _)| name);
            let scalar = name.and_then(|name| Some((name, scalar(self.values.get(name)?)?)));
            let passed = match scalar {
                Some((name, value)) => {
                    self.budget.spend(value.len())?;
                    out.push_str(&value);
                    names.push(name.to_owned());
                    name.len() + 3
                }
                // `$$` stays for whoever reads the environment.
                None => {
                    let kept = if from.starts_with("$$") { 2 } else { 1 };
                    out.push_str(&from[..kept]);
                    kept
                }
            };
            rest = &from[passed..];
        }
        out.push_str(rest);
        Ok((!names.is_empty()).then_some((Json::String(out), names)))
    }
}

/// A value as part of a text; lists and mappings are none.
fn scalar(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Array(_) | Json::Object(_) => None,
        scalar => Some(scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_parameter_keeps_its_type_alone_and_is_text_among_text() {
        let values = json!({ "rate": 25, "host": "cam", "zones": [[0, 1]] });
        let mut json = json!({ "a": "${rate}", "b": "rtsp://${host}/${rate}", "c": ["${zones}"] });
        fill(&mut json, values.as_object().unwrap(), &mut Budget::new()).unwrap();
        assert_eq!(json, json!({ "a": 25, "b": "rtsp://cam/25", "c": [[[0, 1]]] }));
    }

    #[test]
    fn what_is_no_parameter_is_left_to_the_environment() {
        let values = json!({ "rate": 25 });
        let mut json = json!(["${HOME}", "${rate:-3}", "$${rate}", "$5 ${", "a${rate}${HOME}"]);
        fill(&mut json, values.as_object().unwrap(), &mut Budget::new()).unwrap();
        assert_eq!(json, json!(["${HOME}", "${rate:-3}", "$${rate}", "$5 ${", "a25${HOME}"]));
    }

    #[test]
    fn values_do_not_multiply_without_bounds() {
        let values = json!({ "big": "x".repeat(1 << 16) });
        let mut json = json!("${big}".repeat(1 << 16));
        assert!(fill(&mut json, values.as_object().unwrap(), &mut Budget::new()).is_err());
        let mut json = Json::Array(vec![json!("${big}"); 1 << 16]);
        assert!(fill(&mut json, values.as_object().unwrap(), &mut Budget::new()).is_err());
    }
}
