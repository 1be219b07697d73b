//! What the numbers of BlazeFace mean: 896 places where a face may be, each with how sure the network
//! is and where its edges lie against that place.

use framegate_sdk::Tensor;
use framegate_sdk::prelude::*;

/// The side of its input, in whose pixels it tells edges.
const SIDE: f32 = 128.0;
/// Numbers for each place: centre, width and height, and six points of the face, which are not used.
const NUMBERS: usize = 16;
/// Two grids of places: cells along a side, and places in each cell.
const GRIDS: [(usize, usize); 2] = [(16, 2), (8, 6)];

/// A face: its box in fractions of what the network was shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Face {
    pub score: f32,
    pub x: f32,
    pub y: f32,
    pub width: f32,
    pub height: f32,
}

/// All places where the network is at least `min_score` sure of a face.
///
/// # Errors
/// When these are not the outputs of BlazeFace.
pub fn read(outputs: &[Tensor], min_score: f32) -> Result<Vec<Face>> {
    let mut faces = Vec::new();
    for (cells, each) in GRIDS {
        let places = cells * cells * each;
        let (scores, boxes) = (find(outputs, places)?, find(outputs, places * NUMBERS)?);
        for (place, (score, numbers)) in scores.iter().zip(boxes.chunks_exact(NUMBERS)).enumerate() {
            let score = sigmoid(*score);
            // Not-a-number is no face either.
            if score >= min_score {
                let cell = place / each;
                let centre = [cell % cells, cell / cells].map(|at| (at as f32 + 0.5) / cells as f32);
                faces.extend(face(score, centre, numbers));
            }
        }
    }
    Ok(faces)
}

/// An output by how many numbers it has: no two of them have as many.
fn find(outputs: &[Tensor], length: usize) -> Result<&[f32]> {
    let fits = |tensor: &&Tensor| tensor.shape.iter().product::<usize>() == length;
    match outputs.iter().find(fits) {
        Some(tensor) => tensor.floats(),
        None => {
            let shapes: Vec<&[usize]> = outputs.iter().map(|tensor| &tensor.shape[..]).collect();
            Err(Error::unsupported(format!(
                "the model is not BlazeFace for 128x128: it gives {shapes:?}, and none of {length} numbers"
            )))
        }
    }
}

fn face(score: f32, centre: [f32; 2], numbers: &[f32]) -> Option<Face> {
    let (width, height) = (numbers[2] / SIDE, numbers[3] / SIDE);
    let (x, y) = (centre[0] + numbers[0] / SIDE - width / 2.0, centre[1] + numbers[1] / SIDE - height / 2.0);
    let sound = [x, y, width, height].iter().all(|number| number.is_finite()) && width > 0.0 && height > 0.0;
    sound.then_some(Face { score, x, y, width, height })
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}
