//! Which camera feature this machine's libcamera asks for. Part of the build script, which checks it
//! before it builds anything itself and answers in one sentence.
//!
//! Cargo may build the crate of a wrong feature at the same time, and stops at whichever fails first:
//! the crate for newer libraries refuses an older one with a list of versions before we are heard.
//! `make` asks pkg-config and takes the right feature by itself.

use std::process::Command;

/// What each feature is for: versions from the first on, below the second.
const FEATURES: [(&str, [u32; 2], [u32; 2]); 2] =
    [("libcamera", [0, 4], [0, 8]), ("libcamera-0-3", [0, 0], [0, 4])];
const PACKAGES: &str = "libcamera-dev pkg-config g++ clang libclang-dev";

/// Checks the features this build was asked for.
///
/// # Errors
/// The sentence to show.
pub fn check() -> Result<(), String> {
    let on = |name: &str| std::env::var_os(format!("CARGO_FEATURE_{name}")).is_some();
    verdict([on("LIBCAMERA"), on("LIBCAMERA_0_3")], installed)
}

/// The version of the installed development files, as pkg-config knows them.
fn installed() -> Option<String> {
    // Before 0.0.2 the library was called camera.
    ["libcamera", "camera"].into_iter().find_map(|name| {
        let asked = Command::new("pkg-config").args(["--modversion", name]).output().ok()?;
        asked.status.success().then(|| String::from_utf8_lossy(&asked.stdout).trim().to_owned())
    })
}

fn verdict(on: [bool; 2], installed: impl FnOnce() -> Option<String>) -> Result<(), String> {
    let asked: Vec<_> = FEATURES.iter().zip(on).filter(|(_, on)| *on).map(|(feature, _)| feature).collect();
    let Some((name, _, _)) = asked.first() else { return Ok(()) };
    let version = installed().ok_or_else(|| {
        format!(
            "the feature `{name}` needs libcamera, which is not installed: sudo apt-get install {PACKAGES}"
        )
    })?;
    let right = FEATURES.iter().find(|(_, from, below)| {
        let found = number(&version);
        *from <= found && found < *below
    });
    match (right, &asked[..]) {
        (Some((right, ..)), [(only, ..)]) if right == only => Ok(()),
        (Some((right, ..)), [(wrong, ..)]) => Err(format!(
            "the feature `{wrong}` is not for libcamera {version}, which is installed here: build with `--features {right}`"
        )),
        (Some((right, ..)), _) => Err(format!(
            "`libcamera` and `libcamera-0-3` exclude each other: libcamera {version} is installed here, so build with `--features {right}` alone"
        )),
        (None, _) => Err(format!(
            "libcamera {version} is installed here, and this version of framegate knows those below 0.8"
        )),
    }
}

/// The first two numbers of a version.
fn number(version: &str) -> [u32; 2] {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    [parts.next().unwrap_or(0), parts.next().unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::verdict;

    fn said(on: [bool; 2], installed: Option<&str>) -> String {
        verdict(on, || installed.map(str::to_owned)).err().unwrap_or_default()
    }

    #[test]
    fn the_feature_for_the_installed_library_is_accepted() {
        for (on, version) in [([true, false], "0.4.0"), ([true, false], "0.7.1"), ([false, true], "0.0.3")] {
            assert_eq!(said(on, Some(version)), "", "{version}");
        }
    }

    #[test]
    fn a_wrong_feature_or_two_are_answered_with_the_right_one() {
        assert!(said([true, false], Some("0.0.3")).ends_with("build with `--features libcamera-0-3`"));
        assert!(said([false, true], Some("0.5.2")).ends_with("build with `--features libcamera`"));
        assert!(said([true, true], Some("0.0.3")).ends_with("build with `--features libcamera-0-3` alone"));
        assert!(said([true, true], Some("0.7.0")).ends_with("build with `--features libcamera` alone"));
    }

    #[test]
    fn a_missing_library_is_answered_with_what_to_install_and_no_feature_needs_none() {
        assert!(said([true, false], None).contains("apt-get install libcamera-dev"));
        assert_eq!(said([false, false], None), "");
        assert!(said([true, false], Some("0.8.0")).contains("below 0.8"));
    }
}
