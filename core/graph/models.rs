//! The `models:` section: neural networks by name, and which node names which.
//!
//! Owns the table of an entry and what a name means. Opens no file: whether one is there and is a
//! network, the kind of the node that names it finds out.

use std::sync::Arc;

use serde_json::Value as Json;

use super::settings::{Reader, Table, kind_of, nowhere};
use super::{address, suggest};
use crate::diagnostic::{Diagnostic, Path};
use crate::media::PixelFormat;
use crate::node::{Digest, Layout, Model, ModelInput, Setting, Settings, Takes, Value};

/// More than a graph has use for.
const MOST_MODELS: usize = 64;
/// A value of a channel, and what is taken from it.
const BYTE: Takes = Takes::Number { least: -255.0, most: 255.0 };
/// By what a value is divided. Less would blow noise up to nonsense.
const SPREAD: Takes = Takes::Number { least: 0.01, most: 255.0 };

/// What an entry of `models:` may hold.
pub const MODEL: &[Setting] = &[
    Setting::required("name", Takes::Text, "What nodes and their plugins call the model"),
    Setting::required("path", Takes::Path, "The ONNX file"),
    Setting::optional(
        "sha256",
        Takes::Text,
        "The SHA-256 that the file must have, as 64 hexadecimal digits; another file is refused",
    ),
    Setting::required("input", Takes::Group(INPUT), "How a picture becomes the model's input"),
];

const INPUT: &[Setting] = &[
    Setting::required("size", Takes::Size, "The size to which the picture, or a part of it, is scaled"),
    Setting::with_default(
        "format",
        Takes::Choice(&["rgb24", "gray8"]),
        "rgb24",
        "What its pixels are: red, green and blue, or luma alone",
    ),
    Setting::with_default(
        "layout",
        Takes::Choice(&Layout::NAMES),
        "nchw",
        "The order of its tensor: a plane for each channel, or the channels of a pixel side by side",
    ),
    Setting::with_default(
        "mean",
        Takes::List(&BYTE),
        "[0]",
        "What is taken from each byte: one number, or one for each channel",
    ),
    Setting::with_default(
        "deviation",
        Takes::List(&SPREAD),
        "[255]",
        "What the rest is divided by: one number, or one for each channel; with a `mean` of 0 and 255 here the model sees values from 0 to 1",
    ),
];

/// The section as it was read.
#[derive(Default)]
pub(super) struct Models {
    entries: Vec<Entry>,
    /// Whether all of it could be read: only then is an unknown name a fault of whoever wrote it.
    faulty: bool,
}

struct Entry {
    path: Path,
    name: String,
    /// `None`: it has faults, which were reported.
    model: Option<Arc<Model>>,
    used: bool,
}

/// What a name leads to.
pub(super) enum Found {
    Model(Arc<Model>),
    /// Something by this name has faults, which were reported.
    Faulty,
    Unknown(Diagnostic),
}

impl Models {
    /// Looks up what stands at `path`, and notes that it is used.
    pub fn find(&mut self, name: &str, path: &Path) -> Found {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.name == name) {
            entry.used = true;
            return entry.model.clone().map_or(Found::Faulty, Found::Model);
        }
        if self.faulty {
            return Found::Faulty;
        }
        let names: Vec<&str> = self.entries.iter().map(|entry| entry.name.as_str()).collect();
        let all = match names.is_empty() {
            true => "add it at the top of the graph: `models:`, with a name, a path and an input".to_owned(),
            false => format!("`models:` has {}", suggest::list(names.iter().copied())),
        };
        let finding =
            Diagnostic::error("unknown-model", path.clone(), format!("no model is called \"{name}\""));
        Found::Unknown(finding.help(suggest::help(name, names, &all)))
    }

    /// Every sound model, in the order of the file.
    pub fn sound(&self) -> Vec<Arc<Model>> {
        self.entries.iter().filter_map(|entry| entry.model.clone()).collect()
    }

    /// A warning for each model that no node names.
    pub fn unused(&self) -> Vec<Diagnostic> {
        let unused = self.entries.iter().filter(|entry| !entry.used);
        let warn = |entry: &Entry| {
            let message = format!("no node uses the model \"{}\"", entry.name);
            Diagnostic::warning("unused-model", entry.path.clone(), message)
                .help(format!("name it in a plugin node, `models: [{}]`, or remove it", entry.name))
        };
        unused.map(warn).collect()
    }
}

/// Reads the section.
pub(super) fn read(reader: &mut Reader<'_>, section: Option<&Json>) -> Models {
    let path = Path::root().key("models");
    let items = match section {
        None | Some(Json::Null) => return Models::default(),
        Some(Json::Array(items)) if items.len() <= MOST_MODELS => items,
        Some(other) => {
            if !reader.origins.missing.contains(&path) {
                reader.report(no_list(other, path));
            }
            return Models { faulty: true, ..Models::default() };
        }
    };
    let mut models = Models::default();
    for (index, item) in items.iter().enumerate() {
        match entry(reader, item, path.index(index)) {
            Some(entry) if models.entries.iter().any(|other| other.name == entry.name) => {
                let message = format!("two models are called \"{}\"", entry.name);
                let finding = Diagnostic::error("duplicate-model", entry.path.key("name"), message);
                reader.report(finding.help("give one of them another name"));
            }
            Some(entry) => models.entries.push(entry),
            None => models.faulty = true,
        }
    }
    models
}

fn no_list(json: &Json, path: Path) -> Diagnostic {
    let finding = match json {
        Json::Array(items) => {
            let message = format!("a graph may have at most {MOST_MODELS} models, got {}", items.len());
            Diagnostic::error("out-of-range", path, message)
        }
        other => {
            let message = format!("\"models\" must be a list, got {}", kind_of(other));
            Diagnostic::error("wrong-type", path, message)
        }
    };
    finding.help("write one entry for each model: `- name: faces`, and below it `path:` and `input:`")
}

/// `None`: it has not even a name.
fn entry(reader: &mut Reader<'_>, item: &Json, path: Path) -> Option<Entry> {
    let Json::Object(given) = item else {
        if !reader.origins.missing.contains(&path) {
            let message = format!("a model must be a mapping, got {}", kind_of(item));
            let finding = Diagnostic::error("wrong-type", path, message);
            reader.report(finding.help("write `- name: faces`, and below it `path:` and `input:`"));
        }
        return None;
    };
    let table = Table { settings: MODEL, others: &[], open: false, of: "a model", elsewhere: &nowhere };
    let settings = reader.table(&table, given, &path);
    let model = settings.and_then(|settings| model(reader, &settings, &path)).map(Arc::new);
    let name = given.get("name").and_then(Json::as_str)?.to_owned();
    Some(Entry { path, name, model, used: false })
}

fn model(reader: &mut Reader<'_>, settings: &Settings, path: &Path) -> Option<Model> {
    let name = name(reader, settings.text("name"), path);
    let digest = settings.try_text("sha256").map(|text| digest(reader, text, path));
    let input = input(reader, settings.group("input"), &path.key("input"));
    Some(Model {
        name: name?,
        path: settings.path("path").to_owned(),
        digest: digest.map_or(Some(None), |digest| digest.map(Some))?,
        input: input?,
    })
}

fn name(reader: &mut Reader<'_>, name: &str, path: &Path) -> Option<String> {
    if address::is_id(name) {
        return Some(name.to_owned());
    }
    let rule = "a name is a small letter, then small letters, digits, `-` and `_`, 64 at the most";
    let message = format!("\"{name}\" is not a name for a model");
    reader.report(Diagnostic::error("bad-id", path.key("name"), message).help(rule));
    None
}

fn digest(reader: &mut Reader<'_>, text: &str, path: &Path) -> Option<Digest> {
    let digest = Digest::parse(text);
    if digest.is_none() {
        let message =
            format!("\"sha256\" must be 64 hexadecimal digits, got {} characters", text.chars().count());
        let finding = Diagnostic::error("wrong-type", path.key("sha256"), message);
        reader.report(finding.help(match text.starts_with("sha256:") {
            true => "write it without the prefix `sha256:`",
            false => "`sha256sum FILE` prints it",
        }));
    }
    digest
}

fn input(reader: &mut Reader<'_>, settings: &Settings, path: &Path) -> Option<ModelInput> {
    let pixel = match settings.choice("format") {
        "gray8" => PixelFormat::Gray8,
        _ => PixelFormat::Rgb24,
    };
    let layout = match settings.choice("layout") {
        "nhwc" => Layout::Nhwc,
        _ => Layout::Nchw,
    };
    let channels = if pixel == PixelFormat::Gray8 { 1 } else { 3 };
    let mean = per_channel(reader, settings, "mean", channels, path);
    let deviation = per_channel(reader, settings, "deviation", channels, path);
    Some(ModelInput { size: settings.size("size"), pixel, layout, mean: mean?, deviation: deviation? })
}

/// One number for all channels, or one for each.
fn per_channel(
    reader: &mut Reader<'_>,
    settings: &Settings,
    key: &str,
    channels: usize,
    path: &Path,
) -> Option<[f32; 3]> {
    let number = |value: &Value| match value {
        Value::Number(number) => *number as f32,
        _ => 0.0,
    };
    let numbers: Vec<f32> = settings.list(key).iter().map(number).collect();
    match numbers[..] {
        [all] => Some([all; 3]),
        [red, green, blue] if channels == 3 => Some([red, green, blue]),
        _ => {
            let many = if channels == 3 { "one number or three" } else { "one number" };
            let message = format!("\"{key}\" must have {many}, got {}", numbers.len());
            let help = format!("there is one for each channel of `format: {}`", settings.choice("format"));
            reader.report(Diagnostic::error("wrong-type", path.key(key), message).help(help));
            None
        }
    }
}
