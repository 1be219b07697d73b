//! A node's `with:` block against the plugin's own JSON Schema.
//!
//! Owns the wording: each fault becomes a finding with its path under `with`, told as faults in
//! built-in settings are. Schemas come from plugins and are not trusted either; `schema` has the bounds.

use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::LocationSegment;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::{Map, Value as Json};

use super::host::journal::neutral;
use super::nearest::nearest;
use super::schema;
use crate::diagnostic::{Diagnostic, Path};

/// Faults of one block that are told; a schema can find a fault in every element of a long list.
const MOST_FAULTS: usize = 20;
/// Bytes that a compiled pattern of a schema may take.
const PATTERN: usize = 1 << 20;

/// A plugin's schema, ready to check settings.
///
/// # Errors
/// When it is none, refers to other documents, or refers to itself without end.
pub fn validator(schema: &Json) -> Result<Validator, String> {
    schema::check(schema)?;
    jsonschema::options()
        // An engine without backtracking: a pattern cannot be made to run for hours.
        .with_pattern_options(PatternOptions::regex().size_limit(PATTERN))
        .build(schema)
        .map_err(|error| format!("its settings schema is none: {error}"))
}

/// Everything wrong with `given`, with paths from the node.
pub fn faults(validator: &Validator, schema: &Json, given: &Map<String, Json>) -> Vec<Diagnostic> {
    let given = Json::Object(given.clone());
    if let Err(reason) = schema::check_cost(schema, &given) {
        return vec![Diagnostic::error("plugin-setting", Path::root().key("with"), reason)];
    }
    let errors = validator.iter_errors(&given).take(MOST_FAULTS);
    errors.flat_map(|error| explained(findings(&error, schema), &error, schema)).collect()
}

/// With what the plugin says of the setting, where there is no better help.
fn explained(mut found: Vec<Diagnostic>, error: &ValidationError<'_>, schema: &Json) -> Vec<Diagnostic> {
    let place = match error.kind() {
        ValidationErrorKind::Required { property } => {
            format!("{}/properties/{}", owner(error), property.as_str().unwrap_or_default())
        }
        _ => owner(error).to_owned(),
    };
    let said = schema.pointer(&place).and_then(|setting| setting["description"].as_str());
    if let Some(said) = said {
        let said = neutral(&said.split_whitespace().collect::<Vec<_>>().join(" "));
        found.iter_mut().filter(|finding| finding.help.is_none()).for_each(|finding| {
            finding.help = Some(cut(&said));
        });
    }
    found
}

fn findings(error: &ValidationError<'_>, schema: &Json) -> Vec<Diagnostic> {
    let path = path_of(error);
    let name = path.0.last().map(|_| path.to_string()).unwrap_or_default();
    let name = name.strip_prefix("with.").unwrap_or("with").to_owned();
    let got = || short(error.instance());
    let fault = |code, message: String| vec![Diagnostic::error(code, path.clone(), message)];
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            unexpected.iter().map(|key| unknown(&path, key, &siblings(error, schema))).collect()
        }
        ValidationErrorKind::Required { property } => {
            let property = property.as_str().unwrap_or_default();
            let within = if name == "with" { String::new() } else { format!("{name}.") };
            fault("missing-key", format!("the setting \"{within}{property}\" is missing"))
        }
        ValidationErrorKind::Type { kind } => {
            fault("wrong-type", format!("\"{name}\" must be {}, got {}", types(kind), got()))
        }
        ValidationErrorKind::Minimum { limit } => {
            fault("out-of-range", format!("\"{name}\" must be at least {limit}, got {}", got()))
        }
        ValidationErrorKind::Maximum { limit } => {
            fault("out-of-range", format!("\"{name}\" must be at most {limit}, got {}", got()))
        }
        ValidationErrorKind::ExclusiveMinimum { limit } => {
            fault("out-of-range", format!("\"{name}\" must be more than {limit}, got {}", got()))
        }
        ValidationErrorKind::ExclusiveMaximum { limit } => {
            fault("out-of-range", format!("\"{name}\" must be less than {limit}, got {}", got()))
        }
        ValidationErrorKind::Enum { options } => {
            let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
            let options = options.iter().map(Json::to_string).collect::<Vec<_>>().join(", ");
            fault("out-of-range", format!("\"{name}\" must be one of {}, got {}", neutral(&options), got()))
        }
        _ => fault("plugin-setting", format!("\"{name}\": {}", cut(&neutral(&error.to_string())))),
    }
}

fn types(kind: &jsonschema::error::TypeKind) -> String {
    use jsonschema::error::TypeKind;
    match kind {
        TypeKind::Single(one) => in_words(&one.to_string()).to_owned(),
        TypeKind::Multiple(several) => {
            several.iter().map(|one| in_words(&one.to_string()).to_owned()).collect::<Vec<_>>().join(" or ")
        }
    }
}

fn in_words(kind: &str) -> &str {
    match kind {
        "boolean" => "true or false",
        "integer" => "a whole number",
        "number" => "a number",
        "string" => "text",
        "array" => "a list",
        "object" => "a mapping",
        "null" => "nothing",
        other => other,
    }
}

fn unknown(path: &Path, key: &str, known: &[String]) -> Diagnostic {
    let finding =
        Diagnostic::error("unknown-key", path.key(key), format!("the plugin has no setting \"{key}\""))
            .at_key();
    let names = known.iter().map(String::as_str);
    match (nearest(key, names), known) {
        (Some(near), _) => finding.help(format!("did you mean \"{near}\"?")),
        (None, []) => finding.help("it has no settings here"),
        (None, known) => finding.help(format!("it has {}", known.join(", "))),
    }
}

/// The keys that the failing part of the schema does declare.
fn siblings(error: &ValidationError<'_>, schema: &Json) -> Vec<String> {
    let properties = schema.pointer(&format!("{}/properties", owner(error)));
    properties.and_then(Json::as_object).map(|all| all.keys().cloned().collect()).unwrap_or_default()
}

/// Where in the schema the rule stands that does not hold.
fn owner<'a>(error: &'a ValidationError<'_>) -> &'a str {
    error.schema_path().as_str().rsplit_once('/').map_or("", |(owner, _)| owner)
}

fn path_of(error: &ValidationError<'_>) -> Path {
    error.instance_path().iter().fold(Path::root().key("with"), |path, segment| match segment {
        LocationSegment::Property(key) => path.key(key.into_owned()),
        LocationSegment::Index(index) => path.index(index),
    })
}

fn short(value: &Json) -> String {
    match value {
        Json::Array(_) => "a list".to_owned(),
        Json::Object(_) => "a mapping".to_owned(),
        Json::Null => "nothing".to_owned(),
        scalar => cut(&scalar.to_string()),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_missing_inside_a_setting_is_named_with_it() {
        let zone = json!({ "type": "object", "required": ["x", "y"] });
        let schema = json!({ "type": "object", "required": ["mode"], "properties": { "zone": zone } });
        let found: Vec<String> =
            check(schema, json!({ "zone": { "x": 1 } })).into_iter().map(|(_, message)| message).collect();
        for name in ["\"mode\"", "\"zone.y\""] {
            assert!(found.contains(&format!("the setting {name} is missing")), "{found:?}");
        }
    }

    fn check(schema: Json, given: Json) -> Vec<(String, String)> {
        let validator = validator(&schema).unwrap();
        let found = faults(&validator, &schema, given.as_object().unwrap());
        found.into_iter().map(|finding| (finding.path.to_string(), finding.message)).collect()
    }

    fn schema() -> Json {
        json!({
            "type": "object",
            "properties": {
                "threshold": { "type": "integer", "minimum": 0, "maximum": 255 },
                "mode": { "enum": ["fast", "good"] },
                "zones": { "type": "array", "items": { "type": "number" } }
            },
            "required": ["mode"],
            "additionalProperties": false
        })
    }

    #[test]
    fn what_the_plugin_says_of_a_setting_helps_where_nothing_else_does() {
        let near = json!({ "type": "integer", "maximum": 9, "description": "How near,\n in steps." });
        let schema = json!({
            "type": "object", "properties": { "near": near }, "required": ["near"], "additionalProperties": false
        });
        let validator = validator(&schema).unwrap();
        let help = |given: Json| {
            let found = faults(&validator, &schema, given.as_object().unwrap());
            found.into_iter().map(|finding| finding.help.unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(help(json!({ "near": 12 })), ["How near, in steps."]);
        assert_eq!(help(json!({})), ["How near, in steps."]);
        assert_eq!(help(json!({ "near": 1, "nera": 1 })), ["did you mean \"near\"?"]);
    }

    #[test]
    fn good_settings_pass() {
        assert!(check(schema(), json!({"mode": "fast", "threshold": 3, "zones": [0.5]})).is_empty());
    }

    #[test]
    fn each_fault_is_told_at_its_place() {
        let found = check(schema(), json!({"treshold": 3, "threshold": 300, "zones": [1, "x"]}));
        let told: Vec<&str> = found.iter().map(|(_, message)| message.as_str()).collect();
        assert!(
            found.contains(&("with.zones[1]".into(), "\"zones[1]\" must be a number, got \"x\"".into())),
            "{found:?}"
        );
        assert!(
            found.contains(&("with.treshold".into(), "the plugin has no setting \"treshold\"".into())),
            "{found:?}"
        );
        assert!(told.contains(&"\"threshold\" must be at most 255, got 300"), "{found:?}");
        assert!(told.contains(&"the setting \"mode\" is missing"), "{found:?}");
        assert_eq!(found.len(), 4);
    }

    #[test]
    fn an_unknown_setting_is_met_with_the_nearest_known_one() {
        let validator = validator(&schema()).unwrap();
        let given = json!({"mode": "fast", "treshold": 3});
        let found = faults(&validator, &schema(), given.as_object().unwrap());
        assert_eq!(found[0].help.as_deref(), Some("did you mean \"threshold\"?"));
    }

    #[test]
    fn schemas_that_reach_out_or_turn_in_circles_are_refused() {
        assert!(validator(&json!({"$ref": "https://example.org/schema.json"})).is_err());
        assert!(validator(&json!({"$ref": "#"})).is_err());
        let around = json!({"$ref": "#/$defs/a", "$defs": {
            "a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"anyOf": [{"$ref": "#/$defs/a"}]}
        }});
        assert!(validator(&around).is_err());
        let tree = json!({"$ref": "#/$defs/tree", "$defs": {
            "tree": {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}}
        }});
        assert!(validator(&tree).is_ok());
    }
}
