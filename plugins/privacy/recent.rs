//! What was there a moment ago: a detector that misses one picture must not bare a face.

use framegate_sdk::Region;

/// Memory must end somewhere. No detector reports more in one picture.
const MOST: usize = 1024;

#[derive(Default)]
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
