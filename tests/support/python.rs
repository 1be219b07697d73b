//! A Python with pinned packages of its own, made on first use and kept below the build's folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{alone_in, cache};

/// An interpreter that has the packages it was asked for.
pub struct Python {
    folder: PathBuf,
}

impl Python {
    /// A WebRTC stack and decoder of another make.
    pub fn aiortc() -> Python {
        Python::with("aiortc", &["aiortc==1.16.0", "numpy==2.3.5"])
    }

    /// A virtual environment `name` that holds exactly `packages`, each pinned (`aiortc==1.16.0`).
    pub fn with(name: &str, packages: &[&str]) -> Python {
        let folder = cache(&format!("python-{name}"));
        let _lock = alone_in(&folder);
        let stamp = folder.join("packages.txt");
        let wanted = packages.join("\n");
        if std::fs::read_to_string(&stamp).is_ok_and(|had| had == wanted) {
            return Python { folder };
        }
        must(
            Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder.join("venv")),
            "a Python environment could not be made; on Debian or Ubuntu: sudo apt-get install python3-venv",
        );
        must(
            Command::new(folder.join("venv/bin/pip"))
                .args(["install", "--quiet", "--no-input", "--disable-pip-version-check"])
                .args(packages),
            "packages could not be fetched from PyPI",
        );
        std::fs::write(&stamp, wanted).expect("the cache folder can be written");
        Python { folder }
    }

    /// A command that runs `script`.
    pub fn script(&self, script: &Path) -> Command {
        let mut command = Command::new(self.folder.join("venv/bin/python"));
        command.arg(script);
        command
    }

    /// The virtual environment itself.
    pub fn environment(&self) -> PathBuf {
        self.folder.join("venv")
    }

    /// Where its packages lie.
    pub fn packages(&self) -> PathBuf {
        let library = self.folder.join("venv/lib");
        let mut versions = std::fs::read_dir(&library).expect("an environment has a library folder");
        let version = versions.next().expect("of one Python version").expect("that can be read");
        version.path().join("site-packages")
    }
}

/// Runs `command` to its end, or fails saying what that means and what it printed.
pub fn must(command: &mut Command, meaning: &str) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{meaning}: {command:?}: {error}"));
    assert!(
        output.status.success(),
        "{meaning}: {command:?} ended with {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    output
}
