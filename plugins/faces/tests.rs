//! From the numbers of a made-up network to boxes in the picture.

use framegate_sdk::Tensor;
use framegate_sdk::prelude::*;
use framegate_sdk::testing::{self, Input, Picture};

use crate::Faces;

/// Outputs of BlazeFace that are sure of one face: at `cell` of the fine grid, `size` of the square.
fn outputs(cell: (usize, usize), size: f32) -> Vec<Tensor> {
    let place = (cell.1 * 16 + cell.0) * 2;
    let mut scores = vec![-10.0; 512];
    let mut boxes = vec![0.0; 512 * 16];
    // Both places of the cell see it, a pixel apart.
    for (place, shift) in [(place, 0.0), (place + 1, 1.0)] {
        scores[place] = 3.0;
        boxes[place * 16..][..4].copy_from_slice(&[shift, 0.0, size * 128.0, size * 128.0]);
    }
    vec![
        Tensor::of_floats(&[1, 512, 1], scores),
        Tensor::of_floats(&[1, 384, 1], vec![-10.0; 384]),
        Tensor::of_floats(&[1, 512, 16], boxes),
        Tensor::of_floats(&[1, 384, 16], vec![0.0; 384 * 16]),
    ]
}

fn nothing() -> Vec<Tensor> {
    let mut none = outputs((0, 0), 0.1);
    none[0] = Tensor::of_floats(&[1, 512, 1], vec![f32::NAN; 512]);
    none
}

fn find(settings: &str, size: Size) -> Result<Vec<Detection>> {
    let mut plugin: Faces = testing::configure(settings)?;
    testing::detect(&mut plugin, &Picture::new(PixelFormat::I420, size))
}

#[test]
fn a_face_lies_in_the_picture_where_its_square_lies() {
    testing::model("faces", |input| match input {
        Input::Frame(_, Some(square)) if square.x > 0 => Ok(outputs((8, 4), 0.25)),
        _ => Ok(nothing()),
    });
    // Two squares of 100: the right one begins at pixel 25 of 125.
    let found = find("{}", Size::new(125, 100)).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].label, "face");
    assert!((found[0].score - 0.9526).abs() < 0.001);
    let Region { x, y, width, height } = found[0].region;
    // The middle of cell 8 of 16 is 0.53125 of the square, half a pixel of 128 more for the mean of both.
    let right = 0.2 + (0.53125 + 0.5 / 128.0) * 0.8;
    assert!((x + width / 2.0 - right).abs() < 1e-4, "{x} {width}");
    assert!((y + height / 2.0 - 0.28125).abs() < 1e-4, "{y} {height}");
    assert!((width - 0.2).abs() < 1e-4 && (height - 0.25).abs() < 1e-4);
}

#[test]
fn one_face_seen_in_two_squares_is_one_and_two_faces_are_two() {
    // The same place of the picture, told by both squares; and another that only the left one sees.
    testing::model("faces", |input| match input {
        Input::Frame(_, Some(square)) if square.x > 0 => Ok(outputs((4, 8), 0.25)),
        _ => Ok(outputs((8, 8), 0.25)),
    });
    assert_eq!(find("{}", Size::new(125, 100)).unwrap().len(), 1);
    testing::model("faces", |input| match input {
        Input::Frame(_, Some(square)) if square.x > 0 => Ok(outputs((12, 8), 0.25)),
        _ => Ok(outputs((4, 8), 0.25)),
    });
    assert_eq!(find("{}", Size::new(125, 100)).unwrap().len(), 2);
}

#[test]
fn only_who_is_sure_enough_is_told() {
    testing::model("faces", |_| Ok(outputs((8, 8), 0.25)));
    assert_eq!(find(r#"{"min_score": 0.96}"#, Size::new(100, 100)).unwrap().len(), 0);
    assert_eq!(find(r#"{"min_score": 0.95}"#, Size::new(100, 100)).unwrap().len(), 1);
}

#[test]
fn a_box_at_the_edge_is_cut_to_the_picture() {
    testing::model("faces", |_| Ok(outputs((0, 0), 0.5)));
    let Region { x, y, .. } = find("{}", Size::new(100, 100)).unwrap()[0].region;
    assert_eq!((x, y), (0.0, 0.0));
}

#[test]
fn more_levels_look_closer() {
    testing::model("faces", |input| match input {
        Input::Frame(_, Some(square)) if square.width == 50 && square.x == 50 && square.y == 50 => {
            Ok(outputs((8, 8), 0.2))
        }
        _ => Ok(nothing()),
    });
    assert_eq!(find("{}", Size::new(100, 100)).unwrap().len(), 0);
    let found = find(r#"{"levels": 2}"#, Size::new(100, 100)).unwrap();
    assert!((found[0].region.width - 0.1).abs() < 1e-4);
}

#[test]
fn another_model_and_a_model_that_is_not_given_are_told() {
    testing::model("faces", |_| Ok(vec![Tensor::of_floats(&[1, 1000], vec![0.0; 1000])]));
    let error = find("{}", Size::new(100, 100)).unwrap_err();
    assert!(error.message.contains("not BlazeFace") && error.message.contains("1000"), "{error}");
    let error = find(r#"{"model": "other"}"#, Size::new(100, 100)).unwrap_err();
    assert!(error.message.contains("no model \"other\""), "{error}");
}

#[test]
fn settings_out_of_range_are_refused() {
    testing::model("faces", |_| Ok(nothing()));
    for settings in [r#"{"min_score": 2}"#, r#"{"overlap": 0}"#, r#"{"levels": 0}"#, r#"{"levels": 4}"#] {
        assert!(testing::configure::<Faces>(settings).is_err(), "{settings}");
    }
}
