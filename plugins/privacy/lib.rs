//! Hides what others found, or fixed parts of the picture.
//!
//! An overlay: it never sees what it hides. It claims the role `privacy`, so the host lets no frame
//! past that it has not handled; and where it cannot know what to hide, it hides everything. Owns
//! that decision; `settings` says what to hide, `recent` remembers what was there a moment ago.

mod recent;
mod settings;

use framegate_sdk::prelude::*;
use framegate_sdk::{Restored, Snapshot};
use recent::Recent;
pub use settings::{Mask, Mode, Settings};

/// Tag by which the host says that the detector of this name has looked at this very frame.
const LOOKED: &str = "looked:";

pub struct Privacy {
    settings: Settings,
    recent: Recent,
}

impl Plugin for Privacy {
    type Settings = Settings;
    const FORMATS: &'static [PixelFormat] = &[];
    const ROLES: &'static [&'static str] = &["privacy"];

    fn new(settings: Settings) -> Result<Privacy> {
        settings.check()?;
        Ok(Privacy { settings, recent: Recent::default() })
    }

    /// What was hidden a moment ago stays hidden while settings change.
    fn configure(&mut self, settings: Settings) -> Result<()> {
        settings.check()?;
        self.settings = settings;
        Ok(())
    }
}

impl Overlay for Privacy {
    fn paint(&mut self, canvas: &mut Canvas) -> Result<Verdict> {
        let looked = |detector: &String| canvas.tag(&format!("{LOOKED}{detector}")).is_some();
        if !self.settings.after.iter().all(looked) {
            framegate_sdk::count("unknown_frames", 1);
            self.hide(canvas, Region::WHOLE)?;
            return Ok(Verdict::Pass);
        }
        let found = canvas.detections().into_iter().filter(|found| self.settings.hides(&found.label));
        let regions = found.map(|found| grown(found.region, self.settings.grow));
        self.recent.see(regions, canvas.pts_ns, self.settings.hold);
        for region in self.recent.regions().chain(self.settings.mask.iter().map(Mask::region)) {
            self.hide(canvas, region)?;
        }
        Ok(Verdict::Pass)
    }
}

impl Privacy {
    fn hide(&self, canvas: &mut Canvas, region: Region) -> Result<()> {
        let area = region.to_rect(canvas.size);
        // The picture may be hidden whole, but a face must not keep more detail for being near.
        let longest = area.width.max(area.height);
        let cell = (longest / self.settings.cells).clamp(2, 255) as u8;
        match self.settings.mode {
            Mode::Pixelate => canvas.pixelate(area, cell),
            Mode::Blur => canvas.blur(area, cell),
            Mode::Black => canvas.fill(area, Colour::BLACK),
        }
    }
}

/// With `by` of its own size more on every side, kept inside the picture.
fn grown(region: Region, by: f32) -> Region {
    let (dx, dy) = (region.width * by, region.height * by);
    Region {
        x: region.x - dx,
        y: region.y - dy,
        width: region.width + 2.0 * dx,
        height: region.height + 2.0 * dy,
    }
    .clipped()
}

/// A swap must not bare what was hidden a moment ago.
impl Snapshot for Privacy {
    fn save(&self) -> Vec<u8> {
        self.recent.save()
    }

    fn restore(&mut self, _: &str, saved: &[u8]) -> Restored {
        match Recent::restore(saved) {
            Some(recent) => {
                self.recent = recent;
                Restored::Taken
            }
            None => Restored::Refused,
        }
    }
}

framegate_sdk::register_overlay!(Privacy, snapshot);

#[cfg(test)]
mod tests;
