//! Who may know whom: the table of `core/lib.rs` as data.

use std::path::Path;

use crate::{none, root, rust_files, shown};

/// One folder (or file) of `core/` and the others of `core/` it may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("diagnostic", &[]),
    ("media", &[]),
    ("h264", &["media"]),
    ("watch", &[]),
    ("node", &["media", "diagnostic"]),
    ("graph", &["media", "node", "diagnostic"]),
    ("schedule", &["media", "graph", "node"]),
    ("run", &["schedule", "graph", "node", "media"]),
    ("pixels", &["media"]),
    ("infer", &["media", "node", "pixels"]),
    ("plugin", &["media", "node", "diagnostic", "pixels", "infer", "watch"]),
    ("nodes", &["media", "node", "diagnostic", "pixels", "h264"]),
    ("relay", &["media", "node", "diagnostic", "h264"]),
    ("serve", &["relay", "run", "graph"]),
    ("catalog", &["node", "nodes", "plugin", "relay"]),
    (
        "cli",
        &[
            "catalog",
            "diagnostic",
            "graph",
            "media",
            "node",
            "nodes",
            "plugin",
            "relay",
            "run",
            "serve",
            "watch",
        ],
    ),
];

/// A crate from outside and the only places of `core/` that may name it.
const NAMED_ONLY_IN: &[(&str, &[&str])] = &[
    ("axum", &["serve"]),
    ("base64", &["plugin/registry"]),
    ("clap", &["cli"]),
    ("fast_image_resize", &["pixels"]),
    ("hyper", &["serve"]),
    ("hyper_util", &["serve"]),
    ("image", &["pixels"]),
    ("jiff", &["nodes/write"]),
    ("jsonschema", &["plugin"]),
    ("libcamera", &["nodes"]),
    ("libcamera_0_3", &["nodes"]),
    ("mp4_atom", &["nodes/write"]),
    ("notify", &["watch"]),
    ("noto_sans_mono_bitmap", &["pixels"]),
    ("futures_core", &["nodes/rtsp"]),
    ("glob", &["nodes/images"]),
    ("h264_reader", &["h264"]),
    ("openh264", &["h264", "nodes"]),
    ("openh264_sys2", &["nodes"]),
    ("png", &["nodes"]),
    ("prometheus_client", &["serve"]),
    ("quinn_udp", &["relay"]),
    ("ratatui", &["cli"]),
    ("re_mp4", &["nodes/file"]),
    ("retina", &["nodes/rtsp"]),
    ("rtc", &["relay"]),
    ("saphyr_parser", &["graph"]),
    ("serde_yaml", &["graph/document.rs"]),
    ("signal_hook", &["cli"]),
    ("tokio", &["serve", "relay", "nodes/rtsp"]),
    ("tokio_rustls", &["serve"]),
    ("tract_onnx", &["infer"]),
    ("ureq", &["plugin/registry", "relay", "cli"]),
    ("url", &["nodes/rtsp"]),
    ("v4l", &["nodes/h264_v4l2", "nodes/v4l2"]),
    ("wasmtime", &["plugin"]),
    ("wasmtime_wasi", &["plugin"]),
    ("webrtc", &["relay"]),
    ("yuv", &["pixels"]),
];

/// What a pure folder may not touch, whatever it is called.
const PURE: &[(&str, &[&str])] = &[
    ("schedule", &["std::thread", "std::sync", "std::net", "std::fs", "Instant", "SystemTime"]),
    ("media", &["std::thread", "std::net", "std::fs", "Instant", "SystemTime"]),
    ("graph", &["std::thread", "std::net::Tcp", "std::net::Udp", "Instant::now", "SystemTime::now"]),
    ("node", &["std::thread", "std::net", "std::fs", "Instant::now", "SystemTime::now"]),
];

/// The text without comments and without the file's unit tests, line by line.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
    lines.map(|line| line.split("//").next().unwrap_or("")).enumerate().map(|(index, line)| (index + 1, line))
}

/// Where in `core/` a file belongs: `media` for `core/media/frame.rs`, `catalog` for `core/catalog.rs`.
fn area(path: &Path) -> Option<(String, String)> {
    let inside = path.strip_prefix(root().join("core")).ok()?.to_str()?.to_owned();
    let first = inside.split('/').next()?.trim_end_matches(".rs").to_owned();
    Some((first, inside))
}

/// Whether `line` names `word` as a whole word followed by `::` (or ends a `use`).
fn names_path(line: &str, word: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = &line[at + word.len()..];
        let starts = before.is_none_or(|c| !is_name(c) && c != ':' && c != '.' && c != '"' && c != '-');
        starts
            && (after.starts_with("::") || (line.trim_start().starts_with("use ") && after.starts_with(';')))
    })
}

#[test]
fn each_folder_uses_only_what_its_row_allows() {
    let mut faults = Vec::new();
    for (path, text) in rust_files() {
        let Some((area, _)) = area(&path) else { continue };
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == area) else { continue };
        for (number, line) in code(&text) {
            if line.contains("crate::{") {
                faults
                    .push(format!("{}:{number} uses several at once; give each its own line", shown(&path)));
            }
            for used in line.match_indices("crate::").map(|(at, word)| &line[at + word.len()..]) {
                let used: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let known = MAY_USE.iter().any(|(name, _)| *name == used);
                if known && used != area && !allowed.contains(&used.as_str()) {
                    faults.push(format!("{}:{number} uses {used}", shown(&path)));
                }
            }
        }
    }
    none(faults, "a folder of core/ uses another that the table in core/lib.rs does not allow it:");
}

#[test]
fn each_outside_crate_is_named_in_its_own_place_only() {
    let mut faults = Vec::new();
    for (path, text) in rust_files() {
        let Some((_, inside)) = area(&path) else { continue };
        for (number, line) in code(&text) {
            for (name, places) in NAMED_ONLY_IN {
                if names_path(line, name) && !places.iter().any(|place| inside.starts_with(place)) {
                    faults.push(format!("{}:{number} names {name}", shown(&path)));
                }
            }
        }
    }
    none(faults, "a library is named outside the place that wraps it:");
}

#[test]
fn pure_folders_touch_no_clock_thread_socket_or_file() {
    let mut faults = Vec::new();
    for (path, text) in rust_files() {
        let Some((area, _)) = area(&path) else { continue };
        let Some((_, banned)) = PURE.iter().find(|(name, _)| *name == area) else { continue };
        for (number, line) in code(&text) {
            faults.extend(
                banned
                    .iter()
                    .filter(|word| line.contains(**word))
                    .map(|word| format!("{}:{number} has {word}", shown(&path))),
            );
        }
    }
    // The pool's lock and the counters' are data structures of plain values, not a way to wait, and
    // an epoch holds instants that somebody else has read.
    faults.retain(|fault| {
        !fault.starts_with("core/media/pool.rs") && !fault.starts_with("core/node/counters.rs")
    });
    none(faults, "a pure folder reaches for the world; time and files are handed in:");
}

#[test]
fn plugins_know_nothing_of_the_host() {
    let faults = rust_files()
        .into_iter()
        .filter(|(path, _)| path.starts_with(root().join("plugins")))
        .filter(|(_, text)| code(text).any(|(_, line)| names_path(line, "framegate")))
        .map(|(path, _)| shown(&path))
        .collect();
    none(faults, "a plugin names the host's crate; it may only know wit/ through the sdk:");
}
