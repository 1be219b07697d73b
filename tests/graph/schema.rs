//! The schema and the checker agree: what one passes, the other does.

use std::fs;

use serde_json::{Value as Json, json};

use framegate::cli::schema::schema;
use framegate::diagnostic::Diagnostic;
use framegate::node::units;

use crate::{cases_folder, kinds, load};

fn validator() -> jsonschema::Validator {
    jsonschema::draft202012::new(&schema(&kinds::kinds())).expect("the schema is one")
}

#[test]
fn the_schema_is_valid_under_its_own_meta_schema() {
    jsonschema::draft202012::meta::validate(&schema(&kinds::kinds())).expect("a schema of draft 2020-12");
}

/// Faults that need more than the shape of the file to be seen.
const BEYOND_SHAPE: [&str; 31] = [
    "ambiguous-port",
    "bad-variable",
    "carets-through-alias",
    "cycle",
    "duplicate-id",
    "file-not-found",
    "formats-disagree",
    "decoder",
    "decoder-strict",
    "formats-strict",
    "misplaced-option",
    "include",
    "missing-model",
    "missing-variable",
    "override-faults",
    "privacy",
    "reserved-word",
    "same-port",
    "same-target",
    "secret-is-not-shown",
    "sizes-disagree",
    "undriven-node",
    "unknown-node",
    "unknown-plugin",
    "unknown-port",
    "missing-variable-overridden",
    "conversion",
    "sound",
    "unused-output",
    "duplicate-key",
    "token-faults",
];

#[test]
fn the_schema_passes_sound_graphs_and_refuses_what_is_misshapen() {
    let validator = validator();
    for entry in fs::read_dir(cases_folder()).expect("the cases are there") {
        let path = entry.expect("a readable entry").path();
        if path.extension().is_none_or(|end| end != "yaml") {
            continue;
        }
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("readable");
        let Ok(json) = serde_yaml::from_str::<Json>(text.trim_start_matches('\u{feff}')) else { continue };
        let sound = !load(&text, &[]).findings.iter().any(Diagnostic::is_error);
        let passes = validator.is_valid(&json);
        let told: Vec<String> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
        assert!(passes || !sound, "{name} is sound, yet the schema refuses it: {told:?}");
        let shape = !BEYOND_SHAPE.contains(&name.as_str());
        assert!(!passes || !shape, "{name} is misshapen, yet the schema passes it");
    }
}

#[test]
fn every_unit_of_time_that_is_read_passes_the_schema_and_no_other() {
    let validator = validator();
    let passes = |hold: String| {
        let node = json!({ "id": "soft", "kind": "soften", "with": { "hold": hold }, "inputs": "cam" });
        validator.is_valid(&json!({ "version": 1, "nodes": [node] }))
    };
    for unit in units::durations() {
        assert!(passes(format!("1{unit}")), "{unit}");
    }
    assert!(!passes("1 fortnight".to_owned()));
}
