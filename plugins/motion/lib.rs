//! Finds what moves in front of a still camera.
//!
//! A small luma picture, scaled by the host, is compared with a slowly learned background
//! (`background`). What differs is gathered into cells and grown into boxes (`blobs`), kept to the
//! zones of the settings (`zones`), and followed from picture to picture (`tracks`) so that a box
//! neither blinks nor jumps. Owns the settings and the order of these steps.

mod background;
mod blobs;
mod settings;
mod tracks;
mod zones;

use background::{Background, Change};
use blobs::Grid;
use framegate_sdk::prelude::*;
pub use settings::{Polygon, Settings};
use tracks::Tracks;
use zones::ZoneMap;

pub struct Motion {
    settings: Settings,
    /// `None` until the first frame, whose size decides.
    scene: Option<Scene>,
}

/// What is known of the scene, for pictures of one size.
struct Scene {
    /// Of the frames, not of the small picture.
    size: Size,
    small: Size,
    background: Background,
    grid: Grid,
    zones: ZoneMap,
    tracks: Tracks,
    last_pts_ns: i64,
}

impl Plugin for Motion {
    type Settings = Settings;
    const FORMATS: &'static [PixelFormat] = &[PixelFormat::I420, PixelFormat::Nv12, PixelFormat::Gray8];

    fn new(settings: Settings) -> Result<Motion> {
        settings.check()?;
        Ok(Motion { settings, scene: None })
    }
}

impl Detector for Motion {
    fn detect(&mut self, frame: &Frame) -> Result<Vec<Detection>> {
        let small = frame.size.within(self.settings.detail);
        let luma = frame.sample(None, small, PixelFormat::Gray8)?;
        Ok(self.look(frame.size, small, luma, frame.pts_ns))
    }
}

impl Motion {
    /// What moves in a frame of `size`, told from its brightness scaled to `small`.
    pub fn look(&mut self, size: Size, small: Size, luma: Vec<u8>, pts_ns: i64) -> Vec<Detection> {
        match &mut self.scene {
            Some(scene) if scene.size == size => scene.look(&self.settings, luma, pts_ns),
            _ => {
                self.scene = Some(Scene::new(&self.settings, size, small, luma, pts_ns));
                Vec::new()
            }
        }
    }
}

impl Scene {
    fn new(settings: &Settings, size: Size, small: Size, luma: Vec<u8>, pts_ns: i64) -> Scene {
        let grid = Grid::new(small);
        let zones = ZoneMap::new(&settings.zones, &settings.ignore, grid.columns(), grid.rows());
        let background = Background::new(luma);
        Scene { size, small, background, grid, zones, tracks: Tracks::default(), last_pts_ns: pts_ns }
    }

    fn look(&mut self, settings: &Settings, luma: Vec<u8>, pts_ns: i64) -> Vec<Detection> {
        let elapsed = (pts_ns - self.last_pts_ns).clamp(1_000_000, 1_000_000_000) as f32 / 1e9;
        self.last_pts_ns = pts_ns;
        let blobs = match self.background.compare(luma, settings.threshold, settings.memory / elapsed) {
            Change::Parts => {
                let moved = self.background.moved();
                self.grid.find(moved, &self.zones, settings.merge * self.small.width as f32)
            }
            // The light was switched, or the camera turned: that is not something that moves.
            Change::Everything => {
                framegate_sdk::count("scene_changes", 1);
                Vec::new()
            }
        };
        let large_enough = |region: &Region| region.width * region.height >= settings.min_area;
        let seen = blobs.into_iter().map(|blob| (blob.zone, blob.region(self.small), blob.score()));
        self.tracks.follow(seen.filter(|(_, region, _)| large_enough(region)), settings.steady);
        self.tracks.shown(settings.steady).map(|track| track.detection(&settings.zones)).collect()
    }
}

framegate_sdk::register_detector!(Motion);

#[cfg(test)]
mod tests;
