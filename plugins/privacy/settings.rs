//! What a graph may say about hiding.

use framegate_sdk::prelude::*;

#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How a region is hidden. Only `black` leaves nothing to guess from.
    pub mode: Mode,
    /// Squares along the longer side of a pixelated region; blur is as coarse. Fewer hide more.
    #[schemars(range(min = 1, max = 64))]
    pub cells: u32,
    /// Which detections to hide; `motion` also stands for `motion/door`. Empty: all.
    #[schemars(length(max = 64))]
    pub labels: Vec<String>,
    /// How much of its own size a detection's region is widened on every side.
    #[schemars(range(min = 0.0, max = 2.0))]
    pub grow: f32,
    /// Seconds a region stays hidden after it was last reported: a detector may miss a picture.
    #[schemars(range(min = 0.0, max = 60.0))]
    pub hold: f32,
    /// Parts of the picture that are always hidden.
    #[schemars(length(max = 64))]
    pub mask: Vec<Mask>,
    /// Names of the detectors that must have looked at a frame. A frame that one of them has not
    /// seen is hidden whole.
    #[schemars(length(max = 16))]
    pub after: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    #[default]
    Pixelate,
    Blur,
    Black,
}

/// A rectangle in fractions of the picture.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mask {
    #[schemars(range(min = 0.0, max = 1.0))]
    pub x: f32,
    #[schemars(range(min = 0.0, max = 1.0))]
    pub y: f32,
    #[schemars(range(min = 0.0, max = 1.0))]
    pub width: f32,
    #[schemars(range(min = 0.0, max = 1.0))]
    pub height: f32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            mode: Mode::Pixelate,
            cells: 8,
            labels: Vec::new(),
            grow: 0.15,
            hold: 0.5,
            mask: Vec::new(),
            after: Vec::new(),
        }
    }
}

impl Mask {
    pub fn region(&self) -> Region {
        Region { x: self.x, y: self.y, width: self.width, height: self.height }.clipped()
    }
}

impl Settings {
    /// A mistake here would show somebody's face: it is refused, rather than made to fit.
    pub fn check(&self) -> Result<()> {
        if self.cells == 0 {
            return Err(Error::invalid("\"cells\" must be at least 1, got 0"));
        }
        for (name, value) in [("grow", self.grow), ("hold", self.hold)] {
            if !value.is_finite() || value < 0.0 {
                return Err(Error::invalid(format!("\"{name}\" must not be negative, got {value}")));
            }
        }
        let inside = |start: f32, length: f32| start >= 0.0 && length > 0.0 && start + length <= 1.0001;
        let wrong = self.mask.iter().find(|mask| !inside(mask.x, mask.width) || !inside(mask.y, mask.height));
        wrong.map_or(Ok(()), |mask| {
            Err(Error::invalid(format!("a mask must lie in the picture, in fractions of it, got {mask:?}")))
        })
    }

    pub fn hides(&self, label: &str) -> bool {
        let names = |wanted: &String| {
            label.strip_prefix(wanted.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.labels.is_empty() || self.labels.iter().any(names)
    }
}
