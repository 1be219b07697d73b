//! MP4 files: where each picture's bytes are, and when it is shown.
//!
//! Owns the walk over the file's boxes and the sample table of its H.264 track, checked against the
//! file: a table that points outside it is a fault with its place. `boxes` finds the tables, and
//! `fragments` makes the same ones of a file in fragments. Other codecs and edits beyond
//! cutting the ends are refused in words.

use std::fs::File;
use std::path::Path;

use re_mp4::{MoovBox, StblBox, StsdBoxContent, TrakBox};

use super::boxes::{Index, h264_track, index};
use super::fragments::Fragments;
use crate::h264::{Sets, Stream};
use crate::media::{Pts, Rate};

/// The names of the boxes an MP4 or QuickTime file may begin with.
pub(super) const BEGINNINGS: [&[u8]; 6] = [b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"];
/// Over a day of video at 60 pictures a second.
pub(super) const MOST_SAMPLES: u64 = 6_000_000;
/// As for the access units of a byte stream.
pub(super) const MOST_SAMPLE: u32 = 16 << 20;

/// The H.264 track of a file.
pub(super) struct Movie {
    pub samples: Vec<Sample>,
    /// From the first picture to the end of the last.
    pub length: Pts,
    /// Where all intervals are the same.
    pub rate: Option<Rate>,
    pub length_bytes: usize,
    pub sets: Sets,
    pub stream: Stream,
    /// Whether pictures are shown in another order than they come in, or some are not shown: then
    /// they cannot be given as they are.
    pub needs_decoding: bool,
}

/// One picture, in the order in which they are decoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub offset: u64,
    pub bytes: u32,
    /// Its place among all pictures of the file, those that are not shown too.
    pub turn: u64,
    /// `None`: decoded because others need it, and not shown.
    pub shown: Option<Shown>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shown {
    /// From the first picture.
    pub pts: Pts,
    /// Its place among those that are shown, from 0.
    pub place: u64,
}

/// # Errors
/// A sentence with the path and the byte.
pub(super) fn read(path: &Path) -> Result<Movie, String> {
    let told = |message: String| format!("{}: {message}", path.display());
    let mut file = File::open(path).map_err(|error| told(format!("it cannot be opened: {error}")))?;
    let length = file.metadata().map_err(|error| told(error.to_string()))?.len();
    let index = index(&mut file, length).map_err(told)?;
    let at = index.at;
    movie(index, length).map_err(|message| told(format!("byte {at}: {message}")))
}

fn movie(index: Index, length: u64) -> Result<Movie, String> {
    let moov = &index.moov;
    let (track, avc) = h264_track(moov).ok_or_else(|| no_h264(moov))?;
    let config = &avc.avcc.contents;
    let sps = config.sequence_parameter_sets.first().filter(|set| !set.bytes.is_empty());
    let sps = sps.ok_or("its H.264 track has no parameter sets")?;
    let stream = Stream::read(&sps.bytes).map_err(|what| format!("its H.264 track {what}"))?;
    let sets = config.sequence_parameter_sets.iter().chain(&config.picture_parameter_sets);
    let (places, times) = tables(&track.mdia.minf.stbl, index.fragments, length)?;
    let edit = Edit::of(track, moov.mvhd.timescale, &times)?;
    let timescale = u64::from(track.mdia.mdhd.timescale);
    if timescale == 0 {
        return Err("its H.264 track has a timescale of 0".into());
    }
    let shown = shown(&times, &edit, timescale);
    let in_order = (0..).zip(&shown).all(|(n, (_, shown))| shown.is_some_and(|shown| shown.place == n));
    let end = times.iter().map(|time| time.at + time.lasts).max().unwrap_or(0).min(edit.end);
    Ok(Movie {
        samples: places
            .into_iter()
            .zip(shown)
            .map(|((offset, bytes), (turn, shown))| Sample { offset, bytes, turn, shown })
            .collect(),
        length: pts(end - edit.start, timescale),
        rate: steady(&times, timescale),
        length_bytes: usize::from(config.length_size_minus_one & 3) + 1,
        sets: Sets::of(sets.map(|set| &set.bytes[..]).filter(|set| !set.is_empty())),
        stream,
        needs_decoding: !in_order,
    })
}

fn no_h264(moov: &MoovBox) -> String {
    let names = moov.traks.iter().map(|track| match &track.mdia.minf.stbl.stsd.contents {
        StsdBoxContent::Av01(_) => "AV1",
        StsdBoxContent::Avc1(_) => "H.264",
        StsdBoxContent::Hvc1(_) | StsdBoxContent::Hev1(_) => "H.265",
        StsdBoxContent::Vp08(_) => "VP8",
        StsdBoxContent::Vp09(_) => "VP9",
        StsdBoxContent::Mp4a(_) => "audio",
        StsdBoxContent::Tx3g(_) => "text",
        StsdBoxContent::Unknown(_) => "something else",
    });
    let names: Vec<&str> = names.collect();
    let has = if names.is_empty() { "nothing".to_owned() } else { names.join(" and ") };
    format!("it has {has}, and only H.264 is read (ffmpeg -i in.mp4 -c:v libx264 out.mp4)")
}

/// Where every sample is, and when.
fn tables(
    stbl: &StblBox,
    fragments: Option<Fragments>,
    length: u64,
) -> Result<(Vec<Place>, Vec<Time>), String> {
    let Some(mut fragments) = fragments else {
        let places = places(stbl, length)?;
        let times = times(stbl, places.len())?;
        return Ok((places, times));
    };
    fragments.cut_at(length);
    match fragments.places.is_empty() {
        true => Err("its H.264 track has no whole picture: the recording ended before the first".to_owned()),
        false => Ok((fragments.places, fragments.times)),
    }
}

/// Offset and size of every sample.
fn places(stbl: &StblBox, length: u64) -> Result<Vec<Place>, String> {
    let sizes = &stbl.stsz;
    let count = u64::from(sizes.sample_count);
    if count == 0 || count > MOST_SAMPLES {
        return Err(format!("its H.264 track has {count} pictures, and 1 to {MOST_SAMPLES} are read"));
    }
    let chunks: Vec<u64> = match (&stbl.stco, &stbl.co64) {
        (Some(short), _) => short.entries.iter().map(|offset| u64::from(*offset)).collect(),
        (None, Some(long)) => long.entries.clone(),
        (None, None) => return Err("its H.264 track does not say where its pictures are".into()),
    };
    let mut places = Vec::new();
    let mut run = 0;
    for (chunk, &start) in (1_u32..).zip(&chunks) {
        while stbl.stsc.entries.get(run + 1).is_some_and(|next| next.first_chunk <= chunk) {
            run += 1;
        }
        let in_chunk = stbl.stsc.entries.get(run).map_or(0, |entry| entry.samples_per_chunk);
        let mut offset = start;
        for _ in 0..in_chunk {
            let number = places.len();
            if number as u64 == count {
                break;
            }
            let bytes = match sizes.sample_size {
                0 => sizes.sample_sizes.get(number).copied().unwrap_or(0),
                same => same,
            };
            let end = offset.checked_add(u64::from(bytes)).filter(|end| *end <= length);
            let end = end.ok_or_else(|| {
                format!("picture {number} is said to be at byte {offset}, past the end of the file: it is cut short")
            })?;
            if bytes > MOST_SAMPLE {
                return Err(format!("picture {number} is said to have {bytes} bytes"));
            }
            places.push((offset, bytes));
            offset = end;
        }
    }
    match places.len() as u64 == count {
        true => Ok(places),
        false => Err(format!("its tables place {} of {count} pictures", places.len())),
    }
}

/// A sample's offset and its bytes.
pub(super) type Place = (u64, u32);

/// When a sample is shown, in the track's ticks.
#[derive(Clone, Copy)]
pub(super) struct Time {
    pub at: i64,
    pub lasts: i64,
}

fn times(stbl: &StblBox, count: usize) -> Result<Vec<Time>, String> {
    let deltas = stbl.stts.entries.iter();
    let deltas = deltas.flat_map(|run| std::iter::repeat_n(run.sample_delta, run.sample_count as usize));
    let offsets = stbl.ctts.iter().flat_map(|ctts| &ctts.entries);
    let mut offsets =
        offsets.flat_map(|run| std::iter::repeat_n(run.sample_offset, run.sample_count as usize));
    let mut decoded = 0;
    let times = deltas.take(count).map(|delta| {
        let at = decoded + i64::from(offsets.next().unwrap_or(0));
        decoded += i64::from(delta);
        Time { at, lasts: i64::from(delta) }
    });
    let times: Vec<Time> = times.collect();
    match times.len() == count {
        true => Ok(times),
        false => Err(format!("its tables time {} of {count} pictures", times.len())),
    }
}

/// The part of a track that is shown, in its ticks.
struct Edit {
    start: i64,
    end: i64,
}

impl Edit {
    fn of(track: &TrakBox, movie_timescale: u32, times: &[Time]) -> Result<Edit, String> {
        let first = times.iter().map(|time| time.at).min().unwrap_or(0);
        let whole = Edit { start: first, end: i64::MAX };
        let list = track.edts.as_ref().and_then(|edts| edts.elst.as_ref());
        // An entry without media is a pause before the first picture: a camera has none.
        let is_pause = |media: u64| media == u64::from(u32::MAX) || media == u64::MAX;
        let entries = list.map_or(&[][..], |list| &list.entries).iter();
        let entries: Vec<_> = entries.filter(|entry| !is_pause(entry.media_time)).collect();
        let entry = match &entries[..] {
            [] => return Ok(whole),
            [entry] if entry.media_rate == 1 => entry,
            several => {
                return Err(format!(
                    "it is edited from {} parts; `ffmpeg -i in.mp4 out.mp4` makes one part of them",
                    several.len()
                ));
            }
        };
        let start = i64::try_from(entry.media_time).unwrap_or(i64::MAX).max(first);
        let ticks = i128::from(entry.segment_duration) * i128::from(track.mdia.mdhd.timescale)
            / i128::from(movie_timescale.max(1));
        // Half a picture more: durations are rounded to the movie's own ticks.
        let slack = times.first().map_or(0, |time| time.lasts / 2);
        let end = match ticks {
            0 => i64::MAX,
            ticks => start.saturating_add(i64::try_from(ticks).unwrap_or(i64::MAX)).saturating_add(slack),
        };
        match times.iter().any(|time| (start..end).contains(&time.at)) {
            true => Ok(Edit { start, end }),
            false => Err("its edit list shows none of its pictures".into()),
        }
    }
}

/// For each sample its turn, and when it is shown.
fn shown(times: &[Time], edit: &Edit, timescale: u64) -> Vec<(u64, Option<Shown>)> {
    let mut order: Vec<usize> = (0..times.len()).collect();
    order.sort_by_key(|n| times[*n].at);
    let mut shown = vec![(0, None); times.len()];
    let mut places = 0..;
    for (turn, n) in (0..).zip(order) {
        let inside = (edit.start..edit.end).contains(&times[n].at);
        let place = if inside { places.next() } else { None };
        let pts = || pts(times[n].at - edit.start, timescale);
        shown[n] = (turn, place.map(|place| Shown { pts: pts(), place }));
    }
    shown
}

fn pts(ticks: i64, timescale: u64) -> Pts {
    let nanos = i128::from(ticks) * 1_000_000_000 / i128::from(timescale);
    Pts::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}

/// The rate that nine in ten intervals show.
fn steady(times: &[Time], timescale: u64) -> Option<Rate> {
    let middle = {
        let mut lasts: Vec<i64> = times.iter().map(|time| time.lasts).collect();
        lasts.sort_unstable();
        lasts[lasts.len() / 2]
    };
    let same = times.iter().filter(|time| time.lasts == middle).count();
    let (frames, seconds) = (u32::try_from(timescale).ok()?, u32::try_from(middle).ok()?);
    let (mut a, mut b) = (frames, seconds);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    let divisor = a.max(1);
    (same * 10 >= times.len() * 9).then(|| Rate::new(frames / divisor, seconds / divisor))?
}
