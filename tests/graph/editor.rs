//! The schema as others read it: an independent validator, and the language server that editors run.
//!
//! Needs Python and Node with npm; both fetch pinned packages into the build's folder on first use.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value as Json, json};

use crate::examples::graphs;
use crate::support::node::package;
use crate::support::python::{Python, must};

fn schema_in(folder: &Path) -> PathBuf {
    let output =
        Command::new(env!("CARGO_BIN_EXE_framegate")).arg("schema").output().expect("the program starts");
    let path = folder.join("schema.json");
    fs::write(&path, output.stdout).expect("the schema can be written");
    path
}

const VALIDATE: &str = "
import json, sys
from jsonschema import Draft202012Validator
schema = json.load(open(sys.argv[1]))
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
for path in sys.argv[2:]:
    for error in validator.iter_errors(json.load(open(path))):
        print(path, error.json_path, error.message[:200])
";

#[test]
fn another_validator_passes_every_example_and_finds_a_fault_in_each_setting_of_a_plugin() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let schema = schema_in(folder.path());
    let script = folder.path().join("validate.py");
    fs::write(&script, VALIDATE).expect("the script can be written");
    let mut graphs: Vec<PathBuf> = graphs();
    let groups = fs::read_dir("graphs/groups").expect("the groups are there");
    graphs.extend(groups.map(|entry| entry.expect("a readable entry").path()));
    let as_json = |path: &PathBuf| {
        let json: Json = serde_yaml::from_str(&fs::read_to_string(path).expect("readable")).expect("YAML");
        let copy = folder.path().join(path.file_name().expect("a file")).with_extension("json");
        fs::write(&copy, json.to_string()).expect("the copy can be written");
        copy
    };
    let python = Python::with("jsonschema", &["jsonschema==4.23.0"]);
    let told = |files: &[PathBuf]| {
        let output = must(python.script(&script).arg(&schema).args(files), "the validator failed");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(told(&graphs.iter().map(as_json).collect::<Vec<_>>()), "");
    let bad = folder.path().join("bad.yaml");
    fs::write(&bad, "version: 1\nnodes:\n  - { id: m, kind: plugin, plugin: motion, with: { threshold: 300 }, inputs: c }\n").expect("writable");
    let found = told(&[as_json(&bad)]);
    assert!(found.contains("threshold"), "{found}");
}

#[test]
fn an_editor_completes_kinds_settings_and_the_settings_of_plugins() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let schema = schema_in(folder.path());
    let mut editor = Editor::start();
    let head = format!("# yaml-language-server: $schema=file://{}\nversion: 1\nnodes:\n", schema.display());
    let mut complete = |body: &str| editor.complete(folder.path(), &format!("{head}{body}"));
    let kinds = complete("  - id: a\n    kind: |");
    assert!(
        ["h264", "relay", "gate", "plugin"].iter().all(|kind| kinds.contains(&(*kind).to_owned())),
        "{kinds:?}"
    );
    let settings = complete("  - id: a\n    kind: h264\n    inputs: b\n    with:\n      |");
    assert!(
        settings.contains(&"bitrate".to_owned()) && !settings.contains(&"threshold".to_owned()),
        "{settings:?}"
    );
    let of_plugin =
        complete("  - id: a\n    kind: plugin\n    plugin: motion\n    inputs: b\n    with:\n      |");
    assert!(of_plugin.contains(&"threshold".to_owned()), "{of_plugin:?}");
    let top = complete("  - { id: a, kind: test_pattern }\n|");
    assert!(top.contains(&"rules".to_owned()) && top.contains(&"server".to_owned()), "{top:?}");
}

/// A language server, as an editor would run it.
struct Editor {
    server: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    next: i64,
}

impl Editor {
    fn start() -> Editor {
        let mut server = Command::new("node")
            .arg(package("yaml-language-server", "1.15.0").join("bin/yaml-language-server"))
            .arg("--stdio")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node is there");
        let input = server.stdin.take().expect("its input is piped");
        let output = BufReader::new(server.stdout.take().expect("its output is piped"));
        let mut editor = Editor { server, input, output, next: 0 };
        editor.ask("initialize", json!({ "processId": null, "rootUri": null, "capabilities": { "textDocument": { "completion": {} } } }));
        editor.send(json!({ "method": "initialized", "params": {} }));
        editor
    }

    /// The labels offered where `|` stands in `text`.
    fn complete(&mut self, folder: &Path, text: &str) -> Vec<String> {
        let before = text.split('|').next().unwrap_or_default();
        let (line, column) =
            (before.matches('\n').count(), before.rsplit('\n').next().unwrap_or_default().len());
        let uri = format!("file://{}/graph-{}.yaml", folder.display(), self.next);
        let document =
            json!({ "uri": uri, "languageId": "yaml", "version": 1, "text": text.replace('|', "") });
        self.send(json!({ "method": "textDocument/didOpen", "params": { "textDocument": document } }));
        let position = json!({ "line": line, "character": column });
        let answer = self
            .ask("textDocument/completion", json!({ "textDocument": { "uri": uri }, "position": position }));
        let items = answer.get("items").unwrap_or(&answer).as_array().cloned().unwrap_or_default();
        items
            .iter()
            .filter_map(|item| item["label"].as_str().map(|label| label.trim_matches('"').to_owned()))
            .collect()
    }

    fn ask(&mut self, method: &str, params: Json) -> Json {
        self.next += 1;
        let id = self.next;
        self.send(json!({ "id": id, "method": method, "params": params }));
        loop {
            let message = self.receive();
            match (message.get("method"), message.get("id")) {
                (None, Some(answered)) if *answered == json!(id) => return message["result"].clone(),
                // It asks back, about settings that this editor has none of.
                (Some(_), Some(asked)) => {
                    let count = message["params"]["items"].as_array().map_or(0, Vec::len);
                    self.send(json!({ "id": asked, "result": vec![Json::Null; count] }));
                }
                _ => {}
            }
        }
    }

    fn send(&mut self, mut message: Json) {
        message["jsonrpc"] = json!("2.0");
        let text = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{text}", text.len()).expect("the server listens");
        self.input.flush().expect("the server listens");
    }

    fn receive(&mut self) -> Json {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(
                self.output.read_line(&mut line).expect("the server speaks UTF-8") > 0,
                "the language server is gone"
            );
            match line.trim().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse().expect("a length")
                }
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.output.read_exact(&mut body).expect("the whole message comes");
        serde_json::from_slice(&body).expect("JSON")
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        drop((self.server.kill(), self.server.wait()));
    }
}
