//! What a user's settings mean to a camera: controls by libcamera's names, checked against what the
//! camera has before a picture is taken.
//!
//! Owns the translation and the wording of what does not fit. Leaves the crate's types to
//! `versions` and their sending to `session`.

use crate::media::Region;
use crate::node::{Settings, Value as Given};

/// Names in the order libcamera counts them.
pub const WHITE_BALANCES: [&str; 7] =
    ["auto", "incandescent", "tungsten", "fluorescent", "indoor", "daylight", "cloudy"];
pub const FOCUSES: [&str; 2] = ["manual", "continuous"];
pub const NOISE_REDUCTIONS: [&str; 5] = ["off", "fast", "high_quality", "minimal", "zsl"];
pub const HDRS: [&str; 5] = ["off", "unmerged", "multi_exposure", "single_exposure", "night"];

/// `AfMode`: manual 0, auto (once) 1, continuous 2.
const AF_MODES: [i32; 2] = [0, 2];
/// Since 0.5 exposure and gain have a mode each: automatic 0, manual 1.
const EXPOSURE_MODE: &str = "ExposureTimeMode";
const GAIN_MODE: &str = "AnalogueGainMode";
const AUTOMATIC: i32 = 0;
const MANUAL: i32 = 1;

/// The settings that an open camera takes as it runs.
pub const LIVE: &[&str] = &[
    // By another of its names.
    "camera",
    "exposure",
    "gain",
    "exposure_value",
    "white_balance",
    "colour_gains",
    "focus",
    "focus_distance",
    "brightness",
    "contrast",
    "saturation",
    "sharpness",
    "noise_reduction",
    "roi",
    "hdr",
    "on_lost",
];

/// One control to be set.
#[derive(Clone, Debug, PartialEq)]
pub struct Control {
    /// The setting it comes from, as the user knows it.
    pub setting: &'static str,
    /// libcamera's name of it.
    pub name: &'static str,
    pub value: Value,
    /// Whether a camera without it is an error, or goes on as it is.
    pub needed: Needed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed {
    /// The user asked for it by name.
    Yes,
    /// It only helps another one along, on cameras that have it.
    WhereThereIs,
    /// The same, on cameras that have it and not the one named here.
    InsteadOf(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    Bool(bool),
    Int(i32),
    Float(f32),
    Pair([f32; 2]),
    Durations([i64; 2]),
    /// In fractions of all that the sensor sees.
    Part(Region),
}

/// A control that a camera has.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// libcamera's number of it.
    pub id: u32,
    pub name: String,
    pub least: Option<f64>,
    pub most: Option<f64>,
}

/// The controls that `settings` ask for.
pub fn asked(settings: &Settings) -> Vec<Control> {
    let mut all = Vec::new();
    let mut ask = |setting, name, value| all.push(Control { setting, name, value, needed: Needed::Yes });
    if let Some(time) = settings.try_duration("exposure") {
        ask("exposure", "ExposureTime", Value::Int(i32::try_from(time.as_micros()).unwrap_or(i32::MAX)));
    }
    for (setting, name) in FLOATS {
        if let Some(value) = settings.try_number(setting) {
            ask(setting, name, Value::Float(value as f32));
        }
    }
    for (setting, name, names) in CHOICES {
        let chosen =
            settings.try_choice(setting).and_then(|chosen| names.iter().position(|name| *name == chosen));
        if let Some(index) = chosen {
            ask(setting, name, Value::Int(index as i32));
        }
    }
    if let Some(index) =
        settings.try_choice("focus").and_then(|chosen| FOCUSES.iter().position(|name| *name == chosen))
    {
        ask("focus", "AfMode", Value::Int(AF_MODES[index]));
    }
    if let Some(gains) = settings.try_list("colour_gains").and_then(pair) {
        ask("colour_gains", "ColourGains", Value::Pair(gains));
    }
    if let Some(region) = settings.try_region("roi") {
        ask("roi", "ScalerCrop", Value::Part(region));
    }
    if let Some(rate) = settings.try_rate("rate") {
        let micros = i64::try_from(rate.interval().as_micros()).unwrap_or(i64::MAX);
        all.push(Control {
            setting: "rate",
            name: "FrameDurationLimits",
            value: Value::Durations([micros, micros]),
            needed: Needed::WhereThereIs,
        });
    }
    with_enablers(all)
}

/// What has to be set on a camera that was opened with `old` to make it as `new` says: what differs, and
/// before it, for settings that are there no more, what libcamera says is as good as without them.
///
/// # Errors
/// A sentence about a setting that can be changed, but not be taken back while the camera runs. It is not
/// added either: a change that fails elsewhere in the graph has to be taken back.
pub fn changed(old: &Settings, new: &Settings) -> Result<Vec<Control>, String> {
    let (were, wanted) = (asked(old), asked(new));
    let mut all = Vec::new();
    for setting in only_in(&were, &wanted) {
        let back = back(setting)?;
        all.extend(back.iter().map(|&(name, value, needed)| Control { setting, name, value, needed }));
    }
    only_in(&wanted, &were).into_iter().try_for_each(|setting| back(setting).map(drop))?;
    all.extend(wanted.into_iter().filter(|control| !were.contains(control)));
    Ok(all)
}

/// The settings that some of `these` come from and none of `others`.
fn only_in(these: &[Control], others: &[Control]) -> Vec<&'static str> {
    let mut only: Vec<&str> = these.iter().map(|control| control.setting).collect();
    only.retain(|setting| !others.iter().any(|control| control.setting == *setting));
    only.dedup();
    only
}

/// What is as good as never having set `setting`.
fn back(setting: &str) -> Result<Undone, String> {
    let found = WITHOUT.iter().find(|(known, _)| *known == setting);
    found.map(|(_, back)| *back).ok_or_else(|| {
        format!("\"{setting}\" can have another value, but be added or left out with a restart only")
    })
}

/// Controls by name, each with the value that undoes it.
type Undone = &'static [(&'static str, Value, Needed)];

/// What libcamera's documentation says is as good as never having set a control. How noise is removed
/// without a word is for each camera to choose, so that one is not among them.
const WITHOUT: [(&str, Undone); 13] = {
    use Needed::{InsteadOf, WhereThereIs};
    const fn float(name: &str, value: f32) -> (&str, Value, Needed) {
        (name, Value::Float(value), WhereThereIs)
    }
    const ALL: Region = Region { x: 0.0, y: 0.0, width: 1.0, height: 1.0 };
    [
        (
            "exposure",
            &[
                ("AeEnable", Value::Bool(true), InsteadOf(EXPOSURE_MODE)),
                (EXPOSURE_MODE, Value::Int(AUTOMATIC), WhereThereIs),
            ],
        ),
        (
            "gain",
            &[
                // "Setting it back to zero returns it to the control of the AE algorithm."
                ("AnalogueGain", Value::Float(0.0), InsteadOf(GAIN_MODE)),
                (GAIN_MODE, Value::Int(AUTOMATIC), WhereThereIs),
            ],
        ),
        ("exposure_value", &[float("ExposureValue", 0.0)]),
        ("white_balance", &[("AwbMode", Value::Int(0), WhereThereIs)]),
        ("colour_gains", &[("AwbEnable", Value::Bool(true), WhereThereIs)]),
        ("focus", &[("AfMode", Value::Int(AF_MODES[0]), WhereThereIs)]),
        // The lens stays where it stands until something moves it.
        ("focus_distance", &[]),
        ("brightness", &[float("Brightness", 0.0)]),
        ("contrast", &[float("Contrast", 1.0)]),
        ("saturation", &[float("Saturation", 1.0)]),
        ("sharpness", &[float("Sharpness", 1.0)]),
        ("roi", &[("ScalerCrop", Value::Part(ALL), WhereThereIs)]),
        ("hdr", &[("HdrMode", Value::Int(0), WhereThereIs)]),
    ]
};

const FLOATS: [(&str, &str); 7] = [
    ("gain", "AnalogueGain"),
    ("exposure_value", "ExposureValue"),
    ("brightness", "Brightness"),
    ("contrast", "Contrast"),
    ("saturation", "Saturation"),
    ("sharpness", "Sharpness"),
    ("focus_distance", "LensPosition"),
];

const CHOICES: [(&str, &str, &[&str]); 3] = [
    ("white_balance", "AwbMode", &WHITE_BALANCES),
    ("noise_reduction", "NoiseReductionMode", &NOISE_REDUCTIONS),
    ("hdr", "HdrMode", &HDRS),
];

/// Puts before each control what must be switched off for it to have an effect.
fn with_enablers(asked: Vec<Control>) -> Vec<Control> {
    let helps = |setting, name, value| Control { setting, name, value, needed: Needed::WhereThereIs };
    let mut all = Vec::with_capacity(asked.len() + 3);
    for control in asked {
        match control.name {
            // Since 0.5 exposure has a mode of its own; before, one switch holds both it and gain.
            "ExposureTime" => {
                let switch = helps("exposure", "AeEnable", Value::Bool(false));
                all.push(Control { needed: Needed::InsteadOf(EXPOSURE_MODE), ..switch });
                all.push(helps("exposure", EXPOSURE_MODE, Value::Int(MANUAL)));
            }
            // Before 0.5 a gain that is set is kept as it is.
            "AnalogueGain" => all.push(helps("gain", GAIN_MODE, Value::Int(MANUAL))),
            "ColourGains" => all.push(helps("colour_gains", "AwbEnable", Value::Bool(false))),
            "LensPosition" => all.push(helps("focus_distance", "AfMode", Value::Int(AF_MODES[0]))),
            _ => {}
        }
        all.push(control);
    }
    all
}

fn pair(list: &[Given]) -> Option<[f32; 2]> {
    match list {
        [Given::Number(red), Given::Number(blue)] => Some([*red as f32, *blue as f32]),
        _ => None,
    }
}

/// Checks `control` against what the camera has, where that is known.
///
/// # Errors
/// A sentence with the range, or with what there is instead.
pub fn check(control: &Control, camera: &str, known: &[Known]) -> Result<(), String> {
    let Some(found) = known.iter().find(|known| known.name == control.name) else {
        return Err(missing(control, camera, known));
    };
    let (value, Some(least), Some(most)) = (number(control.value), found.least, found.most) else {
        return Ok(());
    };
    match value {
        // A camera that says 0 to 0 has not said.
        Some(value) if least < most && !(least..=most).contains(&value) => Err(format!(
            "\"{}\" ({}) must be between {} and {} on \"{camera}\", got {}",
            control.setting,
            control.name,
            short(least),
            short(most),
            short(value)
        )),
        _ => Ok(()),
    }
}

/// That the camera has no such control.
pub fn missing(control: &Control, camera: &str, known: &[Known]) -> String {
    let mut names: Vec<&str> = known.iter().map(|known| known.name.as_str()).collect();
    names.sort_unstable();
    let there = match names[..] {
        [] => "`framegate cameras --test` shows what it has".to_owned(),
        _ => format!("it has {}", names.join(", ")),
    };
    format!("\"{camera}\" has no {} for \"{}\" to set; {there}", control.name, control.setting)
}

fn number(value: Value) -> Option<f64> {
    match value {
        Value::Int(value) => Some(value.into()),
        Value::Float(value) => Some(value.into()),
        Value::Bool(_) | Value::Pair(_) | Value::Durations(_) | Value::Part(_) => None,
    }
}

/// `0.2` rather than the `0.20000000298023224` of a widened float.
fn short(value: f64) -> String {
    (value as f32).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::kind::SETTINGS;
    use super::*;
    use serde_json::json;

    fn asked_by(json: serde_json::Value) -> Vec<(&'static str, Value)> {
        let settings = Settings::from_json(SETTINGS, &json).unwrap();
        asked(&settings).into_iter().map(|control| (control.name, control.value)).collect()
    }

    #[test]
    fn a_fixed_exposure_switches_the_automatic_one_off_first() {
        assert_eq!(
            asked_by(json!({ "exposure": "10ms" })),
            [
                ("AeEnable", Value::Bool(false)),
                ("ExposureTimeMode", Value::Int(1)),
                ("ExposureTime", Value::Int(10_000))
            ]
        );
    }

    #[test]
    fn choices_become_the_numbers_libcamera_counts_them_by() {
        assert_eq!(asked_by(json!({ "white_balance": "daylight" })), [("AwbMode", Value::Int(5))]);
        assert_eq!(asked_by(json!({ "focus": "continuous" })), [("AfMode", Value::Int(2))]);
        assert_eq!(asked_by(json!({})), []);
    }

    fn changed_by(
        old: serde_json::Value,
        new: serde_json::Value,
    ) -> Result<Vec<(&'static str, Value)>, String> {
        let [old, new] = [old, new].map(|json| Settings::from_json(SETTINGS, &json).unwrap());
        Ok(changed(&old, &new)?.into_iter().map(|control| (control.name, control.value)).collect())
    }

    #[test]
    fn an_open_camera_is_told_what_differs_and_what_undoes_what_is_left_out() {
        let old = json!({ "exposure": "10ms", "brightness": 0.2, "contrast": 2 });
        assert_eq!(changed_by(old.clone(), old.clone()), Ok(vec![]));
        let new = json!({ "exposure": "20ms", "brightness": 0.2, "contrast": 2 });
        assert_eq!(changed_by(old.clone(), new), Ok(vec![("ExposureTime", Value::Int(20_000))]));
        assert_eq!(
            changed_by(old, json!({ "brightness": 0.2, "saturation": 0 })),
            Ok(vec![
                ("AeEnable", Value::Bool(true)),
                ("ExposureTimeMode", Value::Int(0)),
                ("Contrast", Value::Float(1.0)),
                ("Saturation", Value::Float(0.0))
            ])
        );
    }

    #[test]
    fn every_live_control_can_be_added_and_left_out_but_one() {
        let (with, without) = (json!({ "noise_reduction": "fast" }), json!({}));
        let why = "\"noise_reduction\" can have another value, but be added or left out with a restart only";
        assert_eq!(changed_by(with.clone(), without.clone()), Err(why.to_owned()));
        assert_eq!(changed_by(without, with.clone()), Err(why.to_owned()));
        let changed = changed_by(with, json!({ "noise_reduction": "off" }));
        assert_eq!(changed, Ok(vec![("NoiseReductionMode", Value::Int(0))]));
        let known = |name: &&&str| WITHOUT.iter().any(|(setting, _)| *setting == **name);
        let rest: Vec<_> = LIVE.iter().filter(|name| !known(name)).collect();
        assert_eq!(rest, [&"camera", &"noise_reduction", &"on_lost"]);
    }

    #[test]
    fn what_does_not_fit_names_setting_control_range_and_value() {
        let control = Control {
            setting: "brightness",
            name: "Brightness",
            value: Value::Float(3.2),
            needed: Needed::Yes,
        };
        let known = [Known { id: 1, name: "Brightness".to_owned(), least: Some(-1.0), most: Some(1.0) }];
        assert_eq!(
            check(&control, "Door", &known).unwrap_err(),
            "\"brightness\" (Brightness) must be between -1 and 1 on \"Door\", got 3.2"
        );
        let other = Control { setting: "gain", name: "AnalogueGain", ..control };
        assert_eq!(
            check(&other, "Door", &known).unwrap_err(),
            "\"Door\" has no AnalogueGain for \"gain\" to set; it has Brightness"
        );
    }
}
