//! Rust: cargo with the right target and flags.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value as Json;

const TARGET: &str = "wasm32-wasip2";

/// Worth up to seven times the speed, and every engine of ours has it.
const FLAGS: &str = "-C target-feature=+simd128";

/// Builds with cargo's own progress and errors on standard error, and gives the component.
pub fn build(manifest: &Path) -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(&cargo);
    command.args(["build", "--release", "--lib", "--target", TARGET]);
    command.args(["--message-format", "json-render-diagnostics", "--manifest-path"]).arg(manifest);
    // Both of these would win over the flags of the target.
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    command.env("CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS", FLAGS);
    let done = command.stderr(Stdio::inherit()).output().map_err(|error| {
        format!("cannot start \"{}\": {error}; install Rust from https://rustup.rs", cargo.display())
    })?;
    if !done.status.success() {
        let why = match has_target() {
            true => "cargo says above why".to_owned(),
            false => format!("its target is missing: rustup target add {TARGET}"),
        };
        return Err(format!("the plugin does not build: {why}"));
    }
    components(&String::from_utf8_lossy(&done.stdout)).pop().ok_or_else(|| {
        "the build made no component: the library in Cargo.toml needs `crate-type = [\"cdylib\", \"rlib\"]`"
            .to_owned()
    })
}

/// Whether the standard library for guests is there, as far as the compiler tells.
fn has_target() -> bool {
    let asked = Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).output();
    asked.is_ok_and(|told| Path::new(String::from_utf8_lossy(&told.stdout).trim()).is_dir())
}

/// The components among what cargo says it has made, one message a line.
fn components(messages: &str) -> Vec<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok());
    let artifacts = messages.filter(|message| message["reason"] == "compiler-artifact");
    let files = artifacts.flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default());
    let paths = files.filter_map(|file| file.as_str().map(PathBuf::from));
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "wasm")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_component_is_found_among_cargos_messages() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","filenames":["/t/libserde.rlib"]}"#,
            "\nnot json\n",
            r#"{"reason":"compiler-artifact","filenames":["/t/gate.wasm","/t/libgate.rlib"]}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        assert_eq!(components(messages), [PathBuf::from("/t/gate.wasm")]);
    }
}
