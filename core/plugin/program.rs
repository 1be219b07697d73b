//! A plugin's code: read, checked at the border, compiled once and shared by every node that runs it.
//!
//! Owns the way from bytes to something that can be instantiated, and what the plugin says of
//! itself. Leaves running it to `instance`.

use std::io::Read;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use std::{fmt, fs};

use jsonschema::Validator;
use serde_json::Value as Json;
use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre};

use super::border::{self, Passport, Refusal};
use super::cache::{self, Cache};
use super::compiler;
use super::declared;
use super::fault::Fault;
use super::host::{self, Journal, State, journal::neutral};
use super::instance::Instance;
use super::limits::Limits;
use super::{schema, settings};
use crate::media::{PixelFormat, Pool};
use crate::node::{Counters, Digest, Halt, units};

/// Components larger than this are not even parsed; languages with an interpreter come near it.
pub const MOST_BYTES: usize = 64 << 20;
/// A settings schema larger than this describes no settings.
const SCHEMA: usize = 256 << 10;
/// Of one core module, of 16 bytes each: compilers make a few, linkers of many libraries some thousands.
const MOST_GLOBALS: usize = 20_000;

/// The plugin that hides something: it may never let a raw frame past.
pub const PRIVACY: &str = "privacy";

/// A component that may run here.
pub struct Program {
    /// The hash of its bytes.
    pub key: Digest,
    pub passport: Passport,
    pub size: usize,
    /// How long compiling took; `None` when it was found compiled.
    pub compiled_in: Option<Duration>,
    pub instance_pre: InstancePre<State>,
    /// Whether what it does is counted.
    pub metered: bool,
    described: OnceLock<Description>,
    /// Why it did not describe itself under the default limits.
    undescribed: OnceLock<String>,
    /// The schema compiled, once for every node that runs this.
    validator: OnceLock<Result<Validator, String>>,
}

/// What a plugin says of itself, checked.
#[derive(Clone, Debug)]
pub struct Description {
    pub name: String,
    pub version: String,
    pub summary: String,
    /// The JSON Schema of its settings.
    pub schema: Json,
    /// What it can work on, best first; empty: anything.
    pub formats: Vec<PixelFormat>,
    pub roles: Vec<String>,
}

/// Why a file or name is no program.
#[derive(Debug)]
pub enum Unloadable {
    /// The file cannot be read.
    Unreadable(std::io::Error),
    /// A folder, a pipe, a device.
    NoFile,
    TooLarge(u64),
    /// Compiled code: it would be run without any check.
    Compiled,
    /// A core module: a component is made from it by one more step.
    CoreModule,
    /// Not WebAssembly, damaged, or using a part of it that is switched off.
    Invalid(String),
    /// They lie outside the memory that is limited.
    TooManyGlobals,
    Uncompiled(compiler::Failure),
    Refused(Refusal),
}

impl fmt::Display for Unloadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unloadable::Unreadable(error) => write!(f, "{error}"),
            Unloadable::NoFile => f.write_str("it is no regular file, and a plugin is one"),
            Unloadable::TooLarge(bytes) => {
                let most = units::show_bytes(MOST_BYTES as u64);
                write!(f, "it has {bytes} bytes, and a plugin may have at most {most}")
            }
            Unloadable::Compiled => f.write_str(
                "it is compiled already, and compiled code cannot be checked; name the .wasm it was made from",
            ),
            Unloadable::CoreModule => f.write_str(
                "it is a core module, not a component; build it for wasm32-wasip2, or run `wasm-tools component \
                 new` on it",
            ),
            Unloadable::Invalid(why) => write!(f, "it is no valid component: {why}"),
            Unloadable::TooManyGlobals => write!(
                f,
                "a module of it has more than {MOST_GLOBALS} globals, or lies too deep in other components to be \
                 looked at"
            ),
            Unloadable::Uncompiled(failure) => write!(f, "{failure}"),
            Unloadable::Refused(refusal) => write!(f, "{refusal}"),
        }
    }
}

impl std::error::Error for Unloadable {}

/// Reads a plugin's file, unless it is too large to be one.
///
/// # Errors
/// [`Unloadable::Unreadable`], [`Unloadable::NoFile`] and [`Unloadable::TooLarge`].
pub fn read(path: &Path) -> Result<Vec<u8>, Unloadable> {
    // Asked before it is opened: opening a pipe would wait for whoever writes to it.
    let found = fs::metadata(path).map_err(Unloadable::Unreadable)?;
    if !found.is_file() {
        return Err(Unloadable::NoFile);
    }
    if found.len() > MOST_BYTES as u64 {
        return Err(Unloadable::TooLarge(found.len()));
    }
    let mut wasm = Vec::new();
    let file = fs::File::open(path).map_err(Unloadable::Unreadable)?;
    // It may have grown since.
    file.take(MOST_BYTES as u64 + 1).read_to_end(&mut wasm).map_err(Unloadable::Unreadable)?;
    Ok(wasm)
}

impl Program {
    /// Checks and compiles `wasm`, whose key is `key`, or finds it compiled in `cache`. Runs none of it.
    ///
    /// # Errors
    /// [`Unloadable`], saying why not.
    pub fn load(wasm: &[u8], key: &Digest, cache: &Cache) -> Result<Program, Unloadable> {
        check_bytes(wasm)?;
        let started = Instant::now();
        let (component, compiled_in) = match cache.load(key) {
            Some(component) => (component, None),
            None => {
                let component = compiler::compile(wasm, false)?;
                cache.store(key, &component);
                (component, Some(started.elapsed()))
            }
        };
        Program::link(&component, key, wasm.len(), compiled_in)
    }

    /// As [`Program::load`], for the engine that counts. Not kept: nobody needs it twice.
    pub fn load_metered(wasm: &[u8]) -> Result<Program, Unloadable> {
        check_bytes(wasm)?;
        let started = Instant::now();
        let component = compiler::compile(wasm, true)?;
        let program = Program::link(&component, &cache::key(wasm), wasm.len(), Some(started.elapsed()))?;
        Ok(Program { metered: true, ..program })
    }

    fn link(
        component: &Component,
        key: &Digest,
        size: usize,
        compiled_in: Option<Duration>,
    ) -> Result<Program, Unloadable> {
        let passport = passport(component).map_err(Unloadable::Refused)?;
        let linker = host::linker(component.engine())
            .expect("the host's functions agree with wit/v0, which both are made from");
        let instance_pre = linker.instantiate_pre(component).map_err(|error| invalid(&error))?;
        Ok(Program {
            key: *key,
            passport,
            size,
            compiled_in,
            instance_pre,
            metered: false,
            described: OnceLock::new(),
            undescribed: OnceLock::new(),
            validator: OnceLock::new(),
        })
    }

    /// As [`Program::load`], with the key worked out here.
    pub fn load_bytes(wasm: &[u8], cache: &Cache) -> Result<Program, Unloadable> {
        Program::load(wasm, &cache::key(wasm), cache)
    }

    /// What the plugin says of itself. Runs it, once, under the default limits.
    ///
    /// # Errors
    /// When it is stopped while it answers, or the answer is none: the same text every time.
    pub fn describe(&self) -> Result<&Description, &str> {
        if self.described.get().is_none() && self.undescribed.get().is_none() {
            // Whoever comes second has the same to say.
            let _ = match self.ask(&Limits::default()) {
                Ok(said) => self.described.set(said).map_err(drop),
                Err(fault) => self.undescribed.set(fault.to_string()).map_err(drop),
            };
        }
        let why = || self.undescribed.get().map(String::as_str).unwrap_or_default();
        self.described.get().ok_or_else(why)
    }

    /// As [`Program::describe`], under `limits` where the default ones do not do. Once it has said what it is, it
    /// is not asked again.
    ///
    /// # Errors
    /// As [`Program::describe`].
    pub fn describe_within(&self, limits: &Limits) -> Result<&Description, String> {
        match self.describe() {
            Ok(said) => Ok(said),
            Err(why) if !limits.allow_more_than(&Limits::default()) => Err(why.to_owned()),
            Err(_) => {
                let said = self.ask(limits).map_err(|fault| fault.to_string())?;
                Ok(self.described.get_or_init(|| said))
            }
        }
    }

    /// What checks the settings of its nodes.
    ///
    /// # Errors
    /// When it does not describe itself, or its schema is none.
    pub fn validator(&self) -> Result<&Validator, &str> {
        let schema = &self.describe()?.schema;
        self.validator.get_or_init(|| settings::validator(schema)).as_ref().map_err(String::as_str)
    }

    /// What it imports and what it exports, by the names of the component model.
    pub fn border(&self) -> (Vec<String>, Vec<String>) {
        names(self.instance_pre.component())
    }

    fn ask(&self, limits: &Limits) -> Result<Description, Fault> {
        let journal = Journal::new("describe", &Counters::default());
        // No frame is lent, so no frame memory is needed.
        let state = State::new(limits, journal, Pool::new(0), Halt::default(), false);
        let said = Instance::start(self, limits, state)?.describe()?;
        let schema = read_schema(&said.config_schema).map_err(Fault::other)?;
        let formats: Vec<PixelFormat> =
            said.formats.iter().filter_map(|code| PixelFormat::from_fourcc(*code)).collect();
        if formats.is_empty() && !said.formats.is_empty() {
            return Err(Fault::other("it works on no pixel format that this host has"));
        }
        Ok(Description {
            name: neutral(&said.name),
            version: neutral(&said.version),
            summary: neutral(&said.summary),
            schema,
            formats,
            roles: said.roles.iter().take(16).map(|role| neutral(role)).collect(),
        })
    }
}

impl Description {
    pub fn is_privacy(&self) -> bool {
        self.roles.iter().any(|role| role == PRIVACY)
    }
}

fn check_bytes(wasm: &[u8]) -> Result<(), Unloadable> {
    if wasm.len() > MOST_BYTES {
        return Err(Unloadable::TooLarge(wasm.len() as u64));
    }
    if Engine::detect_precompiled(wasm).is_some() {
        return Err(Unloadable::Compiled);
    }
    // Magic, then the version: 1 is a core module, 13 with layer 1 a component.
    match wasm {
        [b'\0', b'a', b's', b'm', 1, 0, 0, 0, ..] => Err(Unloadable::CoreModule),
        [b'\0', b'a', b's', b'm', 13, 0, 1, 0, ..] => {
            border::check_version(declared::version(wasm)).map_err(Unloadable::Refused)?;
            match declared::most_globals(wasm) {
                0..=MOST_GLOBALS => Ok(()),
                _ => Err(Unloadable::TooManyGlobals),
            }
        }
        _ => Err(Unloadable::Invalid("it does not start as one".to_owned())),
    }
}

pub(super) fn invalid(error: &wasmtime::Error) -> Unloadable {
    Unloadable::Invalid(cause(error))
}

/// The last link names the cause; the ones above it only that it was about parsing.
pub(super) fn cause(error: &wasmtime::Error) -> String {
    neutral(&error.root_cause().to_string())
}

fn passport(component: &Component) -> Result<Passport, Refusal> {
    let (imports, exports) = names(component);
    border::check(imports.iter().map(String::as_str), exports.iter().map(String::as_str))
}

fn names(component: &Component) -> (Vec<String>, Vec<String>) {
    let (ty, engine) = (component.component_type(), component.engine());
    let imports = ty.imports(engine).map(|(name, _)| name.to_owned()).collect();
    (imports, ty.exports(engine).map(|(name, _)| name.to_owned()).collect())
}

fn read_schema(text: &str) -> Result<Json, String> {
    if text.len() > SCHEMA {
        return Err(format!("its settings schema has {} bytes, more than {SCHEMA}", text.len()));
    }
    let schema =
        serde_json::from_str(text).map_err(|error| format!("its settings schema is no JSON: {error}"))?;
    schema::check_readable(&schema)?;
    Ok(schema)
}
