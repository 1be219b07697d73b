//! Graph text to findings and plan: golden texts of every finding, the plan of sound graphs, and
//! what must hold for any text at all.

mod cases;
mod commands;
mod examples;
mod kinds;
mod plan;
mod robust;
mod schema;
#[path = "../support/mod.rs"]
mod support;

use std::path::PathBuf;

use framegate::cli::findings::{self, Look};
use framegate::graph::{self, Checked, Override, Text};

/// The variables that these graphs see.
fn env(name: &str) -> Option<String> {
    match name {
        "RATE" => Some("25".to_owned()),
        "SECRET" => Some("hunter2hunter2".to_owned()),
        _ => None,
    }
}

fn cases_folder() -> PathBuf {
    // Cargo runs tests at the top of the package; golden texts must not name this machine's folders.
    PathBuf::from("tests/graph/cases")
}

/// Loads `text` as the file `graph.yaml`, with the kinds of these tests.
fn load(text: &str, set: &[&str]) -> Checked {
    let overrides: Vec<Override> =
        set.iter().map(|one| one.parse().expect("a well-formed override")).collect();
    graph::load(&file(text), &overrides, &kinds::kinds(), &env)
}

fn file(text: &str) -> Text {
    Text { name: "graph.yaml".to_owned(), folder: cases_folder(), text: text.to_owned() }
}

/// What a user would see.
fn shown(checked: &Checked, text: &str) -> String {
    findings::text(&checked.findings, &file(text), Look::Plain)
}

/// The codes of all findings, in order.
fn codes(checked: &Checked) -> Vec<&'static str> {
    checked.findings.iter().map(|finding| finding.code).collect()
}
