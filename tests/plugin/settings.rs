//! What `check` says about a plugin node, before anything runs.

use serde_json::{Value as Json, json};

use crate::bench::{findings, guest};

/// Code, path and message of the only finding.
fn finding(beside: Json, with: Json) -> (&'static str, String, String) {
    let mut all = findings(beside, with);
    assert_eq!(all.len(), 1, "{all:?}");
    let finding = all.remove(0);
    (
        finding.code,
        finding.path.to_string(),
        format!("{} {}", finding.message, finding.help.unwrap_or_default()),
    )
}

fn misbehave(mode: &str) -> (Json, Json) {
    (json!({ "plugin": guest("misbehave") }), json!({ "mode": mode, "at": 1 }))
}

#[test]
fn a_good_node_has_no_findings() {
    let (beside, with) = misbehave("panic");
    assert!(findings(beside, with).is_empty());
    assert!(findings(json!({ "plugin": "passthrough" }), json!({})).is_empty());
}

#[test]
fn a_misspelt_plugin_is_met_with_the_nearest_name() {
    let (code, path, text) = finding(json!({ "plugin": "pasthrough" }), json!({}));
    assert_eq!((code, path.as_str()), ("unknown-plugin", "plugin"));
    assert!(text.contains("did you mean \"passthrough\"?"), "{text}");
}

#[test]
fn a_missing_file_is_named() {
    let (code, path, text) = finding(json!({ "plugin": "./nowhere.wasm" }), json!({}));
    assert_eq!((code, path.as_str()), ("file-not-found", "plugin"));
    assert!(text.contains("nowhere.wasm"), "{text}");
}

#[test]
fn what_is_no_file_is_not_read() {
    // Reading either would never end.
    for path in ["/dev/zero", "/"] {
        let (code, _, text) = finding(json!({ "plugin": path }), json!({}));
        assert_eq!(code, "bad-plugin");
        assert!(text.contains("no regular file"), "{text}");
    }
}

#[test]
fn settings_are_held_against_the_plugins_own_schema() {
    let (beside, _) = misbehave("panic");
    let (code, path, text) = finding(beside.clone(), json!({ "mode": "panic", "at": 1, "mod": "x" }));
    assert_eq!((code, path.as_str()), ("unknown-key", "with.mod"));
    assert!(text.contains("did you mean \"mode\"?"), "{text}");
    let (code, path, text) = finding(beside.clone(), json!({ "mode": "panic", "at": "soon" }));
    assert_eq!((code, path.as_str()), ("wrong-type", "with.at"));
    assert!(text.contains("must be a whole number, got \"soon\""), "{text}");
    let (code, _, text) = finding(beside, json!({ "mode": "panic" }));
    assert_eq!(code, "missing-key");
    assert!(text.contains("\"at\""), "{text}");
}

#[test]
fn what_is_imported_must_be_allowed() {
    let (mut beside, with) = misbehave("panic");
    beside["allow"] = json!(["pixels-read", "annotations", "draw"]);
    let (code, path, text) = finding(beside.clone(), with.clone());
    assert_eq!((code, path.as_str()), ("not-granted", "allow"));
    assert!(text.contains("pixels-write"), "{text}");
    beside["allow"] = json!([]);
    assert_eq!(findings(beside, with).len(), 4);
}
