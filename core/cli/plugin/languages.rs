//! The languages a plugin can be started in, and the files of each in each world.
//!
//! Owns the table of templates. Leaves filling and writing them to `new`.

use serde::{Deserialize, Serialize};

use crate::plugin::World;

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// The fastest, and tested natively.
    Rust,
    /// For drawing, samples and annotations: too slow for pixels.
    Python,
    /// As Python, and imports nothing of WASI.
    Js,
    /// Without a C library; a component of a few KiB.
    C,
}

/// Path in the project, and template.
pub type File = (&'static str, &'static str);

macro_rules! template {
    ($path:literal) => {
        include_str!(concat!("templates/", $path))
    };
}

/// Of every project.
pub const GRAPH: File = ("graph.yaml", template!("graph.yaml.in"));

const RUST: &[File] = &[
    ("Cargo.toml", template!("rust/Cargo.toml.in")),
    (".cargo/config.toml", template!("rust/cargo-config.toml.in")),
    (".gitignore", template!("rust/gitignore.in")),
    ("rust-toolchain.toml", template!("rust/rust-toolchain.toml.in")),
    ("README.md", template!("rust/README.md.in")),
];

const PYTHON: &[File] = &[
    ("requirements.txt", template!("python/requirements.txt.in")),
    (".gitignore", template!("python/gitignore.in")),
    ("README.md", template!("python/README.md.in")),
];

const JS: &[File] = &[
    ("package.json", template!("js/package.json.in")),
    ("build.mjs", template!("js/build.mjs.in")),
    (".gitignore", template!("js/gitignore.in")),
    ("README.md", template!("js/README.md.in")),
];

const C: &[File] = &[
    ("framegate.h", template!("c/framegate.h.in")),
    ("requirements.txt", template!("c/requirements.txt.in")),
    (".gitignore", template!("c/gitignore.in")),
    ("README.md", template!("c/README.md.in")),
];

impl Language {
    /// Beside the source.
    pub const fn files(self) -> &'static [File] {
        match self {
            Language::Rust => RUST,
            Language::Python => PYTHON,
            Language::Js => JS,
            Language::C => C,
        }
    }

    /// The plugin itself.
    pub const fn source(self, world: World) -> File {
        match (self, world) {
            (Language::Rust, World::Filter) => ("lib.rs", template!("rust/filter.rs.in")),
            (Language::Rust, World::Detector) => ("lib.rs", template!("rust/detector.rs.in")),
            (Language::Rust, World::Overlay) => ("lib.rs", template!("rust/overlay.rs.in")),
            (Language::Rust, World::Analyzer) => ("lib.rs", template!("rust/analyzer.rs.in")),
            (Language::Python, World::Filter) => ("plugin.py", template!("python/filter.py.in")),
            (Language::Python, World::Detector) => ("plugin.py", template!("python/detector.py.in")),
            (Language::Python, World::Overlay) => ("plugin.py", template!("python/overlay.py.in")),
            (Language::Python, World::Analyzer) => ("plugin.py", template!("python/analyzer.py.in")),
            (Language::Js, World::Filter) => ("plugin.js", template!("js/filter.js.in")),
            (Language::Js, World::Detector) => ("plugin.js", template!("js/detector.js.in")),
            (Language::Js, World::Overlay) => ("plugin.js", template!("js/overlay.js.in")),
            (Language::Js, World::Analyzer) => ("plugin.js", template!("js/analyzer.js.in")),
            (Language::C, World::Filter) => ("plugin.c", template!("c/filter.c.in")),
            (Language::C, World::Detector) => ("plugin.c", template!("c/detector.c.in")),
            (Language::C, World::Overlay) => ("plugin.c", template!("c/overlay.c.in")),
            (Language::C, World::Analyzer) => ("plugin.c", template!("c/analyzer.c.in")),
        }
    }

    /// Whether the source does nothing where no detector found anything.
    pub const fn works_on_findings(self, world: World) -> bool {
        matches!(
            (self, world),
            (Language::Python | Language::Js | Language::C, World::Overlay) | (_, World::Analyzer)
        )
    }

    /// What the source does, in one line.
    pub const fn summary(self, world: World) -> &'static str {
        match (self, world) {
            (Language::Rust, World::Filter) => "Brightens or darkens the picture along a curve",
            (Language::Python | Language::Js, World::Filter) => "Pixelates the bright parts of the picture",
            (Language::C, World::Filter) => "Darkens the picture",
            (_, World::Detector) => "Reports the parts of the picture that are brighter than a threshold",
            (Language::Rust, World::Overlay) => "Writes a caption at the bottom of the picture",
            (_, World::Overlay) => "Draws a box round everything that detectors found",
            (_, World::Analyzer) => "Counts what detectors found",
        }
    }
}
