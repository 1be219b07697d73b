//! What a graph may say about motion.

use std::collections::BTreeMap;

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
    /// Where to look, by name: the corners of a polygon each. Without any, everywhere. In a zone the
    /// label is `motion/NAME`.
    #[schemars(length(max = 32))]
    pub zones: BTreeMap<String, Polygon>,
    /// Where not to look.
    #[schemars(length(max = 32))]
    pub ignore: Vec<Polygon>,
}

/// Corners in fractions of the picture, from its top left.
pub type Polygon = Vec<[f32; 2]>;

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            threshold: 18,
            min_area: 0.0006,
            memory: 2.0,
            detail: 320,
            merge: 0.02,
            steady: 2,
            zones: BTreeMap::new(),
            ignore: Vec::new(),
        }
    }
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
        if self.zones.len() > 32 || self.ignore.len() > 32 {
            return Err(Error::invalid("there may be at most 32 zones, and 32 to ignore"));
        }
        self.zones.iter().try_for_each(|(name, points)| check_zone(name, points))?;
        self.ignore.iter().try_for_each(|points| check_points("ignore", points))
    }
}

fn check_zone(name: &str, points: &Polygon) -> Result<()> {
    match name.is_empty() || name.len() > 48 {
        true => Err(Error::invalid(format!("zone \"{name}\" must have a name of 1 to 48 bytes"))),
        false => check_points(name, points),
    }
}

fn check_points(name: &str, points: &Polygon) -> Result<()> {
    if points.len() < 3 {
        return Err(Error::invalid(format!("\"{name}\" needs at least 3 points, got {}", points.len())));
    }
    let outside = points.iter().flatten().find(|side| !(0.0..=1.0).contains(*side));
    outside.map_or(Ok(()), |side| {
        Err(Error::invalid(format!("\"{name}\": points are fractions between 0 and 1, got {side}")))
    })
}
