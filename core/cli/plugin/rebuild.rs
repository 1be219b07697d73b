//! A plugin's project, built again whenever one of its files is saved.
//!
//! Owns which files those are, and the thread that waits for them. Leaves noticing a change to `watch`,
//! the build to `build`, and taking a new component over to the graph that watches it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use super::build;
use crate::watch::{self, Changes, Eyes, Seen};

/// What builds put beside the sources.
const BUILT: &[&str] = &["target", "node_modules", "__pycache__", "Cargo.lock", "package-lock.json"];

/// Deeper than any project, and an end for folders that are linked in a ring.
const DEEPEST: usize = 16;

/// A project under watch. It ends when this is dropped.
pub struct Project {
    _eyes: Eyes,
    changes: Changes,
}

impl Project {
    /// Watches the folders of the sources as they are now.
    ///
    /// # Errors
    /// When the system cannot watch one of them.
    pub fn watch(folder: &Path) -> io::Result<Project> {
        let (eyes, changes) = watch::over_folders(&folders(folder), is_source)?;
        Ok(Project { _eyes: eyes, changes })
    }
}

/// Builds `folder` again on each change, for as long as the process runs.
pub fn begin(folder: PathBuf, watched: io::Result<Project>) {
    let name = "rebuild".to_owned();
    let begun = watched.and_then(|watched| {
        thread::Builder::new().name(name).spawn(move || attend(&folder, watched)).map(drop)
    });
    if let Err(error) = begun {
        eprintln!("framegate: the project is not built again when it is saved: {error}");
    }
}

fn attend(folder: &Path, mut watched: Project) {
    while watched.changes.wait() == Seen::Change {
        // Anew, because a folder may have come along; and before the build, as at the start.
        match Project::watch(folder) {
            Ok(anew) => watched = anew,
            // Just being moved, say. The folders that were known are still seen.
            Err(error) => tracing::warn!("not all of the project is watched: {error}"),
        }
        tracing::info!("the project has changed and is built again");
        match build::build(folder) {
            // The graph watches the component.
            Ok(_) => tracing::info!("built"),
            Err(reason) => tracing::warn!("{reason}; the one before goes on"),
        }
    }
}

/// Whether a file or folder of a project is something that somebody wrote.
fn is_source(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    // Hidden ones are environments of Python, repositories, and what editors put down for a moment.
    let hidden = name.starts_with('.') || name.ends_with('~');
    let component = path.extension().is_some_and(|extension| extension == "wasm");
    !hidden && !component && !BUILT.contains(&name)
}

/// The project's own folder and all below it that hold sources.
fn folders(project: &Path) -> Vec<PathBuf> {
    let mut found = vec![(project.to_owned(), 0)];
    let mut next = 0;
    while let Some((folder, depth)) = found.get(next).cloned() {
        next += 1;
        // What cannot be read holds nothing that could be built.
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let inner = entries.map(|entry| entry.path()).filter(|path| path.is_dir() && is_source(path));
        if depth < DEEPEST {
            found.extend(inner.map(|folder| (folder, depth + 1)));
        }
    }
    found.into_iter().map(|(folder, _)| folder).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> tempfile::TempDir {
        let project = tempfile::tempdir().unwrap();
        for folder in ["src/deep", "target/release", ".venv/lib", "node_modules/one"] {
            fs::create_dir_all(project.path().join(folder)).unwrap();
        }
        project
    }

    #[test]
    fn sources_are_watched_and_what_builds_leave_is_not() {
        let project = project();
        let mut found = folders(project.path());
        found.sort_unstable();
        let wanted = ["", "src", "src/deep"].map(|name| project.path().join(name));
        assert_eq!(found, wanted);
        for built in ["Cargo.lock", "try_it.wasm", ".plugin.py.swp", "plugin.py~"] {
            assert!(!is_source(Path::new(built)), "{built}");
        }
    }

    #[test]
    fn a_saved_source_is_a_change_and_a_new_component_is_none() {
        let project = project();
        let watched = Project::watch(project.path()).unwrap();
        fs::write(project.path().join("try_it.wasm"), "built").unwrap();
        fs::write(project.path().join("src/deep/curve.rs"), "saved").unwrap();
        assert_eq!(watched.changes.wait(), Seen::Change);
        fs::write(project.path().join("try_it.wasm"), "built again").unwrap();
        drop(watched._eyes);
        assert_eq!(watched.changes.wait(), Seen::End);
    }
}
