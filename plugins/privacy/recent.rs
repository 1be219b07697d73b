//! What was there a moment ago: a detector that misses one picture must not bare a face.

use framegate_sdk::Region;

/// Memory must end somewhere. No detector reports more in one picture.
const MOST: usize = 1024;

/// A saved region: four fractions and a time, little endian.
const SAVED: usize = 4 * 4 + 8;

#[derive(Debug, Default, PartialEq)]
pub struct Recent {
    /// Regions and when each was last reported, newest first.
    regions: Vec<(Region, i64)>,
}

impl Recent {
    /// Takes what this picture shows, and forgets what is older than `hold` seconds.
    pub fn see(&mut self, found: impl Iterator<Item = Region>, pts_ns: i64, hold: f32) {
        let oldest = pts_ns.saturating_sub((f64::from(hold) * 1e9) as i64);
        let found: Vec<Region> = found.collect();
        // What lies wholly under something newer need not be painted twice.
        self.regions
            .retain(|(region, seen)| *seen >= oldest && !found.iter().any(|newer| covers(newer, region)));
        self.regions.splice(..0, found.into_iter().map(|region| (region, pts_ns)));
        // Forgetting the oldest would bare them.
        if self.regions.len() > MOST {
            self.regions = vec![(Region::WHOLE, pts_ns)];
        }
    }

    pub fn save(&self) -> Vec<u8> {
        let bytes = self.regions.iter().flat_map(|(region, seen)| {
            let sides = [region.x, region.y, region.width, region.height];
            sides.map(f32::to_le_bytes).concat().into_iter().chain(seen.to_le_bytes())
        });
        bytes.collect()
    }

    /// `None` for anything that was not saved here.
    pub fn restore(saved: &[u8]) -> Option<Recent> {
        if !saved.len().is_multiple_of(SAVED) || saved.len() > MOST * SAVED {
            return None;
        }
        let regions = saved.chunks_exact(SAVED).map(|bytes| {
            let side =
                |index: usize| bytes[index * 4..].first_chunk().map(|bytes| f32::from_le_bytes(*bytes));
            let region = Region { x: side(0)?, y: side(1)?, width: side(2)?, height: side(3)? };
            let seen = bytes[4 * 4..].first_chunk().map(|bytes| i64::from_le_bytes(*bytes))?;
            let sides = [region.x, region.y, region.width, region.height];
            sides.iter().all(|side| (0.0..=1.0).contains(side)).then_some((region, seen))
        });
        Some(Recent { regions: regions.collect::<Option<_>>()? })
    }

    pub fn regions(&self) -> impl Iterator<Item = Region> + '_ {
        self.regions.iter().map(|(region, _)| *region)
    }
}

fn covers(outer: &Region, inner: &Region) -> bool {
    outer.x <= inner.x
        && outer.y <= inner.y
        && outer.x + outer.width >= inner.x + inner.width
        && outer.y + outer.height >= inner.y + inner.height
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_restored_and_nothing_else_is() {
        let mut recent = Recent::default();
        let region = Region { x: 0.25, y: 0.5, width: 0.125, height: 0.25 };
        recent.see([region].into_iter(), 42, 1.0);
        assert_eq!(Recent::restore(&recent.save()), Some(recent));
        assert_eq!(Recent::restore(&[1, 2, 3]), None);
        assert_eq!(Recent::restore(&[255; SAVED]), None);
    }
}
