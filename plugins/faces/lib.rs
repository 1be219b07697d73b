//! Finds faces with BlazeFace, a small network that the host runs.
//!
//! The picture is looked at in squares (`squares`), the network's numbers become boxes (`blazeface`),
//! and the boxes that mean one face become one (`merge`). No pixel ever comes in here.

mod blazeface;
mod merge;
mod settings;
mod squares;

use blazeface::Face;
use framegate_sdk::Model;
use framegate_sdk::prelude::*;
pub use settings::Settings;

/// What its detections are called.
const LABEL: &str = "face";

pub struct Faces {
    settings: Settings,
    model: Model,
}

impl Plugin for Faces {
    type Settings = Settings;
    const FORMATS: &'static [PixelFormat] = &[];

    fn new(settings: Settings) -> Result<Faces> {
        settings.check()?;
        let model = Model::open(&settings.model)?;
        Ok(Faces { settings, model })
    }
}

impl Detector for Faces {
    fn detect(&mut self, frame: &Frame) -> Result<Vec<Detection>> {
        let mut boxes = Vec::new();
        for square in squares::squares(frame.size, self.settings.levels) {
            let outputs = self.model.run_frame(frame, Some(square))?;
            let faces = blazeface::read(&outputs, self.settings.min_score)?;
            boxes.extend(faces.into_iter().map(|face| (face.score, in_picture(&face, square, frame.size))));
        }
        let faces = merge::merge(boxes, self.settings.overlap);
        Ok(faces.into_iter().map(detection).collect())
    }
}

/// A face in a square of a picture, in fractions of the picture.
fn in_picture(face: &Face, square: Rect, picture: Size) -> Region {
    let (side, width, height) = (square.width as f32, picture.width as f32, picture.height as f32);
    Region {
        x: (square.x as f32 + face.x * side) / width,
        y: (square.y as f32 + face.y * side) / height,
        width: face.width * side / width,
        height: face.height * side / height,
    }
}

fn detection((score, region): merge::Scored) -> Detection {
    Detection { label: LABEL.into(), score: score.clamp(0.0, 1.0), region: region.clipped(), track: None }
}

framegate_sdk::register_detector!(Faces);

#[cfg(test)]
mod tests;
