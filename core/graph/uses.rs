//! One entry of `include:`: which group it uses, what each use is called, and what it gives.

use std::collections::HashMap;
use std::path::{Path as FilePath, PathBuf};

use serde_json::{Map, Value as Json};

use super::address;
use super::atlas::Sheet;
use super::settings::kind_of;
use super::suggest;
use crate::diagnostic::{Diagnostic, Path};

/// The keys of one entry.
const KEYS: [&str; 4] = ["group", "as", "with", "for_each"];

/// The file whose includes are being put in.
#[derive(Clone, Copy)]
pub(super) struct Includer<'a> {
    pub sheet: &'a Sheet,
    /// What paths in it are relative to.
    pub folder: &'a FilePath,
    /// Values in it that were given from further out, and what paths in those are relative to.
    pub filled: &'a [(Path, PathBuf)],
}

/// One use of a group: what its ids begin with, what its parameters are, and where that stands.
pub(super) struct Use {
    pub prefix: String,
    pub given: Given,
    pub path: Path,
}

/// Parameters by name: the value, where it stands, and what a path in it is relative to.
pub(super) type Given = HashMap<String, (Json, Path, PathBuf)>;

/// What an entry says.
pub(super) struct Entry {
    /// The file, as written. `None`: there is none, which is among the findings.
    pub group: Option<String>,
    pub uses: Vec<Use>,
    pub findings: Vec<Diagnostic>,
}

/// Reads the entry at `path`.
pub(super) fn read(from: &Includer<'_>, entry: &Json, path: &Path) -> Entry {
    let mut reading = Reading { from: *from, findings: Vec::new(), slipped: false, sound: true };
    let Some(entry) = entry.as_object() else {
        let message = format!("an include must be a mapping, got {}", kind_of(entry));
        let finding = Diagnostic::error("wrong-type", path.clone(), message);
        reading.report(finding.help("write `- group: FILE`, and below it `as: NAME`"));
        return Entry { group: None, uses: Vec::new(), findings: reading.findings };
    };
    reading.no_unknown_keys(entry, path);
    reading.slipped = !reading.findings.is_empty();
    let uses = reading.uses_of(entry, path);
    let group =
        reading.text(entry, "group", path, "add `group: FILE`, a file with `nodes:` and `parameters:`");
    let group = group.filter(|_| reading.sound);
    Entry { group, uses, findings: reading.findings }
}

struct Reading<'a> {
    from: Includer<'a>,
    findings: Vec<Diagnostic>,
    /// Whether a key is not known, and so may have been meant to be one that is missing.
    slipped: bool,
    /// Whether all parameters could be read.
    sound: bool,
}

impl Reading<'_> {
    fn report(&mut self, finding: Diagnostic) {
        self.findings.push(finding);
    }

    fn no_unknown_keys(&mut self, entry: &Map<String, Json>, path: &Path) {
        for key in entry.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            let finding =
                Diagnostic::error("unknown-key", path.key(key), format!("an include has no key \"{key}\""));
            let all =
                format!("an include takes {}; parameters of the group go below `with`", suggest::list(KEYS));
            self.report(finding.at_key().help(suggest::help(key, KEYS, &all)));
        }
    }

    fn text(&mut self, entry: &Map<String, Json>, key: &str, path: &Path, help: &str) -> Option<String> {
        let finding = match entry.get(key) {
            Some(Json::String(text)) if !text.is_empty() => return Some(text.clone()),
            Some(other) => Diagnostic::error(
                "wrong-type",
                path.key(key),
                format!("\"{key}\" must be text, got {}", kind_of(other)),
            ),
            // Most likely it is what a key that is not known was meant to be.
            None if self.slipped => return None,
            None => Diagnostic::error("missing-key", path.clone(), format!("\"{key}\" is missing")),
        };
        self.report(finding.help(help));
        None
    }

    /// Every use that an entry makes of its group: one, or one for each element of `for_each`.
    fn uses_of(&mut self, entry: &Map<String, Json>, path: &Path) -> Vec<Use> {
        let shared = self.given(entry.get("with"), &path.key("with"));
        let Some(each) = entry.get("for_each") else {
            return self.one_use(entry.get("as"), shared, path, &path.key("as")).into_iter().collect();
        };
        if entry.contains_key("as") {
            let finding = Diagnostic::error(
                "misplaced-option",
                path.key("as"),
                "\"as\" stands beside \"for_each\", whose elements each have their own",
            );
            self.report(
                finding
                    .at_key()
                    .help("remove it; what each is called stands in its own element: `- { as: front }`"),
            );
        }
        let path = path.key("for_each");
        let Some(items) = each.as_array() else {
            let finding = Diagnostic::error(
                "wrong-type",
                path,
                format!("\"for_each\" must be a list, got {}", kind_of(each)),
            );
            self.report(finding.help("write one element for each use: `- { as: front, path: front.y4m }`"));
            return Vec::new();
        };
        let mut uses = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = path.index(index);
            let mut given = shared.clone();
            given.extend(self.given(Some(item), &path));
            let name = given.remove("as").map(|(name, ..)| name);
            uses.extend(self.one_use(name.as_ref(), given, &path, &path.key("as")));
        }
        uses
    }

    fn one_use(&mut self, name: Option<&Json>, given: Given, path: &Path, as_path: &Path) -> Option<Use> {
        let rule = "what its nodes are called begins with it: `as: front` makes `camera` into `front-camera`";
        let finding = match name {
            Some(Json::String(name)) if address::is_id(name) => {
                let prefix = format!("{}{name}-", self.from.sheet.prefix);
                return Some(Use { prefix, given, path: path.clone() });
            }
            Some(Json::String(name)) => {
                Diagnostic::error("bad-id", as_path.clone(), format!("\"{name}\" is not an id"))
            }
            Some(other) => Diagnostic::error(
                "wrong-type",
                as_path.clone(),
                format!("\"as\" must be text, got {}", kind_of(other)),
            ),
            None if self.slipped => return None,
            None => Diagnostic::error("missing-key", path.clone(), "this include has no \"as\""),
        };
        self.report(finding.help(rule));
        None
    }

    fn given(&mut self, json: Option<&Json>, path: &Path) -> Given {
        match json {
            None | Some(Json::Null) => Given::default(),
            Some(Json::Object(entries)) => {
                let one = |(key, value): (&String, &Json)| {
                    let path = path.key(key);
                    let further = self.from.filled.iter().find(|(filled, _)| *filled == path);
                    let folder = further.map_or(self.from.folder, |(_, folder)| folder).to_owned();
                    (key.clone(), (value.clone(), path, folder))
                };
                entries.iter().map(one).collect()
            }
            Some(other) => {
                let message = format!("parameters must be a mapping, got {}", kind_of(other));
                let finding = Diagnostic::error("wrong-type", path.clone(), message);
                self.report(finding.help("write `NAME: VALUE` for each"));
                self.sound = false;
                Given::default()
            }
        }
    }
}
