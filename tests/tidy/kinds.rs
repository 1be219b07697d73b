//! What every kind and every example graph owes its user.

use std::fs;
use std::process::Command;

use framegate::catalog;

use crate::{files, none, root, shown};

#[test]
fn every_kind_and_setting_is_explained() {
    let mut faults = Vec::new();
    for kind in catalog::kinds().present {
        let about = kind.about();
        if about.summary.is_empty() || about.summary.ends_with('.') {
            faults.push(format!("{}: one line that says what it does, without a full stop", about.name));
        }
        if !about.example.contains(&format!("kind: {}", about.name)) {
            faults.push(format!("{}: an example node that uses it", about.name));
        }
        let settings = about.with.iter().chain(about.beside);
        faults.extend(
            settings
                .filter(|s| s.doc.is_empty())
                .map(|s| format!("{}: what \"{}\" does", about.name, s.name)),
        );
    }
    none(faults, "kinds that leave their user guessing; missing:");
}

#[test]
fn every_kind_has_a_test() {
    let tests: String = files(&root().join("tests"), "rs")
        .iter()
        .map(|path| fs::read_to_string(path).expect("our files are UTF-8"))
        .collect();
    // A graph that is there to be refused tries nothing.
    let graphs: String = files(&root().join("tests"), "yaml")
        .iter()
        .filter(|path| !path.starts_with(root().join("tests/graph/cases")))
        .map(|path| fs::read_to_string(path).expect("our files are UTF-8"))
        .collect();
    let tested = |name: &str| {
        tests.contains(&format!("\"{name}\""))
            || tests.contains(&format!("kind: {name}"))
            || graphs.contains(&format!("kind: {name}"))
    };
    let faults = catalog::kinds().names().filter(|name| !tested(name)).map(str::to_owned).collect();
    none(faults, "kinds that no whole-graph test names:");
}

#[test]
fn every_example_graph_passes_its_check() {
    let mut graphs = files(&root().join("graphs"), "yaml");
    // Parts of graphs are checked where they are included.
    graphs.retain(|path| !path.starts_with(root().join("graphs/groups")));
    assert!(!graphs.is_empty(), "there are no graphs in graphs/");
    // They name neural networks, which are fetched rather than kept here.
    let fetched = Command::new(root().join(".ci/models")).status();
    assert!(fetched.is_ok_and(|status| status.success()), "`.ci/models` says why it could not fetch them");
    let output = Command::new(env!("CARGO_BIN_EXE_framegate"))
        .arg("check")
        .args(&graphs)
        .output()
        .expect("the program starts");
    let shown: Vec<String> = graphs.iter().map(|path| shown(path)).collect();
    assert!(
        output.status.success(),
        "{}\n{}{}",
        shown.join(" "),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
