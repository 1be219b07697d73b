//! `framegate schema`: the JSON Schema of the graph file, for editors.
//!
//! Made from the same tables as the checks, so that the two cannot disagree.

use std::process::ExitCode;

use serde_json::{Map, Value as Json, json};

use super::{all_kinds, print};
use crate::graph;
use crate::node::{About, Kinds, Role, Setting, Takes, default_json, units};
use crate::plugin;

/// Prints the JSON Schema of the graph file.
///
/// Editors with a YAML language server then complete keys, show what they do and mark mistakes.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  framegate schema > graphs/schema.json

and as the first line of a graph beside it:
  # yaml-language-server: $schema=./schema.json")]
pub struct Args {}

pub fn main(_args: Args) -> ExitCode {
    print(&format!("{:#}\n", complete()));
    ExitCode::SUCCESS
}

/// The schema of graphs made of this build's kinds and plugins.
pub fn complete() -> Json {
    let mut schema = schema(&all_kinds());
    let plugins = plugin::bundled_plugins();
    for plugin in &plugins {
        add_plugin(&mut schema, plugin);
    }
    let names: Vec<Json> =
        plugins.iter().map(|about| json!({ "const": about.name, "description": about.summary })).collect();
    let file = json!({ "type": "string", "pattern": "[/.$]", "description": "A component's file, like ./night.wasm" });
    let of_plugin = schema["$defs"]["node"]["allOf"].as_array_mut().into_iter().flatten();
    let of_plugin = of_plugin.filter(|rule| rule["if"]["properties"]["kind"]["const"] == "plugin");
    for rule in of_plugin {
        let property = &mut rule["then"]["properties"]["plugin"];
        property["anyOf"] = Json::Array(names.iter().cloned().chain([file.clone()]).collect());
    }
    schema
}

/// What the settings of one bundled plugin may be.
fn add_plugin(schema: &mut Json, about: &plugin::About) {
    let mut settings = about.settings.clone();
    let definitions = settings.as_object_mut().and_then(|top| top.remove("$defs"));
    rename_references(&mut settings, about.name);
    for key in ["$schema", "$id"] {
        settings.as_object_mut().and_then(|top| top.remove(key));
    }
    settings["description"] = json!(about.summary);
    // Any setting may come from the environment.
    let properties = settings.get_mut("properties").and_then(Json::as_object_mut);
    for setting in properties.into_iter().flat_map(Map::values_mut) {
        let described = setting["description"].clone();
        let default = setting.as_object_mut().and_then(|setting| setting.remove("default"));
        *setting = json!({ "anyOf": [setting.take(), { "$ref": "#/$defs/variable" }] });
        for (key, value) in [("description", Some(described)), ("default", default)] {
            if let Some(value) = value.filter(|value| !value.is_null()) {
                setting[key] = value;
            }
        }
    }
    let rule = json!({
        "if": {
            "properties": { "kind": { "const": "plugin" }, "plugin": { "const": about.name } },
            "required": ["kind", "plugin"],
        },
        "then": { "properties": { "with": settings } },
    });
    let defs = &mut schema["$defs"];
    for (name, mut definition) in definitions.and_then(into_entries).into_iter().flatten() {
        rename_references(&mut definition, about.name);
        defs[format!("{}.{name}", about.name)] = definition;
    }
    if let Some(rules) = defs["node"]["allOf"].as_array_mut() {
        rules.push(rule);
    }
}

fn into_entries(json: Json) -> Option<Map<String, Json>> {
    match json {
        Json::Object(entries) => Some(entries),
        _ => None,
    }
}

/// The definitions of all plugins stand in one place, each under its plugin's name.
fn rename_references(schema: &mut Json, plugin: &str) {
    match schema {
        Json::Array(items) => items.iter_mut().for_each(|item| rename_references(item, plugin)),
        Json::Object(entries) => {
            for (key, value) in entries {
                match value {
                    Json::String(reference) if key == "$ref" => {
                        *reference = reference.replace("#/$defs/", &format!("#/$defs/{plugin}."));
                    }
                    value => rename_references(value, plugin),
                }
            }
        }
        _ => {}
    }
}

/// The schema of graphs made of `kinds`.
pub fn schema(kinds: &Kinds) -> Json {
    let mut top = mapping(graph::TOP, "A graph of video nodes");
    let properties = &mut top["properties"];
    properties["version"] =
        json!({ "const": graph::VERSION, "description": "The version of the graph language" });
    properties["nodes"] = json!({
        "type": "array",
        "minItems": 1,
        "description": "What the graph is made of, in the order in which it is read",
        "items": { "$ref": "#/$defs/node" },
    });
    properties["server"] = mapping(graph::SERVER, "Where the graph is served");
    // A port alone looks like a number.
    properties["server"]["properties"]["listen"]["type"] = json!(["string", "integer"]);
    properties["models"] = json!({
        "type": "array",
        "description": "Neural networks that plugins may run where a node names them",
        "items": mapping(graph::MODEL, "A neural network, in an ONNX file"),
    });
    properties["rules"] = json!({
        "type": "array",
        "description": "What must hold of every picture that is shown; a graph that breaks a rule does not start",
        "items": {
            "type": "string",
            "pattern": "^\\s*every\\s+path\\s|\\$\\{",
            "description": "Every path of pictures into a node passes another",
            "examples": ["every path into live must pass blur", "every path from door into live must pass blur or black"],
        },
    });
    properties["include"] = json!({
        "type": "array",
        "description": "Groups of nodes from other files, each used once or for each element of a list",
        "items": include(),
    });
    // Files with these are parts of graphs.
    properties["parameters"] = json!({
        "type": "object",
        "description": "In a file that others include: what each use may give, and the defaults; one without a default must be given. `${name}` stands for it",
        "propertyNames": { "pattern": "^[a-z][a-z0-9_]*$" },
        "examples": [{ "path": null, "bitrate": "1M" }],
    });
    top["required"] = json!(["version"]);
    top["anyOf"] = json!([{ "required": ["nodes"] }, { "required": ["include"] }]);
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Framegate graph",
    });
    merge(&mut schema, top);
    schema["$defs"] = json!({
        "node": node(kinds),
        "inputs": inputs(),
        "variable": {
            "type": "string",
            "pattern": "\\$\\{",
            "description": "A value from the environment: ${NAME} or ${NAME:-default}",
        },
    });
    schema
}

/// Any node: what all have in common, and for each kind what it takes.
fn node(kinds: &Kinds) -> Json {
    let names: Vec<&str> = kinds.names().collect();
    let stories: Vec<Json> = kinds.present.iter().map(|kind| of_kind(kind.about())).collect();
    let kind_names: Vec<Json> = kinds
        .present
        .iter()
        .map(|kind| json!({ "const": kind.about().name, "description": kind.about().summary }))
        .collect();
    json!({
        "type": "object",
        "required": ["id", "kind"],
        "properties": {
            "id": { "type": "string", "pattern": graph::ID_PATTERN, "maxLength": 64, "description": "What links, logs and the page call this node" },
            "kind": { "type": "string", "enum": names, "anyOf": kind_names, "description": "What the node does" },
        },
        "allOf": stories,
    })
}

/// What a node of one kind may hold besides.
fn of_kind(about: &About) -> Json {
    let mut with = mapping(about.with, about.summary);
    if about.open {
        with["additionalProperties"] = json!(true);
    }
    let mut then = mapping(&graph::beside(about), about.summary);
    let properties = &mut then["properties"];
    for key in ["id", "kind"] {
        properties[key] = json!(true);
    }
    properties["with"] = with;
    let mut required: Vec<&str> =
        about.beside.iter().filter(|setting| setting.required).map(|setting| setting.name).collect();
    if about.with.iter().any(|setting| setting.required) {
        required.push("with");
    }
    if about.role != Role::Source {
        properties["inputs"] = json!({ "$ref": "#/$defs/inputs" });
        required.push("inputs");
    }
    then["required"] = json!(required);
    then["examples"] = json!([about.example]);
    json!({ "if": { "properties": { "kind": { "const": about.name } }, "required": ["kind"] }, "then": then })
}

/// One entry of `include:`.
fn include() -> Json {
    let name = json!({
        "type": "string",
        "pattern": graph::ID_PATTERN,
        "description": "What the ids of this use begin with: `as: front` makes `camera` into `front-camera`",
        "examples": ["front"],
    });
    json!({
        "type": "object",
        "required": ["group"],
        "properties": {
            "group": { "type": "string", "description": "A file with `parameters:` and `nodes:`, relative to this one", "examples": ["groups/camera.yaml"] },
            "as": name,
            "with": { "type": "object", "description": "Values for parameters of the group, for every use of this entry" },
            "for_each": {
                "type": "array",
                "description": "One element for each use: its name, and values for parameters of the group",
                "items": { "type": "object", "properties": { "as": name }, "required": ["as"] },
                "examples": [[{ "as": "front", "path": "front.y4m" }, { "as": "yard", "path": "yard.y4m" }]],
            },
        },
        "additionalProperties": false,
        "oneOf": [{ "required": ["as"] }, { "required": ["for_each"] }],
    })
}

/// `inputs:` in its short and long forms.
fn inputs() -> Json {
    let address = json!({
        "type": "string",
        "description": "A node, or node.port",
        "examples": ["camera", "motion.frames"],
    });
    let long = mapping(graph::LINK, "A link with its options");
    let one = json!({ "anyOf": [address, long] });
    json!({
        "description": "What feeds this node: a node, a node's port, or a mapping from input ports to either",
        "anyOf": [
            one,
            { "type": "object", "additionalProperties": one, "not": { "required": ["from"] } },
        ],
    })
}

/// A mapping with the keys of `table` and no others.
fn mapping(table: &[Setting], description: &str) -> Json {
    let properties: Map<String, Json> =
        table.iter().map(|setting| (setting.name.to_owned(), one(setting))).collect();
    let required: Vec<&str> =
        table.iter().filter(|setting| setting.required).map(|setting| setting.name).collect();
    json!({
        "type": "object",
        "description": description,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn one(setting: &Setting) -> Json {
    let mut schema = takes(&setting.takes);
    schema["description"] = json!(format!("{} ({})", setting.doc, setting.takes.describe()));
    if let Some(default) = setting.default {
        schema["default"] = default_json(default);
        schema["examples"] = json!([default_json(default)]);
    }
    schema
}

/// What a value may be. Scalars may also come from the environment.
fn takes(takes: &Takes) -> Json {
    let scalar = |schema: Json| json!({ "anyOf": [schema, { "$ref": "#/$defs/variable" }] });
    match takes {
        Takes::Bool => scalar(json!({ "type": "boolean" })),
        Takes::Integer { least, most } => {
            scalar(json!({ "type": "integer", "minimum": least, "maximum": most }))
        }
        Takes::Number { least, most } => {
            scalar(json!({ "type": "number", "minimum": least, "maximum": most }))
        }
        Takes::Size => scalar(json!({ "type": "string", "pattern": "^[0-9]+x[0-9]+$" })),
        Takes::Rate => scalar(json!({ "type": ["number", "string"], "pattern": "^[0-9]+(/[0-9]+)?$" })),
        Takes::Duration { .. } => {
            let units = units::durations().collect::<Vec<_>>().join("|");
            let pattern = format!("^[0-9.]+ ?({units})$|^0$");
            scalar(json!({ "type": ["string", "integer"], "pattern": pattern }))
        }
        Takes::Bytes { .. } => {
            scalar(json!({ "type": ["string", "integer"], "pattern": "^[0-9.]+ ?([KMG]iB|[kMG]?B)?$" }))
        }
        Takes::Bitrate { .. } => {
            scalar(json!({ "type": ["string", "number"], "pattern": "^[0-9.]+ ?[kMG]?$" }))
        }
        Takes::Text | Takes::Path | Takes::NameOrPath | Takes::Model => json!({ "type": "string" }),
        Takes::Choice(choices) => scalar(json!({ "enum": choices })),
        Takes::Region => json!({
            "type": "array",
            "items": { "type": "number", "minimum": 0, "maximum": 1 },
            "minItems": 4,
            "maxItems": 4,
        }),
        Takes::Group(table) => mapping(table, ""),
        Takes::List(element) => json!({ "type": "array", "items": self::takes(element) }),
        Takes::Json => json!({}),
    }
}

/// Adds the entries of `more` to `schema`.
fn merge(schema: &mut Json, more: Json) {
    if let (Json::Object(schema), Json::Object(more)) = (schema, more) {
        schema.extend(more);
    }
}
