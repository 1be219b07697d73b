//! The graphs in `graphs/`: sound without a word to say, and what the schema describes.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value as Json;

use crate::support::models;

pub fn graphs() -> Vec<PathBuf> {
    models::blazeface();
    let entries = fs::read_dir("graphs").expect("the examples are there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "yaml"));
    paths.sort();
    paths
}

fn framegate(args: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_framegate")).args(args).output().expect("the program starts");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn every_example_is_sound_and_leaves_nothing_to_say() {
    for path in graphs() {
        let path = path.to_string_lossy().into_owned();
        let seen = framegate(&["check", &path]);
        assert!(seen.starts_with(&format!("{path}: sound: ")), "{seen}");
    }
}

#[test]
fn every_example_is_what_the_schema_describes() {
    let schema: Json = serde_json::from_str(&framegate(&["schema"])).expect("JSON");
    let validator = jsonschema::draft202012::new(&schema).expect("the schema is one");
    for path in graphs() {
        let text = fs::read_to_string(&path).expect("readable");
        let json: Json = serde_yaml::from_str(&text).expect("YAML");
        let faults: Vec<String> = validator
            .iter_errors(&json)
            .map(|error| format!("{error} at {}", error.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{}: {faults:#?}", path.display());
    }
}

#[test]
fn every_example_can_be_shown_in_every_form() {
    for path in graphs() {
        let path = path.to_string_lossy().into_owned();
        assert!(framegate(&["show", &path]).contains("-> "));
        assert!(framegate(&["show", &path, "--format", "mermaid"]).starts_with("flowchart LR\n"));
        assert!(framegate(&["show", &path, "--format", "dot"]).starts_with("digraph"));
        let outline: Json =
            serde_json::from_str(&framegate(&["show", &path, "--format", "json"])).expect("JSON");
        assert!(outline["links"].as_array().is_some_and(|links| !links.is_empty()));
    }
}

#[test]
fn every_kind_tells_its_story() {
    let list = framegate(&["kinds"]);
    let schema: Json = serde_json::from_str(&framegate(&["schema"])).expect("JSON");
    let kinds = schema["$defs"]["node"]["allOf"].as_array().expect("a rule for each kind");
    assert!(!kinds.is_empty());
    // The settings of plugins are told by `framegate plugin inspect`.
    let is_kind = |rule: &&Json| rule["if"]["properties"].get("plugin").is_none();
    for kind in kinds.iter().filter(is_kind) {
        let name = kind["if"]["properties"]["kind"]["const"].as_str().expect("the kind's name");
        assert!(list.contains(&format!("  {name} ")), "{list}");
        let story = framegate(&["kinds", name]);
        assert!(story.contains("\nExample:\n") && !story.contains("depend on its settings"), "{story}");
        let with = &kind["then"]["properties"]["with"]["properties"];
        for setting in with.as_object().expect("its settings").keys() {
            assert!(story.contains(&format!("\n  {setting}: ")), "{setting}: {story}");
        }
    }
}
