//! The forms of `inputs:`: a node, a port of a node, a mapping by input port, and the long form.

use std::time::Duration;

use serde_json::{Map, Value as Json};

use super::document::Wires;
use super::settings::{Reader, Reported, Table, kind_of, nowhere};
use crate::diagnostic::{Diagnostic, Path};
use crate::media::Rate;
use crate::node::{Join, Setting, Settings, Takes, WhenFull};

/// More inputs than any node has.
const MOST_INPUTS: usize = 64;

/// The long form of one input.
pub const LINK: &[Setting] = &[
    Setting::required("from", Takes::Text, "The node, or `node.port`, that feeds this input"),
    Setting::optional(
        "queue",
        Takes::Integer { least: 1, most: 1024 },
        "How many items may wait on the link",
    ),
    Setting::optional(
        "when_full",
        Takes::Choice(&WhenFull::NAMES),
        "What a full link does with the next item",
    ),
    Setting::optional("join", Takes::Choice(&Join::NAMES), "How the input waits for its items"),
    Setting::optional(
        "max_age",
        Takes::Duration { least: Duration::ZERO, most: Duration::from_secs(3600) },
        "How old an item may be against the one that drives the node, for `latest` and `same_pts`",
    ),
    Setting::optional("rate", Takes::Rate, "The most items a second that are let in"),
];

/// One input of a node as written.
#[derive(Debug)]
pub(super) struct Wire {
    /// The input port; `None` in the short form.
    pub port: Option<String>,
    /// `motion` or `motion.frames`.
    pub from: String,
    pub options: Options,
    /// Of the whole input.
    pub path: Path,
    /// Of the address alone.
    pub from_path: Path,
}

/// What the long form says about a link.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    pub queue: Option<usize>,
    pub when_full: Option<WhenFull>,
    pub join: Option<Join>,
    pub max_age: Option<Duration>,
    pub rate: Option<Rate>,
}

/// Reads a node's `inputs`.
pub(super) fn read(reader: &mut Reader<'_>, json: Option<&Json>, path: &Path) -> Wires {
    let wires = match json {
        None => Ok(Vec::new()),
        Some(_) if reader.origins.missing.contains(path) => Err(Reported),
        Some(Json::String(from)) => Ok(vec![plain(None, from, path)]),
        // The long form of the only input, without naming it.
        Some(Json::Object(entries)) if entries.contains_key("from") => {
            long(reader, None, entries, path).map(|wire| vec![wire])
        }
        Some(Json::Object(entries)) if entries.len() > MOST_INPUTS => {
            let message = format!("a node may have at most {MOST_INPUTS} inputs, got {}", entries.len());
            reader.report(Diagnostic::error("out-of-range", path.clone(), message));
            Err(Reported)
        }
        Some(Json::Object(entries)) => {
            let read: Vec<_> =
                entries.iter().map(|(port, json)| one(reader, port, json, &path.key(port))).collect();
            read.into_iter().collect()
        }
        Some(other) => {
            reader.report(wrong_form("inputs", other, path));
            Err(Reported)
        }
    };
    wires.map_or(Wires::Faulty, Wires::Read)
}

fn one(reader: &mut Reader<'_>, port: &str, json: &Json, path: &Path) -> Result<Wire, Reported> {
    match json {
        _ if reader.origins.missing.contains(path) => Err(Reported),
        Json::String(from) => Ok(plain(Some(port), from, path)),
        Json::Object(entries) => long(reader, Some(port), entries, path),
        other => {
            reader.report(wrong_form(port, other, path));
            Err(Reported)
        }
    }
}

fn plain(port: Option<&str>, from: &str, path: &Path) -> Wire {
    Wire {
        port: port.map(str::to_owned),
        from: from.to_owned(),
        options: Options::default(),
        path: path.clone(),
        from_path: path.clone(),
    }
}

fn long(
    reader: &mut Reader<'_>,
    port: Option<&str>,
    entries: &Map<String, Json>,
    path: &Path,
) -> Result<Wire, Reported> {
    let table = Table { settings: LINK, others: &[], open: false, of: "an input", elsewhere: &nowhere };
    let settings = reader.table(&table, entries, path).ok_or(Reported)?;
    Ok(Wire {
        port: port.map(str::to_owned),
        from: settings.text("from").to_owned(),
        options: options(&settings),
        path: path.clone(),
        from_path: path.key("from"),
    })
}

fn options(settings: &Settings) -> Options {
    let when_full = |name| {
        [WhenFull::DropOldest, WhenFull::DropNewest, WhenFull::Block, WhenFull::ToKeyframe]
            .into_iter()
            .find(|policy| policy.name() == name)
    };
    let join = |name| [Join::Each, Join::SamePts, Join::Latest].into_iter().find(|join| join.name() == name);
    Options {
        queue: settings.try_integer("queue").and_then(|queue| usize::try_from(queue).ok()),
        when_full: settings.try_choice("when_full").and_then(when_full),
        join: settings.try_choice("join").and_then(join),
        max_age: settings.try_duration("max_age"),
        rate: settings.try_rate("rate"),
    }
}

fn wrong_form(name: &str, json: &Json, path: &Path) -> Diagnostic {
    let message = format!("\"{name}\" must name a node, got {}", kind_of(json));
    let help = match json {
        Json::Array(nodes) if nodes.len() > 1 => {
            "write each node beside the input it feeds: `inputs: { frames: camera, detections: motion }`; `framegate kinds KIND` lists the inputs of a kind"
        }
        _ => {
            "write `inputs: camera`, `inputs: { frames: camera.frames }`, or `inputs: { frames: { from: camera, queue: 2 } }`"
        }
    };
    Diagnostic::error("wrong-type", path.clone(), message).help(help)
}
