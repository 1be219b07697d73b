//! The repository's own rules, held by tests: who may know whom, what every file and every kind
//! owes its reader. The rules themselves are told in `core/lib.rs`; this file only enforces them.

mod imports;
mod kinds;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};

/// The top of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folder` whose name ends in `.extension`, in a stable order.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.expect("a folder can be listed").path()) {
            match path.is_dir() {
                true if !path.ends_with("target") => folders.push(path),
                true => {}
                false if path.extension().is_some_and(|found| found == extension) => found.push(path),
                false => {}
            }
        }
    }
    found.sort();
    found
}

/// Every Rust file that is ours, with its text.
fn rust_files() -> Vec<(PathBuf, String)> {
    let folders = ["core", "plugins", "tests"].map(|folder| files(&root().join(folder), "rs"));
    folders
        .into_iter()
        .flatten()
        .map(|path| (path.clone(), fs::read_to_string(&path).expect("our files are UTF-8")))
        .collect()
}

/// `path` as a reader would name it.
fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// Fails with all faults at once, each on its line.
fn none(faults: Vec<String>, rule: &str) {
    assert!(faults.is_empty(), "{rule}\n  {}", faults.join("\n  "));
}
