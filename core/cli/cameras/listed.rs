//! The list of all cameras, whoever drives them, and ten pictures from one of them.
//!
//! Owns which of libcamera's cameras and which device are one and the same, and which kind of node is
//! told to be the one for it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use super::{Args, Format, WITH_LIBCAMERA, WITH_V4L2};
use crate::node::NodeKind;
use crate::nodes::camera::Trial;

/// A camera as one of the two sees it.
pub(super) struct Seen {
    /// What `camera:` takes for it.
    pub name: String,
    /// The camera's own name.
    pub model: String,
    /// What the other calls the same camera; `None` where that is not known from here.
    pub other_name: Option<String>,
    /// Whether its kind of node can read it.
    pub is_readable: bool,
    /// Whether it gives nothing that is read but what it has encoded itself.
    pub only_encodes: bool,
    /// What is told of it, line by line, each by its heading.
    pub lines: Vec<(&'static str, String)>,
    pub json: Json,
}

/// All cameras that one of the two sees.
#[allow(dead_code, reason = "not every build has both, and only libcamera can fail")]
pub(super) enum All {
    Seen {
        /// Of whom, with the version where there is one.
        by: String,
        cameras: Vec<Seen>,
    },
    /// It could not be asked; a sentence.
    Failed(String),
    /// This build cannot ask; how one could.
    Absent(&'static str),
}

impl All {
    fn cameras(&self) -> &[Seen] {
        match self {
            All::Seen { cameras, .. } => cameras,
            All::Failed(_) | All::Absent(_) => &[],
        }
    }
}

/// The list, or what came of a trial.
///
/// # Errors
/// A sentence.
pub fn run(args: &Args) -> Result<String, String> {
    if let Some(camera) = &args.test {
        return tried(camera, args).map(|trial| told(&trial, args.format));
    }
    let (libcamera, v4l2) = (libcamera(), v4l2());
    match args.format {
        Format::Json => Ok(as_json(&libcamera, &v4l2).to_string()),
        Format::Text => Ok(as_text(&libcamera, &v4l2)),
    }
}

#[cfg(any(feature = "libcamera", feature = "libcamera-0-3"))]
use super::libcamera::{all as libcamera, knows as libcamera_knows};

#[cfg(not(any(feature = "libcamera", feature = "libcamera-0-3")))]
fn libcamera() -> All {
    All::Absent(WITH_LIBCAMERA)
}

#[cfg(feature = "v4l2")]
use super::v4l2::{all as v4l2, knows as v4l2_knows};

#[cfg(not(feature = "v4l2"))]
fn v4l2() -> All {
    All::Absent(WITH_V4L2)
}

/// The camera of `others` that is the same as `seen`.
fn same<'a>(seen: &Seen, others: &'a [Seen]) -> Option<&'a Seen> {
    let names = |one: &Seen, other: &Seen| one.other_name.as_deref() == Some(other.name.as_str());
    others.iter().find(|other| names(seen, other) || names(other, seen))
}

/// The kind for a camera that `kind` sees, and that the other sees as `other`; with the reason.
fn best(kind: &'static str, seen: &Seen, other: Option<&Seen>) -> (Option<&'static str>, &'static str) {
    match (seen.is_readable, other.is_some_and(|other| other.is_readable)) {
        (true, false) => (Some(kind), ""),
        (true, true) => {
            (Some("v4l2"), ", which sets its rate and takes MJPEG and H.264; `libcamera` reads it as well")
        }
        (false, true) => (Some("libcamera"), ""),
        (false, false) => (
            None,
            "none by itself: it gives no pictures that are read, as the parts of camera modules do, which \
                    are for `libcamera`",
        ),
    }
}

fn used(kind: &'static str, seen: &Seen, other: Option<&Seen>) -> String {
    match best(kind, seen, other) {
        (Some(best), why) => {
            let name = if best == kind { seen } else { other.unwrap_or(seen) };
            let capture = if name.only_encodes { " and capture: h264" } else { "" };
            format!("kind: {best}, with camera: \"{}\"{capture}{why}", name.name)
        }
        (None, why) => why.to_owned(),
    }
}

fn as_text(libcamera: &All, v4l2: &All) -> String {
    let sides = [("libcamera", libcamera, v4l2), ("v4l2", v4l2, libcamera)];
    let parts = sides.map(|(kind, all, others)| match all {
        All::Seen { by, cameras } => {
            let mut text = format!("{by}, {} cameras", cameras.len());
            for (index, seen) in cameras.iter().enumerate() {
                let _ = write!(text, "\n\n{}", one(kind, index, seen, same(seen, others.cameras())));
            }
            text
        }
        All::Failed(why) => why.clone(),
        All::Absent(with) => format!("cameras of `kind: {kind}` are not listed: build again with {with}"),
    });
    parts.join("\n\n")
}

fn one(kind: &'static str, index: usize, seen: &Seen, other: Option<&Seen>) -> String {
    let mut text = match kind {
        "libcamera" => format!("{index}: {}", seen.model),
        _ => seen.model.clone(),
    };
    // Writing to a string succeeds.
    for (heading, line) in &seen.lines {
        let _ = write!(text, "\n   {heading:<8}  {line}");
    }
    if let Some(other) = other {
        let _ = write!(
            text,
            "\n   same as   {} \"{}\"",
            if kind == "v4l2" { "libcamera's" } else { "v4l2's" },
            other.name
        );
    }
    let _ = write!(text, "\n   use       {}", used(kind, seen, other));
    text
}

fn as_json(libcamera: &All, v4l2: &All) -> Json {
    let list = |kind: &'static str, all: &All, others: &All| match all {
        All::Seen { by, cameras } => {
            let one = |seen: &Seen| {
                let other = same(seen, others.cameras());
                let mut json = seen.json.clone();
                json["same_as"] = json!(other.map(|other| other.name.as_str()));
                json["use"] = json!(best(kind, seen, other).0);
                json
            };
            json!({ "by": by, "cameras": cameras.iter().map(one).collect::<Vec<_>>() })
        }
        All::Failed(why) => json!({ "failed": why, "cameras": [] }),
        All::Absent(with) => json!({ "absent": format!("build again with {with}"), "cameras": [] }),
    };
    json!({ "libcamera": list("libcamera", libcamera, v4l2), "v4l2": list("v4l2", v4l2, libcamera) })
}

/// A device is for `v4l2`; any other name for whoever knows it, libcamera first.
fn tried(camera: &str, args: &Args) -> Result<Trial, String> {
    let mut refused = None;
    for (kind, settings) in kinds(camera) {
        match settings {
            Ok(settings) => return Trial::of(kind, &settings, &args.picture),
            Err(why) => refused = refused.or(Some(why)),
        }
    }
    Err(refused.unwrap_or_else(|| {
        format!(
            "a camera called {camera} needs another build: {WITH_V4L2} for devices, else {WITH_LIBCAMERA}"
        )
    }))
}

/// What each kind of this build that `camera` may be for says to it: its settings, or why not.
fn kinds(camera: &str) -> Vec<(&'static dyn NodeKind, Result<Json, String>)> {
    let is_device = camera.starts_with("/dev/");
    let mut kinds: Vec<(&'static dyn NodeKind, Result<Json, String>)> = Vec::new();
    #[cfg(any(feature = "libcamera", feature = "libcamera-0-3"))]
    if !is_device {
        kinds.push((&crate::nodes::libcamera::Libcamera, libcamera_knows(camera)));
    }
    #[cfg(feature = "v4l2")]
    if is_device || !kinds.iter().any(|(_, settings)| settings.is_ok()) {
        kinds.push((&crate::nodes::v4l2::V4l2, v4l2_knows(camera)));
    }
    kinds
}

fn told(trial: &Trial, format: Format) -> String {
    let mut steps: Vec<f64> = trial.steps.iter().map(|step| step.as_secs_f64() * 1e3).collect();
    steps.sort_by(f64::total_cmp);
    let at = |place: usize| steps.get(place).copied().unwrap_or_default();
    let (shortest, middle, longest) = (at(0), at(steps.len() / 2), at(steps.len().saturating_sub(1)));
    let picture = trial.picture.display();
    match format {
        Format::Json => json!({
            "kind": trial.kind,
            "camera": trial.camera,
            "pictures": trial.steps.len() + 1,
            "size": trial.size.to_string(),
            "milliseconds_apart": { "least": shortest, "middle": middle, "most": longest },
            "counters": trial.counters.iter().cloned().collect::<BTreeMap<_, _>>(),
            "picture": picture.to_string(),
        })
        .to_string(),
        Format::Text => {
            let counted: Vec<_> =
                trial.counters.iter().map(|(name, count)| format!("{name} {count}")).collect();
            format!(
                "{} pictures of {} by `kind: {}`, {shortest:.1} to {longest:.1} ms apart, mostly {middle:.1}\n\
                 {}\nthe last one is in {picture}",
                trial.steps.len() + 1,
                trial.size,
                trial.kind,
                counted.join(", "),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(name: &str, other_name: Option<&str>, is_readable: bool) -> Seen {
        let (model, other_name) = ("Door".to_owned(), other_name.map(str::to_owned));
        let (name, only_encodes) = (name.to_owned(), false);
        Seen { name, model, other_name, is_readable, only_encodes, lines: vec![], json: json!({}) }
    }

    fn all(cameras: Vec<Seen>) -> All {
        All::Seen { by: "test".to_owned(), cameras }
    }

    const ID: &str = "\\_SB_.PCI0.S08_-2:1.0-046d:082d";
    const TWIN: &str = "\\_SB_.PCI0.S08_-1:1.0-046d:082d";

    #[test]
    fn a_camera_that_both_see_is_one_and_the_same_and_of_twins_the_right_one() {
        let webcam = seen("/dev/video2", Some(ID), true);
        let twin = seen("/dev/video0", Some(TWIN), true);
        let (id, devices) = (seen(ID, None, true), [twin, webcam]);
        assert_eq!(same(&id, &devices).map(|same| same.name.as_str()), Some("/dev/video2"));
        assert!(same(&devices[0], std::slice::from_ref(&id)).is_none());
        let text = as_text(&all(vec![id]), &all(devices.into_iter().collect()));
        assert!(text.contains("same as   v4l2's \"/dev/video2\""), "{text}");
        assert_eq!(text.matches("same as").count(), 2, "{text}");
    }

    #[test]
    fn the_kind_to_use_is_said_for_each() {
        let json = as_json(
            &all(vec![seen(ID, None, true), seen("/base/imx219", None, true)]),
            &all(vec![seen("/dev/video0", Some(ID), true), seen("/dev/video9", None, false)]),
        );
        let uses = |kind: &str| -> Vec<Json> {
            json[kind]["cameras"].as_array().unwrap().iter().map(|camera| camera["use"].clone()).collect()
        };
        assert_eq!(uses("libcamera"), [json!("v4l2"), json!("libcamera")]);
        assert_eq!(uses("v4l2"), [json!("v4l2"), Json::Null]);
    }

    #[test]
    fn what_a_camera_that_only_encodes_needs_to_be_told_is_part_of_the_advice() {
        let encodes = Seen { only_encodes: true, ..seen("/dev/video0", Some(ID), true) };
        let wanted = "kind: v4l2, with camera: \"/dev/video0\" and capture: h264";
        assert_eq!(used("v4l2", &encodes, None), wanted);
        assert!(used("libcamera", &seen(ID, None, true), Some(&encodes)).starts_with(wanted));
        assert!(!used("v4l2", &seen("/dev/video2", None, true), None).contains("capture"));
    }

    #[test]
    fn what_a_build_cannot_list_is_said_with_how_one_could() {
        let text = as_text(&All::Absent(WITH_LIBCAMERA), &all(vec![]));
        assert!(
            text.starts_with("cameras of `kind: libcamera` are not listed: build again with `--features")
        );
        assert!(text.ends_with("test, 0 cameras"), "{text}");
    }
}
