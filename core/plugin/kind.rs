//! The node kind `plugin`.
//!
//! Owns what a plugin node may be given and the contract that follows from the component it names.
//! Loading needs no camera and no frame, so `check` learns here everything that `run` would.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::border::{Permission, World};
use super::cache::Cache;
use super::host::Shared;
use super::instance::Times;
use super::library::Library;
use super::limits::{self, Limits};
use super::node::{OnError, Place, Plugin, Recipe, Watched};
use super::program::{Description, Program};
use super::registry::{self, Kept};
use super::settings;
use super::successor::Rules;
use crate::diagnostic::{Diagnostic, Path};
use crate::infer::{Shelf, Unloadable};
use crate::media::PixelFormat;
use crate::node::{
    About, Accepts, Contract, Digest, Format, InputPort, Model, Node, NodeError, NodeKind, OutputPort, Pace,
    Role, Setting, Settings, Site, Takes, Value, Work,
};

const ABOUT: About = About {
    name: "plugin",
    role: Role::Filter,
    summary: "a sandboxed WASM plugin that looks at or changes each frame",
    with: &[],
    beside: &[
        Setting::required(
            "plugin",
            Takes::NameOrPath,
            "a bundled plugin by name, a component's file like ./path/to.wasm, or one from a registry: \
             oci://registry/name@sha256:…",
        ),
        Setting::optional("limits", Takes::Group(limits::SETTINGS), "what it may use before it is stopped"),
        Setting::optional(
            "on_error",
            Takes::Choice(&OnError::NAMES),
            "what becomes of a frame it has not handled: it passes, is dropped, goes on black, or the graph \
             stops. `pass` if left out; `black` for a privacy plugin, which may not be given `pass`",
        ),
        Setting::with_default(
            "watch",
            Takes::Bool,
            "false",
            "whether a changed file takes over while the graph runs, between two frames and with the state of \
             the one before; it is put back by itself if the new one fails within its first 30 frames",
        ),
        Setting::optional(
            "sha256",
            Takes::Text,
            "the hash the plugin's file must have, as sha256sum prints it; any other is refused",
        ),
        Setting::optional(
            "allow",
            Takes::List(&Takes::Choice(&Permission::NAMES)),
            "what it may do; all of it if left out",
        ),
        Setting::optional(
            "models",
            Takes::List(&Takes::Model),
            "the models it may run, by their names in the graph's `models:`; none if left out",
        ),
    ],
    open: true,
    example: "id: motion\nkind: plugin\nplugin: motion\ninputs: camera\n",
};

/// The kind `plugin`, with the programs it has loaded.
pub struct Kind {
    library: Library,
    models: Shelf,
}

impl Default for Kind {
    fn default() -> Kind {
        Kind { library: Library::new(Cache::of_user(), Kept::of_user()), models: Shelf::default() }
    }
}

impl Kind {
    /// Keeps compiled and fetched plugins in `folder` rather than where the user's are: for tests.
    pub fn with_cache_in(folder: PathBuf) -> Kind {
        let kept = Kept::in_folder(folder.join("registry"));
        Kind { library: Library::new(Cache::in_folder(folder), kept), models: Shelf::default() }
    }

    /// Counts what its plugins do, as `fuel` among the node's counters; they run slower for it.
    pub fn metered() -> Kind {
        Kind { library: Library::metered(Kept::of_user()), models: Shelf::default() }
    }

    /// The models that the node names, loaded.
    ///
    /// # Errors
    /// A finding for each that cannot be run.
    fn models(&self, settings: &Settings) -> Result<Shared, Vec<Diagnostic>> {
        let (mut models, mut findings) = (Vec::new(), Vec::new());
        for (index, value) in settings.try_list("models").unwrap_or_default().iter().enumerate() {
            let Value::Model(model) = value else { continue };
            match self.models.take(model) {
                Ok(network) => models.push((model.name.clone(), network)),
                Err(reason) => {
                    findings.push(unloadable(model, &reason, Path::root().key("models").index(index)))
                }
            }
        }
        if findings.is_empty() { Ok(models.into()) } else { Err(findings) }
    }

    /// The program, and proof that it says what it is.
    fn loaded(&self, settings: &Settings) -> Result<Loaded, Diagnostic> {
        let named = settings.get("plugin").expect("the setting is required");
        let program = self.library.program(named)?;
        match program.describe_within(&limits(settings)) {
            Ok(_) => Ok(Loaded(program)),
            Err(reason) => {
                let message = format!("\"{}\" does not say what it is: {reason}", shown(named));
                Err(Diagnostic::error("bad-plugin", Path::root().key("plugin"), message))
            }
        }
    }
}

/// A program that has described itself.
struct Loaded(Arc<Program>);

impl Loaded {
    fn description(&self) -> &Description {
        self.0.describe().expect("a loaded program has described itself, and says the same every time")
    }
}

impl NodeKind for Kind {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn contract(&self, settings: &Settings) -> Result<Contract, Vec<Diagnostic>> {
        let loaded = self.loaded(settings).map_err(|finding| vec![finding])?;
        let (program, description) = (&loaded.0, loaded.description());
        let mut findings = ungranted(program, settings);
        findings.extend(broken_privacy(description, settings));
        match misgranted_models(program, settings) {
            Some(finding) => findings.push(finding),
            None => findings.extend(self.models(settings).err().unwrap_or_default()),
        }
        findings.extend(unpinned(program, settings));
        findings.extend(unwatchable(settings));
        match program.validator() {
            Ok(validator) => findings.extend(settings::faults(validator, &description.schema, &settings.raw)),
            Err(reason) => {
                findings.push(Diagnostic::error("bad-plugin", Path::root().key("plugin"), reason));
            }
        }
        match findings.is_empty() {
            true => Ok(contract_of(program.passport.world, &description.formats)),
            false => Err(findings),
        }
    }

    fn outputs(&self, settings: &Settings, inputs: &[Option<Format>]) -> Result<Vec<Format>, Diagnostic> {
        let Loaded(program) = self.loaded(settings)?;
        let frames = inputs.first().copied().flatten();
        let Some(frames @ Format::Frames(_)) = frames else {
            let message = "a plugin needs frames on its input \"frames\"";
            return Err(Diagnostic::error("unfed-input", Path::root().key("inputs"), message));
        };
        Ok(match program.passport.world {
            World::Detector => vec![frames, Format::Detections],
            World::Filter | World::Overlay | World::Analyzer => vec![frames],
        })
    }

    fn fails_open(&self, settings: &Settings) -> bool {
        let is_privacy = self.loaded(settings).is_ok_and(|loaded| loaded.description().is_privacy());
        OnError::read(settings.try_choice("on_error"), is_privacy) == OnError::Pass
    }

    fn build(&self, settings: &Settings, inputs: &[Option<Format>], site: &Site) -> Result<Node, NodeError> {
        let loaded = self.loaded(settings).map_err(|finding| NodeError::stop_graph(finding.message))?;
        let is_privacy = loaded.description().is_privacy();
        let models = self.models(settings).map_err(|findings| {
            NodeError::stop_graph(
                findings.into_iter().map(|finding| finding.message).collect::<Vec<_>>().join("; "),
            )
        })?;
        let limits = limits(settings);
        let video = inputs.first().copied().flatten().and_then(|format| format.frames());
        let interval = video.and_then(|video| video.rate).map(|rate| rate.interval());
        let recipe = Recipe {
            plugin: shown(settings.get("plugin").expect("the setting is required")),
            program: loaded.0,
            times: Times {
                soft: limits.soft_time(interval),
                hard: limits.hard_time(interval),
                live: site.epoch.live,
            },
            first: limits.first_time(interval),
            limits,
            settings: text_of(&settings.raw),
            models,
        };
        let on_error = OnError::read(settings.try_choice("on_error"), is_privacy);
        let watched =
            watched(settings, &recipe, video.map(|video| video.pixel), on_error, self.library.cache());
        let place = Place { settings: settings.clone(), inputs: inputs.to_vec(), watched };
        Plugin::start(recipe, on_error, place, site).map(|plugin| Node::Filter(Box::new(plugin)))
    }
}

fn limits(settings: &Settings) -> Limits {
    settings.try_group("limits").map(Limits::read).unwrap_or_default()
}

fn contract_of(world: World, formats: &[PixelFormat]) -> Contract {
    let accepts = match formats {
        [] => Accepts::any_frames(),
        formats => Accepts::frames(formats),
    };
    let mut inputs = vec![InputPort::each("frames", accepts)];
    let mut outputs = vec![OutputPort { name: "frames" }];
    match world {
        World::Detector => outputs.push(OutputPort { name: "detections" }),
        World::Filter | World::Overlay | World::Analyzer => {
            inputs.push(InputPort::latest("detections", vec![Accepts::Detections]));
        }
    }
    Contract { inputs, outputs, work: Work::Compute, pace: Pace::Free }
}

/// What the plugin imports and the graph does not grant.
fn ungranted(program: &Program, settings: &Settings) -> Vec<Diagnostic> {
    let Some(granted) = settings.try_list("allow") else { return Vec::new() };
    let granted = |permission: &&Permission| !granted.contains(&Value::Choice(permission.name()));
    let missing: Vec<&Permission> = program.passport.permissions.iter().filter(granted).collect();
    let finding = |permission: &Permission| {
        let (name, words) = (permission.name(), permission.in_words());
        let message = format!("the plugin imports \"{name}\" (to {words}), which `allow` does not grant");
        Diagnostic::error("not-granted", Path::root().key("allow"), message)
            .help(format!("add {name} to `allow`, or use a plugin that does without"))
    };
    missing.into_iter().map(finding).collect()
}

/// Models for a plugin that runs none, or none for one that does: either is a mistake.
fn misgranted_models(program: &Program, settings: &Settings) -> Option<Diagnostic> {
    let given = settings.try_list("models").is_some_and(|models| !models.is_empty());
    let wanted = program.passport.permissions.contains(&Permission::Infer);
    match (given, wanted) {
        (false, true) => Some(
            Diagnostic::error(
                "not-granted",
                Path::root(),
                "the plugin runs models, and this node names none",
            )
            .help("add `models: [NAME]`, with a name from the graph's `models:`"),
        ),
        (true, false) => {
            let message = "the plugin does not import \"inference\": it runs no models";
            let finding = Diagnostic::error("not-imported", Path::root().key("models"), message);
            Some(finding.at_key().help("remove `models`, or use a plugin that runs them"))
        }
        _ => None,
    }
}

fn unloadable(model: &Model, reason: &Unloadable, path: Path) -> Diagnostic {
    let code = match reason {
        Unloadable::Unreadable(error) if error.kind() == ErrorKind::NotFound => "file-not-found",
        Unloadable::OtherDigest { .. } => "wrong-digest",
        _ => "bad-model",
    };
    let message = format!("model \"{}\", {}: {reason}", model.name, model.path.display());
    let finding = Diagnostic::error(code, path, message);
    match reason {
        Unloadable::OtherDigest { .. } => {
            finding.help("if this file is the one you mean, write its digest at the model's `sha256`")
        }
        Unloadable::OtherInput { .. } => {
            finding.help("change `size`, `format` or `layout` in the `input` of the model")
        }
        Unloadable::Unsupported(_) => {
            finding.help("export the model without them: `framegate` runs ONNX operator sets 9 to 18")
        }
        _ => finding,
    }
}

/// What a plugin may do: what `allow` says, or what it imports when the graph starts.
fn allowed(program: &Program, settings: &Settings) -> Vec<Permission> {
    let Some(granted) = settings.try_list("allow") else { return program.passport.permissions.clone() };
    let granted = |permission: &Permission| granted.contains(&Value::Choice(permission.name()));
    Permission::ALL.into_iter().filter(granted).collect()
}

fn watched(
    settings: &Settings,
    recipe: &Recipe,
    pixel: Option<PixelFormat>,
    on_error: OnError,
    cache: &Cache,
) -> Option<Watched> {
    let (true, Some(Value::Path(file))) = (settings.bool("watch"), settings.get("plugin")) else {
        return None;
    };
    let allowed = allowed(&recipe.program, settings);
    let given = settings.raw.clone();
    Some(Watched {
        file: file.clone(),
        rules: Rules { cache: cache.clone(), pixel, allowed, given, on_error },
    })
}

/// The hash that the graph asks for, and the plugin does not have.
fn unpinned(program: &Program, settings: &Settings) -> Option<Diagnostic> {
    let pinned = settings.try_text("sha256")?;
    let path = Path::root().key("sha256");
    let is = program.key;
    let Some(wanted) = Digest::parse(pinned) else {
        let message = format!("\"sha256\" must be 64 hexadecimal digits, got \"{pinned}\"");
        let prefix =
            if pinned.starts_with("sha256:") { "write it without the prefix `sha256:`; " } else { "" };
        let help = format!("{prefix}this plugin has {is}");
        return Some(Diagnostic::error("wrong-type", path, message).help(help));
    };
    (wanted != is).then(|| {
        let message = format!("the plugin has the hash {is}, and the graph asks for {pinned}");
        Diagnostic::error("wrong-digest", path, message).help(
            "it is not the file this graph was written for; if it is meant to be another, write its hash",
        )
    })
}

fn unwatchable(settings: &Settings) -> Option<Diagnostic> {
    if !settings.bool("watch") {
        return None;
    }
    let finding = |message: &str| Diagnostic::error("unwatchable", Path::root().key("watch"), message);
    if settings.get("sha256").is_some() {
        return Some(
            finding("a plugin pinned by `sha256` never changes")
                .help("leave out one of `watch` and `sha256`"),
        );
    }
    let what = match settings.get("plugin") {
        Some(Value::Path(_)) => return None,
        Some(Value::Text(name)) if registry::is_address(name) => "a plugin with a digest never changes",
        _ => "a bundled plugin never changes",
    };
    Some(finding(what).help("`watch` is for a file, like ./path/to.wasm"))
}

fn broken_privacy(description: &Description, settings: &Settings) -> Option<Diagnostic> {
    let passes = settings.try_choice("on_error") == Some("pass");
    (passes && description.is_privacy()).then(|| {
        let name = &description.name;
        let message = format!("\"{name}\" is a privacy plugin, and `pass` would show what it should hide");
        Diagnostic::error("privacy", Path::root().key("on_error"), message)
            .help("leave it out (a black picture goes on), or write `drop` or `stop`")
    })
}

fn shown(named: &Value) -> String {
    match named {
        Value::Path(file) => file.display().to_string(),
        Value::Text(name) => name.clone(),
        _ => String::new(),
    }
}

/// A `with:` block as plugins are given it.
pub fn text_of(raw: &Map<String, Json>) -> String {
    Json::Object(raw.clone()).to_string()
}
