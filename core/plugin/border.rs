//! The border check: what a component is and what it may do, read from its imports and exports
//! without running any of it.
//!
//! Owns the rule that permissions are imports: a component that imports what this host does not
//! know, or what the graph does not grant, goes no further.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::host::journal::neutral;

/// The interface version this host speaks; a later 0.1.x is the same with more functions.
pub const VERSION: &str = "0.1.0";
const PACKAGE: &str = "framegate:frame";
/// Imports that a refusal names.
const MOST_SHOWN: usize = 10;
/// Of inference, whose versions go their own way.
const INFER: &str = "framegate:infer";

/// What a plugin is for; it decides its ports.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum World {
    /// Changes pixels.
    Filter,
    /// Looks and reports; cannot alter a pixel.
    Detector,
    /// Paints from annotations; never reads a pixel.
    Overlay,
    /// Works on annotations, blind to pixels.
    Analyzer,
}

impl World {
    pub const ALL: [World; 4] = [World::Filter, World::Detector, World::Overlay, World::Analyzer];

    /// As in `wit/v0`.
    pub const fn name(self) -> &'static str {
        match self {
            World::Filter => "filter",
            World::Detector => "detector",
            World::Overlay => "overlay",
            World::Analyzer => "analyzer",
        }
    }

    pub const fn in_words(self) -> &'static str {
        match self {
            World::Filter => "changes pixels",
            World::Detector => "looks and reports; cannot alter a pixel",
            World::Overlay => "paints from annotations; never reads a pixel",
            World::Analyzer => "works on annotations; never sees a pixel",
        }
    }

    /// What its plugins may import besides `frames` and `host`, as `wit/v0/worlds.wit` has it.
    pub const fn imports(self) -> &'static [&'static str] {
        match self {
            World::Filter => &["pixels-read", "pixels-write", "draw", "annotations"],
            World::Detector => &["pixels-read", "annotations"],
            World::Overlay => &["draw", "annotations"],
            World::Analyzer => &["annotations"],
        }
    }
}

/// Something a plugin may do: one importable interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    ReadPixels,
    WritePixels,
    Draw,
    Annotate,
    /// The node must also name the models: permission without one is none.
    Infer,
}

impl Permission {
    pub const ALL: [Permission; 5] = [
        Permission::ReadPixels,
        Permission::WritePixels,
        Permission::Draw,
        Permission::Annotate,
        Permission::Infer,
    ];
    pub const NAMES: [&'static str; 5] = ["pixels-read", "pixels-write", "draw", "annotations", "inference"];

    /// The interface, as it is written under `allow:`.
    pub const fn name(self) -> &'static str {
        Permission::NAMES[self as usize]
    }

    pub const fn in_words(self) -> &'static str {
        match self {
            Permission::ReadPixels => "see the pixels of each frame",
            Permission::WritePixels => "alter the pixels of each frame",
            Permission::Draw => "have the host paint on each frame, without seeing it",
            Permission::Annotate => "read and change detections and tags",
            Permission::Infer => "see what the models named for its node make of each frame",
        }
    }
}

/// What a component turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passport {
    pub world: World,
    /// In the order of [`Permission::ALL`].
    pub permissions: Vec<Permission>,
    /// Whether it can hand its state to a successor.
    pub snapshot: bool,
    /// The parts of WASI it imports; all of them are empty.
    pub wasi: Vec<String>,
}

/// Why a component is none of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It wants what this host does not offer.
    UnknownImports(Vec<String>),
    /// It lacks what every plugin exports, or has too much.
    NotAPlugin(String),
    /// It speaks another version of the interface.
    OtherVersion(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::UnknownImports(names) => {
                let shown = names.iter().take(MOST_SHOWN).map(|name| format!("\"{}\"", shown(name)));
                let shown = shown.collect::<Vec<_>>().join(", ");
                let more = match names.len().saturating_sub(MOST_SHOWN) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                write!(f, "it imports {shown}{more}, which no plugin is given")
            }
            Refusal::NotAPlugin(why) => write!(f, "it is a component, but no plugin: {why}"),
            Refusal::OtherVersion(name) => {
                let name = shown(name);
                write!(
                    f,
                    "it is made for {name}, and this host speaks {PACKAGE}@{VERSION} and {INFER}@{VERSION}"
                )
            }
        }
    }
}

/// Names are text from a stranger, of any length and number.
fn shown(name: &str) -> String {
    const MOST: usize = 100;
    let name = neutral(name);
    match name.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name,
    }
}

/// `namespace:package/interface@version`, taken apart.
struct Name<'a> {
    package: &'a str,
    interface: &'a str,
    version: &'a str,
}

impl<'a> Name<'a> {
    fn parse(name: &'a str) -> Option<Name<'a>> {
        let (path, version) = name.split_once('@').unwrap_or((name, ""));
        let (package, interface) = path.split_once('/')?;
        Some(Name { package, interface, version })
    }

    fn is_ours(&self) -> bool {
        self.package == PACKAGE || self.package == INFER
    }

    /// Whether it is the interface that `permission` stands for.
    fn grants(&self, permission: Permission) -> bool {
        let package = if permission == Permission::Infer { INFER } else { PACKAGE };
        self.package == package && self.interface == permission.name()
    }

    fn fits(&self) -> bool {
        fits(self.version)
    }
}

/// Checks a component by the names of its imports and exports.
///
/// # Errors
/// [`Refusal`], naming everything that stands in the way.
pub fn check<'a>(
    imports: impl Iterator<Item = &'a str>,
    exports: impl Iterator<Item = &'a str>,
) -> Result<Passport, Refusal> {
    let (permissions, wasi) = read_imports(imports)?;
    let exports = read_exports(exports)?;
    if !exports.contains(&"lifecycle") {
        return Err(Refusal::NotAPlugin("it does not export \"lifecycle\"".to_owned()));
    }
    let world = match (exports.contains(&"filtering"), exports.contains(&"detecting")) {
        (true, false) => passing_world(&permissions),
        (false, true) => detector_world(&permissions)?,
        (true, true) => {
            return Err(Refusal::NotAPlugin("it exports both \"filtering\" and \"detecting\"".to_owned()));
        }
        (false, false) => {
            return Err(Refusal::NotAPlugin("it exports neither \"filtering\" nor \"detecting\"".to_owned()));
        }
    };
    Ok(Passport { world, permissions, snapshot: exports.contains(&"snapshot"), wasi })
}

/// Checks the version that a component declares of itself, before it is compiled.
///
/// # Errors
/// [`Refusal::OtherVersion`].
pub fn check_version(declared: Option<&str>) -> Result<(), Refusal> {
    match declared.is_none_or(fits) {
        true => Ok(()),
        false => Err(Refusal::OtherVersion(format!("{PACKAGE}@{}", declared.unwrap_or_default()))),
    }
}

/// Within 0.1 there is only more, never other.
fn fits(version: &str) -> bool {
    version.starts_with("0.1.")
}

fn read_imports<'a>(
    imports: impl Iterator<Item = &'a str>,
) -> Result<(Vec<Permission>, Vec<String>), Refusal> {
    let (mut permissions, mut wasi, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    for import in imports {
        let Some(name) = Name::parse(import) else {
            unknown.push(import.to_owned());
            continue;
        };
        if name.is_ours() && !name.fits() {
            return Err(Refusal::OtherVersion(format!("{}@{}", name.package, name.version)));
        }
        match Permission::ALL.into_iter().find(|permission| name.grants(*permission)) {
            Some(permission) => permissions.push(permission),
            None if name.package == PACKAGE && matches!(name.interface, "types" | "frames" | "host") => {}
            _ if is_empty_wasi(&name) => wasi.push(import.to_owned()),
            _ => unknown.push(import.to_owned()),
        }
    }
    if !unknown.is_empty() {
        return Err(Refusal::UnknownImports(unknown));
    }
    permissions.sort();
    Ok((permissions, wasi))
}

/// The parts of WASI that language runtimes import, whether they use them or not.
fn is_empty_wasi(name: &Name<'_>) -> bool {
    let packages = ["wasi:cli", "wasi:clocks", "wasi:filesystem", "wasi:io", "wasi:random", "wasi:sockets"];
    packages.contains(&name.package) && name.version.starts_with("0.2.")
}

fn read_exports<'a>(exports: impl Iterator<Item = &'a str>) -> Result<Vec<&'a str>, Refusal> {
    let ours = exports.filter_map(Name::parse).filter(Name::is_ours);
    let fitting = |name: Name<'a>| match name.fits() {
        true => Ok(name.interface),
        false => Err(Refusal::OtherVersion(format!("{PACKAGE}@{}", name.version))),
    };
    ours.map(fitting).collect()
}

fn passing_world(permissions: &[Permission]) -> World {
    let has = |permission| permissions.contains(&permission);
    match has(Permission::ReadPixels) || has(Permission::WritePixels) {
        true => World::Filter,
        false if has(Permission::Draw) => World::Overlay,
        false => World::Analyzer,
    }
}

fn detector_world(permissions: &[Permission]) -> Result<World, Refusal> {
    let alters = [Permission::WritePixels, Permission::Draw];
    match alters.into_iter().find(|permission| permissions.contains(permission)) {
        Some(permission) => Err(Refusal::NotAPlugin(format!(
            "it exports \"detecting\" and imports \"{}\", but a detector cannot alter a pixel",
            permission.name()
        ))),
        None => Ok(World::Detector),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passport(imports: &[&str], exports: &[&str]) -> Result<Passport, Refusal> {
        let ours = |names: &[&str]| -> Vec<String> {
            let full = |name: &&str| match name.contains(':') {
                true => (*name).to_owned(),
                false => format!("framegate:frame/{name}@0.1.0"),
            };
            names.iter().map(full).collect()
        };
        let (imports, exports) = (ours(imports), ours(exports));
        check(imports.iter().map(String::as_str), exports.iter().map(String::as_str))
    }

    #[test]
    fn the_world_follows_from_what_is_imported_and_exported() {
        let world = |imports: &[&str], export| passport(imports, &["lifecycle", export]).unwrap().world;
        assert_eq!(world(&["frames", "host", "pixels-read", "draw"], "filtering"), World::Filter);
        assert_eq!(world(&["draw", "annotations"], "filtering"), World::Overlay);
        assert_eq!(world(&["annotations"], "filtering"), World::Analyzer);
        assert_eq!(world(&["pixels-read", "wasi:cli/stdout@0.2.6"], "detecting"), World::Detector);
    }

    #[test]
    fn a_world_may_import_what_its_file_says() {
        let file = include_str!("../../wit/v0/worlds.wit");
        for world in World::ALL {
            let (_, body) = file.split_once(&format!("world {} {{", world.name())).unwrap();
            let (body, _) = body.split_once('}').unwrap();
            let imports = body.lines().filter_map(|line| line.trim().strip_prefix("import "));
            let imports: Vec<&str> = imports.map(|name| name.trim_end_matches(';')).collect();
            assert_eq!(imports, world.imports(), "{}", world.name());
        }
    }

    #[test]
    fn all_unknown_imports_are_listed() {
        let refusal = passport(
            &["pixels-read", "wasi:http/types@0.2.0", "secrets", "wasi:cli/stdout@0.3.0", "bare"],
            &["lifecycle", "filtering"],
        );
        let Err(Refusal::UnknownImports(names)) = refusal else { panic!("{refusal:?}") };
        assert_eq!(names.len(), 4, "{names:?}");
        let forged = vec!["a\n\u{1b}[2J".repeat(1000); 12];
        let told = Refusal::UnknownImports(forged).to_string();
        assert!(told.ends_with(" and 2 more, which no plugin is given") && told.len() < 2000, "{told}");
        assert!(!told.chars().any(char::is_control), "{told:?}");
        assert!(names[0].starts_with("wasi:http"));
    }

    #[test]
    fn inference_goes_with_every_world_and_under_its_own_name_only() {
        let infer = "framegate:infer/inference@0.1.0";
        for (export, other) in
            [("detecting", "pixels-read"), ("filtering", "draw"), ("filtering", "annotations")]
        {
            let found = passport(&[other, infer], &["lifecycle", export]).unwrap();
            assert_eq!(found.permissions.last(), Some(&Permission::Infer));
            assert_eq!(found.world, passport(&[other], &["lifecycle", export]).unwrap().world);
        }
        for smuggled in ["framegate:infer/pixels-write@0.1.0", "framegate:frame/inference@0.1.0"] {
            let refusal = passport(&[smuggled], &["lifecycle", "filtering"]);
            assert_eq!(refusal, Err(Refusal::UnknownImports(vec![smuggled.to_owned()])));
        }
        let newer = passport(&["framegate:infer/inference@0.2.0"], &["lifecycle", "filtering"]);
        assert_eq!(newer, Err(Refusal::OtherVersion("framegate:infer@0.2.0".to_owned())));
    }

    #[test]
    fn what_is_no_plugin_is_told_why() {
        let refusal =
            |imports: &[&str], exports: &[&str]| passport(imports, exports).unwrap_err().to_string();
        assert!(refusal(&[], &["wasi:cli/run@0.2.0"]).contains("lifecycle"));
        assert!(refusal(&[], &["lifecycle"]).contains("neither"));
        assert!(refusal(&[], &["lifecycle", "filtering", "detecting"]).contains("both"));
        assert!(refusal(&["pixels-write"], &["lifecycle", "detecting"]).contains("cannot alter"));
        let other = ["framegate:frame/lifecycle@0.2.0"];
        assert!(refusal(&[], &other).contains("framegate:frame@0.2.0"));
        assert!(check_version(None).is_ok() && check_version(Some("0.1.7")).is_ok());
        assert!(check_version(Some("0.10.0")).unwrap_err().to_string().contains("framegate:frame@0.10.0"));
    }
}
