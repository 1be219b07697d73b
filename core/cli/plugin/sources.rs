//! What of a plugin's project somebody wrote, as against what builds and trials put beside it.
//!
//! Owns which files and folders those are, and whether a component is newer than all of them. Leaves
//! waiting for changes to `rebuild`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What builds, baselines and the graph beside the plugin are called: nothing that a component is made of.
const NO_SOURCES: &[&str] = &[
    "target",
    "node_modules",
    "__pycache__",
    "Cargo.lock",
    "package-lock.json",
    "README.md",
    "graph.yaml",
    "bench.json",
];

/// How components, clips and what was found in them end.
const MADE: &[&str] = &["wasm", "y4m", "jsonl", "mp4"];

/// Deeper than any project, and an end for folders that are linked in a ring.
const DEEPEST: usize = 16;

/// Whether a file or folder of a project is something that somebody wrote, and a build may take in.
pub fn is_source(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    // Hidden ones are environments of Python, repositories, and what editors put down for a moment.
    let hidden = name.starts_with('.') || name.ends_with('~');
    let made = path.extension().is_some_and(|extension| MADE.iter().any(|made| extension == *made));
    !hidden && !made && !NO_SOURCES.contains(&name)
}

/// The project's own folder and all below it that hold sources.
pub fn folders(project: &Path) -> Vec<PathBuf> {
    let mut found = vec![(project.to_owned(), 0)];
    let mut next = 0;
    while let Some((folder, depth)) = found.get(next).cloned() {
        next += 1;
        let inner = entries(&folder).filter(|path| path.is_dir() && is_source(path));
        if depth < DEEPEST {
            found.extend(inner.map(|folder| (folder, depth + 1)));
        }
    }
    found.into_iter().map(|(folder, _)| folder).collect()
}

/// Whether `component` was made after every source of `project` was last written, and by the program
/// that is asked: flags and what is put around a plugin are that one's.
pub fn unchanged_since(component: &Path, project: &Path) -> bool {
    let Some(made) = written(component) else { return false };
    let folders = folders(project);
    // A folder is written when a file in it comes or goes; of the project's own, the component is one.
    let below = folders.iter().skip(1).cloned();
    let files = folders.iter().flat_map(|folder| entries(folder)).filter(|path| is_source(path));
    let mut sources = files.filter(|path| path.is_file()).chain(below).chain(std::env::current_exe().ok());
    sources.all(|source| written(&source).is_some_and(|written| written < made))
}

/// What cannot be read holds nothing that could be built.
fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn written(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|known| known.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_somebody_wrote_is_a_source_and_what_builds_leave_is_none() {
        let project = tempfile::tempdir().unwrap();
        for folder in ["src/deep", "target/release", ".venv/lib", "node_modules/one"] {
            fs::create_dir_all(project.path().join(folder)).unwrap();
        }
        let mut found = folders(project.path());
        found.sort_unstable();
        let wanted = ["", "src", "src/deep"].map(|name| project.path().join(name));
        assert_eq!(found, wanted);
        for built in ["Cargo.lock", "try_it.wasm", ".plugin.py.swp", "plugin.py~", "bench.json", "out.y4m"] {
            assert!(!is_source(Path::new(built)), "{built}");
        }
        assert!(is_source(Path::new("requirements.txt")) && is_source(Path::new("framegate.json")));
    }

    #[test]
    fn a_component_is_built_anew_when_a_source_is_as_new() {
        let project = tempfile::tempdir().unwrap();
        let component = project.path().join("try_it.wasm");
        fs::create_dir(project.path().join("wit")).unwrap();
        let source = project.path().join("wit/draw.wit");
        fs::write(&source, "").unwrap();
        assert!(!unchanged_since(&component, project.path()), "there is none");
        fs::write(&component, "").unwrap();
        let at = |path: &Path, time| fs::File::open(path).unwrap().set_modified(time).unwrap();
        let now = SystemTime::now() + Duration::from_secs(60);
        at(&component, now);
        assert!(unchanged_since(&component, project.path()));
        fs::write(project.path().join("out.y4m"), "").unwrap();
        at(&project.path().join("out.y4m"), now + Duration::from_secs(1));
        assert!(unchanged_since(&component, project.path()), "a clip is no source");
        at(&source, now);
        assert!(!unchanged_since(&component, project.path()));
        at(&source, SystemTime::UNIX_EPOCH);
        at(&component, SystemTime::UNIX_EPOCH + Duration::from_secs(1));
        assert!(!unchanged_since(&component, project.path()), "the program is newer");
    }
}
