//! Packages from npm, each pinned, fetched on first use and kept below the build's folder.

use std::path::PathBuf;
use std::process::Command;

use super::python::must;
use super::{alone_in, cache};

/// The folder of `name` at `version`, with what it needs beside it. No script of a package is run.
pub fn package(name: &str, version: &str) -> PathBuf {
    let folder = cache(&format!("node-{name}"));
    let package = folder.join("node_modules").join(name);
    let _lock = alone_in(&folder);
    if !package.join("package.json").exists() {
        let meaning =
            "a package could not be fetched from npm; on Debian or Ubuntu: sudo apt-get install nodejs npm";
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--silent", "--ignore-scripts", "--prefix"]);
        must(npm.arg(&folder).arg(format!("{name}@{version}")), meaning);
    }
    package
}
