//! The message that tells a viewer what was found in a picture, keyed by that picture's RTP time.

use serde::Serialize;

use crate::media::{AccessUnit, Detection};

/// The label of the data channel that carries the messages. The viewer opens it, unordered and
/// without retransmission: boxes that come late are worse than none.
pub const CHANNEL: &str = "detections";

/// Detections in one message; the message then stays far below what one SCTP message may be.
const MOST_DETECTIONS: usize = 128;

#[derive(Serialize)]
struct Message<'a> {
    /// The RTP timestamp of the picture.
    rtp: u32,
    pts_ns: i64,
    sequence: u64,
    detections: Vec<Found<'a>>,
}

/// In fractions of the picture.
#[derive(Serialize)]
struct Found<'a> {
    label: &'a str,
    score: f32,
    x: f32,
    y: f32,
    width: f32,
    height: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    track: Option<u64>,
}

impl<'a> From<&'a Detection> for Found<'a> {
    fn from(detection: &'a Detection) -> Found<'a> {
        let region = detection.region;
        Found {
            label: &detection.label,
            score: detection.score,
            x: region.x,
            y: region.y,
            width: region.width,
            height: region.height,
            track: detection.track,
        }
    }
}

/// The message for `unit`, as JSON.
pub fn message(unit: &AccessUnit) -> String {
    let message = Message {
        rtp: unit.pts.media_time().0,
        pts_ns: unit.pts.nanos(),
        sequence: unit.sequence,
        detections: unit.annotations.detections.iter().take(MOST_DETECTIONS).map(Found::from).collect(),
    };
    serde_json::to_string(&message).expect("numbers and text always become JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Annotations, Pts, Region};

    #[test]
    fn a_message_names_its_picture_and_what_was_found_in_it() {
        let detection = Detection {
            label: "motion".into(),
            score: 0.5,
            region: Region { x: 0.25, y: 0.5, width: 0.125, height: 0.25 },
            track: None,
        };
        let annotations = Annotations { detections: vec![detection], ..Annotations::default() };
        let unit = AccessUnit {
            data: [].into(),
            keyframe: true,
            layer: 0,
            pts: Pts::from_nanos(2_000_000_000),
            sequence: 60,
            annotations: annotations.into(),
        };
        assert_eq!(
            message(&unit),
            r#"{"rtp":180000,"pts_ns":2000000000,"sequence":60,"detections":[{"label":"motion","score":0.5,"x":0.25,"y":0.5,"width":0.125,"height":0.25}]}"#
        );
    }
}
