//! What a plugin's settings schema may be: a schema is text from a stranger, and the validator that follows
//! it promises nothing about what that costs.
//!
//! Owns the bounds: on characters, on references, and on the steps one check takes. Leaves the check itself
//! and its words to `settings`.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::host::journal::{is_unseen, neutral};

/// How often the parts of a schema may be applied to one value. Plain schemas need a few dozen; parts
/// that refer to each other in twos need a thousand million after thirty steps.
const MOST_APPLIED: u64 = 500;
/// References from one part to another. Those of the reference plugins have five.
const MOST_REFERENCES: usize = 500;
/// Parts of a schema applied to parts of one block of settings, all in all: a list of ten thousand numbers
/// takes thirty thousand, and some ten milliseconds.
const MOST_STEPS: u64 = 200_000;
/// How far a check may go down: the validator's own calls lie in each other as deep.
const DEEPEST: u32 = 256;

/// Whether `schema` may be made into a validator.
///
/// # Errors
/// What about it is not bearable, in words for its author.
pub fn check(schema: &Json) -> Result<(), String> {
    let mut references = Vec::new();
    collect_references(schema, &mut references)?;
    references.sort();
    references.dedup();
    if references.len() > MOST_REFERENCES {
        let count = references.len();
        return Err(format!("its settings schema has {count} references; it may have {MOST_REFERENCES}"));
    }
    let mut web = Web { schema, applied: HashMap::new() };
    for reference in &references {
        if web.applied(reference)? > MOST_APPLIED {
            return Err(format!(
                "its settings schema applies its parts to one value more than {MOST_APPLIED} times; let fewer of \
                 them refer to each other"
            ));
        }
    }
    Ok(())
}

/// Whether holding `value` against a schema that [`check`] has passed takes a bearable time.
///
/// # Errors
/// When it does not.
pub fn check_cost(schema: &Json, value: &Json) -> Result<(), String> {
    let mut meter = Meter { root: schema, left: MOST_STEPS };
    meter.apply(schema, value, 0).ok_or_else(|| {
        format!(
            "holding these settings against the plugin's schema takes more than {MOST_STEPS} steps, or \
             {DEEPEST} inside each other"
        )
    })
}

/// Whether `schema` may be shown to people: no character in it is one that a terminal or a log would follow.
///
/// # Errors
/// Names the first that is.
pub fn check_readable(schema: &Json) -> Result<(), String> {
    let seen = |text: &str, lines: bool| match text.chars().find(|c| is_unseen(*c) && !(lines && *c == '\n'))
    {
        None => Ok(()),
        Some(unseen) => {
            let text = neutral(text);
            Err(format!("its settings schema has the character U+{:04X} in \"{text}\"", unseen as u32))
        }
    };
    match schema {
        Json::String(text) => seen(text, true),
        Json::Array(items) => items.iter().try_for_each(check_readable),
        Json::Object(keys) => keys.iter().try_for_each(|(key, value)| {
            seen(key, false)?;
            check_readable(value)
        }),
        _ => Ok(()),
    }
}

/// Every `$ref` of a schema.
///
/// # Errors
/// When one is not a plain way into the schema itself: others cannot be followed here, and what
/// cannot be followed may turn in circles.
fn collect_references(schema: &Json, into: &mut Vec<String>) -> Result<(), String> {
    match schema {
        Json::Object(keys) => {
            for (key, value) in keys {
                match (key.as_str(), value) {
                    ("$ref", Json::String(reference)) if is_plain(reference) => into.push(reference.clone()),
                    ("$ref" | "$dynamicRef" | "$recursiveRef", Json::String(reference)) => {
                        return Err(format!(
                            "its settings schema refers to \"{}\"; it may refer to its own parts, like \
                             \"#/$defs/zone\"",
                            neutral(reference)
                        ));
                    }
                    (_, value) => collect_references(value, into)?,
                }
            }
            Ok(())
        }
        Json::Array(items) => items.iter().try_for_each(|item| collect_references(item, into)),
        _ => Ok(()),
    }
}

fn is_plain(reference: &str) -> bool {
    (reference == "#" || reference.starts_with("#/")) && !reference.contains(['%', '\n'])
}

fn target<'a>(schema: &'a Json, reference: &str) -> Option<&'a Json> {
    schema.pointer(reference.strip_prefix('#')?)
}

/// Which references lead to which without going into the value.
struct Web<'a> {
    schema: &'a Json,
    /// By reference; `None` while it is being worked out.
    applied: HashMap<String, Option<u64>>,
}

impl Web<'_> {
    /// How often what `reference` leads to has parts of the schema applied to one value, itself included.
    ///
    /// # Errors
    /// When it leads back to itself: checking anything against it would never end. (A list of lists refers
    /// to itself too, but one level further in each time.)
    fn applied(&mut self, reference: &str) -> Result<u64, String> {
        match self.applied.get(reference) {
            Some(Some(known)) => return Ok(*known),
            Some(None) => {
                return Err(format!(
                    "its settings schema refers to itself without end, at \"{}\"",
                    neutral(reference)
                ));
            }
            None => {}
        }
        self.applied.insert(reference.to_owned(), None);
        let mut next = Vec::new();
        target(self.schema, reference).into_iter().for_each(|part| same_value_references(part, &mut next));
        let mut all = 1u64;
        for reference in next {
            all = all.saturating_add(self.applied(&reference)?);
        }
        self.applied.insert(reference.to_owned(), Some(all));
        Ok(all)
    }
}

/// References that `schema` applies to the very value it is applied to.
fn same_value_references(schema: &Json, into: &mut Vec<String>) {
    let Json::Object(keys) = schema else { return };
    if let Some(Json::String(reference)) = keys.get("$ref") {
        into.push(reference.clone());
    }
    for (key, value) in keys {
        match (key.as_str(), value) {
            ("allOf" | "anyOf" | "oneOf", Json::Array(items)) => {
                items.iter().for_each(|item| same_value_references(item, into));
            }
            ("not" | "if" | "then" | "else", value) => same_value_references(value, into),
            ("dependentSchemas", Json::Object(all)) => {
                all.values().for_each(|item| same_value_references(item, into));
            }
            _ => {}
        }
    }
}

/// Goes where a validator would go, and counts; it may go where one would not, never the other way.
struct Meter<'a> {
    root: &'a Json,
    left: u64,
}

impl Meter<'_> {
    fn spend(&mut self, steps: usize) -> Option<()> {
        self.left = self.left.checked_sub(steps as u64)?;
        Some(())
    }

    /// `None` when the steps are used up.
    fn apply(&mut self, schema: &Json, value: &Json, depth: u32) -> Option<()> {
        self.spend(1)?;
        let Json::Object(keys) = schema else { return Some(()) };
        if depth > DEEPEST {
            return None;
        }
        // What is left over is found by going through all of the rest once more.
        let rounds = 1 + keys.keys().filter(|key| key.starts_with("unevaluated")).count();
        for _ in 0..rounds {
            keys.iter().try_for_each(|(key, part)| self.keyword(key, part, value, depth + 1))?;
        }
        Some(())
    }

    fn keyword(&mut self, key: &str, part: &Json, value: &Json, depth: u32) -> Option<()> {
        match (key, part, value) {
            ("$ref", Json::String(reference), _) => match target(self.root, reference) {
                Some(part) => self.apply(part, value, depth),
                None => Some(()),
            },
            ("allOf" | "anyOf" | "oneOf", Json::Array(parts), _) => {
                parts.iter().try_for_each(|part| self.apply(part, value, depth))
            }
            ("not" | "if" | "then" | "else", part, _) => self.apply(part, value, depth),
            ("dependentSchemas" | "dependencies", Json::Object(parts), _) => {
                parts.values().try_for_each(|part| self.apply(part, value, depth))
            }
            ("properties", Json::Object(parts), Json::Object(values)) => {
                self.spend(parts.len())?;
                let mut both = parts.iter().filter_map(|(name, part)| Some((part, values.get(name)?)));
                both.try_for_each(|(part, value)| self.apply(part, value, depth))
            }
            ("patternProperties", Json::Object(parts), Json::Object(values)) => {
                let mut pairs = parts.values().flat_map(|part| values.values().map(move |one| (part, one)));
                pairs.try_for_each(|(part, value)| self.apply(part, value, depth))
            }
            ("additionalProperties" | "unevaluatedProperties", part, Json::Object(values)) => {
                values.values().try_for_each(|value| self.apply(part, value, depth))
            }
            ("propertyNames", part, Json::Object(values)) => {
                values.keys().try_for_each(|name| self.apply(part, &Json::from(name.as_str()), depth))
            }
            ("items" | "prefixItems" | "additionalItems" | "unevaluatedItems" | "contains", _, list) => {
                let Json::Array(values) = list else { return Some(()) };
                let parts = part.as_array().map_or(std::slice::from_ref(part), Vec::as_slice);
                let mut pairs = parts.iter().flat_map(|part| values.iter().map(move |one| (part, one)));
                pairs.try_for_each(|(part, value)| self.apply(part, value, depth))
            }
            ("uniqueItems", Json::Bool(true), Json::Array(values)) => {
                self.spend(values.len().saturating_mul(values.len()))
            }
            ("enum" | "required", Json::Array(all), _) => self.spend(all.len()),
            _ => Some(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, json};

    #[test]
    fn parts_that_double_with_each_step_are_refused_at_once() {
        let twice = |next: String| json!({ "allOf": [{ "$ref": next }, { "$ref": next }] });
        let parts = |steps: usize| {
            let mut parts: Map<String, Json> = (0..steps)
                .map(|step| (format!("d{step}"), twice(format!("#/$defs/d{}", step + 1))))
                .collect();
            parts.insert(format!("d{steps}"), json!({}));
            json!({ "$ref": "#/$defs/d0", "$defs": parts })
        };
        let refused = check(&parts(30)).unwrap_err();
        assert!(refused.contains("more than 500 times"), "{refused}");
        assert!(check(&parts(5)).is_ok());
    }

    #[test]
    fn thousands_of_references_in_a_row_are_refused_at_once() {
        let parts: Map<String, Json> =
            (0..8000).map(|n| (format!("d{n}"), json!({ "$ref": format!("#/$defs/d{}", n + 1) }))).collect();
        let refused = check(&json!({ "$ref": "#/$defs/d0", "$defs": parts })).unwrap_err();
        assert!(refused.contains("8001 references"), "{refused}");
    }

    #[test]
    fn parts_that_multiply_with_each_level_of_the_settings_are_not_followed() {
        let deeper: Vec<Json> = (0..200).map(|_| json!({ "$ref": "#/$defs/level" })).collect();
        let level = json!({ "additionalProperties": { "allOf": deeper } });
        let schema = json!({ "$ref": "#/$defs/level", "$defs": { "level": level } });
        assert!(check(&schema).is_ok());
        assert!(check_cost(&schema, &json!({ "a": { "b": 1 } })).is_ok());
        let refused = check_cost(&schema, &json!({ "a": { "b": { "c": { "d": 1 } } } })).unwrap_err();
        assert!(refused.contains("200000 steps"), "{refused}");
    }

    #[test]
    fn what_a_list_of_lists_refers_to_is_followed_as_far_as_the_value_goes() {
        let schema = json!({ "items": { "$ref": "#" } });
        assert!(check(&schema).is_ok());
        assert!(check_cost(&schema, &json!([[[1, 2], 3], []])).is_ok());
        let deep = (0..2 * DEEPEST).fold(json!(1), |inner, _| json!([inner]));
        assert!(check_cost(&schema, &deep).is_err());
    }

    #[test]
    fn usual_settings_cost_little() {
        let numbers: Vec<Json> = (0..10_000).map(Json::from).collect();
        let schema = json!({ "properties": { "all": { "items": { "type": "integer", "enum": [1, 2] } } } });
        assert!(check_cost(&schema, &json!({ "all": numbers })).is_ok());
    }

    #[test]
    fn what_a_terminal_would_follow_is_named_and_refused() {
        for (schema, character) in [
            (json!({ "description": "\u{1b}[2J" }), "U+001B"),
            (json!({ "properties": { "a\nb": {} } }), "U+000A"),
            (json!({ "properties": { "\u{202e}": {} } }), "U+202E"),
            (json!({ "enum": ["\u{9b}31m"] }), "U+009B"),
        ] {
            let refused = check_readable(&schema).unwrap_err();
            assert!(refused.contains(character) && !refused.chars().any(is_unseen), "{refused:?}");
        }
        assert!(check_readable(&json!({ "description": "Two\nlines." })).is_ok());
    }
}
