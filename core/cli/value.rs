//! Settings as people and programs read them: each value as it would be written in a graph.

use serde_json::{Map, Value as Json, json};

use crate::graph::{Concealed, PlanNode};
use crate::node::{Settings, Value, units};

/// Every setting of `node`, defaults filled in, in the order of its kind's tables, and a sink's priority. What came from
/// the environment is shown as it was written in the file.
pub fn settings(node: &PlanNode, concealed: &[Concealed]) -> Vec<(String, Json)> {
    let about = node.kind.about();
    let hidden = |name: &str| {
        let hidden = concealed.iter().find(|hidden| hidden.node == node.id && hidden.setting == name);
        hidden.map(|hidden| Json::String(hidden.written.clone()))
    };
    let tables = about.beside.iter().chain(about.with);
    let declared = tables.filter_map(|setting| Some((setting.name, node.settings.get(setting.name)?)));
    let declared =
        declared.map(|(name, value)| (name.to_owned(), hidden(name).unwrap_or_else(|| json(value))));
    let is_open = |(name, _): &(&String, &Json)| about.open && node.settings.get(name).is_none();
    let open = node.settings.raw.iter().filter(is_open);
    let open = open.map(|(name, value)| (name.clone(), hidden(name).unwrap_or_else(|| value.clone())));
    let priority = node.priority.map(|priority| ("priority".to_owned(), json!(priority)));
    declared.chain(open).chain(priority).collect()
}

/// A value as a document would hold it.
pub fn json(value: &Value) -> Json {
    match value {
        Value::Bool(value) => json!(value),
        Value::Integer(value) => json!(value),
        Value::Number(value) => json!(value),
        Value::Size(size) => json!(size.to_string()),
        Value::Rate(rate) if rate.seconds() == 1 => json!(rate.frames()),
        Value::Rate(rate) => json!(rate.to_string()),
        Value::Duration(duration) => json!(units::show_duration(*duration)),
        Value::Bytes(bytes) => json!(units::show_bytes(*bytes)),
        Value::Bitrate(bits) => json!(units::show_bitrate(*bits)),
        Value::Text(text) => json!(text),
        Value::Path(path) => json!(path.display().to_string()),
        Value::Choice(choice) => json!(choice),
        Value::Model(model) => json!(model.name),
        Value::Region(region) => json!([region.x, region.y, region.width, region.height]),
        Value::Group(group) => Json::Object(group_json(group)),
        Value::List(list) => list.iter().map(json).collect(),
        Value::Json(json) => json.clone(),
    }
}

fn group_json(group: &Settings) -> Map<String, Json> {
    group.iter().map(|(name, value)| (name.to_owned(), json(value))).collect()
}

/// `size: 1280x720, rate: 30`, as in YAML's braces.
pub fn flow(settings: &[(String, Json)]) -> String {
    let one = |(name, value): &(String, Json)| format!("{name}: {}", flow_value(value));
    settings.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn flow_value(json: &Json) -> String {
    match json {
        Json::String(text) if is_plain(text) => text.clone(),
        Json::Array(items) => format!("[{}]", items.iter().map(flow_value).collect::<Vec<_>>().join(", ")),
        Json::Object(entries) => {
            let entries: Vec<_> = entries.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
            format!("{{ {} }}", flow(&entries))
        }
        other => other.to_string(),
    }
}

/// Whether text needs no quotes to be read without doubt.
fn is_plain(text: &str) -> bool {
    let harmless = |c: char| c.is_alphanumeric() || "-_./$".contains(c);
    !text.is_empty() && text.chars().all(harmless) && serde_json::from_str::<Json>(text).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_print_as_they_would_be_written() {
        let settings = [
            ("size".to_owned(), json!("1280x720")),
            ("label".to_owned(), json!("a: b")),
            ("name".to_owned(), json!("25")),
            ("limits".to_owned(), json!({ "time": "20ms", "parts": [1, 2] })),
        ];
        let expected = "size: 1280x720, label: \"a: b\", name: \"25\", limits: { time: 20ms, parts: [1, 2] }";
        assert_eq!(flow(&settings), expected);
    }
}
