//! What `check` says about a plugin node, before anything runs.

use std::time::{Instant, SystemTime};

use framegate::media::{PixelFormat, Pool};
use framegate::node::{Epoch, Format, NodeKind, Site, VideoFormat};
use serde_json::{Value as Json, json};

use crate::bench::{findings, guest, kind, settings};

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

#[test]
fn what_was_checked_is_what_runs_whatever_becomes_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plugin.wasm");
    std::fs::copy(guest("misbehave"), &file).unwrap();
    let kind = kind();
    let settings = settings(&kind, &json!({ "plugin": file }), &json!({ "mode": "panic", "at": 9 }));
    assert!(kind.contract(&settings).is_ok());
    std::fs::write(&file, "another file").unwrap();
    let video = VideoFormat { pixel: PixelFormat::I420, size: None, rate: None };
    let epoch = Epoch { instant: Instant::now(), wall: SystemTime::UNIX_EPOCH, live: false };
    let site = Site::alone("plugin", Pool::new(1 << 20), epoch);
    assert!(kind.build(&settings, &[Some(Format::Frames(video)), None], &site).is_ok());
}

#[test]
fn a_file_is_pinned_by_its_hash() {
    let hash = sha2_of(&guest("misbehave"));
    let (mut beside, with) = misbehave("panic");
    beside["sha256"] = json!(hash);
    assert!(findings(beside.clone(), with.clone()).is_empty());
    beside["sha256"] = json!(hash.to_uppercase());
    assert!(findings(beside.clone(), with.clone()).is_empty());
    beside["sha256"] = json!("0".repeat(64));
    let (code, path, text) = finding(beside.clone(), with.clone());
    assert_eq!((code, path.as_str()), ("wrong-digest", "sha256"));
    assert!(text.contains(&hash), "{text}");
    beside["sha256"] = json!("abc");
    let (code, _, text) = finding(beside.clone(), with.clone());
    assert_eq!(code, "wrong-type");
    assert!(text.contains("64 hexadecimal digits, got \"abc\"") && text.contains(&hash), "{text}");
    // As registries write it.
    beside["sha256"] = json!(format!("sha256:{hash}"));
    let (_, _, text) = finding(beside, with);
    assert!(text.contains("without the prefix `sha256:`"), "{text}");
}

/// As `sha256sum` prints it.
fn sha2_of(file: &std::path::Path) -> String {
    let printed = std::process::Command::new("sha256sum").arg(file).output().expect("coreutils are there");
    String::from_utf8(printed.stdout).unwrap().split_whitespace().next().unwrap().to_owned()
}

#[test]
fn what_never_changes_is_not_watched() {
    let (code, path, text) = finding(json!({ "plugin": "passthrough", "watch": true }), json!({}));
    assert_eq!((code, path.as_str()), ("unwatchable", "watch"));
    assert!(text.contains("bundled"), "{text}");
    let (mut beside, with) = misbehave("panic");
    beside["watch"] = json!(true);
    assert!(findings(beside.clone(), with.clone()).is_empty());
    beside["sha256"] = json!(sha2_of(&guest("misbehave")));
    assert_eq!(finding(beside, with).0, "unwatchable");
}
