//! Following boxes from picture to picture, so that they neither blink nor jump, and have a number.

use std::collections::BTreeMap;

use framegate_sdk::{Detection, Region};

use crate::settings::Polygon;
use crate::zones::ZoneId;

/// How much of a box's change is shown at once: the rest follows in the next pictures.
const QUICKNESS: f32 = 0.6;

pub struct Track {
    id: u64,
    zone: ZoneId,
    /// Where it was last seen: what the next picture is compared with.
    last: Region,
    /// Where it is shown: smoothed, and so a little behind.
    region: Region,
    score: f32,
    /// Pictures it was seen in.
    seen: u32,
    /// Pictures since it was last seen.
    missing: u32,
}

#[derive(Default)]
pub struct Tracks {
    tracks: Vec<Track>,
    next: u64,
}

impl Tracks {
    /// Takes what one picture shows. Tracks not seen for `steady` pictures end.
    pub fn follow(&mut self, seen: impl Iterator<Item = (ZoneId, Region, f32)>, steady: u8) {
        self.tracks.iter_mut().for_each(|track| track.missing += 1);
        for (zone, region, score) in seen {
            match self.nearest(zone, region) {
                Some(track) => track.see(region, score),
                None => {
                    self.next += 1;
                    self.tracks.push(Track {
                        id: self.next,
                        zone,
                        last: region,
                        region,
                        score,
                        seen: 1,
                        missing: 0,
                    });
                }
            }
        }
        self.tracks.retain(|track| track.missing <= steady.into());
    }

    /// Those seen often enough to be believed.
    pub fn shown(&self, steady: u8) -> impl Iterator<Item = &Track> {
        self.tracks.iter().filter(move |track| track.seen >= steady.into())
    }

    /// The track, not seen in this picture yet, that shares most with `region`.
    fn nearest(&mut self, zone: ZoneId, region: Region) -> Option<&mut Track> {
        let free = self.tracks.iter_mut().filter(|track| track.missing > 0 && track.zone == zone);
        let likely =
            free.map(|track| (likeness(track.last, region), track)).filter(|(likeness, _)| *likeness > 0.0);
        likely.max_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, track)| track)
    }
}

impl Track {
    fn see(&mut self, region: Region, score: f32) {
        let blend = |old: f32, new: f32| old + (new - old) * QUICKNESS;
        self.region = Region {
            x: blend(self.region.x, region.x),
            y: blend(self.region.y, region.y),
            width: blend(self.region.width, region.width),
            height: blend(self.region.height, region.height),
        };
        self.last = region;
        self.score = blend(self.score, score);
        self.seen += 1;
        self.missing = 0;
    }

    pub fn detection(&self, zones: &BTreeMap<String, Polygon>) -> Detection {
        let label = self.zone.name(zones).map_or_else(|| "motion".into(), |name| format!("motion/{name}"));
        Detection { label, score: self.score, region: self.region.clipped(), track: Some(self.id) }
    }
}

/// Shared area over area of both; small and fast things that no longer overlap are judged by how
/// near they are for their size.
fn likeness(a: Region, b: Region) -> f32 {
    let shared = |start: f32, length: f32, other: f32, other_length: f32| {
        ((start + length).min(other + other_length) - start.max(other)).max(0.0)
    };
    let overlap = shared(a.x, a.width, b.x, b.width) * shared(a.y, a.height, b.y, b.height);
    if overlap > 0.0 {
        return overlap / (a.width * a.height + b.width * b.height - overlap);
    }
    let distance = |start: f32, length: f32, other: f32, other_length: f32| {
        (start + length / 2.0 - other - other_length / 2.0).abs() / length.max(other_length).max(1e-6)
    };
    let away = distance(a.x, a.width, b.x, b.width).max(distance(a.y, a.height, b.y, b.height));
    // Below every overlap, and nothing from one and a half box lengths on.
    ((1.5 - away) * 1e-3).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f32, y: f32) -> (ZoneId, Region, f32) {
        (ZoneId::NONE, Region { x, y, width: 0.1, height: 0.1 }, 1.0)
    }

    fn shown(tracks: &Tracks) -> Vec<u64> {
        tracks.shown(2).map(|track| track.id).collect()
    }

    #[test]
    fn a_flash_is_not_believed_and_a_gap_is_bridged() {
        let mut tracks = Tracks::default();
        tracks.follow([at(0.1, 0.1)].into_iter(), 2);
        assert_eq!(shown(&tracks), [0; 0]);
        tracks.follow([at(0.12, 0.1)].into_iter(), 2);
        assert_eq!(shown(&tracks), [1]);
        tracks.follow([].into_iter(), 2);
        assert_eq!(shown(&tracks), [1]);
        tracks.follow([].into_iter(), 2);
        tracks.follow([].into_iter(), 2);
        assert_eq!(shown(&tracks), [0; 0]);
    }

    #[test]
    fn two_things_keep_their_numbers_while_they_move() {
        let mut tracks = Tracks::default();
        for step in 0..10 {
            let x = step as f32 * 0.03;
            // The order in which boxes come says nothing.
            let seen =
                if step % 2 == 0 { [at(x, 0.1), at(0.8 - x, 0.6)] } else { [at(0.8 - x, 0.6), at(x, 0.1)] };
            tracks.follow(seen.into_iter(), 2);
        }
        let mut left = tracks.shown(2).map(|track| (track.id, track.region.y)).collect::<Vec<_>>();
        left.sort_by_key(|(id, _)| *id);
        assert_eq!(left, [(1, 0.1), (2, 0.6)]);
    }

    #[test]
    fn a_small_fast_thing_stays_one_track() {
        let mut tracks = Tracks::default();
        for step in 0..5 {
            tracks.follow([at(step as f32 * 0.12, 0.1)].into_iter(), 2);
        }
        assert_eq!(shown(&tracks), [1]);
    }
}
