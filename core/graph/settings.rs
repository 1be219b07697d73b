//! Reads the settings of a table out of a document: every misfit its own finding, at its place.
//!
//! Owns defaults, unknown and missing keys, groups and lists. What a single value may be is told
//! by the table itself (`node::Takes`).

use serde_json::{Map, Value as Json};

use super::models::{Found, Models};
use super::origins::Origins;
use super::suggest;
use crate::diagnostic::{Diagnostic, Path};
use crate::node::{Misfit, Setting, Settings, Takes, Value, default_json};

/// Reads a document's parts and collects what is wrong with them.
pub(super) struct Reader<'a> {
    pub origins: &'a Origins,
    pub findings: Vec<Diagnostic>,
    /// What a model's name can mean.
    pub models: Models,
}

/// A table of settings and what else may stand in the same mapping.
pub(super) struct Table<'a> {
    pub settings: &'a [Setting],
    /// Keys that somebody else reads.
    pub others: &'a [&'static str],
    /// Whether unknown keys are somebody else's to judge.
    pub open: bool,
    /// What the mapping is called, for help lines: `a node`, `"test_pattern"`.
    pub of: &'a str,
    /// Where a key belongs that is written in the wrong place, for help lines.
    pub elsewhere: &'a dyn Fn(&str) -> Option<String>,
}

/// For mappings whose keys are not taken for those of others.
pub(super) fn nowhere(_key: &str) -> Option<String> {
    None
}

impl<'a> Reader<'a> {
    pub fn new(origins: &'a Origins) -> Reader<'a> {
        Reader { origins, findings: Vec::new(), models: Models::default() }
    }
}

impl Reader<'_> {
    pub fn report(&mut self, finding: Diagnostic) {
        self.findings.push(finding);
    }

    /// Reads `given` by `table`. `None`: something was wrong and has been reported.
    pub fn table(&mut self, table: &Table<'_>, given: &Map<String, Json>, path: &Path) -> Option<Settings> {
        let mut settings = Settings::default();
        let mut sound = table.open || self.no_unknown_keys(table, given, path);
        for setting in table.settings {
            match self.setting(setting, given, path) {
                Ok(Some(value)) => settings.set(setting.name, value),
                Ok(None) => {}
                Err(Reported) => sound = false,
            }
        }
        sound.then_some(settings)
    }

    /// A mapping's entries; nothing at all is an empty mapping.
    pub fn mapping<'j>(
        &mut self,
        json: Option<&'j Json>,
        name: &str,
        path: &Path,
    ) -> Option<&'j Map<String, Json>> {
        static EMPTY: std::sync::LazyLock<Map<String, Json>> = std::sync::LazyLock::new(Map::new);
        match json {
            None | Some(Json::Null) => Some(&EMPTY),
            Some(Json::Object(entries)) => Some(entries),
            Some(other) => {
                // A missing variable was reported when it was looked up.
                if !self.origins.missing.contains(path) {
                    let message = format!("\"{name}\" must be a mapping, got {}", kind_of(other));
                    self.report(
                        Diagnostic::error("wrong-type", path.clone(), message)
                            .help("write its keys on lines of their own below it, indented, or in braces: `{ key: value }`"),
                    );
                }
                None
            }
        }
    }

    fn no_unknown_keys(&mut self, table: &Table<'_>, given: &Map<String, Json>, path: &Path) -> bool {
        let known = || table.settings.iter().map(|setting| setting.name).chain(table.others.iter().copied());
        let mut sound = true;
        for key in given.keys().filter(|key| !known().any(|name| name == key.as_str()) && *key != "<<") {
            let all = match known().next() {
                Some(_) => format!("{} takes {}", table.of, suggest::list(known())),
                None => format!("{} takes no settings", table.of),
            };
            let message = format!("{} has no key \"{key}\"", table.of);
            let finding = Diagnostic::error("unknown-key", path.key(key), message).at_key();
            let help = (table.elsewhere)(key).unwrap_or_else(|| suggest::help(key, known(), &all));
            self.report(finding.help(help));
            sound = false;
        }
        sound
    }

    fn setting(
        &mut self,
        setting: &Setting,
        given: &Map<String, Json>,
        path: &Path,
    ) -> Result<Option<Value>, Reported> {
        let here = path.key(setting.name);
        match (given.get(setting.name), setting.default) {
            (Some(json), _) => self.value(&setting.takes, json, &here, setting.name, setting).map(Some),
            (None, Some(default)) => {
                let at_default = Reader::new(self.origins).value(
                    &setting.takes,
                    &default_json(default),
                    &here,
                    setting.name,
                    setting,
                );
                Ok(Some(at_default.unwrap_or_else(|Reported| {
                    panic!(
                        "the default {default:?} of the setting \"{}\" does not fit its own type",
                        setting.name
                    )
                })))
            }
            (None, None) if setting.required => {
                let message = format!("\"{}\" is missing", setting.name);
                let finding = Diagnostic::error("missing-key", path.clone(), message);
                let takes = setting.takes.describe();
                self.report(finding.help(format!("add `{}: …` ({takes}): {}", setting.name, setting.doc)));
                Err(Reported)
            }
            (None, None) => Ok(None),
        }
    }

    /// One value. `name` is how messages call it: `rate`, `points[2]`.
    fn value(
        &mut self,
        takes: &Takes,
        json: &Json,
        path: &Path,
        name: &str,
        setting: &Setting,
    ) -> Result<Value, Reported> {
        if self.origins.missing.contains(path) {
            return Err(Reported);
        }
        match (takes, json) {
            (Takes::Group(settings), Json::Object(_) | Json::Null) => {
                let entries = self.mapping(Some(json), name, path).ok_or(Reported)?;
                let of = format!("\"{name}\"");
                let table = Table { settings, others: &[], open: false, of: &of, elsewhere: &nowhere };
                self.table(&table, entries, path).map(Value::Group).ok_or(Reported)
            }
            (Takes::List(element), Json::Array(items)) => {
                let read: Vec<_> = items
                    .iter()
                    .enumerate()
                    .map(|(i, item)| {
                        self.value(element, item, &path.index(i), &format!("{name}[{i}]"), setting)
                    })
                    .collect();
                read.into_iter().collect::<Result<_, _>>().map(Value::List)
            }
            (Takes::Model, Json::String(written)) => match self.models.find(written, path) {
                Found::Model(model) => Ok(Value::Model(model)),
                Found::Faulty => Err(Reported),
                Found::Unknown(finding) => {
                    self.report(finding);
                    Err(Reported)
                }
            },
            _ => self.scalar(takes, json, path, name, setting),
        }
    }

    fn scalar(
        &mut self,
        takes: &Takes,
        json: &Json,
        path: &Path,
        name: &str,
        setting: &Setting,
    ) -> Result<Value, Reported> {
        let folder = self.origins.folder(path);
        let read = takes.read(json, folder);
        let as_text = || self.origins.as_text(path, json).map(|text| takes.read(&text, folder));
        let misfit = match (read, as_text) {
            (Ok(value), _) => return Ok(value),
            (Err(misfit), as_text) => match as_text() {
                Some(Ok(value)) => return Ok(value),
                _ => misfit,
            },
        };
        let message = self.misfit_message(&misfit, takes, path, name);
        let finding = Diagnostic::error(misfit.code(), path.clone(), message);
        self.report(finding.help(misfit_help(takes, json, setting)));
        Err(Reported)
    }

    fn misfit_message(&self, misfit: &Misfit, takes: &Takes, path: &Path, name: &str) -> String {
        let concealed = self.origins.concealed.iter().find(|value| value.path == *path);
        match (concealed, misfit.message()) {
            // The value came from the environment: it may be a secret, even in part.
            (Some(value), message) => {
                let rule = message.split_once(", got ").map(|(rule, _)| rule.to_owned());
                let rule = rule.filter(|rule| rule.starts_with("must"));
                let rule = rule.unwrap_or_else(|| format!("must be {}", takes.describe()));
                format!("\"{name}\" {rule}, got what is in \"{}\"", value.written)
            }
            (None, message) if message.starts_with("must") => format!("\"{name}\" {message}"),
            (None, message) => format!("\"{name}\": {message}"),
        }
    }
}

/// Something was wrong, and the finding has been reported.
#[derive(Debug)]
pub(super) struct Reported;

/// The setting's story: what it is for and what holds without it.
fn misfit_help(takes: &Takes, json: &Json, setting: &Setting) -> String {
    let mut help = match (takes, json) {
        (Takes::Text | Takes::Path | Takes::Choice(_), Json::Number(_) | Json::Bool(_)) => {
            format!("put it in quotes, \"{json}\"; ")
        }
        (Takes::Choice(choices), Json::String(written)) => {
            match suggest::nearest(written, choices.iter().copied()) {
                Some(near) => format!("did you mean \"{near}\"? "),
                None => String::new(),
            }
        }
        _ => String::new(),
    };
    help += &format!("`{}`: {}", setting.name, setting.doc);
    if let Some(default) = setting.default {
        help += &format!(" (default {default})");
    }
    help
}

/// What a value is, for messages that do not show it.
pub(super) fn kind_of(json: &Json) -> String {
    match json {
        Json::Null => "nothing".to_owned(),
        Json::Array(_) => "a list".to_owned(),
        Json::Object(_) => "a mapping".to_owned(),
        Json::String(text) => format!("\"{}\"", short(text)),
        scalar => scalar.to_string(),
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}
