//! What a graph may say about finding faces.

use framegate_sdk::prelude::*;

#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The model to run, by its name in the node's `models`.
    #[schemars(length(min = 1, max = 64))]
    pub model: String,
    /// How sure the model must be. Lower finds more, and more that is no face.
    #[schemars(range(min = 0.05, max = 0.99))]
    pub min_score: f32,
    /// How much of two boxes may be the same before they are one face.
    #[schemars(range(min = 0.05, max = 0.95))]
    pub overlap: f32,
    /// How often the picture is searched, each time in squares of half the side: 1 finds faces from
    /// about a tenth of the picture's height on, each more finds faces of half the size and costs
    /// about four times as much.
    #[schemars(range(min = 1, max = 3))]
    pub levels: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { model: "faces".into(), min_score: 0.5, overlap: 0.3, levels: 1 }
    }
}

impl Settings {
    /// # Errors
    /// When a number is none, or out of its range.
    pub fn check(&self) -> Result<()> {
        for (name, value) in [("min_score", self.min_score), ("overlap", self.overlap)] {
            if !(0.05..=0.99).contains(&value) {
                return Err(Error::invalid(format!("\"{name}\" must be between 0.05 and 0.99, got {value}")));
            }
        }
        match self.levels {
            1..=3 => Ok(()),
            levels => Err(Error::invalid(format!("\"levels\" must be between 1 and 3, got {levels}"))),
        }
    }
}
