//! What a plugin author meets first: a new project tests and builds at once, without a network.

mod languages;
mod tools;

#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The program, with cargo kept from the network.
fn framegate(arguments: &[&str]) -> Output {
    program().args(arguments).output().expect("the program starts")
}

/// The same, not started yet.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_framegate"));
    offline(&mut command);
    command
}

/// What projects are built into: kept between runs, because the sdk's dependencies do not change.
fn offline(command: &mut Command) -> &mut Command {
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join("author");
    // Flags and wrappers of the cargo that runs this test are not an author's.
    for name in ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
        command.env_remove(name);
    }
    command.env("CARGO_NET_OFFLINE", "true").env("CARGO_TARGET_DIR", built)
}

fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

#[test]
fn a_new_project_of_every_world_tests_and_builds_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let into = folder.path().to_str().expect("a readable path");
    for world in ["filter", "detector", "overlay", "analyzer"] {
        let name = format!("try-{world}");
        let made = framegate(&["plugin", "new", &name, "--world", world, "--into", into]);
        assert!(made.status.success(), "{}", told(&made));
        let project = folder.path().join(&name);

        let mut cargo = Command::new(env!("CARGO"));
        let tested = offline(&mut cargo).arg("test").current_dir(&project).output().expect("cargo starts");
        assert!(tested.status.success(), "{world}: {}", told(&tested));

        let built = framegate(&["plugin", "build", project.to_str().expect("a readable path")]);
        assert!(built.status.success(), "{world}: {}", told(&built));
        let told = told(&built);
        let component = PathBuf::from(told.lines().find_map(|line| line.split_once(" (")).expect("a path").0);
        let bytes = std::fs::read(&component).expect("the component is where it says");
        assert!(bytes.starts_with(b"\0asm\x0d\0\x01\0"), "{world}: not a component");
    }
}

#[test]
fn a_folder_that_exists_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let into = folder.path().to_str().expect("a readable path");
    std::fs::create_dir(folder.path().join("mine")).expect("a folder");
    let refused = framegate(&["plugin", "new", "mine", "--into", into]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(told(&refused).contains("exists already"), "{}", told(&refused));
    assert_eq!(std::fs::read_dir(folder.path().join("mine")).expect("it is there").count(), 0);
}

#[test]
fn a_folder_without_a_plugin_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = framegate(&["plugin", "build", folder.path().to_str().expect("a readable path")]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(told(&refused).contains("has no Cargo.toml and no framegate.json"), "{}", told(&refused));
}
