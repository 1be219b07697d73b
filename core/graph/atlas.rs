//! Where each part of a graph stands that is made of several files.
//!
//! Owns the way from a path in the whole graph to a file, the place in it, and the includes that
//! led there. What one file holds where is the business of `places`.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::group::Written;
use crate::diagnostic::{Diagnostic, Path, Place, Source, Step};

/// The places of a whole graph.
pub(super) struct Atlas {
    pub main: Rc<Written>,
    /// By section (`nodes`, `rules`) and index in the whole graph.
    parts: HashMap<(&'static str, usize), Part>,
}

/// One entry of a section that an include brought.
struct Part {
    /// Its path in its own file.
    inner: Path,
    file: Rc<Written>,
    source: Arc<Source>,
    /// What its ids begin with.
    prefix: String,
}

/// A file on its way into the graph, and how it came to be there.
#[derive(Clone)]
pub(super) struct Sheet {
    pub file: Rc<Written>,
    /// `None`: the graph itself.
    pub source: Option<Arc<Source>>,
    pub prefix: String,
}

impl Sheet {
    /// `finding` with its place in this file.
    pub fn place(&self, mut finding: Diagnostic) -> Diagnostic {
        if finding.place.is_none() {
            let place = self.file.places.of(&finding.path, finding.points);
            finding.place = place.map(|place| finding.part.map_or(place, |part| place.narrowed(part)));
        }
        finding.source.clone_from(&self.source);
        finding
    }

    /// How this file is named in the chain of a file that it includes at `place`.
    pub fn chain(&self, place: Place) -> Vec<(String, Place)> {
        let before = self.source.iter().flat_map(|source| source.chain.iter().cloned());
        [(self.file.name.clone(), place)].into_iter().chain(before).collect()
    }
}

impl Atlas {
    pub fn new(main: Rc<Written>) -> Atlas {
        Atlas { main, parts: HashMap::new() }
    }

    /// Notes that entry `index` of `section` of the whole graph is entry `inner` of `sheet`.
    pub fn add(&mut self, section: &'static str, index: usize, inner: usize, sheet: &Sheet) {
        let Some(source) = &sheet.source else { return };
        let part = Part {
            inner: Path::root().key(section).index(inner),
            file: Rc::clone(&sheet.file),
            source: Arc::clone(source),
            prefix: sheet.prefix.clone(),
        };
        self.parts.insert((section, index), part);
    }

    fn part(&self, path: &Path) -> Option<(&Part, Path)> {
        let [Step::Key(section), Step::Index(index), rest @ ..] = &path.0[..] else { return None };
        let section = match section.as_str() {
            "nodes" => "nodes",
            "rules" => "rules",
            _ => return None,
        };
        let part = self.parts.get(&(section, *index))?;
        Some((part, Path(part.inner.0.iter().chain(rest).cloned().collect())))
    }

    /// `finding` with its file, its place there, and its path there.
    pub fn place(&self, mut finding: Diagnostic) -> Diagnostic {
        if finding.place.is_some() {
            return finding;
        }
        let sheet = match self.part(&finding.path) {
            Some((part, inner)) => {
                finding.path = inner;
                if finding.code == "missing-variable" {
                    let help = finding.help.take().unwrap_or_default();
                    finding.help = Some(format!(
                        "{help}; a parameter of this group is declared, `parameters: {{ NAME: }}`"
                    ));
                }
                Sheet {
                    file: Rc::clone(&part.file),
                    source: Some(Arc::clone(&part.source)),
                    prefix: String::new(),
                }
            }
            None => Sheet { file: Rc::clone(&self.main), source: None, prefix: String::new() },
        };
        sheet.place(finding)
    }

    /// What `message` says of any use of the group that it is about: ids without what this use puts
    /// before them.
    pub fn of_any_use(&self, path: &Path, message: &str) -> String {
        match self.part(path) {
            Some((part, _)) => message.replace(&format!("\"{}", part.prefix), "\""),
            None => message.to_owned(),
        }
    }

    /// Whether the scalar at `path` stands without quotes.
    pub fn is_plain(&self, path: &Path) -> bool {
        match self.part(path) {
            Some((part, inner)) => part.file.places.is_plain(&inner),
            None => self.main.places.is_plain(path),
        }
    }
}
