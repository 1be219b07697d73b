//! A plugin's project, built again whenever one of its files is saved.
//!
//! Owns the thread that waits for them. Leaves which files those are to `sources`, noticing a change to
//! `watch`, the build to `build`, and taking a new component over to the graph that watches it.

use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use super::build;
use super::sources::{folders, is_source};
use crate::watch::{self, Changes, Eyes, Seen};

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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn project() -> tempfile::TempDir {
        let project = tempfile::tempdir().unwrap();
        fs::create_dir_all(project.path().join("src/deep")).unwrap();
        project
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
