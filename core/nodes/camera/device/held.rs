//! What of an open camera's settings cannot change.

use crate::node::Settings;

/// Why an open camera cannot go over from settings `old` to `new`, where anything but its `live` settings
/// differs. Another opening would find it in use, by us.
pub fn held(camera: &str, old: &Settings, new: &Settings, live: &[&str]) -> Option<String> {
    let names: Vec<String> = old.differing(new, live).iter().map(|name| format!("\"{name}\"")).collect();
    (!names.is_empty()).then(|| format!("{} of {camera} can change with a restart only", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::{Setting, Takes};
    use serde_json::json;

    #[test]
    fn what_cannot_change_is_named_and_what_can_is_not() {
        const TABLE: &[Setting] = &[
            Setting::optional("size", Takes::Size, ""),
            Setting::optional("rate", Takes::Rate, ""),
            Setting::optional("controls", Takes::Json, ""),
        ];
        let settings = |json| Settings::from_json(TABLE, &json).unwrap();
        let old = settings(json!({ "size": "640x480", "controls": { "gain": 1 } }));
        let held = |json| held("\"Door\"", &old, &settings(json), &["controls"]);
        assert_eq!(held(json!({ "size": "640x480", "controls": { "gain": 2 } })), None);
        let why = held(json!({ "size": "320x240", "rate": 10 })).unwrap();
        assert_eq!(why, "\"rate\", \"size\" of \"Door\" can change with a restart only");
    }

    #[test]
    fn the_same_written_in_another_way_is_no_change() {
        const TABLE: &[Setting] = &[
            Setting::optional("rate", Takes::Rate, ""),
            Setting::with_default("capture", Takes::Choice(&["auto", "yuyv"]), "auto", ""),
        ];
        let settings = |json| Settings::from_json(TABLE, &json).unwrap();
        let (old, new) =
            (settings(json!({ "rate": 30 })), settings(json!({ "rate": "30", "capture": "auto" })));
        assert_eq!(held("\"Door\"", &old, &new, &[]), None);
        assert!(old.same_but_for(&new, &[]));
    }
}
