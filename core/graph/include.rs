//! `include:`: groups of nodes from other files, each used once or many times.
//!
//! ```yaml
//! include:
//!   - group: camera.yaml
//!     with: { bitrate: 1M }                   # for all of them
//!     for_each:
//!       - { as: front, path: front.y4m }      # its nodes are called front-camera, front-live, …
//!       - { as: yard, path: yard.y4m }
//! ```
//!
//! Owns putting the files together before anything in them is understood: ids get their prefix,
//! parameters their values, relative paths their folder. Leaves what the nodes mean to `document`.

use std::collections::{HashMap, HashSet};
use std::path::{Path as FilePath, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::atlas::{Atlas, Sheet};
use super::document;
use super::group::{self, Budget, Written};
use super::origins::Origins;
use super::reading::read_file;
use super::scope;
use super::settings::kind_of;
use super::suggest;
use super::uses::{self, Includer, Use};
use crate::diagnostic::{Diagnostic, Path, Source};

/// More files in each other are a mistake.
const DEEPEST: usize = 16;
/// More uses of groups make more nodes than a graph may have.
const MOST_USES: usize = 1000;

/// A graph put together.
pub(super) struct Whole {
    pub json: Json,
    pub atlas: Atlas,
    pub findings: Vec<Diagnostic>,
    /// Every file that was read besides the graph itself.
    pub files: Vec<PathBuf>,
}

/// Puts `main` and everything it includes together.
pub(super) fn expand(main: Written, origins: &mut Origins) -> Whole {
    let mut json = main.json.clone();
    let main = Rc::new(main);
    let sheet = Sheet { file: Rc::clone(&main), source: None, prefix: String::new() };
    let mut expansion = Expansion {
        atlas: Atlas::new(main),
        findings: Vec::new(),
        nodes: take_list(&mut json, "nodes"),
        rules: take_list(&mut json, "rules"),
        read: HashMap::new(),
        used: HashSet::new(),
        origins,
        uses: 0,
        budget: Budget::new(),
        stack: Vec::new(),
    };
    let entries = json.as_object_mut().and_then(|top| top.remove("include"));
    match entries.filter(|_| other_version(&json).is_none()) {
        Some(entries) => {
            let folder = expansion.origins.folder.clone();
            expansion.entries(&Includer { sheet: &sheet, folder: &folder, filled: &[] }, &entries);
            expansion.put_back(&mut json);
        }
        None => expansion.put_back_alone(&mut json),
    }
    let files = expansion.read.into_keys().collect();
    Whole { json, atlas: expansion.atlas, findings: expansion.findings, files }
}

/// A list that is taken out of the top; what is no list stays, to be found to be none.
fn take_list(json: &mut Json, key: &str) -> Option<Vec<Json>> {
    match json.get_mut(key) {
        Some(Json::Array(items)) => Some(std::mem::take(items)),
        _ => None,
    }
}

struct Expansion<'a> {
    atlas: Atlas,
    findings: Vec<Diagnostic>,
    nodes: Option<Vec<Json>>,
    rules: Option<Vec<Json>>,
    /// By path as joined; `None`: it could not be read, which was reported.
    read: HashMap<PathBuf, Option<Rc<Written>>>,
    /// What the ids of the uses so far begin with.
    used: HashSet<String>,
    origins: &'a mut Origins,
    uses: usize,
    budget: Budget,
    /// The files that are being put in, outermost first.
    stack: Vec<PathBuf>,
}

impl Expansion<'_> {
    fn put_back_alone(&mut self, json: &mut Json) {
        for (key, list) in [("nodes", self.nodes.take()), ("rules", self.rules.take())] {
            if let (Some(top), Some(list)) = (json.as_object_mut(), list) {
                top.insert(key.to_owned(), Json::Array(list));
            }
        }
    }

    fn put_back(&mut self, json: &mut Json) {
        if self.nodes.as_ref().is_none_or(Vec::is_empty) && json.get("nodes").is_none_or(Json::is_array) {
            self.nodes = None;
            if !self.findings.is_empty() {
                // What kept the nodes away has been reported.
                self.origins.missing.insert(Path::root().key("nodes"));
            }
        }
        self.put_back_alone(json);
    }

    fn report(&mut self, sheet: &Sheet, finding: Diagnostic) {
        let placed = sheet.place(finding);
        self.findings.push(placed);
    }

    fn entries(&mut self, from: &Includer<'_>, entries: &Json) {
        let sheet = from.sheet;
        let path = Path::root().key("include");
        let Some(items) = entries.as_array() else {
            let message = format!("\"include\" must be a list, got {}", kind_of(entries));
            let finding = Diagnostic::error("wrong-type", path, message);
            self.report(sheet, finding.help("write `- group: FILE`, and below it `as: NAME`"));
            return;
        };
        for (index, item) in items.iter().enumerate() {
            self.entry(from, item, &path.index(index));
        }
    }

    fn entry(&mut self, from: &Includer<'_>, entry: &Json, path: &Path) {
        let read = uses::read(from, entry, path);
        read.findings.into_iter().for_each(|finding| self.report(from.sheet, finding));
        let Some(group) = read.group else { return self.give_up(read.uses) };
        let file = from.folder.join(&group);
        let Some(written) = self.file(from.sheet, &file, &path.key("group")) else {
            return self.give_up(read.uses);
        };
        for one in read.uses {
            self.put_in(from.sheet, &written, &file, one);
        }
    }

    /// Nothing is said about ids that these uses would have brought.
    fn give_up(&mut self, uses: Vec<Use>) {
        self.origins.unread.extend(uses.into_iter().map(|one| one.prefix));
    }

    /// Reads a file, once however often it is used. `None`: it cannot be, which was reported.
    fn file(&mut self, sheet: &Sheet, file: &FilePath, path: &Path) -> Option<Rc<Written>> {
        if let Some(known) = self.read.get(file) {
            return known.clone();
        }
        let name = file.display().to_string();
        let written = match read_file(file) {
            Err(why) => {
                let code = if file.exists() { "unreadable-file" } else { "file-not-found" };
                let finding =
                    Diagnostic::error(code, path.clone(), format!("cannot include \"{name}\": {why}"));
                self.report(sheet, finding.help("a group is named relative to the file that includes it"));
                None
            }
            Ok(text) => match Written::read(name.clone(), text) {
                Ok(written) => self.is_group(sheet, written, path),
                Err((text, mut finding)) => {
                    let chain = sheet.file.places.of(path, finding.points).map(|place| sheet.chain(place));
                    finding.source = Some(Arc::new(Source { name, text, chain: chain.unwrap_or_default() }));
                    self.findings.push(finding);
                    None
                }
            },
        };
        self.read.insert(file.to_owned(), written.clone());
        written
    }

    /// Looks at the frame of a file that is about to be used for the first time.
    fn is_group(&mut self, from: &Sheet, written: Written, path: &Path) -> Option<Rc<Written>> {
        let written = Rc::new(written);
        let sheet = self.sheet(from, &written, path, String::new());
        for repeated in &written.repeated {
            self.report(&sheet, repeated.clone());
        }
        let faults = scope::faults(&written.json);
        let fatal = written.json.get("nodes").is_none_or(|nodes| !nodes.is_array())
            && written.json.get("include").is_none();
        faults.into_iter().for_each(|fault| self.report(&sheet, fault));
        (!fatal).then_some(written)
    }

    fn sheet(&self, from: &Sheet, file: &Rc<Written>, path: &Path, prefix: String) -> Sheet {
        let place = from.file.places.of(path, crate::diagnostic::Points::AtValue);
        let chain = place.map(|place| from.chain(place)).unwrap_or_default();
        let source = Source { name: file.name.clone(), text: file.text.clone(), chain };
        Sheet { file: Rc::clone(file), source: Some(Arc::new(source)), prefix }
    }

    /// Puts one use of a group into the graph.
    fn put_in(&mut self, from: &Sheet, written: &Rc<Written>, file: &FilePath, one: Use) {
        self.uses += 1;
        if self.stack.iter().any(|open| same_file(open, file))
            || self.stack.len() >= DEEPEST
            || self.uses > MOST_USES
        {
            let finding = self.endless(file, &one.path);
            self.origins.unread.push(one.prefix);
            return self.report(from, finding);
        }
        if !self.used.insert(one.prefix.clone()) {
            let name =
                one.prefix.strip_prefix(&from.prefix).unwrap_or(&one.prefix).trim_end_matches('-').to_owned();
            let finding = Diagnostic::error(
                "duplicate-id",
                one.path.clone(),
                format!("two uses of a group are called \"{name}\""),
            );
            return self.report(from, finding.help("give one of them another `as`"));
        }
        let Some(values) = self.values(from, written, &one) else {
            self.origins.unread.push(one.prefix);
            return;
        };
        let sheet = self.sheet(from, written, &one.path, one.prefix.clone());
        if self.budget.copy(&written.json).is_err() {
            return self.too_large(from, one);
        }
        let mut json = written.json.clone();
        let ids = scope::ids(&json);
        for (path, message, help) in scope::put_prefix(&mut json, &one.prefix, &ids) {
            self.report(&sheet, Diagnostic::error("unknown-node", path, message).help(help));
            self.origins.unread.push(format!("{}{}", one.prefix, scope::OPEN));
        }
        let Ok(filled) = group::fill(&mut json, &values, &mut self.budget) else {
            return self.too_large(from, one);
        };
        let of_giver = |names: &[String]| names.iter().find_map(|name| Some(one.given.get(name)?.2.clone()));
        let filled: Vec<(Path, PathBuf)> =
            filled.into_iter().filter_map(|(path, names)| Some((path, of_giver(&names)?))).collect();
        let folder = file.parent().unwrap_or(FilePath::new("")).to_path_buf();
        self.append(&sheet, &mut json, &folder, &filled);
        if let Some(entries) = json.get("include") {
            self.stack.push(file.to_owned());
            self.entries(&Includer { sheet: &sheet, folder: &folder, filled: &filled }, entries);
            self.stack.pop();
        }
    }

    /// Adds the nodes and rules of a use to the whole graph.
    fn append(&mut self, sheet: &Sheet, json: &mut Json, folder: &FilePath, filled: &[(Path, PathBuf)]) {
        let (from, to) = (Path::root().key("nodes"), Path::root().key("nodes"));
        for (inner, node) in take_list(json, "nodes").unwrap_or_default().into_iter().enumerate() {
            let nodes = self.nodes.get_or_insert_default();
            let (from, to) = (from.index(inner), to.index(nodes.len()));
            self.atlas.add("nodes", nodes.len(), inner, sheet);
            let given = filled.iter().filter_map(|(path, folder)| {
                let below = path.0.strip_prefix(&from.0[..])?;
                Some((Path(to.0.iter().chain(below).cloned().collect()), folder.clone()))
            });
            self.origins.folders.extend(given);
            self.origins.folders.insert(to, folder.to_owned());
            nodes.push(node);
        }
        for (inner, rule) in take_list(json, "rules").unwrap_or_default().into_iter().enumerate() {
            let rules = self.rules.get_or_insert_default();
            self.atlas.add("rules", rules.len(), inner, sheet);
            rules.push(rule);
        }
    }

    fn too_large(&mut self, from: &Sheet, one: Use) {
        let message = "the graph is larger than any graph is once this use of a group is put in";
        self.report(from, Diagnostic::error("too-large", one.path, message));
        self.origins.unread.push(one.prefix);
    }

    fn endless(&self, file: &FilePath, path: &Path) -> Diagnostic {
        let name = file.display();
        if self.uses > MOST_USES {
            let message = format!("a graph may use groups {MOST_USES} times, and this is once more");
            return Diagnostic::error("out-of-range", path.clone(), message);
        }
        let names: Vec<String> = self.stack.iter().map(|open| format!("\"{}\"", open.display())).collect();
        let message = match self.stack.iter().any(|open| same_file(open, file)) {
            true => format!("\"{name}\" includes itself: {} → \"{name}\"", names.join(" → ")),
            false => format!("includes are nested over {DEEPEST} deep"),
        };
        Diagnostic::error("include-cycle", path.clone(), message).help("take one of these includes out")
    }

    /// The value of each parameter. `None`: some are missing, which was reported.
    fn values(&mut self, from: &Sheet, written: &Rc<Written>, one: &Use) -> Option<Map<String, Json>> {
        let declared = written.json.get("parameters").and_then(Json::as_object).cloned().unwrap_or_default();
        let name = &written.name;
        for key in one.given.keys().filter(|key| !declared.contains_key(key.as_str())) {
            let all = match declared.is_empty() {
                true => format!("\"{name}\" takes none"),
                false => format!("\"{name}\" takes {}", suggest::list(declared.keys().map(String::as_str))),
            };
            let path = one.given.get(key).map_or(&one.path, |(_, path, _)| path).clone();
            let finding =
                Diagnostic::error("unknown-parameter", path, format!("the group has no parameter \"{key}\""));
            let help = suggest::help(key, declared.keys().map(String::as_str), &all);
            self.report(from, finding.at_key().help(help));
        }
        let mut values = Map::new();
        let mut whole = true;
        for (key, default) in declared {
            match one
                .given
                .get(&key)
                .map(|(value, ..)| value.clone())
                .or(Some(default).filter(|default| !default.is_null()))
            {
                Some(value) => drop(values.insert(key, value)),
                None => {
                    let message = format!("the parameter \"{key}\" of \"{name}\" is not given");
                    let finding = Diagnostic::error("missing-parameter", one.path.clone(), message);
                    self.report(from, finding.help(format!("add `{key}: …`, or a default in \"{name}\"")));
                    whole = false;
                }
            }
        }
        whole.then_some(values)
    }
}

fn same_file(one: &FilePath, other: &FilePath) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

/// The version that a file says it is written in, if it says one that this build does not read.
pub(super) fn other_version(json: &Json) -> Option<&Json> {
    json.get("version").filter(|version| version.as_i64() != Some(document::VERSION))
}
