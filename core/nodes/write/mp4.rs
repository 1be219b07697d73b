//! Encoded video as MP4 in fragments (ISO/IEC 14496-12 §8.8, samples as ISO/IEC 14496-15 §5 has them).
//!
//! Owns what is in the file: the header once, then fragments of at most about a second, each begun by
//! a keyframe where there is one. A fragment is whole when it is written, so a file that ends anywhere
//! plays to its last whole one. Every picture stands at its own time; it lasts until the next one, so
//! that a player which adds up durations agrees with one that reads when each fragment begins.
//!
//! A file has one set of parameters, in its header, where every player looks; players differ over
//! those that change among the pictures. Who writes begins another file instead (see [`Movie::takes`]).
//! The boxes have their own page.

mod boxes;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mp4_atom::{Mdat, TrunEntry, TrunSamples};

pub use boxes::whole;
use boxes::{MDAT_HEADER, avcc, header, laid_out, moof, padding};

use crate::h264::Stream;
use crate::media::annex_b::{self, DELIMITER, END_OF_STREAM, FILLER, PPS, SPS};
use crate::media::{AccessUnit, Pts};

/// Ticks a second: RTP's for video, in which the usual rates are whole.
const TIMESCALE: u32 = 90_000;
/// Ticks after which a fragment ends without a keyframe.
const LONGEST: u64 = TIMESCALE as u64;
/// Bytes after which it ends, whatever its time.
const LARGEST: usize = 64 << 20;
/// What a picture may last: durations have 32 bits, and some players take them for signed ones. After
/// a longer gap only the beginning of the next fragment tells the time.
const LONGEST_PICTURE: u64 = i32::MAX as u64;
/// A picture of which nothing is known.
const USUAL: Duration = Duration::from_nanos(33_333_333);
/// What systems store at once: a file whose end was lost ends at a multiple of it.
const PAGE: u64 = 4096;
/// `sample_depends_on` 2: a keyframe; 1, and `sample_is_non_sync_sample`: any other (§8.8.3.1).
const KEYFRAME: u32 = 0x0200_0000;
const OTHER: u32 = 0x0101_0000;
/// From 1904 to 1970, in seconds (§8.2.2.3).
const SINCE_1904: u64 = 2_082_844_800;

/// A file that has begun.
pub struct Movie {
    sets: Vec<Vec<u8>>,
    /// Until the first fragment is whole: a header alone would be a file of nothing.
    header: Vec<u8>,
    /// In the fragments so far.
    bytes: u64,
    first: Pts,
    /// Of the fragment under way, from 1.
    number: u32,
    /// When the fragment under way begins, and its last picture, in ticks.
    began: u64,
    last: u64,
    /// How long the picture before the last one lasted.
    usual: Option<u32>,
    samples: Vec<TrunEntry>,
    payload: Vec<u8>,
}

impl Movie {
    /// A file that begins with `unit`, which has still to be [pushed](Movie::push); `None` when nothing
    /// can begin there: it is no keyframe, or comes without its parameter sets. `epoch` is when PTS zero
    /// was, where that is known.
    ///
    /// # Errors
    /// What cannot be written, as the end of a sentence that begins with the name of the stream.
    pub fn begin(unit: &AccessUnit, epoch: Option<SystemTime>) -> Result<Option<Movie>, String> {
        let of = |kind| units_of(unit, kind).map(<[u8]>::to_vec).collect::<Vec<_>>();
        let (sps, pps) = (of(SPS), of(PPS));
        if !unit.keyframe || sps.is_empty() || pps.is_empty() {
            return Ok(None);
        }
        let size = Stream::read(&sps[0])?.size;
        let avcc = avcc(&sps, &pps)?;
        let created = epoch.map_or(0, |epoch| {
            let captured = epoch + unit.pts.since(Pts::ZERO);
            captured.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() + SINCE_1904)
        });
        Ok(Some(Movie {
            sets: [sps, pps].concat(),
            header: header(size, avcc, created),
            bytes: 0,
            first: unit.pts,
            number: 1,
            began: 0,
            last: 0,
            usual: None,
            samples: Vec::new(),
            payload: Vec::new(),
        }))
    }

    /// Whether `unit` goes on with the parameter sets of this file, or without any.
    pub fn takes(&self, unit: &AccessUnit) -> bool {
        annex_b::units(&unit.data)
            .filter(|unit| is_set(unit))
            .all(|set| self.sets.iter().any(|own| own == set))
    }

    /// Takes a picture in. Gives the fragment that is whole by that, empty when none is.
    pub fn push(&mut self, unit: &AccessUnit) -> Vec<u8> {
        let at = self.payload.len();
        for unit in annex_b::units(&unit.data).filter(|unit| belongs_in_sample(unit)) {
            self.payload.extend_from_slice(&(unit.len() as u32).to_be_bytes());
            self.payload.extend_from_slice(unit);
        }
        if self.payload.len() == at {
            return Vec::new();
        }
        let sample = self.payload.split_off(at);
        let tick = self.tick(unit.pts);
        let is_next = unit.keyframe || tick - self.began >= LONGEST || at + sample.len() > LARGEST;
        self.close_picture(tick - self.last);
        let whole = if is_next { self.fragment() } else { Vec::new() };
        if self.samples.is_empty() {
            self.began = tick;
        }
        self.samples.push(TrunEntry {
            duration: None,
            size: Some(sample.len() as u32),
            flags: Some(if unit.keyframe { KEYFRAME } else { OTHER }),
            cts: None,
        });
        self.payload.extend_from_slice(&sample);
        self.last = tick;
        whole
    }

    /// The last fragment. Its last picture lasts as long as the one before it, unless a gap came
    /// between; then, or when it is the only one, as the stream's rate has it.
    pub fn finish(&mut self, interval: Option<Duration>) -> Vec<u8> {
        let by_rate = ticks(interval.unwrap_or(USUAL));
        let usual = self.usual.map(u64::from).filter(|usual| *usual <= LONGEST.max(2 * by_rate));
        self.close_picture(usual.unwrap_or(by_rate));
        self.fragment()
    }

    /// When a picture is due in the file. Times rise by a tick at least: no picture may last none.
    fn tick(&self, pts: Pts) -> u64 {
        let tick = ticks(pts.since(self.first));
        if self.samples.is_empty() && self.number == 1 { tick } else { tick.max(self.last + 1) }
    }

    fn close_picture(&mut self, lasts: u64) {
        if let Some(picture) = self.samples.last_mut() {
            let lasts = lasts.clamp(1, LONGEST_PICTURE) as u32;
            picture.duration = Some(lasts);
            self.usual = Some(lasts);
        }
    }

    /// The fragment under way as it stands in the file, the header before the first.
    fn fragment(&mut self) -> Vec<u8> {
        if self.samples.is_empty() {
            return Vec::new();
        }
        let samples = TrunSamples::Explicit(std::mem::take(&mut self.samples));
        let mut moof = moof(self.number, self.began, samples);
        // Where the samples begin is told in it, and its size does not depend on what is told.
        let length = laid_out(&moof, Vec::new()).len();
        moof.traf[0].trun[0].data_offset = Some((length + MDAT_HEADER) as i32);
        let mut bytes = std::mem::take(&mut self.header);
        // Some players do not open a file that ends within this box, and skip what ends before.
        padding(&mut bytes, self.bytes, length as u64, PAGE);
        bytes = laid_out(&moof, bytes);
        self.number = self.number.wrapping_add(1);
        bytes = laid_out(&Mdat { data: std::mem::take(&mut self.payload) }, bytes);
        self.bytes += bytes.len() as u64;
        bytes
    }
}

fn ticks(time: Duration) -> u64 {
    let ticks = (time.as_nanos() * u128::from(TIMESCALE) + 500_000_000) / 1_000_000_000;
    u64::try_from(ticks).unwrap_or(u64::MAX / 2)
}

fn units_of(unit: &AccessUnit, kind: u8) -> impl Iterator<Item = &[u8]> {
    annex_b::units(&unit.data).filter(move |unit| annex_b::kind(unit) == kind)
}

fn is_set(unit: &[u8]) -> bool {
    matches!(annex_b::kind(unit), SPS | PPS)
}

/// Parameter sets stand in the header, and what only parts a byte stream is of no use (14496-15 §5.3.2).
fn belongs_in_sample(unit: &[u8]) -> bool {
    !matches!(annex_b::kind(unit), SPS | PPS | DELIMITER | END_OF_STREAM | FILLER)
}

#[cfg(test)]
mod tests;
