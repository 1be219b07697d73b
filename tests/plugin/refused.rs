//! Plugins that a registry does not give as it should: one finding each, at `plugin:`, and nothing runs.

use std::fs;
use std::net::TcpListener;

use crate::desk::Desk;
use crate::support::counterfeit::Counterfeit;

/// What a repository answers with, and the code of the finding.
const CASES: [(&str, &str); 18] = [
    ("busy", "registry-unreachable"),
    ("locked", "registry-denied"),
    ("riddle", "bad-registry"),
    ("trap", "bad-registry"),
    ("hung-up", "bad-registry"),
    ("no-http", "bad-registry"),
    ("web-page", "bad-registry"),
    ("no-end", "bad-registry"),
    ("gone", "unknown-digest"),
    ("image", "not-wasm-artifact"),
    ("platforms", "not-wasm-artifact"),
    ("enormous", "plugin-too-large"),
    ("other-manifest", "wrong-digest"),
    ("half", "bad-registry"),
    ("endless", "bad-registry"),
    ("cut-off", "bad-registry"),
    ("short", "bad-registry"),
    ("other-layer", "wrong-digest"),
];

fn node(id: &str, reference: &str) -> String {
    format!(
        "  - id: {id}\n    kind: plugin\n    plugin: {reference}\n    inputs: camera\n  - {{ id: {id}-end, kind: collect, inputs: {id} }}\n"
    )
}

/// An address where nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[test]
fn each_has_its_own_words() {
    let desk = Desk::new();
    let counterfeit = Counterfeit::with(Vec::new());
    let (away, digest) = (nobody(), "0".repeat(64));
    let mut graph = "version: 1\nnodes:\n  - { id: camera, kind: test_pattern }\n".to_owned();
    for (name, _) in CASES {
        graph += &node(name, &counterfeit.reference(name));
    }
    graph += &node("away", &format!("oci://{away}/night@sha256:{digest}"));
    graph += &node("unpinned", "oci://registry.example.org/tools/night:1.0");
    graph += &node("cut", "oci://registry.example.org/night@sha256:0123");
    graph += &node("web", "https://registry.example.org/night.wasm");
    graph += &node("secret", &format!("oci://me:hush@registry.example.org/night@sha256:{digest}"));

    let seen = desk.framegate(&["check", &desk.graph(&graph)]);
    assert_eq!(seen.status, Some(1), "{}", seen.out);
    for (name, code) in CASES {
        let place = graph.lines().position(|line| line.ends_with(&counterfeit.reference(name))).unwrap() + 1;
        let place = format!("--> {}:{place}:13", desk.path("graph.yaml"));
        let lines: Vec<&str> = seen.out.lines().collect();
        let told = lines.windows(2).find(|pair| pair[1].trim_start() == place);
        let line = told.map(|pair| pair[0]).unwrap_or_default();
        assert!(line.starts_with(&format!("error[{code}]: ")), "{name}: {line}\n{}", seen.out);
    }
    // Ports that the system gives out have five digits, so carets stand the same in every run.
    let golden = "tests/plugin/refused.txt";
    let text = seen.out.replace(counterfeit.address(), "127.0.0.1:55555");
    let text = text.replace(&away, "127.0.0.1:44444").replace(&desk.path(""), "");
    if std::env::var_os("FRAMEGATE_BLESS").is_some() {
        fs::write(golden, &text).unwrap();
    }
    assert!(text == fs::read_to_string(golden).unwrap_or_default(), "seen:\n{text}");
    // Credentials that somebody wrote where none belong are shown where they stand and nowhere else.
    assert!(!text.lines().any(|line| line.contains("hush") && !line.contains(" | ")), "{text}");
    assert!(desk.kept().is_empty(), "{:?}", desk.kept());
}

#[test]
fn an_account_is_told_to_nobody_but_its_own_registry_and_only_when_asked() {
    let desk = Desk::new();
    let counterfeit = Counterfeit::with(Vec::new());
    let graph = desk.graph(&format!(
        "version: 1\nnodes:\n  - {{ id: camera, kind: test_pattern }}\n{}{}{}",
        node("locked", &counterfeit.reference("locked")),
        node("gone", &counterfeit.reference("gone")),
        node("trap", &counterfeit.reference("trap")),
    ));
    let account = |registry: &str| {
        let variables = [
            ("FRAMEGATE_REGISTRY", registry),
            ("FRAMEGATE_REGISTRY_USER", "me"),
            ("FRAMEGATE_REGISTRY_PASSWORD", "hush"),
        ];
        let seen = desk.framegate_with(&["check", &graph], &variables);
        assert!(!seen.all().contains("hush"), "{}", seen.all());
        std::mem::take(&mut *counterfeit.told.lock().unwrap())
    };
    assert_eq!(account("registry.example.org"), [None, None, None]);
    // `me:hush`, once: to the one that asked.
    let told = account(counterfeit.address());
    assert_eq!(told, [None, Some("Basic bWU6aHVzaA==".to_owned()), None, None]);
}

#[test]
fn a_registry_is_asked_once_whoever_names_it_how_often() {
    let desk = Desk::new();
    let counterfeit = Counterfeit::with(Vec::new());
    let gone = counterfeit.reference("gone");
    let two = node("one", &gone) + &node("two", &gone);
    let graph = desk.graph(&format!("version: 1\nnodes:\n  - {{ id: camera, kind: test_pattern }}\n{two}"));
    let seen = desk.framegate(&["check", &graph]);
    assert_eq!(seen.out.matches("error[unknown-digest]").count(), 2, "{}", seen.out);
    assert_eq!(counterfeit.told.lock().unwrap().len(), 1);
}
