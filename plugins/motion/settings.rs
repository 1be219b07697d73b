//! What a graph may say about motion.

use framegate_sdk::prelude::*;

#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// By how many of 255 levels of brightness a spot must differ from the background, beyond its
    /// usual noise.
    #[schemars(range(min = 1, max = 128))]
    pub threshold: u8,
    /// The smallest box reported, as a fraction of the picture's area.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_area: f32,
    /// Seconds after which something that stays where it is becomes background.
    #[schemars(range(min = 0.1, max = 600.0))]
    pub memory: f32,
    /// The longer side of the picture that is looked at, in pixels. More finds smaller things and costs more.
    #[schemars(range(min = 32, max = 640))]
    pub detail: u32,
    /// Boxes nearer to each other than this fraction of the picture's width become one.
    #[schemars(range(min = 0.0, max = 0.5))]
    pub merge: f32,
    /// Pictures something must be seen in before it is reported; it stays reported as long after it was last seen.
    #[schemars(range(min = 1, max = 30))]
    pub steady: u8,
    /// Where to look. Without any, everywhere. In a named zone the label is `motion/NAME`.
    #[schemars(length(max = 32))]
    pub zones: Vec<Zone>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            threshold: 18,
            min_area: 0.0006,
            memory: 2.0,
            detail: 320,
            merge: 0.02,
            steady: 2,
            zones: Vec::new(),
        }
    }
}

/// A part of the picture.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    #[schemars(length(min = 1, max = 48))]
    pub name: String,
    /// The corners of a polygon, in fractions of the picture from its top left.
    #[schemars(length(min = 3, max = 64))]
    pub points: Vec<[f32; 2]>,
    /// Look everywhere but here.
    #[serde(default)]
    pub ignore: bool,
}

impl Settings {
    /// What the schema cannot say, or says to those alone who asked it.
    pub fn check(&self) -> Result<()> {
        let positive = |name: &str, value: f32| match value.is_finite() && value >= 0.0 {
            true => Ok(()),
            false => Err(Error::invalid(format!("\"{name}\" must not be negative, got {value}"))),
        };
        positive("min_area", self.min_area)?;
        positive("merge", self.merge)?;
        positive("memory", self.memory)?;
        if !(32..=640).contains(&self.detail) {
            return Err(Error::invalid(format!(
                "\"detail\" must be between 32 and 640, got {}",
                self.detail
            )));
        }
        self.zones.iter().try_for_each(Zone::check)
    }
}

impl Zone {
    fn check(&self) -> Result<()> {
        if self.name.is_empty() || self.name.len() > 48 {
            return Err(Error::invalid(format!("zone \"{}\" must have a name of 1 to 48 bytes", self.name)));
        }
        if self.points.len() < 3 {
            return Err(Error::invalid(format!(
                "zone \"{}\" needs at least 3 points, got {}",
                self.name,
                self.points.len()
            )));
        }
        let outside = self.points.iter().find(|[x, y]| !(0.0..=1.0).contains(x) || !(0.0..=1.0).contains(y));
        outside.map_or(Ok(()), |[x, y]| {
            Err(Error::invalid(format!(
                "zone \"{}\": points are fractions between 0 and 1, got [{x}, {y}]",
                self.name
            )))
        })
    }
}
