//! `framegate plugin inspect`: what a component is and may do, for people who must decide whether
//! to trust it. Nothing of it runs unless that is asked for.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde_json::Value as Json;

use super::border::VERSION;
use super::bundled;
use super::cache::Cache;
use super::limits::Limits;
use super::nearest::nearest;
use super::program::{self, Description, Program, Unloadable};
use super::registry::{self, Fault, Kept, Reference};

/// Whether the component may be run to learn more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Only its imports and exports are read.
    Nothing,
    /// It is run, under the default limits, to describe itself.
    Describe,
}

/// What is known of a component.
pub struct Portrait {
    named: String,
    /// As a graph has it, for one that came from a registry.
    pinned: Option<Reference>,
    program: Program,
    description: Option<Result<Description, String>>,
}

/// Why nothing is known.
#[derive(Debug)]
pub enum Uninspectable {
    /// No bundled plugin has this name, and it is no path.
    Unknown {
        name: String,
        near: Option<&'static str>,
    },
    Unloadable {
        named: String,
        reason: Unloadable,
    },
    /// It cannot be had from its registry.
    Unfetched(Fault),
}

/// Looks at a bundled plugin, a file, or a plugin in a registry.
///
/// # Errors
/// [`Uninspectable`].
pub fn inspect(named: &str, ask: Ask) -> Result<Portrait, Uninspectable> {
    inspect_within(named, ask, &Limits::default())
}

/// As [`inspect`], under `limits` where the default ones do not do.
///
/// # Errors
/// [`Uninspectable`].
pub fn inspect_within(named: &str, ask: Ask, limits: &Limits) -> Result<Portrait, Uninspectable> {
    let unloadable = |reason| Uninspectable::Unloadable { named: named.to_owned(), reason };
    let (wasm, pinned) = bytes_of(named)?;
    let program = Program::load_bytes(&wasm, &Cache::of_user()).map_err(unloadable)?;
    let description = match ask {
        Ask::Nothing => None,
        Ask::Describe => Some(program.describe_within(limits).cloned()),
    };
    Ok(Portrait { named: named.to_owned(), pinned, program, description })
}

/// The component by this name, and its pin where it is one in a registry.
///
/// # Errors
/// [`Uninspectable`].
pub(super) fn bytes_of(named: &str) -> Result<(Vec<u8>, Option<Reference>), Uninspectable> {
    if registry::is_address(named) {
        let reference = Reference::parse(named).map_err(Uninspectable::Unfetched)?;
        let fetched = registry::fetch(&reference, &Kept::of_user()).map_err(Uninspectable::Unfetched)?;
        return Ok((fetched.wasm, Some(fetched.pinned)));
    }
    if let Some(wasm) = bundled::find(named) {
        return Ok((wasm.to_vec(), None));
    }
    if let Some(unknown) = unknown(named) {
        return Err(unknown);
    }
    let unloadable = |reason| Uninspectable::Unloadable { named: named.to_owned(), reason };
    Ok((program::read(Path::new(named)).map_err(unloadable)?, None))
}

/// Why `named` is neither a bundled plugin, nor an address, nor a path; `None` when it is one of them.
pub fn unknown(named: &str) -> Option<Uninspectable> {
    let is_path = Path::new(named).exists() || named.contains('/');
    let known = registry::is_address(named) || bundled::find(named).is_some() || is_path;
    (!known).then(|| Uninspectable::Unknown { name: named.to_owned(), near: nearest(named, names()) })
}

fn names() -> impl Iterator<Item = &'static str> {
    bundled::ALL.iter().map(|(name, _)| *name)
}

impl Portrait {
    pub(super) fn program(&self) -> &Program {
        &self.program
    }

    /// What it says of itself; `None` when it was not asked.
    pub(super) fn description(&self) -> Option<Result<&Description, &str>> {
        self.description.as_ref().map(|said| said.as_ref().map_err(String::as_str))
    }
}

/// What a bundled plugin says of itself, for documentation.
pub struct About {
    /// As written after `plugin:`.
    pub name: &'static str,
    pub summary: String,
    /// The JSON Schema of its `with:` block.
    pub settings: Json,
}

/// Every bundled plugin, asked what it is. One that does not answer is left out.
pub fn bundled_plugins() -> Vec<About> {
    let cache = Cache::of_user();
    let about = |(name, wasm): &(&'static str, &[u8])| {
        let program = Program::load_bytes(wasm, &cache).ok()?;
        let description = program.describe().ok()?;
        Some(About { name, summary: description.summary.clone(), settings: description.schema.clone() })
    };
    bundled::ALL.iter().filter_map(about).collect()
}

impl fmt::Display for Uninspectable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Uninspectable::Unknown { name, near: Some(near) } => {
                write!(f, "no plugin or file is called \"{name}\"; did you mean \"{near}\"?")
            }
            Uninspectable::Unknown { name, near: None } => {
                let names = names().collect::<Vec<_>>().join(", ");
                write!(f, "no plugin or file is called \"{name}\"; there are {names}, and files")
            }
            Uninspectable::Unloadable { named, reason } => write!(f, "\"{named}\": {reason}"),
            Uninspectable::Unfetched(fault) => write!(f, "{fault}"),
        }
    }
}

impl std::error::Error for Uninspectable {}

impl fmt::Display for Portrait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Portrait { named, pinned, program, description } = self;
        let passport = &program.passport;
        writeln!(f, "{named}")?;
        if let Some(pinned) = pinned {
            row(f, "in a graph", &format!("plugin: {pinned}"))?;
        }
        row(f, "world", &format!("{}: {}", passport.world.name(), passport.world.in_words()))?;
        row(f, "interface", &format!("framegate:frame {VERSION}"))?;
        row(f, "size", &format!("{} KiB", program.size.div_ceil(1024)))?;
        row(f, "compiled", &compiled(program.compiled_in))?;
        row(f, "state", if passport.snapshot { "survives a swap" } else { "starts afresh after a swap" })?;
        writeln!(f, "  it may")?;
        for permission in &passport.permissions {
            writeln!(f, "    {:<14} {}", permission.name(), permission.in_words())?;
        }
        if passport.permissions.is_empty() {
            writeln!(f, "    see when a frame was taken and how large it is, and nothing else")?;
        }
        writeln!(f, "  it may not reach files, network, environment or other plugins")?;
        if !passport.wasi.is_empty() {
            writeln!(
                f,
                "    ({} parts of WASI are imported; there is nothing behind them)",
                passport.wasi.len()
            )?;
        }
        match description {
            None => writeln!(f, "  settings: add --describe to run it and see them"),
            Some(Err(reason)) => writeln!(f, "  it does not say what it is: {reason}"),
            Some(Ok(description)) => describe(f, description),
        }
    }
}

fn describe(f: &mut fmt::Formatter<'_>, said: &Description) -> fmt::Result {
    writeln!(f, "  it says of itself")?;
    row(f, "  name", &format!("{} {}", said.name, said.version))?;
    row(f, "  summary", &said.summary)?;
    let formats: Vec<&str> = said.formats.iter().map(|format| format.name()).collect();
    row(f, "  formats", &if formats.is_empty() { "any".to_owned() } else { formats.join(", ") })?;
    if !said.roles.is_empty() {
        row(f, "  roles", &said.roles.join(", "))?;
    }
    let schema = serde_json::to_string_pretty(&said.schema).map_err(|_| fmt::Error)?;
    writeln!(f, "    settings")?;
    schema.lines().try_for_each(|line| writeln!(f, "      {line}"))
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, value: &str) -> fmt::Result {
    writeln!(f, "  {name:<12} {value}")
}

fn compiled(took: Option<Duration>) -> String {
    match took {
        Some(took) => format!("in {} ms, now", took.as_millis()),
        None => "before, and kept".to_owned(),
    }
}
