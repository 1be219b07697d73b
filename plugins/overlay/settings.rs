//! What a graph may say about the drawing.

use std::collections::BTreeMap;

use framegate_sdk::prelude::*;

#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Draw a box around each detection.
    pub boxes: bool,
    /// Write each detection's label at its box.
    pub labels: bool,
    /// Add the score to the label, in percent.
    pub scores: bool,
    /// Only what is at least this sure.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_score: f32,
    /// Width of the boxes' lines, in pixels.
    #[schemars(range(min = 1, max = 32))]
    pub thickness: u8,
    /// Height of the text in pixels; 0 chooses by the picture.
    #[schemars(range(min = 0, max = 128))]
    pub size: u8,
    /// Colours by label. Others get one each from a palette.
    pub colours: BTreeMap<String, Colour>,
    /// A text in the corner. `{time}` is the picture's time, `{sequence}` its number, `{count}` how
    /// many detections it has, `{tag:KEY}` a tag.
    #[schemars(length(max = 256))]
    pub text: String,
    /// The picture's time in the corner.
    pub clock: bool,
    /// Where text and clock stand.
    pub corner: Corner,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Corner {
    #[default]
    TopLeft,
    TopRight,
    BottomLeft,
    BottomRight,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            boxes: true,
            labels: true,
            scores: false,
            min_score: 0.0,
            thickness: 3,
            size: 0,
            colours: BTreeMap::new(),
            text: String::new(),
            clock: false,
            corner: Corner::TopLeft,
        }
    }
}

/// Told apart easily, and readable on most pictures.
const PALETTE: [Colour; 8] = [
    Colour::rgb(255, 196, 0),
    Colour::rgb(0, 200, 255),
    Colour::rgb(120, 230, 80),
    Colour::rgb(255, 90, 90),
    Colour::rgb(200, 130, 255),
    Colour::rgb(255, 140, 0),
    Colour::rgb(0, 220, 170),
    Colour::rgb(255, 120, 200),
];

impl Settings {
    /// The same label has the same colour in every picture and every run. What has none of its own
    /// takes that of its family: `motion/door` that of `motion`.
    pub fn colour(&self, label: &str) -> Colour {
        let family = label.split_once('/').map_or(label, |(family, _)| family);
        if let Some(colour) = self.colours.get(label).or_else(|| self.colours.get(family)) {
            return *colour;
        }
        let hash = label.bytes().fold(0u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        PALETTE[hash as usize % PALETTE.len()]
    }

    /// One part in thirty of the picture's height, where none is set.
    pub fn text_size(&self, picture: Size) -> u8 {
        match self.size {
            0 => (picture.height / 30).clamp(12, 64) as u8,
            size => size,
        }
    }
}
