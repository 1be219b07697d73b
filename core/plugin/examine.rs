//! `framegate plugin check`: whether a component is a plugin that a graph can use, for its author.
//!
//! Unlike `inspect` this runs it, sandboxed: what it says of itself is held against what it does.
//! Owns the rules and the example of its settings.

use serde_json::{Map, Value as Json};

use super::border::Permission;
use super::host::{Journal, State};
use super::inspect::{Ask, Portrait, Uninspectable, inspect_within};
use super::instance::{Failure, Instance};
use super::limits::Limits;
use super::program::{Description, Program};
use super::settings;
use crate::media::Pool;
use crate::node::{Counters, Halt};

/// What was found out about a component.
pub struct Examined {
    pub portrait: Portrait,
    /// What keeps it from working in a graph.
    pub faults: Vec<String>,
    /// What makes it harder to use than it needs to be.
    pub advice: Vec<String>,
    /// A `with:` block in YAML, as far as the schema tells one.
    pub example: String,
}

/// Looks at a bundled plugin or a file, runs it under `limits`, and tells everything that is wrong.
///
/// # Errors
/// [`Uninspectable`] when it is no plugin at all.
pub fn examine(named: &str, limits: &Limits) -> Result<Examined, Uninspectable> {
    let portrait = inspect_within(named, Ask::Describe, limits)?;
    let (mut faults, mut advice, mut example) = (Vec::new(), Vec::new(), String::new());
    match portrait.description() {
        None => {}
        Some(Err(reason)) => faults.push(format!("it does not say what it is: {reason}")),
        Some(Ok(said)) => {
            let settings = Example::of(&said.schema);
            example = settings.yaml();
            advice = unhelpful(said);
            faults.extend(schema_fault(portrait.program(), said, &settings, limits));
        }
    }
    Ok(Examined { portrait, faults, advice, example })
}

fn schema_fault(program: &Program, said: &Description, example: &Example, limits: &Limits) -> Option<String> {
    let validator = match settings::validator(&said.schema) {
        Ok(validator) => validator,
        Err(reason) => return Some(reason),
    };
    // Invented values may break rules that only the plugin knows.
    if !example.invented.is_empty() {
        return None;
    }
    if let Some(fault) = settings::faults(&validator, &said.schema, &example.values).first() {
        return Some(format!("its defaults break its own schema: {}", fault.message));
    }
    // Without a graph there are no models, and it may well insist on one.
    if program.passport.permissions.contains(&Permission::Infer) {
        return None;
    }
    let text = Json::Object(example.values.clone()).to_string();
    try_settings(program, &text, limits)
        .err()
        .map(|reason| format!("it does not take its own defaults: {reason}"))
}

fn try_settings(program: &Program, settings: &str, limits: &Limits) -> Result<(), String> {
    let journal = Journal::new("check", &Counters::default());
    let state = State::new(limits, journal, Pool::new(0), Halt::default(), false);
    let mut instance = Instance::start(program, limits, state).map_err(|fault| fault.to_string())?;
    instance.configure(settings).map_err(|failure| match failure {
        Failure::Refused(why) => why,
        Failure::Fault(fault) => fault.to_string(),
    })
}

fn unhelpful(said: &Description) -> Vec<String> {
    let mut advice = Vec::new();
    for (what, text) in [("name", &said.name), ("version", &said.version), ("summary", &said.summary)] {
        if text.trim().is_empty() {
            advice.push(format!("it says no {what} of itself"));
        }
    }
    let closed = ["additionalProperties", "unevaluatedProperties"];
    if !closed.iter().any(|key| said.schema[key] == Json::Bool(false)) {
        advice.push(
            "its schema lets unknown settings pass, so a misspelt one is never noticed; in Rust: \
             #[serde(deny_unknown_fields)]"
                .to_owned(),
        );
    }
    let silent = properties(&said.schema).filter(|(_, schema)| text(schema, "description").is_none());
    advice.extend(silent.map(|(name, _)| format!("the setting \"{name}\" has no description")));
    advice
}

fn properties(schema: &Json) -> impl Iterator<Item = (&String, &Json)> {
    schema["properties"].as_object().into_iter().flatten()
}

fn text<'a>(schema: &'a Json, key: &str) -> Option<&'a str> {
    schema[key].as_str().filter(|text| !text.trim().is_empty())
}

/// Settings as an author would show them first.
struct Example {
    /// What there is a value for.
    values: Map<String, Json>,
    /// Required settings without a default: their values are made up.
    invented: Vec<String>,
    /// Each with its place in the block, as YAML.
    lines: Vec<String>,
}

impl Example {
    fn of(schema: &Json) -> Example {
        let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut example = Example { values: Map::new(), invented: Vec::new(), lines: Vec::new() };
        for (name, own) in properties(schema) {
            let shape = resolved(schema, own);
            let comment = text(own, "description").or(text(shape, "description"));
            let comment = comment.and_then(|text| text.lines().next()).unwrap_or_default();
            if let Some(value) = own.get("default") {
                example.values.insert(name.clone(), value.clone());
                example.line("", name, value, comment);
            } else if required.iter().any(|one| one == name) {
                let value = made_up(shape);
                example.values.insert(name.clone(), value.clone());
                example.invented.push(name.clone());
                example.line("", name, &value, comment);
            } else {
                example.line("# ", name, &made_up(shape), comment);
            }
        }
        example
    }

    fn line(&mut self, before: &str, name: &str, value: &Json, comment: &str) {
        // JSON is YAML too, and needs no rules for quoting.
        let line = format!("{before}{name}: {}", shortest(value));
        self.lines.push(match comment {
            "" => line,
            comment => format!("{line:<24} # {comment}"),
        });
    }

    fn yaml(&self) -> String {
        match self.lines.is_empty() {
            true => "with: {}\n".to_owned(),
            false => self.lines.iter().fold("with:\n".to_owned(), |text, line| text + "  " + line + "\n"),
        }
    }
}

/// Schemas write a 32-bit 0.6 as 0.6000000238418579; nobody meant that.
fn shortest(value: &Json) -> String {
    match value.as_f64() {
        Some(number) if value.is_f64() && f64::from(number as f32) == number => (number as f32).to_string(),
        _ => value.to_string(),
    }
}

/// What a plain reference into the schema leads to.
fn resolved<'a>(schema: &'a Json, part: &'a Json) -> &'a Json {
    let target = part["$ref"].as_str().and_then(|reference| schema.pointer(reference.strip_prefix('#')?));
    target.unwrap_or(part)
}

fn made_up(shape: &Json) -> Json {
    if let Some(value) = shape["examples"].get(0).or(shape["enum"].get(0)).or(shape.get("const")) {
        return value.clone();
    }
    let kind = shape["type"].as_str().or(shape["type"].get(0).and_then(Json::as_str));
    match kind {
        Some("integer" | "number") => shape.get("minimum").cloned().unwrap_or(Json::from(1)),
        Some("boolean") => Json::from(true),
        Some("array") => Json::Array(Vec::new()),
        Some("object") => Json::Object(Map::new()),
        _ => Json::from("…"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_example_shows_defaults_and_says_what_the_rest_is_for() {
        let schema = json!({
            "properties": {
                "gamma": { "default": 0.6_f32, "description": "Below 1 lifts the shadows.\nMore." },
                "zone": { "$ref": "#/$defs/zone" },
                "mode": { "enum": ["fast", "good"] },
            },
            "required": ["mode"],
            "$defs": { "zone": { "type": "array", "description": "Where" } },
        });
        let example = Example::of(&schema);
        assert_eq!(
            example.yaml(),
            "with:\n  gamma: 0.6               # Below 1 lifts the shadows.\n  # zone: []               # Where\n  \
             mode: \"fast\"\n"
        );
        assert_eq!(example.invented, ["mode"]);
    }

    #[test]
    fn the_reference_plugins_pass_without_advice() {
        for (name, _) in crate::plugin::bundled::ALL {
            let examined = examine(name, &Limits::default()).unwrap();
            assert!(examined.faults.is_empty(), "{name}: {:?}", examined.faults);
            assert!(examined.advice.is_empty(), "{name}: {:?}", examined.advice);
        }
    }
}
