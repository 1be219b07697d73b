//! What is hidden, for how long, and what happens when nobody knows.

use framegate_sdk::prelude::*;
use framegate_sdk::testing::{self, Painted, Picture};

use crate::Privacy;

const SIZE: Size = Size::new(100, 100);

fn plugin(settings: &str) -> Privacy {
    testing::configure(settings).unwrap()
}

fn face(x: f32) -> Detection {
    let region = Region { x, y: 0.5, width: 0.2, height: 0.2 };
    Detection { label: "face".into(), score: 0.9, region, track: None }
}

/// The areas painted on a frame taken `ms` after the start.
fn hidden(plugin: &mut Privacy, ms: i64, found: Vec<Detection>) -> Vec<Rect> {
    let picture = Picture::new(PixelFormat::I420, SIZE).with_detections(found).at(0, ms * 1_000_000);
    testing::overlay(plugin, &picture).unwrap();
    let area = |painted: Painted| match painted {
        Painted::Pixelate { area, .. } | Painted::Blur { area, .. } | Painted::Fill { area, .. } => area,
        other => panic!("{other:?} hides nothing"),
    };
    picture.painted().into_iter().map(area).collect()
}

#[test]
fn what_was_found_is_hidden_and_a_little_more() {
    let mut plugin = plugin(r#"{"grow": 0.5}"#);
    assert_eq!(hidden(&mut plugin, 0, vec![face(0.5)]), [Rect::new(40, 40, 40, 40)]);
}

#[test]
fn a_region_stays_hidden_when_the_detector_misses_pictures() {
    let mut plugin = plugin(r#"{"grow": 0, "hold": 0.5}"#);
    hidden(&mut plugin, 0, vec![face(0.5)]);
    assert_eq!(hidden(&mut plugin, 400, vec![]).len(), 1);
    assert_eq!(hidden(&mut plugin, 600, vec![]).len(), 0);
}

#[test]
fn where_a_face_was_and_where_it_is_are_both_hidden() {
    let mut plugin = plugin(r#"{"grow": 0, "hold": 0.5}"#);
    hidden(&mut plugin, 0, vec![face(0.5)]);
    assert_eq!(hidden(&mut plugin, 100, vec![face(0.1)]).len(), 2);
    assert_eq!(hidden(&mut plugin, 200, vec![face(0.1)]).len(), 2, "the same place is not painted twice");
}

#[test]
fn more_than_can_be_remembered_hides_everything() {
    let mut plugin = plugin(r#"{"grow": 0}"#);
    let many = (0..1025).map(|index| face(index as f32 / 2000.0)).collect();
    assert_eq!(hidden(&mut plugin, 0, many), [Rect::new(0, 0, 100, 100)]);
}

#[test]
fn a_mask_is_always_hidden() {
    let mut plugin = plugin(r#"{"mode": "black", "mask": [{"x": 0, "y": 0, "width": 0.5, "height": 0.1}]}"#);
    assert_eq!(hidden(&mut plugin, 0, vec![]), [Rect::new(0, 0, 50, 10)]);
}

#[test]
fn only_the_labels_asked_for_are_hidden() {
    let mut plugin = plugin(r#"{"labels": ["face"]}"#);
    let other = Detection { label: "facade".into(), ..face(0.1) };
    let zone = Detection { label: "face/door".into(), ..face(0.5) };
    assert_eq!(hidden(&mut plugin, 0, vec![other, zone]).len(), 1);
}

#[test]
fn a_frame_no_detector_has_looked_at_is_hidden_whole() {
    let mut plugin = plugin(r#"{"after": ["faces"]}"#);
    assert_eq!(hidden(&mut plugin, 0, vec![]), [Rect::new(0, 0, 100, 100)]);

    let picture = Picture::new(PixelFormat::I420, SIZE).with_tag("looked:faces", "");
    testing::overlay(&mut plugin, &picture).unwrap();
    assert_eq!(picture.painted(), []);
}

#[test]
fn detail_does_not_grow_with_the_region() {
    let mut plugin = plugin(r#"{"cells": 5}"#);
    let region = Region { x: 0.0, y: 0.0, width: 1.0, height: 1.0 };
    let picture =
        Picture::new(PixelFormat::I420, SIZE).with_detections(vec![Detection { region, ..face(0.0) }]);
    testing::overlay(&mut plugin, &picture).unwrap();
    assert_eq!(picture.painted(), [Painted::Pixelate { area: Rect::new(0, 0, 100, 100), cell: 20 }]);
}

#[test]
fn settings_that_would_hide_nothing_are_refused() {
    let refused = |settings: &str| testing::configure::<Privacy>(settings).is_err();
    assert!(refused(r#"{"mask": [{"x": 0.9, "y": 0, "width": 0.5, "height": 0.1}]}"#));
    assert!(refused(r#"{"mask": [{"x": 0.9, "y": 0, "width": 0, "height": 0.1}]}"#));
    assert!(refused(r#"{"hold": -1}"#));
    assert!(refused(r#"{"cells": 0}"#));
}

#[test]
fn it_claims_the_role_the_host_fails_closed_for() {
    assert_eq!(Privacy::ROLES, ["privacy"]);
}
