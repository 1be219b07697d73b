//! What is told to people about a camera: the lines of a bug report.

use super::controls::Known;
use super::versions::{self, api};
use api::camera::Camera;
use api::properties;
use api::stream::StreamRole;

/// One camera as it lies there: nothing is opened to learn this.
#[derive(Clone, Debug)]
pub struct Described {
    pub id: String,
    pub model: String,
    /// Where it is built in, where that is known: `front`, `back`, `external`.
    pub location: Option<&'static str>,
    /// Degrees by which it is mounted turned, where that is known.
    pub rotation: Option<i32>,
    pub offers: Vec<Offer>,
    /// `None` where this generation of the crate cannot ask.
    pub controls: Option<Vec<Known>>,
}

/// A pixel format by libcamera's name, and its sizes.
#[derive(Clone, Debug)]
pub struct Offer {
    pub format: String,
    pub sizes: Vec<(u32, u32)>,
    /// The smallest and the largest, where any size between them goes.
    pub range: ((u32, u32), (u32, u32)),
}

impl Described {
    pub fn of(camera: &Camera<'_>) -> Described {
        let properties = camera.properties();
        Described {
            id: camera.id().to_owned(),
            model: model(camera),
            location: properties.get::<properties::Location>().ok().map(|place| match place {
                properties::Location::CameraFront => "front",
                properties::Location::CameraBack => "back",
                properties::Location::CameraExternal => "external",
            }),
            rotation: properties.get::<properties::Rotation>().ok().map(|degrees| degrees.0),
            offers: offers(camera),
            controls: versions::known(camera),
        }
    }
}

/// Its model, or its id where it has none.
pub fn model(camera: &Camera<'_>) -> String {
    let told = camera.properties().get::<properties::Model>().ok().map(|model| model.0);
    told.unwrap_or_else(|| camera.id().to_owned())
}

fn offers(camera: &Camera<'_>) -> Vec<Offer> {
    let Some(configuration) = camera.generate_configuration(&[StreamRole::VideoRecording]) else {
        return vec![];
    };
    let Some(stream) = configuration.get(0) else { return vec![] };
    let formats = stream.formats();
    let pixels = formats.pixel_formats();
    let all = pixels.into_iter().map(|pixel| {
        let range = formats.range(pixel);
        Offer {
            format: format!("{pixel:?}"),
            sizes: formats.sizes(pixel).into_iter().map(|size| (size.width, size.height)).collect(),
            range: ((range.min.width, range.min.height), (range.max.width, range.max.height)),
        }
    });
    all.collect()
}
