//! Settings: declared once per kind, read once from the document, typed ever after.
//!
//! Owns the table a kind declares ([`Setting`]), the types a value may have ([`Takes`]) and the
//! checked values a node is built from ([`Settings`]). The same table is the source of the checks,
//! of `framegate kinds`, of the defaults in `framegate show` and of the JSON Schema. Leaves where
//! values come from to `graph`: here they arrive as JSON, whatever they were written in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;

use super::model::Model;
use super::units;
use crate::media::{PixelFormat, Rate, Region, Size};

/// One key a node may be given.
#[derive(Clone, Debug)]
pub struct Setting {
    pub name: &'static str,
    pub takes: Takes,
    /// What holds when the key is left out, written as a user would write it.
    pub default: Option<&'static str>,
    /// Whether the key must be given. A setting with neither a default nor this is optional.
    pub required: bool,
    /// One or two sentences, no full stop at the end.
    pub doc: &'static str,
}

impl Setting {
    pub const fn required(name: &'static str, takes: Takes, doc: &'static str) -> Setting {
        Setting { name, takes, default: None, required: true, doc }
    }

    pub const fn optional(name: &'static str, takes: Takes, doc: &'static str) -> Setting {
        Setting { name, takes, default: None, required: false, doc }
    }

    pub const fn with_default(
        name: &'static str,
        takes: Takes,
        default: &'static str,
        doc: &'static str,
    ) -> Setting {
        Setting { name, takes, default: Some(default), required: false, doc }
    }
}

/// What a setting takes. Bounds are inclusive.
#[derive(Clone, Debug)]
pub enum Takes {
    Bool,
    Integer {
        least: i64,
        most: i64,
    },
    Number {
        least: f64,
        most: f64,
    },
    Size,
    Rate,
    Duration {
        least: Duration,
        most: Duration,
    },
    Bytes {
        least: u64,
        most: u64,
    },
    Bitrate {
        least: u64,
        most: u64,
    },
    Text,
    /// A file, relative to the folder of the graph that names it. `-` is standard input or output.
    Path,
    /// A bare name of something built in (`motion`) or an address with a scheme (`oci://…`), which
    /// both stay [`Value::Text`]; or a file, written with a slash or a dot in front (`./motion.wasm`),
    /// which becomes [`Value::Path`].
    NameOrPath,
    Choice(&'static [&'static str]),
    /// The name of one of the graph's `models:`. Only a graph can look it up.
    Model,
    /// `[x, y, width, height]` in fractions of the picture.
    Region,
    /// A mapping with settings of its own.
    Group(&'static [Setting]),
    /// A list whose elements all take this.
    List(&'static Takes),
    /// Anything: the kind checks it itself.
    Json,
}

/// A checked value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Bool(bool),
    Integer(i64),
    Number(f64),
    Size(Size),
    Rate(Rate),
    Duration(Duration),
    Bytes(u64),
    Bitrate(u64),
    Text(String),
    Path(PathBuf),
    Choice(&'static str),
    Model(Arc<Model>),
    Region(Region),
    Group(Settings),
    List(Vec<Value>),
    Json(Json),
}

/// Why a value does not fit. The caller knows where it stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Misfit {
    /// Another type altogether.
    WrongType(String),
    /// The right type, outside its bounds.
    OutOfRange(String),
    /// A number whose unit is missing or unknown.
    BadUnit(String),
}

impl Misfit {
    pub fn code(&self) -> &'static str {
        match self {
            Misfit::WrongType(_) => "wrong-type",
            Misfit::OutOfRange(_) => "out-of-range",
            Misfit::BadUnit(_) => "bad-unit",
        }
    }

    pub fn message(&self) -> &str {
        match self {
            Misfit::WrongType(message) | Misfit::OutOfRange(message) | Misfit::BadUnit(message) => message,
        }
    }
}

impl Takes {
    /// Reads a scalar or region. `folder` is what relative paths are relative to. Groups and lists
    /// are taken apart by the caller, which knows the place of each element, and models are looked
    /// up there.
    pub fn read(&self, json: &Json, folder: &FilePath) -> Result<Value, Misfit> {
        let wrong = || Misfit::WrongType(format!("must be {}, got {}", self.describe(), show_json(json)));
        match self {
            Takes::Bool => json.as_bool().map(Value::Bool).ok_or_else(wrong),
            Takes::Integer { least, most } => {
                let value = json.as_i64().ok_or_else(wrong)?;
                within(value, *least, *most, |value| value.to_string()).map(Value::Integer)
            }
            Takes::Number { least, most } => {
                let value = json.as_f64().filter(|value| value.is_finite()).ok_or_else(wrong)?;
                within(value, *least, *most, |value| value.to_string()).map(Value::Number)
            }
            Takes::Size => {
                written(json).ok_or_else(wrong)?.parse().map(Value::Size).map_err(Misfit::WrongType)
            }
            Takes::Rate => {
                written(json).ok_or_else(wrong)?.parse().map(Value::Rate).map_err(Misfit::WrongType)
            }
            Takes::Duration { least, most } => {
                let value = units::duration(&written(json).ok_or_else(wrong)?).map_err(Misfit::BadUnit)?;
                within(value, *least, *most, units::show_duration).map(Value::Duration)
            }
            Takes::Bytes { least, most } => {
                let value = units::bytes(&written(json).ok_or_else(wrong)?).map_err(Misfit::BadUnit)?;
                within(value, *least, *most, units::show_bytes).map(Value::Bytes)
            }
            Takes::Bitrate { least, most } => {
                let value = units::bitrate(&written(json).ok_or_else(wrong)?).map_err(Misfit::BadUnit)?;
                within(value, *least, *most, units::show_bitrate).map(Value::Bitrate)
            }
            Takes::Text => json.as_str().map(|text| Value::Text(text.to_owned())).ok_or_else(wrong),
            Takes::Path => {
                json.as_str().filter(|text| !text.is_empty()).map(|text| path(text, folder)).ok_or_else(wrong)
            }
            Takes::NameOrPath => {
                let text = json.as_str().filter(|text| !text.is_empty()).ok_or_else(wrong)?;
                let is_file = text.contains('/') || text.starts_with('.');
                Ok(match is_file && !has_scheme(text) {
                    true => path(text, folder),
                    false => Value::Text(text.to_owned()),
                })
            }
            Takes::Choice(choices) => {
                let text = json.as_str().ok_or_else(wrong)?;
                let known = choices.iter().find(|choice| **choice == text);
                known
                    .map(|choice| Value::Choice(choice))
                    .ok_or_else(|| Misfit::OutOfRange(format!("must be {}, got \"{text}\"", one_of(choices))))
            }
            Takes::Region => region(json).ok_or_else(wrong),
            Takes::Json => Ok(Value::Json(json.clone())),
            Takes::Model | Takes::Group(_) | Takes::List(_) => Err(wrong()),
        }
    }

    /// For messages and help: `a size like 1280x720`, `a whole number between 1 and 240`.
    pub fn describe(&self) -> String {
        match self {
            Takes::Bool => "true or false".to_owned(),
            Takes::Integer { least, most } => format!("a whole number between {least} and {most}"),
            Takes::Number { least, most } => format!("a number between {least} and {most}"),
            Takes::Size => "a size like 1280x720".to_owned(),
            Takes::Rate => "a rate like 30 or 30000/1001".to_owned(),
            Takes::Duration { least, most } => {
                format!(
                    "a duration between {} and {}",
                    units::show_duration(*least),
                    units::show_duration(*most)
                )
            }
            Takes::Bytes { least, most } => {
                format!("a byte count between {} and {}", units::show_bytes(*least), units::show_bytes(*most))
            }
            Takes::Bitrate { least, most } => {
                format!(
                    "a bitrate between {} and {}",
                    units::show_bitrate(*least),
                    units::show_bitrate(*most)
                )
            }
            Takes::Text => "text".to_owned(),
            Takes::Path => "a path".to_owned(),
            Takes::NameOrPath => "a name or a path like ./file".to_owned(),
            Takes::Choice(choices) => one_of(choices),
            Takes::Model => "the name of one of the graph's `models:`".to_owned(),
            Takes::Region => "[x, y, width, height] in fractions of the picture".to_owned(),
            Takes::Group(_) => "a mapping".to_owned(),
            Takes::List(element) => format!("a list, each element {}", element.describe()),
            Takes::Json => "any value".to_owned(),
        }
    }
}

fn within<T: PartialOrd + Copy>(
    value: T,
    least: T,
    most: T,
    show: impl Fn(T) -> String,
) -> Result<T, Misfit> {
    let inside = value >= least && value <= most;
    inside.then_some(value).ok_or_else(|| {
        Misfit::OutOfRange(format!("must be between {} and {}, got {}", show(least), show(most), show(value)))
    })
}

/// A scalar as it was written: `30` and `"30"` are the same rate.
fn written(json: &Json) -> Option<String> {
    match json {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Whether `text` begins as a URL does (RFC 3986 §3.1).
fn has_scheme(text: &str) -> bool {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    let is_letter = |c: char| c.is_ascii_alphanumeric();
    scheme.is_some_and(|scheme| !scheme.is_empty() && scheme.chars().all(is_letter))
}

fn path(text: &str, folder: &FilePath) -> Value {
    match text {
        "-" => Value::Path(PathBuf::from("-")),
        text => Value::Path(folder.join(text)),
    }
}

fn region(json: &Json) -> Option<Value> {
    let numbers: Vec<f32> =
        json.as_array()?.iter().map(|n| n.as_f64().map(|n| n as f32)).collect::<Option<_>>()?;
    let [x, y, width, height] = numbers[..] else { return None };
    Region::new(x, y, width, height).map(Value::Region)
}

fn one_of(choices: &[&str]) -> String {
    match choices {
        [only] => format!("\"{only}\""),
        [rest @ .., last] => format!(
            "{} or \"{last}\"",
            rest.iter().map(|c| format!("\"{c}\"")).collect::<Vec<_>>().join(", ")
        ),
        [] => "nothing".to_owned(),
    }
}

/// A value for a message, cut to a readable length.
fn show_json(json: &Json) -> String {
    let text = match json {
        Json::Array(_) => "a list".to_owned(),
        Json::Object(_) => "a mapping".to_owned(),
        Json::Null => "nothing".to_owned(),
        scalar => scalar.to_string(),
    };
    match text.char_indices().nth(60) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

/// The checked settings of one node: every declared key that was given or has a default, and
/// what was written.
///
/// The typed getters panic on a key that the kind does not declare with that type: that is a bug
/// in the kind, found by its first test, and never something a user wrote.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    values: BTreeMap<&'static str, Value>,
    /// Everything under `with:` as it was written, defaults left out. Of every kind, but only open kinds
    /// have in it what is not among the values.
    pub raw: serde_json::Map<String, Json>,
}

macro_rules! getters {
    ($($(#[$doc:meta])* $get:ident, $try_get:ident: $variant:ident -> $type:ty, |$bound:ident| $out:expr;)*) => {$(
        $(#[$doc])*
        pub fn $get(&self, name: &str) -> $type {
            self.$try_get(name).unwrap_or_else(|| panic!("the setting \"{name}\" has neither a value nor a default"))
        }

        /// The same for an optional setting.
        pub fn $try_get(&self, name: &str) -> Option<$type> {
            match self.values.get(name)? {
                Value::$variant($bound) => Some($out),
                other => panic!("the setting \"{name}\" was read as another type than declared: {other:?}"),
            }
        }
    )*};
}

impl Settings {
    pub fn set(&mut self, name: &'static str, value: Value) {
        self.values.insert(name, value);
    }

    /// The pixel format that a setting with a choice of them names.
    pub fn pixel_format(&self, name: &str) -> PixelFormat {
        self.choice(name).parse().expect("each choice is the name of a pixel format")
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// Whether the declared settings of both are the same, however they were written, and whatever they
    /// are of `names`.
    pub fn same_but_for(&self, other: &Settings, names: &[&str]) -> bool {
        self.differing(other, names).is_empty()
    }

    /// The names of the declared settings, except `names`, that have another value in `other`, in order.
    pub fn differing(&self, other: &Settings, names: &[&str]) -> Vec<&'static str> {
        let all: BTreeSet<&'static str> = self.values.keys().chain(other.values.keys()).copied().collect();
        let differs = |name: &&'static str| !names.contains(name) && self.get(name) != other.get(name);
        all.into_iter().filter(differs).collect()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.values.iter().map(|(name, value)| (*name, value))
    }

    /// The defaults of `table`, overlaid with `given` (JSON as a document would hold it): how tests
    /// and author tools build one node without a document.
    ///
    /// # Errors
    /// The first key that is unknown or does not fit.
    pub fn from_json(table: &'static [Setting], given: &Json) -> Result<Settings, String> {
        let empty = serde_json::Map::new();
        let given = given.as_object().unwrap_or(&empty);
        let mut settings = Settings { values: BTreeMap::new(), raw: given.clone() };
        if let Some(unknown) = given.keys().find(|key| !table.iter().any(|setting| setting.name == **key)) {
            return Err(format!("there is no setting \"{unknown}\""));
        }
        for setting in table {
            if let Some(value) = setting.value(given.get(setting.name), FilePath::new(""))? {
                settings.set(setting.name, value);
            }
        }
        Ok(settings)
    }

    getters! {
        /// A declared `Bool`.
        bool, try_bool: Bool -> bool, |value| *value;
        integer, try_integer: Integer -> i64, |value| *value;
        number, try_number: Number -> f64, |value| *value;
        size, try_size: Size -> Size, |value| *value;
        rate, try_rate: Rate -> Rate, |value| *value;
        duration, try_duration: Duration -> Duration, |value| *value;
        bytes, try_bytes: Bytes -> u64, |value| *value;
        bitrate, try_bitrate: Bitrate -> u64, |value| *value;
        text, try_text: Text -> &str, |value| value.as_str();
        path, try_path: Path -> &FilePath, |value| value.as_path();
        choice, try_choice: Choice -> &'static str, |value| value;
        region, try_region: Region -> Region, |value| *value;
        group, try_group: Group -> &Settings, |value| value;
        list, try_list: List -> &[Value], |value| value.as_slice();
        json, try_json: Json -> &Json, |value| value;
    }
}

impl Setting {
    /// The value of this setting given what was written for it, or its default. Groups and lists
    /// included: for callers that need no places.
    ///
    /// # Errors
    /// What is wrong, with the name of the setting.
    pub fn value(&self, given: Option<&Json>, folder: &FilePath) -> Result<Option<Value>, String> {
        let default = || self.default.map(default_json);
        match given.cloned().or_else(default) {
            Some(json) => read_whole(&self.takes, &json, folder)
                .map(Some)
                .map_err(|fault| format!("\"{}\" {fault}", self.name)),
            None if self.required => Err(format!("the setting \"{}\" is missing", self.name)),
            None => Ok(None),
        }
    }
}

/// A default as the JSON a document would hold: `true`, `30` and `[0, 0, 1, 1]` are what they look
/// like, all else is text.
pub fn default_json(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.to_owned()))
}

fn read_whole(takes: &Takes, json: &Json, folder: &FilePath) -> Result<Value, String> {
    match (takes, json) {
        (Takes::Group(table), Json::Object(_)) => Settings::from_json(table, json).map(Value::Group),
        (Takes::List(element), Json::Array(all)) => {
            all.iter().map(|one| read_whole(element, one, folder)).collect::<Result<_, _>>().map(Value::List)
        }
        _ => takes.read(json, folder).map_err(|misfit| misfit.message().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TABLE: &[Setting] = &[
        Setting::with_default("size", Takes::Size, "1280x720", "the size"),
        Setting::with_default("rate", Takes::Rate, "30", "the rate"),
        Setting::with_default("loop", Takes::Bool, "false", "again"),
        Setting::optional("count", Takes::Integer { least: 1, most: 100 }, "how many"),
        Setting::required("mode", Takes::Choice(&["a", "b"]), "which"),
    ];

    #[test]
    fn defaults_fill_what_was_left_out() {
        let settings = Settings::from_json(TABLE, &json!({"mode": "a", "rate": 25})).unwrap();
        assert_eq!(settings.size("size").to_string(), "1280x720");
        assert_eq!(settings.rate("rate").to_string(), "25");
        assert!(!settings.bool("loop"));
        assert_eq!(settings.try_integer("count"), None);
    }

    #[test]
    fn an_address_is_no_file_and_a_file_is_no_address() {
        let read = |text: &str| Takes::NameOrPath.read(&json!(text), FilePath::new("graphs")).unwrap();
        for text in ["motion", "oci://localhost:5000/night@sha256:00", "https://example.org/night.wasm"] {
            assert_eq!(read(text), Value::Text(text.to_owned()));
        }
        for text in ["./night.wasm", "a/night.wasm", "./oci://night", "://night"] {
            assert_eq!(read(text), Value::Path(FilePath::new("graphs").join(text)));
        }
    }

    #[test]
    fn faults_name_the_setting_the_value_and_the_rule() {
        let fault = |json| Settings::from_json(TABLE, &json).unwrap_err();
        assert_eq!(fault(json!({})), "the setting \"mode\" is missing");
        assert_eq!(fault(json!({"mode": "c"})), "\"mode\" must be \"a\" or \"b\", got \"c\"");
        assert_eq!(fault(json!({"mode": "a", "count": 0})), "\"count\" must be between 1 and 100, got 0");
        assert_eq!(fault(json!({"mode": "a", "loop": "yes"})), "\"loop\" must be true or false, got \"yes\"");
        assert_eq!(fault(json!({"mode": "a", "sise": 1})), "there is no setting \"sise\"");
    }
}
