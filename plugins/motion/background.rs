//! The learned background, and what differs from it.
//!
//! Each pixel has a running mean and a running deviation, so that leaves in the wind raise their
//! own threshold. A change of light that all pixels share is taken out before anything is compared.

/// Brightness is held in 1/128 levels: 255 << 7 still fits an `i16`, and so eight fit a vector.
const BITS: u32 = 7;

/// Of the deviation a pixel starts with, in levels.
const FIRST_DEVIATION: i16 = 2 << BITS;

/// More of the picture than this does not move at once.
const EVERYTHING: f32 = 0.5;

/// How a picture differs from the background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// In places, or nowhere.
    Parts,
    /// Nearly all over: the background was learned anew.
    Everything,
}

pub struct Background {
    mean: Vec<i16>,
    deviation: Vec<i16>,
    /// The picture before, in whole levels.
    last: Vec<u8>,
    /// By how many levels each pixel differs; 0 where it does not.
    moved: Vec<u8>,
    /// 1 where a pixel also changed since the picture before, else 0.
    fresh: Vec<u8>,
}

/// What one comparison found, pixel by pixel.
#[derive(Clone, Copy)]
pub struct Moved<'a> {
    /// By how many levels each pixel differs from the background; 0 where it does not.
    pub levels: &'a [u8],
    /// 1 where a pixel also changed since the picture before, else 0.
    pub fresh: &'a [u8],
}

/// The numbers of one comparison, the same for all pixels.
struct Rule {
    /// The light's own change, in 1/128 levels.
    shift: i16,
    limit: i16,
    /// The mean moves by 1/2^rate of the difference.
    rate: u32,
    /// Levels between two pictures below which a pixel rests.
    rest: u8,
}

impl Background {
    pub fn new(first: Vec<u8>) -> Background {
        Background {
            mean: first.iter().map(|luma| i16::from(*luma) << BITS).collect(),
            deviation: vec![FIRST_DEVIATION; first.len()],
            moved: vec![0; first.len()],
            fresh: vec![0; first.len()],
            last: first,
        }
    }

    /// What the last comparison found.
    pub fn moved(&self) -> Moved<'_> {
        Moved { levels: &self.moved, fresh: &self.fresh }
    }

    /// Compares and learns. `memory` is in pictures.
    pub fn compare(&mut self, luma: Vec<u8>, threshold: u8, memory: f32) -> Change {
        let shift = self.overall_shift(&luma);
        let rule = Rule {
            shift,
            // The more the light has changed, the less its change is the same everywhere.
            limit: (i16::from(threshold) << BITS).saturating_add(shift.saturating_abs() / 2),
            rate: memory.max(1.0).log2().round().clamp(1.0, 10.0) as u32,
            rest: threshold / 3,
        };
        let learned = self.mean.iter_mut().zip(&mut self.deviation);
        let found = self.moved.iter_mut().zip(&mut self.fresh);
        let seen = luma.iter().zip(&self.last);
        for (((mean, deviation), (moved, fresh)), (now, before)) in learned.zip(found).zip(seen) {
            (*moved, *fresh) = rule.learn(mean, deviation, *now, *before);
        }
        self.last = luma;
        match self.moving() as f32 > EVERYTHING * self.moved.len() as f32 {
            true => {
                self.relearn();
                Change::Everything
            }
            false => Change::Parts,
        }
    }

    /// How many pixels moved. In runs whose sum fits a byte: so it is counted sixteen at a time.
    fn moving(&self) -> usize {
        let runs = self.moved.chunks(255).map(|run| run.iter().map(|moved| u8::from(*moved > 0)).sum::<u8>());
        runs.map(usize::from).sum()
    }

    /// The median difference to the background: what moves is the minority and does not count.
    fn overall_shift(&self, luma: &[u8]) -> i16 {
        // Every seventh pixel is enough for a median, and 7 divides few widths.
        const STEP: usize = 7;
        const ZERO: i16 = 256;
        let mut histogram = [0u32; 2 * ZERO as usize];
        // Steps first: over a zip they would walk through all that lies between.
        for (now, mean) in luma.iter().step_by(STEP).zip(self.mean.iter().step_by(STEP)) {
            let level = (mean + (1 << (BITS - 1))) >> BITS;
            histogram[(i16::from(*now) - level + ZERO) as usize] += 1;
        }
        let half = luma.len().div_ceil(STEP) as u32 / 2;
        let mut sum = 0;
        let median = histogram.iter().position(|count| {
            sum += count;
            sum > half
        });
        (median.map_or(0, |index| index as i16 - ZERO)) << BITS
    }

    fn relearn(&mut self) {
        for (mean, now) in self.mean.iter_mut().zip(&self.last) {
            *mean = i16::from(*now) << BITS;
        }
        self.deviation.fill(FIRST_DEVIATION);
    }
}

impl Rule {
    /// One pixel. Without branches, so that the compiler makes vectors of it.
    #[inline(always)]
    fn learn(&self, mean: &mut i16, deviation: &mut i16, now: u8, before: u8) -> (u8, u8) {
        let difference = (i16::from(now) << BITS) - *mean;
        let size = difference.saturating_sub(self.shift).saturating_abs();
        let moves = size > self.limit.saturating_add(*deviation).saturating_add(*deviation);
        // What moves on hardly enters the background; what has come to rest does as anything else:
        // so the place something left does not stay a ghost.
        let fresh = moves & (now.abs_diff(before) > self.rest);
        let step = eased(difference >> self.rate, 4, fresh);
        // A shift rounds down; without this the mean would sink below a resting picture.
        *mean += step + ((difference > 0) & (step == 0)) as i16;
        let surprise = size.min(64 << BITS) - *deviation;
        *deviation += eased(surprise >> self.rate, 3, moves);
        (if moves { (size >> BITS) as u8 } else { 0 }, fresh as u8)
    }
}

/// `step >> by` where `slow`, else `step`. As a mask, because vectors of WebAssembly shift all their lanes
/// alike: a shift of its own for each pixel cost as much as all the rest of this.
#[inline(always)]
fn eased(step: i16, by: u32, slow: bool) -> i16 {
    step - ((step - (step >> by)) & -i16::from(slow))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_differs_and_what_stays_is_learned() {
        let mut background = Background::new(vec![100; 100]);
        let mut picture = vec![100; 100];
        picture[..10].fill(180);
        assert_eq!(background.compare(picture.clone(), 18, 30.0), Change::Parts);
        assert_eq!(background.moving(), 10);
        for _ in 0..200 {
            background.compare(picture.clone(), 18, 30.0);
        }
        assert_eq!(background.moving(), 0);
    }

    #[test]
    fn a_change_of_light_is_no_motion() {
        let mut background = Background::new((0..100).map(|i| 60 + i).collect());
        let brighter: Vec<u8> = (0..100).map(|i| 90 + i).collect();
        background.compare(brighter, 18, 30.0);
        assert_eq!(background.moving(), 0);
    }

    #[test]
    fn something_moving_is_found_in_changed_light() {
        let mut background = Background::new(vec![60; 100]);
        let mut picture = vec![75; 100];
        picture[..10].fill(180);
        background.compare(picture, 18, 30.0);
        assert_eq!(background.moving(), 10);
    }

    #[test]
    fn another_scene_is_learned_at_once() {
        let mut background = Background::new((0..=255).collect());
        let other: Vec<u8> = (0..=255).rev().collect();
        assert_eq!(background.compare(other.clone(), 18, 30.0), Change::Everything);
        background.compare(other, 18, 30.0);
        assert_eq!(background.moving(), 0);
    }

    #[test]
    fn noise_raises_its_own_threshold() {
        let mut background = Background::new(vec![100; 100]);
        let flicker = |frame: u8| {
            let mut picture = vec![100; 100];
            picture[..10].fill(if frame.is_multiple_of(2) { 75 } else { 125 });
            picture
        };
        (0..200).for_each(|frame| _ = background.compare(flicker(frame), 18, 30.0));
        assert_eq!(background.moving(), 0);
    }

    #[test]
    fn a_resting_picture_does_not_drift() {
        let mut background = Background::new(vec![0, 100, 255]);
        (0..500).for_each(|_| _ = background.compare(vec![0, 100, 255], 1, 30.0));
        assert_eq!(background.mean, [0, 100 << BITS, 255 << BITS]);
    }
}
