//! Builds the reference plugins for wasm32-wasip2 and hands them to the library to embed.
//!
//! Owns the nested cargo call and the check for `nasm`. The plugins are whatever stands in
//! `plugins/`: adding one needs no line here. `plugin/bundled.rs` embeds what this writes.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

#[path = "nodes/libcamera/requirement.rs"]
mod camera;

const TARGET: &str = "wasm32-wasip2";
/// Defined in the root `Cargo.toml`.
const PROFILE: &str = "guest";

fn main() {
    println!("cargo:rerun-if-changed=core/build.rs");
    println!("cargo:rerun-if-changed=wit");
    println!("cargo:rerun-if-changed=Cargo.lock");
    println!("cargo:rerun-if-env-changed=PATH");
    println!("cargo:rerun-if-changed=core/nodes/libcamera/requirement.rs");
    if let Err(reason) = camera::check().and_then(|()| build_plugins()) {
        for line in reason.lines() {
            println!("cargo:warning={line}");
        }
        std::process::exit(1);
    }
    if let Err(reason) = collect_sdk() {
        println!("cargo:warning={reason}");
        std::process::exit(1);
    }
    tell_encoder_simd();
}

/// A folder under `plugins/` that becomes a component.
struct Guest {
    name: String,
    /// Embedded in the program, rather than built for tests and measurements only.
    bundled: bool,
}

fn build_plugins() -> Result<(), String> {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(variable("OUT_DIR")?);
    let guests = find_guests(&root.join("plugins"))?;
    require_target()?;
    announce(&format!("building {} reference plugins for {TARGET}", guests.len()));
    compile(&root, &out, &guests)?;
    let folder = out.join("guests").join(TARGET).join(PROFILE);
    // Tests that load a guest which is not bundled find it here.
    println!("cargo:rustc-env=FRAMEGATE_GUESTS={}", folder.display());
    write_list(&out, &folder, &guests)
}

/// Every folder with a `Cargo.toml` that builds a `cdylib`, by name.
fn find_guests(plugins: &Path) -> Result<Vec<Guest>, String> {
    let entries = fs::read_dir(plugins).map_err(|error| format!("{}: {error}", plugins.display()))?;
    let mut guests = Vec::new();
    // The folder itself, for a plugin that appears or disappears.
    println!("cargo:rerun-if-changed=plugins");
    for folder in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let Ok(manifest) = fs::read_to_string(folder.join("Cargo.toml")) else { continue };
        watch_sources(&folder);
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if manifest.contains("\"cdylib\"") {
            guests.push(Guest { name, bundled: !manifest.contains("bundled = false") });
        }
    }
    guests.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(guests)
}

/// Only what a compiler reads: editing a plugin's page must not rebuild the program.
fn watch_sources(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let is_source = path.extension().is_some_and(|extension| extension == "rs" || extension == "toml");
        if is_source || path.is_dir() {
            println!("cargo:rerun-if-changed={}", path.display());
        }
    }
}

/// Asked for before cargo is, whose own message about a missing standard library says less.
fn require_target() -> Result<(), String> {
    let rustc = variable("RUSTC")?;
    let printed = Command::new(&rustc).args(["--print", "target-libdir", "--target", TARGET]).output();
    let printed = printed.map_err(|error| format!("{rustc}: {error}"))?;
    let libraries = PathBuf::from(String::from_utf8_lossy(&printed.stdout).trim());
    match libraries.is_dir() {
        true => Ok(()),
        false => Err(format!(
            "the plugins need the Rust target {TARGET}, which this toolchain lacks\n\
             install it and build again: rustup target add {TARGET}"
        )),
    }
}

fn compile(root: &Path, out: &Path, guests: &[Guest]) -> Result<(), String> {
    let mut cargo = Command::new(variable("CARGO")?);
    // The same lock file, and its own target folder: this build's is locked by the cargo that runs us.
    cargo.args(["build", "--locked", "--target", TARGET, "--profile", PROFILE, "--manifest-path"]);
    cargo.arg(root.join("Cargo.toml")).arg("--target-dir").arg(out.join("guests"));
    for guest in guests {
        cargo.args(["-p", &guest.name]);
    }
    clean_environment(&mut cargo);
    let done = cargo.output().map_err(|error| format!("cargo could not be started: {error}"))?;
    match done.status.success() {
        true => Ok(()),
        false => Err(format!("the plugins do not build\n{}", String::from_utf8_lossy(&done.stderr))),
    }
}

/// Flags and wrappers meant for the program (a linker, clippy, coverage) must not reach the guests.
fn clean_environment(cargo: &mut Command) {
    for name in [
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTFLAGS",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "CARGO_TARGET_DIR",
        "CARGO_BUILD_TARGET",
        "CARGO_BUILD_TARGET_DIR",
        "CARGO_BUILD_RUSTFLAGS",
        "CARGO_BUILD_RUSTC_WRAPPER",
        "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
    ] {
        cargo.env_remove(name);
    }
    // Worth up to seven times the speed, and every engine we run has it.
    cargo.env("CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS", "-C target-feature=+simd128");
}

/// The list that `plugin/bundled.rs` includes: a name and a component each.
fn write_list(out: &Path, folder: &Path, guests: &[Guest]) -> Result<(), String> {
    let mut list = String::from("&[\n");
    for guest in guests.iter().filter(|guest| guest.bundled) {
        let file = folder.join(format!("{}.wasm", guest.name.replace('-', "_")));
        let _ = writeln!(list, "    ({:?}, include_bytes!({:?})),", guest.name, file);
    }
    list.push_str("]\n");
    let path = out.join("bundled.rs");
    fs::write(&path, list).map_err(|error| format!("{}: {error}", path.display()))
}

/// The sdk and the interface as text, for `framegate plugin new` to copy into a project: a path from
/// the repository's root and a content each.
fn collect_sdk() -> Result<(), String> {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let mut list = String::from("&[\n");
    for folder in ["plugins/sdk", "wit/v0", "wit/infer"] {
        for file in files_in(&root.join(folder))? {
            let path = file.strip_prefix(&root).map_err(|error| error.to_string())?;
            let _ = writeln!(list, "    ({:?}, include_str!({file:?})),", path.display().to_string());
        }
    }
    list.push_str("]\n");
    let path = PathBuf::from(variable("OUT_DIR")?).join("sdk.rs");
    fs::write(&path, list).map_err(|error| format!("{}: {error}", path.display()))
}

/// Every file below `folder`, in order of their paths.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    let below = paths.into_iter().map(|path| match path.is_dir() {
        true => files_in(&path),
        false => Ok(vec![path]),
    });
    Ok(below.collect::<Result<Vec<_>, _>>()?.concat())
}

/// The encoder's own build goes on without `nasm`, three times slower and without a word.
fn tell_encoder_simd() {
    let simd = Command::new("nasm").arg("-v").output().is_ok_and(|found| found.status.success());
    println!("cargo:rustc-env=FRAMEGATE_ENCODER_SIMD={}", if simd { "yes" } else { "no" });
    if !simd {
        println!(
            "cargo:warning=nasm is not installed: the H.264 encoder is built without SIMD and is 3 times slower"
        );
        println!(
            "cargo:warning=install nasm (Debian: apt-get install nasm), run `cargo clean -p openh264-sys2`, build again"
        );
    }
}

/// Cargo shows a build script's output only when it fails; the first build of the plugins takes a
/// minute, and silence that long looks like a hang. Without a terminal there is nobody to tell.
fn announce(what: &str) {
    if let Ok(mut terminal) = fs::OpenOptions::new().write(true).open("/dev/tty") {
        let _ = std::io::Write::write_fmt(&mut terminal, format_args!("\r\x1b[K{:>12} {what}\n", "Building"));
    }
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("cargo did not set {name}"))
}
