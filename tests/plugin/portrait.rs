//! `framegate plugin inspect`: what is told of a component, and that telling it runs nothing.

use framegate::plugin::{Ask, inspect};

use crate::by_hand::{SPIN, component, node};
use crate::desk::Desk;

#[test]
fn permissions_are_told_in_words() {
    let path = crate::bench::guest("misbehave");
    let portrait = inspect(path.to_str().unwrap(), Ask::Nothing).unwrap().to_string();
    for line in [
        "filter: changes pixels",
        "pixels-read    see the pixels of each frame",
        "pixels-write   alter the pixels of each frame",
        "annotations    read and change detections and tags",
        "it may not reach files, network, environment",
    ] {
        assert!(portrait.contains(line), "{portrait}");
    }
    let portrait = inspect("passthrough", Ask::Nothing).unwrap().to_string();
    assert!(portrait.contains("analyzer: works on annotations; never sees a pixel"), "{portrait}");
}

#[test]
fn a_plugin_says_its_settings_only_when_asked() {
    let path = crate::bench::guest("misbehave");
    let asked = inspect(path.to_str().unwrap(), Ask::Describe).unwrap().to_string();
    assert!(asked.contains("\"mode\"") && asked.contains("misbehave 0.1.0"), "{asked}");
    let unasked = inspect(path.to_str().unwrap(), Ask::Nothing).unwrap().to_string();
    assert!(!unasked.contains("\"mode\"") && unasked.contains("--describe"), "{unasked}");
}

#[test]
fn nothing_of_a_component_runs_unless_asked() {
    // Both its start function and its description never end: running either would show.
    let worse = [("describe", SPIN), ("more", "(func $start (unreachable)) (start $start)")];
    let (file, _) = node(&component(&worse));
    let path = file.path().to_str().unwrap();
    assert!(inspect(path, Ask::Nothing).unwrap().to_string().contains("analyzer"));
    assert!(inspect(path, Ask::Describe).unwrap().to_string().contains("does not say what it is"));
}

#[test]
fn what_needs_more_than_the_default_limits_is_looked_at_within_those_that_are_given() {
    let desk = Desk::new();
    let (file, _) = node(&component(&[("memory", "(memory (export \"memory\") 2000)")]));
    let path = file.path().to_str().unwrap();
    for tool in [&["check"][..], &["inspect", "--describe"]] {
        let tool = [&["plugin"], tool, &[path]].concat();
        let told = desk.framegate(&tool).all();
        assert!(told.contains("allowed 64MiB of memory; raise it with `--limit memory=…`"), "{told}");
        let told = desk.framegate(&[&tool[..], &["--limit", "memory=128MiB"]].concat()).well();
        assert!(!told.contains("it does not say what it is"), "{told}");
    }
    let misused = desk.framegate(&["plugin", "check", path, "--limit", "memory=lots"]);
    assert_eq!(misused.status, Some(2));
    assert!(misused.err.contains("`--limit memory=lots`: "), "{}", misused.err);
}

#[test]
fn a_misspelt_name_is_met_with_the_nearest() {
    let unknown = inspect("pasthrough", Ask::Nothing).err().unwrap().to_string();
    assert!(unknown.contains("did you mean \"passthrough\"?"), "{unknown}");
}
