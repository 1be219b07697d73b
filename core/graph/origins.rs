//! Where values came from when it was not the file: the environment and the command line.
//!
//! Owns what later steps must know of it: which values are missing and so make no further
//! findings, which may be read as text or number as needed, which may not be shown, and which
//! option a finding is about.

use std::collections::{HashMap, HashSet};
use std::path::{Path as FilePath, PathBuf};

use serde_json::Value as Json;

use crate::diagnostic::{Diagnostic, Path};

/// A shorter secret would blot out half of every message.
const SHORTEST_SECRET: usize = 4;

#[derive(Default)]
pub(super) struct Origins {
    /// The folder of the graph: what paths in the file are relative to.
    pub folder: PathBuf,
    /// The same for nodes that an include brought, and for single values that were given to it.
    pub folders: HashMap<Path, PathBuf>,
    /// Values whose variable is missing. That was reported; nothing else about them is.
    pub missing: HashSet<Path>,
    /// What the ids begin with that an include would have brought, had it been readable.
    pub unread: Vec<String>,
    /// Values from the environment: where, as written, and what may not be shown.
    pub concealed: Vec<Concealed>,
    /// Values from the command line: where, and the option as written.
    pub overridden: Vec<(Path, String)>,
}

pub(super) struct Concealed {
    pub path: Path,
    pub written: String,
    /// With its variables filled in.
    pub filled: String,
    pub secrets: Vec<(String, String)>,
}

impl Origins {
    /// What a relative path at `path` is relative to.
    pub fn folder(&self, path: &Path) -> &FilePath {
        match self.option(path) {
            // The user's shell completed it in the folder they stand in.
            Some(_) => FilePath::new(""),
            None if self.folders.is_empty() => &self.folder,
            // The nearest part around the value that has a folder of its own.
            None => {
                let around = (0..=path.0.len()).rev().map(|length| Path(path.0[..length].to_vec()));
                around.filter_map(|part| self.folders.get(&part)).next().unwrap_or(&self.folder)
            }
        }
    }

    /// The option that gave the value at `path`, if one did.
    pub fn option(&self, path: &Path) -> Option<&str> {
        let given = self.overridden.iter().rev().find(|(set, _)| path.0.starts_with(&set.0));
        given.map(|(_, option)| option.as_str())
    }

    /// Whether the value at `path` came as bare text that may as well be a number.
    pub fn is_loose(&self, path: &Path) -> bool {
        self.option(path).is_some() || self.concealed.iter().any(|value| value.path == *path)
    }

    /// Whether `id` may be that of a node that could not be read, which was reported.
    pub fn is_unread(&self, id: &str) -> bool {
        self.unread.iter().any(|prefix| id.starts_with(prefix.as_str()))
    }

    /// Whether a variable of the environment had a part in the value at `path`.
    pub fn is_from_environment(&self, path: &Path) -> bool {
        self.concealed.iter().any(|value| value.path == *path && !value.secrets.is_empty())
    }

    /// The bare text again, where a number was seen in it but text is wanted.
    pub fn as_text(&self, path: &Path, json: &Json) -> Option<Json> {
        let scalar = json.is_number() || json.is_boolean();
        let filled = self.concealed.iter().find(|value| value.path == *path).map(|value| &value.filled);
        // As it was, where that is known: `1e5` is not `100000.0` in a password.
        let text = || filled.cloned().unwrap_or_else(|| json.to_string());
        (scalar && self.is_loose(path)).then(|| Json::String(text()))
    }

    /// `finding` with no value of the environment in it, and with the option it is about.
    pub fn dress(&self, mut finding: Diagnostic) -> Diagnostic {
        for value in &self.concealed {
            for (name, secret) in &value.secrets {
                if value.path == finding.path || secret.len() >= SHORTEST_SECRET {
                    conceal(&mut finding.message, name, secret);
                    if let Some(help) = &mut finding.help {
                        conceal(help, name, secret);
                    }
                }
            }
        }
        if let Some(option) = self.option(&finding.path) {
            finding.message = format!("`--set {option}`: {}", finding.message);
        }
        finding
    }
}

fn conceal(text: &mut String, name: &str, secret: &str) {
    if !secret.is_empty() && text.contains(secret) {
        *text = text.replace(secret, name);
    }
}
