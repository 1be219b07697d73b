//! The learned background, and what differs from it.
//!
//! Each pixel has a running mean and a running deviation, so that leaves in the wind raise their
//! own threshold. A change of light that all pixels share is taken out before anything is compared.
//!
//! Pixels are held in runs of fixed length, and each loop over them is a function of its own that is
//! never made part of another: so a loop asks only once for a run whether its time is up, and finds its
//! values in registers. In one large function they lay on the stack, and all of this took twice as long.

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

/// Pixels that are looked at in one go.
const RUN: usize = 32;

/// So many are counted in one go.
const COUNTED: usize = 128;

pub struct Background {
    /// How many pixels a picture has; the last run may have some more, which count for nothing.
    pixels: usize,
    learned: Vec<Learned>,
    moved: Vec<[Moved; RUN]>,
}

/// What is known of a run.
struct Learned {
    mean: [i16; RUN],
    deviation: [i16; RUN],
    /// The picture before, in whole levels.
    last: [u8; RUN],
}

/// How a pixel differs from the background: in the low byte by how many levels, 0 where it does not, and
/// with [`FRESH`] where it also changed since the picture before. As wide as what is compared, because
/// making vectors narrower takes longer than storing twice as many.
pub type Moved = u16;

pub const FRESH: Moved = 1 << 8;

/// The numbers of one comparison, the same for all pixels.
struct Rule {
    /// The light's own change, in 1/128 levels.
    shift: i16,
    limit: i16,
    /// The mean moves by 1/2^rate of the difference.
    rate: u32,
    /// Levels between two pictures below which a pixel rests.
    rest: i16,
}

impl Background {
    pub fn new(first: Vec<u8>) -> Background {
        let pixels = first.len();
        let learned: Vec<_> = in_runs(first).as_chunks().0.iter().map(|run| Learned::new(*run)).collect();
        let moved = vec![[0; RUN]; learned.len()];
        Background { pixels, learned, moved }
    }

    /// What the last comparison found.
    pub fn moved(&self) -> &[Moved] {
        &self.moved.as_flattened()[..self.pixels]
    }

    /// Compares and learns. `memory` is in pictures.
    pub fn compare(&mut self, luma: Vec<u8>, threshold: u8, memory: f32) -> Change {
        let luma = in_runs(luma);
        let (luma, _) = luma.as_chunks();
        let shift = self.overall_shift(luma);
        let rule = Rule {
            shift,
            // The more the light has changed, the less its change is the same everywhere.
            limit: (i16::from(threshold) << BITS).saturating_add(shift.saturating_abs() / 2),
            rate: memory.max(1.0).log2().round().clamp(1.0, 10.0) as u32,
            rest: i16::from(threshold / 3),
        };
        self.learn(&rule, luma);
        match self.moving() as f32 > EVERYTHING * self.pixels as f32 {
            true => {
                self.learned.iter_mut().for_each(|run| *run = Learned::new(run.last));
                Change::Everything
            }
            false => Change::Parts,
        }
    }

    #[inline(never)]
    fn learn(&mut self, rule: &Rule, luma: &[[u8; RUN]]) {
        for ((learned, now), moved) in self.learned.iter_mut().zip(luma).zip(&mut self.moved) {
            *moved = learned.compare(rule, now);
        }
    }

    /// How many pixels moved.
    #[inline(never)]
    fn moving(&self) -> usize {
        let (whole, rest) = self.moved().as_chunks::<COUNTED>();
        whole.iter().map(|some| moving(some)).sum::<usize>() + moving(rest)
    }

    /// The median difference to the background: what moves is the minority and does not count.
    #[inline(never)]
    fn overall_shift(&self, luma: &[[u8; RUN]]) -> i16 {
        // So many are enough for a median.
        const ENOUGH: usize = 2000;
        const ZERO: i16 = 256;
        let mut histogram = [0u32; 2 * ZERO as usize];
        // Odd, and so not in step with the picture's width.
        let step = (self.pixels / ENOUGH) | 1;
        for pixel in (0..self.pixels).step_by(step) {
            let (run, place) = (pixel / RUN, pixel % RUN);
            let level = (self.learned[run].mean[place] + (1 << (BITS - 1))) >> BITS;
            histogram[(i16::from(luma[run][place]) - level + ZERO) as usize] += 1;
        }
        let half = self.pixels.div_ceil(step) as u32 / 2;
        let mut sum = 0;
        let median = histogram.iter().position(|count| {
            sum += count;
            sum > half
        });
        (median.map_or(0, |index| index as i16 - ZERO)) << BITS
    }
}

/// With pixels added at the end until all runs are whole.
fn in_runs(mut luma: Vec<u8>) -> Vec<u8> {
    luma.resize(luma.len().next_multiple_of(RUN), 0);
    luma
}

/// How many of some pixels moved; no more than [`COUNTED`].
#[inline(always)]
fn moving(some: &[Moved]) -> usize {
    some.iter().map(|moved| u16::from(*moved > 0)).sum::<u16>().into()
}

impl Learned {
    fn new(first: [u8; RUN]) -> Learned {
        Learned {
            mean: first.map(|luma| i16::from(luma) << BITS),
            deviation: [FIRST_DEVIATION; RUN],
            last: first,
        }
    }

    #[inline(always)]
    fn compare(&mut self, rule: &Rule, now: &[u8; RUN]) -> [Moved; RUN] {
        let mut moved = [0; RUN];
        for place in 0..RUN {
            let (mean, deviation) = (&mut self.mean[place], &mut self.deviation[place]);
            moved[place] = rule.learn(mean, deviation, now[place], self.last[place]);
        }
        self.last = *now;
        moved
    }
}

impl Rule {
    /// One pixel. Without branches and in masks, so that the compiler makes vectors of it: those of
    /// WebAssembly shift all their lanes alike, and a choice for each pixel costs them three steps.
    #[inline(always)]
    fn learn(&self, mean: &mut i16, deviation: &mut i16, now: u8, before: u8) -> Moved {
        let (now, before) = (i16::from(now), i16::from(before));
        let difference = (now << BITS) - *mean;
        let signed = difference.saturating_sub(self.shift);
        let size = signed.max(0i16.saturating_sub(signed));
        let usual = self.limit.saturating_add(*deviation).saturating_add(*deviation);
        let moves = is_below(usual, size);
        // What moves on hardly enters the background; what has come to rest does as anything else:
        // so the place something left does not stay a ghost.
        let fresh = moves & -i16::from((now - before).abs() > self.rest);
        // A shift rounds down; without the least step the mean would sink below a resting picture.
        *mean += eased(difference >> self.rate, 4, fresh).max(difference.min(1));
        let surprise = size.min(64 << BITS) - *deviation;
        *deviation += eased(surprise >> self.rate, 3, moves);
        ((size >> BITS) & moves) as Moved | (fresh as Moved & FRESH)
    }
}

/// All bits where `a` is less than `b`, else none.
#[inline(always)]
fn is_below(a: i16, b: i16) -> i16 {
    a.saturating_sub(b) >> 15
}

/// `step >> by` where `slow` has all bits, `step` where it has none.
#[inline(always)]
fn eased(step: i16, by: u32, slow: i16) -> i16 {
    step - ((step - (step >> by)) & slow)
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
        assert_eq!(background.learned[0].mean[..3], [0, 100 << BITS, 255 << BITS]);
    }
}
