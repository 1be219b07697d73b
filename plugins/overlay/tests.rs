//! What is drawn for what was found.

use framegate_sdk::prelude::*;
use framegate_sdk::testing::{self, Painted, Picture};

use crate::Boxes;

fn painted(settings: &str, found: Vec<Detection>) -> Vec<Painted> {
    let mut plugin: Boxes = testing::configure(settings).unwrap();
    let picture =
        Picture::new(PixelFormat::I420, Size::new(640, 360)).with_detections(found).at(7, 3_725_250_000_000);
    testing::overlay(&mut plugin, &picture).unwrap();
    assert_eq!(picture.crossings(), testing::Crossings::default(), "an overlay sees nothing");
    picture.painted()
}

fn detection(label: &str, x: f32, y: f32) -> Detection {
    let region = Region { x, y, width: 0.25, height: 0.25 };
    Detection { label: label.into(), score: 0.5, region, track: None }
}

fn texts(painted: &[Painted]) -> Vec<&str> {
    fn text(painted: &Painted) -> Option<&str> {
        match painted {
            Painted::Text { text, .. } => Some(text.as_str()),
            _ => None,
        }
    }
    painted.iter().filter_map(text).collect()
}

#[test]
fn a_detection_gets_a_box_and_a_label_that_can_be_read() {
    let painted =
        painted(r##"{"colours": {"car": "#0000a0"}, "size": 16}"##, vec![detection("car", 0.5, 0.5)]);
    let blue = Colour::rgb(0, 0, 160);
    let plate = Rect::new(320, 158, 30, 22);
    let text = Painted::Text { x: 323, y: 161, size: 16, colour: Colour::WHITE, text: "car".into() };
    assert_eq!(
        painted[0],
        Painted::Outline { area: Rect::new(320, 180, 160, 90), thickness: 3, colour: blue }
    );
    assert_eq!(painted[1..], [Painted::Fill { area: plate, colour: blue }, text]);
}

#[test]
fn labels_stay_inside_the_picture() {
    let found = vec![detection("something with a long name", 0.75, 0.0)];
    let plate = painted("{}", found).into_iter().find_map(|painted| match painted {
        Painted::Fill { area, .. } => Some(area),
        _ => None,
    });
    let plate = plate.expect("a label has a background");
    assert!(plate.y >= 0 && plate.x >= 0 && plate.x + plate.width as i32 <= 640, "{plate:?}");
}

#[test]
fn labels_say_the_number_and_the_score_when_asked() {
    let found = vec![Detection { track: Some(4), ..detection("car", 0.1, 0.5) }];
    assert_eq!(texts(&painted(r#"{"scores": true}"#, found.clone())), ["car #4 50%"]);
    assert_eq!(texts(&painted(r#"{"min_score": 0.6}"#, found.clone())), [""; 0]);
    assert_eq!(texts(&painted(r#"{"labels": false}"#, found)), [""; 0]);
}

#[test]
fn a_label_has_one_colour_and_others_have_others() {
    let colours = |labels: [&str; 2]| {
        let found = labels.map(|label| detection(label, 0.1, 0.5)).to_vec();
        let colour = |painted: &Painted| match painted {
            Painted::Outline { colour, .. } => Some(*colour),
            _ => None,
        };
        painted("{}", found).iter().filter_map(colour).collect::<Vec<_>>()
    };
    let [same, again] = colours(["car", "car"])[..] else { panic!("two boxes") };
    assert_eq!(same, again);
    let [car, face] = colours(["car", "face"])[..] else { panic!("two boxes") };
    assert_ne!(car, face);
}

#[test]
fn a_zone_has_the_colour_of_its_family() {
    let painted =
        painted(r##"{"colours": {"motion": "#010203"}}"##, vec![detection("motion/door", 0.1, 0.5)]);
    assert!(matches!(painted[0], Painted::Outline { colour, .. } if colour == Colour::rgb(1, 2, 3)));
}

#[test]
fn text_and_clock_stand_in_their_corner() {
    let settings = r#"{"text": "gate {count} {what}", "clock": true, "corner": "bottom_right", "size": 20}"#;
    let painted = painted(settings, vec![]);
    assert_eq!(texts(&painted), ["gate 0 {what}", "01:02:05.25"]);
    let Painted::Fill { area, .. } = painted[0] else { panic!("the background comes first") };
    assert_eq!((area.x + area.width as i32, area.y + area.height as i32), (632, 352));
}
