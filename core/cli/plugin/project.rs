//! `framegate.json`: what a plugin's project says of itself where its language has no manifest.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::languages::Language;
use crate::plugin::World;

/// The file's name, in the project's folder.
pub const FILE: &str = "framegate.json";

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Project {
    /// The component is called after it.
    pub name: String,
    pub language: Language,
    pub world: World,
}

impl Project {
    /// # Errors
    /// A sentence that says what is wrong with the file.
    pub fn read(folder: &Path) -> Result<Project, String> {
        let path = folder.join(FILE);
        let shown = path.display();
        let text = fs::read_to_string(&path).map_err(|error| format!("cannot read \"{shown}\": {error}"))?;
        serde_json::from_str(&text).map_err(|error| format!("\"{shown}\": {error}"))
    }

    pub fn text(&self) -> String {
        // Three words cannot fail to be written.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// `gate_3.wasm`
    pub fn file_name(&self) -> String {
        format!("{}.wasm", self.name.replace('-', "_"))
    }

    /// Where its component goes.
    pub fn component(&self, folder: &Path) -> PathBuf {
        folder.join(self.file_name())
    }
}
