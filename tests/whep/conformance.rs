//! The stand-alone scripts, run against us: what a stranger would see.

use std::path::Path;
use std::process::Command;

use super::shared;
use super::support::python::must;
use super::whip::guests;

fn nothing_is_wrong(script: &str, arguments: &[&str], least: usize) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/relay/conformance").join(script);
    // Nothing of Python's own is left beside it.
    let mut command = Command::new("python3");
    let output = must(command.arg("-B").arg(script).args(arguments), "a row of the table does not hold");
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(table.matches("\npass  ").count() >= least, "{table}");
    assert!(!table.contains("\nFAIL  ") && !table.contains("\nnote  "), "{table}");
}

#[test]
fn the_script_for_whep_finds_nothing_wrong_with_us() {
    nothing_is_wrong("whep.py", &[&format!("{}live/whep", shared())], 20);
}

#[test]
fn the_script_for_whip_finds_nothing_wrong_with_us() {
    let server = guests();
    nothing_is_wrong("whip.py", &[&server.at("guest/whip"), "--token", super::whip::PUBLISH], 30);
}
