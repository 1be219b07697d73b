//! The stories of `framegate explain`: each example does what is said of it, and no code lacks one.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use framegate::catalog;
use framegate::cli::explain::STORIES;
use framegate::graph::{self, Text};
use framegate::plugin::{Kind, bundled};

use crate::cases_folder;
use crate::support::counterfeit::Counterfeit;
use crate::support::models;

/// The blocks of a story: what the fence says, and the text.
fn blocks(story: &str) -> Vec<(&str, &str)> {
    let fences: Vec<&str> = story.split("```").collect();
    // Every second piece stands between fences.
    fences.chunks_exact(2).filter_map(|pair| pair[1].split_once('\n')).collect()
}

fn codes(text: &str, folder: &Path) -> Vec<&'static str> {
    let text = Text { name: "graph.yaml".to_owned(), folder: folder.to_owned(), text: text.to_owned() };
    let mut kinds = catalog::kinds();
    for kind in kinds.present.iter_mut().filter(|kind| kind.about().name == "plugin") {
        // Compiled guests are shared by all tests, and what is fetched here is kept away from the user's.
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled-plugins");
        *kind = Arc::new(Kind::with_cache_in(cache));
    }
    let checked = graph::load(&text, &[], &kinds, &|_| None);
    checked.findings.iter().map(|finding| finding.code).collect()
}

#[test]
fn every_bad_example_gives_exactly_its_code_and_every_good_one_passes() {
    let mut wrong = Vec::new();
    let registry = Counterfeit::with(bundled::find("grayscale").expect("it is bundled").to_vec());
    for (code, story) in STORIES {
        let story = &registry.instead_of_the_example(story);
        let folder = tempfile::tempdir().expect("a folder for the test");
        let blocks = blocks(story);
        if story.contains("faces.onnx") {
            let model = fs::read(models::blazeface()).expect("the model can be read");
            fs::write(folder.path().join("faces.onnx"), model).expect("the file can be written");
        }
        for (fence, text) in &blocks {
            if let Some(name) = fence.strip_prefix("text ") {
                fs::write(folder.path().join(name), text).expect("the file can be written");
            }
        }
        let graphs: Vec<&str> =
            blocks.iter().filter(|(fence, _)| *fence == "yaml").map(|(_, text)| *text).collect();
        match graphs[..] {
            [bad, good] => {
                let (bad, good) = (codes(bad, folder.path()), codes(good, folder.path()));
                if bad != [*code] || !good.is_empty() {
                    wrong.push(format!("{code}: the bad one gives {bad:?}, the good one {good:?}"));
                }
            }
            // No graph can bring it up with the kinds of this build, and the story says so.
            [] if ["sizes-disagree", "size-not-supported", "tampered-cache"].contains(code) => {}
            _ => wrong.push(format!("{code} has {} examples", graphs.len())),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Codes of findings as they stand in the source, right after what makes a finding.
fn codes_in(source: &str, into: &mut BTreeSet<String>) {
    for call in [
        "Diagnostic::error(",
        "Diagnostic::warning(",
        "Diagnostic::note(",
        "finding(",
        "fault(",
        "found_at(span, ",
    ] {
        for (at, _) in source.match_indices(call) {
            // `with_default(` is none of them.
            if source[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let after = &source[at + call.len()..];
            let Some(literal) = after.trim_start().strip_prefix('"') else { continue };
            let code = literal.split('"').next().unwrap_or_default();
            // The first text of a closure of the same name need be no code; codes of one word have cases.
            if code.contains('-') && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') {
                into.insert(code.to_owned());
            }
        }
    }
}

fn sources(folder: &Path, into: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let source = fs::read_to_string(&path).expect("readable");
            // What tests make up is nothing a user meets.
            codes_in(source.split("#[cfg(test)]").next().unwrap_or_default(), into);
        }
    }
}

#[test]
fn every_code_has_a_story() {
    let mut codes = BTreeSet::new();
    for folder in ["core/graph", "core/nodes", "core/plugin", "core/relay"] {
        sources(Path::new(folder), &mut codes);
    }
    // Those that a case shows, however the source comes by them.
    for entry in fs::read_dir(cases_folder()).expect("the cases are there") {
        let path = entry.expect("a readable entry").path();
        if path.extension().is_some_and(|end| end == "txt") {
            let text = fs::read_to_string(&path).expect("readable");
            let heads = text.lines().filter_map(|line| line.split_once("]: ")?.0.split_once('['));
            codes.extend(
                heads
                    .filter(|(severity, _)| ["error", "warning", "note"].contains(severity))
                    .map(|(_, code)| code.to_owned()),
            );
        }
    }
    assert!(codes.contains("cycle") && codes.contains("bad-unit"), "{codes:?}");
    let told: Vec<&str> = STORIES.iter().map(|(code, _)| *code).collect();
    let untold: Vec<&String> = codes.iter().filter(|code| !told.contains(&code.as_str())).collect();
    assert!(untold.is_empty(), "no story in core/cli/stories for {untold:?}");
    assert!(told.is_sorted(), "the stories stand in the order of their codes");
}
