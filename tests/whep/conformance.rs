//! The stand-alone script, run against us: what a stranger would see.

use std::path::Path;
use std::process::Command;

use super::shared;
use super::support::python::must;

#[test]
fn the_conformance_script_finds_nothing_wrong_with_us() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/relay/conformance/whep.py");
    let endpoint = format!("{}live/whep", shared());
    let output = must(Command::new("python3").arg(script).arg(endpoint), "a row of the table does not hold");
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(table.matches("\npass  ").count() >= 20, "{table}");
    assert!(!table.contains("\nFAIL  "), "{table}");
}
