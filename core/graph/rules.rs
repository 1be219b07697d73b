//! `rules:`: sentences about what may be shown, proved on the links of the graph.
//!
//! Owns their language and the proof. What is proved is about pictures: every link that carries
//! frames or access units counts, side inputs too; detections are boxes and words, and carry none.

use std::collections::{HashMap, VecDeque};

use serde_json::Value as Json;

use super::formats::Agreed;
use super::resolve::{Draft, DraftLink, DraftNode};
use super::settings::{Reader, kind_of};
use super::suggest;
use crate::diagnostic::{Diagnostic, Path};
use crate::node::{Format, Role};

/// The only form of a rule, for help lines.
const FORM: &str = "a rule reads: every path into live must pass blur";

/// One rule as written.
pub(super) struct Rule {
    pub text: String,
    path: Path,
    /// Only paths that begin here; every source if `None`.
    from: Option<Name>,
    into: Name,
    /// A path passes when it passes one of these.
    through: Vec<Name>,
}

/// A node's name in a rule, and where it stands in it, in characters.
#[derive(Clone)]
struct Name {
    id: String,
    at: usize,
}

/// Reads the section. What is no rule is reported and left out.
pub(super) fn read(reader: &mut Reader<'_>, json: Option<&Json>) -> Vec<Rule> {
    let path = Path::root().key("rules");
    let items = match json {
        None | Some(Json::Null) => return Vec::new(),
        Some(Json::Array(items)) => items,
        Some(other) => {
            if !reader.origins.missing.contains(&path) {
                let message = format!("\"rules\" must be a list, got {}", kind_of(other));
                reader
                    .report(Diagnostic::error("wrong-type", path, message).help(format!("write `- {FORM}`")));
            }
            return Vec::new();
        }
    };
    let rules = items.iter().enumerate().filter_map(|(index, item)| {
        let path = path.index(index);
        if reader.origins.missing.contains(&path) {
            return None;
        }
        let Some(text) = item.as_str() else {
            let message = format!("a rule must be a sentence, got {}", kind_of(item));
            reader.report(Diagnostic::error("wrong-type", path, message).help(FORM));
            return None;
        };
        match parse(text) {
            Ok(parts) => Some(Rule { text: text.to_owned(), path, ..parts }),
            Err((at, end, message)) => {
                let finding = Diagnostic::error("bad-rule", path, message).help(FORM);
                reader.report(finding.within(text, at, end));
                None
            }
        }
    });
    rules.collect()
}

/// The words of `text` with their places in characters.
fn words(text: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut chars = 0;
    for piece in text.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end();
        if !word.is_empty() {
            words.push((chars, word));
        }
        chars += piece.chars().count();
    }
    words
}

type Fault = (usize, usize, String);

/// A rule without its path.
fn parse(text: &str) -> Result<Rule, Fault> {
    let all = words(text);
    let end = text.chars().count();
    let name = |index: usize| match all.get(index) {
        Some((at, word)) => Ok(Name { id: (*word).to_owned(), at: *at }),
        None => Err((0, end, "this rule ends where the id of a node belongs".to_owned())),
    };
    let words_at = |start: usize, wanted: &[&str]| -> Result<(), Fault> {
        for (offset, wanted) in wanted.iter().enumerate() {
            match all.get(start + offset) {
                Some((_, word)) if word == wanted => {}
                Some((at, word)) => {
                    let message = format!("this rule has \"{word}\" where \"{wanted}\" belongs");
                    return Err((*at, at + word.chars().count(), message));
                }
                None => return Err((0, end, format!("this rule ends where \"{wanted}\" belongs"))),
            }
        }
        Ok(())
    };
    words_at(0, &["every", "path"])?;
    let (from, next) = match all.get(2) {
        Some((_, "from")) => (Some(name(3)?), 4),
        _ => (None, 2),
    };
    words_at(next, &["into"])?;
    let into = name(next + 1)?;
    words_at(next + 2, &["must", "pass"])?;
    let mut through = vec![name(next + 4)?];
    for or in (next + 5..all.len()).step_by(2) {
        words_at(or, &["or"])?;
        through.push(name(or + 1)?);
    }
    Ok(Rule { text: String::new(), path: Path::root(), from, into, through })
}

/// `text` with the ids in it changed by `rename`; what is no rule stays as it is, to be found later.
pub(super) fn renamed(text: &str, rename: impl Fn(&str) -> String) -> String {
    let Ok(rule) = parse(text) else { return text.to_owned() };
    let from = rule.from.map(|name| format!("from {} ", rename(&name.id))).unwrap_or_default();
    let through: Vec<String> = rule.through.iter().map(|name| rename(&name.id)).collect();
    format!("every path {from}into {} must pass {}", rename(&rule.into.id), through.join(" or "))
}

/// Everything that breaks `rules`. On a graph without other errors every format is agreed, so that
/// what finds nothing here is a proof.
pub(super) fn check(reader: &mut Reader<'_>, draft: &Draft, agreed: &Agreed, rules: &[Rule]) {
    let named = draft.nodes.iter().enumerate().filter(|(_, node)| node.can_be_named);
    let index: HashMap<&str, usize> = named.map(|(index, node)| (node.name.as_str(), index)).collect();
    for rule in rules {
        let names = rule.from.iter().chain([&rule.into]).chain(&rule.through);
        let unknown: Vec<&Name> = names.filter(|name| !index.contains_key(name.id.as_str())).collect();
        for name in &unknown {
            if !reader.origins.is_unread(&name.id) {
                reader.report(unknown_node(rule, name, &index));
            }
        }
        if unknown.is_empty() {
            let proof = Proof {
                draft,
                agreed,
                rule,
                from: rule.from.as_ref().map(|name| index[name.id.as_str()]),
                into: index[rule.into.id.as_str()],
                through: rule.through.iter().map(|name| index[name.id.as_str()]).collect(),
            };
            reader.findings.extend(proof.findings());
        }
    }
}

fn unknown_node(rule: &Rule, name: &Name, index: &HashMap<&str, usize>) -> Diagnostic {
    let mut known: Vec<&str> = index.keys().copied().collect();
    known.sort_unstable();
    let all = format!("there are {}", suggest::list(known.iter().copied()));
    let message = format!("this rule is about \"{}\", and no node is called that", name.id);
    Diagnostic::error("unknown-node", rule.path.clone(), message)
        .within(&rule.text, name.at, name.at + name.id.chars().count())
        .help(suggest::help(&name.id, known, &all))
}

struct Proof<'a> {
    draft: &'a Draft,
    agreed: &'a Agreed,
    rule: &'a Rule,
    from: Option<usize>,
    into: usize,
    through: Vec<usize>,
}

impl Proof<'_> {
    fn findings(&self) -> Vec<Diagnostic> {
        let at = |name: &Name| (name.at, name.at + name.id.chars().count());
        let finding = |code, (start, end), message: String| {
            Diagnostic::error(code, self.rule.path.clone(), message).within(&self.rule.text, start, end)
        };
        if self.node(self.into).role() == Some(Role::Source) {
            let message = format!("\"{}\" is a source: no path leads into it", self.rule.into.id);
            return vec![
                finding("role-misuse", at(&self.rule.into), message)
                    .help("name the node that shows or keeps the picture, such as a relay"),
            ];
        }
        let mut findings = Vec::new();
        for (name, &node) in self.rule.through.iter().zip(&self.through) {
            if self.fails_open(node) {
                let message = format!(
                    "\"{}\" lets the picture past as it came when it fails, so passing it proves nothing",
                    name.id
                );
                let help = format!("write `on_error: black` at \"{}\" (or `drop`, or `stop`)", name.id);
                findings.push(finding("privacy", at(name), message).help(help));
            }
        }
        if let Some(path) = self.offending_path() {
            let passed: Vec<String> =
                self.rule.through.iter().map(|name| format!("\"{}\"", name.id)).collect();
            let message = format!(
                "\"{}\" can show a picture that has not passed {}: {}",
                self.rule.into.id,
                passed.join(" or "),
                self.told(&path)
            );
            let help = format!(
                "lead this path through {}; every input that takes pictures counts",
                passed.join(" or ")
            );
            findings.push(finding("privacy", (0, self.rule.text.chars().count()), message).help(help));
        }
        findings
    }

    fn node(&self, index: usize) -> &DraftNode {
        &self.draft.nodes[index]
    }

    fn fails_open(&self, index: usize) -> bool {
        match (&self.node(index).kind, &self.node(index).signed) {
            (Some(kind), Some(signed)) => kind.fails_open(&signed.settings),
            _ => false,
        }
    }

    /// The links of a shortest path that breaks the rule, source first. Goes from the end towards
    /// the sources, over nothing but links that carry pictures, and never through a node that
    /// makes a path pass.
    fn offending_path(&self) -> Option<Vec<&DraftLink>> {
        let mut towards: HashMap<usize, Option<usize>> = HashMap::from([(self.into, None)]);
        let mut queue = VecDeque::from([self.into]);
        while let Some(node) = queue.pop_front() {
            if self.through.contains(&node) {
                continue;
            }
            if self.begins_at(node) {
                return Some(self.path(&towards, node));
            }
            for (index, link) in self.draft.links.iter().enumerate() {
                let new =
                    link.to == node && self.carries_pictures(index) && !towards.contains_key(&link.from);
                if new {
                    towards.insert(link.from, Some(index));
                    queue.push_back(link.from);
                }
            }
        }
        None
    }

    fn begins_at(&self, node: usize) -> bool {
        match self.from {
            Some(from) => node == from && node != self.into,
            None => self.node(node).role() == Some(Role::Source),
        }
    }

    fn carries_pictures(&self, link: usize) -> bool {
        matches!(self.agreed.links[link], Some(Format::Frames(_) | Format::AccessUnits(_)))
    }

    fn path(&self, towards: &HashMap<usize, Option<usize>>, start: usize) -> Vec<&DraftLink> {
        let mut links = Vec::new();
        let mut node = start;
        while let Some(Some(link)) = towards.get(&node) {
            links.push(&self.draft.links[*link]);
            node = self.draft.links[*link].to;
        }
        links
    }

    /// `camera → mix.inset → live`: an input is named where its node has others.
    fn told(&self, path: &[&DraftLink]) -> String {
        let first = path.first().map_or(self.into, |link| link.from);
        let mut told = self.node(first).name.clone();
        for link in path {
            let to = self.node(link.to);
            told += &format!(" → {}", to.name);
            let port = link.to_port.filter(|port| *port > 0).and_then(|port| to.input(port));
            if let Some(port) = port {
                told += &format!(".{}", port.name);
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_one_plain_sentence() {
        let rule = parse("every  path from door into live must pass blur or black").ok().unwrap();
        assert_eq!(rule.from.unwrap().id, "door");
        assert_eq!((rule.into.id.as_str(), rule.into.at), ("live", 27));
        let through: Vec<&str> = rule.through.iter().map(|name| name.id.as_str()).collect();
        assert_eq!(through, ["blur", "black"]);
    }

    #[test]
    fn what_is_no_rule_is_told_at_the_word_that_does_not_belong() {
        let fault = |text: &str| parse(text).err().map(|(at, end, _)| (at, end));
        assert_eq!(fault("every path to live must pass blur"), Some((11, 13)));
        assert_eq!(fault("every path into live must pass blur and black"), Some((36, 39)));
        assert_eq!(fault("every path into live must"), Some((0, 25)));
        assert_eq!(fault("ä"), Some((0, 1)));
        assert_eq!(fault(""), Some((0, 0)));
    }

    #[test]
    fn only_ids_are_renamed() {
        let renamed = renamed("every path into path must pass blur or must", |id| format!("a-{id}"));
        assert_eq!(renamed, "every path into a-path must pass a-blur or a-must");
    }
}
