//! Plugins by way of a real registry: pushed, pulled, pinned and run, with it and without.

use std::fs;

use framegate::plugin::bundled;
use serde_json::json;

use crate::desk::Desk;
use crate::support::registry::{Door, PASSWORD, Registry};

const CONFIG: &str = "application/vnd.wasm.config.v0+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Five frames through `plugin` into `out.y4m`.
fn graph(plugin: &str) -> String {
    format!(
        "version: 1\nclock: offline\nnodes:\n  - {{ id: camera, kind: test_pattern, with: {{ size: 64x48, count: 5 }} }}\n  \
         - id: shared\n    kind: plugin\n    plugin: {plugin}\n    inputs: camera\n  \
         - {{ id: out, kind: write, with: {{ path: out.y4m, overwrite: true }}, inputs: shared }}\n"
    )
}

/// Runs the graph, and gives what it wrote.
#[track_caller]
fn run(desk: &Desk, plugin: &str) -> Vec<u8> {
    desk.framegate(&["run", "-q", &desk.graph(&graph(plugin))]).well();
    fs::read(desk.path("out.y4m")).expect("the graph has written it")
}

/// Pushes, and gives the reference out of the line that was printed.
#[track_caller]
fn push(desk: &Desk, plugin: &str, to: &str) -> String {
    pinned(&desk.framegate(&["plugin", "push", plugin, to]).well())
}

#[track_caller]
fn pinned(out: &str) -> String {
    let reference = out.strip_prefix("plugin: ").and_then(|line| line.strip_suffix('\n'));
    reference.unwrap_or_else(|| panic!("no line to paste: {out}")).to_owned()
}

#[test]
fn what_is_pushed_here_runs_there_and_goes_on_without_the_registry() {
    let (author, user) = (Desk::new(), Desk::new());
    let registry = Registry::open();
    let name = format!("{}/tools/night", registry.address);
    let reference = push(&author, "grayscale", &format!("{name}:1.0"));
    let start = format!("oci://{name}:1.0@sha256:");
    assert!(reference.starts_with(&start) && reference.len() == start.len() + 64, "{reference}");
    assert_eq!(
        push(&author, "grayscale", &format!("{name}:1.0")),
        reference,
        "the same gives the same digest"
    );

    let expected = run(&user, "grayscale");
    let path = user.graph(&graph(&reference));
    let checked = user.framegate(&["check", &path]);
    assert!(checked.err.contains(&format!("framegate: fetching {reference} (")), "{}", checked.err);
    assert!(checked.well().ends_with("graph.yaml: sound: 3 nodes, 2 links\n"));
    let again = user.framegate(&["check", &path]);
    assert!(!again.err.contains("fetching"), "{}", again.err);
    assert_eq!(fs::read(user.only_kept("wasm")).unwrap(), bundled::find("grayscale").unwrap());

    registry.end();
    assert!(run(&user, &reference) == expected, "the plugin is not what it is called");
    let without_tag = reference.replace(":1.0@", "@");
    assert!(run(&user, &without_tag) == expected, "the digest alone decides");
    user.forget();
    let seen = user.framegate(&["run", "-q", &path]).ill();
    assert!(seen.contains("error[registry-unreachable]"), "{seen}");
}

#[test]
fn a_pull_verifies_writes_and_pins() {
    let desk = Desk::new();
    let registry = Registry::open();
    let name = format!("{}/night", registry.address);
    let reference = push(&desk, "grayscale", &name);
    assert!(reference.starts_with(&format!("oci://{name}@sha256:")), "{reference}");
    // What was pushed without a tag is `latest`, and so is what is pulled without one.
    let file = desk.path("night.wasm");
    let pulled = pinned(&desk.framegate(&["plugin", "pull", &name, "-o", &file]).well());
    assert_eq!(pulled, reference);
    assert_eq!(fs::read(&file).unwrap(), bundled::find("grayscale").unwrap());
    let by_digest = reference.trim_start_matches("oci://");
    assert_eq!(pinned(&desk.framegate(&["plugin", "pull", by_digest]).well()), reference);
    let seen = desk.framegate(&["plugin", "pull", &format!("{name}:none")]).ill();
    assert!(seen.contains("has no \"night\" with the tag \"none\""), "{seen}");
    let unwritable = desk.framegate(&["plugin", "pull", &name, "-o", &desk.path("no/folder.wasm")]).ill();
    assert!(unwritable.contains("cannot be written"), "{unwritable}");
}

#[test]
fn what_is_in_a_registry_can_be_looked_at_and_told_where_it_is() {
    let desk = Desk::new();
    let registry = Registry::open();
    let reference = push(&desk, "grayscale", &format!("{}/night:1", registry.address));
    let tagged = format!("oci://{}/night:1", registry.address);
    let portrait = desk.framegate(&["plugin", "inspect", &tagged]).well();
    assert!(portrait.contains(&format!("in a graph   plugin: {reference}\n")), "{portrait}");
    assert!(portrait.contains("filter: changes pixels"), "{portrait}");
    assert!(desk.framegate(&["plugin", "check", &reference]).well().contains("with:"));
    let tried = desk.framegate(&["plugin", "test", &reference, "--frames", "2", "--size", "64x48"]);
    tried.well();
    assert!(desk.serves(&["plugin", "run", &reference, "--size", "64x48", "--listen", "127.0.0.1:0"]));

    let path = desk.graph(&graph(&reference));
    let shown = desk.framegate(&["show", &path]).well();
    let kept = desk.only_kept("wasm").display().to_string();
    let line = format!("    from the registry {}, kept in {kept}\n", registry.address);
    assert!(shown.contains(&line) && shown.contains(&reference), "{shown}");
    let json = desk.framegate(&["show", &path, "--format", "json"]).well();
    assert!(json.contains("\"plugin_from\": \"the registry "), "{json}");
    let bundled = desk.framegate(&["show", &desk.graph(&graph("grayscale"))]).well();
    assert!(bundled.contains("    from framegate "), "{bundled}");
}

#[test]
fn a_tag_that_moves_changes_no_graph() {
    let (author, user) = (Desk::new(), Desk::new());
    let registry = Registry::open();
    let name = format!("{}/filter:stable", registry.address);
    let old = push(&author, "grayscale", &name);
    let new = push(&author, "negative", &name);
    assert!(old != new, "another plugin has another digest");
    assert_eq!(pinned(&user.framegate(&["plugin", "pull", &name]).well()), new);
    let gray = run(&user, "grayscale");
    assert!(run(&user, &old) == gray, "the graph is pinned, and the tag has moved");
    assert!(run(&user, &new) != gray);
}

#[test]
fn what_was_kept_and_changed_is_named_and_does_not_run() {
    let desk = Desk::new();
    let registry = Registry::open();
    let reference = push(&desk, "grayscale", &format!("{}/night", registry.address));
    run(&desk, &reference);
    let path = desk.graph(&graph(&reference));
    // As good a plugin as the other, so only its digest tells.
    let kept = desk.only_kept("wasm");
    fs::write(&kept, bundled::find("negative").unwrap()).unwrap();
    for command in ["check", "run"] {
        let seen = desk.framegate(&[command, &path]).ill();
        let head = format!("error[tampered-cache]: {} has the SHA-256 ", kept.display());
        assert!(seen.contains(&head) && seen.contains("graph.yaml:7:13\n"), "{seen}");
    }
    fs::remove_file(&kept).unwrap();
    run(&desk, &reference);
    let kept = desk.only_kept("json");
    fs::write(&kept, fs::read_to_string(&kept).unwrap().replace("wasm", "WASM")).unwrap();
    let seen = desk.framegate(&["check", &path]).ill();
    assert!(seen.contains(&format!("error[tampered-cache]: {} has", kept.display())), "{seen}");
}

#[test]
fn a_digest_that_was_never_pushed_is_unknown() {
    let desk = Desk::new();
    let registry = Registry::open();
    push(&desk, "grayscale", &format!("{}/night", registry.address));
    let wrong = format!("oci://{}/night@sha256:{}", registry.address, "0".repeat(64));
    let seen = desk.framegate(&["check", &desk.graph(&graph(&wrong))]).ill();
    assert!(seen.contains("error[unknown-digest]: ") && seen.contains("graph.yaml:7:13\n"), "{seen}");
    // A file's hash beside it pins the component itself, as it does for any other.
    let reference = push(&desk, "grayscale", &format!("{}/night", registry.address));
    let pins = format!("{reference}\n    sha256: \"{}\"", "0".repeat(64));
    let seen = desk.framegate(&["check", &desk.graph(&graph(&pins))]).ill();
    assert!(seen.contains("error[wrong-digest]: the plugin has the hash "), "{seen}");
    let seen =
        desk.framegate(&["check", &desk.graph(&graph(&format!("{reference}\n    watch: true")))]).ill();
    assert!(seen.contains("error[unwatchable]: a plugin with a digest never changes"), "{seen}");
}

#[test]
fn a_container_image_is_no_plugin() {
    let desk = Desk::new();
    let registry = Registry::open();
    let image = format!("oci://{}/image@{}", registry.address, registry.put_image("image"));
    let seen = desk.framegate(&["check", &desk.graph(&graph(&image))]).ill();
    assert!(seen.contains("error[not-wasm-artifact]: ") && seen.contains("graph.yaml:7:13\n"), "{seen}");
    assert!(seen.contains("its config is application/vnd.oci.image.config.v1+json"), "{seen}");
    assert!(desk.kept().is_empty(), "{:?}", desk.kept());
}

#[test]
fn only_plugins_are_pushed_and_only_where_they_can_be() {
    let desk = Desk::new();
    let registry = Registry::open();
    let to = format!("{}/night", registry.address);
    fs::write(desk.path("note.wasm"), "not a component").unwrap();
    let seen = desk.framegate(&["plugin", "push", &desk.path("note.wasm"), &to]).ill();
    assert!(seen.contains("is no valid component"), "{seen}");
    for wrong in ["night", &format!("{to}@sha256:{}", "0".repeat(64)), &format!("{to}:no tag")] {
        let seen = desk.framegate(&["plugin", "push", "grayscale", wrong]);
        assert_eq!(seen.status, Some(2), "{wrong}: {}", seen.all());
    }
    registry.end();
    let seen = desk.framegate(&["plugin", "push", "grayscale", &to]).ill();
    assert!(seen.contains("cannot be reached"), "{seen}");
}

/// What `wkg` and the crate behind it ask of an artifact before they take it.
#[test]
fn other_tools_find_the_layout_they_know() {
    let desk = Desk::new();
    let registry = Registry::open();
    push(&desk, "motion", &format!("{}/motion:1", registry.address));
    let manifest = registry.json("motion/manifests/1", MANIFEST);
    assert_eq!((&manifest["schemaVersion"], &manifest["mediaType"]), (&json!(2), &json!(MANIFEST)));
    assert_eq!(manifest["config"]["mediaType"], CONFIG);
    let layers = manifest["layers"].as_array().unwrap();
    assert_eq!((layers.len(), &layers[0]["mediaType"]), (1, &json!("application/wasm")));
    assert_eq!(layers[0]["size"], bundled::find("motion").unwrap().len());
    let config =
        registry.json(&format!("motion/blobs/{}", manifest["config"]["digest"].as_str().unwrap()), "*/*");
    assert_eq!((&config["architecture"], &config["os"]), (&json!("wasm"), &json!("wasip2")));
    assert_eq!(config["layerDigests"], json!([layers[0]["digest"]]));
    assert_eq!(config["created"], "1970-01-01T00:00:00Z");
    let has = |list: &str, start: &str| {
        let names = config["component"][list].as_array().unwrap();
        names.iter().any(|name| name.as_str().unwrap().starts_with(start))
    };
    assert!(has("imports", "framegate:frame/pixels-read@0."), "{config}");
    assert!(has("exports", "framegate:frame/lifecycle@0."), "{config}");
    assert_eq!(config["component"].get("target"), Some(&json!(null)));
}

#[test]
fn a_password_opens_a_registry_and_is_never_seen() {
    let (desk, stranger) = (Desk::new(), Desk::new());
    let registry = Registry::behind(&Door::Password);
    let to = format!("{}/night:1", registry.address);
    let account = |password: &'static str, at: &str| {
        let at = at.to_owned();
        move |desk: &Desk, arguments: &[&str]| {
            let variables = [
                ("FRAMEGATE_REGISTRY", at.as_str()),
                ("FRAMEGATE_REGISTRY_USER", "framegate"),
                ("FRAMEGATE_REGISTRY_PASSWORD", password),
                ("RUST_LOG", "ureq=trace,ureq_proto=trace,rustls=trace,framegate=trace"),
            ];
            let seen = desk.framegate_with(arguments, &variables);
            // As it is, as `Authorization` has it, and in a dump of what was sent, sixteen bytes a line.
            let dump: String = seen.err.lines().filter_map(|line| line.rsplit(' ').next()).collect();
            for secret in [PASSWORD, "ZnJhbWVnYXRlOmh1c2gtaHVzaA", "wrong-one"] {
                assert!(!seen.all().contains(secret) && !dump.contains(secret), "{}", seen.all());
            }
            seen
        }
    };
    let (right, wrong) = (account(PASSWORD, &registry.address), account("wrong-one", &registry.address));
    let elsewhere = account(PASSWORD, "registry.example.org");
    let reference = pinned(&right(&desk, &["plugin", "push", "grayscale", &to]).well());

    let path = stranger.graph(&graph(&reference));
    let seen = stranger.framegate(&["check", &path]).ill();
    assert!(seen.contains("error[registry-denied]: ") && seen.contains("graph.yaml:7:13\n"), "{seen}");
    assert!(seen.contains("docker login"), "{seen}");
    assert!(wrong(&stranger, &["run", &path]).ill().contains("error[registry-denied]: "));
    assert!(elsewhere(&stranger, &["run", &path]).ill().contains("error[registry-denied]: "));
    // With the log at its most talkative.
    let seen = right(&stranger, &["run", &path]);
    assert!(seen.err.contains(" DEBUG "), "the client says what it does: {}", seen.err);
    seen.well();

    stranger.forget();
    let auth =
        json!({ "auths": { (registry.address.as_str()): { "auth": "ZnJhbWVnYXRlOmh1c2gtaHVzaA==" } } });
    fs::write(stranger.path("config.json"), auth.to_string()).unwrap();
    stranger.framegate(&["check", &path]).well();
}
